import Logic
import Murphi

/// Arithmetic as in ℤ: every operation is done in a code wide enough for its operands and its result.
///
/// The result's interval is computed from the operands' here and cut to what the checker allows; the former is the tighter one
/// wherever a loop variable or a parameter is a constant.
extension TermStore {
  /// The result of an operator. Requires: the divisor is not zero, or the run has failed already.
  mutating func arithmetic(
    _ operation: ArithmeticOperator, _ left: Number, _ right: Number, within allowed: ClosedRange<Int>
  ) -> Number {
    if let one = left.constant, let other = right.constant, let value = operation.folded(one, other) {
      return number(value)
    }
    let interval = operation.interval(left.interval, right.interval, within: allowed)
    var all = hull(hull(left.interval, right.interval), interval)
    if operation.isShift { all = hull(all, -1...1) }
    let code = NumberCode(all)
    let one = resized(left, to: code.width)
    let other = resized(right, to: code.width)
    return number(Number(term: apply(operation, one, other, code: code), interval: all), as: interval)
  }

  /// −x.
  mutating func negated(_ operand: Number, within allowed: ClosedRange<Int>) -> Number {
    arithmetic(.subtract, number(0), operand, within: allowed)
  }

  /// −x − 1.
  mutating func complemented(_ operand: Number, within allowed: ClosedRange<Int>) -> Number {
    arithmetic(.subtract, number(-1), operand, within: allowed)
  }

  /// The operator on patterns of one width.
  private mutating func apply(_ operation: ArithmeticOperator, _ left: Term, _ right: Term, code: NumberCode) -> Term {
    switch operation {
    case .add: return add(left, right)
    case .subtract: return subtract(left, right)
    case .multiply: return multiply(left, right)
    case .divide: return code.isSigned ? divideSigned(left, right) : divideUnsigned(left, right)
    case .remainder: return code.isSigned ? remainderSigned(left, right) : remainderUnsigned(left, right)
    case .bitAnd: return bitAnd(left, right)
    case .bitOr: return bitOr(left, right)
    case .bitXor: return bitXor(left, right)
    case .shiftLeft: return shifted(left, leftBy: right, rightBy: negate(right), width: code.width)
    case .shiftRight: return shifted(left, leftBy: negate(right), rightBy: right, width: code.width)
    }
  }

  /// A shift to the side whose distance is not negative; both distances are read in two's complement. By 64 or more: 0.
  private mutating func shifted(_ operand: Term, leftBy left: Term, rightBy right: Term, width: Int) -> Term {
    let zero = integer(0, width: width)
    let goesLeft = lessOrEqualSigned(zero, left)
    let shifted = ifThenElse(goesLeft, shiftLeft(operand, left), shiftRightArithmetic(operand, right))
    if width <= 7 { return shifted }  // No distance of 64 fits.
    let limit = integer(63, width: width)
    let isShort = and(lessOrEqualSigned(left, limit), lessOrEqualSigned(right, limit))
    return ifThenElse(isShort, shifted, zero)
  }
}

extension ArithmeticOperator {
  /// Whether it is `<<` or `>>`.
  var isShift: Bool { self == .shiftLeft || self == .shiftRight }

  /// The result for two known operands; nil for a zero divisor, for a result beyond 64 bits and for shifts.
  func folded(_ left: Int, _ right: Int) -> Int? {
    let result: (partialValue: Int, overflow: Bool)
    switch self {
    case .add: result = left.addingReportingOverflow(right)
    case .subtract: result = left.subtractingReportingOverflow(right)
    case .multiply: result = left.multipliedReportingOverflow(by: right)
    case .divide: result = right == 0 ? (0, true) : left.dividedReportingOverflow(by: right)
    case .remainder: result = right == 0 ? (0, true) : left.remainderReportingOverflow(dividingBy: right)
    case .bitAnd: result = (left & right, false)
    case .bitOr: result = (left | right, false)
    case .bitXor: result = (left ^ right, false)
    case .shiftLeft, .shiftRight: return nil
    }
    return result.overflow ? nil : result.partialValue
  }

  /// Where results lie for operands of these intervals; `allowed` is what the checker computed.
  ///
  /// Computed here from the operands as they are, because what a function returns need not lie in its return type.
  func interval(
    _ left: ClosedRange<Int>, _ right: ClosedRange<Int>, within allowed: ClosedRange<Int>
  ) -> ClosedRange<Int> {
    switch self {
    case .add, .subtract, .multiply: return ends(left, right) ?? allowed
    case .divide: return quotients(left, right)
    case .remainder: return remainders(left, right)
    case .bitAnd, .bitOr, .bitXor:
      let both = min(left.lowerBound, right.lowerBound)...max(left.upperBound, right.upperBound)
      return NumberCode(both).interval
    case .shiftLeft: return shifts(left, by: right.lowerBound...right.upperBound) ?? allowed
    case .shiftRight:
      guard right.lowerBound > .min else { return allowed }
      return shifts(left, by: -right.upperBound ... -right.lowerBound) ?? allowed
    }
  }

  /// The results of shifts to the left, extreme at the operands' ends and at 0; nil beyond 64 bits.
  private func shifts(_ left: ClosedRange<Int>, by distances: ClosedRange<Int>) -> ClosedRange<Int>? {
    var results: [Int] = distances.lowerBound <= -64 || distances.upperBound >= 64 ? [0] : []
    for distance in [distances.lowerBound, distances.upperBound, 0] where distances.contains(distance) {
      for value in [left.lowerBound, left.upperBound] {
        if distance > 62 && value != 0 { return nil }
        let raised = Int128(value) << max(min(distance, 63), 0)
        guard let exact = Int(exactly: raised >> max(-distance, 0)) else { return nil }
        results.append(exact)
      }
    }
    guard let lowest = results.min(), let highest = results.max() else { return nil }
    return lowest...highest
  }

  /// The results at the operands' ends, which are the extreme ones of sums, differences and products; nil beyond 64 bits.
  private func ends(_ left: ClosedRange<Int>, _ right: ClosedRange<Int>) -> ClosedRange<Int>? {
    var lowest = Int.max
    var highest = Int.min
    for one in [left.lowerBound, left.upperBound] {
      for other in [right.lowerBound, right.upperBound] {
        guard let value = folded(one, other) else { return nil }
        lowest = min(lowest, value)
        highest = max(highest, value)
      }
    }
    return lowest...highest
  }

  /// No larger in size than the dividend; not negative if neither operand is.
  private func quotients(_ left: ClosedRange<Int>, _ right: ClosedRange<Int>) -> ClosedRange<Int> {
    if left.lowerBound >= 0 && right.lowerBound >= 0 {
      return left.lowerBound / max(1, right.upperBound)...left.upperBound / max(1, right.lowerBound)
    }
    let size = max(left.upperBound, left.lowerBound == .min ? .max : -left.lowerBound)
    return -size...size
  }

  /// The dividend's sign; no larger in size than the dividend, smaller than the divisor.
  private func remainders(_ left: ClosedRange<Int>, _ right: ClosedRange<Int>) -> ClosedRange<Int> {
    let sizes = [right.lowerBound == .min ? .max : abs(right.lowerBound), abs(right.upperBound)]
    let most = max(0, (sizes.max() ?? 1) - 1)
    let lowest = left.lowerBound < 0 ? max(left.lowerBound, -most) : 0
    let highest = left.upperBound > 0 ? min(left.upperBound, most) : 0
    return lowest...highest
  }
}
