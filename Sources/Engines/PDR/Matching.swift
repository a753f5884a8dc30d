import TransitionSystems

/// Finds a lemma's cube in another cube under some naming of its elements: then the lemma says that the other is unreachable too.
///
/// Backtracking over the lemma's literals, those with the fewest candidates first. Different elements of a lemma are different, so
/// the naming is injective. A literal "the place does not hold v" is found where the cube says that the place holds something else.
struct Matching {
  /// A literal's parts.
  private struct Part {
    let relation: Int
    let isNegative: Bool
    let arguments: [Int]
  }

  private let grounding: Grounding
  /// The cube's literals by relation and sign.
  private var parts: [Int: [[Int]]] = [:]
  /// Of functions with values, what the cube says that a place holds: predicates of the function, by position.
  private var held: [Int: [(relation: Int, arguments: [Int])]] = [:]

  /// Prepares a cube to be searched.
  init(in cube: Cube, _ grounding: borrowing Grounding) {
    self.grounding = copy grounding
    for literal in cube.literals {
      let proposition = grounding.proposition(literal.atom)
      parts[Self.key(proposition.relation, literal.isNegative), default: []].append(proposition.arguments)
      guard !literal.isNegative, case .predicate(let function, _) = grounding.relations[proposition.relation].kind,
        proposition.cell != nil
      else { continue }
      held[function, default: []].append((proposition.relation, proposition.arguments))
    }
  }

  private static func key(_ relation: Int, _ isNegative: Bool) -> Int { relation * 2 + (isNegative ? 1 : 0) }

  /// A naming of the lemma's elements, by sort and element, under which it lies in the cube; −1 where it has no such element.
  func embedding(of lemma: Cube) -> [[Int]]? {
    var goals: [(sorts: [Int], elements: [Int], candidates: [[Int]])] = []
    for literal in lemma.literals {
      let proposition = grounding.proposition(literal.atom)
      let relation = grounding.relations[proposition.relation]
      var candidates = parts[Self.key(proposition.relation, literal.isNegative)] ?? []
      if literal.isNegative, case .predicate(let function, _) = relation.kind, proposition.cell != nil {
        candidates += others(than: proposition.relation, of: function)
      }
      if candidates.isEmpty { return nil }
      goals.append((relation.sorts, proposition.arguments, candidates))
    }
    goals.sort { $0.candidates.count < $1.candidates.count }
    var naming = grounding.sizes.map { [Int](repeating: -1, count: $0) }
    var taken = grounding.sizes.map { [Bool](repeating: false, count: $0) }
    return match(goals[...], &naming, &taken) ? naming : nil
  }

  /// The places of a function that hold another of its values; only where the value is no argument.
  private func others(than relation: Int, of function: Int) -> [[Int]] {
    switch grounding.system.functions[function].range {
    case .boolean, .elements: return []
    case .values: return (held[function] ?? []).filter { $0.relation != relation }.map(\.arguments)
    }
  }

  private func match(
    _ goals: ArraySlice<(sorts: [Int], elements: [Int], candidates: [[Int]])>, _ naming: inout [[Int]],
    _ taken: inout [[Bool]]
  ) -> Bool {
    guard let goal = goals.first else { return true }
    for candidate in goal.candidates {
      var bound: [(sort: Int, element: Int)] = []
      var fits = true
      for (position, image) in candidate.enumerated() {
        let (sort, element) = (goal.sorts[position], goal.elements[position])
        if naming[sort][element] == image { continue }
        if naming[sort][element] >= 0 || taken[sort][image] {
          fits = false
          break
        }
        naming[sort][element] = image
        taken[sort][image] = true
        bound.append((sort, element))
      }
      if fits, match(goals.dropFirst(), &naming, &taken) { return true }
      for (sort, element) in bound {
        taken[sort][naming[sort][element]] = false
        naming[sort][element] = -1
      }
    }
    return false
  }
}
