import Logic
import SMT
import TransitionSystems

/// What a cube says of each element of a sort, said of all of them; and what it says of all, said of each that it names.
///
/// "The page is no table's page", with two tables, is a pair of literals. Left at that, it is a statement about two tables, and false of
/// systems with three. Where `ReachableSample` knows such a state, the cube gets the quantified condition as well: the same
/// states at these sizes. (Goel, Sakallah, 2021, infer quantifiers from finished lemmas; here larger sizes ask for them while
/// the lemma is made.)
///
/// The other way round, a denied `exists` is instantiated at the elements that a cube names, so that lemmas can do without it where
/// they are about these elements only.
extension FrameQueries {
  /// Sorts with more elements are not folded: whoever speaks of all of so many does it by a quantifier already.
  private static let mostFolded = 12

  /// The cube with what it says of every element of a sort, said of all: the same states at these sizes, fewer at larger ones.
  mutating func folded(_ cube: Cube) -> Cube {
    var knowledge = Knowledge(cube, grounding)
    for literal in cube.literals where literal.isNegative {
      let proposition = grounding.proposition(literal.atom)
      guard case .derived(let quantifier, let variables) = grounding.relations[proposition.relation].kind else {
        continue
      }
      let sort = Grounding.number(session.store.quantifiedSort(of: quantifier))
      if grounding.sizes[sort] <= Self.mostFolded {
        learn(quantifier, variables, proposition.arguments, upTo: grounding.sizes[sort], &knowledge)
      }
    }
    var found = Set(cube.literals)
    var pending = cube.literals
    while let literal = pending.popLast() {
      let proposition = grounding.proposition(literal.atom)
      for position in proposition.arguments.indices {
        guard let whole = fold(literal, over: position, knowledge) else { continue }
        if found.insert(whole).inserted { pending.append(whole) }
      }
      for literal in found { knowledge.insert(literal, grounding) }
    }
    return Cube(found)
  }

  /// What a literal says of one argument, said of all elements; nil where not all are known to be so.
  private mutating func fold(_ literal: Literal, over position: Int, _ knowledge: Knowledge) -> Literal? {
    let proposition = grounding.proposition(literal.atom)
    let relation = grounding.relations[proposition.relation]
    if !literal.isNegative { return nil }
    if case .predicate(let function, _) = relation.kind, case .values = system.functions[function].range { return nil }
    let size = grounding.sizes[relation.sorts[position]]
    if size > Self.mostFolded { return nil }
    for element in 0..<size {
      var arguments = proposition.arguments
      arguments[position] = element
      guard let other = grounding.atoms[Grounding.AtomKey(relation: proposition.relation, arguments: arguments)],
        knowledge.truth(of: other, grounding) == false
      else { return nil }
    }
    var places: [Term: Int] = [:]
    let arguments = relation.sorts.enumerated().map { index, sort in
      let place = session.store.variable("#fold\(index) of \(sort)", .uninterpreted(sort))
      places[place] = proposition.arguments[index]
      return place
    }
    let term: Term
    switch relation.kind {
    case .predicate(let function, let value):
      term = session.store.apply(system.functions[function].predicates[value], arguments)
    case .derived(let quantifier, let variables):
      var naming = Substitution(Dictionary(uniqueKeysWithValues: zip(variables, arguments)))
      term = naming.apply(to: quantifier, in: &session.store)
    }
    let bound = session.store.fresh(.uninterpreted(relation.sorts[position]))
    var opening = Substitution([arguments[position]: bound])
    let whole = session.store.exists(bound, opening.apply(to: term, in: &session.store))
    guard session.store.operation(of: whole) == .exists else { return nil }
    let (folded, variables) = grounding.derivation(of: whole, in: &session.store)
    let atom = grounding.atom(folded, variables.map { places[$0] ?? 0 }, in: &session.store)
    return Literal(atom, isNegative: true)
  }

  /// The cube with what its denied quantifiers say of its elements: the same states.
  mutating func instantiated(_ cube: Cube) -> Cube {
    var knowledge = Knowledge(cube, grounding)
    let uses = uses(of: cube)
    for literal in cube.literals where literal.isNegative {
      let proposition = grounding.proposition(literal.atom)
      guard case .derived(let quantifier, let variables) = grounding.relations[proposition.relation].kind else {
        continue
      }
      let sort = Grounding.number(session.store.quantifiedSort(of: quantifier))
      learn(quantifier, variables, proposition.arguments, upTo: uses[sort], &knowledge)
    }
    return Cube(knowledge.literals)
  }

  /// Adds that a quantifier's body is false at the first elements.
  private mutating func learn(
    _ quantifier: Term, _ variables: [Term], _ arguments: [Int], upTo count: Int, _ knowledge: inout Knowledge
  ) {
    for element in 0..<count {
      for (variable, argument) in zip(variables, arguments) { grounding.bind(variable, to: argument) }
      let instance = grounding.instance(of: quantifier, at: element, in: &session.store)
      knowledge.learn(instance, isTrue: false, grounding, session.store)
    }
  }
}

/// What a cube says of single atoms, and what follows from it without search.
private struct Knowledge {
  private(set) var literals: Set<Literal>
  /// By place: the value that it holds.
  private var held: [Int: Atom] = [:]

  init(_ cube: Cube, _ grounding: borrowing Grounding) {
    literals = Set(cube.literals)
    for literal in cube.literals { note(literal, grounding) }
  }

  private mutating func note(_ literal: Literal, _ grounding: borrowing Grounding) {
    if !literal.isNegative, let cell = grounding.proposition(literal.atom).cell { held[cell] = literal.atom }
  }

  /// Adds a literal.
  mutating func insert(_ literal: Literal, _ grounding: borrowing Grounding) {
    if literals.insert(literal).inserted { note(literal, grounding) }
  }

  /// The truth of an atom; nil if it is open.
  func truth(of atom: Atom, _ grounding: borrowing Grounding) -> Bool? {
    if literals.contains(Literal(atom, isNegative: false)) { return true }
    if literals.contains(Literal(atom, isNegative: true)) { return false }
    guard let cell = grounding.proposition(atom).cell, let value = held[cell] else { return nil }
    return value == atom
  }

  /// Whether a condition is known; nil if not.
  private func truth(of term: Term, _ grounding: borrowing Grounding, _ store: TermStore) -> Bool? {
    if let value = store.constant(term) { return value.isTrue }
    if let atom = grounding.atom(of: term) { return truth(of: atom, grounding) }
    guard store.operation(of: term) == .not, let inner = store.operands(of: term).first else { return nil }
    return truth(of: inner, grounding, store).map { !$0 }
  }

  /// Adds what a condition's truth says of single atoms.
  mutating func learn(_ term: Term, isTrue: Bool, _ grounding: borrowing Grounding, _ store: TermStore) {
    let operands = Array(store.operands(of: term))
    switch store.operation(of: term) {
    case .not: learn(operands[0], isTrue: !isTrue, grounding, store)
    case .and, .or:
      if (store.operation(of: term) == .and) == isTrue {
        for operand in operands { learn(operand, isTrue: isTrue, grounding, store) }
        return
      }
      let truths = operands.map { truth(of: $0, grounding, store) }
      if truths.contains(isTrue) { return }
      let open = operands.indices.filter { truths[$0] == nil }
      if open.count == 1 { learn(operands[open[0]], isTrue: isTrue, grounding, store) }
    case _:
      guard let atom = grounding.atom(of: term), truth(of: atom, grounding) == nil else { return }
      let literal = Literal(atom, isNegative: !isTrue)
      literals.insert(literal)
      note(literal, grounding)
    }
  }
}
