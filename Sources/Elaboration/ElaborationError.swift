package import Diagnostics

/// Why a model has no finite terms within the limits. Nothing is ever left out instead: engines that need terms answer
/// `unknown` or `limit`, and explicit search goes on without them.
package struct ElaborationError: Error, Hashable, Sendable {
  /// What stood in the way.
  package enum Reason: Hashable, Sendable {
    /// No bound was found for a `while`, a run-time `for` or a recursion.
    case unbounded(passes: Int)
    /// An array, loop or quantifier over more values than the limit.
    case enumeration(values: Int)
    /// Unrolling took more steps, or more terms, than the limit.
    case size(limit: Int)
    /// The task was cancelled.
    case cancelled
    /// The model tells the values of this scalarset apart, so it must have a size.
    case asymmetric(Asymmetry, declaration: Int)
  }

  /// How a model can tell the values of a scalarset apart.
  package enum Asymmetry: String, Hashable, Sendable {
    case clear = "`clear` gives it the first value"
    case passes = "the passes of the loop depend on each other"
    case exits = "which pass of the loop ends the body depends on their order"
    case failures = "which pass of the loop fails depends on their order"
    case effects = "the body of the quantifier changes something"
    case mixture = "it is mixed with another scalarset"
  }
  package let reason: Reason
  /// The construct at fault.
  package let range: SourceRange
  /// `line:column` of the model.
  package let location: String

  /// In words, lower case, without the location.
  package var message: String {
    switch reason {
    case .unbounded(let passes): "cannot be elaborated: no bound on its passes was found within \(passes)"
    case .enumeration(let values): "cannot be elaborated: enumerates more than \(values) values"
    case .size(let limit): "cannot be elaborated: takes more than \(limit) steps to unroll"
    case .cancelled: "interrupted while it was elaborated"
    case .asymmetric(let asymmetry, _): "tells the values of a scalarset apart: \(asymmetry.rawValue)"
    }
  }
}
