import Diagnostics
import Elaboration
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

@testable import Engines

/// Nodes with two marks and links between them, and rules that change them in every way that a rule can: at its own nodes, at all, by
/// what a condition says. With the rules' effects by hand, for tests of what PDR makes of them.
enum NodeSystem {
  static let nodes = 3
  static let model = """
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
  struct State {
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

  /// The values of a grounding's variables in a state, conditions by their definitions, the inner ones first.
  struct Valuation {
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
      guard case .predicate(let function, _) = grounding.relation(atom).kind else {
        preconditionFailure("a condition without a definition")
      }
      switch function {
      case 0: return state.mine[arguments[0]]
      case 1: return state.other[arguments[0]]
      default: return state.link[arguments[0]][arguments[1]]
      }
    }
  }

  /// The system, with open sorts.
  static func system() throws -> ParameterizedSystem {
    let model = try SyntaxTree.parse(SourceFile(name: "nodes.m", text: model)).check(constants: []).model
    return try ParameterizedElaborator(model).elaborate().system
  }
}
