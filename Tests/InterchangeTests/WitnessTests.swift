import Interchange
import Logic
import TestSupport
import Testing
import TransitionSystems

/// Witnesses of other tools, read back: what is accepted, and every way of not being one.
@Suite struct WitnessTests {
  /// x counts by p where the first rule is named, and goes from 2 to 4 where the second one is; 5 is bad. No offset.
  private static let counter: TinyCircuit = {
    var builder = TinyBuilder()
    builder.start(at: 0)
    let p = builder.store.variable("p", .bitVector(width: 2))
    let step = builder.store.extendUnsigned(p, to: 4)
    let parameter = Parameter("p", decoding: .unsigned(p, offset: 0), variable: p)
    builder.rule(when: builder.store.boolean(true), to: builder.store.add(builder.x, step), parameters: [parameter])
    builder.rule(from: 2, to: 4)
    builder.never(5)
    return TinyCircuit(builder.system, deciding: [.invariant(0), .runTimeErrors])
  }()

  /// Starts at 0 or at 7, which is bad; the one rule fails at 0. Offset 1.
  private static let chosen: TinyCircuit = {
    var builder = TinyBuilder()
    builder.start(at: 0)
    builder.start(at: 7)
    let failure = Failure(report: builder.report(.runTimeErrors), condition: builder.store.boolean(true))
    builder.rule(from: 0, to: 1, failures: [failure])
    builder.never(7)
    return TinyCircuit(builder.system, deciding: [.invariant(0), .runTimeErrors])
  }()

  /// The values of x along the run of a witness, and what it violates.
  private func run(_ circuit: TinyCircuit, _ witness: Witness) throws -> (values: [Value], property: PropertyID) {
    let (run, property) = try circuit.synchronous.run(of: witness.ticks, violating: witness.property)
    let outcome = try #require(circuit.system.evaluate(run))
    #expect(outcome.violated.contains(property))
    return (outcome.trace.steps.flatMap(\.values), property)
  }

  /// Inputs are the rule, then p, the lowest bit first: 2 more, the second rule, 1 more.
  @Test(
    arguments: [
      "1\nb0\n0000\n001\n100\n010\n000\n.\n", "0000\n001\n100\n010\n000# DONE",
      "c a remark\n1\nb0\n0000\n001\n1xx\n010\n000\n.\nc and\nu1\n",
      "1\r\nb0\r\n0000\r\n001\r\n100\r\n010\r\nxxx\r\n.\r\n",
      "1\nb0\nxxxx\n001\n100\n010\n000\n.",
      // Times at which nothing fires: the second rule is disabled at 0, and 0 may be added.
      "1\nb0\n0000\n100\n000\n001\n100\n010\n000\n.\n",
    ])
  func aiger(text: String) throws {
    #expect(Witness.format(of: text) == .aiger)
    let (values, property) = try run(Self.counter, Self.counter.aiger.witness(text))
    #expect(values.filter { $0 != .integer(0) } == [2, 4, 5].map { .integer($0) })
    #expect(property == .invariant(0))
  }

  @Test(
    arguments: [
      "sat\nb0\n#0\n@0\n0 0 #rule@0\n1 10 p@0\n@1\n0 1\n@2\n0 0\n1 01\n@3\n.\n",
      "sat\nb0\n#0\n0 0000 x#0\n@0\n1 10\n#1\n0 1111 lies are not read\n@1\n0 1\n1 xx\n@2\n1 01\n@3\n1 11\n.\n",
      "; a remark\nsat\nb0 ; first\n@0\n1 10\n@1\n0 1\n@2\n1 01\n@3\n.",
    ])
  func btor2(text: String) throws {
    #expect(Witness.format(of: text) == .btor2)
    let (values, property) = try run(Self.counter, Self.counter.btor2.witness(text))
    #expect(values == [0, 2, 4, 5].map { .integer($0) })
    #expect(property == .invariant(0))
  }

  @Test func chosenStarts() throws {
    let aiger = Self.chosen.aiger
    let seven = try run(Self.chosen, aiger.witness("1\nb0\n000000\n1\n0\n.\n"))
    #expect(seven.values == [.integer(7)])
    // The first start, then a rule that fails: two transitions' worth of time, one of them the choice.
    let failing = try run(Self.chosen, aiger.witness("1\nb1\n000000\n0\n0\n0\n.\n"))
    #expect(failing.values == [.integer(0), .integer(0)])
    #expect(failing.property == .runTimeErrors)
    // Without a line that says so, it is what the end violates.
    #expect(try run(Self.chosen, aiger.witness("000000\n0\n0\n0# DONE")).property == .runTimeErrors)
  }

  @Test(
    arguments: [
      // Nothing is violated there; or something else is.
      (counter, "1\nb0\n0000\n001\n100\n000\n.\n"), (counter, "1\nb1\n0000\n001\n100\n010\n000\n.\n"),
      (counter, "0000\n000# DONE"), (chosen, "1\nb1\n000000\n1\n0\n.\n"), (chosen, "1\nb0\n000000\n0\n0\n0\n.\n"),
    ])
  func notViolated(circuit: TinyCircuit, text: String) throws {
    let witness = try circuit.aiger.witness(text)
    #expect(throws: NotViolated.self) {
      try circuit.synchronous.run(of: witness.ticks, violating: witness.property)
    }
  }

  @Test(
    arguments: [
      ("", nil, "empty: expected a witness"), ("1\nb0\n", nil, "truncated: expected the latches at the start"),
      ("1\nb0\n0000\n001\n", nil, "truncated: expected a line of inputs, or . at the end"),
      ("0000\n001\n100", nil, "truncated: expected a line of inputs, or . at the end"),
      ("1\nb0\n0000\n.\n", 4, "no inputs: expected a line for each time"),
      ("1\nb2\n0000\n000\n.\n", 2, "found b2, expected b0 … b1"),
      ("1\nj0\n0000\n000\n.\n", 2, "found j0, expected b0 … b1"),
      ("0\nb0\n.\n", 1, "found 0, expected 1: a property that is violated"),
      ("2\nb0\n.\n", 1, "found 2, expected 1: a property that is violated"),
      ("1\nb0\n000\n000\n.\n", 3, "found 3 bits, expected 4 latches"),
      ("1\nb0\n0010\n000\n.\n", 3, "latch 2 starts with 0, not 1"),
      ("1\nb0\n0000\n00\n.\n", 4, "found 2 bits, expected 3 inputs"),
      ("1\nb0\n0000\n0000\n.\n", 4, "found 4 bits, expected 3 inputs"),
      ("1\nb0\n0000\n0a0\n.\n", 4, "found 0a0, expected 3 inputs as 0, 1 or x"),
      ("1\nb0\n0000\n000\n.\n000\n", 6, "found 000 behind the end"),
    ] as [(String, Int?, String)])
  func malformedAIGER(text: String, line: Int?, message: String) throws {
    let error = #expect(throws: WitnessError.self) { try Self.counter.aiger.witness(text) }
    #expect(error == WitnessError(line: line, message))
  }

  @Test(
    arguments: [
      ("sat\nb0\n@0\n0 1\n", nil, "truncated: expected . at the end"), ("", nil, "truncated: expected . at the end"),
      ("sat\nb0\n.\n", nil, "no inputs: expected @0"), ("unsat\n", 1, "found unsat, expected sat"),
      ("sat\nb7\n@0\n.\n", 2, "found b7, expected b0 … b1"), ("sat\n@0\n.\n", 2, "found @0, expected b0 … b1"),
      ("sat\nb0\n@1\n.\n", 3, "found @1, expected @0"), ("sat\nb0\n@0\n@0\n.\n", 4, "found @0, expected @1"),
      ("sat\nb0\n#1\n.\n", 3, "found #1, expected #0 or @0"),
      ("sat\nb0\n0 1\n@0\n.\n", 3, "found 0, expected #0 or @0"),
      ("sat\nb0\n@0\n0 10\n.\n", 4, "found 10, expected 1 bits"),
      ("sat\nb0\n@0\n1 1\n.\n", 4, "found 1, expected 2 bits"),
      ("sat\nb0\n@0\n1 2a\n.\n", 4, "found 2a, expected 2 bits"),
      ("sat\nb0\n@0\n2 1\n.\n", 4, "input 2: the file has 2"),
      ("sat\nb0\n@0\nx y\n.\n", 4, "found x y, expected a position and bits"),
      ("sat\nb0\n#0\n0 0001\n@0\n.\n", 4, "state 0 starts with another value"),
      ("sat\nb0\n#0\n1 0001\n@0\n.\n", 4, "state 1: the file has 1"),
      ("sat\nb0\n@0\n.\n@1\n", 5, "found @1 behind the end"),
    ] as [(String, Int?, String)])
  func malformedBTOR2(text: String, line: Int?, message: String) throws {
    let error = #expect(throws: WitnessError.self) { try Self.counter.btor2.witness(text) }
    #expect(error == WitnessError(line: line, message))
  }

  @Test func whatIsNoWitness() {
    for text in ["", "{}", "unsat", "c only\n", "\u{0}\u{1}", "aag 1 0 0"] {
      #expect(Witness.format(of: text) == nil, "\(text)")
    }
  }
}
