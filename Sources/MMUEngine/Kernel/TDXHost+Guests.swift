/// vCPUs going in and out of the guest, and what guests do there.
///
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_run; TDX module 1.5.01, VP.ENTER, TD exit, TDG.MEM.PAGE.ACCEPT.
extension TDXHost {
  /// What KVM wants before VP.ENTER. While a zap tries a SEAMCALL a second time nobody enters (`wait_for_sept_zap`).
  ///
  /// The flag is read without a lock just before the entry; the kick after it was set catches who had read it before.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_pre_run, tdx_vcpu_run.
  private func requireRunnable(_ vcpu: Int) throws(Stop) -> VCPUThread {
    let thread = try requireIdle(vcpu)
    let vm = try requireWorkingVM()
    guard vm.isRunnable else { throw .refuse }
    guard !isZapRetrying || policy.has(.entryNotBarred) else { throw .wait }
    return thread
  }

  /// `wait_for_sept_zap`; the kernel without the fix of TDX-ZAP-BUSY has no such flag.
  var isZapRetrying: Bool { vm?.isRetrying == true && !policy.has(.busyRetryWithoutKick) }

  /// VP.ENTER up to the guest.
  mutating func enter(_ vcpu: Int) throws(Stop) {
    try beginEntry(vcpu, .inactive)
    try endEntry(vcpu)
  }

  /// The first part of VP.ENTER, with the tree lock when zero-stepping is suspected.
  ///
  /// To the kernel the vCPU is in the guest from here on: a kick waits for its exit.
  /// Source: TDX module 1.5.01, TDH.VP.ENTER, zero-step mitigation.
  mutating func beginEntry(_ vcpu: Int, _ mitigation: ZeroStepMitigation) throws(Stop) {
    let thread = try requireRunnable(vcpu)
    do {
      try platform.beginEntry(thread.tdvpr, on: platform.size.processor(ofVCPU: vcpu), mitigation)
    } catch { throw .module(error) }
  }

  /// The rest of VP.ENTER.
  mutating func endEntry(_ vcpu: Int) throws(Stop) {
    let thread = try requireVM().vcpus[vcpu]
    guard mode(of: thread) == .entering else {
      _ = try requireIdle(vcpu)
      throw .would("VP_ENTER")
    }
    platform.endEntry(thread.tdvpr)
  }

  /// A TD exit from guest code; it answers a kick.
  ///
  /// In the middle of an entry or of ACCEPT the interrupt is taken when that is through.
  mutating func exit(_ vcpu: Int) throws(Stop) {
    let thread = try requireVM().vcpus[vcpu]
    guard mode(of: thread) == .guest else {
      _ = try requireIdle(vcpu)
      throw .would("VP_ENTER")
    }
    platform.exit(thread.tdvpr)
    vm?.vcpus[vcpu].exitRequested = false
  }

  /// ACCEPT's walk and its lock. Throws: the status that the guest sees; host priority looks busy to it.
  ///
  /// Between walk and lock a BLOCK of the entry or of a table above may come; the entry is read again under its lock, the
  /// tables are not. Source: TDX module 1.5.01, TDG.MEM.PAGE.ACCEPT.
  mutating func beginAccept(_ vcpu: Int, _ gfn: GFN) throws(Stop) {
    let thread = try requireVM().vcpus[vcpu]
    guard mode(of: thread) == .guest else {
      _ = try requireIdle(vcpu)
      throw .would("VP_ENTER")
    }
    do {
      let walked = try platform.walkToAccept(thread.tdvpr, gfn, .page4K)
      let locked = walked == .proceeds ? try platform.lockToAccept(thread.tdvpr) : walked
      if locked == .exited { vm?.vcpus[vcpu].exitRequested = false }
    } catch {
      if error.code == .operandBusyHostPriority { throw .module(Refusal(.operandBusy, .rcx)) }
      throw .module(error)
    }
  }

  /// ACCEPT's commit.
  mutating func endAccept(_ vcpu: Int, _ gfn: GFN) throws(Stop) {
    let thread = try requireVM().vcpus[vcpu]
    guard case .accepting(_, gfn, _) = mode(of: thread) else {
      _ = try requireIdle(vcpu)
      throw .would("ACCEPT_BEGIN")
    }
    platform.commitAccept(thread.tdvpr)
  }

  /// Every vCPU that runs guest code touches every private page that it can reach.
  ///
  /// The worst case for all that is said about translations: TLB and paging-structure caches are as full as they can be.
  /// Source: Intel SDM vol. 3, "EPT translation mechanism".
  mutating func touchAll() {
    guard let vm else { return }
    for thread in vm.vcpus {
      switch mode(of: thread) {
      case .guest, .accepting, .walked: break
      case .out, .entering: continue
      }
      for gfn in Self.allFrames where secureEPTState(gfn, .page4K) == .mapped {
        _ = platform.access(thread.tdvpr, gfn)
      }
    }
  }

  /// The state of the Secure-EPT entry for a frame, if a walk reaches it; a table entry above that is blocked hides it.
  package func secureEPTState(_ gfn: GFN, _ level: Level) -> SecureEPTState? {
    guard let location = secureEPTLocation(gfn, level) else { return nil }
    return platform.readEntry(location).state
  }

  /// Where a walk through mapped tables finds the entry.
  package func secureEPTLocation(_ gfn: GFN, _ level: Level) -> SecureEPTLocation? {
    guard let domain, domain.lifecycle == .keysConfigured, domain.controlPages.count > 3 else { return nil }
    var touched: [PFN] = []
    do { return try platform.walk(gfn, to: level, of: domain, touching: &touched) } catch { return nil }
  }
}
