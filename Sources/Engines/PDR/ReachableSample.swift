import Logic
import TransitionSystems

/// States that are known to be reachable, asked whether a cube holds one of them under some naming of its elements.
///
/// Generalization leaves out no literal if the cube would then hold such a state: a lemma that excludes it could only last for a few
/// frames. So lemmas are true statements about the protocol from the start, or nearly always; without that, most of what PDR learns
/// in its first frames says that nothing has happened yet. (heuristic: no verdict rests on it)
///
/// The states are kept as columns, a bit per state for each atom, so that a cube's literals are intersected a word at a time.
struct ReachableSample {
  /// Steps of the runs that are started from a state that was found later.
  private static let laterSteps = 24
  /// More states than this are not kept.
  private static let mostStates = 1 << 17

  private var simulation: Simulation
  /// A bit per atom of the simulation.
  private var states: [[UInt64]] = []
  private var known: Set<[UInt64]> = []
  /// By atom of the simulation: in which states it is true. They only grow.
  private var atoms: [[UInt64]]
  /// The atoms' positions, by Boolean variable.
  private let positions: [Term: Int]
  /// By term over the atoms' variables: in which of the present states it is true.
  private var columns: [Term: [UInt64]] = [:]
  /// By relation of the queries' grounding and elements.
  private var columnsOfRelation: [RelationKey: [UInt64]] = [:]

  private struct RelationKey: Hashable {
    let relation: Int
    let arguments: [Int]
  }

  /// A cube's literal with its parts at hand.
  private struct Goal {
    let relation: Int
    let isNegative: Bool
    let sorts: [Int]
    let elements: [Int]
  }

  /// A state in a cube, and the naming of the cube's elements under which it lies there.
  struct Witness {
    let state: [UInt64]
    /// By sort and element of the cube; −1 for elements that it does not mention.
    let naming: [[Int]]
  }

  /// Runs a simulation; nil where there is nothing to learn from it.
  init?(_ system: ParameterizedSystem, sizes: [Int], seed: UInt64, in store: inout TermStore) {
    guard let simulation = Simulation(system, sizes: sizes, seed: seed, in: &store) else { return nil }
    self.simulation = simulation
    atoms = simulation.atoms.map { _ in [] }
    let variables = simulation.atoms.map { simulation.grounding.proposition($0).variable }
    positions = Dictionary(uniqueKeysWithValues: zip(variables, variables.indices))
    add(self.simulation.statesFromStart(in: &store))
    if states.isEmpty { return nil }
  }

  /// How many states there are.
  var count: Int { states.count }
  private var words: Int { (states.count + 63) / 64 }
  private var grounding: Grounding { simulation.grounding }

  /// Complexity: linear in what is new.
  private mutating func add(_ more: [[UInt64]]) {
    for state in more where states.count < Self.mostStates && known.insert(state).inserted { append(state) }
    columns = [:]
    columnsOfRelation = [:]
  }

  private mutating func append(_ state: [UInt64]) {
    let (word, bit) = (states.count / 64, UInt64(states.count % 64))
    if bit == 0 { for atom in atoms.indices { atoms[atom].append(0) } }
    states.append(state)
    for (position, part) in state.enumerated() {
      var rest = part
      while rest != 0 {
        atoms[position * 64 + rest.trailingZeroBitCount][word] |= 1 << bit
        rest &= rest - 1
      }
    }
  }

  /// Adds what moves from a witness lead to, and what runs from there visit. The moves' elements are named as the witness's cube
  /// names them before the first move, then as each next cube does.
  mutating func add(following moves: [(move: Move, renaming: Renaming)], from witness: Witness, in store: TermStore) {
    var state = witness.state
    var naming = witness.naming
    for (move, renaming) in moves {
      guard let elements = named(move, renaming, &naming) else { break }
      let named = Move(rule: move.rule, elements: elements, inputs: move.inputs)
      guard let next = simulation.state(after: named, from: state, store) else { break }
      state = next
    }
    add(simulation.states(from: state, steps: Self.laterSteps, store))
  }

  /// A move's elements in the state, and how the next cube's elements are named there; nil where the sample has no element
  /// left for one.
  private func named(_ move: Move, _ renaming: Renaming, _ naming: inout [[Int]]) -> [Int]? {
    // The next cube's element e is the present cube's element renaming(e).
    var next = naming.map { $0.map { _ in -1 } }
    for sort in next.indices {
      for element in next[sort].indices { next[sort][element] = naming[sort][renaming.images[sort][element]] }
    }
    let sorts = simulation.sorts(of: move.rule)
    for (sort, element) in zip(sorts, move.elements) where next[sort][element] < 0 {
      guard let free = (0..<grounding.sizes[sort]).first(where: { !next[sort].contains($0) }) else { return nil }
      next[sort][element] = free
    }
    naming = next
    return zip(sorts, move.elements).map { naming[$0][$1] }
  }

  /// Whether some state lies in the cube under some naming; which. `queries` is the grounding that the cube belongs to.
  mutating func witness(in cube: Cube, of queries: borrowing Grounding, in store: inout TermStore) -> Witness? {
    var goals: [Goal] = []
    for literal in cube.literals {
      let proposition = queries.proposition(literal.atom)
      goals.append(
        Goal(
          relation: proposition.relation, isNegative: literal.isNegative,
          sorts: queries.relations[proposition.relation].sorts, elements: proposition.arguments))
    }
    var naming = queries.sizes.map { [Int](repeating: -1, count: $0) }
    var taken = grounding.sizes.map { [Bool](repeating: false, count: $0) }
    var all = [UInt64](repeating: .max, count: words)
    if count % 64 != 0 { all[words - 1] = (1 << UInt64(count % 64)) - 1 }
    guard let state = meets(goals[...], all, &naming, &taken, queries, &store) else { return nil }
    return Witness(state: states[state], naming: naming)
  }

  /// The position of a state in which all goals are met; the naming is then the one that meets them.
  private mutating func meets(
    _ goals: ArraySlice<Goal>, _ left: [UInt64], _ naming: inout [[Int]], _ taken: inout [[Bool]],
    _ queries: borrowing Grounding, _ store: inout TermStore
  ) -> Int? {
    guard let goal = goals.first else {
      guard let word = left.firstIndex(where: { $0 != 0 }) else { return nil }
      return word * 64 + left[word].trailingZeroBitCount
    }
    guard let position = goal.elements.indices.first(where: { naming[goal.sorts[$0]][goal.elements[$0]] < 0 }) else {
      let arguments = zip(goal.sorts, goal.elements).map { naming[$0][$1] }
      let column = column(goal.relation, arguments, queries, &store)
      var rest = left
      var some: UInt64 = 0
      for word in rest.indices {
        rest[word] &= goal.isNegative ? ~column[word] : column[word]
        some |= rest[word]
      }
      return some == 0 ? nil : meets(goals.dropFirst(), rest, &naming, &taken, queries, &store)
    }
    let (sort, element) = (goal.sorts[position], goal.elements[position])
    for image in taken[sort].indices where !taken[sort][image] {
      naming[sort][element] = image
      taken[sort][image] = true
      if let found = meets(goals, left, &naming, &taken, queries, &store) { return found }
      naming[sort][element] = -1
      taken[sort][image] = false
    }
    return nil
  }

  /// In which states a relation holds at elements.
  private mutating func column(
    _ relation: Int, _ arguments: [Int], _ queries: borrowing Grounding, _ store: inout TermStore
  ) -> [UInt64] {
    let key = RelationKey(relation: relation, arguments: arguments)
    if let known = columnsOfRelation[key] { return known }
    let term: Term
    switch queries.relations[relation].kind {
    case .predicate:
      term = simulation.variable(relation, arguments, in: &store)
    case .derived(let quantifier, let variables):
      term = simulation.instances(of: quantifier, variables, arguments, in: &store)
    }
    let result = column(of: term, store)
    columnsOfRelation[key] = result
    return result
  }

  /// In which states a ground term is true.
  private mutating func column(of term: Term, _ store: TermStore) -> [UInt64] {
    if let atom = positions[term] { return atoms[atom] }
    if let known = columns[term] { return known }
    if let definition = grounding.definitions[term] {
      let result = column(of: definition, store)
      columns[term] = result
      return result
    }
    let operands = store.operands(of: term).map { column(of: $0, store) }
    let result = (0..<words).map { word in
      Self.value(store.operation(of: term), operands.map { $0[word] }, store.constant(term) == .boolean(true))
    }
    columns[term] = result
    return result
  }

  private static func value(_ operation: Operator, _ operands: [UInt64], _ truth: Bool) -> UInt64 {
    switch operation {
    case .constant: return truth ? .max : 0
    case .not: return ~operands[0]
    case .and: return operands.reduce(.max, &)
    case .or: return operands.reduce(0, |)
    case .ifThenElse: return operands[0] & operands[1] | ~operands[0] & operands[2]
    case .equal: return ~(operands[0] ^ operands[1])
    case .variable, .apply, .exists, .none, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
      .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
      .concatenate, .extendUnsigned, .extendSigned:
      preconditionFailure("a ground condition is Boolean over atoms")
    }
  }
}
