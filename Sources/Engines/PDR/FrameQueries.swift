import Logic
import SMT
import TransitionSystems

/// The questions that PDR asks, in one session that only ever grows.
///
/// - One query per rule and choice of its elements: pre(s, r) = enabled(r) ∧ each literal of s after r, by substitution. By the
///   symmetry of F, elements that s does not mention are as good as each other, so each element variable of a rule runs
///   through those of s and one new one, the next variable of its sort through one more (restricted growth). The
///   number of queries does not depend on the sizes. (required: F is closed under renaming, and so is the start)
/// - pre(s, r) goes in as assumptions, so nothing is asserted and an unsatisfiable core names the literals of s that matter.
///   Half of the questions are answered by looking: a literal and its negation, or two values of one place.
/// - A lemma stands for its whole orbit, and is asserted for the elements that a query speaks of. That is sound: fewer lemmas make
///   fewer things unreachable, never more; and a predecessor is an exact pre-image whatever F says, so a chain of them that
///   reaches the start is a run. A predecessor that some unasserted instance excludes has that instance asserted and is
///   asked for again. (required for progress)
/// - One activation variable per lemma: a question about F[i] assumes those of level i and more. Raising a lemma changes a number.
/// - F[0] is the start, as one more activation variable: it fixes every atom that is made.
///
/// Source: measured in a prototype against monolithic relations, eager orbits and other solver kinds; one simple solver without
/// relevancy was the fastest by far.
struct FrameQueries: ~Copyable {
  let system: ParameterizedSystem
  var session: SMTSession
  var grounding: Grounding
  var frames = Frames()
  /// Some reachable states, at sizes of their own; nil where none were found out.
  private var sample: ReachableSample?
  /// By sort: of which sizes the sample is, where that was said.
  private let heldAgainst: [Int]?
  /// Of the sample's runs.
  private let seed: UInt64
  let effort: UInt32
  /// Assumed, the state is a start state.
  private let initial: Term
  /// Every start at every choice of its elements.
  private(set) var starts: [RuleInstance] = []
  /// Which of them it is.
  private(set) var startChoices: [Term] = []
  /// By atom: what it is in the start states, where that was asked.
  var startTruths: [StartTruth?] = []
  /// Atoms up to here have their start values asserted.
  private var startedAtoms = 0
  private var instances: [InstanceKey: RuleInstance] = [:]
  private var declaredInputs: Set<RuleInput> = []
  /// Rules in the order in which they are tried: those that led somewhere first.
  private var order: [Int]
  /// By relation: in how many lemmas it has occurred.
  private var activities: [Int: Int] = [:]
  /// Cubes with what they say of all elements.
  private var closures: [Cube: Cube] = [:]
  /// What was counted.
  var counts = PDRStatistics()

  private struct InstanceKey: Hashable {
    let rule: Int
    let elements: [Int]
  }

  /// Samples have no more elements of a sort than this, unless a rule needs them.
  private static let mostSampled = 6
  /// Nor where sizes were said: a sample of a very large scope costs more than it tells.
  private static let mostHeldAgainst = 8
  /// There are more start states than are written out.
  static let mostStarts = 1024

  init(
    _ system: ParameterizedSystem, sizes: [Int], heldAgainst: [Int]? = nil, seed: UInt64 = 1, effort: UInt32,
    interrupter: Interrupter
  ) throws(SMTError) {
    self.system = system
    self.seed = seed
    self.heldAgainst = heldAgainst
    self.effort = effort
    var store = system.store
    initial = store.variable("!start", .boolean)
    grounding = Grounding(system, sizes: sizes)
    order = Array(system.rules.indices)
    session = try SMTSession(store, kind: .simple, interrupter: interrupter)
  }

  /// Writes out the start states. Required before anything is asked.
  mutating func prepare() throws(SMTError) {
    makeStarts()
    try assertStarts()
    sample = ReachableSample(system, sizes: sampleSizes(), seed: seed, in: &session.store)
    counts.sampled = sample?.count ?? 0
  }

  /// By sort: one element more than there are, so that statements about the number of elements are found out; of many, two more
  /// than a rule has variables for, but enough for a few rules beside each other: with fewer, whole protocols stand still, for
  /// there is no page left for a leaf beside that of its table.
  private func sampleSizes() -> [Int] {
    if let heldAgainst { return heldAgainst.map { min($0, Self.mostHeldAgainst) } }
    var most = grounding.sizes.map { _ in 1 }
    for elements in system.rules.map(\.elements) + system.starts.map(\.elements) {
      var counts = grounding.sizes.map { _ in 0 }
      for element in elements { counts[Grounding.number(session.store.sort(of: element))] += 1 }
      for sort in most.indices { most[sort] = max(most[sort], counts[sort]) }
    }
    return zip(most, grounding.sizes).map { min($1 + 1, max($0 + 2, Self.mostSampled)) }
  }

  /// Whether the cube, under some naming, holds a state that is known to be reachable. No, if nothing is known.
  mutating func isKnownReachable(_ cube: Cube) -> Bool { reachableState(in: cube) != nil }

  /// A state that is known to be reachable, in the cube under some naming.
  mutating func reachableState(in cube: Cube) -> ReachableSample.Witness? {
    sample?.witness(in: cube, of: grounding, in: &session.store)
  }

  /// Moves lead on from a reachable state: adds what is reached to what is known.
  mutating func note(_ witness: ReachableSample.Witness, moves: [(move: Move, renaming: Renaming)]) {
    sample?.add(following: moves, from: witness, in: session.store)
    counts.sampled = sample?.count ?? 0
  }

  // Rules and starts at elements.

  /// A rule, or start, at elements.
  mutating func instance(_ rule: Int, _ elements: [Int]) -> RuleInstance {
    let key = InstanceKey(rule: rule, elements: elements)
    if let known = instances[key] { return known }
    let made = RuleInstance(number: instances.count, rule: rule, elements: elements)
    instances[key] = made
    return made
  }

  /// Element choices for variables of these sorts up to renaming: elements below `used`, and new ones in order.
  func growths(_ sorts: [Int], used: [Int]) -> [[Int]] {
    var results: [(elements: [Int], used: [Int])] = [([], used)]
    for sort in sorts {
      results = results.flatMap { result in
        let last = min(result.used[sort], grounding.sizes[sort] - 1)
        return (0...last).map { element in
          var used = result.used
          used[sort] = max(used[sort], element + 1)
          return (result.elements + [element], used)
        }
      }
    }
    return results.map(\.elements)
  }

  private mutating func makeStarts() {
    for position in system.starts.indices {
      let sorts = system.starts[position].elements.map { Grounding.number(session.store.sort(of: $0)) }
      var tuples: [[Int]] = [[]]
      for sort in sorts { tuples = tuples.flatMap { tuple in (0..<grounding.sizes[sort]).map { tuple + [$0] } } }
      for elements in tuples { starts.append(instance(system.rules.count + position, elements)) }
    }
  }

  /// How many start states there are.
  var startCount: Int { starts.count }

  /// start → one of the starts, which must be possible.
  private mutating func assertStarts() throws(SMTError) {
    if starts.count > Self.mostStarts { return }
    for (position, start) in starts.enumerated() {
      let choice = session.store.variable("!start \(position)", .boolean)
      startChoices.append(choice)
      grounding.bind(start)
      let terms = system.starts[start.rule - system.rules.count]
      try declare(terms.inputs)
      let possible = grounding.ground(terms.enabled, in: &session.store)
      try session.assert(session.store.implies(choice, possible))
    }
    let some = session.store.or(startChoices)
    try session.assert(session.store.implies(initial, some))
  }

  /// Asserts that exactly one of an input's choices is taken, once.
  mutating func declare(_ inputs: [RuleInput]) throws(SMTError) {
    for input in inputs where declaredInputs.insert(input).inserted {
      try session.assert(grounding.exactlyOne(of: input.choices.map(\.literal), in: &session.store))
    }
  }

  /// Asserts what holds by definition of the atoms made since.
  mutating func settle() throws(SMTError) {
    while !grounding.axioms.isEmpty || startedAtoms < grounding.propositions.count {
      let axioms = grounding.axioms
      grounding.axioms = []
      for axiom in axioms { try session.assert(axiom) }
      while startedAtoms < grounding.propositions.count {
        try assertStartValue(of: Atom(number: Int32(startedAtoms)))
        startedAtoms += 1
      }
    }
  }

  /// start k → the atom is what start k makes of it. Derived atoms follow from their definitions.
  private mutating func assertStartValue(of atom: Atom) throws(SMTError) {
    let proposition = grounding.proposition(atom)
    guard case .predicate = grounding.relation(atom).kind else { return }
    for (start, choice) in zip(starts, startChoices) {
      let value = startValue(of: proposition, start)
      let same = session.store.equal(proposition.variable, value)
      try session.assert(session.store.implies(choice, same))
    }
  }

  private mutating func startValue(of proposition: Grounding.Proposition, _ start: RuleInstance) -> Term {
    grounding.bind(start)
    return grounding.next(proposition.relation, proposition.arguments, after: start, in: &session.store)
  }

  // Asking.

  /// What a question came to.
  enum Answer {
    /// No: the positions of the assumptions that say so.
    case no(core: [Int])
    /// Yes, with the values of the variables that were asked for.
    case yes(SMTModel)
    case stopped(UnknownReason)
  }

  /// Can F[level] and the assumptions be true together?
  mutating func ask(
    level: Int, assuming assumptions: [Term], among active: [Int], reading: [Term]
  ) throws(SMTError) -> Answer {
    var all = assumptions
    if level == 0 {
      all.append(initial)
    } else {
      try cover(level: level, active)
      for position in frames.positions(from: level) { all.append(frames.lemmas[position].activation) }
    }
    try settle()
    counts.queries += 1
    let effort = effort
    let answer = try session.scoped { session throws(SMTError) in
      try session.check(assuming: all, reading: reading, effort: effort)
    }
    switch answer {
    case .satisfiable(let model): return .yes(model)
    case .unknown(let reason): return .stopped(reason)
    case .unsatisfiable(let core):
      let needed = Set(core)
      return .no(core: assumptions.indices.filter { needed.contains(assumptions[$0]) })
    }
  }

  // Lemma instances.

  /// Asserts the instances of the lemmas of a level and more among the first elements of each sort.
  private mutating func cover(level: Int, _ active: [Int]) throws(SMTError) {
    for position in frames.positions(from: level) {
      let lemma = frames.lemmas[position]
      if lemma.covered.contains(where: { zip($0, active).allSatisfy { $0 >= $1 } }) { continue }
      for naming in namings(lemma.uses, among: active) { _ = try assertInstance(of: position, naming) }
      frames.update(position) { $0.covered.append(active) }
    }
  }

  /// Every way to name a lemma's elements differently by the first elements of each sort.
  private func namings(_ uses: [Int], among active: [Int]) -> [[[Int]]] {
    var results: [[[Int]]] = [[]]
    for (sort, count) in uses.enumerated() {
      var choices: [[Int]] = [[]]
      for _ in 0..<count {
        choices = choices.flatMap { chosen in
          (0..<active[sort]).filter { !chosen.contains($0) }.map { chosen + [$0] }
        }
      }
      results = results.flatMap { result in choices.map { result + [$0] } }
    }
    return results
  }

  /// Asserts one instance of a lemma. Returns: whether it was new.
  mutating func assertInstance(of position: Int, _ naming: [[Int]]) throws(SMTError) -> Bool {
    let lemma = frames.lemmas[position]
    var parts: [Term] = []
    for literal in lemma.cube.literals {
      let image = renamed(literal, naming)
      parts.append(grounding.term(image.negated, in: &session.store))
    }
    let clause = session.store.or(parts)
    if lemma.instances.contains(clause) { return false }
    frames.update(position) { $0.instances.insert(clause) }
    counts.instances += 1
    try session.assert(session.store.implies(lemma.activation, clause))
    return true
  }

  /// A literal under other names.
  mutating func renamed(_ literal: Literal, _ naming: [[Int]]) -> Literal {
    let proposition = grounding.proposition(literal.atom)
    let sorts = grounding.relations[proposition.relation].sorts
    let arguments = zip(sorts, proposition.arguments).map { naming[$0][$1] }
    let atom = grounding.atom(proposition.relation, arguments, in: &session.store)
    return Literal(atom, isNegative: literal.isNegative)
  }

  /// A cube under other names.
  mutating func renamed(_ cube: Cube, _ renaming: Renaming) -> Cube {
    var literals: [Literal] = []
    for literal in cube.literals { literals.append(renamed(literal, renaming.images)) }
    return Cube(literals)
  }

  /// By sort: the number after the greatest element that a cube mentions.
  func uses(of cube: Cube) -> [Int] {
    var uses = grounding.sizes.map { _ in 0 }
    for literal in cube.literals {
      let proposition = grounding.proposition(literal.atom)
      for (sort, element) in zip(grounding.relations[proposition.relation].sorts, proposition.arguments) {
        uses[sort] = max(uses[sort], element + 1)
      }
    }
    return uses
  }

  /// The canonical form of a cube, and the renaming that leads there.
  mutating func canonical(_ cube: Cube) -> (cube: Cube, renaming: Renaming) {
    let renaming = Canonicalizer.renaming(of: cube, in: grounding)
    return (renamed(cube, renaming), renaming)
  }

  /// Whether some lemma of a level and more excludes a cube; which, and how.
  mutating func exclusion(of cube: Cube, level: Int) -> (position: Int, naming: [[Int]])? {
    let whole = closures[cube] ?? folded(cube)
    closures[cube] = whole
    let matching = Matching(in: whole, grounding)
    for position in frames.positions(from: max(level, 1)) {
      if let naming = matching.embedding(of: frames.lemmas[position].cube) { return (position, naming) }
    }
    return nil
  }

  /// Adds a lemma, canonical, and retires those that it makes superfluous.
  mutating func learn(_ cube: Cube, level: Int) {
    let activation = session.store.variable("!lemma \(frames.lemmas.count)", .boolean)
    let subsumed = frames.positions(from: 1).filter { position in
      let older = frames.lemmas[position]
      return older.level <= level && Matching(in: older.cube, grounding).embedding(of: cube) != nil
    }
    frames.add(Lemma(cube: cube, level: level, activation: activation, uses: uses(of: cube)), retiring: subsumed)
    for literal in cube.literals { activities[grounding.proposition(literal.atom).relation, default: 0] += 1 }
  }

  /// In how many lemmas a literal's relation has occurred.
  func activity(of literal: Literal) -> Int { activities[grounding.proposition(literal.atom).relation] ?? 0 }

  // The order of rules.

  /// The rules in the order in which they should be tried.
  var rules: [Int] { order }

  /// A rule led to a predecessor: it is tried first from now on.
  mutating func prefer(_ rule: Int) {
    guard let position = order.firstIndex(of: rule), position > 0 else { return }
    order.remove(at: position)
    order.insert(rule, at: 0)
  }
}

/// What PDR counted.
package struct PDRStatistics: Hashable, Sendable {
  /// Questions that went to the solver.
  package var queries = 0
  /// Reachable states that were found beforehand.
  package var sampled = 0
  /// Questions answered by looking.
  package var trivial = 0
  /// Tests whether a cube is inductive relative to a frame.
  package var inductionTests = 0
  /// Clauses asserted for lemmas.
  package var instances = 0
  /// Lemmas that hold in the end.
  package var lemmas = 0
  /// The frame at which the search ended.
  package var frames = 0

  package init() {}
}
