/// A VM with two memslots, two vCPUs, an ioctl thread, a mmu notifier and RCU, stepped under an explicit schedule.
///
/// Each agent is a state machine over kernel functions; a schedule says whose micro-step is next. What excludes what is the
/// kernel's own: mmu_lock, SRCU, the notifier's count, the invalidation sequence, requests and kicks, RCU. The checks are the
/// kernel's assertions and damage: a guest that reaches a freed frame or a freed table, a write that no log shows.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, arch/x86/kvm/mmu/mmu.c, arch/x86/kvm/x86.c (vcpu_enter_guest).
package struct MMUHost: Sendable {
  /// First frame and pages that guests use, by slot.
  package static let slots: [UInt64] = [0x1000, 0x2000]
  package static let pagesPerSlot: UInt64 = 32

  /// A memslot as its readers see it.
  package enum SlotState: Hashable, Sendable {
    case present
    case invalid
    case absent
  }

  package var mmu: TDPMMU
  package var memory = HostMemory()
  package var slots: [SlotState] = [.present, .present]
  /// `KVM_MEM_LOG_DIRTY_PAGES`, by slot.
  package var isLogged = [false, false]
  /// The dirty bitmap, by guest frame.
  package var dirty: Set<UInt64> = []
  /// Frames whose next write must show in the log: protection and its flush are through.
  package var armed: Set<UInt64> = []
  package var vcpus: [VCPUAgent]
  package var ioctl = IoctlAgent()
  package var notifier = NotifierAgent()
  /// `mn_active_invalidate_count`.
  package var activeInvalidations = 0
  /// Whether the schedule is over: agents finish what they do and begin nothing.
  var isEnding = false
  /// Counts memslot swaps that readers can see.
  package var slotEpoch = 0
  /// Whether vCPUs enter and leave system management mode: the same slots through another root.
  package var usesSystemManagement = false
  /// What a tracer would have recorded; nil when nobody listens.
  package var recording: [RecordedEvent]?
  /// Random choices of the agents' scripts.
  package var choices: ScheduleRandom

  package init(_ version: KernelVersion, seed: UInt64, faults: Set<InjectedFault> = []) {
    mmu = TDPMMU(version, .npt)
    mmu.faults = faults
    mmu.isSlotsLockHeld = false
    vcpus = [VCPUAgent(0), VCPUAgent(1)]
    choices = ScheduleRandom(seed: seed)
  }

  /// Notes an event for the tracer.
  mutating func record(_ agent: Int, _ content: RecordedEvent.Content) {
    recording?.append(RecordedEvent(agent: agent, content: content))
  }

  /// The slot that a frame lies in.
  static func slot(of gfn: UInt64) -> Int? {
    slots.firstIndex { $0 <= gfn && gfn < $0 + 512 }
  }

  /// The frames of a slot.
  static func range(of slot: Int) -> FrameRange { FrameRange(start: slots[slot], end: slots[slot] + 512) }

  /// Asks every vCPU to flush, and those in the guest to leave it.
  mutating func requestFlush() {
    for index in vcpus.indices {
      vcpus[index].mustFlush = true
      vcpus[index].isKicked = vcpus[index].isInGuest
    }
  }

  /// Asks every vCPU to drop an obsolete root.
  mutating func requestReload() {
    for index in vcpus.indices {
      vcpus[index].mustReload = true
      vcpus[index].isKicked = vcpus[index].isInGuest
    }
  }

  /// Whether some kicked vCPU has not left the guest yet.
  var awaitsExits: Bool { vcpus.contains { $0.isKicked } }

  /// One micro-step of an agent: 0 and 1 are vCPUs, 2 the ioctl thread, 3 the notifier, 4 RCU.
  package mutating func step(_ agent: Int) {
    switch agent {
    case 0, 1: stepVCPU(agent)
    case 2: stepIoctl()
    case 3: stepNotifier()
    default: stepRCU()
    }
  }

  /// How many agents there are.
  package static let agentCount = 5

  /// A grace period ends when nobody is inside a read section.
  private mutating func stepRCU() {
    guard !mmu.graveyard.isEmpty, vcpus.allSatisfy({ $0.fault == nil }), !ioctl.isWalking, !notifier.isWalking else {
      return
    }
    mmu.endGracePeriod(mmu.graveyard.count)
  }
}

/// An event as a tracer records it: whose, and what.
package struct RecordedEvent: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    case mmu(TraceEvent)
    case fault(vcpu: Int, address: UInt64, code: UInt64)
    case entry(vcpu: Int)
    case unmap(FrameRange)
  }

  package let agent: Int
  package let content: Content
}

/// A small generator with a seed (SplitMix64).
package struct ScheduleRandom: Hashable, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number below `bound`.
  package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
