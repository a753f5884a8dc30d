import Logic
import TransitionSystems

/// States that are known to be reachable, asked whether a cube holds one of them under some naming of its elements.
///
/// Generalization leaves out no literal if the cube would then hold such a state: a lemma that excludes it could only last for a few
/// frames. So lemmas are true statements about the protocol from the start, or nearly always; without that, most of what PDR learns
/// in its first frames says that nothing has happened yet. (heuristic: no verdict rests on it)
///
/// The states are kept as columns, a bit per state for each atom, so that a cube's literals are intersected a word at a time. A cube's
/// elements are named by backtracking: its literals are taken in an order in which the next one needs as few new names as can be, and of the
/// columns only the words are looked at in which some state is left. Before anything is named only those states stay in which each literal
/// is true of something.
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
  /// By relation of the queries' grounding: its columns by elements, the last one running fastest; empty where it was not looked at yet.
  private var columnsOfRelation: [[[UInt64]]] = []
  /// By relation and sign: in which states it holds, or does not, at some elements.
  private var columnsOfAny: [Int: [UInt64]] = [:]
  private var survivors = Survivors()

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
    columnsOfRelation = []
    columnsOfAny = [:]
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
    let ordered = Self.ordered(goals, queries.sizes)
    var left = survivors.all(of: count)
    for goal in ordered where !goal.elements.isEmpty && !left.isEmpty {
      left = survivors.filter(left, by: columnOfAny(goal, queries, &store), isNegative: false)
    }
    guard let state = meets(ordered, from: 0, left, &naming, &taken, queries, &store) else { return nil }
    return Witness(state: states[state], naming: naming)
  }

  /// Goals in an order in which each names as few new elements as can be; what says more, a positive literal, before what says less.
  private static func ordered(_ goals: [Goal], _ sizes: [Int]) -> [Goal] {
    var isNamed = sizes.map { [Bool](repeating: false, count: $0) }
    var rest = goals
    var ordered: [Goal] = []
    ordered.reserveCapacity(goals.count)
    while !rest.isEmpty {
      var (best, cost) = (0, Int.max)
      for (position, goal) in rest.enumerated() {
        var new = goal.isNegative ? 1 : 0
        for (sort, element) in zip(goal.sorts, goal.elements) where !isNamed[sort][element] { new += 2 }
        if new < cost { (best, cost) = (position, new) }
        if cost == 0 { break }
      }
      let goal = rest.remove(at: best)
      for (sort, element) in zip(goal.sorts, goal.elements) { isNamed[sort][element] = true }
      ordered.append(goal)
    }
    return ordered
  }

  /// The position of a state among `left` in which all goals from `number` on are met; the naming is then one that meets them.
  private mutating func meets(
    _ goals: [Goal], from number: Int, _ left: Range<Int>, _ naming: inout [[Int]], _ taken: inout [[Bool]],
    _ queries: borrowing Grounding, _ store: inout TermStore
  ) -> Int? {
    if number == goals.count { return survivors.first(of: left) }
    let goal = goals[number]
    guard let position = goal.elements.indices.first(where: { naming[goal.sorts[$0]][goal.elements[$0]] < 0 }) else {
      let arguments = goal.elements.indices.map { naming[goal.sorts[$0]][goal.elements[$0]] }
      let (relation, column) = place(goal.relation, goal.sorts, arguments, queries, &store)
      let rest = survivors.filter(left, by: columnsOfRelation[relation][column], isNegative: goal.isNegative)
      if let found = rest.isEmpty ? nil : meets(goals, from: number + 1, rest, &naming, &taken, queries, &store) {
        return found
      }
      survivors.forget(from: left.upperBound)
      return nil
    }
    let (sort, element) = (goal.sorts[position], goal.elements[position])
    for image in taken[sort].indices where !taken[sort][image] {
      naming[sort][element] = image
      taken[sort][image] = true
      if let found = meets(goals, from: number, left, &naming, &taken, queries, &store) { return found }
      naming[sort][element] = -1
      taken[sort][image] = false
    }
    return nil
  }

  /// In which states a goal is met at some elements, whatever the others need.
  private mutating func columnOfAny(_ goal: Goal, _ queries: borrowing Grounding, _ store: inout TermStore) -> [UInt64]
  {
    let key = 2 * goal.relation + (goal.isNegative ? 1 : 0)
    if let known = columnsOfAny[key] { return known }
    var result = [UInt64](repeating: 0, count: words)
    let mask: UInt64 = goal.isNegative ? .max : 0
    var arguments = goal.sorts.map { _ in 0 }
    var position: Int? = 0
    while position != nil {
      let (relation, column) = place(goal.relation, goal.sorts, arguments, queries, &store)
      for word in result.indices { result[word] |= columnsOfRelation[relation][column][word] ^ mask }
      position = arguments.indices.last { arguments[$0] + 1 < grounding.sizes[goal.sorts[$0]] }
      guard let position else { break }
      arguments[position] += 1
      for later in arguments.indices where later > position { arguments[later] = 0 }
    }
    columnsOfAny[key] = result
    return result
  }

  /// Where the column lies that says in which states a relation holds at elements; made when it is first asked for.
  private mutating func place(
    _ relation: Int, _ sorts: [Int], _ arguments: [Int], _ queries: borrowing Grounding, _ store: inout TermStore
  ) -> (relation: Int, column: Int) {
    var position = 0
    for (sort, element) in zip(sorts, arguments) { position = position * grounding.sizes[sort] + element }
    while columnsOfRelation.count <= relation { columnsOfRelation.append([]) }
    if columnsOfRelation[relation].isEmpty {
      let count = sorts.reduce(1) { $0 * grounding.sizes[$1] }
      columnsOfRelation[relation] = [[UInt64]](repeating: [], count: count)
    }
    if columnsOfRelation[relation][position].isEmpty {
      let term: Term
      switch queries.relations[relation].kind {
      case .predicate:
        term = simulation.variable(relation, arguments, in: &store)
      case .derived(let quantifier, let variables):
        term = simulation.instances(of: quantifier, variables, arguments, in: &store)
      }
      columnsOfRelation[relation][position] = column(of: term, store)
    }
    return (relation, position)
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

/// Sets of states inside each other, as the words of columns in which some state is left: most literals leave few.
private struct Survivors {
  /// A stack: a set is a range of it, and what is made of it lies above.
  private var places: [Int] = []
  private var bits: [UInt64] = []

  /// The first so many states, and nothing else.
  mutating func all(of count: Int) -> Range<Int> {
    let words = (count + 63) / 64
    places = Array(0..<words)
    bits = [UInt64](repeating: .max, count: words)
    if count % 64 != 0 { bits[words - 1] = (1 << UInt64(count % 64)) - 1 }
    return 0..<words
  }

  /// Those of a set, the topmost one, that are in a column, or are not.
  mutating func filter(_ set: Range<Int>, by column: [UInt64], isNegative: Bool) -> Range<Int> {
    let mask: UInt64 = isNegative ? .max : 0
    let start = places.count
    for position in set {
      let place = places[position]
      let rest = bits[position] & (column[place] ^ mask)
      if rest == 0 { continue }
      places.append(place)
      bits.append(rest)
    }
    return start..<places.count
  }

  /// Takes everything above a set away.
  mutating func forget(from top: Int) {
    places.removeLast(places.count - top)
    bits.removeLast(bits.count - top)
  }

  /// The first state of a set; nil if there is none.
  func first(of set: Range<Int>) -> Int? {
    set.first.map { places[$0] * 64 + bits[$0].trailingZeroBitCount }
  }
}
