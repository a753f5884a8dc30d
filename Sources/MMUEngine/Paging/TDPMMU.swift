/// The TDP MMU of one VM: its roots, their tables, mmu_lock, and tables that wait for a grace period.
///
/// Agents (vCPU faults, zaps, dirty logging) are values that step through kernel functions and change this one; every write of
/// an entry goes through `SPTEChange`. What the kernel would print, an agent hands out as events.
/// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c.

/// How mmu_lock is held now.
package struct MMULock: Hashable, Sendable {
  package private(set) var readers = 0
  package private(set) var isWritten = false

  /// Takes it, or says that it is held otherwise.
  package mutating func acquire(_ mode: MMULockMode) -> Bool {
    switch mode {
    case .read:
      guard !isWritten else { return false }
      readers += 1
    case .write:
      guard !isWritten, readers == 0 else { return false }
      isWritten = true
    }
    return true
  }

  /// Gives it back.
  package mutating func release(_ mode: MMULockMode) {
    switch mode {
    case .read: readers -= 1
    case .write: isWritten = false
    }
  }

  /// Whether somebody holds it at least so.
  package func isHeld(_ mode: MMULockMode) -> Bool { mode == .write ? isWritten : isWritten || readers > 0 }
}

/// What has been done, in counts.
package struct MMUStatistics: Hashable, Sendable {
  package var entryWrites = 0
  package var tablesFreed = 0
  package var tablesMade = 0
  package var leavesZapped = 0
  package var leavesMapped = 0
}

/// Which roots an operation visits. Source: `enum kvm_tdp_mmu_root_types`.
package struct RootTypes: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Invalid ones too; no class of its own.
  package static let invalid = RootTypes(rawValue: 1)
  package static let direct = RootTypes(rawValue: 2)
  package static let mirror = RootTypes(rawValue: 4)
  package static let valid: RootTypes = [.direct, .mirror]
  package static let all: RootTypes = [.invalid, .direct, .mirror]
}

package struct TDPMMU: Sendable {
  package let version: KernelVersion
  package var format: SPTEFormat
  package var tables = TableMemory()
  /// `tdp_mmu_roots`: the newest first.
  package private(set) var roots: [TableID] = []
  package var lock = MMULock()
  /// `mmu_valid_gen`: toggled by every fast zap.
  package var validGeneration: UInt8 = 0
  /// Removed tables, in the order of their call_rcu.
  package var graveyard: [TableID] = []
  /// Tables where a huge page is wanted and forbidden, for the NX recovery worker.
  package var possibleNXHugePages: [TableID] = []
  /// One beyond the highest frame that the host can map (`tdp_mmu_max_gfn_exclusive`).
  package var frameLimit: UInt64
  /// The shared bit as a frame mask (`gfn_direct_bits`); 0 without mirrored page tables.
  package var directBits: UInt64 = 0
  /// Huge pages that attributes forbid; changes under mmu_lock held for write only.
  package var mixed = MixedRanges()
  /// The TD whose Secure-EPT the mirror root's entries have counterparts in; nil for other VMs, and for mirror roots alone.
  package var secureEPT: TDXHost?
  /// mmu_invalidate_seq and its range.
  package var invalidation = InvalidationSequence()
  /// Generation of the active memslots, by address space.
  package var generations: [UInt64] = [0, 1]
  /// Whether somebody holds kvm->slots_lock; nil where nobody keeps count, as behind a trace, which does not show it.
  package var isSlotsLockHeld: Bool?
  package var statistics = MMUStatistics()
  /// Linked tables that are not roots (`tdp_mmu_pages`).
  package var tableCount = 0
  /// Checks that fired and were not yet collected.
  package private(set) var checks: [EngineCheck] = []
  /// The entry written last.
  package private(set) var lastStore: SPTELocation?
  /// Single-line faults that a test has put in.
  package var faults: Set<InjectedFault> = []

  package init(_ version: KernelVersion, _ format: SPTEFormat, frameLimit: UInt64 = 1 << 40) {
    self.version = version
    self.format = format.laidOut(by: version)
    self.frameLimit = frameLimit
  }

  /// Remembers what was written.
  mutating func noteStore(_ location: SPTELocation) { lastStore = location }

  /// Records that an assertion of the kernel fired.
  package mutating func report(_ assertion: KernelAssertion, _ detail: @autoclosure () -> String) {
    if checks.count < 64 { checks.append(assertion.check(detail())) }
  }

  /// Records damage.
  package mutating func report(_ damage: MMUDamage, _ detail: @autoclosure () -> String) {
    if checks.count < 64 { checks.append(damage.check(detail())) }
  }

  /// Records damage that the RMP tells of.
  package mutating func report(_ damage: ReverseMapDamage, _ detail: @autoclosure () -> String) {
    if checks.count < 64 { checks.append(damage.check(detail())) }
  }

  /// Takes the checks that fired since the last call.
  package mutating func collectChecks() -> [EngineCheck] {
    defer { checks = [] }
    return checks + (secureEPT?.platform.memory.collectChecks() ?? [])
  }

  /// Whether an injected fault is on.
  package func has(_ fault: InjectedFault) -> Bool { !faults.isEmpty && faults.contains(fault) }
}

extension TDPMMU {
  /// A valid root of this role, with one more reference. Source: `kvm_tdp_mmu_alloc_root`, its lookups.
  package mutating func findRoot(_ role: RootRole) -> TableID? {
    guard let root = roots.first(where: { tables[$0].role == role && !tables[$0].isInvalid }) else { return nil }
    guard getRoot(root) else {
      report(.rootUnreferenced, "root \(root.rawValue) is valid and on its way out")
      return nil
    }
    return root
  }

  /// Makes a root: one reference is the vCPU's, one the TDP MMU's own. The event comes before the count is set.
  ///
  /// Who interferes: other vCPUs that load the same role; tdp_mmu_pages_lock and a second scan exclude a twin.
  /// Source: `kvm_tdp_mmu_alloc_root`, `tdp_mmu_init_sp`.
  package mutating func makeRoot(_ role: RootRole) -> (TableID, TraceEvent) {
    let page = TablePage(role: role, level: role.level, gfn: GFN(0), parent: SPTELocation(.none, 0), life: .linked)
    let root = tables.allocate(page)
    statistics.tablesMade += 1
    let event = TraceEvent.getPage(page.description(format))
    tables[root].references = 2
    roots.insert(root, at: 0)
    return (root, event)
  }

  /// `kvm_tdp_mmu_get_root`: a walker's reference; false when the root is on its way out.
  package mutating func getRoot(_ root: TableID) -> Bool {
    guard tables[root].life == .linked, tables[root].references > 0 else { return false }
    tables[root].references += 1
    return true
  }

  /// `kvm_tdp_mmu_put_root`: the last reference takes the root off the list; it must be invalid and empty by then.
  package mutating func putRoot(_ root: TableID) {
    guard tables[root].life == .linked, tables[root].references > 0 else {
      report(.freedTableUsed, "root \(root.rawValue) put without a reference")
      return
    }
    tables[root].references -= 1
    guard tables[root].references == 0 else { return }
    if !tables[root].isInvalid { report(.putRootValid, "root \(root.rawValue) freed while valid") }
    if containsPresent(root) { report(.treeBroken, "root \(root.rawValue) freed with present entries") }
    roots.removeAll { $0 == root }
    bury(root)
  }

  /// Whether a table has a present entry. Complexity: 512.
  package func containsPresent(_ table: TableID) -> Bool {
    (0..<512).contains { tables[SPTELocation(table, $0)].isPresent }
  }

  /// Roots of these types, in the order of the list. Source: `tdp_mmu_root_match`.
  package func roots(_ types: RootTypes, in space: AddressSpace? = nil) -> [TableID] {
    roots.filter { root in
      let page = tables[root]
      if page.isInvalid && !types.contains(.invalid) { return false }
      return types.contains(page.role.isMirror ? .mirror : .direct) && (space == nil || page.role.space == space)
    }
  }

  /// Somebody goes on to the next root of the list, which mmu_lock keeps in order. Source: `for_each_tdp_mmu_root` and its kin.
  mutating func checkRootWalk() {
    if !lock.isHeld(.read) { report(.rootWalkLock, "mmu_lock not held") }
  }

  /// Marks roots as invalid and to be zapped. Source: `kvm_tdp_mmu_invalidate_roots`.
  ///
  /// Who interferes: a fault that has passed its stale check would map into the root; mmu_lock held for write excludes it.
  package mutating func invalidateRoots(_ types: RootTypes, hasUsers: Bool) {
    if hasUsers, !lock.isHeld(.write) { report(.invalidateRootsLock, "mmu_lock not held for write") }
    for root in roots(types) {
      if !has(.rootNotScheduled) { tables[root].isScheduled = true }
      tables[root].isInvalid = true
    }
  }

  /// The last look at the MMU of a VM that ends: nothing is left. Source: `kvm_mmu_uninit_tdp_mmu`.
  package mutating func checkUninitialized() {
    let left = (tables: tableCount, roots: roots.count)
    if left.tables != 0 { report(.pagesLeft, "\(left.tables) tables") }
    if left.roots != 0 { report(.rootsLeft, "\(left.roots) roots") }
  }

  /// Puts a table into the queue for a grace period (`call_rcu`).
  package mutating func bury(_ table: TableID) {
    tables[table].life = .removed
    statistics.tablesFreed += 1
    graveyard.append(table)
  }

  /// The RCU callback for the oldest `count` tables (`tdp_mmu_free_sp_rcu_callback`).
  package mutating func endGracePeriod(_ count: Int) {
    for table in graveyard.prefix(count) {
      if let page = tables[table].external {
        if version.mirrorHooks == .beforeEvent, secureEPT != nil { report(.externalKept, "table \(table.rawValue)") }
        secureEPT?.releaseTable(page)
      }
      tables.release(table)
    }
    graveyard.removeFirst(min(count, graveyard.count))
  }

  /// Makes a table below an entry; it is not linked yet. Source: `tdp_mmu_init_child_sp`.
  package mutating func makeChild(of location: SPTELocation, gfn: GFN) -> (TableID, TraceEvent)? {
    let parent = tables[location.table]
    guard let level = parent.level.below else { return nil }
    var page = TablePage(
      role: parent.role, level: level, gfn: gfn.aligned(to: parent.level), parent: location, life: .fresh)
    page.isInvalid = parent.isInvalid
    statistics.tablesMade += 1
    let table = tables.allocate(page)
    if page.role.isMirror { tables[table].external = secureEPT?.allocateTable() ?? tables.externalFrame(table) }
    return (table, .getPage(page.description(format)))
  }

  /// Gives back a table that was never linked (`tdp_mmu_free_sp`).
  package mutating func freeUnlinked(_ table: TableID) {
    if tables[table].life != .fresh { report(.treeBroken, "table \(table.rawValue) freed while linked") }
    if let page = tables[table].external { secureEPT?.releaseTable(page) }
    tables.release(table)
  }

  /// What a root's trees hold: present leaves in order. Complexity: all tables of the root.
  package func leaves(_ root: TableID) -> [(GFN, Level, SPTE)] {
    var found: [(GFN, Level, SPTE)] = []
    var iterator = TDPIterator(tables, root: root, minimum: .page4K, start: 0, end: .max)
    while iterator.isInside {
      if iterator.old.isLeaf(at: iterator.level) { found.append((iterator.frame, iterator.level, iterator.old)) }
      iterator.next(tables)
    }
    return found
  }
}
