/// What kind of value a term has.
///
/// Everything a model stores is finite, so truth values and bit-vectors are enough for a bounded scope: enumerations,
/// scalarsets and ranges are coded in the fewest bits that hold them, and "nothing was assigned yet" is one more code (or one
/// more Boolean) that `Elaboration` chooses. A scalarset whose size is left open is an uninterpreted sort.
package enum Sort: Hashable, Sendable {
  case boolean
  /// A machine word of 1 to 128 bits, neither signed nor unsigned: operators say how they read it.
  case bitVector(width: Int)
  /// A scalarset of any size but zero, by number (0 to 125): elements are compared and index functions, nothing else.
  case uninterpreted(Int)

  /// The widest bit-vector there is: enough for the product of two numbers of 64 bits.
  package static let maximumWidth = 128
  /// How many uninterpreted sorts a store can tell apart.
  package static let uninterpretedSorts = 126
}

extension Sort: CustomStringConvertible {
  /// As SMT-LIB writes it.
  package var description: String {
    switch self {
    case .boolean: "Bool"
    case .bitVector(let width): "(_ BitVec \(width))"
    case .uninterpreted(let number): "S\(number)"
    }
  }
}

/// A value of a term: a truth value, a bit pattern, or an element of a finite structure.
package enum TermValue: Hashable, Sendable {
  case boolean(Bool)
  /// The pattern, read without sign; bits at `width` and above are zero.
  case bits(UInt128, width: Int)
  /// An element of an uninterpreted sort, counted from 0; nil is the sort's `none`.
  case element(Int?, sort: Int)

  /// Its sort.
  package var sort: Sort {
    switch self {
    case .boolean: .boolean
    case .bits(_, let width): .bitVector(width: width)
    case .element(_, let sort): .uninterpreted(sort)
    }
  }

  /// Whether it is the truth value true.
  package var isTrue: Bool { self == .boolean(true) }

  /// The pattern read without sign; false and true are 0 and 1. Requires: no element.
  package var unsigned: UInt128 {
    switch self {
    case .boolean(let value): value ? 1 : 0
    case .bits(let pattern, _): pattern
    case .element: preconditionFailure("an element has no pattern")
    }
  }

  /// The pattern read in two's complement; false and true are 0 and 1. Requires: no element.
  package var signed: Int128 {
    switch self {
    case .boolean(let value): value ? 1 : 0
    case .bits(let pattern, let width): BitPattern.signed(pattern, width: width)
    case .element: preconditionFailure("an element has no pattern")
    }
  }
}

/// Arithmetic on patterns of fewer than 128 bits held in 128.
package enum BitPattern {
  /// The lowest `width` bits set. Requires: `width` in 0...128.
  package static func mask(_ width: Int) -> UInt128 {
    width >= 128 ? .max : (UInt128(1) << UInt128(width)) - 1
  }

  /// A pattern's value in two's complement.
  package static func signed(_ pattern: UInt128, width: Int) -> Int128 {
    let shift = 128 - width
    return Int128(bitPattern: pattern << UInt128(shift)) >> Int128(shift)
  }

  /// The pattern of a number, cut to `width` bits.
  package static func pattern(_ number: Int128, width: Int) -> UInt128 {
    UInt128(bitPattern: number) & mask(width)
  }
}
