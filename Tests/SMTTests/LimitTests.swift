import Foundation
import Logic
import SMT
import TestSupport
import Testing

/// Effort limits stop reproducibly; interrupts are not lost and keep their cause.
@Suite struct LimitTests {
  /// Twelve pigeons in eleven holes, no two in one: a contradiction that resolution needs exponentially many steps for.
  private func hardQuestion(_ session: inout SMTSession) -> Term {
    let pigeons = (0..<12).map { pigeon in
      (0..<11).map { session.store.variable("\(pigeon) in \($0)", .boolean) }
    }
    var parts = pigeons.map { session.store.or($0) }
    for hole in 0..<11 {
      for first in 0..<12 {
        for second in 0..<first {
          let both = session.store.and(pigeons[first][hole], pigeons[second][hole])
          parts.append(session.store.not(both))
        }
      }
    }
    return session.store.and(parts)
  }

  @Test(arguments: [SolverKind.simple, .logic("QF_FD")])
  func effortStopsReproducibly(kind: SolverKind) throws {
    var spent: [UInt64] = []
    for _ in 0..<2 {
      var session = try SMTSession(TermStore(), kind: kind)
      let question = hardQuestion(&session)
      try session.assert(question)
      expectSame(try session.check(effort: 20_000), .unknown(.effort))
      spent.append(try session.effortSpent())
    }
    #expect(spent[0] == spent[1])
    #expect(spent[0] > 0)
  }

  /// Z3 takes SIGINT for itself while it checks unless it is told not to; it is the command's.
  @Test(arguments: [SolverKind.simple, .standard, .logic("QF_FD")])
  func signalsAreNotZ3s(kind: SolverKind) async throws {
    signal(SIGINT, SIG_IGN)
    let interrupter = Interrupter()
    let sender = Task.detached {
      while !interrupter.isChecking, !Task.isCancelled { await Task.yield() }
      while interrupter.isChecking { kill(getpid(), SIGINT) }
    }
    var session = try SMTSession(TermStore(), kind: kind, interrupter: interrupter)
    let question = hardQuestion(&session)
    try session.assert(question)
    expectSame(try session.check(effort: 200_000), .unknown(.effort))
    sender.cancel()
    await sender.value
  }

  @Test func aSessionGoesOnAfterItsLimit() throws {
    var session = try SMTSession(TermStore())
    let question = hardQuestion(&session)
    let answer = try session.check(assuming: [question], effort: 5_000)
    #expect(answer == .unknown(.effort))
    let p = session.store.variable("p", .boolean)
    let both = [p, session.store.not(p)]
    expectSame(try session.check(assuming: both), .unsatisfiable(core: both))
  }

  @Test func interruptBetweenChecksIsNotLost() throws {
    let interrupter = Interrupter()
    var session = try SMTSession(TermStore(), interrupter: interrupter)
    expectSame(try session.check(), .satisfiable(.empty))
    interrupter.interrupt(because: .deadline)
    interrupter.interrupt(because: .cancelled)
    #expect(interrupter.cause == .deadline)
    expectSame(try session.check(), .unknown(.interrupted(.deadline)))
    #expect(session.checks == 1)
    var late = try SMTSession(TermStore(), interrupter: interrupter)
    expectSame(try late.check(), .unknown(.interrupted(.deadline)))
  }

  /// From a thread of its own: checks may occupy every thread that tasks run on.
  @Test(arguments: [SolverKind.simple, .logic("QF_FD")])
  func interruptStopsARunningCheck(kind: SolverKind) throws {
    let interrupter = Interrupter()
    var session = try SMTSession(TermStore(), kind: kind, interrupter: interrupter)
    let question = hardQuestion(&session)
    try session.assert(question)
    Thread.detachNewThread {
      while !interrupter.isChecking { Thread.sleep(forTimeInterval: 0.001) }
      interrupter.interrupt(because: .cancelled)
    }
    expectSame(try session.check(effort: 2_000_000_000), .unknown(.interrupted(.cancelled)))
  }
}
