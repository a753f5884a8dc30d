/// A way to decide properties. Made from what it needs (a system, or a program); asked by `Portfolio` or a test.
package protocol Engine: Sendable {
  /// How reports call it: `explicit`, `bmc`, `k-induction`, `pdr`.
  var name: String { get }
  /// Decides each property; the answers are in the order of the questions.
  ///
  /// Observes task cancellation and then answers `limit(interrupted)` with how far it came.
  /// Throws: only what is nobody's verdict (a solver that rejects a term, a broken invariant of ours).
  func decide(_ properties: [PropertyID], within budget: Budget) async throws -> [Verdict]
}

/// How much an engine may spend. Counts, never seconds: the same budget gives the same answer everywhere.
package struct Budget: Hashable, Sendable {
  /// States that an explicit search may store.
  package var states: Int
  /// Transitions that a bounded search may unroll.
  package var depth: Int
  /// Solver effort per query, in Z3's `rlimit` units; 0 means no limit.
  package var effort: UInt32
  /// Solver queries that an engine may ask in all.
  package var queries: Int
  /// Resident bytes that a search may use for its own tables.
  package var bytes: Int

  package init(
    states: Int = .max, depth: Int = 50, effort: UInt32 = 0, queries: Int = .max, bytes: Int = .max
  ) {
    self.states = states
    self.depth = depth
    self.effort = effort
    self.queries = queries
    self.bytes = bytes
  }
}
