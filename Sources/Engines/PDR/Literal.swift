/// A ground proposition about the state, by number: a predicate at elements, or a quantified condition at elements.
struct Atom: Hashable, Comparable, Sendable, BitwiseCopyable {
  let number: Int32

  static func < (left: Atom, right: Atom) -> Bool { left.number < right.number }
}

/// An atom or its negation; positive literals of an atom come first.
struct Literal: Hashable, Comparable, Sendable, BitwiseCopyable {
  private let code: Int32

  init(_ atom: Atom, isNegative: Bool) { code = atom.number << 1 | (isNegative ? 1 : 0) }

  var atom: Atom { Atom(number: code >> 1) }
  var isNegative: Bool { code & 1 == 1 }
  var negated: Literal { Literal(atom, isNegative: !isNegative) }

  static func < (left: Literal, right: Literal) -> Bool { left.code < right.code }
}

/// A set of states: those in which every literal is true. A lemma is the statement that no reachable state lies in a cube, whatever
/// the names of its elements.
struct Cube: Hashable, Sendable {
  /// Ascending, each once, no two that contradict each other by themselves.
  let literals: [Literal]

  init(_ literals: some Sequence<Literal>) { self.literals = Set(literals).sorted() }

  /// The cube without one literal: more states.
  func dropping(_ literal: Literal) -> Cube { Cube(literals.filter { $0 != literal }) }
}

/// A bijection on the elements of each sort, as far as a cube uses them.
struct Renaming: Hashable, Sendable {
  /// By sort, by element.
  var images: [[Int]]

  /// Every element stays.
  static func identity(_ sizes: [Int]) -> Renaming { Renaming(images: sizes.map { Array(0..<$0) }) }

  /// This one, then another.
  func followed(by other: Renaming) -> Renaming {
    Renaming(images: zip(images, other.images).map { one, next in one.map { next[$0] } })
  }
}
