/// The mirror page table of a TD: 512-entry tables in pages of the kernel.
///
/// Who interferes: faults run side by side under mmu_lock held for read, and meet at the freezing of an entry; everything
/// that clears entries holds the lock for write, so it never meets a FROZEN one. `check` states what KVM asserts about that.
/// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c.
package struct MirrorTable: Hashable, Sendable {
  /// The root table (`mirror_root_hpa`).
  package let root: PFN
  package let topLevel: Level
  /// Every table but the root, by its page.
  package var shadowPages: [PFN: ShadowPage] = [:]

  /// Makes a root filled with nonpresent entries.
  package init(topLevel: Level, in memory: inout PhysicalMemory) {
    self.topLevel = topLevel
    root = Self.makeTable(in: &memory)
  }

  /// A fresh table of the kernel: 512 nonpresent entries.
  package static func makeTable(in memory: inout PhysicalMemory) -> PFN {
    let table = memory.allocate(.control, for: "mirror table")
    memory.fill(table, with: SPTE.nonpresent.rawValue)
    return table
  }

  /// Where the entry for `gfn` at `level` lies; nil when a table above is missing or frozen.
  ///
  /// The kernel walks under RCU and mmu_lock; a table that is unlinked is freed only when no walker can hold it.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_iter.c.
  package func location(_ gfn: GFN, _ level: Level, in memory: PhysicalMemory) -> SecureEPTLocation? {
    var current = topLevel
    var table = root
    while current > level, let below = current.below {
      let entry = SPTE(rawValue: memory.read(table, gfn.index(at: current)))
      guard entry.state == .present, shadowPages[entry.page] != nil else { return nil }
      table = entry.page
      current = below
    }
    return SecureEPTLocation(table: table, index: gfn.index(at: level))
  }

  /// The entry for `gfn` at `level`; nonpresent where a table above is missing.
  package func entry(_ gfn: GFN, _ level: Level, in memory: PhysicalMemory) -> SPTE {
    guard let location = location(gfn, level, in: memory) else { return .nonpresent }
    return SPTE(rawValue: memory.read(location.table, location.index))
  }

  /// The table that translates `gfn` at `level`'s entries below; nil when not linked.
  package func shadowPage(_ gfn: GFN, linkedAt level: Level, in memory: PhysicalMemory) -> ShadowPage? {
    let entry = entry(gfn, level, in: memory)
    return entry.state == .present ? shadowPages[entry.page] : nil
  }

  /// Writes an entry: the choke point of all changes. A use of a freed table is reported, a forbidden change too.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, tdp_mmu_set_spte, __tdp_mmu_set_spte_atomic, handle_changed_spte.
  package mutating func apply(_ change: MirrorChange, in memory: inout PhysicalMemory) {
    guard let location = location(change.gfn, change.level, in: memory) else {
      preconditionFailure("mirror entry written whose table is not linked")
    }
    memory.use(location.table, by: "the kernel as a mirror table")
    let old = SPTE(rawValue: memory.read(location.table, location.index))
    if let complaint = Self.check(old, change) {
      memory.report("KVM_BUG_ON", "gfn \(change.gfn.rawValue): \(complaint)")
    }
    memory.write(location.table, location.index, change.new.rawValue)
  }

  /// What KVM asserts about a change of a mirror entry; nil when it is allowed.
  ///
  /// Under the shared lock an entry only becomes present, or is frozen and unfrozen; under the exclusive one it only becomes
  /// nonpresent. Source: `__tdp_mmu_set_spte_atomic`, `tdp_mmu_set_spte`.
  private static func check(_ old: SPTE, _ change: MirrorChange) -> String? {
    switch (change.lock, old.state, change.new.state) {
    case (.read, .nonpresent, .frozen), (.read, .frozen, .present), (.read, .frozen, .nonpresent): nil
    case (.write, .present, .nonpresent), (.write, .nonpresent, .nonpresent): nil
    case (.read, let from, let to): "\(from.rawValue) to \(to.rawValue) with mmu_lock held for read"
    case (.write, let from, let to): "\(from.rawValue) to \(to.rawValue) with mmu_lock held for write"
    }
  }

  /// Every frame of a present leaf entry, in order. Complexity: the number of tables times 512.
  package func presentLeaves(in memory: PhysicalMemory) -> [GFN] {
    leafTables.flatMap { page in
      (0..<512).compactMap { index in
        let entry = SPTE(rawValue: memory.read(page.table, index))
        return entry.state == .present ? GFN(page.gfn.rawValue + UInt64(index)) : nil
      }
    }
  }

  /// The tables whose entries are leaves, by first frame.
  package var leafTables: [ShadowPage] {
    shadowPages.values.filter { $0.level == .page4K }.sorted { $0.gfn < $1.gfn }
  }
}
