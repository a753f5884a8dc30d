/// A term: the position of a node in one `TermStore`.
///
/// Equal terms of one store are equal numbers, because the store keeps every node once. A term means nothing without its store,
/// and keeps its meaning in every store that was copied from it. Operands always have smaller positions than the term itself, so
/// ascending order is a topological order.
package struct Term: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// The position in the store, from 0.
  package let index: UInt32

  /// Names a node by its position; only for code that walks a store.
  package init(index: UInt32) { self.index = index }

  /// The order in which terms were made: deterministic, and operands come first.
  package static func < (left: Term, right: Term) -> Bool { left.index < right.index }
}

/// What a node does with its operands. SMT-LIB's meaning throughout, division by zero included.
package enum Operator: UInt8, Hashable, Sendable, CaseIterable {
  /// A value; no operands.
  case constant
  /// A free variable; no operands.
  case variable
  /// Boolean negation.
  case not
  /// Conjunction of two or more.
  case and
  /// Disjunction of two or more.
  case or
  /// Both operands have the same value; operands of any one sort.
  case equal
  /// The second operand where the first is true, else the third.
  case ifThenElse
  /// Two's complement negation.
  case negate
  case add
  case subtract
  case multiply
  /// Signed, truncating toward zero; by zero: 1 for negative dividends, else all ones.
  case divideSigned
  /// The sign follows the dividend; by zero: the dividend.
  case remainderSigned
  /// By zero: all ones.
  case divideUnsigned
  /// By zero: the dividend.
  case remainderUnsigned
  /// Every bit flipped.
  case bitNot
  case bitAnd
  case bitOr
  case bitXor
  /// Zeros come in; a distance of the width or more gives zero.
  case shiftLeft
  /// Zeros come in from above; a distance of the width or more gives zero.
  case shiftRightLogical
  /// Copies of the sign come in from above, whatever the distance.
  case shiftRightArithmetic
  case lessUnsigned
  case lessOrEqualUnsigned
  case lessSigned
  case lessOrEqualSigned
  /// The bits from a lowest one (`TermStore.lowestBit(of:)`), as many as the result is wide.
  case extract
  /// The first operand above the second.
  case concatenate
  /// Zeros above, up to the result's width.
  case extendUnsigned
  /// Copies of the sign above, up to the result's width.
  case extendSigned
  /// A function of the state (`TermStore.function(of:)`) at its operands, which are elements of uninterpreted sorts.
  case apply
  /// The second operand is true for some element in place of the first one, a variable that occurs nowhere else.
  case exists
  /// What a scalarset's variable holds when it is undefined: different from every element; no operands.
  case none
}

/// A function from elements of uninterpreted sorts: the position in one `TermStore`'s table.
package struct FunctionSymbol: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// The position, from 0.
  package let index: UInt32

  /// Names a function by its position; only for code that walks a store.
  package init(index: UInt32) { self.index = index }

  /// The order in which functions were declared.
  package static func < (left: FunctionSymbol, right: FunctionSymbol) -> Bool { left.index < right.index }
}
