package import Logic

/// The conditions that `TransitionSystem`'s meaning is made of, as terms over one state and one choice of parameters.
extension TransitionSystem {
  /// No assumption fails or is false.
  package func isAdmitted(in store: inout TermStore) -> Term {
    store.and(assumptions.map { $0.isMet(in: &store) })
  }

  /// An assumption fails in a way that violates the property; the ones before it are met.
  package func assumptionFails(violating property: PropertyID, in store: inout TermStore) -> Term {
    var met = store.boolean(true)
    var ways: [Term] = []
    for assumption in assumptions {
      ways.append(store.and(met, assumption.failures.condition(violating: property, in: &store)))
      met = store.and(met, assumption.isMet(in: &store))
    }
    return store.or(ways)
  }

  /// The property's condition is false, or its evaluation fails, or that of some invariant or cover does in a way that violates it.
  package func isViolated(_ property: PropertyID, in store: inout TermStore) -> Term {
    var ways = [coverFailures.condition(violating: property, in: &store)]
    for invariant in invariants {
      ways.append(invariant.failures.condition(violating: property, in: &store))
      if invariant.property == property { ways.append(invariant.isNotMet(in: &store)) }
    }
    return store.or(ways)
  }

  /// As `isViolated`, but of the ways in which a condition can be false only the representatives.
  package func isRepresentativelyViolated(_ property: PropertyID, in store: inout TermStore) -> Term {
    var ways = [coverFailures.condition(violating: property, in: &store)]
    for invariant in invariants {
      ways.append(invariant.failures.condition(violating: property, in: &store))
      guard invariant.property == property else { continue }
      ways += invariant.failures.map(\.condition) + [store.not(invariant.representative)]
    }
    return store.or(ways)
  }
}

extension StateCondition {
  /// Evaluated without failure, and true.
  package func isMet(in store: inout TermStore) -> Term {
    let fails = store.or(failures.map(\.condition))
    return store.and(store.not(fails), condition)
  }
}

extension Invariant {
  /// False, or not evaluated without failure.
  package func isNotMet(in store: inout TermStore) -> Term {
    store.or(failures.map(\.condition) + [store.not(condition)])
  }
}

extension Transition {
  /// The transition can be taken; its target need not be admitted.
  package func isEnabled(in store: inout TermStore) -> Term {
    let hindrances = (guardFailures + bodyFailures).map(\.condition) + [dropped]
    let hindered = store.or(hindrances)
    return store.and(parameters.compactMap(\.domain) + [guardTerm, store.not(hindered)])
  }

  /// The transition is tried and ends in a failure that violates the property.
  package func fails(violating property: PropertyID, in store: inout TermStore) -> Term {
    let inGuard = guardFailures.condition(violating: property, in: &store)
    let anyInGuard = store.or(guardFailures.map(\.condition))
    let inBody = store.and([
      store.not(anyInGuard), guardTerm, bodyFailures.condition(violating: property, in: &store),
    ])
    return store.and(parameters.compactMap(\.domain) + [store.or(inGuard, inBody)])
  }
}

extension [Failure] {
  /// One of those happens that violate the property.
  package func condition(violating property: PropertyID, in store: inout TermStore) -> Term {
    store.or(filter { $0.report.property == property }.map(\.condition))
  }
}
