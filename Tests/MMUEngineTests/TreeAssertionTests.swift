/// Assertions about trees: where walks begin and go on, what faults find, what zaps take away, what is left at the end. Each is
/// raised by its own wrong use, and not by the right one beside it.
import MMUEngine
import Testing

@Suite("Assertions of walks, faults, recoveries and a VM's end")
struct TreeAssertionTests {
  private var mmu = TDPMMU(.linux616, .npt)
  private let leaf = SPTEFormat.npt.leaf(
    LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: true, old: .nonpresent), .always)

  private mutating func names() -> [String] { mmu.collectChecks().map(\.name) }

  private mutating func root(_ level: Level = .page512G, isMirror: Bool = false) -> TableID {
    mmu.makeRoot(RootRole(level: level, isMirror: isMirror)).0
  }

  /// Runs a fault to its end.
  @discardableResult
  private mutating func run(
    _ request: FaultRequest, in root: TableID, page: PFN, limit: Level = .page4K
  ) -> (names: [String], result: FaultResult?) {
    var cache = MMIOCache()
    var fault = PageFault(request, root: root)
    while fault.result == nil {
      guard case .asks = fault.step(&mmu, &cache) else { continue }
      if fault.question == .slot {
        fault.answer(isDirtyTracked: false)
      } else {
        fault.answer(.page(page, isWritable: true, limit: limit))
      }
    }
    return (names(), fault.result)
  }

  private func write(_ gfn: UInt64) -> FaultRequest {
    FaultRequest(vcpu: 0, address: gfn << 12, code: [.write, .user])
  }

  private mutating func finish(_ walk: TableWalk) -> [String] {
    var walk = walk
    _ = mmu.lock.acquire(walk.lock)
    while true { if case .finished = walk.step(&mmu) { break } }
    mmu.lock.release(walk.lock)
    return names()
  }

  private mutating func finish(_ recovery: NXRecovery, isDirtyTracked: Bool = false) -> [String] {
    var recovery = recovery
    while true {
      switch recovery.step(&mmu) {
      case .asks: recovery.answer(isDirtyTracked: isDirtyTracked)
      case .finished: return names()
      default: continue
      }
    }
  }

  @Test("a walk begins inside of its tree: below the shared bit", arguments: [0, 1 << 35 - 1, 1 << 35])
  mutating func iteratorRange(start: UInt64) {
    mmu.directBits = 1 << 35
    let range = FrameRange(start: start, end: .max)
    let root = root()
    let walk = TableWalk(.zapLeaves, root: root, range, lock: .write, minimum: .page4K, mmu)
    #expect(finish(walk) == (start == 1 << 35 ? [KernelAssertion.iteratorRange.rawValue] : []))
  }

  @Test("a walk that yields stands on an entry that it has not gone past")
  mutating func iteratorBehind() {
    let root = root()
    var iterator = TDPIterator(mmu.tables, root: root, minimum: .page4K, start: 0, end: .max)
    iterator.next(mmu.tables)
    _ = mmu.lock.acquire(.read)
    mmu.yield(&iterator, lock: .read)
    #expect(names() == [])
    #expect(!mmu.lock.isHeld(.read))
    iterator.nextFrame = iterator.gfn - 1
    _ = mmu.lock.acquire(.read)
    mmu.yield(&iterator, lock: .read)
    #expect(names() == [KernelAssertion.iteratorBehind.rawValue])
  }

  @Test("an entry that changes has its frame on its level's boundary")
  mutating func frameUnaligned() {
    let root = root(.page2M)
    let walk = TableWalk(
      .zap(upTo: .page2M), root: root, FrameRange(start: 0, end: 512), lock: .write, minimum: .page2M, mmu)
    mmu.tables[SPTELocation(root, 0)] = leaf.setting(SPTE.sizeBit)
    #expect(finish(walk) == [])
    mmu.tables[SPTELocation(root, 0)] = leaf.setting(SPTE.sizeBit)
    var iterator = TDPIterator(mmu.tables, root: root, minimum: .page2M, start: 0, end: 512)
    iterator.gfn = 1
    _ = mmu.lock.acquire(.write)
    var aftermath = ChangeAftermath(mmu.set(iterator, to: .nonpresent))
    while aftermath.next(&mmu) != nil {}
    #expect(names() == [KernelAssertion.frameUnaligned.rawValue])
  }

  @Test("a root that is found valid can be referenced")
  mutating func rootUnreferenced() {
    let role = RootRole(level: .page512G)
    let root = root()
    #expect(mmu.findRoot(role) == root)
    #expect(names() == [])
    mmu.tables[root].references = 0
    #expect(mmu.findRoot(role) == nil)
    #expect(names() == [KernelAssertion.rootUnreferenced.rawValue])
  }

  @Test("a fault that finds a table of another level than its page's goes no further")
  mutating func mapLevel() {
    let root = root()
    #expect(run(write(0x200), in: root, page: PFN(0x800)).names == [])
    let table = mmu.lookup(root, GFN(0x200)).location.table
    mmu.tables[table].level = .page2M
    let outcome = run(write(0x201), in: root, page: PFN(0x801))
    #expect(outcome.names == [KernelAssertion.mapLevel.rawValue])
    #expect(outcome.result == .retry)
    #expect(!mmu.lookup(root, GFN(0x201)).entry.isPresent)
  }

  @Test("a fault on what is mapped finds the page that is mapped")
  mutating func spuriousFrame() {
    let root = root()
    run(write(0x200), in: root, page: PFN(0x800))
    #expect(run(write(0x200), in: root, page: PFN(0x800)).names == [])
    let outcome = run(write(0x200), in: root, page: PFN(0x900))
    #expect(outcome.names == [KernelAssertion.spuriousFrame.rawValue])
    #expect(outcome.result == .spurious)
  }

  @Test("a vCPU that faults has a root")
  mutating func rootMissing() {
    let outcome = run(write(0x200), in: .none, page: PFN(0x800))
    #expect(outcome.names == [KernelAssertion.rootMissing.rawValue])
    #expect(outcome.result == .retry)
  }

  @Test("a fault's frame is one that slots know: the shared bit is out of it before the slot is looked up")
  mutating func frameAlias() {
    mmu.directBits = 1 << 35
    let shared = write(0x200 | 1 << 35)
    let first = root()
    #expect(run(shared, in: first, page: PFN(0x800)).names == [])
    mmu.directBits = 0
    var cache = MMIOCache()
    var fault = PageFault(shared, root: first)
    _ = fault.step(&mmu, &cache)
    mmu.directBits = 1 << 35
    fault.answer(isDirtyTracked: false)
    while fault.result == nil { _ = fault.step(&mmu, &cache) }
    #expect(names() == [KernelAssertion.frameAlias.rawValue])
    #expect(fault.result == .exit)
  }

  @Test(
    "an MMIO entry has room for its generation: one bit less since Linux 7.3",
    arguments: [(KernelVersion.linux616, UInt64(1) << 19), (.linux73, 1 << 18)], [UInt64(1), 0])
  mutating func generation(_ room: (version: KernelVersion, limit: UInt64), below: UInt64) {
    mmu = TDPMMU(room.version, .npt)
    let generation = room.limit - below
    let entry = mmu.mmioEntry(GFN(0x200), generation: generation, access: .all)
    #expect(names() == (below == 0 ? [KernelAssertion.generationTooWide.rawValue] : []))
    #expect(mmu.format.mmioGeneration(entry) == (below == 0 ? 0 : generation))
  }

  @Test("a huge page under a mirror root is not split")
  mutating func mirrorSplit() {
    let root = root(isMirror: true)
    #expect(run(write(0x200), in: root, page: PFN(0x800), limit: .page2M).names == [])
    #expect(
      run(write(0x201), in: root, page: PFN(0x801)).names == [
        KernelAssertion.mirrorSplit.rawValue, KernelAssertion.mirrorReplaced.rawValue,
      ])
  }

  @Test("a mirror's table goes under the exclusive lock", arguments: [MMULockMode.write, .read])
  mutating func mirrorRemoved(lock: MMULockMode) {
    mmu = TDPMMU(.linux612, .npt)
    let root = root(isMirror: true)
    run(write(0x200), in: root, page: PFN(0x800))
    let range = FrameRange(start: 0x200, end: 0x400)
    var walk = TableWalk(.recover, root: root, range, lock: lock, minimum: .page2M, mmu)
    _ = mmu.lock.acquire(lock)
    loop: while true {
      switch walk.step(&mmu) {
      case .asks: walk.answer(isHugePossible: true)
      case .finished: break loop
      default: continue
      }
    }
    #expect(names() == (lock == .read ? [KernelAssertion.mirrorRemovedShared.rawValue] : []))
  }

  /// The checks of a link between a mirror root and a new table.
  private mutating func namesOfLink(_ damage: (inout TablePage) -> Void) -> [String] {
    let root = root(.page2M, isMirror: true)
    let location = SPTELocation(root, 0)
    guard let table = mmu.makeChild(of: location, gfn: GFN(0))?.0 else { return [] }
    damage(&mmu.tables[table])
    let iterator = TDPIterator(mmu.tables, root: root, minimum: .page2M, start: 0, end: 1)
    _ = mmu.lock.acquire(.read)
    _ = mmu.exchange(iterator, for: mmu.format.table(mmu.tables.frame(table)))
    mmu.lock.release(.read)
    return names()
  }

  @Test("a table that is linked under a mirror root has its page for the module, and belongs there")
  mutating func external() {
    let cases: [(KernelAssertion?, @Sendable (inout TablePage) -> Void)] = [
      (nil, { _ in }),
      (.externalMissing, { $0.external = nil }),
      (.externalMismatch, { $0.gfn = GFN(0x200) }),
      (.externalMismatch, { $0.level = .page2M }),
    ]
    for (expected, damage) in cases {
      let found = namesOfLink(damage)
      #expect(found == (expected.map { [$0.rawValue] } ?? []))
    }
  }

  @Test("the shared bit of a TD is the highest of its root's level")
  mutating func sharedRoot() {
    for (level, bit) in [(Level.page512G, 1 << 35), (.page256T, 1 << 39 as UInt64)] {
      let root = root(level)
      mmu.directBits = bit
      mmu.loadShared(root)
      #expect(names() == [])
      mmu.directBits = 1 << 35 ^ 1 << 39 ^ bit
      mmu.loadShared(root)
      #expect(names() == [KernelAssertion.sharedRootLevel.rawValue])
    }
  }

  @Test("a TD fetches from private memory only; private faults are taken as writes")
  mutating func sharedFetch() {
    mmu.directBits = 1 << 35
    let shared: UInt64 = 1 << 47
    #expect(mmu.violation(vcpu: 0, address: 0x20_0000, qualification: 4)?.code == [.write, .private])
    #expect(mmu.violation(vcpu: 0, address: shared, qualification: 1)?.code == .user)
    #expect(names() == [])
    #expect(mmu.violation(vcpu: 0, address: shared, qualification: 4) == nil)
    #expect(names() == [KernelAssertion.sharedFetch.rawValue])
  }

  @Test("a huge page is made from a present leaf, above 4 KiB")
  mutating func makeHuge() {
    #expect(mmu.hugeEntry(leaf, .page2M).isLarge)
    #expect(names() == [])
    _ = mmu.hugeEntry(.nonpresent, .page2M)
    #expect(names() == [KernelAssertion.makeHuge.rawValue])
    _ = mmu.hugeEntry(leaf, .page4K)
    #expect(names() == [KernelAssertion.makeHuge.rawValue])
  }

  @Test("huge pages come back in a slot that is no longer logged")
  mutating func recoverDirtyTracked() {
    let range = FrameRange(start: 0, end: 512)
    #expect(mmu.recovery(range, isDirtyTracked: false) != nil)
    #expect(names() == [])
    #expect(mmu.recovery(range, isDirtyTracked: true) == nil)
    #expect(names() == [KernelAssertion.recoverDirtyTracked.rawValue])
  }

  /// A root with one table that the NX mitigation has put in a huge page's place.
  private mutating func executed(_ version: KernelVersion) -> (root: TableID, table: TableID) {
    mmu = TDPMMU(version, .npt)
    mmu.format.splitsExecutableHugePages = true
    let root = root()
    run(FaultRequest(vcpu: 0, address: 0x200 << 12, code: [.fetch, .user]), in: root, page: PFN(0x800), limit: .page2M)
    return (root, mmu.lookup(root, GFN(0x200)).location.table)
  }

  @Test(
    "the NX worker zaps the entry above a table, in either lock mode", arguments: [KernelVersion.linux616, .linux619])
  mutating func recovery(version: KernelVersion) {
    let (root, table) = executed(version)
    #expect(mmu.possibleNXHugePages == [table])
    #expect(finish(NXRecovery(version, budget: 8)) == [])
    #expect(mmu.lookup(root, GFN(0x200)).level == .page2M)
    #expect(mmu.tables[table].life == .removed)
    #expect(mmu.possibleNXHugePages == [])
    run(write(0x200), in: root, page: PFN(0x800), limit: .page2M)
    #expect(mmu.lookup(root, GFN(0x200)).entry.isLarge)
  }

  @Test(
    "a table of a slot that is logged is taken off the NX worker's list and stays in its tree",
    arguments: [KernelVersion.linux616, .linux619])
  mutating func recoveryWhileLogging(version: KernelVersion) {
    let (root, table) = executed(version)
    let before = mmu.statistics.tablesFreed
    #expect(finish(NXRecovery(version, budget: 8), isDirtyTracked: true) == [])
    #expect(mmu.possibleNXHugePages == [])
    #expect(!mmu.tables[table].forbidsHugePage)
    #expect(mmu.tables[table].life == .linked)
    #expect(mmu.lookup(root, GFN(0x200)).location.table == table)
    #expect(mmu.lookup(root, GFN(0x200)).entry.isPresent)
    #expect(mmu.statistics.tablesFreed == before)
    // The list is empty, so the next round, logged or not, has nothing to do.
    #expect(finish(NXRecovery(version, budget: 8)) == [])
    #expect(mmu.tables[table].life == .linked)
  }

  @Test("the NX worker asks about each table of its budget, and about no more")
  mutating func recoveryBudget() {
    let (root, first) = executed(.linux619)
    for gfn in [0x400, 0x600] as [UInt64] {
      run(
        FaultRequest(vcpu: 0, address: gfn << 12, code: [.fetch, .user]), in: root, page: PFN(0x800 + gfn),
        limit: .page2M)
    }
    let second = mmu.lookup(root, GFN(0x400)).location.table
    let third = mmu.lookup(root, GFN(0x600)).location.table
    #expect(mmu.possibleNXHugePages == [first, second, third])
    var recovery = NXRecovery(.linux619, budget: 2)
    var asked: [GFN] = []
    loop: while true {
      switch recovery.step(&mmu) {
      case .asks:
        if let gfn = recovery.question(mmu) { asked.append(gfn) }
        recovery.answer(isDirtyTracked: asked.count == 1)
      case .finished: break loop
      default: continue
      }
    }
    #expect(asked == [GFN(0x200), GFN(0x400)])
    #expect(mmu.possibleNXHugePages == [third])
    #expect([first, second, third].map { mmu.tables[$0].life } == [.linked, .removed, .linked])
  }

  @Test(
    "a table made for a fetch of a small page keeps a later huge page away, and is not the NX worker's",
    arguments: [true, false])
  mutating func executedSmall(isMitigated: Bool) {
    mmu = TDPMMU(.linux619, .npt)
    mmu.format.splitsExecutableHugePages = isMitigated
    let root = root()
    run(FaultRequest(vcpu: 0, address: 0x200 << 12, code: [.fetch, .user]), in: root, page: PFN(0x800), limit: .page4K)
    let table = mmu.lookup(root, GFN(0x200)).location.table
    #expect(mmu.tables[table].forbidsHugePage == isMitigated)
    #expect(mmu.possibleNXHugePages == [])
    run(write(0x201), in: root, page: PFN(0x801), limit: .page2M)
    #expect(mmu.lookup(root, GFN(0x201)).entry.isLarge == !isMitigated)
  }

  @Test("a table that is taken out again before it is listed for the NX worker is not listed")
  mutating func unlisted() throws {
    mmu = TDPMMU(.linux619, .npt)
    mmu.format.splitsExecutableHugePages = true
    let root = root()
    let request = FaultRequest(vcpu: 0, address: 0x200 << 12, code: [.fetch, .user])
    var fault = PageFault(request, root: root)
    var cache = MMIOCache()
    let linked = { (mmu: TDPMMU) in mmu.lookup(root, GFN(0x200)).level == .page4K }
    while !linked(mmu) {
      guard case .asks = fault.step(&mmu, &cache) else { continue }
      if fault.question == .slot {
        fault.answer(isDirtyTracked: false)
      } else {
        fault.answer(.page(PFN(0x800), isWritable: true, limit: .page2M))
      }
    }
    let table = mmu.lookup(root, GFN(0x200)).location.table
    #expect(mmu.tables[table].forbidsHugePage)
    let above = try #require(mmu.iterator(above: table))
    let exchanged = mmu.exchange(above, for: .nonpresent)
    let change = try #require(exchanged)
    var aftermath = ChangeAftermath(change)
    while aftermath.next(&mmu) != nil {}
    while fault.result == nil { _ = fault.step(&mmu, &cache) }
    #expect(mmu.possibleNXHugePages == [])
    #expect(finish(NXRecovery(.linux619, budget: 8)) == [])
  }

  @Test("the NX worker's table hangs below an entry, and a present one")
  mutating func zapOrphan() {
    let (_, orphan) = executed(.linux616)
    mmu.tables[orphan].parent = SPTELocation(.none, 0)
    #expect(finish(NXRecovery(.linux616, budget: 8)) == [KernelAssertion.zapOrphan.rawValue])
    let (root, _) = executed(.linux616)
    let above = mmu.lookup(root, GFN(0x200)).location.table
    mmu.tables[mmu.tables[above].parent] = .nonpresent
    #expect(finish(NXRecovery(.linux616, budget: 8)) == [KernelAssertion.zapOrphan.rawValue])
  }

  @Test("an entry that changes under the NX worker points to another table from then on")
  mutating func zapStillLinked() {
    for new in [SPTE.nonpresent, leaf] {
      let (_, table) = executed(.linux619)
      let found = names(changingAbove: table) { _ in new }
      #expect(found == [])
    }
    let (_, table) = executed(.linux619)
    let accessed = mmu.format.accessed
    let found = names(changingAbove: table) { $0.clearing(accessed) }
    #expect(found == [KernelAssertion.zapStillLinked.rawValue])
  }

  /// Runs the NX worker; the entry above the table changes between its being read and its exchange.
  private mutating func names(changingAbove table: TableID, to new: (SPTE) -> SPTE) -> [String] {
    let parent = mmu.tables[table].parent
    var recovery = NXRecovery(.linux619, budget: 8)
    _ = recovery.step(&mmu)
    _ = recovery.step(&mmu)
    recovery.answer(isDirtyTracked: false)
    _ = recovery.step(&mmu)
    mmu.tables[parent] = new(mmu.tables[parent])
    return finish(recovery)
  }

  /// The checks at the end of a VM.
  private func namesAtEnd(_ damage: (inout MMUHost) -> Void) -> [String] {
    var host = MMUHost(.linux616, seed: 1)
    for step in 0..<2000 { host.step(step % MMUHost.agentCount) }
    let isQuiet = host.drain()
    #expect(isQuiet)
    damage(&host)
    host.destroy()
    return host.mmu.collectChecks().map(\.name)
  }

  @Test("a VM that ends leaves no tables, no roots, and no invalidation in progress unless its notifier died")
  func destruction() {
    let right = namesAtEnd { _ in }
    #expect(right == [])
    let unbalanced = namesAtEnd { $0.mmu.invalidation.begin() }
    #expect(unbalanced == [KernelAssertion.unbalancedNotifier.rawValue])
    let table = namesAtEnd { $0.mmu.tableCount += 1 }
    #expect(table == [KernelAssertion.pagesLeft.rawValue])
    let referenced = namesAtEnd { host in
      guard let root = host.mmu.roots.first else { return }
      host.mmu.tables[root].references += 1
    }
    #expect(referenced == [KernelAssertion.rootsLeft.rawValue])
  }

  @Test("a notifier that died between its start and its end is no imbalance")
  func deadNotifier() {
    var host = MMUHost(.linux616, seed: 1)
    host.mmu.invalidation.begin()
    host.activeInvalidations = 1
    host.destroy()
    #expect(host.mmu.collectChecks() == [])
  }

  @Test("an agent that waits for ever is reported")
  func stuck() {
    var host = MMUHost(.linux616, seed: 1)
    _ = host.mmu.lock.acquire(.read)
    // Faults go on under a lock that another reader holds; the notifier waits.
    for step in 0..<2000 { host.step(step % MMUHost.agentCount) }
    #expect(host.mmu.collectChecks() == [])
    host.finish()
    #expect(host.mmu.collectChecks().map(\.name) == [MMUDamage.stuck.rawValue])
  }

  @Test("the shared half of a TD under two hundred random schedules, no check fires")
  func sharedHalf() {
    var mapped = 0
    for seed in 0..<200 as Range<UInt64> {
      var host = MMUHost(.linux616, seed: seed)
      host.mmu.directBits = 1 << 35
      for agent in MMUSchedule(seed: seed, length: 1000).agents { host.step(Int(agent)) }
      host.finish()
      #expect(host.mmu.collectChecks() == [], "seed \(seed)")
      mapped += host.mmu.statistics.leavesMapped
    }
    #expect(mapped > 1000)
  }
}
