import Logic
import SMT
import TransitionSystems

/// Bounded search by localization (see `BMC`), in one session that only ever grows.
///
/// A claim of Z3's is read as choices, and these are executed by evaluation: a run that evaluates is one, and if it does not, the
/// variables are revealed that Z3 misjudged. What is claimed though everything that it depends on is followed is a `Contradiction`.
struct LocalSearch: ~Copyable {
  /// What examining one depth found.
  enum Examination {
    /// The depth is done; these properties are violated there.
    case done([PropertyID: Trace])
    /// The solver stopped; these were found before.
    case stopped(UnknownReason, [PropertyID: Trace])
  }

  /// What can be violated in a state, or by trying a transition there.
  struct Target {
    /// Over the state and the transition's parameters.
    let condition: Term
    /// The transition whose failure it is; nil for a condition on the state.
    let transition: Int?
  }

  let system: TransitionSystem
  var session: SMTSession
  var unrolling: LocalUnrolling
  /// Those that no shorter run violates.
  private var open: [PropertyID] = []
  private let effort: UInt32
  /// Variables on which transitions that are there, or targets, depend: what a model has to say for a run to be read off it.
  private var isRead: [Bool]
  private let positions: [Term: Int]
  /// How many of the unrolling's transitions and variables have been looked through for that.
  private var noted = (transitions: 0, variables: 0)

  /// Opens a session about a system.
  init(
    _ system: TransitionSystem, kind: SolverKind, effort: UInt32, interrupter: Interrupter
  ) throws(SMTError) {
    self.system = system
    self.effort = effort
    session = try SMTSession(system.store, kind: kind, interrupter: interrupter)
    unrolling = LocalUnrolling(system)
    isRead = [Bool](repeating: false, count: system.variables.count)
    positions = Dictionary(uniqueKeysWithValues: zip(system.variables.map(\.term), system.variables.indices))
    for assumption in system.assumptions { note(assumption.isMet(in: &session.store)) }
  }

  /// Looks for runs of exactly `depth` transitions that end in a violation of one of the properties, and lengthens the path.
  ///
  /// Requires: called for depths 0, 1, 2, … in turn, each time for properties that the last time was called for and that were not
  /// violated then. Throws: `Contradiction` if what Z3 claims does not evaluate.
  mutating func examine(depth: Int, for properties: [PropertyID]) throws -> Examination {
    open = properties
    var found: [PropertyID: Trace] = [:]
    if depth == 0 {
      if let reason = try start(properties, &found) { return .stopped(reason, found) }
    } else {
      // P(d−1) ∧ t fails in s[d−1]
      let failing = failures(of: properties)
      if let reason = try search(failing, at: depth - 1, &found) { return .stopped(reason, found) }
      for term in unrolling.lengthen(in: &session.store) { try session.assert(term) }
    }
    // P(d) ∧ an assumption's evaluation fails in s[d]
    let arriving = targets(properties) { $0.assumptionFails(violating: $1, in: &$2) }
    if let reason = try search(arriving, at: depth, &found) { return .stopped(reason, found) }
    try session.assert(unrolling.copies.admitted(depth, in: &session.store))
    // P(d) ∧ admitted(s[d]) ∧ ¬p(s[d])
    let violating = targets(properties) { $0.isRepresentativelyViolated($1, in: &$2) }
    if let reason = try search(violating, at: depth, &found) { return .stopped(reason, found) }
    if unrolling.followsAll { try exclude(properties.filter { found[$0] == nil }, at: depth) }
    return .done(found)
  }

  /// Starts that fail; then the path begins at one that does not.
  private mutating func start(
    _ properties: [PropertyID], _ found: inout [PropertyID: Trace]
  ) throws -> UnknownReason? {
    let failing = properties.map { unrolling.copies.startFails($0, in: &session.store) }
    let variables = unrolling.copies.runVariables(to: 0, in: &session.store)
    while true {
      let open = zip(failing, properties).filter { found[$0.1] == nil }.map(\.0)
      let any = session.store.or(open)
      if session.store.constant(any) == .boolean(false) { break }
      switch try session.check(assuming: [any], reading: variables, effort: effort) {
      case .unknown(let reason): return reason
      case .unsatisfiable:
        try session.assert(unrolling.copies.start(in: &session.store))
        return nil
      case .satisfiable(let model):
        let run = unrolling.copies.run(to: 0, reading: model.assignment, in: &session.store)
        try record(run, properties, &found)
      }
    }
    try session.assert(unrolling.copies.start(in: &session.store))
    return nil
  }

  /// What violates which property.
  private struct Aim {
    let property: PropertyID
    let target: Target
  }

  /// Transitions whose failure violates a property.
  private mutating func failures(of properties: [PropertyID]) -> [Aim] {
    var aims: [Aim] = []
    for property in properties {
      for (position, transition) in system.transitions.enumerated() where transition.isRepresentative {
        let condition = transition.fails(violating: property, in: &session.store)
        if session.store.constant(condition) == .boolean(false) { continue }
        aims.append(Aim(property: property, target: Target(condition: condition, transition: position)))
      }
    }
    return aims
  }

  /// Conditions on the state that violate a property.
  private mutating func targets(
    _ properties: [PropertyID], _ condition: (TransitionSystem, PropertyID, inout TermStore) -> Term
  ) -> [Aim] {
    properties.map { property in
      Aim(
        property: property,
        target: Target(condition: condition(system, property, &session.store), transition: nil))
    }
  }

  /// Asks for one property after the other; what no run can meet is asserted not to be met, for longer runs, and the next property
  /// in runs of this length, are refuted sooner by it.
  private mutating func search(
    _ aims: [Aim], at depth: Int, _ found: inout [PropertyID: Trace]
  ) throws -> UnknownReason? {
    for aim in aims { note(aim.target.condition) }
    var properties: [PropertyID] = []
    for aim in aims where properties.last != aim.property { properties.append(aim.property) }
    for (position, property) in properties.enumerated() where found[property] == nil {
      let targets = aims.filter { $0.property == property }.map(\.target)
      let later = properties[(position + 1)...].filter { found[$0] == nil }
      if let reason = try search(targets, of: property, beside: later, at: depth, &found) { return reason }
    }
    return nil
  }

  /// Asks for the targets of one property. A run that violates properties not asked about yet as well counts for these, too.
  private mutating func search(
    _ targets: [Target], of property: PropertyID, beside later: [PropertyID], at depth: Int,
    _ found: inout [PropertyID: Trace]
  ) throws -> UnknownReason? {
    var goals: [Term] = []
    for target in targets {
      goals.append(unrolling.copies.stamp(target.condition, at: depth, in: &session.store))
    }
    let any = session.store.or(goals)
    if session.store.constant(any) == .boolean(false) { return nil }
    while true {
      let reading = variables(to: depth, targets) + goals
      switch try session.check(assuming: [any], reading: reading, effort: effort) {
      case .unknown(let reason): return reason
      case .unsatisfiable:
        try session.assert(session.store.not(any))
        return nil
      case .satisfiable(let model):
        guard let hit = goals.indices.first(where: { model.value(of: goals[$0]).isTrue }) else {
          throw Contradiction(
            subject: "a run of \(depth) transitions", first: "Z3: it ends in a violation",
            second: "Z3's model: it violates nothing")
        }
        switch concretize(model, to: depth, targets[hit]) {
        case .run(let run):
          try record(run, [property] + later, &found)
          if found[property] != nil { return nil }
        case .spurious(let causes):
          if causes.isEmpty {
            throw Contradiction(
              subject: "a run of \(depth) transitions", first: "Z3: it ends in a violation of \(property)",
              second: "evaluation: there is no such run, though all that it depends on is followed")
          }
          try reveal(causes, after: depth)
        }
      }
    }
  }

  /// Follows some more variables: those that are needed, or, if these are most of them, all.
  ///
  /// *Heuristic*: where a property depends on half of the state, what it does not depend on is not worth a dozen questions.
  private mutating func reveal(_ causes: [Int], after depth: Int) throws(SMTError) {
    let followedAll = unrolling.followsAll
    let count = system.variables.count
    let isMost = 2 * (unrolling.revealed.count + causes.count) > count
    let constraints = unrolling.reveal(isMost ? Array(0..<count) : causes, in: &session.store)
    for term in constraints { try session.assert(term) }
    if unrolling.followsAll, !followedAll {
      for earlier in 0..<depth { try exclude(open, at: earlier) }
    }
  }

  /// Asserts that no state of a depth violates a property at all: none violates it in a representative way.
  ///
  /// Follows from what was asserted of representatives, by symmetry, and so not for Z3. Only where everything is followed: it
  /// speaks of the whole state.
  private mutating func exclude(_ properties: [PropertyID], at depth: Int) throws(SMTError) {
    for property in properties {
      let violated = unrolling.copies.violates(property, at: depth, in: &session.store)
      try session.assert(session.store.not(violated))
    }
  }

  /// Evaluates a run by itself and records what it violates. Throws: `Contradiction` if that is nothing new.
  private func record(
    _ run: SystemRun, _ properties: [PropertyID], _ found: inout [PropertyID: Trace]
  ) throws {
    let outcome = system.evaluate(run)
    let hit = properties.filter { found[$0] == nil && outcome?.violated.contains($0) == true }
    guard let outcome, !hit.isEmpty else {
      throw Contradiction(
        subject: "a run of \(run.moves.count) transitions",
        first: "Z3: it ends in a violation of one of \(properties)",
        second: "evaluation: \(outcome.map { "it violates \($0.violated)" } ?? "there is no such run")")
    }
    for property in hit { found[property] = outcome.trace(violating: property) }
  }

  // What is read off a model.

  /// The position of a state variable; nil for a parameter.
  func position(of variable: Term) -> Int? { positions[variable] }

  /// Has the variables of a condition read.
  private mutating func note(_ condition: Term) {
    for variable in session.store.freeVariables(of: [condition]) {
      if let position = positions[variable] { isRead[position] = true }
    }
  }

  /// Has read what the transitions that are there and the variables that are followed depend on.
  private mutating func noteWhatCame() {
    for position in unrolling.transitions[noted.transitions...] {
      note(system.transitions[position].isEnabled(in: &session.store))
    }
    for variable in unrolling.revealed[noted.variables...] {
      isRead[variable] = true
      for value in unrolling.values(of: variable) { note(value) }
    }
    noted = (unrolling.transitions.count, unrolling.revealed.count)
  }

  /// The choices of a run, and the values of what it depends on.
  private mutating func variables(to depth: Int, _ targets: [Target]) -> [Term] {
    noteWhatCame()
    var result = unrolling.copies.runVariables(to: 0, in: &session.store)
    for step in 0...depth {
      let state = unrolling.copies.state(step, in: &session.store)
      result += state.indices.filter { isRead[$0] }.map { state[$0] }
      let possible = step < depth ? unrolling.transitions : targets.compactMap(\.transition)
      var parameters: Set<Term> = []
      for transition in possible {
        parameters.formUnion(system.transitions[transition].parameters.compactMap(\.variable))
        if step < depth { result.append(unrolling.fires(transition, at: step, in: &session.store)) }
      }
      for parameter in parameters.sorted() {
        result.append(unrolling.copies.stamp(parameter, at: step, in: &session.store))
      }
    }
    return result
  }
}
