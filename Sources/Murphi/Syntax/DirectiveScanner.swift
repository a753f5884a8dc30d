import Diagnostics

/// Reads the words of one directive; lines that continue it are joined by blanks.
struct DirectiveScanner {
  /// The text up to the directive's end, with everything that does not belong to it blanked out, so that offsets stay.
  let bytes: [UInt8]
  private(set) var offset: Int

  /// Complexity: linear in the directive. `bytes` of the scanner start at the first segment, moved by `base`.
  init(_ text: DirectiveText, in file: [UInt8]) {
    var copy = [UInt8](repeating: 0x20, count: text.segments.last?.end ?? 0)
    for segment in text.segments where segment.start < segment.end {
      copy.replaceSubrange(segment.start..<segment.end, with: file[segment.start..<segment.end])
    }
    bytes = copy
    offset = text.segments.first?.start ?? 0
  }

  /// Whether nothing but blanks is left.
  mutating func isAtEnd() -> Bool {
    skipBlanks()
    return offset >= bytes.count
  }

  /// The place of the next word, for messages.
  mutating func here() -> SourceRange {
    skipBlanks()
    var end = offset
    while end < bytes.count, !bytes[end].isBlank { end += 1 }
    return SourceRange(start: min(offset, bytes.count), end: end)
  }

  /// Skips blanks.
  mutating func skipBlanks() {
    while offset < bytes.count, bytes[offset].isBlank { offset += 1 }
  }

  /// Takes the text if it comes next.
  mutating func accept(_ text: String) -> Bool {
    skipBlanks()
    guard bytes[offset...].starts(with: text.utf8) else { return false }
    offset += text.utf8.count
    return true
  }

  /// Takes the word if it comes next and ends there.
  mutating func acceptWord(_ text: String) -> Bool {
    let start = offset
    guard accept(text) else { return false }
    if offset < bytes.count, bytes[offset].isNameByte || bytes[offset] == UInt8(ascii: "-") {
      offset = start
      return false
    }
    return true
  }

  /// Takes the longest run of bytes that satisfy the condition; nil if there is none.
  mutating func word(_ isPart: (UInt8) -> Bool) -> NameSyntax? {
    skipBlanks()
    let start = offset
    while offset < bytes.count, isPart(bytes[offset]) { offset += 1 }
    guard offset > start else { return nil }
    return NameSyntax(
      text: String(decoding: bytes[start..<offset], as: UTF8.self), range: SourceRange(start: start, end: offset))
  }

  /// Takes the rest, its lines joined by single blanks.
  mutating func rest() -> String {
    skipBlanks()
    let words = bytes[min(offset, bytes.count)...].split(whereSeparator: \.isBlank)
    offset = bytes.count
    return words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
  }

  /// Takes a string as Murphi writes it, with its place.
  mutating func string() -> NameSyntax? {
    skipBlanks()
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { return nil }
    let start = offset
    var end = offset + 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
      end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end < bytes.count else { return nil }
    var lexer = Lexer(bytes, from: start, to: end + 1)
    lexer.run()
    guard case .string(let text)? = lexer.tokens.first?.kind else { return nil }
    offset = end + 1
    return NameSyntax(text: text, range: SourceRange(start: start, end: end + 1))
  }

  /// Takes bytes up to a blank (or a stop byte) outside parentheses, brackets, braces and strings.
  mutating func group(stoppingAt stop: UInt8? = nil) -> SourceRange? {
    skipBlanks()
    let start = offset
    var nesting = 0
    var isQuoted = false
    while offset < bytes.count {
      let byte = bytes[offset]
      if nesting == 0, !isQuoted, byte.isBlank || byte == stop { break }
      switch byte {
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): nesting += isQuoted ? 0 : 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): nesting -= isQuoted ? 0 : 1
      default: break
      }
      offset += 1
    }
    return offset > start ? SourceRange(start: start, end: offset) : nil
  }
}
