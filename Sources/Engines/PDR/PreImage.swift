import Logic
import SMT
import TransitionSystems

/// A condition on a state as a conjunction, each part with the reason why it is there.
///
/// Parts that are literals are kept apart from the others: they are what a predecessor is made of, and often they contradict each
/// other without any solver.
struct Conjunction {
  /// Where a part comes from.
  enum Reason: Hashable, Sendable {
    /// From what must hold anyway: a guard, or a property's violation.
    case given
    /// From the literal at this position of the cube.
    case literal(Int)
  }
  /// A part and its reason.
  struct Part {
    let term: Term
    let reason: Reason
  }

  /// Literals, over atoms and inputs.
  private(set) var units: [Part] = []
  /// Everything else.
  private(set) var others: [Part] = []
  /// The reasons of parts that contradict each other; nil while none are known to.
  private(set) var conflict: Set<Reason>?
  private var truths: [Term: (isTrue: Bool, reason: Reason)] = [:]
  private var held: [Int: (value: Term, reason: Reason)] = [:]

  /// Adds a term and what it is a conjunction of.
  mutating func add(_ term: Term, _ reason: Reason, _ grounding: borrowing Grounding, in store: inout TermStore) {
    var pending = [term]
    while let next = pending.popLast(), conflict == nil {
      if let value = store.constant(next) {
        if !value.isTrue { conflict = [reason] }
        continue
      }
      let parts = store.conjuncts(of: next)
      if parts.count > 1 {
        pending.append(contentsOf: parts.reversed())
      } else {
        addPart(next, reason, grounding, store)
      }
    }
  }

  private mutating func addPart(
    _ term: Term, _ reason: Reason, _ grounding: borrowing Grounding, _ store: TermStore
  ) {
    let isNegative = store.operation(of: term) == .not
    let variable = isNegative ? store.operands(of: term).first ?? term : term
    guard store.operation(of: variable) == .variable else {
      if !others.contains(where: { $0.term == term }) { others.append(Part(term: term, reason: reason)) }
      return
    }
    if let known = truths[variable] {
      if known.isTrue == isNegative { conflict = [known.reason, reason] }
      return
    }
    truths[variable] = (!isNegative, reason)
    units.append(Part(term: term, reason: reason))
    guard !isNegative, let atom = grounding.atom(of: variable), let cell = grounding.proposition(atom).cell else {
      return
    }
    if let other = held[cell] {
      conflict = [other.reason, reason]
    } else {
      held[cell] = (variable, reason)
    }
  }

  /// Whether the units alone make a literal false.
  func excludes(_ literal: Literal, _ grounding: borrowing Grounding) -> Bool {
    let proposition = grounding.proposition(literal.atom)
    if let known = truths[proposition.variable] { return known.isTrue == literal.isNegative }
    guard !literal.isNegative, let cell = proposition.cell, let other = held[cell] else { return false }
    return other.value != proposition.variable
  }

  /// Every part, units first.
  var parts: [Part] { units + others }
}

/// Finding the reasons why a term has its value: which atoms make it so (justification; instead of ternary simulation).
struct Justification {
  private let grounding: Grounding
  private let store: TermStore
  private var evaluation: Evaluation
  private var seen: Set<Term> = []
  private(set) var literals: Set<Literal>

  /// `literals` hold already; of several reasons those are preferred.
  init(_ literals: Set<Literal>, _ grounding: borrowing Grounding, _ store: TermStore, _ values: [Term: TermValue]) {
    self.literals = literals
    self.grounding = copy grounding
    self.store = store
    evaluation = Evaluation(store, values)
  }

  /// Adds literals that make the term what it is.
  mutating func justify(_ term: Term) {
    var pending = [term]
    while let next = pending.popLast() {
      guard seen.insert(next).inserted else { continue }
      let operands = Array(store.operands(of: next))
      switch store.operation(of: next) {
      case .constant: continue
      case .variable:
        if let definition = grounding.definitions[next], evaluation.isTrue(next) {
          pending.append(definition)
        } else if let atom = grounding.atom(of: next) {
          literals.insert(Literal(atom, isNegative: !evaluation.isTrue(next)))
        }
      case .not: pending.append(operands[0])
      case .and, .or:
        let deciding = store.operation(of: next) == .or
        if evaluation.isTrue(next) == deciding {
          pending.append(reason(among: operands.filter { evaluation.isTrue($0) == deciding }))
        } else {
          pending.append(contentsOf: operands)
        }
      case .ifThenElse:
        pending.append(contentsOf: [operands[0], evaluation.isTrue(operands[0]) ? operands[1] : operands[2]])
      case .equal: pending.append(contentsOf: operands)
      case .apply, .exists, .none, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
        .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
        .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
        .concatenate, .extendUnsigned, .extendSigned:
        preconditionFailure("a ground condition is Boolean")
      }
    }
  }

  /// The operand that costs least: one that holds already, an input, an atom, then any.
  private func reason(among operands: [Term]) -> Term {
    var best = operands[0]
    var cost = 4
    for operand in operands {
      let next = self.cost(of: operand)
      if next < cost { (best, cost) = (operand, next) }
    }
    return best
  }

  private func cost(of operand: Term) -> Int {
    if seen.contains(operand) { return 0 }
    let isNegative = store.operation(of: operand) == .not
    let variable = isNegative ? store.operands(of: operand).first ?? operand : operand
    guard store.operation(of: variable) == .variable else { return 3 }
    guard let atom = grounding.atom(of: variable) else { return 0 }
    return literals.contains(Literal(atom, isNegative: isNegative)) ? 0 : 2
  }
}

extension FrameQueries {
  /// What F[level] and a conjunction come to.
  enum Meeting {
    /// They exclude each other; these parts' reasons were needed.
    case disjoint(Set<Conjunction.Reason>)
    /// Every state of the cube satisfies the conjunction under the inputs, and no lemma excludes the cube.
    case meets(Cube, inputs: [Int])
    case stopped(UnknownReason)
  }

  /// F[level] ∧ conjunction: a cube of its states, or the reasons why there is none.
  ///
  /// `hypothesis` is assumed as well, without a reason. `inputs` are those that occur in the conjunction.
  mutating func meet(
    level: Int, _ conjunction: Conjunction, hypothesis: Term? = nil, inputs: [RuleInput], among active: [Int]
  ) throws(SMTError) -> Meeting {
    if let conflict = conjunction.conflict {
      counts.trivial += 1
      return .disjoint(conflict)
    }
    let parts = conjunction.parts
    var assumptions = parts.map(\.term)
    if let hypothesis { assumptions.append(hypothesis) }
    try declare(inputs)
    let support = witnesses(of: conjunction)
    let reading = support + session.store.freeVariables(of: inputs.flatMap { $0.choices.map(\.literal) })
    while true {
      switch try ask(level: level, assuming: assumptions, among: active, reading: Set(reading).sorted()) {
      case .stopped(let reason): return .stopped(reason)
      case .no(let core): return .disjoint(Set(core.filter { $0 < parts.count }.map { parts[$0].reason }))
      case .yes(let model):
        let cube = instantiated(lift(conjunction, model))
        if level > 0, let (position, naming) = exclusion(of: cube, level: level) {
          let isNew = try assertInstance(of: position, naming)
          precondition(isNew, "a solver's state violates a lemma that it was told")
          continue
        }
        return .meets(cube, inputs: inputs.map { chosen($0, model) })
      }
    }
  }

  /// Of a place with at most so many values a predecessor says which it holds, not only which it does not.
  ///
  /// A condition such as "not PRESENT" joins states that are unreachable for different reasons. A lemma about all of them together may
  /// need a quantifier that the model has no word for, and the search learns what holds for a few transitions instead; told apart,
  /// each has a lemma, and widening joins those that have the same. (sept-teardown at its scope `large`: from 71,913 queries, one property
  /// lost, to 26,915 and none; with 4 as the limit one is lost, with 30 search and certificates took 55 s where they took 31)
  private static let mostTold = 6

  /// What else the literals' places hold, where that is to be told.
  private func told(_ literals: Set<Literal>, _ model: SMTModel) -> Set<Literal> {
    var evaluation = Evaluation(session.store, model.assignment)
    var all = literals
    for literal in literals where literal.isNegative {
      let held = valuesToTell(of: literal.atom).first { evaluation.isTrue(grounding.proposition($0).variable) }
      if let held { all.insert(Literal(held, isNegative: false)) }
    }
    return all
  }

  /// The values of an atom's place, if which of them it holds is to be told.
  private func valuesToTell(of atom: Atom) -> [Atom] {
    let values = values(of: atom)
    return values.count <= Self.mostTold ? values : []
  }

  /// The values that the atom's place may hold, as atoms; empty where they are elements or there are only two.
  func values(of atom: Atom) -> [Atom] {
    guard let cell = grounding.proposition(atom).cell,
      case .predicate(let function, _) = grounding.relation(atom).kind,
      case .values = system.functions[function].range
    else { return [] }
    return grounding.cells[cell]
  }

  /// The variables that may be needed to say why a conjunction is true.
  private func witnesses(of conjunction: Conjunction) -> [Term] {
    var support = Set(session.store.freeVariables(of: conjunction.parts.map(\.term)))
    var pending = Array(support)
    while let variable = pending.popLast() {
      guard let definition = grounding.definitions[variable] else { continue }
      for inner in session.store.freeVariables(of: [definition]) where support.insert(inner).inserted {
        pending.append(inner)
      }
    }
    for atom in support.compactMap({ grounding.atom(of: $0) }) {
      support.formUnion(valuesToTell(of: atom).map { grounding.proposition($0).variable })
    }
    return support.sorted()
  }

  /// The states of which a model is one and that satisfy the conjunction for the same reasons.
  private func lift(_ conjunction: Conjunction, _ model: SMTModel) -> Cube {
    var literals: Set<Literal> = []
    var opened: [Term] = []
    for unit in conjunction.units {
      let isNegative = session.store.operation(of: unit.term) == .not
      let variable = isNegative ? session.store.operands(of: unit.term).first ?? unit.term : unit.term
      if !isNegative, grounding.definitions[variable] != nil {
        opened.append(variable)
      } else if let atom = grounding.atom(of: variable) {
        literals.insert(Literal(atom, isNegative: isNegative))
      }
    }
    if !conjunction.others.isEmpty || !opened.isEmpty {
      var justification = Justification(literals, grounding, session.store, model.assignment)
      for term in opened { justification.justify(term) }
      for part in conjunction.others { justification.justify(part.term) }
      literals = justification.literals
    }
    return Cube(withoutImplied(told(literals, model)))
  }

  /// Without literals that follow from a place's value.
  private func withoutImplied(_ literals: Set<Literal>) -> [Literal] {
    let held = Set(literals.filter { !$0.isNegative }.compactMap { grounding.proposition($0.atom).cell })
    return literals.filter { literal in
      guard literal.isNegative, let cell = grounding.proposition(literal.atom).cell else { return true }
      return !held.contains(cell)
    }
  }

  private func chosen(_ input: RuleInput, _ model: SMTModel) -> Int {
    var evaluation = Evaluation(session.store, model.assignment)
    guard let position = input.choices.firstIndex(where: { evaluation.isTrue($0.literal) }) else {
      preconditionFailure("an input without a choice")
    }
    return position
  }
}
