/// Why a text is no witness for a file that we export: where in it, what was found and what was expected.
package struct WitnessError: Error, Hashable, Sendable {
  /// From 1; nil where the text ends too early.
  package let line: Int?
  package let message: String

  package init(line: Int?, _ message: String) {
    self.line = line
    self.message = message
  }
}
