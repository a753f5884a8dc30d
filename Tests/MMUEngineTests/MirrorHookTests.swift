/// Where a kernel's hooks stand between the write of a mirror entry, the module, and the event: 7.3 has one hook before the event.
import MMUEngine
import Testing

@Suite("The hooks of the mirror: one for each kind of change, or one for all before the event")
struct MirrorHookTests {
  private var mmu = TDPMMU(.linux619, .trustDomain)
  private var direct = TableID.none
  private var mirror = TableID.none
  private static let gfn = GFN(0x1005)
  private static let range = FrameRange(start: gfn.rawValue, end: gfn.rawValue + 1)
  private static let kernels = [KernelVersion.linux619, .linux73]

  private mutating func makeTD(_ version: KernelVersion) {
    mmu = TDPMMU(version, .trustDomain)
    mmu.directBits = 1 << 35
    var host = TDXHost.trustDomain(for: version)
    #expect(host.version == version)
    let isFinal = host.finalize()
    #expect(isFinal)
    mmu.secureEPT = host
    mirror = mmu.makeRoot(RootRole(level: .page512G, isMirror: true)).0
    direct = mmu.makeRoot(RootRole(level: .page512G)).0
  }

  private mutating func names() -> [String] { mmu.collectChecks().map(\.name) }

  /// The entry of the frame, and the module's.
  private var pair: [String] {
    [mmu.lookup(mirror, Self.gfn).entry.state.rawValue, mmu.secureEPT?.secureEPTState(Self.gfn, .page4K)?.name ?? "-"]
  }

  /// What the pair was at the event of the frame's own entry; empty when there was none.
  private mutating func map() throws -> [String] {
    let allocated = mmu.secureEPT?.allocatePrivatePage()
    let page = try #require(allocated)
    let request = FaultRequest(vcpu: 0, address: Self.gfn.rawValue << 12, code: [.write, .private])
    var fault = PageFault(request, root: mirror, direct: direct)
    var cache = MMIOCache()
    var seen: [String] = []
    while fault.result == nil {
      switch fault.step(&mmu, &cache) {
      case .asks where fault.question == .slot: fault.answer(isDirtyTracked: false)
      case .asks: fault.answer(.page(page, isWritable: true, limit: .page4K))
      case .event(.spteChanged(_, Self.gfn, .page4K, _, _)): seen = pair
      default: continue
      }
    }
    #expect(fault.result == .fixed)
    return seen
  }

  /// Takes the leaf away with mmu_lock held so; what the pair was before each step, without repetitions, and at the event.
  private mutating func unmap(_ lock: MMULockMode = .write) -> (steps: [[String]], atEvent: [String]) {
    _ = mmu.lock.acquire(lock)
    var walk = TableWalk(.zapLeaves, root: mirror, Self.range, lock: lock, minimum: .page4K, mmu)
    var steps: [[String]] = []
    var atEvent: [String] = []
    loop: for _ in 0..<100 {
      if pair != steps.last { steps.append(pair) }
      switch walk.step(&mmu) {
      case .event: atEvent = pair
      case .finished: break loop
      default: continue
      }
    }
    mmu.lock.release(lock)
    return (steps, atEvent)
  }

  @Test("an install's event comes when the entry is present, or while it is FROZEN", arguments: kernels)
  mutating func install(_ version: KernelVersion) throws {
    makeTD(version)
    #expect(try map() == [version.mirrorHooks == .perKind ? "PRESENT" : "FROZEN", "PENDING"])
    #expect(pair == ["PRESENT", "PENDING"])
    #expect(mmu.statistics.leavesMapped == 1)
    #expect(mmu.mirrorMismatch(mirror) == nil)
    #expect(names() == [])
  }

  @Test("a removal's event comes before BLOCK, or after WBINVD", arguments: kernels)
  mutating func removal(_ version: KernelVersion) throws {
    makeTD(version)
    _ = try map()
    let (steps, atEvent) = unmap()
    #expect(
      steps == [
        ["PRESENT", "PENDING"], ["NONPRESENT", "PENDING"], ["NONPRESENT", "PENDING_BLOCKED"], ["NONPRESENT", "FREE"],
      ])
    #expect(atEvent == ["NONPRESENT", version.mirrorHooks == .perKind ? "PENDING" : "FREE"])
    #expect(mmu.statistics.leavesZapped == 1)
    #expect(names() == [])
  }

  @Test("what the module refuses is neither traced nor counted in 7.3", arguments: kernels, [0, 1, 2, 3])
  mutating func refusedRemoval(_ version: KernelVersion, call: Int) throws {
    makeTD(version)
    _ = try map()
    mmu.secureEPT?.platform.callsBeforeFailure = call
    let atEvent = unmap().atEvent
    // The assertion on TRACK does not return: REMOVE comes next, and is refused for want of tracking. (The TD has no vCPU inside.)
    let isTraced = version.mirrorHooks == .perKind
    #expect((atEvent != []) == isTraced)
    #expect(mmu.statistics.leavesZapped == (isTraced ? 1 : 0))
    #expect(pair == ["NONPRESENT", ["PENDING", "PENDING_BLOCKED", "PENDING_BLOCKED", "FREE"][call]])
    #expect(mmu.secureEPT?.vm?.isBugged == true)
    #expect(names() == Array(repeating: "KVM_BUG_ON", count: call == 1 ? 2 : 1))
  }

  @Test("under the shared lock 7.3 asserts in the removal, which goes on; the entry is FROZEN meanwhile")
  mutating func sharedRemoval() throws {
    makeTD(.linux73)
    _ = try map()
    let (steps, atEvent) = unmap(.read)
    #expect(
      steps == [
        ["PRESENT", "PENDING"], ["FROZEN", "PENDING"], ["FROZEN", "PENDING_BLOCKED"], ["FROZEN", "FREE"],
        ["NONPRESENT", "FREE"],
      ])
    #expect(atEvent == ["FROZEN", "FREE"])
    #expect(names() == [KernelAssertion.mirrorRemovalLock.rawValue])
  }

  @Test("a refused removal under the shared lock leaves the entry as it was")
  mutating func refusedSharedRemoval() throws {
    makeTD(.linux73)
    _ = try map()
    mmu.secureEPT?.platform.callsBeforeFailure = 0
    #expect(unmap(.read).atEvent == [])
    #expect(pair == ["PRESENT", "PENDING"])
    #expect(names() == [KernelAssertion.mirrorRemovalLock.rawValue, "KVM_BUG_ON"])
  }

  /// Takes the roots down; the module's pages that are free before the grace period ends, and after it.
  private mutating func destroy(isReleased: Bool, failing call: Int? = nil) -> (Int, Int) {
    if isReleased { mmu.secureEPT?.releaseKey() }
    mmu.secureEPT?.platform.callsBeforeFailure = call
    mmu.putRoot(mirror)
    mmu.putRoot(direct)
    mmu.invalidateRoots(.valid, hasUsers: false)
    var zap = RootsZap(.scheduled, lock: .write)
    let free = { (mmu: TDPMMU) in
      mmu.secureEPT.map { host in host.platform.memory.allPages.count { host.platform.memory.isFree($0) } } ?? 0
    }
    let before = free(mmu)
    while true { if case .finished = zap.step(&mmu) { break } }
    let early = free(mmu) - before
    mmu.checkUninitialized()
    mmu.endGracePeriod(mmu.graveyard.count)
    return (early, free(mmu) - before)
  }

  @Test("a table's page goes back after a grace period, or at once", arguments: kernels)
  mutating func tables(_ version: KernelVersion) throws {
    makeTD(version)
    _ = try map()
    _ = unmap()
    let (early, late) = destroy(isReleased: true)
    #expect(early == (version.mirrorHooks == .perKind ? 0 : 3))
    #expect(late == 3)
    #expect(names() == [])
  }

  @Test("a table that stays the module's is leaked: refused, or the HKID is still there", arguments: kernels)
  mutating func leakedTables(_ version: KernelVersion) throws {
    for isReleased in [true, false] {
      makeTD(version)
      _ = try map()
      _ = unmap()
      #expect(destroy(isReleased: isReleased, failing: isReleased ? 1 : nil).1 == (isReleased ? 2 : 0))
      let leak = KernelAssertion.externalLeaked.rawValue
      switch (version.mirrorHooks, isReleased) {
      case (.perKind, true): #expect(names() == [leak])
      case (.perKind, false): #expect(names() == [leak, leak, leak, "KVM_BUG_ON", "KVM_BUG_ON", "KVM_BUG_ON"])
      case (.beforeEvent, true): #expect(names() == [KernelAssertion.tableNotReclaimed.rawValue])
      case (.beforeEvent, false): #expect(names() == ["KVM_BUG_ON", "KVM_BUG_ON", "KVM_BUG_ON"])
      }
    }
  }

  @Test("7.3's own assertions: FROZEN for good, a table without a page or for another place, a page that waits for RCU")
  mutating func assertions() throws {
    makeTD(.linux73)
    _ = mmu.lock.acquire(.read)
    let iterator = TDPIterator(mmu.tables, root: direct, minimum: .page512G, start: 0, end: 1)
    #expect(mmu.exchange(iterator, for: mmu.version.frozen) != nil)
    #expect(names() == [KernelAssertion.frozenForGood.rawValue])
    mmu.lock.release(.read)
    let damages: [(inout TablePage) -> Void] = [
      { $0.external = nil }, { $0.gfn = GFN(1 << 27) }, { $0.level = .page2M },
    ]
    for damage in damages {
      mmu = TDPMMU(.linux73, .trustDomain)
      let root = mmu.makeRoot(RootRole(level: .page512G, isMirror: true)).0
      let made = mmu.makeChild(of: SPTELocation(root, 0), gfn: GFN(0))
      let table = try #require(made).0
      damage(&mmu.tables[table])
      _ = mmu.lock.acquire(.read)
      let iterator = TDPIterator(mmu.tables, root: root, minimum: .page512G, start: 0, end: 1)
      #expect(mmu.exchange(iterator, for: mmu.format.table(mmu.tables.frame(table))) == nil)
      #expect(names() == [KernelAssertion.externalUnfit.rawValue])
    }
    makeTD(.linux73)
    let made = mmu.makeChild(of: SPTELocation(mirror, 0), gfn: GFN(0))
    mmu.bury(try #require(made).0)
    mmu.endGracePeriod(1)
    #expect(names() == [KernelAssertion.externalKept.rawValue])
  }
}
