/// The pre-order walk over the entries of a tree: down, side, up.
///
/// The walker's snapshot of an entry (`old`) may be out of date at once: other faults write under mmu_lock held for read, and
/// a fast page fault writes under no lock at all. Whoever acts on it compares and exchanges. A walker that yields restarts
/// from the root, because the tables that it stood in may be gone.
/// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_iter.c.
package struct TDPIterator: Sendable {
  package let root: TableID
  package let rootLevel: Level
  package let minimum: Level
  /// First frame beyond the walk.
  package let end: UInt64
  /// Bits that are part of a frame's index but not of its number: the TDX shared bit in a direct root.
  package let directBits: UInt64
  /// The frame that the walk must reach before it may yield again.
  private var yieldedFrame: UInt64
  /// Where a walk that has yielded goes on (`next_last_level_gfn`); its entry's frame is never beyond.
  package var nextFrame: UInt64
  package var gfn: UInt64
  package private(set) var level: Level
  package private(set) var location: SPTELocation
  /// The entry as it was read.
  package var old: SPTE = .nonpresent
  package private(set) var isValid = true
  /// The walk was to begin where the tree has no entries: it has ended before its first one.
  package private(set) var beginsOutside = false
  /// mmu_lock was dropped: the next step starts from the root.
  package var hasYielded = false
  private var path: InlineArray<6, TableID> = InlineArray(repeating: .none)

  /// Starts at the root's entry for `start`. Source: `tdp_iter_start`.
  package init(
    _ tables: borrowing TableMemory, root: TableID, minimum: Level, start: UInt64, end: UInt64, directBits: UInt64 = 0
  ) {
    self.root = root
    rootLevel = tables[root].level
    self.minimum = minimum
    self.end = end
    self.directBits = directBits
    nextFrame = start
    yieldedFrame = start
    gfn = start
    level = rootLevel
    location = SPTELocation(root, 0)
    guard directBits == 0 || start < directBits else {
      beginsOutside = true
      isValid = false
      return
    }
    restart(tables)
  }

  /// Whether the walk stands on an entry of its range.
  package var isInside: Bool { isValid && gfn < end }

  /// The frame as a type.
  package var frame: GFN { GFN(gfn) }

  /// Whether a yield now makes progress since the last one. Source: `tdp_mmu_iter_cond_resched`.
  package var mayYield: Bool { nextFrame != yieldedFrame }

  /// Goes back to the root. Source: `tdp_iter_restart`.
  private mutating func restart(_ tables: borrowing TableMemory) {
    hasYielded = false
    yieldedFrame = nextFrame
    level = rootLevel
    path[Int(level.rawValue)] = root
    settle(nextFrame, tables)
    isValid = true
  }

  /// Stands on the entry for `frame` in the table of the current level, and reads it.
  private mutating func settle(_ frame: UInt64, _ tables: borrowing TableMemory) {
    gfn = frame & ~(level.pages - 1)
    location = SPTELocation(path[Int(level.rawValue)], Int((gfn | directBits) >> level.indexShift & 511))
    old = tables[location]
  }

  /// The next entry. Source: `tdp_iter_next`.
  package mutating func next(_ tables: borrowing TableMemory) {
    if hasYielded { return restart(tables) }
    if stepDown(tables) { return }
    repeat {
      if stepSide(tables) { return }
    } while stepUp(tables)
    isValid = false
  }

  /// Passes entries that are not present.
  package mutating func skipNonpresent(_ tables: borrowing TableMemory) {
    while isInside, !old.isPresent { next(tables) }
  }

  /// Into the table below, if the entry, read again, still points to one.
  private mutating func stepDown(_ tables: borrowing TableMemory) -> Bool {
    guard level > minimum, let below = level.below else { return false }
    old = tables[location]
    guard old.isTable(at: level), let table = tables.table(at: old) else { return false }
    level = below
    path[Int(level.rawValue)] = table
    settle(nextFrame, tables)
    return true
  }

  /// To the next entry of the same table, if there is one.
  private mutating func stepSide(_ tables: borrowing TableMemory) -> Bool {
    guard location.index < 511 else { return false }
    gfn += level.pages
    nextFrame = gfn
    location.index += 1
    old = tables[location]
    return true
  }

  /// Back to the entry that points to this table.
  private mutating func stepUp(_ tables: borrowing TableMemory) -> Bool {
    guard level < rootLevel, let above = level.above else { return false }
    level = above
    settle(gfn, tables)
    return true
  }
}

extension TDPMMU {
  /// Whether a walk began inside of its tree. Source: `tdp_iter_start`.
  package mutating func check(start iterator: TDPIterator?) {
    guard let iterator, iterator.beginsOutside else { return }
    report(.iteratorRange, "gfn \(iterator.gfn) in a root of \(iterator.directBits) frames")
  }

  /// A walk drops mmu_lock and will go on from the root. Requires: `mayYield`. Source: `tdp_mmu_iter_cond_resched`.
  package mutating func yield(_ iterator: inout TDPIterator, lock mode: MMULockMode) {
    lock.release(mode)
    if iterator.gfn > iterator.nextFrame { report(.iteratorBehind, "gfn \(iterator.gfn)") }
    iterator.hasYielded = true
  }
}

extension TableMemory {
  /// The table that an entry points to, whatever encryption bit it carries; nil when it points to none of ours.
  package func table(at entry: SPTE) -> TableID? {
    table(at: PFN(entry.pfn.rawValue & Self.frameMask))
  }

  /// Frame bits that tables have; an encryption bit lies above.
  private static let frameMask: UInt64 = 1 << 35 - 1
}
