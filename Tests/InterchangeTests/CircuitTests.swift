import Interchange
import Logic
import TestSupport
import Testing
import TransitionSystems

/// Transition systems as circuits mean what they meant: earliest violations, after the stated offset.
@Suite struct CircuitTests {
  /// The earliest time of a violation; nil if there is none.
  private func time(_ tiny: TinySystem, _ circuit: TinyCircuit) -> Int? {
    switch tiny.answer {
    case .violated(let depth): depth + circuit.synchronous.offset
    case .holds: nil
    }
  }

  @Test(arguments: TinySystem.all)
  func aiger(tiny: TinySystem) throws {
    let circuit = TinyCircuit(tiny)
    for form in [AIGERFile.Form.binary, .ascii] {
      let read = try circuit.circuit(form)
      #expect(read.outputs == [])
      #expect(try #require(read.earliestTimes(limit: 1000)) == [time(tiny, circuit)])
    }
  }

  @Test(arguments: TinySystem.all)
  func btor2(tiny: TinySystem) throws {
    let circuit = TinyCircuit(tiny)
    #expect(try BTOR2Circuit(circuit.btor2Text).earliestTimes == [time(tiny, circuit)])
  }

  /// One start of constants that cannot go wrong costs nothing; everything else a step that chooses.
  @Test func offset() {
    let chosen: Set<String> = ["no start state at all", "bad at the start", "a start that fails"]
    for tiny in TinySystem.all {
      #expect(TinyCircuit(tiny).synchronous.offset == (chosen.contains(tiny.name) ? 1 : 0), "\(tiny)")
    }
  }

  @Test func bothFormsSayTheSame() throws {
    for tiny in TinySystem.all {
      let circuit = TinyCircuit(tiny)
      let binary = try circuit.circuit(.binary)
      let ascii = try circuit.circuit(.ascii)
      #expect(binary.latches == ascii.latches)
      #expect(binary.bads == ascii.bads)
      #expect(binary.gates.elementsEqual(ascii.gates, by: ==))
      #expect(binary.symbols == ascii.symbols)
      #expect(binary.comments == ascii.comments)
    }
  }

  /// x counts by a parameter p of at most 3, from 0; 5 is bad. Two rules more never matter.
  private var counter: TinyBuilder {
    var builder = TinyBuilder()
    builder.start(at: 0)
    let p = builder.store.variable("p", .bitVector(width: 4))
    let domain = builder.store.lessOrEqualUnsigned(p, builder.number(3))
    let parameter = Parameter("p", decoding: .unsigned(p, offset: 0), variable: p, domain: domain)
    builder.rule(
      when: builder.store.boolean(true), to: builder.store.add(builder.x, p), parameters: [parameter])
    builder.rule(from: 9, to: 10)
    builder.never(5)
    return builder
  }

  @Test func aFileExplainsItself() throws {
    let circuit = TinyCircuit(counter.system, deciding: [.invariant(0), .runTimeErrors])
    let read = try circuit.circuit(.ascii)
    #expect(
      read.symbols == [
        "i0": "#rule:0", "i1": "p:0", "i2": "p:1", "i3": "p:2", "i4": "p:3", "l0": "x:0", "l1": "x:1", "l2": "x:2",
        "l3": "x:3", "b0": "the property", "b1": "run-time errors",
      ])
    #expect(
      read.comments == [
        "tiny", "depth: offset 0; a violation after d transitions is bad at time d",
        "time: each step tries the rule that the inputs name; one that is disabled leaves the state as it is",
        "parameters that are variables: numbers as they are, values of scalarsets and enumerations by position from 0",
        "#rule 0: rule 1 p=p", "#rule 1: rule 2",
      ])
    #expect(read.bads.last == 0, "nothing can fail")
  }

  /// What no property depends on is not in the file; an AIGER file keeps something, for abc.
  @Test func cone() throws {
    var builder = TinyBuilder()
    builder.start(at: 0)
    builder.rule(from: 0, to: 1)
    let system = builder.system
    let circuit = TinyCircuit(system, deciding: [.runTimeErrors])
    #expect(circuit.aiger.latchCount == 1)
    #expect(circuit.aiger.inputs == [nil])
    #expect(
      try circuit.circuit(.ascii).symbols == ["i0": "#unused input", "l0": "#unused latch", "b0": "the property"])
    #expect(circuit.btor2.states == [])
    #expect(try circuit.circuit(.binary).earliestTimes(limit: 10) == [nil])
  }

  @Test func sameBytes() {
    for tiny in TinySystem.all {
      #expect(TinyCircuit(tiny).bytes(.binary) == TinyCircuit(tiny).bytes(.binary))
      #expect(TinyCircuit(tiny).btor2Text == TinyCircuit(tiny).btor2Text)
    }
  }

  /// Copies of one rule share its number and differ in their values; a scalarset's values are numbered by index.
  @Test func codesOfExpandedRules() throws {
    var builder = TinyBuilder()
    builder.start(at: 0)
    for (index, name) in [(0, "zero"), (1, "one")] {
      for value in [2, 0, 1] {
        let parameter = Parameter("i", decoding: .fixed(.scalar(type: "s", index: value)))
        builder.transitions.append(
          Transition(
            rule: RuleReference(index: index, name: name), parameters: [parameter],
            guardTerm: builder.isNumber(value), dropped: builder.store.boolean(false),
            updates: [Update(variable: 0, value: builder.number(value + 1))]))
      }
    }
    builder.never(3)
    let circuit = TinyCircuit(builder.system, deciding: [.invariant(0)])
    let names = circuit.synchronous.inputs.compactMap { circuit.synchronous.store.name($0) }
    #expect(names == ["#rule", "#parameter0"])
    #expect(
      circuit.synchronous.explanation.suffix(2) == [
        "#rule 0: zero i=#parameter0 (0 s_0, 1 s_1, 2 s_2)", "#rule 1: one i=#parameter0 (0 s_0, 1 s_1, 2 s_2)",
      ])
    #expect(try circuit.circuit(.binary).earliestTimes(limit: 100) == [3])
  }
}
