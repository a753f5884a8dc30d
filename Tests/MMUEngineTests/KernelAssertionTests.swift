/// Each assertion of the TDP MMU, raised by the one wrong use that it exists for.
import MMUEngine
import Testing

@Suite("Assertions of the TDP MMU")
struct KernelAssertionTests {
  private var mmu = TDPMMU(.linux616, .npt)
  private static let leaf = SPTEFormat.npt.leaf(
    LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: true, old: .nonpresent), .always)

  private mutating func root(_ level: Level, isMirror: Bool = false) -> TableID {
    mmu.makeRoot(RootRole(level: level, isMirror: isMirror)).0
  }

  private func iterator(_ root: TableID) -> TDPIterator {
    TDPIterator(mmu.tables, root: root, minimum: mmu.tables[root].level, start: 0, end: 1)
  }

  private mutating func names() -> [String] { mmu.collectChecks().map(\.name) }

  /// Writes a value over another under mmu_lock held for write, with all that follows.
  private mutating func names(changing old: SPTE, to new: SPTE, at level: Level = .page4K) -> [String] {
    let root = root(level)
    mmu.tables[SPTELocation(root, 0)] = old
    _ = mmu.lock.acquire(.write)
    var aftermath = ChangeAftermath(mmu.set(iterator(root), to: new))
    while aftermath.next(&mmu) != nil {}
    mmu.lock.release(.write)
    return names()
  }

  @Test("roots: freed while valid, invalidated without the lock, zapped without a reference or while valid")
  mutating func roots() {
    let first = root(.page512G)
    mmu.putRoot(first)
    #expect(names() == [])
    mmu.putRoot(first)
    #expect(names() == [KernelAssertion.putRootValid.rawValue])
    mmu.putRoot(first)
    #expect(names() == [MMUDamage.freedTableUsed.rawValue])
    mmu.invalidateRoots(.direct, hasUsers: true)
    #expect(names() == [KernelAssertion.invalidateRootsLock.rawValue])
    mmu.invalidateRoots(.direct, hasUsers: false)
    #expect(names() == [])
    let second = root(.page512G)
    mmu.tables[second].isScheduled = true
    var zap = RootsZap(.scheduled, lock: .read)
    while true { if case .finished = zap.step(&mmu) { break } }
    #expect(names() == [KernelAssertion.scheduledRootValid.rawValue])
    let third = root(.page512G)
    mmu.tables[third].references = 0
    _ = RootZap(third, lock: .read, &mmu)
    #expect(names() == [KernelAssertion.zapRootUnreferenced.rawValue])
  }

  @Test("changes: what may follow what, under which lock")
  mutating func changes() {
    let leaf = Self.leaf
    let other = SPTE(rawValue: leaf.rawValue + 0x1000)
    #expect(names(changing: .nonpresent, to: leaf) == [])
    #expect(names(changing: leaf, to: other) == [KernelAssertion.leafFrameChanged.rawValue])
    #expect(names(changing: .nonpresent, to: mmu.version.frozen) == [KernelAssertion.exclusiveFrozen.rawValue])
    #expect(
      names(changing: .nonpresent, to: SPTE(rawValue: 0)) == [KernelAssertion.nonpresentChange.rawValue])
    #expect(
      names(changing: .nonpresent, to: leaf.clearing(mmu.format.hostWritable))
        == [KernelAssertion.writableWithoutHost.rawValue])
    #expect(
      names(changing: .nonpresent, to: leaf.clearing(mmu.format.mmuWritable))
        == [KernelAssertion.writableWithoutMMU.rawValue])
    #expect(
      names(changing: mmu.format.table(PFN(1)), to: mmu.format.table(PFN(2)), at: .page2M)
        == [KernelAssertion.tableFrameChanged.rawValue, MMUDamage.treeBroken.rawValue])
    let root = root(.page4K)
    _ = mmu.set(iterator(root), to: leaf)
    #expect(names() == [KernelAssertion.lockMode.rawValue])
    #expect(mmu.exchange(iterator(root), for: .nonpresent) != nil)
    #expect(names() == [KernelAssertion.lockMode.rawValue])
    _ = mmu.lock.acquire(.read)
    var yielded = iterator(root)
    yielded.hasYielded = true
    #expect(mmu.exchange(yielded, for: leaf) != nil)
    #expect(names() == [KernelAssertion.atomicFrozen.rawValue])
  }

  @Test("mirror entries become present once under the shared lock, and under the exclusive lock only cleared")
  mutating func mirror() {
    let root = root(.page4K, isMirror: true)
    _ = mmu.lock.acquire(.read)
    #expect(mmu.exchange(iterator(root), for: .nonpresent) == nil)
    #expect(names() == [KernelAssertion.mirrorAtomic.rawValue])
    #expect(mmu.exchange(iterator(root), for: Self.leaf) != nil)
    #expect(names() == [])
    #expect(mmu.exchange(iterator(root), for: Self.leaf.clearing(mmu.format.accessed)) != nil)
    #expect(names() == [KernelAssertion.mirrorReplaced.rawValue])
    mmu.lock.release(.read)
    _ = mmu.lock.acquire(.write)
    _ = mmu.set(iterator(root), to: .nonpresent)
    #expect(names() == [])
    _ = mmu.set(iterator(root), to: Self.leaf)
    #expect(names() == [KernelAssertion.mirrorExclusive.rawValue])
  }

  @Test("raw writes: an EPT entry that could raise #VE, a split of what is not huge")
  mutating func rawWrites() {
    mmu = TDPMMU(.linux616, .ept)
    let root = root(.page4K)
    mmu.store(SPTELocation(root, 0), .nonpresent)
    #expect(names() == [])
    mmu.store(SPTELocation(root, 0), SPTE(rawValue: 0))
    #expect(names() == [KernelAssertion.violationPossible.rawValue])
    mmu = TDPMMU(.linux616, .npt)
    let table = self.root(.page4K)
    mmu.fill(table, splitting: .nonpresent)
    #expect(names() == [KernelAssertion.splitNotHuge.rawValue])
  }

  @Test("aging of invalid roots, which a kernel that ages without a lock does not ask for; of a mirror's entries")
  mutating func aging() {
    let range = FrameRange(start: 0, end: 1)
    for (version, isAsserted) in [(KernelVersion.linux612, false), (.linux616, true)] {
      mmu = TDPMMU(version, .npt)
      let root = root(.page4K)
      mmu.tables[SPTELocation(root, 0)] = Self.leaf
      mmu.tables[root].isInvalid = true
      _ = mmu.lock.acquire(.write)
      var walk = RootsWalk(.age, [.direct, .invalid], range, lock: .write, locks: false)
      while true { if case .finished = walk.step(&mmu) { break } }
      mmu.lock.release(.write)
      // At its beginning and at its end.
      let expected = Array(repeating: KernelAssertion.ageInvalidRoot.rawValue, count: isAsserted ? 2 : 0)
      #expect(names() == expected)
      #expect(mmu.tables[SPTELocation(root, 0)] == Self.leaf.clearing(mmu.format.accessed))
    }
    let mirror = root(.page4K, isMirror: true)
    mmu.tables[SPTELocation(mirror, 0)] = Self.leaf
    var walk = TableWalk(.age, root: mirror, range, lock: .read, minimum: .page4K, mmu)
    while true { if case .finished = walk.step(&mmu) { break } }
    #expect(names() == [KernelAssertion.agedMirror.rawValue])
    #expect(mmu.tables[SPTELocation(mirror, 0)] == Self.leaf)
  }

  @Test("an exchange for FROZEN, and a leaf made anew that the MMU may no longer make writable")
  mutating func newerAssertions() {
    mmu = TDPMMU(.linux73, .npt)
    let table = root(.page4K)
    _ = mmu.lock.acquire(.read)
    #expect(mmu.exchange(iterator(table), for: mmu.version.frozen) != nil)
    #expect(names() == [KernelAssertion.frozenForGood.rawValue])
    mmu.lock.release(.read)
    mmu = TDPMMU(.linux612, .npt)
    let remade = root(.page4K)
    mmu.tables[SPTELocation(remade, 5)] = Self.leaf
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: 5 << 12, code: .user), root: remade)
    while fault.result == nil {
      guard case .asks = fault.step(&mmu, &cache) else { continue }
      if fault.question == .slot {
        fault.answer(isDirtyTracked: false)
      } else {
        fault.answer(.page(Self.leaf.pfn, isWritable: false, limit: .page4K))
      }
    }
    #expect(names() == [KernelAssertion.leafUnflushed.rawValue])
  }

  @Test("an invalidation's range outside of one; tables and roots left at the VM's end")
  mutating func ends() {
    mmu.addInvalidated(FrameRange(start: 1, end: 2))
    #expect(names() == [KernelAssertion.invalidationOutside.rawValue])
    mmu.invalidation.begin()
    mmu.addInvalidated(FrameRange(start: 1, end: 2))
    mmu.checkUninitialized()
    #expect(names() == [])
    _ = root(.page512G)
    mmu.tableCount = 1
    mmu.checkUninitialized()
    #expect(names() == [KernelAssertion.pagesLeft.rawValue, KernelAssertion.rootsLeft.rawValue])
  }

  @Test("faults: a root gone invalid, a page that is not aligned to its size, a reserved bit on private memory")
  mutating func faults() {
    let first = FrameRange(start: 0x200, end: 0x400)
    #expect(checks(of: [.write, .user], page: PFN(0x200), first.start) == [])
    #expect(checks(of: [.write, .user], page: PFN(0x201), first.start) == [KernelAssertion.mapUnaligned.rawValue])
    #expect(
      checks(of: [.reserved, .private], page: PFN(0x200), first.start) == [KernelAssertion.reservedPrivate.rawValue])
    mmu.faults = [.hugePageWhileLogging]
    #expect(
      checks(of: [.write, .user], page: PFN(0x200), first.start, isLogged: true)
        == [KernelAssertion.hugeDirtyTracked.rawValue])
    mmu.faults = [.obsoleteRootUsed]
    mmu.invalidateRoots(.direct, hasUsers: false)
    let root = root(.page512G)
    mmu.tables[root].isInvalid = true
    #expect(
      checks(of: [.write, .user], page: PFN(0x200), first.start, in: root) == [
        KernelAssertion.mapInvalidRoot.rawValue
      ])
  }

  /// The checks that one fault on a huge page raises.
  private mutating func checks(
    of code: FaultCode, page: PFN, _ gfn: UInt64, isLogged: Bool = false, in given: TableID? = nil
  ) -> [String] {
    let root = given ?? root(.page512G)
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: gfn << 12, code: code), root: root)
    while fault.result == nil {
      guard case .asks = fault.step(&mmu, &cache) else { continue }
      if fault.question == .slot {
        fault.answer(isDirtyTracked: isLogged)
      } else {
        fault.answer(.page(page, isWritable: true, limit: .page2M))
      }
    }
    return names()
  }
}
