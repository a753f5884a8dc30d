import Logic
import SMT
import TestSupport
import Testing

/// Effort limits stop reproducibly; interrupts are not lost and keep their cause.
@Suite struct LimitTests {
  /// A product of two odd 40-bit factors: far too hard for any limit used here.
  private func hardQuestion(_ session: inout SMTSession) throws -> Term {
    let x = session.store.variable("x", .bitVector(width: 80))
    let y = session.store.variable("y", .bitVector(width: 80))
    let bound = session.store.bits(1 << 40, width: 80)
    let one = session.store.bits(1, width: 80)
    let product = session.store.equal(
      session.store.multiply(x, y), session.store.bits(1_099_511_627_689 * 1_099_511_627_563, width: 80))
    let small = [x, y].map { session.store.lessUnsigned($0, bound) }
    let large = [x, y].map { session.store.lessUnsigned(one, $0) }
    return session.store.and([product] + small + large + [session.store.lessUnsigned(x, y)])
  }

  @Test(arguments: [SolverKind.simple, .logic("QF_FD")])
  func effortStopsReproducibly(kind: SolverKind) throws {
    var spent: [UInt64] = []
    for _ in 0..<2 {
      var session = try SMTSession(TermStore(), kind: kind)
      let question = try hardQuestion(&session)
      try session.assert(question)
      expectSame(try session.check(effort: 200_000), .unknown(.effort))
      spent.append(try session.effortSpent())
    }
    #expect(spent[0] == spent[1])
    #expect(spent[0] > 0)
  }

  @Test func aSessionGoesOnAfterItsLimit() throws {
    var session = try SMTSession(TermStore())
    let question = try hardQuestion(&session)
    let answer = try session.check(assuming: [question], effort: 50_000)
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

  @Test(arguments: [SolverKind.simple, .logic("QF_FD")])
  func interruptStopsARunningCheck(kind: SolverKind) async throws {
    let interrupter = Interrupter()
    let running = Task { () throws -> SMTAnswer in
      var session = try SMTSession(TermStore(), kind: kind, interrupter: interrupter)
      let question = try hardQuestion(&session)
      try session.assert(question)
      return try session.check(effort: 2_000_000_000)
    }
    while !interrupter.isChecking { await Task.yield() }
    interrupter.interrupt(because: .cancelled)
    #expect(try await running.value == .unknown(.interrupted(.cancelled)))
  }
}
