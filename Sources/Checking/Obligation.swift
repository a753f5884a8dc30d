package import Logic
package import TransitionSystems

/// What has to be shown of an inductive invariant: each obligation says that some conditions cannot all be true.
///
/// For lemmas L and the property P, with A what is admitted anyway:
/// - *initiation*: no start state violates a lemma;
/// - *consecution*: A ∧ L ∧ (a rule leads to a violation of a lemma), for each rule and lemma by itself;
/// - *safety*: A ∧ L ∧ (P is violated), for each way to violate it.
package struct Obligations: Sendable {
  /// Every term of the obligations.
  package var store: TermStore
  /// What every state satisfies, whatever the lemmas.
  package var background: [Term]
  /// By lemma: its truth in the state.
  package var lemmas: [Term]
  package var obligations: [Obligation] = []
  /// The names of uninterpreted sorts, by number.
  package var sortNames: [String] = []
}

/// One thing to be shown.
package struct Obligation: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case initiation(lemma: Int)
    case consecution(lemma: Int)
    case safety(PropertyID)
    /// That codes of states keep meaning something; needs no lemma.
    case encoding

    /// The lemma that it is about.
    package var lemma: Int? {
      switch self {
      case .initiation(let lemma), .consecution(let lemma): lemma
      case .safety, .encoding: nil
      }
    }
  }
  package let kind: Kind
  /// In words: `consecution: lemma 3, rule "block"`.
  package let name: String
  /// What cannot all be true, in a state that satisfies the background and the lemmas; at the start, by itself.
  package let conditions: [Term]
  package let isAtStart: Bool
  /// The rule or start state that it is about; nil if about a state.
  package let rule: RuleReference?

  package init(
    _ kind: Kind, _ name: String, _ conditions: [Term], isAtStart: Bool = false, rule: RuleReference? = nil
  ) {
    self.kind = kind
    self.name = name
    self.conditions = conditions
    self.isAtStart = isAtStart
    self.rule = rule
  }
}

extension Obligations {
  /// Adds an obligation unless one of its conditions is plainly false.
  mutating func add(
    _ kind: Obligation.Kind, _ name: String, _ conditions: [Term], isAtStart: Bool = false, rule: RuleReference? = nil
  ) {
    if conditions.contains(where: { store.constant($0) == .boolean(false) }) { return }
    obligations.append(Obligation(kind, name, conditions, isAtStart: isAtStart, rule: rule))
  }

  /// The obligations as a script for other solvers: every answer must be `unsat`.
  ///
  /// Each question assumes the lemmas that `needed` names for it, by obligation, and of the background what speaks of the same
  /// functions; everything where it names none. Fewer premises make an answer
  /// `unsat` say more, and sooner: with a hundred quantified lemmas about, cvc5 takes a second for what a handful decides at once.
  package func script(needing needed: [Set<Int>?]) -> String {
    let known = background.map { functions(in: [$0]) }
    let questions = zip(obligations, needed).map { obligation, needed in
      if obligation.isAtStart { return SMTLIBPrinter.Question(obligation.name, obligation.conditions) }
      guard let needed else {
        return SMTLIBPrinter.Question(obligation.name, background + lemmas + obligation.conditions)
      }
      let terms = needed.sorted().map { lemmas[$0] } + obligation.conditions
      let used = functions(in: terms)
      let facts = background.indices.filter { known[$0].isEmpty || !known[$0].isDisjoint(with: used) }
      return SMTLIBPrinter.Question(obligation.name, facts.map { background[$0] } + terms)
    }
    return SMTLIBPrinter.script(asking: questions, in: store, sortNames: sortNames)
  }

  /// The functions that occur in some terms.
  private func functions(in terms: [Term]) -> Set<FunctionSymbol> {
    Set(store.subterms(of: terms).filter { store.operation(of: $0) == .apply }.map { store.function(of: $0) })
  }
}
