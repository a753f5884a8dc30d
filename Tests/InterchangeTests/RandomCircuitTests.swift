import Interchange
import Logic
import TestSupport
import Testing
import TransitionSystems

/// Random systems over words of many widths, run step by step in both formats and by the reference semantics.
@Suite struct RandomCircuitTests {
  /// One rule that gives every state variable a random term over the state and the parameters.
  private struct RandomSystem {
    let system: TransitionSystem

    init(seed: UInt64) {
      var terms = RandomTerms(seed: seed, widths: [1, 3, 8, 33, 128], rewriting: .local)
      let state = terms.variables.filter { terms.store.name($0)?.hasPrefix("x") == true }
      let chosen = terms.variables.filter { terms.store.name($0)?.hasPrefix("y") == true }
      var updates = [Term?](repeating: nil, count: state.count)
      var conditions: [Term] = []
      while updates.contains(nil) || conditions.count < 6 {
        let term = terms.next()
        let sort = terms.store.sort(of: term)
        if sort == .boolean { conditions.append(term) }
        if let position = state.firstIndex(where: { terms.store.sort(of: $0) == sort }) { updates[position] = term }
      }
      var store = terms.store
      let resets = terms.assignment()
      let values = state.map { store.constant(resets[$0] ?? .boolean(false)) }
      var substitution = Substitution(Dictionary(uniqueKeysWithValues: zip(chosen, state)))
      let condition = substitution.apply(to: conditions[5], in: &store)
      let failure = Failure(
        report: RunTimeFailure(property: .runTimeErrors, message: "boom", location: nil),
        condition: store.and(conditions[2], conditions[3]))
      let rule = RuleReference(index: 0, name: "step")
      let (always, never) = (store.boolean(true), store.boolean(false))
      system = TransitionSystem(
        store: store, variables: state.map { SystemVariable($0) },
        layout: state.map { ModelVariable(store.name($0) ?? "", .boolean($0)) },
        starts: [StartState(rule: rule, dropped: never, values: values)],
        transitions: [
          Transition(
            rule: rule, parameters: chosen.map { Parameter("y", decoding: .boolean($0), variable: $0) },
            guardTerm: always, bodyFailures: [failure], dropped: never,
            updates: updates.enumerated().map { Update(variable: $0, value: $1 ?? state[$0]) })
        ],
        invariants: [Invariant(property: .invariant(0), condition: condition)])
    }
  }

  @Test(arguments: UInt64(1)...40)
  func stepByStep(seed: UInt64) throws {
    let system = RandomSystem(seed: seed).system
    let circuit = TinyCircuit(system, deciding: [.invariant(0), .runTimeErrors])
    let aiger = try circuit.circuit(.binary)
    let btor2 = try BTOR2Circuit(circuit.btor2Text)
    let synchronous = circuit.synchronous
    var generator = SeededGenerator(seed: seed)
    var reference = Dictionary(uniqueKeysWithValues: synchronous.registers.map { ($0.term, $0.reset) })
    var latches: [UInt64] = aiger.latches.map { $0.reset ? 1 : 0 }
    var words = btor2.reset
    for time in 0..<12 {
      let tick = tick(synchronous, &generator)
      var evaluation = Evaluation(synchronous.store, reference.merging(tick) { first, _ in first })
      let expected = synchronous.bads.map { evaluation.isTrue($0.term) }
      let nodes = aiger.evaluate(inputs: circuit.aiger.inputs.map { Self.bit($0, tick) }, latches: latches)
      #expect(aiger.bads.map { AIGERCircuit.value($0, nodes) & 1 == 1 } == expected, "AIGER, time \(time)")
      let step = btor2.step(states: words, inputs: circuit.btor2.inputs.map { tick[$0]?.unsigned ?? 0 })
      #expect(step.bads == expected, "BTOR2, time \(time)")
      reference = Dictionary(
        uniqueKeysWithValues: synchronous.registers.map { ($0.term, evaluation.value(of: $0.next)) })
      latches = aiger.latches.map { AIGERCircuit.value($0.next, nodes) & 1 }
      words = step.next
      #expect(words == circuit.btor2.states.map { reference[$0.term]?.unsigned ?? 0 }, "BTOR2 states, time \(time)")
    }
  }

  /// What a counterexample of the circuit says happens in a run of the system.
  @Test func runs() throws {
    var violations: [PropertyID: Int] = [:]
    for seed in UInt64(1)...40 {
      let system = RandomSystem(seed: seed).system
      let synchronous = TinyCircuit(system, deciding: [.invariant(0), .runTimeErrors]).synchronous
      var generator = SeededGenerator(seed: seed)
      var ticks: [SynchronousSystem.Tick] = []
      for _ in 0..<8 {
        ticks.append(tick(synchronous, &generator))
        for property in [PropertyID.invariant(0), .runTimeErrors] {
          guard let (run, found) = try? synchronous.run(of: ticks, violating: property) else { continue }
          #expect(found == property)
          #expect(try #require(system.evaluate(run)).violated.contains(property), "seed \(seed)")
          violations[property, default: 0] += 1
        }
      }
    }
    #expect(violations == [.invariant(0): 163, .runTimeErrors: 76])
  }

  /// Random values for the inputs.
  private func tick(_ synchronous: SynchronousSystem, _ generator: inout SeededGenerator) -> SynchronousSystem.Tick {
    var tick: SynchronousSystem.Tick = [:]
    for input in synchronous.inputs {
      let pattern = UInt128(generator.next()) << 64 | UInt128(generator.next())
      switch synchronous.store.sort(of: input) {
      case .boolean: tick[input] = .boolean(pattern & 1 == 1)
      case .bitVector(let width): tick[input] = .bits(pattern & BitPattern.mask(width), width: width)
      case .uninterpreted: Issue.record("an input of no bits")
      }
    }
    return tick
  }

  private static func bit(_ bit: AIGERFile.Bit?, _ tick: SynchronousSystem.Tick) -> UInt64 {
    guard let bit else { return 0 }
    return UInt64(truncatingIfNeeded: (tick[bit.term]?.unsigned ?? 0) >> UInt128(bit.index) & 1)
  }
}
