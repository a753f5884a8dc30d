/// A file that a phase of the front end refuses: every error of that phase, and the warnings met on the way.
package struct Rejection: Error, Hashable, Sendable {
  /// The file that the ranges refer to.
  package let file: SourceFile
  /// In the order of the text; at least one is an error.
  package let diagnostics: [Diagnostic]

  package init(file: SourceFile, diagnostics: [Diagnostic]) {
    self.file = file
    self.diagnostics = diagnostics
  }
}
