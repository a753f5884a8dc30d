/// A TD's private memory under an explicit schedule: two vCPUs on the TDX module, and a thread that takes leaves away.
///
/// The vCPUs enter, sometimes under zero-step mitigation, accept pages, use them through the module's own TLBs, and fault on a
/// `TDPMMU` with a mirror root. The thread punches holes, converts frames, deletes the memslot and makes it again; one thread
/// stands for as many as there may be, for all of these hold slots_lock or the file's invalidate_lock. What excludes what is
/// the kernel's: mmu_lock, FROZEN, the invalidation sequence, SRCU, `wait_for_sept_zap`. Deviations are `KernelPolicy`'s.
/// Checks: what mmu and module report, and that mirror and Secure-EPT agree whenever a fault or a zap has ended.
/// A TD that is still being built has no vCPU in the guest; the thread adds pages of the initial image as well, and a further
/// agent finalizes the TD (`TrustDomainHost+Building`).
/// Abstraction: there is no shared memory, and the file's pages are few; `MMUHost` has a TD that runs with both halves.
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_run, tdx_handle_ept_violation; virt/kvm/guest_memfd.c, kvm_main.c.
package struct TrustDomainHost: ScheduledHost {
  /// The memslot's frames; those that guests use come first.
  package static let slot = FrameRange(start: 0x1000, end: 0x1200)
  package static let pages = 12

  struct VCPU: Sendable {
    var root = TableID.none
    var mirrorRoot = TableID.none
    var fault: PageFault?
    var gfn: GFN?
  }

  /// Where a schedule begins.
  package enum Start: Hashable, Sendable, CaseIterable {
    case running
    /// Before KVM_TDX_FINALIZE_VM, which waits for a zap that has begun.
    case building
    /// The same with kernels as they are: FINALIZE takes no lock that a hole punch holds.
    case buildingUnordered
  }

  enum Phase: Hashable, Sendable {
    case idle
    /// KVM_TDX_INIT_MEM_REGION, with slots_lock and the file's invalidate_lock.
    case populate
    case lock
    case walk
    case flush
    case unlock
    case truncate
    case relock
    case convert
    /// The slot is INVALID or gone; faults that may still know it otherwise have to end.
    case synchronize(readers: Set<Int>, then: MMUHost.SlotState)
  }

  package var mmu: TDPMMU
  let policy: KernelPolicy
  var slotState = MMUHost.SlotState.present
  var attributes = MemoryAttributes()
  /// The file's pages.
  var file: [GFN: PFN] = [:]
  var vcpus = [VCPU(), VCPU()]
  var phase = Phase.idle
  var hole = GFN(0)
  var isDeleting = false
  var walk: RootsWalk?
  var conversion: AttributeChange?
  var isEnding = false
  let start: Start
  /// The fault by which a page of the initial image is mapped.
  var imageFault: PageFault?
  /// Pages of the initial image that are there; most kernels do not take such a page again (`KernelVersion.preparedImagePage`).
  var image: Set<GFN> = []
  /// How many pages were not taken for the image, because they are there.
  package internal(set) var refusedImagePages = 0
  /// How many pages the initial image has had.
  package internal(set) var imagePages = 0
  /// Leaves that came and went.
  package var statistics: MMUStatistics { mmu.statistics }
  var choices: ScheduleRandom
  /// Whether guests have events, which end a fault that is tried over and over.
  package var events = GuestEvents.sometimes

  /// Requires: a kernel that knows TDs, 6.16 or later.
  package init(
    _ version: KernelVersion, seed: UInt64, _ start: Start = .running, deviations: Set<KernelPolicy.Deviation> = []
  ) {
    self.start = start
    mmu = TDPMMU(version, .trustDomain)
    mmu.directBits = 1 << 35
    mmu.isSlotsLockHeld = false
    var size = PlatformSize.scenario
    size.vcpus = 2
    size.poolFrames = 0x1000..<0x1100
    var host = TDXHost.trustDomain(for: version, deviations: deviations, size: size)
    policy = host.policy
    if start == .running, !host.finalize() { mmu.report(.setUpRefused, "the TD was not finalized") }
    mmu.secureEPT = host
    choices = ScheduleRandom(seed: seed)
    for frame in Self.slot.start..<Self.slot.end { _ = attributes.store(GFN(frame), isPrivate: true) }
    load()
  }

  /// Each vCPU's roots: the mirror root first. Source: `mmu_alloc_direct_roots`.
  private mutating func load() {
    for index in vcpus.indices {
      vcpus[index].mirrorRoot = root(isMirror: true)
      vcpus[index].root = root(isMirror: false)
    }
  }

  private mutating func root(isMirror: Bool) -> TableID {
    let role = RootRole(level: .page512G, isMirror: isMirror)
    return mmu.findRoot(role) ?? mmu.makeRoot(role).0
  }

  /// One micro-step of an agent: 0 and 1 are vCPUs, 3 finalizes a TD that is being built, any other number is the thread.
  package mutating func step(_ agent: Int) {
    if vcpus.indices.contains(agent) {
      stepVCPU(agent)
    } else if agent == Self.finalizer, !isRunnable {
      stepFinalizer()
    } else {
      stepThread()
    }
  }

  package mutating func collectChecks() -> [EngineCheck] { mmu.collectChecks() }

  var awaitsExits: Bool { mmu.secureEPT?.vm?.awaitsExits ?? false }

  /// Whether an agent is inside of anything.
  private var isQuiet: Bool {
    phase == .idle && mmu.secureEPT?.vm?.isFinalizing != true
      && vcpus.indices.allSatisfy { vcpus[$0].fault == nil && mode($0) == .out }
  }

  func mode(_ vcpu: Int) -> VCPUMode {
    guard let host = mmu.secureEPT, let vm = host.vm else { return .out }
    return host.mode(of: vm.vcpus[vcpu])
  }

  /// Mirror and Secure-EPT, when nobody is in the middle of a removal.
  mutating func checkMirror() {
    guard let found = mmu.mirrorMismatch(vcpus[0].mirrorRoot) else { return }
    mmu.secureEPT?.platform.memory.report("mirror-sept-mismatch", found)
  }

  /// Lets every agent end what it has begun, closes the file, destroys the VM.
  ///
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_release; kvm_main.c, kvm_destroy_vm.
  package mutating func finish() {
    isEnding = true
    var steps = 0
    while !isQuiet, steps < 30_000 {
      step(steps % 4)
      steps += 1
    }
    guard isQuiet else { return mmu.report(.stuck, "after \(steps) micro-steps of all agents in turn") }
    close()
    mmu.secureEPT?.releaseKey()
    run(RootsZap(.direct, lock: .write)) { $0.step(&$1) }
    for vcpu in vcpus {
      mmu.putRoot(vcpu.root)
      mmu.putRoot(vcpu.mirrorRoot)
    }
    mmu.invalidateRoots(.valid, hasUsers: false)
    run(RootsZap(.scheduled, lock: mmu.version.finalZapLock)) { $0.step(&$1) }
    mmu.checkUninitialized()
    mmu.endGracePeriod(mmu.graveyard.count)
    mmu.secureEPT?.destroyDomain()
  }

  /// Frames that are not on a free list; none after the end of a VM of the right kernel.
  package var framesInUse: Int {
    guard let memory = mmu.secureEPT?.platform.memory else { return 0 }
    return memory.allPages.count { !memory.isFree($0) }
  }

  private mutating func close() {
    _ = mmu.lock.acquire(.write)
    mmu.beginInvalidation()
    mmu.addInvalidated(FrameRange(start: 0, end: .max))
    run(mmu.unmapping([.invalid, .mirror], FrameRange(start: 0, end: .max), locks: false)) { $0.step(&$1) }
    mmu.endInvalidation()
    mmu.lock.release(.write)
    checkMirror()
    for page in file.values.sorted() { mmu.secureEPT?.freePrivatePage(page) }
    file = [:]
  }

  /// Runs a zap while nobody else is there.
  private mutating func run<Zap>(_ zap: Zap, _ step: (inout Zap, inout TDPMMU) -> MicroStep) {
    var zap = zap
    for _ in 0..<1_000_000 { if case .finished = step(&zap, &mmu) { return } }
    mmu.report(.stuck, "a zap that nobody is in the way of")
  }
}

extension SPTEFormat {
  /// EPT as TDs use it, for both halves: guests' PAT counts, and an MMIO entry is one that raises #VE.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vm_init.
  package static let trustDomain: SPTEFormat = {
    var format = SPTEFormat.ept
    format.memoryType = 6 << 3
    format.mmioValue = 0
    return format
  }()
}
