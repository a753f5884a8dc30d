import Logic
import SMT
import TestSupport
import Testing
import TransitionSystems

@testable import Engines

/// What a cube says of each, said of all, and the other way round: the same states at these sizes.
///
/// A random state, and of what is true there a random part as the cube, atoms of quantified conditions among them. Every state that is
/// tried and lies in the cube must lie in what is made of it.
@Suite("Folding")
struct FoldingTests {
  /// The places of the node system by function: marks, marks, links.
  private static let places: [(function: Int, arguments: [Int])] = {
    let nodes = 0..<NodeSystem.nodes
    return nodes.map { (0, [$0]) } + nodes.map { (1, [$0]) } + nodes.flatMap { n in nodes.map { (2, [n, $0]) } }
  }()

  /// ∃ m: mine(m) ∧ link(n, m), for each n: a relation with a free node.
  private func conditions(_ queries: inout FrameQueries) -> [Atom] {
    let system = queries.system
    let free = queries.session.store.variable("free", .uninterpreted(0))
    let bound = queries.session.store.fresh(.uninterpreted(0))
    let isMine = queries.session.store.apply(system.functions[0].predicates[0], [bound])
    let isLinked = queries.session.store.apply(system.functions[2].predicates[0], [free, bound])
    let both = queries.session.store.and([isMine, isLinked])
    let term = queries.session.store.exists(bound, both)
    let (relation, _) = queries.grounding.derivation(of: term, in: &queries.session.store)
    return (0..<NodeSystem.nodes).map { queries.grounding.atom(relation, [$0], in: &queries.session.store) }
  }

  private func truth(_ atom: Atom, _ state: NodeSystem.State, _ queries: borrowing FrameQueries) throws -> Bool {
    var valuation = NodeSystem.Valuation(
      grounding: queries.grounding, store: queries.session.store, state: state)
    return try valuation.isTrue(queries.grounding.proposition(atom).variable)
  }

  private func holds(_ cube: Cube, _ state: NodeSystem.State, _ queries: borrowing FrameQueries) throws -> Bool {
    for literal in cube.literals where try truth(literal.atom, state, queries) == literal.isNegative { return false }
    return true
  }

  /// A state with much that is false, so that something can be said of all.
  private func sparse(_ generator: inout SeededGenerator) -> NodeSystem.State {
    var state = NodeSystem.State(&generator)
    for n in 0..<NodeSystem.nodes where generator.once(in: 2) { state.link[n] = state.link[n].map { _ in false } }
    return state
  }

  /// A state that differs in up to three places.
  private func neighbour(of state: NodeSystem.State, _ generator: inout SeededGenerator) -> NodeSystem.State {
    var other = state
    for _ in 0..<3 {
      let n = Int.random(in: 0..<NodeSystem.nodes, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: other.mine[n].toggle()
      case 1: other.other[n].toggle()
      default: other.link[n][Int.random(in: 0..<NodeSystem.nodes, using: &generator)].toggle()
      }
    }
    return other
  }

  @Test("folded and instantiated cubes have the cube's states", arguments: 1...3 as ClosedRange<UInt64>)
  func sameStates(_ seed: UInt64) throws {
    let system = try NodeSystem.system()
    var queries = try FrameQueries(system, sizes: [NodeSystem.nodes], effort: 0, interrupter: Interrupter())
    try queries.prepare()
    var generator = SeededGenerator(seed: seed)
    var atoms = conditions(&queries)
    for place in Self.places {
      let predicate = system.functions[place.function].predicates[0]
      let relation = try #require(queries.grounding.relationOfPredicate[predicate])
      atoms.append(queries.grounding.atom(relation, place.arguments, in: &queries.session.store))
    }
    var (grown, inside) = (0, 0)
    for _ in 0..<20 {
      let state = sparse(&generator)
      var literals: [Literal] = []
      for atom in atoms where !generator.once(in: 4) {
        literals.append(Literal(atom, isNegative: try !truth(atom, state, queries)))
      }
      let cube = Cube(literals)
      let folded = queries.folded(cube)
      let instantiated = queries.instantiated(cube)
      #expect(Set(cube.literals).isSubset(of: folded.literals))
      #expect(Set(cube.literals).isSubset(of: instantiated.literals))
      if folded != cube || instantiated != cube { grown += 1 }
      for other in [state] + (0..<80).map({ _ in neighbour(of: state, &generator) }) {
        guard try holds(cube, other, queries) else { continue }
        inside += 1
        #expect(try holds(folded, other, queries), "\(other)")
        #expect(try holds(instantiated, other, queries), "\(other)")
      }
    }
    // Something was made, and held against other states than the first.
    #expect(grown >= 10)
    #expect(inside >= 60)
  }

  /// The atom of a mark at a node.
  private func mark(_ node: Int, _ queries: inout FrameQueries) throws -> Atom {
    let relation = try #require(queries.grounding.relationOfPredicate[queries.system.functions[0].predicates[0]])
    return queries.grounding.atom(relation, [node], in: &queries.session.store)
  }

  @Test("what is said of every node is said of all; what is said of two of three is not", arguments: [2, 3])
  func everyNode(_ count: Int) throws {
    var queries = try FrameQueries(
      try NodeSystem.system(), sizes: [NodeSystem.nodes], effort: 0, interrupter: Interrupter())
    try queries.prepare()
    var literals: [Literal] = []
    for node in 0..<count { literals.append(Literal(try mark(node, &queries), isNegative: true)) }
    let folded = queries.folded(Cube(literals))
    let added = folded.literals.filter { !literals.contains($0) }
    #expect(added.count == (count == NodeSystem.nodes ? 1 : 0))
    for literal in added {
      #expect(literal.isNegative)
      #expect(queries.grounding.proposition(literal.atom).arguments.isEmpty)
    }
  }

  @Test("what no node has, the nodes of the cube have not")
  func noNode() throws {
    var queries = try FrameQueries(
      try NodeSystem.system(), sizes: [NodeSystem.nodes], effort: 0, interrupter: Interrupter())
    try queries.prepare()
    // "No linked node is marked" of node 0; node 1 is linked, node 2 does not occur.
    let atoms = conditions(&queries)
    let links = try #require(queries.grounding.relationOfPredicate[queries.system.functions[2].predicates[0]])
    let link = queries.grounding.atom(links, [0, 1], in: &queries.session.store)
    let cube = Cube([Literal(atoms[0], isNegative: true), Literal(link, isNegative: false)])
    let instantiated = queries.instantiated(cube)
    #expect(
      Set(instantiated.literals) == Set(cube.literals + [Literal(try mark(1, &queries), isNegative: true)]))
  }
}
