/// The worker that gives huge pages back which the NX mitigation had split for a fetch.
///
/// It takes tables from the list of those where a huge page is wanted, the oldest first, and zaps the entry above each; the
/// next fault maps a huge page again. In a slot that is logged it would not, so such a table is only taken off the list: the
/// end of logging gives all of the slot's huge pages back. Until Linux 6.16 it holds mmu_lock for write, since 6.19 for read, where others may
/// replace the entry between its being read and its exchange. It is a reader of RCU from its lock to its unlock, and flushes
/// before it stops being one: the tables that it has unlinked are freed after that.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_recover_nx_huge_pages; tdp_mmu.c, kvm_tdp_mmu_zap_sp; Linux 6.19
/// kvm_tdp_mmu_zap_possible_nx_huge_page.
package struct NXRecovery: Sendable {
  private enum Phase: Hashable, Sendable {
    case lock
    case next
    /// Whether the slot of the table's frames is logged is asked for.
    case ask(TableID)
    case read(TableID)
    /// The entry above the table was read; zapping it is another micro-step.
    case zap(TableID)
    case follow
    case flush
    case unlock
    case done
  }

  private let lock: MMULockMode
  /// Tables still to be zapped in this round (`to_zap`).
  private var budget: Int
  private var phase = Phase.lock
  private var iterator: TDPIterator?
  private var aftermath: ChangeAftermath?
  private var needsFlush = false

  package init(_ version: KernelVersion, budget: Int) {
    lock = version.nxRecoveryLock
    self.budget = budget
  }

  package mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    switch phase {
    case .lock:
      guard mmu.lock.acquire(lock) else { return .blocked }
      phase = .next
      return .silent
    case .next: return next(&mmu)
    case .ask: return .asks
    case .read(let table): return read(table, &mmu)
    case .zap(let table): return zap(table, &mmu)
    case .follow:
      if aftermath?.isSpinning(mmu) == true { return .blocked }
      if let event = aftermath?.next(&mmu) { return .event(event) }
      aftermath = nil
      phase = .next
      return .silent
    case .flush:
      phase = .unlock
      return .flush(nil)
    case .unlock:
      mmu.lock.release(lock)
      phase = .done
      return .silent
    case .done: return .finished
    }
  }

  /// The frame whose slot the worker asks about; nil when it does not ask.
  package func question(_ mmu: TDPMMU) -> GFN? {
    guard case .ask(let table) = phase else { return nil }
    return mmu.tables[table].gfn
  }

  /// Answers whether the slot is logged, as the memslots at hand say: the worker is a reader of SRCU.
  package mutating func answer(isDirtyTracked: Bool) {
    guard case .ask(let table) = phase else { return }
    phase = isDirtyTracked ? .next : .read(table)
  }

  /// Takes the oldest table off the list.
  private mutating func next(_ mmu: inout TDPMMU) -> MicroStep {
    guard budget > 0, let table = mmu.possibleNXHugePages.first else {
      phase = needsFlush && !mmu.has(.recoveryWithoutFlush) ? .flush : .unlock
      return .silent
    }
    budget -= 1
    mmu.possibleNXHugePages.removeFirst()
    mmu.tables[table].forbidsHugePage = false
    iterator = mmu.iterator(above: table)
    phase = .ask(table)
    return .asks
  }

  /// Reads the entry above the table. Where it lies was known when the table was listed: who takes the table out of its tree
  /// under mmu_lock held for read leaves `ptep` alone.
  private mutating func read(_ table: TableID, _ mmu: inout TDPMMU) -> MicroStep {
    guard let location = iterator?.location else {
      mmu.report(.zapOrphan, "table \(table.rawValue) hangs below no entry")
      phase = .next
      return .silent
    }
    iterator?.old = mmu.tables[location]
    phase = .zap(table)
    return .silent
  }

  /// Zaps the entry above. Under mmu_lock held for read it may be another's by now, or have become so since it was read.
  private mutating func zap(_ table: TableID, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    phase = .next
    let change: SPTEChange?
    switch lock {
    case .write:
      guard iterator.old.isPresent else {
        mmu.report(.zapOrphan, "table \(table.rawValue): the entry above is not present")
        return .silent
      }
      change = mmu.set(iterator, to: .nonpresent)
    case .read:
      guard mmu.tables.table(at: iterator.old) == table, iterator.old.isPresent else { return .silent }
      change = mmu.exchange(iterator, for: .nonpresent)
      let now = mmu.tables[iterator.location]
      if change == nil, now.isPresent, mmu.tables.table(at: now) == table {
        mmu.report(.zapStillLinked, "table \(table.rawValue): its entry has changed and still points to it")
      }
    }
    guard let change else { return .silent }
    aftermath = ChangeAftermath(change)
    needsFlush = true
    phase = .follow
    return .silent
  }
}

extension TDPMMU {
  /// An iterator on the entry that points to a table; nil for a table that hangs below none.
  package func iterator(above table: TableID) -> TDPIterator? {
    let gfn = tables[table].gfn
    guard let level = tables[table].level.above, var root = parent(of: table) else { return nil }
    while let above = parent(of: root) { root = above }
    let bits = tables[root].role.isMirror ? 0 : directBits
    var iterator = TDPIterator(
      tables, root: root, minimum: level, start: gfn.rawValue, end: gfn.rawValue + 1, directBits: bits)
    while iterator.isInside, iterator.level > level { iterator.next(tables) }
    return iterator
  }

  private func parent(of table: TableID) -> TableID? {
    let parent = tables[table].parent.table
    return parent == .none ? nil : parent
  }
}
