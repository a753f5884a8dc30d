/// A half-open range of UTF-8 byte offsets in one `SourceFile`.
package struct SourceRange: Sendable, Hashable {
  /// The first byte.
  package var start: Int
  /// One past the last byte; equal to `start` for a point.
  package var end: Int

  package init(start: Int, end: Int) {
    self.start = start
    self.end = end
  }

  /// The smallest range that holds both.
  package func union(_ other: SourceRange) -> SourceRange {
    SourceRange(start: min(start, other.start), end: max(end, other.end))
  }
}
