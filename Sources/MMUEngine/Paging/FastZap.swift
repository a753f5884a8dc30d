/// Zaps of whole roots: the fast one of a running VM, and those of its end.
///
/// The fast zap makes every direct root invalid in one short section under mmu_lock held for write, and has the vCPUs drop
/// theirs; then it takes the old trees down at leisure under mmu_lock held for read, while the vCPUs build new ones.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_mmu_zap_all_fast; tdp_mmu.c, kvm_tdp_mmu_zap_invalidated_roots.
package struct FastZap: Sendable {
  private enum Phase: Hashable, Sendable {
    case lock
    case trace
    case invalidate
    case unlock
    case zap
    case done
  }

  private var phase = Phase.lock
  private var zap = RootsZap(.scheduled, lock: .read)

  package init() {}

  /// The root and the level of the pass that runs now.
  package var pass: (root: TableID, level: Level)? { zap.pass }

  /// Whether mmu_lock could be dropped here.
  package var mayYield: Bool { phase == .zap && zap.mayYield }

  package mutating func yield(_ mmu: inout TDPMMU) { zap.yield(&mmu) }

  package mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    switch phase {
    case .lock:
      guard mmu.lock.acquire(.write) else { return .blocked }
      if mmu.isSlotsLockHeld == false { mmu.report(.slotsLock, "fast zap without slots_lock") }
      phase = .trace
      return .silent
    case .trace:
      phase = .invalidate
      return .event(.zapAllFast(generation: mmu.validGeneration, usedPages: 0))
    case .invalidate:
      mmu.validGeneration ^= 1
      mmu.invalidateRoots(.direct, hasUsers: true)
      phase = .unlock
      return .kick
    case .unlock:
      zapObsoletePages(&mmu)
      mmu.lock.release(.write)
      phase = .zap
      return .silent
    case .zap:
      let step = zap.step(&mmu)
      if case .finished = step { phase = .done }
      return step
    case .done: return .finished
    }
  }

  /// Shadow pages of the old generation go, with mmu_lock still held for write. Source: `kvm_zap_obsolete_pages`.
  ///
  /// Abstraction: there is no shadow MMU here, so that nothing is left of it but what it asks of its caller.
  private func zapObsoletePages(_ mmu: inout TDPMMU) {
    if mmu.isSlotsLockHeld == false { mmu.report(.obsoletePagesSlotsLock, "obsolete pages zapped without slots_lock") }
  }
}

/// The zap of several roots, one after another.
package struct RootsZap: Sendable {
  package enum Which: Hashable, Sendable {
    /// Those that an invalidation has scheduled; each gives the TDP MMU's own reference back afterwards.
    case scheduled
    /// All direct roots, invalid ones too; they stay valid and referenced. Source: `kvm_tdp_mmu_zap_all`.
    case direct
  }

  private enum Phase: Hashable, Sendable {
    case lock
    case next
    case zap
    case unlock
    case done
  }

  private let which: Which
  package let lock: MMULockMode
  private var phase = Phase.lock
  private var zap: RootZap?
  /// Roots that were visited; the list may change while the walk sleeps.
  private var visited: Set<TableID> = []

  package init(_ which: Which, lock: MMULockMode) {
    self.which = which
    self.lock = lock
  }

  package var pass: (root: TableID, level: Level)? {
    guard let zap, let level = zap.level else { return nil }
    return (zap.root, level)
  }

  package var mayYield: Bool { phase == .zap && (zap?.mayYield ?? false) }

  package mutating func yield(_ mmu: inout TDPMMU) { zap?.yield(&mmu) }

  package mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    switch phase {
    case .lock:
      guard mmu.lock.acquire(lock) else { return .blocked }
      phase = .next
      return .silent
    case .next: return next(&mmu)
    case .zap:
      guard let step = zap?.step(&mmu) else { return .finished }
      guard case .finished = step else { return step }
      finishRoot(&mmu)
      return .silent
    case .unlock:
      mmu.lock.release(lock)
      phase = .done
      return .silent
    case .done: return .finished
    }
  }

  private mutating func next(_ mmu: inout TDPMMU) -> MicroStep {
    mmu.checkRootWalk()
    let candidates = mmu.roots.filter { !visited.contains($0) && concerns($0, mmu) }
    guard let root = candidates.first, mmu.getRoot(root) else {
      phase = .unlock
      return .silent
    }
    visited.insert(root)
    if which == .scheduled {
      mmu.tables[root].isScheduled = false
      if !mmu.tables[root].isInvalid { mmu.report(.scheduledRootValid, "root \(root.rawValue)") }
    }
    zap = RootZap(root, lock: lock, &mmu)
    phase = .zap
    return .silent
  }

  private func concerns(_ root: TableID, _ mmu: borrowing TDPMMU) -> Bool {
    switch which {
    case .scheduled: mmu.tables[root].isScheduled
    case .direct: !mmu.tables[root].role.isMirror
    }
  }

  /// The walker's reference goes, and for a scheduled root the TDP MMU's own.
  private mutating func finishRoot(_ mmu: inout TDPMMU) {
    if let root = zap?.root {
      if which == .scheduled { mmu.putRoot(root) }
      mmu.putRoot(root)
      if mmu.has(.rootPutTwice), which == .scheduled { mmu.putRoot(root) }
    }
    zap = nil
    phase = .next
  }
}

/// A walk over the roots of some types with mmu_lock around it: what zaps of ranges and dirty logging have in common.
package struct RootsWalk: Sendable {
  private enum Phase: Hashable, Sendable {
    case lock
    case next
    case walk
    case unlock
    case done
  }

  package let action: TableWalk.Action
  package let types: RootTypes
  package var space: AddressSpace?
  package let range: FrameRange
  package let lock: MMULockMode
  package let minimum: Level
  /// Whether mmu_lock is taken here; else the caller holds it.
  private let locks: Bool
  private var phase: Phase
  package private(set) var walk: TableWalk?
  private var root = TableID.none
  private var visited: Set<TableID> = []
  /// Whether some walk has changed what TLBs may hold; the caller flushes.
  package private(set) var needsFlush = false

  package init(
    _ action: TableWalk.Action, _ types: RootTypes, space: AddressSpace? = nil, _ range: FrameRange, lock: MMULockMode,
    minimum: Level = .page4K, locks: Bool = true
  ) {
    self.action = action
    self.types = types
    self.space = space
    self.range = range
    self.lock = lock
    self.minimum = minimum
    self.locks = locks
    phase = locks ? .lock : .next
  }

  /// The recovery's question, when a step `asks`.
  package var question: (GFN, Level)? { walk?.question }

  package mutating func answer(isHugePossible: Bool) { walk?.answer(isHugePossible: isHugePossible) }

  package var mayYield: Bool { phase == .walk && (walk?.mayYield ?? false) }

  package mutating func yield(_ mmu: inout TDPMMU) { walk?.yield(&mmu) }

  package mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    switch phase {
    case .lock:
      guard mmu.lock.acquire(lock) else { return .blocked }
      phase = .next
      return .silent
    case .next:
      checkStart(&mmu)
      guard let root = mmu.roots(types, in: space).first(where: { !visited.contains($0) }), mmu.getRoot(root) else {
        phase = locks ? .unlock : .done
        return .silent
      }
      visited.insert(root)
      self.root = root
      walk = TableWalk(action, root: root, range, lock: lock, minimum: minimum, mmu)
      phase = .walk
      return .silent
    case .walk:
      guard let step = walk?.step(&mmu) else { return .finished }
      if case .flush = step { needsFlush = true }
      guard case .finished = step else { return step }
      mmu.putRoot(root)
      walk = nil
      phase = .next
      return .silent
    case .unlock:
      mmu.lock.release(lock)
      phase = .done
      return .silent
    case .done: return .finished
    }
  }

  /// Lockless aging goes by RCU's list of roots; which of them it looks at is asserted, though one may become invalid under it.
  private func checkStart(_ mmu: inout TDPMMU) {
    guard action == .age else { return mmu.checkRootWalk() }
    if mmu.version.agingLock != nil { mmu.checkRootWalk() }
    if types.contains(.invalid), !mmu.version.agedRoots.contains(.invalid) {
      mmu.report(.ageInvalidRoot, "types \(types.rawValue)")
    }
  }
}
