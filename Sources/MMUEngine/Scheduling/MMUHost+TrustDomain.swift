/// A TD on the host: both halves of its memory in one machine.
///
/// Shared memory is what it is for any VM, below a direct root whose frames carry the shared bit: memslots, notifier, dirty log,
/// TLBs that KVM flushes. Private memory of the second slot is below a mirror root, with the module's Secure-EPT beside it, and
/// the module tracks who may still use what was blocked. What excludes what is one mmu_lock, one invalidation sequence, one SRCU;
/// and a kick of either half takes a vCPU out of the guest.
/// A TD that is being built runs no vCPU yet (`MMUHost+Building`).
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_run, tdx_handle_ept_violation; the function is at each declaration.
extension MMUHost {
  /// Frames for private pages and Secure-EPT tables, below those of the host's memory.
  private static let moduleFrames: Range<UInt64> = 0x0900..<0x0A00

  /// A TD whose second slot has private memory. Requires: a kernel that knows TDs, 6.16 or later.
  package init(
    trustDomain version: KernelVersion, seed: UInt64, _ start: TrustDomainBuilding.Start = .running,
    deviations: Set<KernelPolicy.Deviation> = [], faults: Set<InjectedFault> = []
  ) {
    self.init(version, seed: seed, features: .privateMemory, faults: faults)
    mmu = TDPMMU(version, .trustDomain)
    mmu.faults = faults
    mmu.isSlotsLockHeld = false
    mmu.directBits = 1 << 35
    var size = PlatformSize.scenario
    size.vcpus = vcpus.count
    size.poolFrames = Self.moduleFrames
    var host = TDXHost.trustDomain(for: version, deviations: deviations, size: size)
    if start == .running, !host.finalize() { mmu.report(.setUpRefused, "the TD was not finalized") }
    mmu.secureEPT = host
    beginPrivate()
  }

  var isTrustDomain: Bool { mmu.secureEPT != nil }

  /// Frames of the module's and of private memory that are not on a free list; none after the end of a right kernel's VM.
  package var moduleFramesInUse: Int {
    guard let memory = mmu.secureEPT?.platform.memory else { return 0 }
    return memory.allPages.count { !memory.isFree($0) }
  }

  /// Where the module has a vCPU.
  private func mode(_ number: Int) -> VCPUMode {
    guard let host = mmu.secureEPT, let vm = host.vm else { return .out }
    return host.mode(of: vm.vcpus[number])
  }

  /// A step of the module's side that may have to wait or be refused; then nothing has happened.
  private mutating func attempt(_ body: (inout TDXHost) throws(Stop) -> Void) {
    guard var host = mmu.secureEPT else { return }
    mmu.secureEPT = nil
    do throws(Stop) { try body(&host) } catch {}
    mmu.secureEPT = host
  }

  /// A vCPU that is not in a fault: in, out, or about its guest's business.
  mutating func stepTrustDomain(_ number: Int) {
    switch mode(number) {
    case .out: if !isEnding { return enter(number) }
    case .entering: attempt { (host) throws(Stop) in try host.endEntry(number) }
    case .accepting(_, let gfn, _):
      attempt { (host) throws(Stop) in try host.endAccept(number, gfn) }
      accepts += 1
      // While somebody may be about to take the page away, nobody says that it stays.
      if ioctl.phase == .idle, !notifier.isPunching { accepted.insert(gfn.rawValue) }
    case .guest, .walked:
      if isEnding || vcpus[number].isKicked || mmu.secureEPT?.vm?.vcpus[number].exitRequested == true {
        leaveGuest(number)
      } else {
        accessGuest(number)
      }
    }
  }

  /// VP.ENTER's first half, after the last look at the requests; busy or barred, the vCPU tries again.
  mutating func beginEntry(_ number: Int) {
    let mitigation: ZeroStepMitigation = choices.below(4) == 0 ? .active : .inactive
    attempt { (host) throws(Stop) in try host.beginEntry(number, mitigation) }
    vcpus[number].isInGuest = mode(number) != .out
  }

  /// The vCPU's thread is out of the guest; a TD's vCPU by a TD exit, unless the module has had it exit already.
  mutating func leaveGuest(_ number: Int) {
    if isTrustDomain {
      attempt { (host) throws(Stop) in try host.exit(number) }
      guard mode(number) == .out else { return }
    }
    vcpus[number].isInGuest = false
    vcpus[number].isKicked = false
  }

  /// The mirror root comes first, and once. mmu_lock is held. Source: `mmu_alloc_direct_roots`.
  mutating func loadMirror(_ number: Int) {
    guard isTrustDomain, vcpus[number].mirrorRoot == nil else { return }
    let role = RootRole(level: .page512G, isMirror: true)
    vcpus[number].mirrorRoot = mmu.findRoot(role) ?? mmu.makeRoot(role).0
  }

  /// The guest accepts a pending page, uses one that it has, or faults.
  mutating func accessPrivate(_ number: Int, _ gfn: UInt64) {
    guard let tdvpr = mmu.secureEPT?.vm?.vcpus[number].tdvpr else { return }
    if mmu.secureEPT?.secureEPTState(GFN(gfn), .page4K) == .pending {
      if accepted.remove(gfn) != nil { mmu.report(.contentsLost, "vCPU \(number), gfn \(gfn)") }
      return attempt { (host) throws(Stop) in try host.beginAccept(number, GFN(gfn)) }
    }
    switch mmu.secureEPT?.platform.access(tdvpr, GFN(gfn)) {
    case .completed(let page):
      vcpus[number].access = nil
      let isGone = Self.slot(of: gfn).map { slots[$0] == .absent } ?? true
      if memory.privatePage(gfn) != page || isGone || !attributes.isPrivate(GFN(gfn)) {
        mmu.report(.staleTranslation, "vCPU \(number) reaches page \(page.rawValue) at private gfn \(gfn)")
      }
    case .exit(let isPending):
      mmu.secureEPT?.vm?.vcpus[number].exitRequested = false
      leaveGuest(number)
      if !isPending { beginPrivateFault(number, gfn) }
    case nil: return
    }
  }

  /// The exit of an EPT violation on private memory.
  mutating func beginPrivateFault(_ number: Int, _ gfn: UInt64) {
    guard let request = mmu.violation(vcpu: number, address: gfn << 12, qualification: 2) else { return }
    vcpus[number].fault = PageFault(request, root: vcpus[number].mirrorRoot ?? .none, direct: vcpus[number].root)
    vcpus[number].faultEpoch = slotEpoch
    record(number, .fault(vcpu: number, address: gfn << 12, code: request.code.rawValue))
  }

  /// Somebody has a reason to take these frames' pages from the guest.
  mutating func forgetAccepted(_ range: FrameRange) {
    if !accepted.isEmpty { accepted = accepted.filter { !range.contains(GFN($0)) } }
  }

  /// Mirror and Secure-EPT agree, when nobody is in the middle of a removal.
  mutating func checkMirror() {
    guard let root = vcpus.lazy.compactMap(\.mirrorRoot).first, let found = mmu.mirrorMismatch(root) else { return }
    mmu.secureEPT?.platform.memory.report("mirror-sept-mismatch", found)
  }
}
