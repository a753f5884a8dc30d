import Diagnostics
import Elaboration
import Logic
import Murphi
import Testing
import TransitionSystems

@testable import Engines

/// Conditions at elements: what an atom for a quantified one is defined as.
@Suite("Grounding")
struct GroundingTests {
  private static let model = """
    const NODES: 3; PLACES: 2;
    type node: scalarset(NODES); place: scalarset(PLACES);
    var full: array [node] of array [place] of boolean;
    startstate begin for n: node do for p: place do full[n][p] := false; end; end; end;
    ruleset n: node; p: place do rule "fill" !full[n][p] ==> begin full[n][p] := true; end; end;
    """

  /// ∃ other: (∃ p: ¬full[other][p]) ∧ other ≠ mine, and the free element.
  private func roomElsewhere(_ system: ParameterizedSystem, in store: inout TermStore) -> (term: Term, mine: Term) {
    let node = Sort.uninterpreted(0)
    let mine = store.variable("mine", node)
    let other = store.fresh(node)
    let place = store.fresh(.uninterpreted(1))
    let isFull = store.apply(system.functions[0].predicates[0], [other, place])
    let hasRoom = store.exists(place, store.not(isFull))
    let body = store.and([hasRoom, store.notEqual(other, mine)])
    return (store.exists(other, body), mine)
  }

  @Test("a condition inside another is made without disturbing the outer one's elements", arguments: 0..<3)
  func nested(_ element: Int) throws {
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: Self.model)).check(constants: []).model
    let system = try ParameterizedElaborator(model).elaborate().system
    var store = system.store
    let (term, mine) = roomElsewhere(system, in: &store)
    var grounding = Grounding(system, sizes: [3, 2])
    grounding.bind(mine, to: element)
    let variable = grounding.ground(term, in: &store)
    let definition = try #require(grounding.definitions[variable])
    // For each way to fill two of three nodes or all: is there room at another one?
    let atoms = try (0..<3).map { node in
      try (0..<2).map { place in
        try #require(
          store.freeVariables(of: grounding.axioms).first { atom in
            grounding.atom(of: atom).map { grounding.proposition($0) }?.arguments == [node, place]
          })
      }
    }
    for full in 0..<8 {
      var values: [Term: TermValue] = [:]
      for node in 0..<3 { for atom in atoms[node] { values[atom] = .boolean(full >> node & 1 == 1) } }
      // The inner conditions are atoms of their own.
      for (inner, meaning) in grounding.definitions where inner != variable {
        var evaluation = Evaluation(store, values)
        values[inner] = .boolean(evaluation.isTrue(meaning))
      }
      var evaluation = Evaluation(store, values)
      let expected = (0..<3).contains { $0 != element && full >> $0 & 1 == 0 }
      #expect(evaluation.isTrue(definition) == expected, "nodes \(full) full, asked at \(element)")
    }
    #expect(grounding.element(mine) == element)
  }

  /// `both` is what the rule writes into `mine` of its own node, and what is asked of afterwards.
  @Test("a condition that a step writes is made without disturbing the same condition after the step", arguments: 0..<3)
  func written(_ element: Int) throws {
    let text = """
      const NODES: 3;
      type node: scalarset(NODES);
      var mine: array [node] of boolean; other: array [node] of boolean;
      startstate begin for n: node do mine[n] := false; other[n] := false; end; end;
      ruleset n: node do
        rule "write" begin mine[n] := (exists m: node do mine[m] & other[m] end); end;
      end;
      """
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check(constants: []).model
    let system = try ParameterizedElaborator(model).elaborate().system
    var store = system.store
    let node = store.fresh(.uninterpreted(0))
    let isMine = store.apply(system.functions[0].predicates[0], [node])
    let isOther = store.apply(system.functions[1].predicates[0], [node])
    let both = store.exists(node, store.and([isMine, isOther]))
    var grounding = Grounding(system, sizes: [3])
    let step = RuleInstance(number: 0, rule: 0, elements: [element])
    let (relation, _) = grounding.derivation(of: both, in: &store)
    grounding.bind(step)
    let after = grounding.next(relation, [], after: step, in: &store)
    let atoms = (0..<2).map { function in
      (0..<3).map { node in
        let predicate = store.apply(system.functions[function].predicates[0], [place(node, &grounding, &store)])
        return grounding.ground(predicate, in: &store)
      }
    }
    for state in 0..<64 {
      var values: [Term: TermValue] = [:]
      for node in 0..<3 {
        values[atoms[0][node]] = .boolean(state >> node & 1 == 1)
        values[atoms[1][node]] = .boolean(state >> (3 + node) & 1 == 1)
      }
      for (inner, meaning) in grounding.definitions.sorted(by: { $0.key < $1.key }) {
        var evaluation = Evaluation(store, values)
        values[inner] = .boolean(evaluation.isTrue(meaning))
      }
      var mine = state & 7
      let other = state >> 3
      mine = mine & other != 0 ? mine | 1 << element : mine & ~(1 << element)
      var evaluation = Evaluation(store, values)
      #expect(evaluation.isTrue(after) == (mine & other != 0), "state \(state), written at \(element)")
    }
  }

  /// A variable that stands for a node.
  private func place(_ node: Int, _ grounding: inout Grounding, _ store: inout TermStore) -> Term {
    let place = store.variable("node \(node)", .uninterpreted(0))
    grounding.bind(place, to: node)
    return place
  }
}
