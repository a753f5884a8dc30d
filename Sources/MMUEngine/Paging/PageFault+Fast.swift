/// The fast page fault: W, or tracked-away access, is given back by one exchange under no lock at all.
///
/// Only what the MMU itself took away may come back: MMU-writable says so. RCU keeps the table from being freed under the
/// exchange; that the table may be out of the tree by then does no harm, because then nobody walks through it.
/// Source: Linux 6.12, 6.16 and 7.3 arch/x86/kvm/mmu/mmu.c, page_fault_can_be_fast, fast_page_fault.
extension PageFault {
  /// Whether nobody faulted makes no difference: a prefetch is as fast as the fault would be.
  private func canBeFast(_ mmu: borrowing TDPMMU) -> Bool {
    if request.code.contains(.reserved) || isMismatched { return false }
    if !request.code.contains(.present) { return !mmu.format.usesAccessedDirty }
    return request.code.contains(.write)
  }

  /// One look at the entry; five at most.
  mutating func fast(_ tries: Int, _ mmu: inout TDPMMU) -> MicroStep {
    guard canBeFast(mmu) else {
      phase = .snapshot
      return .silent
    }
    let found = mmu.lookup(direct, request.gfn)
    let old = found.entry
    if let new = fixed(old, found.level, mmu) {
      phase = .fastExchange(found.location, old: old, new: new, tries: tries)
    } else {
      phase = .fastDone(isSpurious(old, found.level, mmu) ? .spurious : nil, found.location, old)
    }
    return .silent
  }

  /// The exchange. Whoever changed the entry since the look makes it fail.
  mutating func exchangeFast(
    _ location: SPTELocation, _ old: SPTE, _ new: SPTE, _ tries: Int, _ mmu: inout TDPMMU
  ) -> MicroStep {
    if mmu.tables[location] == old {
      mmu.store(location, new)
      phase = .fastDone(.fixed, location, old)
    } else {
      phase = tries < 4 ? .fast(tries: tries + 1) : .fastDone(nil, location, old)
    }
    return .silent
  }

  private func isSpurious(_ old: SPTE, _ level: Level, _ mmu: borrowing TDPMMU) -> Bool {
    old.isLeaf(at: level) && mmu.format.allows(request.code.access, old)
  }

  /// What the entry is to become; nil when there is nothing to fix here.
  private func fixed(_ old: SPTE, _ level: Level, _ mmu: borrowing TDPMMU) -> SPTE? {
    guard old.isLeaf(at: level), !mmu.format.allows(request.code.access, old) else { return nil }
    var new = old
    if !mmu.format.usesAccessedDirty, mmu.format.isAccessTracked(old) {
      new = mmu.format.restoringAccess(new).setting(mmu.format.accessed)
    }
    if request.code.contains(.write), mmu.format.isMMUWritable(old) || mmu.has(.fastFaultIgnoresMMUWritable) {
      new = new.setting(SPTE.writableBit)
      if level > .page4K, isDirtyTracked { return nil }
    }
    return new != old && mmu.format.allows(request.code.access, new) ? new : nil
  }

  /// The event shows the entry as it is then, not as it was written.
  mutating func traceFast(
    _ result: FaultResult?, _ location: SPTELocation, _ old: SPTE, _ mmu: borrowing TDPMMU
  ) -> MicroStep {
    phase = result.map { .done($0) } ?? .snapshot
    return .event(
      .fastPageFault(
        FastPageFault(
          vcpu: request.vcpu, address: request.address, errorCode: request.code.rawValue,
          pointer: mmu.tables.address(location), old: old, new: mmu.tables[location],
          isSpurious: result == .spurious, isFixed: result == .fixed)))
  }
}

extension TDPMMU {
  /// The lowest entry that a walk for `gfn` reaches. Source: `kvm_tdp_mmu_get_walk`, `kvm_tdp_mmu_fast_pf_get_last_sptep`.
  package func lookup(_ root: TableID, _ gfn: GFN) -> (location: SPTELocation, level: Level, entry: SPTE) {
    var table = root
    var level = tables[root].level
    let bits = tables[root].role.isMirror ? 0 : directBits
    while true {
      let location = SPTELocation(table, GFN(gfn.rawValue | bits).index(at: level))
      let entry = tables[location]
      guard entry.isTable(at: level), let next = tables.table(at: entry), let below = level.below else {
        return (location, level, entry)
      }
      table = next
      level = below
    }
  }
}
