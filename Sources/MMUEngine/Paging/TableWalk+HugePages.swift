/// Huge pages under dirty logging: split when it begins, brought back when it ends.
extension TableWalk {
  /// A table for the huge page at hand. Source: `tdp_mmu_split_huge_pages_root`.
  mutating func beginSplit(_ mmu: inout TDPMMU) -> MicroStep {
    guard takesSparePage(&mmu) else { return .silent }
    guard let (table, event) = mmu.makeChild(of: iterator.location, gfn: iterator.frame) else { return .silent }
    begin(splitting: table)
    return .event(event)
  }

  /// Fills the table with the huge page's parts and links it. Who interferes: a fault that splits the same page.
  ///
  /// Source: `tdp_mmu_split_huge_page`.
  mutating func linkSplit(_ table: TableID, _ mmu: inout TDPMMU) -> MicroStep {
    let old = iterator.old
    mmu.fill(table, splitting: old)
    let new = mmu.format.table(mmu.tables.frame(table))
    let change = lock == .write ? mmu.set(iterator, to: new) : mmu.exchange(iterator, for: new)
    guard let change else { return fail(old, table) }
    mmu.adopt(table)
    return succeed(change, table, &mmu)
  }

  /// The split's own event; after a lost race the same table serves the next try.
  mutating func reportSplit(_ old: SPTE, _ table: TableID, _ errno: Int, _ mmu: inout TDPMMU) -> MicroStep {
    let event = TraceEvent.splitHugePage(iterator.frame, iterator.level, old, errno: errno)
    if errno != 0 { mmu.freeUnlinked(table) }
    end(splitFailed: errno != 0, mmu)
    return .event(event)
  }

  /// The table at hand becomes a huge leaf, or is cleared so that the next fault maps one.
  mutating func recover(_ mmu: inout TDPMMU) -> MicroStep {
    guard let isPossible = hugePossible else { return .asks }
    guard isPossible else { return skip(&mmu) }
    switch mmu.version.hugePageRecovery {
    case .zap:
      guard mmu.tables[iterator.location] == iterator.old else { return reread(mmu) }
      let old = iterator.old
      mmu.store(iterator.location, mmu.version.frozen)
      freeze(old)
      return .silent
    case .replace:
      guard let leaf = mmu.firstLeaf(below: iterator.old, iterator.level) else { return skip(&mmu) }
      return replace(by: mmu.hugeEntry(leaf, iterator.level), &mmu)
    }
  }
}

extension TDPMMU {
  /// Fills a fresh table with the parts of a huge page. Source: `make_small_spte`.
  package mutating func fill(_ table: TableID, splitting huge: SPTE) {
    if !huge.isPresent || !huge.isLarge { report(.splitNotHuge, "\(String(huge.rawValue, radix: 16))") }
    let level = tables[table].level
    for index in 0..<512 {
      store(SPTELocation(table, index), format.small(huge, childLevel: level, index: index))
    }
  }

  /// The huge leaf that a small one is a part of. Source: `make_huge_spte`.
  package mutating func hugeEntry(_ small: SPTE, _ level: Level) -> SPTE {
    if !small.isPresent || level == .page4K { report(.makeHuge, "\(String(small.rawValue, radix: 16))") }
    return format.huge(small, level)
  }

  /// The walk that brings a slot's huge pages back; nil when the slot is still logged, which would lose writes.
  ///
  /// Source: Linux 6.16 `recover_huge_pages_range`.
  package mutating func recovery(_ range: FrameRange, isDirtyTracked: Bool) -> RootsWalk? {
    if version.hugePageRecovery == .replace, isDirtyTracked {
      report(.recoverDirtyTracked, "frame \(range.start)")
      return nil
    }
    return RootsWalk(.recover, .valid, range, lock: .read, minimum: .page2M)
  }

  /// A fresh table has been linked. Source: `tdp_mmu_link_sp`, `tdp_account_mmu_page`.
  package mutating func adopt(_ table: TableID) {
    tables[table].life = .linked
    tableCount += 1
  }

  /// The first present leaf below a table's entry; nil when there is none. Source: `tdp_mmu_make_huge_spte`.
  package func firstLeaf(below entry: SPTE, _ level: Level) -> SPTE? {
    guard let table = tables.table(at: entry), let below = level.below else { return nil }
    for index in 0..<512 {
      let child = tables[SPTELocation(table, index)]
      guard child.isPresent else { continue }
      if child.isLast(at: below) { return child }
      if let leaf = firstLeaf(below: child, below) { return leaf }
    }
    return nil
  }
}
