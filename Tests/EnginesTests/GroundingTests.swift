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
}
