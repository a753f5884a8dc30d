import Glibc
import Synchronization

/// A stop switch for the sessions that were made with it. Any task may throw it; it stays thrown and remembers why.
///
/// Z3 forgets an interrupt that arrives while no check runs, and it reports interrupts, time-outs and exhausted effort in the
/// same word. So (1) a session looks at the switch before each check and answers `interrupted` without asking; (2) an interrupt
/// is repeated until no check runs, because it may have come between that look and Z3's own readiness; (3) the cause is kept
/// here and not taken from Z3.
package final class Interrupter: Sendable {
  /// Why a check should stop.
  package enum Cause: Hashable, Sendable {
    /// The task was cancelled: another engine answered first, or the user pressed Ctrl-C.
    case cancelled
    /// The command's time is over.
    case deadline
  }

  /// What the lock guards.
  private struct State {
    var cause: Cause?
    /// The contexts in which a check runs, by ticket.
    var running: [(ticket: Int, context: UInt)] = []
    var nextTicket = 0
  }

  /// How often an interrupt is repeated, a millisecond apart; after that the check's effort limit has to end it.
  private static let repetitions = 2_000

  private let state = Mutex(State())

  package init() {}

  /// Why the switch was thrown; nil if it was not.
  package var cause: Cause? { state.withLock { $0.cause } }

  /// Whether a check runs in one of its sessions.
  package var isChecking: Bool { state.withLock { !$0.running.isEmpty } }

  /// Throws the switch. The first cause stays. Returns when the checks that were running have stopped.
  package func interrupt(because cause: Cause) {
    state.withLock { if $0.cause == nil { $0.cause = cause } }
    for _ in 0..<Self.repetitions {
      // Under the lock, so that the context cannot be deleted meanwhile: `finish` comes first.
      let isQuiet = state.withLock { state in
        for check in state.running { unsafe Z3Call.interrupt(OpaquePointer(bitPattern: check.context)) }
        return state.running.isEmpty
      }
      if isQuiet { return }
      usleep(1_000)
    }
  }

  /// Announces a check in a context. Nil if the switch was thrown before.
  func start(_ context: OpaquePointer) -> Int? {
    let address = UInt(bitPattern: context)
    return state.withLock { state in
      guard state.cause == nil else { return nil }
      state.nextTicket += 1
      state.running.append((state.nextTicket, address))
      return state.nextTicket
    }
  }

  /// The check with this ticket is over.
  func finish(_ ticket: Int) {
    state.withLock { $0.running.removeAll { $0.ticket == ticket } }
  }
}
