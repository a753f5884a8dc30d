package import Logic

/// Time-stamped copies of a system's state, and the conditions that tie them together.
///
/// Step i goes from state i to state i + 1. Which transition it is, is a choice variable of the step; its parameters are
/// variables of the step as well, so that a run can be read off a model as (transition, parameters) pairs alone: the states
/// follow by evaluation (`SystemRun`), and a wrong solver is found out.
///
/// Next states are variables of their own, equated with one choice per variable over the transitions that write it. Exactly one
/// transition is chosen: with two at once, each could claim the other's changes.
package struct Unrolling: Sendable {
  /// How the choice among n transitions is coded.
  package enum ChoiceEncoding: Hashable, Sendable {
    /// A bit-vector of ⌈log₂ n⌉ bits: at most one holds by itself.
    case selector
    /// A Boolean per transition, at most one by a chain of "one was chosen before".
    case oneHot
  }

  /// The system that is unrolled. Its store is not used: terms are built in the store that each call is given, which must be a
  /// copy of it, grown.
  package let system: TransitionSystem
  private let encoding: ChoiceEncoding
  /// The state variables of each stamped state.
  private var states: [[Term]] = []
  /// System variables → state i and step i.
  private var stamps: [Substitution] = []
  /// Parameters → the start's own copies; made when first needed.
  private var startStamp: Substitution?
  /// Every parameter variable of the system.
  private let parameters: [Term]

  package init(_ system: TransitionSystem, encoding: ChoiceEncoding = .selector) {
    self.system = system
    self.encoding = encoding
    let all = system.transitions.flatMap(\.parameters) + system.starts.flatMap(\.parameters)
    parameters = Set(all.compactMap(\.variable)).sorted()
  }

  /// The variables of state i, in the system's order.
  package mutating func state(_ step: Int, in store: inout TermStore) -> [Term] {
    while states.count <= step { appendState(in: &store) }
    return states[step]
  }

  /// A condition over a state and the parameters of a step, as of state i and step i.
  package mutating func stamp(_ term: Term, at step: Int, in store: inout TermStore) -> Term {
    _ = state(step, in: &store)
    return stamps[step].apply(to: term, in: &store)
  }

  /// A term over a start's parameters, as of the start.
  private mutating func stampStart(_ term: Term, in store: inout TermStore) -> Term {
    var stamp = startStamp ?? Substitution(startCopies(in: &store))
    let result = stamp.apply(to: term, in: &store)
    startStamp = stamp
    return result
  }

  private func startCopies(in store: inout TermStore) -> [Term: Term] {
    var replacements: [Term: Term] = [:]
    for parameter in parameters { replacements[parameter] = Self.copy(of: parameter, at: "start", in: &store) }
    return replacements
  }

  private mutating func appendState(in store: inout TermStore) {
    let step = states.count
    var replacements: [Term: Term] = [:]
    states.append(
      system.variables.map { variable in
        let copy = Self.copy(of: variable.term, at: "\(step)", in: &store)
        replacements[variable.term] = copy
        return copy
      })
    for parameter in parameters { replacements[parameter] = Self.copy(of: parameter, at: "\(step)", in: &store) }
    stamps.append(Substitution(replacements))
  }

  private static func copy(of variable: Term, at stamp: String, in store: inout TermStore) -> Term {
    guard let name = store.name(variable) else { preconditionFailure("states and parameters are variables") }
    return store.variable("\(name)@\(stamp)", store.sort(of: variable))
  }

  // The choice.

  /// Step i (−1: the start) is by the transition (start) at this position.
  package func isChosen(_ position: Int, at step: Int, in store: inout TermStore) -> Term {
    switch encoding {
    case .selector:
      let width = Self.selectorWidth(step < 0 ? system.starts.count : system.transitions.count)
      let selector = store.variable("!choice@\(step)", .bitVector(width: width))
      return store.equal(selector, store.bits(UInt128(position), width: width))
    case .oneHot:
      return store.variable("!choice \(position)@\(step)", .boolean)
    }
  }

  /// Exactly one of the choices of step i holds.
  private func oneIsChosen(at step: Int, in store: inout TermStore) -> Term {
    let count = step < 0 ? system.starts.count : system.transitions.count
    let choices = (0..<count).map { isChosen($0, at: step, in: &store) }
    var parts = [store.or(choices)]
    if encoding == .oneHot {
      var earlier = store.boolean(false)
      for choice in choices {
        let both = store.and(earlier, choice)
        parts.append(store.not(both))
        earlier = store.or(earlier, choice)
      }
    }
    return store.and(parts)
  }

  private static func selectorWidth(_ count: Int) -> Int {
    max(1, Int.bitWidth - (max(count, 1) - 1).leadingZeroBitCount)
  }

  // The conditions.

  /// State 0 is made by the chosen start, without failing and without being dropped.
  package mutating func start(in store: inout TermStore) -> Term {
    let initial = state(0, in: &store)
    var parts = [oneIsChosen(at: -1, in: &store)]
    for (position, start) in system.starts.enumerated() {
      var required = start.parameters.compactMap(\.domain)
      required += (start.failures.map(\.condition) + [start.dropped]).map { store.not($0) }
      required = required.map { stampStart($0, in: &store) }
      for (variable, value) in zip(initial, start.values) {
        required.append(store.equal(variable, stampStart(value, in: &store)))
      }
      let all = store.and(required)
      parts.append(store.implies(isChosen(position, at: -1, in: &store), all))
    }
    return store.and(parts)
  }

  /// The chosen transition leads from state i to state i + 1, which need not be admitted.
  package mutating func move(_ step: Int, in store: inout TermStore) -> Term {
    let before = state(step, in: &store)
    let after = state(step + 1, in: &store)
    var parts = [oneIsChosen(at: step, in: &store)]
    var next = before
    for (position, transition) in system.transitions.enumerated().reversed() {
      let chosen = isChosen(position, at: step, in: &store)
      let enabled = stamp(transition.isEnabled(in: &store), at: step, in: &store)
      parts.append(store.implies(chosen, enabled))
      for update in transition.updates {
        let value = stamp(update.value, at: step, in: &store)
        next[update.variable] = store.ifThenElse(chosen, value, next[update.variable])
      }
    }
    for (variable, value) in zip(after, next) { parts.append(store.equal(variable, value)) }
    return store.and(parts)
  }

  /// State i satisfies every assumption.
  package mutating func admitted(_ step: Int, in store: inout TermStore) -> Term {
    stamp(system.isAdmitted(in: &store), at: step, in: &store)
  }

  /// State i has only codes that mean something.
  package mutating func domain(_ step: Int, in store: inout TermStore) -> Term {
    let all = store.and(system.variables.compactMap(\.domain))
    return stamp(all, at: step, in: &store)
  }

  /// The chosen start ends in a failure that violates the property.
  package mutating func startFails(_ property: PropertyID, in store: inout TermStore) -> Term {
    var ways: [Term] = []
    for (position, start) in system.starts.enumerated() {
      let failure = start.failures.condition(violating: property, in: &store)
      let parts = start.parameters.compactMap(\.domain) + [failure]
      let all = stampStart(store.and(parts), in: &store)
      ways.append(store.and(isChosen(position, at: -1, in: &store), all))
    }
    return store.and(oneIsChosen(at: -1, in: &store), store.or(ways))
  }

  /// The chosen transition of step i ends in a failure that violates the property.
  package mutating func stepFails(_ property: PropertyID, at step: Int, in store: inout TermStore) -> Term {
    var ways: [Term] = []
    for (position, transition) in system.transitions.enumerated() {
      let failure = stamp(transition.fails(violating: property, in: &store), at: step, in: &store)
      ways.append(store.and(isChosen(position, at: step, in: &store), failure))
    }
    return store.and(oneIsChosen(at: step, in: &store), store.or(ways))
  }

  /// State i violates the property: an assumption fails there while it is looked at.
  package mutating func arrivalFails(_ property: PropertyID, at step: Int, in store: inout TermStore) -> Term {
    stamp(system.assumptionFails(violating: property, in: &store), at: step, in: &store)
  }

  /// The admitted state i violates the property: its condition is false, or a condition's evaluation fails.
  package mutating func violates(_ property: PropertyID, at step: Int, in store: inout TermStore) -> Term {
    stamp(system.isViolated(property, in: &store), at: step, in: &store)
  }

  // Reading a run off a model.

  /// The variables that say which run it is, up to (not including) state `depth`'s step.
  package mutating func runVariables(to depth: Int, in store: inout TermStore) -> [Term] {
    var result = choiceVariables(at: -1, in: &store)
    for parameter in parameters { result.append(stampStart(parameter, in: &store)) }
    for step in 0..<depth {
      result += choiceVariables(at: step, in: &store)
      for parameter in parameters { result.append(stamp(parameter, at: step, in: &store)) }
    }
    return result
  }

  private func choiceVariables(at step: Int, in store: inout TermStore) -> [Term] {
    let count = step < 0 ? system.starts.count : system.transitions.count
    switch encoding {
    case .selector:
      return [store.variable("!choice@\(step)", .bitVector(width: Self.selectorWidth(count)))]
    case .oneHot:
      return (0..<count).map { isChosen($0, at: step, in: &store) }
    }
  }

  /// The run that an assignment of `runVariables` describes.
  package mutating func run(
    to depth: Int, reading assignment: [Term: TermValue], in store: inout TermStore
  ) -> SystemRun {
    let start = choice(at: -1, reading: assignment, in: &store)
    let moves = (0..<depth).map { choice(at: $0, reading: assignment, in: &store) }
    return SystemRun(start: start, moves: moves)
  }

  private mutating func choice(
    at step: Int, reading assignment: [Term: TermValue], in store: inout TermStore
  ) -> SystemRun.Choice {
    let count = step < 0 ? system.starts.count : system.transitions.count
    let position = (0..<count).first { position in
      let chosen = isChosen(position, at: step, in: &store)
      return store.value(of: chosen, under: assignment).isTrue
    }
    guard let position else { preconditionFailure("a step without a choice") }
    let used = step < 0 ? system.starts[position].parameters : system.transitions[position].parameters
    var values: [Term: TermValue] = [:]
    for variable in used.compactMap(\.variable) {
      let copy = step < 0 ? stampStart(variable, in: &store) : stamp(variable, at: step, in: &store)
      values[variable] = assignment[copy]
    }
    return SystemRun.Choice(position: position, parameters: values)
  }
}
