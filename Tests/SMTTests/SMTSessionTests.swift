import Logic
import SMT
import TestSupport
import Testing

/// What a session answers, and what it refuses.
@Suite struct SMTSessionTests {
  static let kinds: [SolverKind] = [.simple, .simpleUntuned, .standard, .logic("QF_FD"), .logic("QF_BV")]

  @Test(arguments: kinds)
  func modelsAreTotalOverWhatIsAsked(kind: SolverKind) throws {
    var session = try SMTSession(TermStore(), kind: kind)
    let x = session.store.variable("x", .bitVector(width: 8))
    let free = session.store.variable("never asserted", .bitVector(width: 128))
    let product = session.store.multiply(x, x)
    let nine = session.store.bits(9, width: 8)
    try session.assert(session.store.equal(product, nine))
    try session.assert(session.store.lessUnsigned(x, nine))
    guard case .satisfiable(let model) = try session.check(reading: [x, free, product]) else {
      Issue.record("not satisfiable")
      return
    }
    #expect(model.value(of: x) == .bits(3, width: 8))
    #expect(model.value(of: product) == .bits(9, width: 8))
    #expect(model.value(of: free).sort == .bitVector(width: 128))
  }

  @Test(arguments: kinds)
  func scopesForget(kind: SolverKind) throws {
    var session = try SMTSession(TermStore(), kind: kind)
    let p = session.store.variable("p", .boolean)
    let notP = session.store.not(p)
    try session.assert(p)
    let inside = try session.scoped { session throws(SMTError) in
      try session.assert(notP)
      return try session.check()
    }
    #expect(inside == .unsatisfiable(core: []))
    let outside = try session.check(reading: [p])
    guard case .satisfiable(let model) = outside else {
      Issue.record("the scope's assertion stayed")
      return
    }
    #expect(model.value(of: p) == .boolean(true))
  }

  @Test(arguments: kinds)
  func coresNameOnlyWhatIsNeeded(kind: SolverKind) throws {
    var session = try SMTSession(TermStore(), kind: kind)
    let x = session.store.variable("x", .bitVector(width: 8))
    let y = session.store.variable("y", .bitVector(width: 8))
    let five = session.store.bits(5, width: 8)
    let small = session.store.lessUnsigned(x, five)
    let large = session.store.lessUnsigned(five, x)
    let other = (0..<6).map { session.store.equal(y, session.store.bits(UInt128($0), width: 8)) }
    let p = session.store.variable("p", .boolean)
    let assumptions = [p, small, session.store.not(other[0]), large, session.store.not(other[1])]
    expectSame(try session.check(assuming: assumptions), .unsatisfiable(core: [small, large]))
    guard case .satisfiable = try session.check(assuming: [small, p]) else {
      Issue.record("assumptions outlived their check")
      return
    }
    expectSame(try session.check(assuming: [other[0], p, other[1]]), .unsatisfiable(core: [other[0], other[1]]))
  }

  @Test func namesOfAssumptionsEndWithTheirScope() throws {
    var session = try SMTSession(TermStore())
    let x = session.store.variable("x", .bitVector(width: 8))
    let zero = session.store.equal(x, session.store.bits(0, width: 8))
    let one = session.store.equal(x, session.store.bits(1, width: 8))
    let inside = try session.scoped { session throws(SMTError) in try session.check(assuming: [zero, one]) }
    #expect(inside == .unsatisfiable(core: [zero, one]))
    expectSame(try session.check(assuming: [zero, one]), .unsatisfiable(core: [zero, one]))
  }

  @Test func errorsOfTheBodyCloseTheScope() throws {
    var session = try SMTSession(TermStore())
    let no = session.store.boolean(false)
    #expect(throws: SMTError.self) {
      try session.scoped { session throws(SMTError) in
        try session.assert(no)
        _ = try SMTSession(TermStore(), kind: .logic("no such logic"))
      }
    }
    expectSame(try session.check(), .satisfiable(SMTModel.empty))
  }

  @Test func deepTermsAreLowered() throws {
    var session = try SMTSession(TermStore())
    let x = session.store.variable("x", .bitVector(width: 16))
    let y = session.store.variable("y", .bitVector(width: 16))
    var term = x
    for step in 0..<100_000 {
      term = step.isMultiple(of: 2) ? session.store.bitXor(term, y) : session.store.add(term, x)
    }
    let value = session.store.value(of: term, under: [x: .bits(1, width: 16), y: .bits(0, width: 16)])
    let zero = session.store.equal(y, session.store.bits(0, width: 16))
    let one = session.store.equal(x, session.store.bits(1, width: 16))
    guard case .satisfiable(let model) = try session.check(assuming: [zero, one], reading: [x]) else {
      Issue.record("not satisfiable")
      return
    }
    #expect(model.value(of: x) == .bits(1, width: 16))
    #expect(value == .bits(50_001, width: 16))
  }

  @Test func onlyBooleansAreAsserted() async {
    await #expect(processExitsWith: .failure) {
      var session = try SMTSession(TermStore())
      let x = session.store.variable("x", .bitVector(width: 16))
      try session.assert(x)
    }
    await #expect(processExitsWith: .failure) {
      var session = try SMTSession(TermStore())
      let x = session.store.variable("x", .boolean)
      guard case .satisfiable(let model) = try session.check() else { return }
      _ = model.value(of: x)
    }
  }
}
