/// The zap of a whole root: passes by level, as the kernel's version orders them.
///
/// With mmu_lock held for read the root must be invalid, so that no fault repopulates it; held for write nobody is there.
/// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, tdp_mmu_zap_root.
package struct RootZap: Sendable {
  package let root: TableID
  package let lock: MMULockMode
  /// Passes still to come, the next first.
  private var levels: [Level]
  private var walk: TableWalk?

  /// The caller holds mmu_lock and a reference on the root.
  package init(_ root: TableID, lock: MMULockMode, _ mmu: inout TDPMMU) {
    self.root = root
    self.lock = lock
    levels = mmu.version.zapLevels(root: mmu.tables[root].level)
    if mmu.has(.zapRootPassMissing) { levels.removeLast() }
    if mmu.tables[root].references == 0 { mmu.report(.zapRootUnreferenced, "root \(root.rawValue)") }
  }

  /// Whether mmu_lock could be dropped here.
  package var mayYield: Bool { walk?.mayYield ?? false }

  /// The level of the pass that runs now; nil between passes.
  package var level: Level? {
    guard let walk, case .zap(let level) = walk.action else { return nil }
    return level
  }

  /// Drops mmu_lock. Requires: `mayYield`.
  package mutating func yield(_ mmu: inout TDPMMU) { walk?.yield(&mmu) }

  package mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    while true {
      if walk == nil {
        guard !levels.isEmpty else { return .finished }
        walk = TableWalk(zapping: root, upTo: levels.removeFirst(), lock: lock, mmu)
      }
      guard let step = walk?.step(&mmu) else { return .finished }
      guard case .finished = step else { return step }
      walk = nil
    }
  }
}
