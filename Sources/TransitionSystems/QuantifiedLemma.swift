package import Logic

/// A statement about every reachable state, for all elements: no different elements satisfy all of the literals at once.
///
/// ∀ elements, those of one sort pairwise different: ¬(literal ∧ … ∧ literal)
package struct QuantifiedLemma: Hashable, Sendable {
  /// Variables of uninterpreted sorts.
  package let elements: [Term]
  /// Predicates and quantified conditions over the elements, or their negations.
  package let literals: [Term]

  package init(elements: [Term], literals: [Term]) {
    self.elements = elements
    self.literals = literals
  }

  /// The lemma as a closed formula.
  package func formula(in store: inout TermStore) -> Term {
    var parts = literals
    for (position, one) in elements.enumerated() {
      for other in elements[(position + 1)...] where store.sort(of: one) == store.sort(of: other) {
        parts.append(store.notEqual(one, other))
      }
    }
    var counterexample = store.and(parts)
    for element in elements.reversed() { counterexample = store.exists(element, counterexample) }
    return store.not(counterexample)
  }
}
