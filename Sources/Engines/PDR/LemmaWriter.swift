import Logic
import SMT
import TransitionSystems

/// Lemmas as formulas over the system's own terms.
struct LemmaWriter {
  /// The system's store, grown.
  private(set) var store: TermStore
  private var transcription: Transcription?

  init(_ store: TermStore) { self.store = store }

  /// No renaming of the cube holds any reachable state.
  mutating func write(_ cube: Cube, _ queries: borrowing FrameQueries) -> QuantifiedLemma {
    var elements: [[Int]: Term] = [:]
    var literals: [Term] = []
    for literal in cube.literals {
      let proposition = queries.grounding.proposition(literal.atom)
      let relation = queries.grounding.relations[proposition.relation]
      let arguments = zip(relation.sorts, proposition.arguments).map { sort, element in
        let known = elements[[sort, element]]
        let variable = known ?? store.variable("#lemma\(element).S\(sort)", .uninterpreted(sort))
        elements[[sort, element]] = variable
        return variable
      }
      let truth = term(of: relation, arguments, queries)
      literals.append(literal.isNegative ? store.not(truth) : truth)
    }
    let order = elements.keys.sorted { $0.lexicographicallyPrecedes($1) }
    return QuantifiedLemma(elements: order.compactMap { elements[$0] }, literals: literals)
  }

  private mutating func term(
    of relation: Grounding.Relation, _ arguments: [Term], _ queries: borrowing FrameQueries
  ) -> Term {
    switch relation.kind {
    case .predicate(let function, let position):
      return store.apply(queries.system.functions[function].predicates[position], arguments)
    case .derived(let quantifier, let variables):
      var transcription = self.transcription ?? Transcription(from: queries.session.store)
      let whole = transcription.transcribe(quantifier, to: &store)
      var names: [Term: Term] = [:]
      for (variable, argument) in zip(variables, arguments) {
        names[transcription.transcribe(variable, to: &store)] = argument
      }
      self.transcription = transcription
      var substitution = Substitution(names)
      return substitution.apply(to: whole, in: &store)
    }
  }
}
