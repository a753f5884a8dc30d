/// The page tables as a trace's events show them, without an engine: tables by frame, entries by their last value.
import MMUEngine

/// A table that the trace has shown.
struct FollowedTable {
  let level: Level
  let gfn: GFN
  let space: AddressSpace
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
struct FollowedEntry {
  let table: Int
  let index: Int
}

struct FollowedTables {
  private struct Place: Hashable {
    let space: AddressSpace
    let level: Level
    let gfn: GFN
  }

  private(set) var tables: [FollowedTable?] = []
  private var free: [Int] = []
  private var byPlace: [Place: [Int]] = [:]
  private var byFrame: [UInt64: Int] = [:]
  /// Detached tables, oldest first; forgotten after a while, as RCU does.
  private var detached: [Int] = []

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

  /// The entries that an event's space, frame and level can mean: one per tree.
  func candidates(_ space: AddressSpace, _ gfn: GFN, _ level: Level) -> [FollowedEntry] {
    guard let above = level.above else { return [] }
    let place = Place(space: space, level: level, gfn: gfn.aligned(to: above))
    return (byPlace[place] ?? []).map { FollowedEntry(table: $0, index: gfn.index(at: level)) }
  }

  func value(_ entry: FollowedEntry) -> SPTE { tables[entry.table]?.entries[entry.index] ?? .nonpresent }

  mutating func set(_ entry: FollowedEntry, _ value: SPTE) { tables[entry.table]?.entries[entry.index] = value }

  /// A table is out of its tree.
  mutating func detach(_ table: Int) {
    guard tables[table]?.isDetached == false else { return }
    tables[table]?.isDetached = true
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
  }
}
