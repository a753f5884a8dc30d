/// A position in a line's bytes; what is read from it advances it. Nothing is allocated.
import Glibc

struct TextCursor {
  private let bytes: UnsafeBufferPointer<UInt8>
  var position: Int
  var end: Int

  init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  var isAtEnd: Bool { position >= end }

  subscript(index: Int) -> UInt8 { bytes[index] }

  /// The byte at hand; 0 at the end.
  var byte: UInt8 { position < end ? bytes[position] : 0 }

  /// The value of the digit or letter at hand in base 36; nil when it is neither.
  var digit: UInt8? {
    let byte = byte
    if byte >= 0x30, byte <= 0x39 { return byte - 0x30 }
    let letter = byte | 0x20
    return letter >= 0x61 && letter <= 0x7A ? letter - 0x61 + 10 : nil
  }

  mutating func skipBlanks() {
    while position < end, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
  }

  /// Passes blanks and what follows up to the next one; false at the end.
  mutating func skipWord() -> Bool {
    skipBlanks()
    while position < end, bytes[position] != 0x20, bytes[position] != 0x09 { position += 1 }
    return position < end
  }

  /// Where a byte stands next, from `index` on; nil when it does not.
  func first(_ byte: UInt8, from index: Int) -> Int? {
    guard index < end, let base = bytes.baseAddress, let found = memchr(base + index, Int32(byte), end - index) else {
      return nil
    }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  /// Passes `text` if it stands here.
  mutating func take(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard end - position >= count, let base = bytes.baseAddress else { return false }
    guard memcmp(base + position, text.utf8Start, count) == 0 else { return false }
    position += count
    return true
  }

  /// Passes blanks and `text`.
  mutating func word(_ text: StaticString) -> Bool {
    skipBlanks()
    return take(text)
  }

  /// A number in hexadecimal, with or without 0x; nil when there is none or it has more than 64 bits.
  mutating func hex() -> UInt64? {
    skipBlanks()
    if byte == 0x30, position + 1 < end, bytes[position + 1] | 0x20 == 0x78 { position += 2 }
    var value: UInt64 = 0
    let start = position
    while position < end {
      let byte = bytes[position]
      var digit = byte &- 0x30
      if digit > 9 {
        let letter = (byte | 0x20) &- 0x61
        guard letter < 6 else { break }
        digit = letter + 10
      }
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      position += 1
    }
    return position == start ? nil : value
  }

  /// A number in decimal, perhaps negative.
  mutating func decimal() -> Int? {
    skipBlanks()
    let isNegative = byte == 0x2D
    if isNegative { position += 1 }
    var value = 0
    let start = position
    while position < end, bytes[position] >= 0x30, bytes[position] <= 0x39 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      guard !overflow, product <= Int.max - 9 else { return nil }
      value = product + Int(bytes[position] - 0x30)
      position += 1
    }
    return position == start ? nil : isNegative ? -value : value
  }

  /// A number in decimal, up to 64 bits without a sign; nil when there is none or it has more.
  mutating func unsigned() -> UInt64? {
    var value: UInt64 = 0
    let start = position
    while position < end, bytes[position] >= 0x30, bytes[position] <= 0x39 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[position] - 0x30))
      guard !overflow, !carry else { return nil }
      value = sum
      position += 1
    }
    return position == start ? nil : value
  }

  /// `text`, then a number in hexadecimal.
  mutating func hex(after text: StaticString) -> UInt64? { word(text) ? hex() : nil }

  /// `text`, then a number in decimal.
  mutating func decimal(after text: StaticString) -> Int? { word(text) ? decimal() : nil }

  /// Moves behind the next occurrence of `text`; stays when there is none.
  mutating func seek(_ text: StaticString) -> Bool {
    var attempt = self
    while let found = first(text.utf8Start[0], from: attempt.position) {
      attempt.position = found
      if attempt.take(text) {
        self = attempt
        return true
      }
      attempt.position = found + 1
    }
    return false
  }

  /// The bytes of a range as text, for messages.
  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The beginning of the line's rest as text, for messages: what could move a terminal's cursor is replaced.
  var rest: String {
    var text = ""
    for scalar in self.text(position..<min(end, position + 80)).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: text.append("\u{FFFD}")
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
