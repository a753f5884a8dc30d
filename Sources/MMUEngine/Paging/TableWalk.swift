/// A walk over one root that changes entries: zaps, dirty logging, splitting, recovery, aging.
///
/// The kernel has one function for each; they differ in which entries they stop at (`concerns`) and in what they write there
/// (`act`). Reading an entry and acting on it are two micro-steps, because under mmu_lock held for read somebody may come in
/// between; then the entry is read again.
/// Source: Linux 6.12 and 6.16 arch/x86/kvm/mmu/tdp_mmu.c; the function is at each action.
package struct TableWalk: Sendable {
  package enum Action: Hashable, Sendable {
    /// Every present entry up to this level. Source: `__tdp_mmu_zap_root`.
    case zap(upTo: Level)
    /// Present leaves only; tables stay. Source: `tdp_mmu_zap_leafs`.
    case zapLeaves
    /// W goes, the writable bits of host and MMU stay. Source: `wrprot_gfn_range`.
    case writeProtect
    /// D goes. Source: `clear_dirty_gfn_range`.
    case clearDirty
    /// W (or D) of the frames of a mask goes. Source: `clear_dirty_pt_masked`.
    case clearDirtyMasked(base: GFN, mask: UInt64, writeProtect: Bool)
    /// W and MMU-writable of one frame go. Source: `write_protect_gfn`.
    case writeProtectFrame
    /// Huge leaves become tables of smaller ones. Source: `tdp_mmu_split_huge_pages_root`.
    case split
    /// Tables become huge leaves again. Source: `zap_collapsible_spte_range`, `recover_huge_pages_range`.
    case recover
    /// The accessed bit goes. Source: Linux 6.12 `age_gfn_range`; 7.3 `kvm_tdp_mmu_age_spte`.
    case age
  }

  /// Where the walk stands with the current entry.
  private enum Phase: Hashable, Sendable {
    case looking
    /// The entry concerns us as it was read.
    case armed
    /// A table of the recovery is frozen; TLBs are flushed next, then it is cleared.
    case frozen(SPTE)
    case cleared(SPTE)
    /// A table is made for the split of the current entry; nothing is linked yet.
    case splitting(TableID)
    /// mmu_lock was dropped to allocate a table's page.
    case allocating
    /// The split is linked or has failed: its own event comes next.
    case splitDone(SPTE, TableID, errno: Int)
    case yielded
    case ended
  }

  package let action: Action
  package let lock: MMULockMode
  package let range: FrameRange
  package private(set) var iterator: TDPIterator
  /// A change's event and checks that are still to come.
  private var aftermath: ChangeAftermath?
  private var phase = Phase.looking
  /// The whole range is to be flushed when the walk ends.
  package private(set) var needsFlush = false
  /// Whether the table at hand may become a huge leaf; nil until asked.
  private var isHugePossible: Bool?
  /// Whether a page for a split's table is at hand; it serves until a split uses it up.
  private var hasSparePage = false

  package init(
    _ action: Action, root: TableID, _ range: FrameRange, lock: MMULockMode, minimum: Level, _ mmu: borrowing TDPMMU
  ) {
    self.action = action
    self.lock = lock
    self.range = range
    let bits = mmu.tables[root].role.isMirror ? 0 : mmu.directBits
    iterator = TDPIterator(
      mmu.tables, root: root, minimum: minimum, start: range.start, end: min(range.end, mmu.frameLimit),
      directBits: bits)
  }

  /// One pass of a root's zap: the whole of it, whatever the shared bit. Source: `for_each_tdp_pte_min_level_all`.
  package init(zapping root: TableID, upTo level: Level, lock: MMULockMode, _ mmu: borrowing TDPMMU) {
    action = .zap(upTo: level)
    self.lock = lock
    range = FrameRange(start: 0, end: mmu.frameLimit)
    iterator = TDPIterator(mmu.tables, root: root, minimum: level, start: 0, end: mmu.frameLimit)
  }

  /// The frame and level that a recovery asks about: may a huge page of this level map it?
  package var question: (GFN, Level) { (iterator.frame, iterator.level) }

  /// Answers a recovery's question.
  package mutating func answer(isHugePossible: Bool) { self.isHugePossible = isHugePossible }

  /// Whether the walk is between two entries that it changes: no event of the last one is left.
  package var isBetweenEntries: Bool { aftermath == nil && (phase == .looking || phase == .armed) }

  /// Whether the next step changes the entry that was read.
  package var isArmed: Bool { phase == .armed }

  /// Walks to the next entry that will be changed; nil when there is none. Nothing is written.
  package mutating func seek(_ mmu: borrowing TDPMMU) -> (GFN, Level)? {
    guard phase == .looking || phase == .armed else { return nil }
    while iterator.isInside {
      if phase == .armed || concerns(mmu) {
        phase = .armed
        return (iterator.frame, iterator.level)
      }
      iterator.next(mmu.tables)
    }
    return nil
  }

  /// Whether the next entry that will be changed is this one; of a recovery, behind tables above it that stay.
  package mutating func seek(_ gfn: GFN, _ level: Level, _ mmu: borrowing TDPMMU) -> Bool {
    while let found = seek(mmu) {
      if found.0 == gfn, found.1 == level {
        if action == .recover { isHugePossible = true }
        return true
      }
      guard action == .recover, found.1 > level else { return false }
      advance(mmu)
    }
    return false
  }

  /// Whether mmu_lock could be dropped here and taken again. Source: `tdp_mmu_iter_cond_resched`.
  package var mayYield: Bool { aftermath == nil && phase == .looking && iterator.isInside && iterator.mayYield }

  /// Drops mmu_lock; flushing first is up to the caller. Requires: `mayYield`.
  package mutating func yield(_ mmu: inout TDPMMU) {
    mmu.yield(&iterator, lock: lock)
    phase = .yielded
  }

  /// The next micro-step. The caller holds mmu_lock in the walk's mode.
  package mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    if aftermath != nil { return follow(&mmu) }
    switch phase {
    case .looking: return look(&mmu)
    case .armed: return act(&mmu)
    case .frozen(let old):
      phase = .cleared(old)
      return .flush(FrameRange(start: iterator.gfn, end: iterator.gfn + iterator.level.pages))
    case .cleared(let old): return clearFrozen(old, &mmu)
    case .splitting(let table): return linkSplit(table, &mmu)
    case .splitDone(let old, let table, let errno): return reportSplit(old, table, errno, &mmu)
    case .yielded, .allocating:
      guard mmu.lock.acquire(lock) else { return .blocked }
      phase = .looking
      iterator.next(mmu.tables)
      return .silent
    case .ended: return .finished
    }
  }

  /// A change's aftermath, event by event; then on to the next entry.
  private mutating func follow(_ mmu: inout TDPMMU) -> MicroStep {
    if aftermath?.isSpinning(mmu) == true { return .blocked }
    if let step = aftermath?.stepExternal(&mmu) { return step }
    if let event = aftermath?.next(&mmu) { return .event(event) }
    if aftermath?.isDone == false { return .silent }
    aftermath = nil
    if case .splitDone = phase { return step(&mmu) }
    advance(mmu)
    return .silent
  }

  private mutating func advance(_ mmu: borrowing TDPMMU) {
    phase = .looking
    isHugePossible = nil
    iterator.next(mmu.tables)
  }

  /// Walks to the next entry that concerns the action.
  private mutating func look(_ mmu: inout TDPMMU) -> MicroStep {
    iterator.skipNonpresent(mmu.tables)
    while iterator.isInside {
      if concerns(mmu) {
        phase = .armed
        return .silent
      }
      iterator.next(mmu.tables)
      iterator.skipNonpresent(mmu.tables)
    }
    mmu.check(start: iterator)
    phase = .ended
    guard needsFlush else { return .finished }
    needsFlush = false
    return .flush(range)
  }

  /// Whether the entry, as read, is one that the action changes.
  private func concerns(_ mmu: borrowing TDPMMU) -> Bool {
    let old = iterator.old
    guard old.isPresent else { return false }
    let isLast = old.isLast(at: iterator.level)
    switch action {
    case .zap(let level): return iterator.level <= level
    case .zapLeaves: return isLast
    case .writeProtect: return isLast && old.isWritable
    case .clearDirty: return isLast && old.rawValue & dirtyBit(mmu, writeProtect: false) != 0
    case .clearDirtyMasked(let base, let mask, let writeProtect):
      let offset = iterator.gfn &- base.rawValue
      guard iterator.level == .page4K, offset < 64, mask >> offset & 1 != 0 else { return false }
      return old.rawValue & dirtyBit(mmu, writeProtect: writeProtect) != 0
    case .writeProtectFrame:
      return isLast && old.rawValue & (SPTE.writableBit | mmu.format.mmuWritable) != 0
    case .split: return isLast && iterator.level > .page4K
    case .recover: return !isLast && iterator.level <= .page1G && range.contains(iterator.frame)
    case .age: return isLast && mmu.format.isAccessed(old)
    }
  }

  private func dirtyBit(_ mmu: borrowing TDPMMU, writeProtect: Bool) -> UInt64 {
    writeProtect || !mmu.format.usesAccessedDirty ? SPTE.writableBit : mmu.format.dirty
  }

  /// Acts on the entry that the walk stands on.
  private mutating func act(_ mmu: inout TDPMMU) -> MicroStep {
    let old = iterator.old
    switch action {
    case .zap: return change(to: .nonpresent, &mmu)
    case .zapLeaves:
      if !mmu.tables[iterator.root].isInvalid, !mmu.has(.zapWithoutFlush) { needsFlush = true }
      return change(to: .nonpresent, &mmu)
    case .writeProtect: return change(to: old.clearing(SPTE.writableBit), &mmu)
    case .clearDirty: return change(to: old.clearing(dirtyBit(mmu, writeProtect: false)), &mmu)
    case .clearDirtyMasked(_, _, let writeProtect):
      return clearBits(dirtyBit(mmu, writeProtect: writeProtect), &mmu)
    case .writeProtectFrame: return change(to: old.clearing(SPTE.writableBit | mmu.format.mmuWritable), &mmu)
    case .split: return beginSplit(&mmu)
    case .recover: return recover(&mmu)
    case .age: return age(&mmu)
    }
  }

  /// Writes a new value in the walk's lock mode; a lost race reads the entry again.
  private mutating func change(to new: SPTE, _ mmu: inout TDPMMU) -> MicroStep {
    switch lock {
    case .write: aftermath = ChangeAftermath(mmu.set(iterator, to: new))
    case .read:
      guard let change = mmu.exchange(iterator, for: new) else { return retry(mmu) }
      aftermath = ChangeAftermath(change)
    }
    return follow(&mmu)
  }

  private mutating func retry(_ mmu: borrowing TDPMMU) -> MicroStep {
    iterator.old = mmu.tables[iterator.location]
    phase = .looking
    return .silent
  }

  /// Clears bits by an atomic AND and traces that alone. Source: `tdp_mmu_clear_spte_bits`.
  private mutating func clearBits(_ bits: UInt64, _ mmu: inout TDPMMU) -> MicroStep {
    let old = mmu.tables[iterator.location]
    mmu.store(iterator.location, old.clearing(bits))
    let event = TraceEvent.spteChanged(
      mmu.tables[iterator.root].role.space, iterator.frame, iterator.level, old: old, new: old.clearing(bits))
    advance(mmu)
    return .event(event)
  }

  /// Takes the accessed bit, or access itself, away. No lock is held where the kernel's aging is lockless: then RCU alone keeps
  /// the tables, and others may have written the entry since it was read.
  private mutating func age(_ mmu: inout TDPMMU) -> MicroStep {
    if mmu.tables[iterator.root].role.isMirror {
      mmu.report(.agedMirror, "gfn \(iterator.gfn)")
      advance(mmu)
      return .silent
    }
    let old = mmu.tables[iterator.location]
    let mayClearBits = mmu.version.agingWrite == .clearsBits && mmu.format.usesAccessedDirty
    if mmu.version.agingLock == nil, !mayClearBits, old != iterator.old {
      advance(mmu)
      return .silent
    }
    let new = mmu.format.trackingAccess(old)
    mmu.store(iterator.location, new)
    let event = TraceEvent.spteChanged(
      mmu.tables[iterator.root].role.space, iterator.frame, iterator.level, old: old, new: new)
    advance(mmu)
    return .event(event)
  }

  /// Clears the entry that was frozen, and takes its table down. Nobody else writes a frozen entry.
  ///
  /// Source: Linux 6.12 `tdp_mmu_zap_spte_atomic`.
  private mutating func clearFrozen(_ old: SPTE, _ mmu: inout TDPMMU) -> MicroStep {
    mmu.store(iterator.location, .nonpresent)
    aftermath = ChangeAftermath(
      SPTEChange(
        location: iterator.location, space: mmu.tables[iterator.root].role.space, gfn: iterator.frame,
        level: iterator.level, old: old, new: .nonpresent, lock: lock))
    return follow(&mmu)
  }

  /// The answer to the question about a huge page; nil when it was not given yet.
  var hugePossible: Bool? { isHugePossible }

  mutating func begin(splitting table: TableID) { phase = .splitting(table) }

  /// Takes the spare page; without one mmu_lock is dropped to allocate it, and the walk goes on from the root with one in hand.
  ///
  /// Source: `tdp_mmu_split_huge_pages_root`, `tdp_mmu_alloc_sp_for_split`.
  mutating func takesSparePage(_ mmu: inout TDPMMU) -> Bool {
    guard !hasSparePage else {
      hasSparePage = false
      return true
    }
    mmu.yield(&iterator, lock: lock)
    hasSparePage = true
    phase = .allocating
    return false
  }

  mutating func freeze(_ old: SPTE) { phase = .frozen(old) }

  mutating func reread(_ mmu: borrowing TDPMMU) -> MicroStep { retry(mmu) }

  mutating func skip(_ mmu: inout TDPMMU) -> MicroStep {
    advance(mmu)
    return look(&mmu)
  }

  mutating func fail(_ old: SPTE, _ table: TableID) -> MicroStep {
    phase = .splitDone(old, table, errno: -16)
    return .silent
  }

  mutating func succeed(_ change: SPTEChange, _ table: TableID, _ mmu: inout TDPMMU) -> MicroStep {
    phase = .splitDone(change.old, table, errno: 0)
    aftermath = ChangeAftermath(change)
    return follow(&mmu)
  }

  /// After a split's own event: on to the new table's entries, or to the same entry again.
  mutating func end(splitFailed: Bool, _ mmu: borrowing TDPMMU) {
    hasSparePage = splitFailed
    if splitFailed { _ = retry(mmu) } else { advance(mmu) }
  }

  /// Replaces a table's entry by a huge leaf; one flush for all when the walk ends.
  mutating func replace(by huge: SPTE, _ mmu: inout TDPMMU) -> MicroStep {
    let step = change(to: huge, &mmu)
    if case .event = step { needsFlush = true }
    return step
  }
}
