import Logic

/// How integers of an interval are coded: the fewest bits that hold every one of them.
///
/// Without sign if none is negative, else in two's complement. So a number's interval alone says how to read its bits, and
/// widening it loses nothing.
struct NumberCode: Hashable, Sendable {
  let isSigned: Bool
  let width: Int

  /// The code of an interval.
  init(_ interval: ClosedRange<Int>) {
    isSigned = interval.lowerBound < 0
    let highest = Self.bits(of: interval.upperBound)
    width = isSigned ? max(Self.bits(of: interval.lowerBound), highest) + 1 : max(1, highest)
  }

  /// Every number of the code, as far as 64 bits hold it.
  var interval: ClosedRange<Int> {
    let bits = isSigned ? width - 1 : width
    let highest = bits >= Int.bitWidth - 1 ? Int.max : (1 << bits) - 1
    return (isSigned ? -highest - 1 : 0)...highest
  }

  /// The number of bits of an integer without those that repeat the sign.
  private static func bits(of integer: Int) -> Int {
    Int.bitWidth - (integer < 0 ? ~integer : integer).leadingZeroBitCount
  }
}

/// An integer, or a raw value of any simple type but boolean, as a term.
struct Number: Hashable, Sendable {
  /// A bit-vector in the code of `interval`.
  let term: Term
  /// Every value lies here wherever no failure was found before. One value means a constant.
  let interval: ClosedRange<Int>

  /// The value, if there is only one.
  var constant: Int? { interval.lowerBound == interval.upperBound ? interval.lowerBound : nil }
}

extension TermStore {
  /// A constant.
  mutating func number(_ value: Int) -> Number {
    Number(term: integer(value, width: NumberCode(value...value).width), interval: value...value)
  }

  /// The same number in the code of another interval. Requires: its value lies there, or the run has failed already.
  mutating func number(_ number: Number, as interval: ClosedRange<Int>) -> Number {
    if interval == number.interval { return number }
    if interval.lowerBound == interval.upperBound { return self.number(interval.lowerBound) }
    return Number(term: resized(number, to: NumberCode(interval).width), interval: interval)
  }

  /// The number's pattern in two's complement of a width: cut or extended.
  mutating func resized(_ number: Number, to width: Int) -> Term {
    let code = NumberCode(number.interval)
    if width == code.width { return number.term }
    if width < code.width { return extract(number.term, lowest: 0, count: width) }
    return code.isSigned ? extendSigned(number.term, to: width) : extendUnsigned(number.term, to: width)
  }

  /// The number where the condition holds, else the other.
  mutating func choose(_ condition: Term, _ left: Number, _ right: Number) -> Number {
    if left == right { return left }
    let interval = hull(left.interval, right.interval)
    let one = number(left, as: interval).term
    let other = number(right, as: interval).term
    return Number(term: ifThenElse(condition, one, other), interval: interval)
  }

  /// Whether two numbers compare so.
  mutating func compare(_ comparison: Comparison, _ left: Number, _ right: Number) -> Term {
    if let known = comparison.decided(left.interval, right.interval) { return boolean(known) }
    let interval = hull(left.interval, right.interval)
    let one = number(left, as: interval).term
    let other = number(right, as: interval).term
    let isSigned = NumberCode(interval).isSigned
    switch comparison {
    case .equal: return equal(one, other)
    case .less: return isSigned ? lessSigned(one, other) : lessUnsigned(one, other)
    case .lessOrEqual: return isSigned ? lessOrEqualSigned(one, other) : lessOrEqualUnsigned(one, other)
    }
  }

  /// Whether the number lies in an interval.
  mutating func isInside(_ number: Number, _ interval: ClosedRange<Int>) -> Term {
    let lower = compare(.lessOrEqual, self.number(interval.lowerBound), number)
    let upper = compare(.lessOrEqual, number, self.number(interval.upperBound))
    return and(lower, upper)
  }

  /// The smallest interval that holds both.
  func hull(_ left: ClosedRange<Int>, _ right: ClosedRange<Int>) -> ClosedRange<Int> {
    min(left.lowerBound, right.lowerBound)...max(left.upperBound, right.upperBound)
  }
}

/// The comparisons that the others are made from.
enum Comparison: Hashable, Sendable {
  case equal
  case less
  case lessOrEqual

  /// What the intervals alone decide.
  func decided(_ left: ClosedRange<Int>, _ right: ClosedRange<Int>) -> Bool? {
    let points = left.lowerBound == left.upperBound && left == right
    switch self {
    case .equal:
      if points { return true }
      return left.overlaps(right) ? nil : false
    case .less:
      if left.upperBound < right.lowerBound { return true }
      return left.lowerBound >= right.upperBound ? false : nil
    case .lessOrEqual:
      if left.upperBound <= right.lowerBound { return true }
      return left.lowerBound > right.upperBound ? false : nil
    }
  }
}
