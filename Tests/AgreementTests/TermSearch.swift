import TestSupport
import TransitionSystems

/// Exhaustive search by evaluating terms: what a search by execution must find as well.
struct TermSearch {
  /// Reachable states, start states included.
  private(set) var states = 0
  /// Firings that led to a state, to old ones and to ones that an assumption drops included.
  private(set) var rulesFired = 0
  /// The fewest transitions that violate each property.
  private(set) var depths: [PropertyID: Int] = [:]
  /// Whether every reachable state was visited.
  private(set) var isExhaustive = true

  private let terms: TermSemantics
  private var seen: Set<TermSemantics.State> = []
  private var level: [TermSemantics.State] = []

  init(_ system: TransitionSystem, limit: Int) {
    terms = TermSemantics(system)
    var depth = 0
    for start in terms.starts { take(start, depth) }
    while !level.isEmpty && isExhaustive {
      let current = level
      level = []
      depth += 1
      for state in current {
        for step in terms.steps(from: state) {
          if case .reaches = step.outcome { rulesFired += 1 }
          take(step, depth)
        }
      }
      if seen.count > limit { isExhaustive = false }
    }
    states = seen.count
  }

  /// Looks at what a start or step led to.
  private mutating func take(_ step: TermSemantics.Step, _ depth: Int) {
    switch step.outcome {
    case .dropped: return
    case .fails(let failure): note(failure.property, depth)
    case .reaches(let state): visit(state, depth)
    }
  }

  /// A state that may be new: assumptions, then invariants.
  private mutating func visit(_ state: TermSemantics.State, _ depth: Int) {
    if seen.contains(state) { return }
    precondition(terms.isMeaningful(state), "a reachable state has a pattern that means nothing")
    for assumption in terms.system.assumptions {
      switch terms.check(assumption.condition, assumption.failures, in: state) {
      case .holds: continue
      case .isFalse: return
      case .fails(let failure): return note(failure.property, depth)
      }
    }
    for invariant in terms.system.invariants {
      switch terms.check(invariant.condition, invariant.failures, in: state) {
      case .holds: continue
      case .isFalse: note(invariant.property, depth)
      case .fails(let failure):
        note(invariant.property, depth)
        note(failure.property, depth)
      }
    }
    for failure in terms.system.coverFailures {
      if case .fails = terms.check(failure.condition, [failure], in: state) { note(failure.report.property, depth) }
    }
    seen.insert(state)
    level.append(state)
  }

  /// Remembers the first violation.
  private mutating func note(_ property: PropertyID, _ depth: Int) {
    if depths[property] == nil { depths[property] = depth }
  }
}
