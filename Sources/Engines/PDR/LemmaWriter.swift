import Logic
import SMT
import TransitionSystems

/// Lemmas as formulas over the system's own terms.
///
/// Where a cube says the same of every element of a sort, there are two lemmas that are one at this size and two at larger ones: with
/// two tables, `¬tablePage[t1][p] ∧ ¬tablePage[t2][p]` may speak of two tables or mean `∀t ¬tablePage[t][p]`. Both are written;
/// larger sizes tell. (Goel, Sakallah, 2021, infer existential quantifiers from such cubes.)
struct LemmaWriter {
  /// The system's store, grown.
  private(set) var store: TermStore
  private var transcription: Transcription?

  /// A literal, or several at once.
  private struct Pattern: Hashable {
    let relation: Int
    let isNegative: Bool
    /// Nil stands for every element.
    var arguments: [Int?]
  }

  /// Patterns that differ in one argument only.
  private struct Group: Hashable {
    let relation: Int
    let isNegative: Bool
    let position: Int
    let others: [Int?]
  }

  init(_ store: TermStore) { self.store = store }

  /// No renaming of the cube holds any reachable state: in one form, or in two.
  mutating func write(_ cube: Cube, _ queries: borrowing FrameQueries) -> [QuantifiedLemma] {
    let plain = cube.literals.map { literal in
      let proposition = queries.grounding.proposition(literal.atom)
      return Pattern(
        relation: proposition.relation, isNegative: literal.isNegative, arguments: proposition.arguments.map { $0 })
    }
    let folded = Self.folded(plain, queries.grounding)
    return (folded == plain ? [plain] : [plain, folded]).map { write($0, queries) }
  }

  private mutating func write(_ patterns: [Pattern], _ queries: borrowing FrameQueries) -> QuantifiedLemma {
    var elements: [[Int]: Term] = [:]
    var literals: [Term] = []
    for pattern in patterns {
      let relation = queries.grounding.relations[pattern.relation]
      var bound: [Term] = []
      let arguments = zip(relation.sorts, pattern.arguments).map { sort, element in
        guard let element else {
          bound.append(store.fresh(.uninterpreted(sort)))
          return bound[bound.count - 1]
        }
        let known = elements[[sort, element]]
        let variable = known ?? store.variable("#lemma\(element).S\(sort)", .uninterpreted(sort))
        elements[[sort, element]] = variable
        return variable
      }
      var truth = term(of: relation, arguments, queries)
      if pattern.isNegative { truth = store.not(truth) }
      for variable in bound { truth = store.forall(variable, truth) }
      literals.append(truth)
    }
    let order = elements.keys.sorted { $0.lexicographicallyPrecedes($1) }
    return QuantifiedLemma(elements: order.compactMap { elements[$0] }, literals: literals)
  }

  /// Those that say the same of every element of a sort as one; in the order of the first of each.
  private static func folded(_ patterns: [Pattern], _ grounding: Grounding) -> [Pattern] {
    var patterns = patterns
    while let (group, members) = complete(patterns, grounding) {
      guard let first = members.min() else { break }
      patterns[first].arguments[group.position] = nil
      for member in members.sorted(by: >) where member != first { patterns.remove(at: member) }
    }
    return patterns
  }

  /// A group that has a member for every element of a sort of two or more.
  private static func complete(_ patterns: [Pattern], _ grounding: Grounding) -> (Group, [Int])? {
    var groups: [Group: [Int]] = [:]
    for (index, pattern) in patterns.enumerated() {
      for (position, argument) in pattern.arguments.enumerated() where argument != nil {
        var others = pattern.arguments
        others.remove(at: position)
        let group = Group(
          relation: pattern.relation, isNegative: pattern.isNegative, position: position, others: others)
        groups[group, default: []].append(index)
      }
    }
    let complete = groups.filter { group, members in
      let size = grounding.sizes[grounding.relations[group.relation].sorts[group.position]]
      return size > 1 && members.count == size
    }
    return complete.min { ($0.value[0], $0.key.position) < ($1.value[0], $1.key.position) }.map { ($0.key, $0.value) }
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
