/// The values that an integer operation can yield, computed wide enough that nothing overflows.
///
/// Known limits: operands are taken as independent, so `i - i` is not seen to be 0, and guards narrow nothing.
struct WideInterval: Hashable, Sendable {
  let lower: Int128
  let upper: Int128

  /// From the least to the greatest of some values. Requires: there is one.
  init(_ values: [Int128]) {
    lower = values.min() ?? 0
    upper = values.max() ?? 0
  }

  init(_ interval: ClosedRange<Int>) {
    lower = Int128(interval.lowerBound)
    upper = Int128(interval.upperBound)
  }

  /// The same as 64-bit numbers; nil if an end does not fit.
  var narrowed: ClosedRange<Int>? {
    guard let low = Int(exactly: lower), let high = Int(exactly: upper) else { return nil }
    return low...high
  }

  /// The ends.
  private var ends: [Int128] { [lower, upper] }

  /// What `operation` yields on operands from two intervals.
  static func of(_ operation: ArithmeticOperator, _ left: WideInterval, _ right: WideInterval) -> WideInterval {
    switch operation {
    case .add: WideInterval([left.lower + right.lower, left.upper + right.upper])
    case .subtract: WideInterval([left.lower - right.upper, left.upper - right.lower])
    case .multiply: WideInterval(left.ends.flatMap { one in right.ends.map { one * $0 } })
    case .divide: quotient(left, right)
    case .remainder: remainder(left, right)
    case .bitAnd: bitAnd(left, right)
    case .bitOr, .bitXor: bitOr(left, right)
    case .shiftLeft: shifted(left, by: right.ends)
    case .shiftRight: shifted(left, by: right.ends.map { -$0 })
    }
  }

  /// Truncating division by anything but 0, which is a run-time error: extreme at the ends and at ±1.
  private static func quotient(_ left: WideInterval, _ right: WideInterval) -> WideInterval {
    let divisors = (right.ends + [-1, 1]).filter { $0 != 0 && right.lower <= $0 && $0 <= right.upper }
    return WideInterval(left.ends.flatMap { one in divisors.map { one / $0 } })
  }

  /// The remainder has the dividend's sign and is smaller than the divisor.
  private static func remainder(_ left: WideInterval, _ right: WideInterval) -> WideInterval {
    let largest = max(right.lower.magnitude, right.upper.magnitude)
    let bound = largest == 0 ? 0 : Int128(largest) - 1
    let low = left.lower < 0 ? -min(-left.lower, bound) : 0
    let high = left.upper > 0 ? min(left.upper, bound) : 0
    return WideInterval([low, high])
  }

  /// `&` with a non-negative number cannot exceed it.
  private static func bitAnd(_ left: WideInterval, _ right: WideInterval) -> WideInterval {
    switch (left.lower >= 0, right.lower >= 0) {
    case (true, true): WideInterval([0, min(left.upper, right.upper)])
    case (true, false): WideInterval([0, left.upper])
    case (false, true): WideInterval([0, right.upper])
    case (false, false): allBits(left, right)
    }
  }

  /// `|` and `^` stay within the bits of the wider operand.
  private static func bitOr(_ left: WideInterval, _ right: WideInterval) -> WideInterval {
    let bits = allBits(left, right)
    return left.lower >= 0 && right.lower >= 0 ? WideInterval([0, bits.upper]) : bits
  }

  /// All numbers of the fewest bits that hold both.
  private static func allBits(_ left: WideInterval, _ right: WideInterval) -> WideInterval {
    var power: Int128 = 1
    while -power > min(left.lower, right.lower) || power - 1 < max(left.upper, right.upper) { power <<= 1 }
    return WideInterval([-power, power - 1])
  }

  /// Shifts to the left by amounts between two ends; negative ones go right, and by 64 or more give 0.
  private static func shifted(_ left: WideInterval, by ends: [Int128]) -> WideInterval {
    let low = ends.min() ?? 0
    let high = ends.max() ?? 0
    var values: [Int128] = []
    for amount in [low, high, 0] where low <= amount && amount <= high {
      values += left.ends.map { shift($0, by: amount) }
    }
    if low <= -64 { values.append(0) }
    return WideInterval(values)
  }

  /// One shift to the left; amounts above 63 count as 63, which leaves 64 bits for all but 0.
  static func shift(_ value: Int128, by amount: Int128) -> Int128 {
    if amount >= 0 { return amount == 0 ? value : value << min(amount, 63) }
    return amount <= -64 ? 0 : value >> -amount
  }
}

extension ArithmeticOperator {
  /// The exact result; nil for a zero divisor.
  func result(_ left: Int, _ right: Int) -> Int128? {
    let (one, other) = (Int128(left), Int128(right))
    switch self {
    case .add: return one + other
    case .subtract: return one - other
    case .multiply: return one * other
    case .divide: return other == 0 ? nil : one / other
    case .remainder: return other == 0 ? nil : one % other
    case .bitAnd: return one & other
    case .bitOr: return one | other
    case .bitXor: return one ^ other
    case .shiftLeft: return WideInterval.shift(one, by: other)
    case .shiftRight: return WideInterval.shift(one, by: -other)
    }
  }
}

/// The C type in which rumur v2022.08.20 computes a model: the cheapest that holds every literal, range end and scalarset
/// size. The `fast` types of glibc on x86-64 have 8 or 64 bits, so only those two widths trap.
struct RumurValueType: Sendable {
  /// 0 and everything noted so far.
  private var lower = 0
  private var upper = 0

  init() {}

  /// Widens it by a number that the model contains.
  mutating func note(_ value: Int) {
    lower = min(lower, value)
    upper = max(upper, value)
  }

  /// Its C name.
  var name: String {
    switch (lower, upper) {
    case (0, ...255): "uint8_t"
    case ((-128)..., ...127): "int8_t"
    case (0, ...65_535): "uint16_t"
    case ((-32_768)..., ...32_767): "int16_t"
    case (0, ...4_294_967_295): "uint32_t"
    case ((-2_147_483_648)..., ...2_147_483_647): "int32_t"
    case (0, _): "uint64_t"
    default: "int64_t"
    }
  }

  /// What it really holds, in words.
  var holds: String {
    lower == 0 ? (upper <= 255 ? "0…255" : "no negative numbers") : (isByte ? "−128…127" : "64 bits")
  }

  /// Whether it is signed and has 8 bits.
  private var isByte: Bool { lower >= -128 && upper <= 127 }

  /// Whether every value of the interval fits.
  func contains(_ interval: ClosedRange<Int>) -> Bool {
    if lower == 0 { return interval.lowerBound >= 0 && (upper > 255 || interval.upperBound <= 255) }
    return !isByte || (interval.lowerBound >= -128 && interval.upperBound <= 127)
  }
}
