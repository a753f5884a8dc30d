/// A piece of Murphi text that knows its parts, so that it can be shrunk without a parser.
///
/// A node prints as `pieces[0] children[0] pieces[1] … children[n−1] pieces[n]`. A list prints its children one after the
/// other between its two pieces, and any of them may go.
package struct ModelTree: Sendable, Hashable {
  /// What may stand in a node's place.
  package enum Sort: Sendable, Hashable {
    /// An expression of this type; `integer` for integers.
    case expression(type: String)
    /// Must stay as it is.
    case fixed
    /// A statement or declaration of a list; shrinking removes it or replaces it by a statement inside it.
    case item
    case list
  }
  package let sort: Sort
  package let pieces: [String]
  package var children: [ModelTree]
  /// The simplest text that may stand here; nil when there is none.
  package let simplest: String?

  package init(_ sort: Sort, _ pieces: [String], _ children: [ModelTree] = [], simplest: String? = nil) {
    self.sort = sort
    self.pieces = pieces
    self.children = children
    self.simplest = simplest
  }

  /// Text without parts.
  package static func text(_ text: String) -> ModelTree { ModelTree(.fixed, [text]) }

  /// Items between an opening and a closing text.
  package static func list(_ items: [ModelTree], open: String = "", close: String = "") -> ModelTree {
    ModelTree(.list, [open, close], items)
  }

  /// The Murphi text.
  package var rendered: String {
    var out = ""
    render(into: &out)
    return out
  }

  /// The number of nodes: what shrinking makes smaller.
  package var weight: Int { children.reduce(1) { $0 + $1.weight } }

  private func render(into out: inout String) {
    out += pieces[0]
    if sort == .list {
      for child in children { child.render(into: &out) }
      out += pieces[1]
      return
    }
    for (child, piece) in zip(children, pieces.dropFirst()) {
      child.render(into: &out)
      out += piece
    }
  }

  /// The smallest tree that can be reached by single steps and still fails. `attempts` bounds the calls of `fails`.
  package func shrunk(attempts: Int = 400, while fails: (String) -> Bool) -> ModelTree {
    var best = self
    var left = attempts
    var improved = true
    while improved && left > 0 {
      improved = false
      for candidate in best.smallerTrees().sorted(by: { $0.weight < $1.weight }) where left > 0 {
        left -= 1
        guard fails(candidate.rendered) else { continue }
        best = candidate
        improved = true
        break
      }
    }
    return best
  }

  /// Every tree that differs in one place and is smaller.
  private func smallerTrees() -> [ModelTree] {
    var out = replacements()
    if sort == .list {
      for position in children.indices {
        var copy = self
        copy.children.remove(at: position)
        out.append(copy)
      }
    }
    for (position, child) in children.enumerated() {
      for smaller in child.smallerTrees() {
        var copy = self
        copy.children[position] = smaller
        out.append(copy)
      }
    }
    return out
  }

  /// What may stand here instead: the simplest text, or a part of the same sort.
  private func replacements() -> [ModelTree] {
    var out: [ModelTree] = []
    if let simplest, simplest != rendered { out.append(ModelTree(sort, [simplest], simplest: simplest)) }
    if sort != .fixed && sort != .list { out += inner(of: sort) }
    return out
  }

  /// The nearest nodes below that have this sort.
  private func inner(of wanted: Sort) -> [ModelTree] {
    children.flatMap { child in child.sort == wanted ? [child] : child.inner(of: wanted) }
  }
}
