import Logic

/// Which sorts depend on which: whether obligations fall into the fragment that is decidable (EPR).
///
/// An existential quantifier of sort T below a universal one of sort S, whose element it may depend on, makes an edge S → T: there may
/// be a new T for every S. Without cycles only finitely many elements matter, and Z3 decides (Piskac, de Moura, Bjørner, 2010, for
/// the many-sorted fragment). With one, an answer is still an answer, but there may be none.
package struct QuantifierAlternation {
  private struct Visit: Hashable {
    let term: Term
    let isPositive: Bool
    let universals: [Term]
  }

  private let store: TermStore
  private var edges: [Int: Set<Int>] = [:]
  private var seen: Set<Visit> = []

  /// A cycle of sorts, by name, the first one again at the end; nil if there is none.
  package static func cycle(in obligations: Obligations) -> [String]? {
    var analysis = QuantifierAlternation(store: obligations.store)
    let goals = obligations.obligations.flatMap(\.conditions)
    for term in obligations.background + obligations.lemmas + goals {
      analysis.visit(term, isPositive: true, below: [])
    }
    return analysis.cycle()?.map { obligations.sortNames[$0] }
  }

  private init(store: TermStore) { self.store = store }

  private mutating func visit(_ term: Term, isPositive: Bool, below universals: [Term]) {
    let free = universals.filter { store.occurs($0, in: term) }
    guard seen.insert(Visit(term: term, isPositive: isPositive, universals: free)).inserted else { return }
    let operands = Array(store.operands(of: term))
    switch store.operation(of: term) {
    case .not: visit(operands[0], isPositive: !isPositive, below: free)
    case .exists:
      guard let variable = operands.first, let body = operands.last,
        case .uninterpreted(let sort) = store.sort(of: variable)
      else { return }
      if isPositive {
        for case .uninterpreted(let universal) in free.map({ store.sort(of: $0) }) {
          edges[universal, default: []].insert(sort)
        }
        visit(body, isPositive: true, below: free)
      } else {
        visit(body, isPositive: false, below: free + [variable])
      }
    case .equal, .ifThenElse:
      for operand in operands where store.sort(of: operand) == .boolean {
        visit(operand, isPositive: true, below: free)
        visit(operand, isPositive: false, below: free)
      }
    case _:
      for operand in operands where store.sort(of: operand) == .boolean {
        visit(operand, isPositive: isPositive, below: free)
      }
    }
  }

  /// Depth first from every sort.
  private func cycle() -> [Int]? {
    for start in edges.keys.sorted() {
      if let path = path(from: start, to: start, avoiding: []) { return path }
    }
    return nil
  }

  private func path(from sort: Int, to goal: Int, avoiding visited: Set<Int>) -> [Int]? {
    for next in (edges[sort] ?? []).sorted() {
      if next == goal { return [sort, goal] }
      if visited.contains(next) { continue }
      if let rest = path(from: next, to: goal, avoiding: visited.union([next])) { return [sort] + rest }
    }
    return nil
  }
}
