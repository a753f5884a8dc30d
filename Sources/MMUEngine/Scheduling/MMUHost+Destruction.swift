/// The end of a schedule's VM: every agent comes to its end, then the VM goes, and nothing of its MMU may be left.
///
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_destroy_vm; arch/x86/kvm/mmu/mmu.c, kvm_mmu_zap_all, kvm_mmu_uninit_vm.
extension MMUHost {
  /// More micro-steps than any agent needs to finish what it has begun.
  private static let patience = 100_000

  /// Lets every agent finish what it has begun, and destroys the VM.
  package mutating func finish() {
    if drain() { destroy() }
  }

  /// Lets every agent finish what it has begun; false when some agent does not.
  package mutating func drain() -> Bool {
    isEnding = true
    var steps = 0
    while !isQuiet, steps < Self.patience {
      step(steps % Self.agentCount)
      steps += 1
    }
    guard isQuiet else {
      mmu.report(.stuck, "after \(steps) micro-steps of all agents in turn")
      return false
    }
    return true
  }

  /// Whether no agent is inside of anything.
  private var isQuiet: Bool {
    ioctl.phase == .idle && notifier.phase == .idle && worker.recovery == nil
      && vcpus.allSatisfy { !$0.isInKernel && !$0.isInGuest }
  }

  /// The last reference to the VM goes: nobody can reach it but this thread.
  package mutating func destroy() {
    if saysKind { closeFile() }
    mmu.secureEPT?.releaseKey()
    runToEnd(RootsZap(.direct, lock: .write))
    let left = mmu.invalidation.inProgress
    if activeInvalidations != 0 {
      // A notifier that began will never end: the mm is gone.
      activeInvalidations = 0
    } else if left != 0 {
      mmu.report(.unbalancedNotifier, "\(left) invalidations in progress")
    }
    for index in vcpus.indices {
      for root in [vcpus[index].root, vcpus[index].mirrorRoot] { if let root { mmu.putRoot(root) } }
      vcpus[index].root = nil
      vcpus[index].mirrorRoot = nil
    }
    mmu.invalidateRoots(.valid, hasUsers: false)
    runToEnd(RootsZap(.scheduled, lock: mmu.version.finalZapLock))
    mmu.checkUninitialized()
    mmu.endGracePeriod(mmu.graveyard.count)
    if snp != nil { destroyGuest() }
    mmu.secureEPT?.destroyDomain()
  }

  /// Runs a zap while nobody else is there.
  private mutating func runToEnd(_ zap: RootsZap) {
    var zap = zap
    while true {
      switch zap.step(&mmu) {
      case .event(let event): record(2, .mmu(event))
      case .silent, .flush, .kick, .asks: continue
      case .finished: return
      case .blocked:
        mmu.report(.stuck, "mmu_lock is held by somebody who is gone")
        return
      }
    }
  }
}
