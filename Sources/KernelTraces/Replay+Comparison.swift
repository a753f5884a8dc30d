/// Whether two events are the same, up to the renaming of frames and the rules.
import MMUEngine

extension Replay {
  /// Nil when the engine's event is the trace's; else why not.
  mutating func compare(engine: TraceEvent, trace: TraceEvent) -> String? {
    switch (engine, trace) {
    case (
      .spteChanged(let space, let gfn, let level, let old, let new), .spteChanged(let s, let g, let l, let o, let n)
    ):
      guard space == s, gfn == g, level == l else { return "another entry changes" }
      return changes(level, old, o, new, n)
    case (.setSPTE(let gfn, let level, let entry, let address), .setSPTE(let g, let l, let e, let a)):
      guard gfn == g, level == l else { return "another entry is set" }
      if let reason = entries(level, entry, e) { return reason }
      return isSame(address, a) ? nil : "the entry lies elsewhere"
    case (.fastPageFault(let fault), .fastPageFault(let seen)): return compare(fault, seen)
    case (.splitHugePage(let gfn, let level, let entry, let errno), .splitHugePage(let g, let l, let e, let n)):
      guard gfn == g, level == l, errno == n else { return "another split" }
      return entries(level, entry, e)
    case (
      .markMMIO(let gfn, let address, let access, let generation), .markMMIO(let g, let pointer, let a, let n)
    ):
      guard gfn == g, access == a, generation == n else { return "the MMIO entry differs" }
      // A table whose link is printed late has no frame yet, so its entries' pointers cannot be paired.
      guard let address = traced(address) else { return nil }
      return pair(pointer, address)
    default: return engine == trace ? nil : "the events differ"
    }
  }

  private mutating func compare(_ fault: FastPageFault, _ seen: FastPageFault) -> String? {
    guard fault.vcpu == seen.vcpu, fault.address == seen.address, fault.errorCode == seen.errorCode,
      fault.isFixed == seen.isFixed, fault.isSpurious == seen.isSpurious
    else { return "the fast page fault comes out otherwise" }
    if let address = traced(fault.pointer), let reason = pair(seen.pointer, address) { return reason }
    let level = mmu.level(of: fault.pointer)
    return changes(level, fault.old, seen.old, fault.new, seen.new)
  }

  private mutating func pair(_ pointer: UInt64, _ address: UInt64) -> String? {
    switch frames.pair(pointer: pointer, address: address) {
    case .same: return nil
    case .collision: allow(.pointerCollision)
    case .different: return "the entry's pointer is not the one that it had, or another entry has it"
    }
    return nil
  }

  /// Whether two addresses name the same entry. A table whose link is printed late gets its frame here; the link's own event
  /// must show the same one.
  private mutating func isSame(_ engine: UInt64, _ trace: UInt64) -> Bool {
    if let known = traced(engine) { return known == trace }
    guard let table = mmu.tables.table(at: PFN(engine >> 12)), engine & 0xFFF == trace & 0xFFF else { return false }
    let frame = trace >> 12 | mmu.format.encryption >> 12
    guard frames.table(at: frame) == nil else { return false }
    frames.bind(table, frame)
    return true
  }

  /// The trace's physical address for one of the engine's.
  func traced(_ address: UInt64) -> UInt64? {
    guard let table = mmu.tables.table(at: PFN(address >> 12)), let frame = frames.frame(of: table) else { return nil }
    return (frame & ~(mmu.format.encryption >> 12)) << 12 | address & 0xFFF
  }

  /// Old and new value of a change. Bits that a CPU set are in both, unless the change itself takes them away.
  private mutating func changes(_ level: Level, _ old: SPTE, _ seenOld: SPTE, _ new: SPTE, _ seenNew: SPTE) -> String? {
    if old != seenOld, let reason = entries(level, old, seenOld) { return "old value: " + reason }
    if new == seenNew { return nil }
    if new.isLeaf(at: level), old.isLeaf(at: level) {
      let added = seenOld.rawValue & ~old.rawValue
      if seenNew.rawValue & ~new.rawValue & ~added == 0, new.rawValue & ~seenNew.rawValue == 0 {
        mmu.replace(new, by: seenNew)
        return nil
      }
    }
    // No CPU has set anything yet in an entry that is made from nothing: the event shows what was written.
    if !old.isPresent, new.isLeaf(at: level), new != mmu.version.frozen {
      return "new value: the values differ"
    }
    return entries(level, new, seenNew).map { "new value: " + $0 }
  }

  /// Two values of one entry.
  private mutating func entries(_ level: Level, _ engine: SPTE, _ trace: SPTE) -> String? {
    if engine.isTable(at: level) { return tables(engine, trace, level) }
    if engine == trace { return nil }
    guard engine.isLeaf(at: level) else { return "the values differ" }
    let added = trace.rawValue & ~engine.rawValue
    guard engine.rawValue & ~trace.rawValue == 0, added & ~mmu.format.bitsSetByCPU(engine) == 0 else {
      return "the values differ by more than accessed and dirty"
    }
    allow(.cpuAccessedDirty)
    mmu.replace(engine, by: trace)
    return nil
  }

  /// Two pointers to tables: the same bits, and frames that belong together.
  private mutating func tables(_ engine: SPTE, _ trace: SPTE, _ level: Level) -> String? {
    let bits = ~(SPTE.addressMask & ~mmu.format.encryption)
    guard trace.isTable(at: level), engine.rawValue & bits == trace.rawValue & bits else {
      return "the values differ beside the frame"
    }
    guard let table = mmu.tables.table(at: engine) else { return "the engine's entry points to no table" }
    let frame = trace.pfn.rawValue
    if let known = frames.frame(of: table) { return known == frame ? nil : "the table has another frame" }
    if let other = frames.table(at: frame) {
      guard mmu.tables[other].life == .removed, let position = mmu.graveyard.firstIndex(of: other) else {
        return "the frame already serves as another table"
      }
      allow(.gracePeriodInferred)
      mmu.graveyard.remove(at: position)
      mmu.graveyard.insert(other, at: 0)
      endGracePeriod(1)
    }
    frames.bind(table, frame)
    return nil
  }
}

extension TDPMMU {
  /// The level of the table that an address lies in.
  func level(of address: UInt64) -> Level {
    tables.table(at: PFN(address >> 12)).map { tables[$0].level } ?? .page4K
  }

  /// Puts bits that a CPU has set into the entry that was touched last with this value.
  mutating func replace(_ entry: SPTE, by new: SPTE) {
    if let location = lastStore, tables[location] == entry { store(location, new) }
  }
}
