/// The page tables as a trace's events show them, without an engine: tables by frame, entries by their last value.
import MMUEngine

/// A table that the trace has shown.
struct FollowedTable {
  let level: Level
  let gfn: GFN
  /// Nil for a root as long as none of its entries has changed: the event of its making does not tell it.
  var space: AddressSpace?
  /// Number of the root above it, in the order of their making.
  let root: Int
  /// Frame in the trace; nil for roots, whose frame no event shows.
  let frame: UInt64?
  /// 512 last values.
  var entries: [SPTE]
  /// Its entry was taken away, or its end was announced.
  var isDetached = false
  /// Filled by a split: the NX bits of small pages are not told.
  var isFilledBySplit = false
}

/// Where an entry was found.
struct FollowedEntry: Hashable {
  let table: Int
  let index: Int
}

struct FollowedTables {
  private struct Place: Hashable {
    /// Nil: roots whose space is not known.
    let space: AddressSpace?
    let level: Level
    let gfn: GFN
  }

  /// The same entry of two trees.
  private struct Pair: Hashable {
    let first: Int
    let second: Int
    let index: Int

    init(_ one: FollowedEntry, _ other: FollowedEntry) {
      first = min(one.table, other.table)
      second = max(one.table, other.table)
      index = one.index
    }
  }

  private(set) var tables: [FollowedTable?] = []
  private var free: [Int] = []
  private var byPlace: [Place: [Int]] = [:]
  private var byFrame: [UInt64: Int] = [:]
  /// Detached tables and emptied roots, oldest first; forgotten after a while, as RCU does.
  private var detached: [Int] = []
  /// Entries of two trees that had the same value when an event changed one of them: which one is not known.
  private var exchangeable: Set<Pair> = []

  subscript(table: Int) -> FollowedTable? {
    get { tables[table] }
    set { tables[table] = newValue }
  }

  /// Adds a table; one that had the frame before must be detached.
  mutating func add(_ table: FollowedTable) {
    let number: Int
    if let reused = free.popLast() {
      number = reused
      tables[number] = table
    } else {
      number = tables.count
      tables.append(table)
    }
    byPlace[Place(space: table.space, level: table.level, gfn: table.gfn), default: []].append(number)
    if let frame = table.frame { byFrame[frame] = number }
  }

  /// The table with this frame.
  func table(at frame: UInt64) -> Int? { byFrame[frame] }

  /// The entries that an event's space, frame and level can mean: one per tree, in the order of the tables' making.
  func candidates(_ space: AddressSpace, _ gfn: GFN, _ level: Level) -> [FollowedEntry] {
    let first = level.above.map { gfn.aligned(to: $0) } ?? GFN(0)
    let known = byPlace[Place(space: space, level: level, gfn: first)] ?? []
    let unknown = byPlace[Place(space: nil, level: level, gfn: first)] ?? []
    return (known + unknown).map { FollowedEntry(table: $0, index: gfn.index(at: level)) }
  }

  func value(_ entry: FollowedEntry) -> SPTE { tables[entry.table]?.entries[entry.index] ?? .nonpresent }

  mutating func set(_ entry: FollowedEntry, _ value: SPTE) { tables[entry.table]?.entries[entry.index] = value }

  /// An entry's event shows the space of its root.
  mutating func settle(_ table: Int, in space: AddressSpace) {
    guard let found = tables[table], found.space == nil else { return }
    byPlace[Place(space: nil, level: found.level, gfn: found.gfn)]?.removeAll { $0 == table }
    tables[table]?.space = space
    byPlace[Place(space: space, level: found.level, gfn: found.gfn), default: []].append(table)
  }

  /// A table is out of its tree.
  mutating func detach(_ table: Int) {
    guard tables[table]?.isDetached == false else { return }
    tables[table]?.isDetached = true
    retire(table)
  }

  /// A root has lost its last table: it is about to be freed, which no event shows.
  mutating func retire(_ table: Int) {
    detached.append(table)
    while detached.count > 1024 { forget(detached.removeFirst()) }
  }

  /// Forgets a detached table, whose frame may serve again.
  mutating func forget(_ number: Int) {
    guard let table = tables[number] else { return }
    byPlace[Place(space: table.space, level: table.level, gfn: table.gfn)]?.removeAll { $0 == number }
    if let frame = table.frame, byFrame[frame] == number { byFrame[frame] = nil }
    tables[number] = nil
    free.append(number)
    detached.removeAll { $0 == number }
    if !exchangeable.isEmpty {
      exchangeable = exchangeable.filter { $0.first != number && $0.second != number }
    }
  }

  /// An event changed one of two entries with the same value.
  mutating func confuse(_ entry: FollowedEntry, with other: FollowedEntry) { exchangeable.insert(Pair(entry, other)) }

  func mayBeExchanged(_ entry: FollowedEntry, _ other: FollowedEntry) -> Bool {
    !exchangeable.isEmpty && exchangeable.contains(Pair(entry, other))
  }

  /// The trace shows that the two were taken for each other.
  mutating func exchange(_ entry: FollowedEntry, _ other: FollowedEntry) {
    let value = value(entry)
    set(entry, self.value(other))
    set(other, value)
    exchangeable.remove(Pair(entry, other))
  }

  /// The trace shows which of the two an event meant.
  mutating func distinguish(_ entry: FollowedEntry, from others: [FollowedEntry]) {
    guard !exchangeable.isEmpty else { return }
    for other in others where other != entry { exchangeable.remove(Pair(entry, other)) }
  }
}
