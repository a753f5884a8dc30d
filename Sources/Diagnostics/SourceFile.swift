/// The text of one file, and where its lines begin.
///
/// Positions are UTF-8 byte offsets; line and column exist only when something is rendered.
package struct SourceFile: Sendable, Hashable {
  /// The name to show: a path as the user wrote it, or `<stdin>`.
  package let name: String
  /// The text, as UTF-8.
  package let bytes: [UInt8]
  /// The offset of each line's first byte; never empty.
  package let lineStarts: [Int]
  /// The offset of each byte that goes on a scalar. Columns are counted with these: generated models have lines of megabytes,
  /// and an engine asks for thousands of places on one.
  private let continuations: [Int]

  /// Complexity: linear in the text.
  package init(name: String, text: String) {
    self.init(name: name, unchecked: Array(text.utf8))
  }

  /// The bytes as they are; `load` says whether they are text.
  private init(name: String, unchecked: [UInt8]) {
    self.name = name
    bytes = unchecked
    var starts = [0]
    var inner: [Int] = []
    for (offset, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "\n") { starts.append(offset + 1) }
      if byte & 0xC0 == 0x80 { inner.append(offset) }
    }
    lineStarts = starts
    continuations = inner
  }

  /// The text between two offsets.
  package func text(_ range: SourceRange) -> String {
    let lower = min(max(range.start, 0), bytes.count)
    let upper = min(max(range.end, lower), bytes.count)
    return String(decoding: bytes[lower..<upper], as: UTF8.self)
  }

  /// Line and column, both from 1; columns count Unicode scalars. Complexity: logarithmic in the text.
  package func position(of offset: Int) -> (line: Int, column: Int) {
    let bounded = min(max(offset, 0), bytes.count)
    let line = Self.count(of: lineStarts, upTo: bounded)
    let start = lineStarts[line - 1]
    let inner = Self.count(of: continuations, upTo: bounded - 1) - Self.count(of: continuations, upTo: start - 1)
    return (line, bounded - start - inner + 1)
  }

  /// The text of a line (from 1), without its line break.
  package func line(_ number: Int) -> String {
    let start = lineStarts[number - 1]
    var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
  }

  /// How many of some ascending numbers are not above a limit, by binary search.
  private static func count(of numbers: [Int], upTo limit: Int) -> Int {
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] <= limit { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// A file from what lies on disk.
  ///
  /// Throws: a located diagnostic if the bytes are not UTF-8 (`E0101`) or contain a NUL byte (`E0102`).
  package static func load(bytes: [UInt8], name: String) throws(Rejection) -> SourceFile {
    let file = SourceFile(name: name, unchecked: bytes)
    if let offset = bytes.firstIndex(of: 0) {
      throw file.refusal("E0102", "the text contains a NUL byte", at: offset)
    }
    if let offset = firstInvalidOffset(bytes) {
      throw file.refusal("E0101", "the text is not UTF-8", at: offset)
    }
    return file
  }

  /// The refusal of one byte.
  private func refusal(_ id: String, _ message: String, at offset: Int) -> Rejection {
    let range = SourceRange(start: offset, end: offset + 1)
    return Rejection(file: self, diagnostics: [Diagnostic(id, .error, message, at: range)])
  }

  /// The first byte that belongs to no well-formed UTF-8 sequence.
  private static func firstInvalidOffset(_ bytes: [UInt8]) -> Int? {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var offset = 0
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): offset += UTF8.width(scalar)
      case .emptyInput: return nil
      case .error: return offset
      }
    }
  }
}
