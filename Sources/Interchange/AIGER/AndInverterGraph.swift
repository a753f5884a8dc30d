/// Boolean functions as two-input conjunctions and negations, each conjunction once (structural hashing).
///
/// `and` folds constants and looks one level into its operands (Brummayer, Biere, "Local Two-Level And-Inverter Graph
/// Minimization without Blowup", MEMICS 2006: contradiction, idempotence, subsumption, substitution), which never adds a node.
/// Nodes are numbered in the order of their making; operands come first.
package struct AndInverterGraph: Sendable {
  /// A node or its negation.
  package struct Literal: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Twice the node's number, plus one for the negation.
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Node 0 is the constant false.
    package static let isFalse = Literal(rawValue: 0)
    package static let isTrue = Literal(rawValue: 1)

    package static func < (left: Literal, right: Literal) -> Bool { left.rawValue < right.rawValue }
    package static prefix func ! (literal: Literal) -> Literal { Literal(rawValue: literal.rawValue ^ 1) }

    package var isNegated: Bool { rawValue & 1 == 1 }
    /// The node's number.
    package var node: Int { Int(rawValue >> 1) }
    /// The node itself.
    package var positive: Literal { Literal(rawValue: rawValue & ~1) }
  }

  /// By node: the operands, the smaller first; a leaf has the constant false twice.
  private var operands: [(Literal, Literal)] = [(.isFalse, .isFalse)]
  /// Open addressing: a node's number, or 0; a power of two long, at most half full.
  private var table = [UInt32](repeating: 0, count: 1024)

  package init() {}

  /// Nodes, the constant included.
  package var count: Int { operands.count }

  /// A node that stands for itself.
  package mutating func leaf() -> Literal {
    operands.append((.isFalse, .isFalse))
    return Literal(rawValue: UInt32(operands.count - 1) << 1)
  }

  /// The operands of a conjunction; nil for a leaf and for the constant.
  package func conjunction(_ node: Int) -> (Literal, Literal)? {
    let pair = operands[node]
    return pair.1 == .isFalse ? nil : pair
  }

  /// first ∧ second
  package mutating func and(_ first: Literal, _ second: Literal) -> Literal {
    let (low, high) = first < second ? (first, second) : (second, first)
    if low == .isFalse || low == !high { return .isFalse }
    if low == .isTrue || low == high { return high }
    return simplified(low, high) ?? intern(low, high)
  }

  /// A node or constant that low ∧ high is already by looking one level down; nil if there is none.
  private mutating func simplified(_ low: Literal, _ high: Literal) -> Literal? {
    for (outer, other) in [(high, low), (low, high)] {
      guard let (a, b) = conjunction(outer.node) else { continue }
      if outer.isNegated {
        // ¬(a ∧ b) ∧ ¬a = ¬a; ¬(a ∧ b) ∧ a = a ∧ ¬b
        if other == !a || other == !b { return other }
        if other == a { return and(a, !b) }
        if other == b { return and(b, !a) }
      } else {
        // (a ∧ b) ∧ ¬a = 0; (a ∧ b) ∧ a = a ∧ b
        if other == !a || other == !b { return .isFalse }
        if other == a || other == b { return outer }
      }
    }
    return simplifiedPair(low, high)
  }

  /// The same for two conjunctions.
  private func simplifiedPair(_ low: Literal, _ high: Literal) -> Literal? {
    guard let (a, b) = conjunction(low.node), let (c, d) = conjunction(high.node) else { return nil }
    let clash = a == !c || a == !d || b == !c || b == !d
    switch (low.isNegated, high.isNegated) {
    // (a ∧ b) ∧ (¬a ∧ d) = 0
    case (false, false): return clash ? .isFalse : nil
    // (a ∧ b) ∧ ¬(¬a ∧ d) = a ∧ b
    case (false, true): return clash ? low : nil
    case (true, false): return clash ? high : nil
    // ¬(a ∧ b) ∧ ¬(a ∧ ¬b) = ¬a
    case (true, true):
      if a == c && b == !d || a == d && b == !c { return !a }
      if b == c && a == !d || b == d && a == !c { return !b }
      return nil
    }
  }

  /// The one node of these operands, made if there is none.
  private mutating func intern(_ low: Literal, _ high: Literal) -> Literal {
    var slot = Self.hash(low, high) & (table.count - 1)
    while table[slot] != 0 {
      if operands[Int(table[slot])] == (low, high) { return Literal(rawValue: table[slot] << 1) }
      slot = (slot + 1) & (table.count - 1)
    }
    let node = UInt32(operands.count)
    precondition(node < UInt32.max >> 1, "more nodes than a 32-bit literal can name")
    operands.append((low, high))
    table[slot] = node
    if operands.count * 2 > table.count { grow() }
    return Literal(rawValue: node << 1)
  }

  /// Doubles the table.
  private mutating func grow() {
    var larger = [UInt32](repeating: 0, count: table.count * 2)
    for (node, pair) in operands.enumerated() where pair.1 != .isFalse {
      var slot = Self.hash(pair.0, pair.1) & (larger.count - 1)
      while larger[slot] != 0 { slot = (slot + 1) & (larger.count - 1) }
      larger[slot] = UInt32(node)
    }
    table = larger
  }

  /// A fixed mixing function: the same in every process.
  private static func hash(_ low: Literal, _ high: Literal) -> Int {
    let state = (UInt64(low.rawValue) << 32 | UInt64(high.rawValue)) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: (state ^ state >> 29) & 0x7FFF_FFFF)
  }
}

/// What is made from conjunctions.
extension AndInverterGraph {
  /// first ∨ second
  package mutating func or(_ first: Literal, _ second: Literal) -> Literal { !and(!first, !second) }

  /// first ≠ second
  package mutating func exclusiveOr(_ first: Literal, _ second: Literal) -> Literal {
    let both = and(first, second)
    let none = and(!first, !second)
    return and(!both, !none)
  }

  /// first = second
  package mutating func equal(_ first: Literal, _ second: Literal) -> Literal { !exclusiveOr(first, second) }

  /// condition ? consequence : alternative
  ///
  /// What both branches have in common is taken out: `clear all where c` then costs one gate an element, not four.
  package mutating func choose(
    _ condition: Literal, _ consequence: Literal, _ alternative: Literal
  ) -> Literal {
    if consequence == alternative { return consequence }
    if consequence == !alternative { return equal(condition, consequence) }
    if let factored = factoredChoice(condition, consequence, alternative) { return factored }
    if let factored = factoredChoice(condition, !consequence, !alternative) { return !factored }
    let one = and(condition, consequence)
    let other = and(!condition, alternative)
    return or(one, other)
  }

  /// c ? a ∧ x : a ∧ y as a ∧ (c ? x : y), where the branches (or one of them) are conjunctions; nil where they are not.
  private mutating func factoredChoice(
    _ condition: Literal, _ consequence: Literal, _ alternative: Literal
  ) -> Literal? {
    let left = factors(consequence)
    let right = factors(alternative)
    for (common, rest) in left {
      for (other, otherRest) in right where other == common {
        let choice = choose(condition, rest, otherRest)
        return and(common, choice)
      }
    }
    return nil
  }

  /// The ways in which a literal is a conjunction of a factor and a rest; itself is the last.
  private func factors(_ literal: Literal) -> [(Literal, Literal)] {
    guard !literal.isNegated, let (a, b) = conjunction(literal.node) else { return [(literal, .isTrue)] }
    return [(a, b), (b, a), (literal, .isTrue)]
  }

  /// All of them, as a balanced tree.
  package mutating func and(_ literals: [Literal]) -> Literal {
    if literals.isEmpty { return .isTrue }
    var level = literals
    while level.count > 1 {
      var next: [Literal] = []
      for position in stride(from: 0, to: level.count - 1, by: 2) {
        next.append(and(level[position], level[position + 1]))
      }
      if level.count % 2 == 1 { next.append(level[level.count - 1]) }
      level = next
    }
    return level[0]
  }

  /// One of them, as a balanced tree.
  package mutating func or(_ literals: [Literal]) -> Literal { !and(literals.map { !$0 }) }
}
