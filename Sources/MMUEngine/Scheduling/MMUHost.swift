/// What is special about a VM and its host.
package struct HostFeatures: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `nx_huge_pages`: huge pages are not executable, and guests fetch.
  package static let hugePageMitigation = HostFeatures(rawValue: 1)
  /// KVM_X86_SW_PROTECTED_VM: frames have attributes, and the second slot has a guest_memfd.
  ///
  /// One tree maps both kinds; the attribute of a frame says which one an access is meant for.
  package static let privateMemory = HostFeatures(rawValue: 2)
}

/// A VM with two memslots, two vCPUs, an ioctl thread, a mmu notifier, the NX recovery worker and RCU, stepped under an explicit
/// schedule.
///
/// Each agent is a state machine over kernel functions; a schedule says whose micro-step is next. What excludes what is the
/// kernel's own: mmu_lock, SRCU, the notifier's count, the invalidation sequence, requests and kicks, RCU. The checks are the
/// kernel's assertions and damage: a guest that reaches a freed frame or a freed table, a write that no log shows.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, arch/x86/kvm/mmu/mmu.c, arch/x86/kvm/x86.c (vcpu_enter_guest).
package struct MMUHost: ScheduledHost {
  /// First frame and pages that guests use, by slot.
  package static let slots: [UInt64] = [0x1000, 0x2000]
  package static let pagesPerSlot: UInt64 = 32

  /// A memslot as its readers see it.
  package enum SlotState: Hashable, Sendable {
    case present
    case invalid
    case absent
  }

  package let features: HostFeatures
  package var mmu: TDPMMU
  package var memory = HostMemory()
  package var slots: [SlotState] = [.present, .present]
  /// Which frames are private; all zapping and storing is the ioctl thread's.
  package var attributes = MemoryAttributes()
  /// Whether the second slot, or one that is on its way out, is bound to the file.
  var isBound: Bool
  /// `KVM_MEM_LOG_DIRTY_PAGES`, by slot; never of one with a file.
  package var isLogged = [false, false]
  /// The dirty bitmap, by guest frame.
  package var dirty: Set<UInt64> = []
  /// Frames whose next write must show in the log: protection and its flush are through.
  package var armed: Set<UInt64> = []
  package var vcpus: [VCPUAgent]
  package var ioctl = IoctlAgent()
  package var notifier = NotifierAgent()
  package var worker = RecoveryWorker()
  /// `mn_active_invalidate_count`.
  package var activeInvalidations = 0
  /// Whether the schedule is over: agents finish what they do and begin nothing.
  var isEnding = false
  /// The RMP and the guest that it is about; nil for every other kind of VM.
  package internal(set) var snp: SNPGuest?
  /// A TD's building; nothing is left to do in one that runs from the beginning.
  package internal(set) var building = TrustDomainBuilding()
  /// How many pages a TD has accepted.
  package internal(set) var accepts = 0
  /// Private frames that a TD has accepted and that nobody has had a reason to take away since.
  var accepted: Set<UInt64> = []
  /// Whether guests have events, which end a TD's fault that is tried over and over.
  package var events = GuestEvents.sometimes
  /// Counts memslot swaps that readers can see.
  package var slotEpoch = 0
  /// Whether vCPUs enter and leave system management mode: the same slots through another root. Not with private memory.
  package var usesSystemManagement = false
  /// What a tracer would have recorded; nil when nobody listens.
  package var recording: [RecordedEvent]?
  /// Random choices of the agents' scripts.
  package var choices: ScheduleRandom

  package init(
    _ version: KernelVersion, seed: UInt64, features: HostFeatures = [], faults: Set<InjectedFault> = []
  ) {
    self.features = features
    isBound = features.contains(.privateMemory)
    mmu = TDPMMU(version, .npt)
    mmu.faults = faults
    mmu.isSlotsLockHeld = false
    mmu.format.splitsExecutableHugePages = features.contains(.hugePageMitigation)
    vcpus = [VCPUAgent(0), VCPUAgent(1)]
    choices = ScheduleRandom(seed: seed)
    // What is special is about huge pages: they are there from the beginning.
    if !features.isEmpty { for slot in Self.slots { memory.collapse(slot) } }
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
      if mmu.has(.flushWithoutKick) { continue }
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
  var awaitsExits: Bool { vcpus.contains { $0.isKicked } || mmu.secureEPT?.vm?.awaitsExits == true }

  /// Whether guests say which kind of page they mean.
  var saysKind: Bool { snp != nil || isTrustDomain }

  /// Whether a slot has a guest_memfd.
  func hasFile(_ slot: Int) -> Bool { features.contains(.privateMemory) && slot == 1 }

  /// Agents inside of an SRCU read section: faults, and the recovery worker.
  var memslotReaders: Set<Int> {
    Set(vcpus.indices.filter { vcpus[$0].isInKernel } + (worker.recovery == nil ? [] : [RecoveryWorker.agent]))
  }

  /// One micro-step of an agent: 0 and 1 are vCPUs, 2 the ioctl thread, 3 the notifier, 4 RCU, 5 the NX recovery worker.
  package mutating func step(_ agent: Int) {
    switch agent {
    case 0, 1: stepVCPU(agent)
    case 2: stepIoctl()
    case 3: stepNotifier()
    case RecoveryWorker.agent: stepWorker()
    default: stepRCU()
    }
  }

  /// How many agents there are.
  package static let agentCount = 6

  package mutating func collectChecks() -> [EngineCheck] { mmu.collectChecks() }

  /// A grace period ends when nobody is inside a read section.
  private mutating func stepRCU() {
    guard !mmu.graveyard.isEmpty, !vcpus.contains(where: \.isInKernel), !ioctl.isWalking, !notifier.isWalking,
      worker.recovery == nil
    else { return }
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
