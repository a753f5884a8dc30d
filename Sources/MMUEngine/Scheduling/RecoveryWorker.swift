/// The NX recovery worker of a VM: now and then it zaps tables that stand where huge pages are wanted.
///
/// It is an SRCU reader for the whole of a round, so that a swap of memslots waits for it.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_nx_huge_page_recovery_worker, kvm_recover_nx_huge_pages.
package struct RecoveryWorker: Sendable {
  /// The round that is going on.
  var recovery: NXRecovery?
  /// How many rounds have come to their end.
  package private(set) var rounds = 0
  /// How many tables it has left in place since their slot was logged.
  package fileprivate(set) var tablesKept = 0

  /// The agent's number.
  static let agent = 5

  mutating func finish() {
    recovery = nil
    rounds += 1
  }
}

extension MMUHost {
  mutating func stepWorker() {
    if worker.recovery == nil {
      guard features.contains(.hugePageMitigation), !isEnding, choices.below(4) == 0 else { return }
      worker.recovery = NXRecovery(mmu.version, budget: 1 + choices.below(4))
      return
    }
    if awaitsExits { return }
    guard let step = worker.recovery?.step(&mmu) else { return }
    switch step {
    case .event(let event): record(RecoveryWorker.agent, .mmu(event))
    case .flush: requestFlush()
    case .finished: worker.finish()
    case .asks:
      guard let gfn = worker.recovery?.question(mmu) else { return }
      let isDirtyTracked = Self.slot(of: gfn.rawValue).map { isLogged[$0] } ?? false
      if isDirtyTracked { worker.tablesKept += 1 }
      worker.recovery?.answer(isDirtyTracked: isDirtyTracked)
    case .silent, .kick, .blocked: return
    }
  }
}
