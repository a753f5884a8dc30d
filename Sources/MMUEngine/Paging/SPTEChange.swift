/// The change of one entry: the choke point. Nothing else writes an entry of a linked table.
///
/// `handle_changed_spte` traces the change, checks it, and takes a whole subtree down when a table's entry goes. Between any
/// two events of that, other CPUs may act, so it is a value that steps: `ChangeAftermath`. Kernels differ in whether the entry's
/// own event comes before its children's; the order of the writes is the same. They differ as well in whether a mirror entry's
/// counterpart is changed before or after the event (`KernelVersion.MirrorHooks`).
/// Source: Linux 6.16 and 7.3 arch/x86/kvm/mmu/tdp_mmu.c, handle_changed_spte, handle_removed_pt.

/// How mmu_lock is held by whoever changes an entry.
package enum MMULockMode: Hashable, Sendable {
  case read
  case write
}

/// A change that has been written.
package struct SPTEChange: Hashable, Sendable {
  package let location: SPTELocation
  package let space: AddressSpace
  package let gfn: GFN
  package let level: Level
  package let old: SPTE
  package let new: SPTE
  package let lock: MMULockMode

  /// The event that the change is traced as; nil when nothing changed.
  package var event: TraceEvent? {
    old == new ? nil : .spteChanged(space, gfn, level, old: old, new: new)
  }

  /// Whether a table goes with it: a pointer was replaced by a leaf, by nothing, or by another pointer.
  package var removesTable: Bool {
    old.isTable(at: level) && (!new.isPresent || new.isLast(at: level) || old.pfn != new.pfn)
  }
}

extension TDPMMU {
  /// Compares and exchanges an entry under mmu_lock held for read. Nil when somebody was faster.
  ///
  /// Who interferes: other faults, zaps of invalid roots, fast page faults. The exchange is what excludes them.
  /// Source: `__tdp_mmu_set_spte_atomic`.
  package mutating func exchange(_ iterator: TDPIterator, for new: SPTE) -> SPTEChange? {
    let old = iterator.old
    if iterator.hasYielded || old == version.frozen { report(.atomicFrozen, "gfn \(iterator.gfn)") }
    if !lock.isHeld(.read) { report(.lockMode, "atomic change without mmu_lock") }
    if version.mirrorHooks == .beforeEvent, new == version.frozen { report(.frozenForGood, "gfn \(iterator.gfn)") }
    let isMirror = tables[iterator.root].role.isMirror
    if isMirror, version.mirrorHooks == .perKind, !checkMirror(iterator, old, new) { return nil }
    guard tables[iterator.location] == old || has(.exchangeIgnoresOthers) else { return nil }
    if isMirror, version.mirrorHooks == .beforeEvent {
      if secureEPT == nil, !checkMirror(iterator, old, new) { return nil }
      // The leaf is FROZEN while its counterpart goes; `ChangeAftermath` writes what is to stand there.
      if isHooked(iterator.root), old.isPresent, !new.isPresent {
        store(iterator.location, version.frozen)
        return change(iterator, old: old, new: new, lock: .read)
      }
    }
    return write(iterator, old: old, new: new, lock: .read)
  }

  /// What the kernel asserts before it sets a mirror entry; false when it goes no further.
  ///
  /// Without a TD behind it a mirror entry is set in one step, as `exchange` does; `TDPMMU+SecureEPT` is the whole of it.
  /// 7.3 asks when it has frozen the entry, and takes a leaf that is present away, whatever is to stand there instead.
  /// Source: `__tdp_mmu_set_spte_atomic`, `set_external_spte_present`, `get_external_spt`; Linux 7.3 vmx/tdx.c,
  /// `tdx_sept_set_private_spte`, `tdx_spte_to_sept_pt`.
  mutating func checkMirror(_ iterator: TDPIterator, _ old: SPTE, _ new: SPTE) -> Bool {
    if version.mirrorHooks == .beforeEvent { return checkMirrorAtHook(iterator, old, new) }
    if new == version.frozen { return true }
    guard new.isPresent else {
      report(.mirrorAtomic, "gfn \(iterator.gfn): a mirror entry is cleared under the exclusive lock only")
      return false
    }
    if old.isPresent { report(.mirrorReplaced, "gfn \(iterator.gfn)") }
    guard new.isTable(at: iterator.level), let child = tables.table(at: new) else { return true }
    let page = tables[child]
    if page.level != iterator.level.below || page.gfn != iterator.frame.aligned(to: iterator.level) {
      report(.externalMismatch, "gfn \(iterator.gfn): the table is made for gfn \(page.gfn.rawValue)")
    }
    guard page.external != nil else {
      report(.externalMissing, "gfn \(iterator.gfn)")
      return false
    }
    return true
  }

  private mutating func checkMirrorAtHook(_ iterator: TDPIterator, _ old: SPTE, _ new: SPTE) -> Bool {
    if old.isPresent {
      if !lock.isHeld(.write) { report(.mirrorRemovalLock, "gfn \(iterator.gfn)") }
      return true
    }
    guard new.isTable(at: iterator.level), let child = tables.table(at: new) else { return true }
    let page = tables[child]
    if page.external != nil, page.level == iterator.level.below, page.gfn == iterator.frame.aligned(to: iterator.level)
    {
      return true
    }
    report(.externalUnfit, "gfn \(iterator.gfn): the table is made for gfn \(page.gfn.rawValue)")
    return false
  }

  /// Writes an entry under mmu_lock held for write; bits that a CPU or a fast page fault set meanwhile are kept in `old`.
  ///
  /// Source: `tdp_mmu_set_spte`, `kvm_tdp_mmu_write_spte`.
  package mutating func set(_ iterator: TDPIterator, to new: SPTE) -> SPTEChange {
    if !lock.isHeld(.write) { report(.lockMode, "exclusive change without mmu_lock held for write") }
    let old = tables[iterator.location]
    if old == version.frozen || new == version.frozen { report(.exclusiveFrozen, "gfn \(iterator.gfn)") }
    if tables[iterator.root].role.isMirror, new.isPresent, version.mirrorHooks == .perKind {
      report(.mirrorExclusive, "gfn \(iterator.gfn): a mirror entry is only ever cleared so")
    }
    return write(iterator, old: old, new: new, lock: .write)
  }

  /// Writes, and says what was written.
  private mutating func write(_ iterator: TDPIterator, old: SPTE, new: SPTE, lock: MMULockMode) -> SPTEChange {
    store(iterator.location, new)
    return change(iterator, old: old, new: new, lock: lock)
  }

  /// A change of the entry at hand.
  func change(_ iterator: TDPIterator, old: SPTE, new: SPTE, lock: MMULockMode) -> SPTEChange {
    SPTEChange(
      location: iterator.location, space: tables[iterator.root].role.space, gfn: iterator.frame, level: iterator.level,
      old: old, new: new, lock: lock)
  }

  /// The raw write: nothing is traced. Also what fills a table before it is linked, and FROZEN's silent end.
  package mutating func store(_ location: SPTELocation, _ new: SPTE) {
    if tables[location.table].life == .free { report(.freedTableUsed, "entry written in a freed table") }
    if format.vendor == .ept, new.rawValue >> 63 == 0, !new.isPresent, !format.isMMIO(new), format.mmioValue != 0 {
      report(.violationPossible, "value \(String(new.rawValue, radix: 16))")
    }
    tables[location] = new
    noteStore(location)
    statistics.entryWrites += 1
  }
}

/// What follows a change: its event, its checks, and the end of a table with all that it holds.
package struct ChangeAftermath: Sendable {
  /// What comes next for the innermost change.
  private enum Phase: Hashable, Sendable {
    case report
    case removal
    /// The next of the 512 entries of the removed table.
    case children(Int)
    case lateReport
    /// The leaf's counterpart in the Secure-EPT is to be removed; SEAMCALLs of their own.
    case external(isBegun: Bool)
    /// The entry was FROZEN: this is what stands there from now on.
    case thaw(SPTE)
  }

  private struct Frame: Sendable {
    let change: SPTEChange
    var phase: Phase
    /// The table that goes, once known.
    var table = TableID.none
  }

  /// The outermost first.
  private var frames: [Frame]

  package init(_ change: SPTEChange) { frames = [Frame(change: change, phase: .report)] }

  /// What follows an install whose entry is FROZEN till its event is out.
  init(thawing change: SPTEChange) {
    frames = [Frame(change: change, phase: .thaw(change.new)), Frame(change: change, phase: .report)]
  }

  /// Whether an entry of a removed table is being installed by another CPU right now: its FROZEN has to go first.
  package func isSpinning(_ mmu: borrowing TDPMMU) -> Bool {
    guard let frame = frames.last, case .children(let index) = frame.phase, index < 512, frame.change.lock == .read
    else {
      return false
    }
    return mmu.tables[SPTELocation(frame.table, index)] == mmu.version.frozen
  }

  /// Has the outermost change's event show another new value; false when the event is out, or shows something else.
  mutating func replace(_ value: SPTE, by new: SPTE) -> Bool {
    guard let outer = frames.first?.change, outer.new == value else { return false }
    let change = SPTEChange(
      location: outer.location, space: outer.space, gfn: outer.gfn, level: outer.level, old: outer.old, new: new,
      lock: outer.lock)
    frames[0] = Frame(change: change, phase: frames[0].phase, table: frames[0].table)
    return true
  }

  /// Whether nothing is left.
  package var isDone: Bool { frames.isEmpty }

  /// A micro-step of the removal of a private leaf, when that is what comes next; nil when it is not.
  ///
  /// What the module refuses has no event in 7.3, and an entry that was FROZEN for it is as it was before.
  /// Source: `remove_external_spte`; Linux 7.3 `tdp_mmu_set_spte_atomic`; the steps are `TDXHost`'s.
  package mutating func stepExternal(_ mmu: inout TDPMMU) -> MicroStep? {
    guard let frame = frames.last, case .external(let isBegun) = frame.phase else { return nil }
    guard isBegun else {
      if !mmu.lock.isHeld(.write) { mmu.report(.mirrorRemovalLock, "gfn \(frame.change.gfn.rawValue)") }
      mmu.secureEPT?.beginRemoval(frame.change.gfn, frame.change.old.pfn)
      frames[frames.count - 1].phase = .external(isBegun: true)
      return .silent
    }
    switch mmu.secureEPT?.stepRemoval() {
    case .waits: return .blocked
    case .stepped: return .silent
    case .done, nil: endExternal(isRemoved: true, &mmu)
    case .failed: endExternal(isRemoved: false, &mmu)
    }
    return .silent
  }

  private mutating func endExternal(isRemoved: Bool, _ mmu: inout TDPMMU) {
    let change = frames.removeLast().change
    guard mmu.version.mirrorHooks == .beforeEvent else { return }
    let isFrozen = change.lock == .read && change.new != mmu.version.frozen
    if isFrozen { frames.append(Frame(change: change, phase: .thaw(isRemoved ? change.new : change.old))) }
    guard isRemoved else { return }
    mmu.count(change)
    frames.append(Frame(change: change, phase: .lateReport))
  }

  /// Runs to the next event; nil when all is done, or when a removal of a private leaf comes next. Requires: not spinning.
  package mutating func next(_ mmu: inout TDPMMU) -> TraceEvent? {
    while let frame = frames.last {
      let event: TraceEvent?
      switch frame.phase {
      case .report: event = report(frame, &mmu)
      case .removal: event = remove(frame, &mmu)
      case .children(let index): event = child(frame, index, &mmu)
      case .lateReport:
        frames.removeLast()
        event = frame.change.event
      case .thaw(let entry):
        frames.removeLast()
        mmu.store(frame.change.location, entry)
        event = nil
      case .external: return nil
      }
      if let event { return event }
    }
    return nil
  }

  private mutating func report(_ frame: Frame, _ mmu: inout TDPMMU) -> TraceEvent? {
    let change = frame.change
    mmu.check(change)
    guard change.old != change.new else {
      frames.removeLast()
      return nil
    }
    guard change.removesTable else {
      frames.removeLast()
      return endLeaf(change, &mmu)
    }
    frames[frames.count - 1].phase = .removal
    return mmu.version.removalOrder == .entryFirst ? change.event : nil
  }

  /// The event of an entry without a table below, and the removal of its counterpart after or before it.
  private mutating func endLeaf(_ change: SPTEChange, _ mmu: inout TDPMMU) -> TraceEvent? {
    guard mmu.removesExternalLeaf(change) else { return change.event }
    frames.append(Frame(change: change, phase: .external(isBegun: false)))
    return mmu.version.mirrorHooks == .beforeEvent ? nil : change.event
  }

  /// The table leaves the accounting; its entries follow one by one.
  private mutating func remove(_ frame: Frame, _ mmu: inout TDPMMU) -> TraceEvent? {
    guard let table = mmu.tables.table(at: frame.change.old), mmu.tables[table].life == .linked else {
      mmu.report(.treeBroken, "gfn \(frame.change.gfn.rawValue): the entry pointed to no linked table")
      frames.removeLast()
      return nil
    }
    let description = mmu.tables[table].description(mmu.format)
    if mmu.version.mirrorHooks == .perKind, mmu.tables[table].role.isMirror, frame.change.lock == .read {
      mmu.report(.mirrorRemovedShared, "")
    }
    mmu.tables[table].parent = SPTELocation(.none, 0)
    mmu.tableCount -= 1
    if mmu.tables[table].forbidsHugePage {
      // Whoever has linked the table and not yet put it on the list sees that it need not.
      mmu.tables[table].forbidsHugePage = false
      mmu.possibleNXHugePages.removeAll { $0 == table }
    }
    frames[frames.count - 1].table = table
    frames[frames.count - 1].phase = .children(0)
    return .prepareZapPage(description)
  }

  /// One entry of the removed table becomes FROZEN. Under the exclusive lock, entries that are not present are left alone.
  private mutating func child(_ frame: Frame, _ start: Int, _ mmu: inout TDPMMU) -> TraceEvent? {
    var index = start
    let page = mmu.tables[frame.table]
    while index < 512 {
      let location = SPTELocation(frame.table, index)
      let old = mmu.tables[location]
      index += 1
      if frame.change.lock == .write, !old.isPresent { continue }
      if old == mmu.version.frozen { continue }
      frames[frames.count - 1].phase = .children(index)
      mmu.store(location, mmu.version.frozen)
      let change = SPTEChange(
        location: location, space: frame.change.space,
        gfn: GFN(page.gfn.rawValue + UInt64(index - 1) * page.level.pages), level: page.level, old: old,
        new: mmu.version.frozen, lock: frame.change.lock)
      if change.removesTable {
        frames.append(Frame(change: change, phase: .report))
        return nil
      }
      mmu.check(change)
      return endLeaf(change, &mmu)
    }
    mmu.freeExternal(frame.table)
    mmu.bury(frame.table)
    if mmu.version.removalOrder == .childrenFirst {
      frames[frames.count - 1].phase = .lateReport
    } else {
      frames.removeLast()
    }
    return nil
  }
}

extension TDPMMU {
  /// What the kernel asserts about a change. Source: `handle_changed_spte`, `check_spte_writable_invariants`.
  mutating func check(_ change: SPTEChange) {
    let old = change.old
    let new = change.new
    let wasLeaf = old.isLeaf(at: change.level)
    let isLeaf = new.isLeaf(at: change.level)
    if change.gfn.aligned(to: change.level) != change.gfn { report(.frameUnaligned, "gfn \(change.gfn.rawValue)") }
    if wasLeaf && isLeaf && old.pfn != new.pfn {
      report(.leafFrameChanged, "gfn \(change.gfn.rawValue): from \(old.pfn.rawValue) to \(new.pfn.rawValue)")
    }
    guard old != new else { return }
    if isLeaf { checkWritable(new) }
    if version.mirrorHooks == .perKind || !removesExternalLeaf(change) { count(change) }
    if !old.isPresent, !new.isPresent, !format.isMMIO(old), !format.isMMIO(new), new != version.frozen {
      report(.nonpresentChange, "gfn \(change.gfn.rawValue): \(String(old.rawValue, radix: 16))")
    }
    if old.isTable(at: change.level), new.isTable(at: change.level), old.pfn != new.pfn {
      report(.tableFrameChanged, "gfn \(change.gfn.rawValue)")
    }
  }

  /// Leaves that came or went. Source: `kvm_update_page_stats`.
  mutating func count(_ change: SPTEChange) {
    let wasLeaf = change.old.isLeaf(at: change.level)
    let isLeaf = change.new.isLeaf(at: change.level)
    guard wasLeaf != isLeaf else { return }
    statistics.leavesZapped += wasLeaf ? 1 : 0
    statistics.leavesMapped += isLeaf ? 1 : 0
  }

  private mutating func checkWritable(_ entry: SPTE) {
    if format.isMMUWritable(entry) {
      if entry.rawValue & format.hostWritable == 0 { report(.writableWithoutHost, "MMU-writable") }
    } else if entry.isWritable {
      report(.writableWithoutMMU, "writable")
    }
  }
}
