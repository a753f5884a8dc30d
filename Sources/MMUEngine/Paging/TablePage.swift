/// Page-table pages: 512 entries each, in pages of the kernel's allocator.
///
/// The words of all tables lie in one flat array and a table's number says where; 8 bytes per entry and nothing per entry
/// beside it. A freed table is poisoned: `use` reports whoever still reads it.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu_internal.h, struct kvm_mmu_page.

/// The number of a table; also where its words lie. Numbers of freed tables are used again.
package struct TableID: Hashable, Sendable, BitwiseCopyable {
  package let rawValue: Int32

  package init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// No table.
  package static let none = TableID(-1)
}

/// An entry of a table.
package struct SPTELocation: Hashable, Sendable, BitwiseCopyable {
  package var table: TableID
  package var index: Int

  package init(_ table: TableID, _ index: Int) {
    self.table = table
    self.index = index
  }
}

/// Which tree a root heads.
package struct RootRole: Hashable, Sendable {
  package var level: Level
  package var space: AddressSpace = .normal
  /// KVM's own copy of a tree that only the TDX module can change.
  package var isMirror = false
  /// L2 runs on it.
  package var isGuestMode = false

  package init(level: Level, space: AddressSpace = .normal, isMirror: Bool = false, isGuestMode: Bool = false) {
    self.level = level
    self.space = space
    self.isMirror = isMirror
    self.isGuestMode = isGuestMode
  }
}

/// What is known about a table beside its entries.
package struct TablePage: Hashable, Sendable {
  /// How far through its life a table is.
  package enum Life: Hashable, Sendable {
    /// Made, not linked yet.
    case fresh
    case linked
    /// Out of the tree; RCU readers may still look at it.
    case removed
    case free
  }

  /// Of the root above it; its level is the root's.
  package var role: RootRole
  /// `role.level`: the level of its entries.
  package var level: Level
  /// First frame that it translates.
  package var gfn: GFN
  /// The entry that points to it; `.none` for a root (`ptep`).
  package var parent: SPTELocation
  package var life: Life
  /// `role.invalid`: set on roots by invalidation, and on tables made below such a root.
  package var isInvalid = false
  /// `tdp_mmu_scheduled_root_to_zap`.
  package var isScheduled = false
  /// `tdp_mmu_root_count`; 0 for tables that are not roots.
  package var references: UInt32 = 0
  /// How many tables were made before this one: tells it from a later table of the same number.
  package var serial: UInt32 = 0
  /// `nx_huge_page_disallowed`: made for a fetch under the NX mitigation, which forbids a huge page here, wanted or not.
  package var forbidsHugePage = false
  /// Made for a fetch, under the NX mitigation or not.
  package var isForFetch = false
  /// The page given to the TDX module as the matching Secure-EPT table (`external_spt`).
  package var external: PFN?

  /// The tracepoints' view.
  package func description(_ format: SPTEFormat) -> PageDescription {
    PageDescription(
      generation: isScheduled ? 1 : 0, gfn: gfn, level: level, isInvalid: isInvalid,
      usesAccessedDirty: format.usesAccessedDirty, rootCount: references)
  }
}

/// The tables of a host's VMs, with their words.
package struct TableMemory: Sendable {
  /// What a freed table is filled with; no format reads it as a present entry's.
  package static let poison: UInt64 = 0x6B6B_6B6B_6B6B_606B
  /// The frame number of table 0; table n is n frames on. Engine tables have frames of their own.
  package static let firstFrame: UInt64 = 1 << 34

  package private(set) var pages: [TablePage] = []
  private var words: [UInt64] = []
  private var history: WriteHistory?
  private var made: UInt32 = 0
  /// A queue: entries before `firstFree` have been taken.
  private var free: [TableID] = []
  private var firstFree = 0

  package init() {}

  /// Has every table that was made for a fetch keep huge pages away.
  package mutating func forbidHugePagesForFetches() {
    for index in pages.indices where pages[index].isForFetch && pages[index].life != .free {
      pages[index].forbidsHugePage = true
    }
  }

  /// How many tables are not free.
  package var count: Int { pages.count - free.count + firstFree }

  /// Bytes of simulated memory, records included.
  package var byteCount: Int { words.capacity * 8 + pages.capacity * MemoryLayout<TablePage>.stride }

  /// Makes a table of nonpresent entries; the one freed longest ago is used again.
  package mutating func allocate(_ page: TablePage) -> TableID {
    if firstFree < free.count {
      let id = free[firstFree]
      firstFree += 1
      if firstFree > 1024, firstFree * 2 > free.count {
        free.removeFirst(firstFree)
        firstFree = 0
      }
      pages[Int(id.rawValue)] = page
      number(id)
      fill(id, SPTE.nonpresent.rawValue)
      return id
    }
    pages.append(page)
    number(TableID(Int32(pages.count - 1)))
    words.append(contentsOf: repeatElement(SPTE.nonpresent.rawValue, count: 512))
    return TableID(Int32(pages.count - 1))
  }

  /// Gives a table back and poisons it.
  package mutating func release(_ id: TableID) {
    pages[Int(id.rawValue)].life = .free
    fill(id, Self.poison)
    free.append(id)
  }

  package subscript(id: TableID) -> TablePage {
    _read { yield pages[Int(id.rawValue)] }
    _modify { yield &pages[Int(id.rawValue)] }
  }

  package subscript(location: SPTELocation) -> SPTE {
    get { SPTE(rawValue: words[Int(location.table.rawValue) << 9 | location.index]) }
    set { write(newValue.rawValue, at: Int(location.table.rawValue) << 9 | location.index) }
  }

  /// The frame of the page that is given to the TDX module as a mirror table's counterpart.
  func externalFrame(_ id: TableID) -> PFN { PFN(Self.firstFrame << 1 + UInt64(id.rawValue)) }

  /// The frame of a table.
  package func frame(_ id: TableID) -> PFN { PFN(Self.firstFrame + UInt64(id.rawValue)) }

  /// The table that a frame holds; nil for other frames.
  package func table(at frame: PFN) -> TableID? {
    guard frame.rawValue >= Self.firstFrame, frame.rawValue < Self.firstFrame + UInt64(pages.count) else { return nil }
    return TableID(Int32(truncatingIfNeeded: frame.rawValue - Self.firstFrame))
  }

  /// The physical address of an entry.
  package func address(_ location: SPTELocation) -> UInt64 {
    frame(location.table).rawValue << 12 | UInt64(location.index) << 3
  }

  private mutating func number(_ id: TableID) {
    made += 1
    pages[Int(id.rawValue)].serial = made
  }

  private mutating func fill(_ id: TableID, _ word: UInt64) {
    let start = Int(id.rawValue) << 9
    for index in start..<start + 512 { write(word, at: index) }
  }

  private mutating func write(_ word: UInt64, at index: Int) {
    history?.append(EntryWrite(word: index, serial: pages[index >> 9].serial, old: words[index]))
    words[index] = word
  }
}

extension TableMemory {
  /// The words of all tables and what was written last, apart from the memory that they belong to.
  package struct Contents: Sendable {
    fileprivate let words: [UInt64]
    fileprivate let history: WriteHistory?
  }

  /// A write that can still be looked behind.
  package struct PastWrite: Hashable, Sendable {
    /// Its number.
    package let position: Int
    package let location: SPTELocation
  }

  /// From now on the last writes are kept.
  package mutating func keepHistory() {
    if history == nil { history = WriteHistory() }
  }

  /// The number of the next write; 0 without a history.
  package var position: Int { history?.position ?? 0 }

  /// Forgets all but the last writes. Positions from before are still numbers, but nothing goes back to them.
  package mutating func trimHistory() { history?.trim() }

  /// Takes the words out, so that a copy of what is left costs nothing, and a copy of the words is not made.
  package mutating func detachContents() -> Contents {
    defer {
      words = []
      history = nil
    }
    return Contents(words: words, history: history)
  }

  /// Gives this memory, which is as it was at `position`, its words back as they were then.
  package mutating func attach(_ contents: consuming Contents, asOf position: Int) {
    words = contents.words
    history = contents.history
    contents = Contents(words: [], history: nil)
    while let write = history?.popLast(behind: position) { words[write.word] = write.old }
    if words.count > pages.count << 9 { words.removeLast(words.count - pages.count << 9) }
  }

  /// Writes since a position, the newest first, of entries that translate a frame and whose tables are still there.
  package func pastWrites(since position: Int, of gfn: GFN) -> [PastWrite] {
    guard let history else { return [] }
    var found: [PastWrite] = []
    for (offset, write) in history.writes.enumerated().reversed() {
      guard history.forgotten + offset >= position else { break }
      let page = pages[write.word >> 9]
      guard page.serial == write.serial, page.life == .linked || page.life == .removed,
        write.word & 511 == gfn.index(at: page.level),
        page.level == page.role.level || page.level.above.map({ gfn.aligned(to: $0) == page.gfn }) ?? true
      else { continue }
      let location = SPTELocation(TableID(Int32(write.word >> 9)), write.word & 511)
      found.append(PastWrite(position: history.forgotten + offset, location: location))
    }
    return found
  }

  /// A word as it is now, while an earlier value stands in its place.
  package struct LaterWord: Sendable {
    fileprivate let word: Int
    fileprivate let value: UInt64
  }

  /// Puts into the entries of these writes, the newest first, what they held before them.
  package mutating func lookBack(behind writes: some Sequence<PastWrite>) -> [LaterWord] {
    var later: [LaterWord] = []
    for write in writes {
      guard let past = history?.writes[write.position - (history?.forgotten ?? 0)] else { continue }
      later.append(LaterWord(word: past.word, value: words[past.word]))
      words[past.word] = past.old
    }
    return later
  }

  /// Ends the look back. Requires: nobody wrote these entries meanwhile.
  package mutating func lookForward(_ later: [LaterWord]) {
    for word in later.reversed() { words[word.word] = word.value }
  }
}
