/// Diagnostics as text: place, severity, message, identifier, the line at fault with carets, and the notes.
package enum DiagnosticRenderer {
  /// One diagnostic; ends with a line break.
  ///
  /// ```
  /// file.m:3:8: error: message [E0301]
  ///     if x + 1 then
  ///        ^~~~~
  /// file.m:1:3: note: declared here
  /// ```
  package static func render(_ diagnostic: Diagnostic, in file: SourceFile) -> String {
    let head = "\(diagnostic.severity.rawValue): \(diagnostic.message) [\(diagnostic.id)]"
    var text = entry(head, at: diagnostic.at, in: file)
    for note in diagnostic.notes { text += entry("note: \(note.message)", at: note.at, in: file) }
    return text
  }

  /// Several, in order.
  package static func render(_ diagnostics: [Diagnostic], in file: SourceFile) -> String {
    diagnostics.map { render($0, in: file) }.joined()
  }

  /// A place with a text, the line, and the carets under the part that the range covers.
  private static func entry(_ text: String, at range: SourceRange, in file: SourceFile) -> String {
    let (line, column) = file.position(of: range.start)
    let scalars = Array(file.line(line).unicodeScalars)
    let covered = file.text(range).unicodeScalars.prefix { $0 != "\n" && $0 != "\r" }.count
    let shown = window(of: scalars.count, around: column - 1)
    let width = max(1, min(covered, shown.upperBound - (column - 1)))
    var (excerpt, indent) = (String.UnicodeScalarView(), String.UnicodeScalarView())
    excerpt.append(contentsOf: scalars[shown])
    for scalar in scalars[shown.lowerBound..<(column - 1)] { indent.append(scalar == "\t" ? "\t" : " ") }
    let (isCutBefore, isCutAfter) = (shown.lowerBound > 0, shown.upperBound < scalars.count)
    let whole = (isCutBefore ? "…" : "") + String(excerpt) + (isCutAfter ? "…" : "")
    let carets = (isCutBefore ? " " : "") + String(indent) + "^" + String(repeating: "~", count: width - 1)
    return "\(file.name):\(line):\(column): \(text)\n    \(whole)\n    \(carets)\n"
  }

  /// The longest line that is shown whole.
  private static let longestLine = 240

  /// The part of a line of `length` that is shown: all of it, or what is before and behind a place.
  private static func window(of length: Int, around place: Int) -> Range<Int> {
    if length <= longestLine { return 0..<length }
    let start = max(0, min(place - longestLine / 3, length - longestLine))
    return start..<(start + longestLine)
  }
}
