import Logic
import SMT
import TransitionSystems

/// A step into a cube: a rule with its parameters.
struct Move: Hashable, Sendable {
  let rule: Int
  let elements: [Int]
  let inputs: [Int]
}

extension FrameQueries {
  /// What a test of relative induction came to.
  enum Consecution {
    /// No state of F[i] outside the cube leads into it, and this is why.
    case inductive(Cores)
    /// The cube's states lead into it by the move.
    case predecessor(Cube, Move)
    case stopped(UnknownReason)
  }

  /// Why a cube is inductive relative to a frame: for each rule at elements, the literals that it cannot make true.
  ///
  /// They stay reasons for every larger cube that has them: its complement is a stronger hypothesis, and frames only ever
  /// shrink. So leaving out a literal asks again only about the rules that needed it.
  struct Cores {
    /// By `RuleInstance.number`.
    var byStep: [Int: Set<Literal>] = [:]

    /// The literals that were needed at all.
    var needed: Set<Literal> { byStep.values.reduce(into: []) { $0.formUnion($1) } }
  }

  // F[i] ∧ ¬s ∧ enabled(r) ∧ s after r, for every rule r up to renaming

  /// Whether a cube's complement is inductive relative to F[level]: no state there outside the cube leads into it.
  ///
  /// `known` are cores of a smaller cube relative to the same frame.
  mutating func isInductive(
    _ cube: Cube, relativeTo level: Int, knowing known: Cores = Cores()
  ) throws(SMTError) -> Consecution {
    counts.inductionTests += 1
    let used = uses(of: cube)
    let written = Set(cube.literals.flatMap { grounding.relation($0.atom).functions })
    let literals = Set(cube.literals)
    var cores = Cores()
    for rule in rules where system.rules[rule].updates.contains(where: { written.contains($0.function) }) {
      let sorts = system.rules[rule].elements.map { Grounding.number(session.store.sort(of: $0)) }
      for elements in growths(sorts, used: used) {
        let step = instance(rule, elements)
        if let core = known.byStep[step.number], core.isSubset(of: literals) {
          cores.byStep[step.number] = core
          continue
        }
        guard let conjunction = preImage(of: cube, under: step) else { continue }
        switch try meet(
          level: level, conjunction, hypothesis: hypothesis(cube, conjunction), inputs: system.rules[rule].inputs,
          among: active(used, sorts, elements))
        {
        case .stopped(let reason): return .stopped(reason)
        case .meets(let predecessor, let inputs):
          prefer(rule)
          return .predecessor(predecessor, Move(rule: rule, elements: elements, inputs: inputs))
        case .disjoint(let reasons):
          var core: Set<Literal> = []
          for case .literal(let position) in reasons { core.insert(cube.literals[position]) }
          cores.byStep[step.number] = core
        }
      }
    }
    return .inductive(cores)
  }

  /// The states from which a rule leads into a cube; nil if it changes nothing there.
  private mutating func preImage(of cube: Cube, under step: RuleInstance) -> Conjunction? {
    var after: [Term] = []
    var changes = false
    for literal in cube.literals {
      let proposition = grounding.proposition(literal.atom)
      grounding.bind(step)
      let next = grounding.next(proposition.relation, proposition.arguments, after: step, in: &session.store)
      if next != proposition.variable { changes = true }
      after.append(literal.isNegative ? session.store.not(next) : next)
    }
    if !changes { return nil }
    grounding.bind(step)
    let enabled = grounding.ground(system.rules[step.rule].enabled, in: &session.store)
    var conjunction = Conjunction()
    conjunction.add(enabled, .given, grounding, in: &session.store)
    for (position, term) in after.enumerated() {
      conjunction.add(term, .literal(position), grounding, in: &session.store)
    }
    return conjunction
  }

  /// That the state is not in the cube; nil where the pre-image says so anyway.
  private mutating func hypothesis(_ cube: Cube, _ conjunction: Conjunction) -> Term? {
    if conjunction.conflict != nil || cube.literals.contains(where: { conjunction.excludes($0, grounding) }) {
      return nil
    }
    var parts: [Term] = []
    for literal in cube.literals { parts.append(grounding.term(literal.negated, in: &session.store)) }
    return session.store.or(parts)
  }

  /// By sort: how many first elements a query speaks of.
  func active(_ used: [Int], _ sorts: [Int], _ elements: [Int]) -> [Int] {
    var active = used
    for (sort, element) in zip(sorts, elements) { active[sort] = max(active[sort], element + 1) }
    return active
  }
}
