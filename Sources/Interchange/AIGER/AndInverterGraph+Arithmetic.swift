/// Binary numbers, the lowest bit first.
extension AndInverterGraph {
  /// first + second + carry, modulo 2^width. Requires: the same width.
  mutating func sum(_ first: [Literal], _ second: [Literal], carry: Literal) -> [Literal] {
    sumWithCarry(first, second, carry: carry).sum
  }

  /// The same, with what is carried out. Ripple carry: few gates matter more to provers than short paths.
  private mutating func sumWithCarry(
    _ first: [Literal], _ second: [Literal], carry: Literal
  ) -> (sum: [Literal], carry: Literal) {
    var carry = carry
    var sum: [Literal] = []
    for (one, other) in zip(first, second) {
      let half = exclusiveOr(one, other)
      sum.append(exclusiveOr(half, carry))
      let generated = and(one, other)
      let propagated = and(half, carry)
      carry = or(generated, propagated)
    }
    return (sum, carry)
  }

  /// −number, modulo 2^width
  mutating func negated(_ number: [Literal]) -> [Literal] {
    sum(number.map { !$0 }, number.map { _ in .isFalse }, carry: .isTrue)
  }

  /// first · second, modulo 2^width: the shifted first for every bit of the second.
  mutating func product(_ first: [Literal], _ second: [Literal]) -> [Literal] {
    var result = [Literal](repeating: .isFalse, count: first.count)
    for (position, bit) in second.enumerated() where bit != .isFalse {
      let row = first.prefix(first.count - position).map { and($0, bit) }
      let upper = sum(Array(result[position...]), row, carry: .isFalse)
      result.replaceSubrange(position..., with: upper)
    }
    return result
  }

  /// Quotient and remainder without sign, by long division.
  ///
  /// A divisor of zero is subtracted every time: all ones, and the dividend, which is SMT-LIB's answer.
  mutating func divided(
    _ dividend: [Literal], by divisor: [Literal]
  ) -> (quotient: [Literal], remainder: [Literal]) {
    var quotient: [Literal] = []
    var remainder = [Literal](repeating: .isFalse, count: dividend.count)
    let inverse = divisor.map { !$0 } + [.isTrue]
    for bit in dividend.reversed() {
      // One bit more than the width: the remainder before it was subtracted from.
      let shifted = [bit] + remainder
      let (difference, fits) = sumWithCarry(shifted, inverse, carry: .isTrue)
      remainder = zip(difference, shifted).dropLast().map { choose(fits, $0, $1) }
      quotient.append(fits)
    }
    return (quotient.reversed(), remainder)
  }

  /// The same in two's complement, truncating toward zero: of the amounts, then with their signs.
  mutating func dividedSigned(
    _ dividend: [Literal], by divisor: [Literal]
  ) -> (quotient: [Literal], remainder: [Literal]) {
    let isDividendNegative = dividend[dividend.count - 1]
    let isDivisorNegative = divisor[divisor.count - 1]
    let (quotient, remainder) = divided(amount(dividend), by: amount(divisor))
    let differ = exclusiveOr(isDividendNegative, isDivisorNegative)
    return (negated(quotient, where: differ), negated(remainder, where: isDividendNegative))
  }

  /// The amount of a number in two's complement; the least one stays.
  private mutating func amount(_ number: [Literal]) -> [Literal] {
    negated(number, where: number[number.count - 1])
  }

  private mutating func negated(_ number: [Literal], where condition: Literal) -> [Literal] {
    let negative = negated(number)
    return zip(negative, number).map { choose(condition, $0, $1) }
  }
}
