/// Something to tell the user about a place in a file.
package struct Diagnostic: Hashable, Sendable {
  package enum Severity: String, Sendable, Hashable {
    case error
    case warning
  }

  /// A further place that explains the first one.
  package struct Note: Hashable, Sendable {
    package let message: String
    package let at: SourceRange

    package init(_ message: String, at: SourceRange) {
      self.message = message
      self.at = at
    }
  }

  /// A stable identifier such as `E0201`; see `MurphiDiagnostics`.
  package let id: String
  package let severity: Severity
  /// Lower case, no full stop; names what was found and what was expected.
  package let message: String
  /// The operand at fault.
  package let at: SourceRange
  package let notes: [Note]

  package init(_ id: String, _ severity: Severity, _ message: String, at: SourceRange, notes: [Note] = []) {
    self.id = id
    self.severity = severity
    self.message = message
    self.at = at
    self.notes = notes
  }
}
