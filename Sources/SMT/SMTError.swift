/// Z3 rejected a call. Never a verdict: running out of effort and being interrupted are answers, not errors.
package struct SMTError: Error, Hashable, Sendable {
  /// The C function's name.
  package let operation: String
  /// Z3's error code.
  package let code: Int
  /// Z3's own words.
  package let message: String
}

extension SMTError: CustomStringConvertible {
  /// One line for a report.
  package var description: String { "Z3 refused \(operation): \(message) (code \(code))" }
}
