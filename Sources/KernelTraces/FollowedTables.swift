/// The page tables as a trace's events show them, without an engine: tables by frame, entries by their last value.
import MMUEngine

/// Some of a table's 512 entries.
struct EntrySet {
  private var words = SIMD8<UInt64>()

  /// None of them.
  init() {}

  /// All of them.
  static var all: EntrySet {
    var set = EntrySet()
    set.words = SIMD8(repeating: .max)
    return set
  }

  func contains(_ index: Int) -> Bool { words[index >> 6] >> UInt64(index & 63) & 1 != 0 }

  mutating func insert(_ index: Int) { words[index >> 6] |= 1 << UInt64(index & 63) }

  mutating func remove(_ index: Int) { words[index >> 6] &= ~(1 << UInt64(index & 63)) }
}

/// A table that the trace has shown.
struct FollowedTable {
  let level: Level
  let gfn: GFN
  /// Nil for a root as long as none of its entries has changed: the event of its making does not tell it.
  var space: AddressSpace?
  /// Number of the root above it, in the order of their making; negative: made before the trace began.
  let root: Int
  /// Frame in the trace; nil for roots, whose frame no event shows, and for adopted tables until one does.
  var frame: UInt64?
  /// 512 last values.
  var entries: [SPTE]
  /// Its entry was taken away, or its end was announced.
  var isDetached = false
  /// Filled by a split: the NX bits of small pages are not told.
  var isFilledBySplit = false
  /// Entries whose value no event has shown: the old value of the first that does is taken as given.
  var unshown = EntrySet()
  /// Made before the trace began: its entries' events have shown it, not its own.
  var isAdopted = false
  /// Whether the report counts it.
  var isCounted = false
  /// No event has shown that the table is in a tree.
  var mayBeDetached = false

  /// A table of which nothing but its place is known.
  static func adopted(_ level: Level, _ gfn: GFN, _ space: AddressSpace, root: Int, frame: UInt64?) -> FollowedTable {
    var table = FollowedTable(
      level: level, gfn: gfn, space: space, root: root, frame: frame,
      entries: Array(repeating: .nonpresent, count: 512))
    table.unshown = .all
    table.isAdopted = true
    table.mayBeDetached = true
    return table
  }
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

  private(set) var tables: [FollowedTable?] = []
  private var free: [Int] = []
  private var byPlace: [Place: [Int]] = [:]
  private var byFrame: [UInt64: Int] = [:]
  /// Detached tables and emptied roots, oldest first; forgotten after a while, as RCU does.
  private var detached: [Int] = []
  /// Entries of two trees that had the same value when an event changed one of them, which one is not known: the other
  /// tables of each, both ways.
  private var exchangeable: [FollowedEntry: Set<Int>] = [:]

  subscript(table: Int) -> FollowedTable? {
    get { tables[table] }
    set { tables[table] = newValue }
  }

  /// Adds a table; one that had the frame before must be detached.
  @discardableResult
  mutating func add(_ table: FollowedTable) -> Int {
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
    return number
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

  mutating func set(_ entry: FollowedEntry, _ value: SPTE) {
    tables[entry.table]?.entries[entry.index] = value
    tables[entry.table]?.unshown.remove(entry.index)
  }

  /// Whether an event has shown the entry's value.
  func isShown(_ entry: FollowedEntry) -> Bool { tables[entry.table]?.unshown.contains(entry.index) == false }

  /// What the entry has now is not known any more.
  mutating func conceal(_ entry: FollowedEntry) { tables[entry.table]?.unshown.insert(entry.index) }

  /// A table's link is printed late: what came into it, and whether it is in a tree still, is not known.
  mutating func open(_ table: Int) {
    tables[table]?.unshown = .all
    tables[table]?.isAdopted = true
    tables[table]?.mayBeDetached = true
  }

  /// An event has shown the frame of an adopted table.
  mutating func learn(_ frame: UInt64, of table: Int) {
    tables[table]?.frame = frame
    byFrame[frame] = table
  }

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
    guard !exchangeable.isEmpty else { return }
    for index in 0..<512 {
      let entry = FollowedEntry(table: number, index: index)
      for other in partners(of: entry) { separate(entry, other) }
    }
  }

  /// An event changed one of two entries with the same value.
  mutating func confuse(_ entry: FollowedEntry, with other: FollowedEntry) {
    exchangeable[entry, default: []].insert(other.table)
    exchangeable[other, default: []].insert(entry.table)
  }

  func mayBeExchanged(_ entry: FollowedEntry, _ other: FollowedEntry) -> Bool {
    exchangeable[entry]?.contains(other.table) ?? false
  }

  /// The entries of other trees that may have this one's value and it theirs, in the order of their tables.
  func partners(of entry: FollowedEntry) -> [FollowedEntry] {
    guard let others = exchangeable[entry] else { return [] }
    return others.sorted().map { FollowedEntry(table: $0, index: entry.index) }
  }

  /// An event that tells its space fits this entry: what the entries of the other space have is theirs.
  mutating func separateSpaces(_ entry: FollowedEntry) {
    for other in partners(of: entry) where tables[other.table]?.space != tables[entry.table]?.space {
      separate(entry, other)
    }
  }

  /// The trace shows that the two were taken for each other.
  mutating func exchange(_ entry: FollowedEntry, _ other: FollowedEntry) {
    let (value, isShown) = (value(entry), isShown(entry))
    let isOtherShown = self.isShown(other)
    set(entry, self.value(other))
    set(other, value)
    if !isShown { conceal(other) }
    if !isOtherShown { conceal(entry) }
    separate(entry, other)
  }

  /// The trace shows which of the two an event meant.
  mutating func distinguish(_ entry: FollowedEntry, from others: [FollowedEntry]) {
    for other in others where other != entry { separate(entry, other) }
  }

  private mutating func separate(_ entry: FollowedEntry, _ other: FollowedEntry) {
    for (one, table) in [(entry, other.table), (other, entry.table)] {
      exchangeable[one]?.remove(table)
      if exchangeable[one]?.isEmpty ?? false { exchangeable[one] = nil }
    }
  }
}
