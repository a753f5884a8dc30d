import Diagnostics
import Elaboration
import Logic
import Murphi
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
  private static let nodes = 3
  private static let model = """
    const NODES: 3;
    type node: scalarset(NODES);
    var mine: array [node] of boolean; other: array [node] of boolean;
      link: array [node] of array [node] of boolean;
    startstate begin
      for n: node do mine[n] := false; other[n] := false; for m: node do link[n][m] := false; end; end;
    end;
    ruleset n: node; k: node do
      rule "flip" begin mine[n] := !mine[n]; end;
      rule "cut" begin for m: node do link[n][m] := mine[m] & link[n][m]; end; end;
      rule "look" begin other[n] := exists m: node do link[n][m] & mine[m] end; mine[n] := false; end;
      rule "join" begin link[n][k] := mine[n]; other[k] := true; end;
      rule "forget" begin for m: node do other[m] := false; end; end;
    end;
    """

  /// What the predicates are in a state.
  private struct State {
    var mine: [Bool]
    var other: [Bool]
    var link: [[Bool]]

    init(_ generator: inout SeededGenerator) {
      func bits() -> [Bool] { (0..<nodes).map { _ in generator.once(in: 2) } }
      mine = bits()
      other = bits()
      link = (0..<nodes).map { _ in bits() }
    }

    /// The state after a rule of the model.
    func after(_ rule: Int, _ n: Int, _ k: Int) -> State {
      var next = self
      switch rule {
      case 0: next.mine[n].toggle()
      case 1: for m in 0..<nodes { next.link[n][m] = mine[m] && link[n][m] }
      case 2:
        next.other[n] = (0..<nodes).contains { link[n][$0] && mine[$0] }
        next.mine[n] = false
      case 3:
        next.link[n][k] = mine[n]
        next.other[k] = true
      default: next.other = next.other.map { _ in false }
      }
      return next
    }
  }

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

    func holds(_ state: State, _ elements: [Int]) -> Bool {
      switch self {
      case .mine(let one): state.mine[elements[one]]
      case .other(let one): state.other[elements[one]]
      case .link(let one, let two): state.link[elements[one]][elements[two]]
      case .equal(let one, let two): elements[one] == elements[two]
      case .not(let one): !one.holds(state, elements)
      case .both(let one, let two): one.holds(state, elements) && two.holds(state, elements)
      case .either(let one, let two): one.holds(state, elements) || two.holds(state, elements)
      case .exists(let variable, let body):
        (0..<nodes).contains { body.holds(state, Array(elements.prefix(variable)) + [$0]) }
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

  /// The values of a grounding's variables in a state, conditions by their definitions, the inner ones first.
  private struct Valuation {
    let grounding: Grounding
    let store: TermStore
    let state: State
    var values: [Term: TermValue] = [:]

    mutating func isTrue(_ term: Term) throws -> Bool {
      for variable in store.freeVariables(of: [term]) where values[variable] == nil {
        values[variable] = .boolean(try value(of: variable))
      }
      var evaluation = Evaluation(store, values)
      return evaluation.isTrue(term)
    }

    private mutating func value(of variable: Term) throws -> Bool {
      if let definition = grounding.definitions[variable] { return try isTrue(definition) }
      let atom = try #require(grounding.atom(of: variable))
      let arguments = grounding.proposition(atom).arguments
      guard case .predicate(let function, _) = grounding.relation(atom).kind else { return false }
      switch function {
      case 0: return state.mine[arguments[0]]
      case 1: return state.other[arguments[0]]
      default: return state.link[arguments[0]][arguments[1]]
      }
    }
  }

  @Test("are what they are in the state after it", arguments: 1...40 as ClosedRange<UInt64>)
  func after(_ seed: UInt64) throws {
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: Self.model)).check(constants: []).model
    let system = try ParameterizedElaborator(model).elaborate().system
    #expect(system.rules.count == 5)
    var generator = SeededGenerator(seed: seed)
    let condition = Condition.quantified(3, [0], &generator)
    var store = system.store
    let free = store.variable("free", .uninterpreted(0))
    let term = condition.term([free], system, &store)
    // What simplification leaves no quantifier of is no condition of this kind.
    guard store.operation(of: term) == .exists else { return }
    var grounding = Grounding(system, sizes: [Self.nodes])
    let (relation, variables) = grounding.derivation(of: term, in: &store)
    var number = 0
    for rule in 0..<5 {
      for n in 0..<Self.nodes {
        for k in 0..<Self.nodes {
          let parameters = system.rules[rule].elements.count
          let elements = Array([n, k].prefix(parameters))
          let step = RuleInstance(number: number, rule: rule, elements: elements)
          number += 1
          for element in 0..<Self.nodes {
            grounding.bind(step)
            let arguments = variables.map { _ in element }
            let after = grounding.next(relation, arguments, after: step, in: &store)
            for _ in 0..<4 {
              let state = State(&generator)
              var valuation = Valuation(grounding: grounding, store: store, state: state)
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
