import Logic
import TransitionSystems

/// A parameterized system at given sizes, one proposition at a time: only what a query speaks of is ever written out.
///
/// - An *atom* is a predicate of the state at elements. Atoms of one place exclude each other (`cells`); the condition that exactly
///   one of them holds is handed out when the first of them is made.
/// - A quantified condition is an atom as well, a *derived* one, with its definition over all elements handed out when it is made.
///   So guards such as "no vCPU is inside" and properties with an inner `exists` stay one literal of a cube, and lemmas can
///   speak of them at any size.
/// - A rule's effect on an atom is the update's term at the rule's elements: pre-images are made by substitution, without primed
///   variables.
///
/// Everything is built in the session's store and kept, so a formula is written out once however often it is asked for.
///
/// Which element a variable stands for is set by `bind` and stays until it is set again: every quantifier has a variable of its own.
struct Grounding {
  /// What atoms are made from.
  struct Relation {
    enum Kind {
      /// A predicate of a function: the function and the predicate's position there.
      case predicate(function: Int, position: Int)
      /// A quantifier's term, with the variables that are free in it, named by their order.
      case derived(Term, variables: [Term])
    }
    let name: String
    let kind: Kind
    /// The sorts of its arguments.
    let sorts: [Int]
    /// The functions that its truth depends on.
    let functions: Set<Int>
  }
  /// An atom's relation and arguments.
  struct Proposition {
    let relation: Int
    let arguments: [Int]
    /// The Boolean variable that stands for it.
    let variable: Term
    /// The place whose value it says, for functions of more than two values.
    let cell: Int?
  }

  let system: ParameterizedSystem
  /// By sort.
  let sizes: [Int]
  private let tag: String
  var relations: [Relation] = []
  private(set) var propositions: [Proposition] = []
  /// By cell: the atoms for its values, one of which holds.
  private(set) var cells: [[Atom]] = []
  /// What derived atoms stand for, by variable.
  private(set) var definitions: [Term: Term] = [:]
  /// What holds by definition and was not asserted yet.
  var axioms: [Term] = []
  var relationOfPredicate: [FunctionSymbol: Int] = [:]
  /// By quantifier's term, its free variables renamed.
  var relationOfQuantifier: [Term: Int] = [:]
  /// By quantifier's term as it stands: its relation, and its free variables in the order of the arguments.
  var derivations: [Term: (relation: Int, variables: [Term])] = [:]
  var atoms: [AtomKey: Atom] = [:]
  var atomOfVariable: [Term: Atom] = [:]
  var openings: [Term: (variable: Term, body: Term)] = [:]
  var results: [UInt128: Term] = [:]
  /// By rule, then start, by function.
  let updates: [[Int: FunctionUpdate]]
  /// By rule: what conditions after it are before it.
  var nextStates: [Int: NextState] = [:]
  // Which element each variable stands for at present, by slot.
  var values: [Int] = []
  var slotOf: [Term: Int] = [:]
  var variableOfSlot: [Term] = []
  var freeSlots: [Term: [Int]] = [:]

  struct AtomKey: Hashable {
    let relation: Int
    let arguments: [Int]
  }
  /// `tag` is part of the names of propositions, so that groundings at different sizes can share a store.
  init(_ system: ParameterizedSystem, sizes: [Int], tag: String = "") {
    self.system = system
    self.sizes = sizes
    self.tag = tag
    precondition(sizes.allSatisfy { $0 < 1 << 12 }, "more elements than a key has room for")
    let changes = system.rules.map(\.updates) + system.starts.map(\.values)
    updates = changes.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.function, $0) }) }
    for (index, function) in system.functions.enumerated() {
      for (position, predicate) in function.predicates.enumerated() {
        let signature = system.store.signature(of: predicate)
        relationOfPredicate[predicate] = relations.count
        relations.append(
          Relation(
            name: system.store.name(of: predicate), kind: .predicate(function: index, position: position),
            sorts: signature.arguments.map(Self.number), functions: [index]))
      }
    }
  }

  static func number(_ sort: Sort) -> Int {
    guard case .uninterpreted(let number) = sort else { preconditionFailure("an element of no uninterpreted sort") }
    return number
  }

  // Atoms.

  /// The proposition of an atom.
  func proposition(_ atom: Atom) -> Proposition { propositions[Int(atom.number)] }

  /// The relation of an atom.
  func relation(_ atom: Atom) -> Relation { relations[propositions[Int(atom.number)].relation] }

  /// The atom that a Boolean variable stands for; nil for a rule's input.
  func atom(of variable: Term) -> Atom? { atomOfVariable[variable] }

  /// The literal as a term.
  func term(_ literal: Literal, in store: inout TermStore) -> Term {
    let variable = proposition(literal.atom).variable
    return literal.isNegative ? store.not(variable) : variable
  }

  /// A relation's atom at elements; made with everything that holds by definition.
  mutating func atom(_ relation: Int, _ arguments: [Int], in store: inout TermStore) -> Atom {
    if let known = atoms[AtomKey(relation: relation, arguments: arguments)] { return known }
    switch relations[relation].kind {
    case .predicate(let function, _):
      makePlace(function, of: relation, arguments, in: &store)
    case .derived(let quantifier, let variables):
      let atom = make(relation, arguments, cell: nil, in: &store)
      // Relations share the names of their variables, and an atom is made in the midst of grounding another's definition.
      let before = elements(boundTo: variables)
      for (variable, element) in zip(variables, arguments) { bind(variable, to: element) }
      let definition = instances(of: quantifier, after: nil, in: &store)
      for (variable, element) in zip(variables, before) { bind(variable, to: element) }
      definitions[proposition(atom).variable] = definition
      axioms.append(store.equal(proposition(atom).variable, definition))
    }
    guard let made = atoms[AtomKey(relation: relation, arguments: arguments)] else {
      preconditionFailure("an atom was left unmade")
    }
    return made
  }

  /// Makes the atoms of a function's place.
  private mutating func makePlace(
    _ function: Int, of relation: Int, _ arguments: [Int], in store: inout TermStore
  ) {
    let predicates = system.functions[function].predicates.compactMap { relationOfPredicate[$0] }
    switch system.functions[function].range {
    case .boolean: _ = make(relation, arguments, cell: nil, in: &store)
    case .values:
      let cell = cells.count
      cells.append(predicates.map { make($0, arguments, cell: cell, in: &store) })
      axioms.append(exactlyOne(of: cells[cell], in: &store))
    case .elements(let sort, _, let undefined):
      let place = Array(arguments.prefix(system.functions[function].arguments.count))
      let cell = cells.count
      var values = (0..<sizes[sort]).map { make(predicates[0], place + [$0], cell: cell, in: &store) }
      if undefined != nil { values.append(make(predicates[1], place, cell: cell, in: &store)) }
      cells.append(values)
      axioms.append(exactlyOne(of: values, in: &store))
    }
  }

  mutating func make(
    _ relation: Int, _ arguments: [Int], cell: Int?, in store: inout TermStore
  ) -> Atom {
    let atom = Atom(number: Int32(propositions.count))
    let place = arguments.isEmpty ? "" : " at \(arguments.map { "\($0)" }.joined(separator: ", "))"
    let variable = store.variable(tag + relations[relation].name + place, .boolean)
    propositions.append(Proposition(relation: relation, arguments: arguments, variable: variable, cell: cell))
    atoms[AtomKey(relation: relation, arguments: arguments)] = atom
    atomOfVariable[variable] = atom
    return atom
  }

  /// Exactly one of the atoms holds: pairwise up to six, beyond that by "one came before" (Sinz, 2005).
  private func exactlyOne(of atoms: [Atom], in store: inout TermStore) -> Term {
    exactlyOne(of: atoms.map { proposition($0).variable }, in: &store)
  }

  func exactlyOne(of variables: [Term], in store: inout TermStore) -> Term {
    var parts = [store.or(variables)]
    if variables.count <= 6 {
      for (position, one) in variables.enumerated() {
        for other in variables[(position + 1)...] {
          let both = store.and(one, other)
          parts.append(store.not(both))
        }
      }
      return store.and(parts)
    }
    var before = store.boolean(false)
    for variable in variables {
      let both = store.and(before, variable)
      parts.append(store.not(both))
      let now = store.fresh(.boolean)
      parts.append(store.implies(before, now))
      parts.append(store.implies(variable, now))
      before = now
    }
    return store.and(parts)
  }
}

/// A rule, or a start, at elements.
struct RuleInstance: Hashable, Sendable {
  /// Tells instances apart.
  let number: Int
  /// The position among the system's rules; those of the starts follow.
  let rule: Int
  /// By element variable.
  let elements: [Int]
}
