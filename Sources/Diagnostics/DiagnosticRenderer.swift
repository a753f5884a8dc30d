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
    let excerpt = file.line(line)
    let scalars = Array(excerpt.unicodeScalars)
    let covered = file.text(range).unicodeScalars.prefix { $0 != "\n" && $0 != "\r" }.count
    let width = max(1, min(covered, scalars.count - (column - 1)))
    var indent = String.UnicodeScalarView()
    for scalar in scalars.prefix(column - 1) { indent.append(scalar == "\t" ? "\t" : " ") }
    let carets = "^" + String(repeating: "~", count: width - 1)
    return "\(file.name):\(line):\(column): \(text)\n    \(excerpt)\n    \(String(indent))\(carets)\n"
  }
}
