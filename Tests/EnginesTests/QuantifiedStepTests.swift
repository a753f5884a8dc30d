import Logic
import TestSupport
import Testing
import TransitionSystems

@testable import Engines

/// Quantified conditions after a step, as PDR's pre-images have them, against what the step does to every state.
///
/// Random conditions over two predicates and a relation of nodes, with nested quantifiers and a free node; each rule at each choice of its
/// nodes; random states. The expected truth is that of the condition in the state after the step, by definition.
@Suite("Quantified conditions after a step")
struct QuantifiedStepTests {
  /// A condition over variables by their number; 0 is free.
  private indirect enum Condition {
    case mine(Int)
    case other(Int)
    case link(Int, Int)
    case equal(Int, Int)
    case not(Condition)
    case both(Condition, Condition)
    case either(Condition, Condition)
    case exists(Int, Condition)

    /// Random; `scope` are the variables that may occur.
    static func random(_ depth: Int, _ scope: [Int], _ generator: inout SeededGenerator) -> Condition {
      func variable() -> Int { generator.pick(scope) }
      if depth == 0 || generator.once(in: 6) {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return .mine(variable())
        case 1: return .other(variable())
        case 2: return .link(variable(), variable())
        default: return .equal(variable(), variable())
        }
      }
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: return .not(random(depth - 1, scope, &generator))
      case 1: return .both(random(depth - 1, scope, &generator), random(depth - 1, scope, &generator))
      case 2: return .either(random(depth - 1, scope, &generator), random(depth - 1, scope, &generator))
      default: return quantified(depth - 1, scope, &generator)
      }
    }

    static func quantified(_ depth: Int, _ scope: [Int], _ generator: inout SeededGenerator) -> Condition {
      let variable = scope.count
      return .exists(variable, random(depth, scope + [variable], &generator))
    }

    func holds(_ state: NodeSystem.State, _ elements: [Int]) -> Bool {
      switch self {
      case .mine(let one): state.mine[elements[one]]
      case .other(let one): state.other[elements[one]]
      case .link(let one, let two): state.link[elements[one]][elements[two]]
      case .equal(let one, let two): elements[one] == elements[two]
      case .not(let one): !one.holds(state, elements)
      case .both(let one, let two): one.holds(state, elements) && two.holds(state, elements)
      case .either(let one, let two): one.holds(state, elements) || two.holds(state, elements)
      case .exists(let variable, let body):
        (0..<NodeSystem.nodes).contains { body.holds(state, Array(elements.prefix(variable)) + [$0]) }
      }
    }

    func term(_ variables: [Term], _ system: ParameterizedSystem, _ store: inout TermStore) -> Term {
      switch self {
      case .mine(let one): return store.apply(system.functions[0].predicates[0], [variables[one]])
      case .other(let one): return store.apply(system.functions[1].predicates[0], [variables[one]])
      case .link(let one, let two):
        return store.apply(system.functions[2].predicates[0], [variables[one], variables[two]])
      case .equal(let one, let two): return store.equal(variables[one], variables[two])
      case .not(let one):
        let inner = one.term(variables, system, &store)
        return store.not(inner)
      case .both(let one, let two):
        let parts = [one.term(variables, system, &store), two.term(variables, system, &store)]
        return store.and(parts)
      case .either(let one, let two):
        let parts = [one.term(variables, system, &store), two.term(variables, system, &store)]
        return store.or(parts)
      case .exists(let variable, let body):
        let bound = store.fresh(.uninterpreted(0))
        let inner = body.term(Array(variables.prefix(variable)) + [bound], system, &store)
        return store.exists(bound, inner)
      }
    }
  }

  @Test("are what they are in the state after it", arguments: 1...40 as ClosedRange<UInt64>)
  func after(_ seed: UInt64) throws {
    let system = try NodeSystem.system()
    #expect(system.rules.count == 5)
    var generator = SeededGenerator(seed: seed)
    var condition = Condition.quantified(3, [0], &generator)
    var store = system.store
    let free = store.variable("free", .uninterpreted(0))
    var term = condition.term([free], system, &store)
    // What simplification leaves no quantifier of is no condition of this kind.
    while store.operation(of: term) != .exists {
      condition = Condition.quantified(3, [0], &generator)
      term = condition.term([free], system, &store)
    }
    var grounding = Grounding(system, sizes: [NodeSystem.nodes])
    let (relation, variables) = grounding.derivation(of: term, in: &store)
    var number = 0
    for rule in 0..<5 {
      for n in 0..<NodeSystem.nodes {
        for k in 0..<NodeSystem.nodes {
          let parameters = system.rules[rule].elements.count
          let elements = Array([n, k].prefix(parameters))
          let step = RuleInstance(number: number, rule: rule, elements: elements)
          number += 1
          for element in 0..<NodeSystem.nodes {
            grounding.bind(step)
            let arguments = variables.map { _ in element }
            let after = grounding.next(relation, arguments, after: step, in: &store)
            for _ in 0..<4 {
              let state = NodeSystem.State(&generator)
              var valuation = NodeSystem.Valuation(grounding: grounding, store: store, state: state)
              let expected = condition.holds(state.after(rule, n, k), [element])
              #expect(
                try valuation.isTrue(after) == expected,
                "\(condition) of \(element) after rule \(rule) at \(elements) in \(state)")
            }
          }
        }
      }
    }
  }
}
