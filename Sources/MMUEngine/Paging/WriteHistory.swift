/// The last writes of entries, so that whoever drives the engine behind a trace can take them back.
///
/// Two uses. A try that fails: a copy of everything but the words is kept, and the words go back write by write, so that a try
/// costs what it changes and not what the tables hold. And a reader that was earlier: what an entry held before some write, for
/// a task that read it then. Only a memory that was asked to keeps a history.

/// One write of a word of a table.
struct EntryWrite: Sendable, BitwiseCopyable {
  /// Index into the words of all tables.
  let word: Int
  /// The table's, which tells it from a later one of the same number.
  let serial: UInt32
  let old: UInt64
}

/// Writes in their order, the oldest ones forgotten.
struct WriteHistory: Sendable {
  private(set) var writes: [EntryWrite] = []
  /// How many were forgotten.
  private(set) var forgotten = 0

  /// The number of the next write.
  var position: Int { forgotten + writes.count }

  mutating func append(_ write: EntryWrite) { writes.append(write) }

  /// The newest write; nil when none is left behind `position`.
  mutating func popLast(behind position: Int) -> EntryWrite? { self.position > position ? writes.popLast() : nil }

  /// Keeps a few thousand.
  mutating func trim() {
    guard writes.count > 8192 else { return }
    forgotten += writes.count - 4096
    writes.removeFirst(writes.count - 4096)
  }
}
