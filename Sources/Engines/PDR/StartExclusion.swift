import Logic
import SMT
import TransitionSystems

extension FrameQueries {
  /// Whether a cube contains start states.
  enum StartExclusion {
    /// It contains one.
    case contained
    /// It contains none, because of these literals.
    case excluded(Set<Literal>)
    case stopped(UnknownReason)
  }

  // I ∧ s

  /// Whether a cube contains a start state; by looking where one literal is false in every start state.
  mutating func startExclusion(of cube: Cube) throws(SMTError) -> StartExclusion {
    if let literal = cube.literals.first(where: { isFalseAtStart($0) }) { return .excluded([literal]) }
    var assumptions: [Term] = []
    for literal in cube.literals { assumptions.append(grounding.term(literal, in: &session.store)) }
    switch try ask(level: 0, assuming: assumptions, among: [], reading: []) {
    case .yes: return .contained
    case .no(let core): return .excluded(Set(core.map { cube.literals[$0] }))
    case .stopped(let reason): return .stopped(reason)
    }
  }

  /// Whether a literal is false in every start state, as its value there says without a solver.
  private mutating func isFalseAtStart(_ literal: Literal) -> Bool {
    while startTruths.count < grounding.propositions.count { startTruths.append(nil) }
    let number = Int(literal.atom.number)
    let known: StartTruth
    if let truth = startTruths[number] {
      known = truth
    } else {
      known = startTruth(of: literal.atom)
      startTruths[number] = known
    }
    return known == (literal.isNegative ? .isTrue : .isFalse)
  }

  private mutating func startTruth(of atom: Atom) -> StartTruth {
    let proposition = grounding.proposition(atom)
    guard case .predicate = grounding.relation(atom).kind else { return .open }
    var truths: Set<TermValue?> = []
    for start in starts {
      grounding.bind(start)
      let value = grounding.next(proposition.relation, proposition.arguments, after: start, in: &session.store)
      truths.insert(session.store.constant(value))
    }
    if truths == [.boolean(true)] { return .isTrue }
    return truths == [.boolean(false)] ? .isFalse : .open
  }
}

/// What an atom is in the start states.
enum StartTruth: Hashable, Sendable {
  case isTrue
  case isFalse
  /// It depends, or takes a solver to say.
  case open
}
