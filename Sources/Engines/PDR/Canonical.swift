/// Canonical names for a cube's elements, so that cubes of one orbit are one cube and queries speak of the same few elements.
///
/// The elements of each sort are told apart as far as the literals that mention them can (refinement by signatures), ordered by
/// signature, and numbered from 0. Elements that signatures leave together are tried in every order as long as that is few orders,
/// and the least cube is taken; beyond `limit` the order is as found, which costs duplicates but nothing else.
/// (Goel, Sakallah, "On Symmetry and Quantification", 2021, learn orbits; the canonical form is ours.)
struct Canonicalizer {
  /// How many orders are tried.
  private static let limit = 720

  /// A literal with its atom's parts at hand.
  private struct Part {
    let key: Int
    let sorts: [Int]
    let elements: [Int]
  }

  /// An element of a sort.
  private struct Element: Hashable {
    let sort: Int
    let number: Int
  }

  private let sizes: [Int]
  private var parts: [Part] = []

  /// The renaming under which the cube is canonical.
  static func renaming(of cube: Cube, in grounding: Grounding) -> Renaming {
    var canonicalizer = Canonicalizer(sizes: grounding.sizes)
    for literal in cube.literals {
      let proposition = grounding.proposition(literal.atom)
      canonicalizer.parts.append(
        Part(
          key: proposition.relation * 2 + (literal.isNegative ? 1 : 0),
          sorts: grounding.relations[proposition.relation].sorts, elements: proposition.arguments))
    }
    return canonicalizer.renaming()
  }

  private init(sizes: [Int]) { self.sizes = sizes }

  private func renaming() -> Renaming {
    let classes = refined()
    var best: (form: [[Int]], order: [[Int]])?
    var tried = 0
    arrange(classes, [[Int]](repeating: [], count: sizes.count)) { order in
      tried += 1
      let form = form(order)
      if let known = best, known.form.lexicographicallyPrecedes(form) || known.form == form {
        return tried < Self.limit
      }
      best = (form, order)
      return tried < Self.limit
    }
    return completed(best?.order ?? [[Int]](repeating: [], count: sizes.count))
  }

  /// The elements that occur, in classes that no signature tells apart; classes in the order of their signatures.
  private func refined() -> [[Element]] {
    var colours: [Element: Int] = [:]
    for part in parts {
      for (sort, element) in zip(part.sorts, part.elements) { colours[Element(sort: sort, number: element)] = sort }
    }
    var count = 0
    while true {
      var signatures: [Element: [[Int]]] = [:]
      for part in parts {
        let row = [part.key] + zip(part.sorts, part.elements).map { colours[Element(sort: $0, number: $1)] ?? 0 }
        for (position, element) in part.elements.enumerated() {
          let same = part.elements.indices.filter {
            part.elements[$0] == element && part.sorts[$0] == part.sorts[position]
          }
          signatures[Element(sort: part.sorts[position], number: element), default: []].append([position] + row + same)
        }
      }
      var keys: [Element: [[Int]]] = [:]
      for (element, colour) in colours {
        let rows = (signatures[element] ?? []).sorted { $0.lexicographicallyPrecedes($1) }
        keys[element] = [[element.sort, colour]] + rows
      }
      let distinct = Set(keys.values).sorted { Self.precedes($0, $1) }
      let ranks = Dictionary(uniqueKeysWithValues: distinct.enumerated().map { ($1, $0) })
      for (element, key) in keys { colours[element] = ranks[key] }
      if distinct.count == count { break }
      count = distinct.count
    }
    var classes = [[Element]](repeating: [], count: count)
    for element in colours.keys.sorted(by: { ($0.sort, $0.number) < ($1.sort, $1.number) }) {
      classes[colours[element] ?? 0].append(element)
    }
    return classes
  }

  private static func precedes(_ left: [[Int]], _ right: [[Int]]) -> Bool {
    for (one, other) in zip(left, right) where one != other { return one.lexicographicallyPrecedes(other) }
    return left.count < right.count
  }

  /// Every order of the elements that keeps the order of the classes, until the visitor has seen enough. Returns: whether it
  /// has not.
  @discardableResult
  private func arrange(_ classes: [[Element]], _ order: [[Int]], _ visit: ([[Int]]) -> Bool) -> Bool {
    guard let first = classes.first else { return visit(order) }
    if first.isEmpty { return arrange(Array(classes.dropFirst()), order, visit) }
    for (position, element) in first.enumerated() {
      var longer = order
      longer[element.sort].append(element.number)
      var rest = classes
      rest[0].remove(at: position)
      if !arrange(rest, longer, visit) { return false }
      if first.count > 1, isInterchangeable(first) { return true }
    }
    return true
  }

  /// Whether swapping any two of the class leaves the cube as it is, so that one order is as good as another.
  private func isInterchangeable(_ elements: [Element]) -> Bool {
    let rows = Set(parts.map { [$0.key] + $0.elements })
    for (one, other) in zip(elements, elements.dropFirst()) {
      for part in parts {
        let swapped = zip(part.sorts, part.elements).map { sort, element in
          if sort != one.sort { return element }
          return element == one.number ? other.number : element == other.number ? one.number : element
        }
        if !rows.contains([part.key] + swapped) { return false }
      }
    }
    return true
  }

  /// The cube's rows under an order.
  private func form(_ order: [[Int]]) -> [[Int]] {
    let numbers = order.map { Dictionary(uniqueKeysWithValues: $0.enumerated().map { ($1, $0) }) }
    let rows = parts.map { part in
      [part.key] + zip(part.sorts, part.elements).map { numbers[$0][$1] ?? 0 }
    }
    return rows.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// A whole bijection: the elements that do not occur follow in their order.
  private func completed(_ order: [[Int]]) -> Renaming {
    var images: [[Int]] = []
    for (sort, used) in order.enumerated() {
      var image = [Int](repeating: -1, count: sizes[sort])
      for (position, element) in used.enumerated() { image[element] = position }
      var next = used.count
      for element in image.indices where image[element] < 0 {
        image[element] = next
        next += 1
      }
      images.append(image)
    }
    return Renaming(images: images)
  }
}

extension [[Int]] {
  /// Row by row.
  fileprivate func lexicographicallyPrecedes(_ other: [[Int]]) -> Bool {
    for (one, two) in zip(self, other) where one != two { return one.lexicographicallyPrecedes(two) }
    return count < other.count
  }
}
