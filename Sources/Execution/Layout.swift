import Murphi

/// How a simple type lies in memory: value − lower + 1 in as many bits as that needs; all bits zero means undefined.
struct Encoding: Hashable {
  /// The least and the greatest defined raw value.
  let lower: Int
  let upper: Int
  /// Bits, from 1 to 64.
  let width: Int

  init(lower: Int, upper: Int) {
    self.lower = lower
    self.upper = upper
    let count = UInt(bitPattern: upper &- lower &+ 1)
    width = count == 0 ? 64 : 64 - count.leadingZeroBitCount
  }

  /// What is added to the stored bits to get the raw value.
  var offset: Int { lower &- 1 }

  /// The stored bits of a raw value, which must lie in `lower...upper`.
  func encode(_ raw: Int) -> UInt64 { UInt64(bitPattern: Int64(raw &- offset)) }

  /// The raw value of stored bits; nil for undefined.
  func decode(_ bits: UInt64) -> Int? { bits == 0 ? nil : Int(truncatingIfNeeded: bits) &+ offset }

  /// The stored bits' mask, at bit 0.
  var mask: UInt64 { width == 64 ? .max : (1 << UInt64(width)) - 1 }
}

extension Type {
  /// The encoding of a simple type. Integers without a range (locals only) take a whole word.
  var encoding: Encoding {
    switch self {
    case .boolean, .range, .enumeration, .scalarset:
      let values = rawValues ?? 0...0
      return Encoding(lower: values.lowerBound, upper: values.upperBound)
    case .integer:
      return Encoding(lower: Int.min + 1, upper: Int.max)
    case .record, .array:
      preconditionFailure("only a simple type has an encoding")
    }
  }

  /// Bits that a value takes; simple parts lie one after another without gaps. Saturates at `Int.max`.
  var width: Int {
    switch self {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      return encoding.width
    case .record(let fields):
      return fields.reduce(0) { $0.addingSaturated($1.type.width) }
    case .array(let index, let element):
      return index.count.multipliedSaturated(element.width)
    }
  }

  /// How many defined values a simple storable type has. Saturates at `Int.max`.
  var count: Int {
    guard let values = rawValues else { return 0 }
    return values.upperBound.subtractingSaturated(values.lowerBound).addingSaturated(1)
  }

  /// Where a record's field begins, in bits from the record's first.
  func fieldOffset(_ position: Int) -> Int {
    guard case .record(let fields) = self else { preconditionFailure("only a record has fields") }
    return fields[..<position].reduce(0) { $0 + $1.type.width }
  }
}

extension Int {
  /// The sum, or the greatest integer if that overflows.
  func addingSaturated(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  /// The difference, or the greatest integer if that overflows.
  func subtractingSaturated(_ other: Int) -> Int {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? .max : difference
  }

  /// The product, or the greatest integer if that overflows.
  func multipliedSaturated(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}

/// Where each state variable lies in the words of a state.
///
/// Variables follow one another in file order; one that fits a word but would straddle two begins the next word, so that
/// most fields are read by one shift. The padding is always zero: states are equal exactly if their words are.
struct Layout {
  /// The model's variables, in file order.
  let variables: [StateVariable]
  /// The first bit of each variable.
  let offsets: [Int]
  /// 64-bit words of a state, at least 1.
  let words: Int

  /// The most bits that a state may have: 1 MiB.
  static let limit = 1 << 23

  /// Throws: `EnumerationLimit` if an array's index or the whole state is beyond the limits.
  init(variables: [StateVariable]) throws(EnumerationLimit) {
    var next = 0
    var offsets: [Int] = []
    for variable in variables {
      try EnumerationLimit.check(variable.type, of: variable.name)
      let width = variable.type.width
      let room = 64 - next % 64
      if width <= 64 && width > room { next += room }
      offsets.append(next)
      next = next.addingSaturated(width)
      guard next <= Layout.limit else {
        throw EnumerationLimit(what: "the state up to `\(variable.name)` has more than \(Layout.limit) bits")
      }
    }
    self.variables = variables
    self.offsets = offsets
    words = max(1, (next + 63) / 64)
  }
}

/// A range that is too wide to be enumerated: of a ruleset, an array's index, a loop or a quantifier.
package struct EnumerationLimit: Error, Hashable, Sendable {
  /// Names the range and the limit.
  package let what: String

  package init(what: String) { self.what = what }

  /// The most values that anything is enumerated over, and the most copies that a rule may have.
  package static let limit = 1 << 20

  /// Throws: if an array's index type within `type` has too many values.
  static func check(_ type: Type, of name: String) throws(EnumerationLimit) {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      return
    case .record(let fields):
      for field in fields { try check(field.type, of: name + "." + field.name) }
    case .array(let index, let element):
      try check(count: index.count, of: "the index \(index.summary) of `\(name)`")
      try check(element, of: name + "[]")
    }
  }

  /// Throws: if there are more than `limit` values.
  static func check(count: Int, of what: String) throws(EnumerationLimit) {
    guard count <= limit else { throw EnumerationLimit(what: "\(what) has more than \(limit) values") }
  }
}

extension Type {
  /// The type in a few characters, for messages.
  var summary: String {
    switch self {
    case .boolean: "boolean"
    case .range(let lower, let upper): "\(lower)..\(upper)"
    case .enumeration(let type): type.name ?? "enum"
    case .scalarset(let type): type.name
    case .record: "record"
    case .array: "array"
    case .integer: "integer"
    }
  }
}
