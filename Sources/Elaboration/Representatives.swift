import Logic
import Murphi

/// Which elements of scalarsets have been named so far, where they are named in their order.
///
/// Elements that cannot be told apart are as good as each other until they are named: of the tuples that a permutation takes into
/// each other one is enough, the one whose elements come for the first time in their order.
struct NamedElements: Sendable {
  /// The scalarsets whose elements cannot be told apart.
  private let symmetric: Set<Int>
  /// By declaration: how many elements have been named; those are the first ones.
  private var counts: [Int: Int] = [:]

  init(_ symmetric: Set<Int>) { self.symmetric = symmetric }

  /// Names a value of the type. Returns: whether it is one that was named before, or the first of the others; true for values
  /// that can be told apart.
  mutating func name(_ raw: Int, of type: Type) -> Bool {
    guard case .scalarset(let scalarset) = type, symmetric.contains(scalarset.declaration) else { return true }
    let position = raw - (Layout.rawValues(of: type).first ?? raw)
    let count = counts[scalarset.declaration] ?? 0
    guard position <= count else { return false }
    counts[scalarset.declaration] = max(count, position + 1)
    return true
  }
}

extension SymbolicExecutor {
  /// What a property says of representatives: `forall`s that nothing but `&`, and the right of `->`, stands around look at elements
  /// in their order only. Nil where a function's `assume` would have to be minded.
  ///
  /// Requires: its evaluation cannot fail.
  mutating func representative(
    of property: Property, on memory: [Scalar], symmetric: Set<Int>
  ) throws(ElaborationError) -> Term? {
    begin(memory, locals: property.locals)
    let value = try representative(of: property.expression, below: property.enclosures[...], NamedElements(symmetric))
    return endings.isEmpty ? value : nil
  }

  /// Below the quantifiers around the property.
  private mutating func representative(
    of expression: Expression, below enclosures: ArraySlice<Enclosure>, _ named: NamedElements
  ) throws(ElaborationError) -> Term {
    guard let first = enclosures.first else { return try representative(of: expression, named) }
    let inner = enclosures.dropFirst()
    switch first {
    case .alias(let alias):
      try bind(alias)
      return try representative(of: expression, below: inner, named)
    case .quantifier(let quantifier):
      return try conjunction(over: quantifier, named) { executor, named throws(ElaborationError) in
        try executor.representative(of: expression, below: inner, named)
      }
    }
  }

  private mutating func representative(
    of expression: Expression, _ named: NamedElements
  ) throws(ElaborationError) -> Term {
    try step(at: expression.range)
    switch expression.kind {
    case .quantified(.forall, let quantifier, let body):
      guard case .type = quantifier.domain else { return try evaluateTruth(expression) }
      return try conjunction(over: quantifier, named) { executor, named throws(ElaborationError) in
        try executor.representative(of: body, named)
      }
    case .connective(.and, let operands):
      var value = store.boolean(true)
      for operand in operands {
        value = store.and(value, try representative(of: operand, named, where: value))
      }
      return value
    case .implication(let left, let right):
      let premise = try evaluateTruth(left)
      return store.or(store.not(premise), try representative(of: right, named, where: premise))
    case .constant, .read, .not, .negate, .complement, .arithmetic, .comparison, .connective, .conditional, .quantified,
      .isUndefined, .call:
      return try evaluateTruth(expression)
    }
  }

  /// On the path where a condition holds; true where none does.
  private mutating func representative(
    of expression: Expression, _ named: NamedElements, where condition: Term
  ) throws(ElaborationError) -> Term {
    let before = state.path
    defer { state.path = before }
    narrow(to: condition)
    return isDead ? store.boolean(true) : try representative(of: expression, named)
  }

  /// For every value of a quantifier that may be named next.
  private mutating func conjunction(
    over quantifier: Quantifier, _ named: NamedElements,
    _ body: (inout Self, NamedElements) throws(ElaborationError) -> Term
  ) throws(ElaborationError) -> Term {
    let type = frame.locals[quantifier.local].type
    let running = (state, frames, endings, effects)
    let raws = try values(of: quantifier, locals: frame.locals)
    (state, frames, endings, effects) = running
    let before = state.path
    defer { state.path = before }
    var holds = store.boolean(true)
    for raw in raws {
      var next = named
      guard next.name(raw, of: type) else { continue }
      set(quantifier.local, to: [defined(store.payload(raw, of: type))])
      state.path = store.and(before, holds)
      if isDead { break }
      holds = store.and(holds, try body(&self, next))
    }
    return holds
  }
}
