import Diagnostics

/// Turns bytes into tokens.
///
/// It goes on after an error, so that one run finds all of them. Lines whose first non-blank characters are `--@` are set
/// aside as directives; other comments vanish.
struct Lexer {
  /// What is read; directives hand in a copy with everything but one directive blanked out.
  private let bytes: [UInt8]
  /// Where reading stops.
  private let limit: Int
  private var offset: Int
  /// Whether only blanks stand before `offset` in its line.
  private var atLineStart = true

  private(set) var tokens: [Token] = []
  private(set) var directives: [DirectiveText] = []
  private(set) var diagnostics: [Diagnostic] = []

  /// Reads a part of a text; ranges are offsets into the whole.
  init(_ bytes: [UInt8], from start: Int = 0, to end: Int? = nil) {
    self.bytes = bytes
    offset = start
    limit = end ?? bytes.count
  }

  /// Reads everything; afterwards `tokens` ends with one of kind `.end`.
  mutating func run() {
    while offset < limit { step() }
    let end = SourceRange(start: limit, end: limit)
    tokens.append(Token(kind: .end, range: end))
  }

  /// Reads one token, comment or blank.
  private mutating func step() {
    let byte = bytes[offset]
    switch byte {
    case UInt8(ascii: "\n"):
      offset += 1
      atLineStart = true
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), 0x0B, 0x0C: offset += 1
    default:
      if matches("--") {
        comment()
      } else {
        atLineStart = false
        word(byte)
      }
    }
  }

  /// Reads a token or a block comment.
  private mutating func word(_ byte: UInt8) {
    if matches("/*") {
      blockComment()
    } else if byte.isLetter {
      identifier()
    } else if byte.isDigit {
      number()
    } else if byte == UInt8(ascii: "\"") {
      string(opening: 1, closing: ["\""])
    } else if matches("“") {
      string(opening: 3, closing: ["”"])
    } else if let (kind, length) = operatorHere() {
      append(kind, length)
    } else {
      unexpected()
    }
  }

  /// Reports a character that begins nothing, and skips it.
  private mutating func unexpected() {
    var end = offset + 1
    while end < limit, bytes[end] & 0xC0 == 0x80 { end += 1 }
    let text = String(decoding: bytes[offset..<end], as: UTF8.self)
    diagnostics.append(MurphiDiagnostics.unexpectedCharacter(text, at: SourceRange(start: offset, end: end)))
    offset = end
  }

  /// Adds a token that is `length` bytes long.
  private mutating func append(_ kind: Token.Kind, _ length: Int) {
    tokens.append(Token(kind: kind, range: SourceRange(start: offset, end: offset + length)))
    offset += length
  }

  /// Whether the text goes on with these bytes.
  private func matches(_ text: StaticString) -> Bool {
    guard offset + text.utf8CodeUnitCount <= limit else { return false }
    return text.withUTF8Buffer { buffer in
      for (index, byte) in buffer.enumerated() where bytes[offset + index] != byte { return false }
      return true
    }
  }
}

/// Comments and directives.
extension Lexer {
  /// Skips `-- …`, or sets a directive aside.
  private mutating func comment() {
    let start = offset
    let end = lineEnd(from: offset)
    defer { offset = end }
    guard atLineStart, matches("--@") else { return }
    let isContinuation = matches("--@+")
    let range = SourceRange(start: start + (isContinuation ? 4 : 3), end: trimmedEnd(start, end))
    guard isContinuation else {
      directives.append(DirectiveText(segments: [range], lineEnd: end))
      return
    }
    if let last = directives.indices.last, isNextLine(start, after: directives[last].lineEnd) {
      directives[last].segments.append(range)
      directives[last].lineEnd = end
    } else {
      diagnostics.append(MurphiDiagnostics.nothingToContinue(at: SourceRange(start: start, end: start + 4)))
    }
  }

  /// Whether only blanks and one line break lie between.
  private func isNextLine(_ start: Int, after end: Int) -> Bool {
    bytes[end..<start].count { $0 == UInt8(ascii: "\n") } == 1
  }

  /// The offset of the line break that ends this line, or the limit.
  private func lineEnd(from start: Int) -> Int {
    var end = start
    while end < limit, bytes[end] != UInt8(ascii: "\n") { end += 1 }
    return end
  }

  /// Without blanks at the end of the line.
  private func trimmedEnd(_ start: Int, _ end: Int) -> Int {
    var trimmed = end
    while trimmed > start, bytes[trimmed - 1].isBlank { trimmed -= 1 }
    return trimmed
  }

  /// Skips `/* … */`, which does not nest.
  private mutating func blockComment() {
    let start = offset
    offset += 2
    while offset < limit, !matches("*/") { offset += 1 }
    if offset >= limit {
      let range = SourceRange(start: start, end: start + 2)
      diagnostics.append(MurphiDiagnostics.unterminatedComment(at: range))
    } else {
      offset += 2
    }
  }
}

/// Words, numbers, strings, operators.
extension Lexer {
  /// Reads a name or a keyword.
  private mutating func identifier() {
    var end = offset
    while end < limit, bytes[end].isNameByte { end += 1 }
    let text = String(decoding: bytes[offset..<end], as: UTF8.self)
    let folded = text.lowercased()
    if let keyword = Keyword(rawValue: folded) {
      append(.keyword(keyword), end - offset)
    } else {
      append(.identifier(folded == "true" || folded == "false" ? folded : text), end - offset)
    }
  }

  /// Reads `12`, `0x1f` or `017`: a leading zero means octal, as in rumur.
  private mutating func number() {
    let start = offset
    let isHexadecimal = matches("0x") || matches("0X")
    var end = offset + (isHexadecimal ? 2 : 0)
    while end < limit, isHexadecimal ? bytes[end].isHexadecimalDigit : bytes[end].isDigit { end += 1 }
    let isReal = end + 1 < limit && bytes[end] == UInt8(ascii: ".") && bytes[end + 1].isDigit && !isHexadecimal
    let digits = String(decoding: bytes[start..<end], as: UTF8.self)
    let range = SourceRange(start: start, end: end)
    if isReal {
      end += 1
      while end < limit, bytes[end].isDigit { end += 1 }
      diagnostics.append(MurphiDiagnostics.realNumber(at: SourceRange(start: start, end: end)))
      append(.number(0), end - start)
      return
    }
    append(.number(value(of: digits, isHexadecimal: isHexadecimal, at: range)), end - start)
  }

  /// The value of a literal; reports one that is malformed or too large.
  private mutating func value(of digits: String, isHexadecimal: Bool, at range: SourceRange) -> Int {
    let isOctal = !isHexadecimal && digits.count > 1 && digits.hasPrefix("0")
    if isOctal, digits.contains(where: { $0 == "8" || $0 == "9" }) {
      diagnostics.append(MurphiDiagnostics.malformedOctal(digits, at: range))
      return 0
    }
    let text = isHexadecimal ? String(digits.dropFirst(2)) : digits
    if text.isEmpty {
      diagnostics.append(MurphiDiagnostics.malformedHexadecimal(at: range))
      return 0
    }
    guard let value = Int(text, radix: isHexadecimal ? 16 : isOctal ? 8 : 10) else {
      diagnostics.append(MurphiDiagnostics.literalTooLarge(digits, at: range))
      return 0
    }
    return value
  }

  /// Reads a string; it may run over several lines.
  private mutating func string(opening: Int, closing: [Character]) {
    let start = offset
    var end = offset + opening
    var content: [UInt8] = []
    while end < limit {
      if opening == 1 ? bytes[end] == UInt8(ascii: "\"") : isClosingQuote(end) {
        append(.string(String(decoding: content, as: UTF8.self)), end + opening - start)
        return
      }
      if bytes[end] == UInt8(ascii: "\\"), end + 1 < limit {
        end += 1
        content.append(bytes[end].escaped)
      } else {
        content.append(bytes[end])
      }
      end += 1
    }
    diagnostics.append(
      MurphiDiagnostics.unterminatedString(at: SourceRange(start: start, end: start + opening)))
    append(.string(""), lineEnd(from: start) - start)
  }

  /// Whether `”` stands there.
  private func isClosingQuote(_ position: Int) -> Bool {
    position + 3 <= limit && bytes[position..<position + 3].elementsEqual("”".utf8)
  }

  /// The operator or punctuation that starts here, longest first.
  private func operatorHere() -> (Token.Kind, Int)? {
    for length in [3, 2, 1] where offset + length <= limit {
      let text = String(decoding: bytes[offset..<offset + length], as: UTF8.self)
      if let symbol = Punctuation(rawValue: text) ?? Self.otherSpellings[text] { return (.symbol(symbol), length) }
      if text == "∀" { return (.keyword(.forall), length) }
      if text == "∃" { return (.keyword(.exists), length) }
    }
    return nil
  }

  /// Spellings beside the ones of `Punctuation`.
  private static let otherSpellings: [String: Punctuation] = [
    "==": .equal, "≔": .assign, "≥": .greaterOrEqual, "→": .implies, "≤": .lessOrEqual, "≠": .notEqual, "⇒": .arrow,
    "¬": .not, "∧": .andAnd, "∨": .orOr, "÷": .slash, "−": .minus, "∕": .slash, "×": .star,
  ]
}

extension UInt8 {
  /// `A`–`Z`, `a`–`z`
  var isLetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }
  /// `0`–`9`
  var isDigit: Bool { (0x30...0x39).contains(self) }
  /// `0`–`9`, `A`–`F`, `a`–`f`
  var isHexadecimalDigit: Bool { isDigit || (0x41...0x46).contains(self) || (0x61...0x66).contains(self) }
  /// Letters, digits and `_`.
  var isNameByte: Bool { isLetter || isDigit || self == UInt8(ascii: "_") }
  /// Blanks, without the line feed.
  var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0B || self == 0x0C }
  /// What a backslash before it makes of it.
  fileprivate var escaped: UInt8 {
    switch self {
    case UInt8(ascii: "n"): UInt8(ascii: "\n")
    case UInt8(ascii: "t"): UInt8(ascii: "\t")
    default: self
    }
  }
}
