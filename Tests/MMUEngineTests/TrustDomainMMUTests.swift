/// Private memory of a TD on the TDP MMU: the mirror root's entries, and what the TDX module has beside them.
import MMUEngine
import Testing

/// All forms of the hooks.
private let kernels = [KernelVersion.linux616, .linux619, .linux73]

@Suite("A TD's private memory: mirror entries and the Secure-EPT beside them")
struct TrustDomainMMUTests {
  private var mmu = TDPMMU(.linux616, .trustDomain)
  private var direct = TableID.none
  private var mirror = TableID.none
  private static let gfn = GFN(0x1005)

  /// What an entry is in the mirror, and in the Secure-EPT if a walk reaches it.
  private struct Pair: Hashable {
    let mirror: SPTEState
    let module: SecureEPTState?

    init(_ mirror: SPTEState, _ module: SecureEPTState?) {
      self.mirror = mirror
      self.module = module
    }
  }

  private mutating func makeTD(_ version: KernelVersion, isRunnable: Bool = true) throws {
    mmu = TDPMMU(version, .trustDomain)
    mmu.directBits = 1 << 35
    var host = TDXHost.trustDomain(for: version)
    let isFinal = isRunnable && host.finalize()
    #expect(isFinal == isRunnable)
    mmu.secureEPT = host
    mirror = mmu.makeRoot(RootRole(level: .page512G, isMirror: true)).0
    direct = mmu.makeRoot(RootRole(level: .page512G)).0
    #expect(mmu.collectChecks() == [])
  }

  private func pair(_ gfn: GFN, _ level: Level) -> Pair {
    var iterator = TDPIterator(
      mmu.tables, root: mirror, minimum: level, start: gfn.rawValue, end: gfn.rawValue + 1)
    while iterator.isInside, iterator.level > level { iterator.next(mmu.tables) }
    let entry = iterator.isInside && iterator.level == level ? iterator.old : .nonpresent
    return Pair(entry.state, mmu.secureEPT?.secureEPTState(gfn, level))
  }

  private mutating func allocate() throws -> PFN {
    let page = mmu.secureEPT?.allocatePrivatePage()
    return try #require(page)
  }

  private func fault(on gfn: GFN, vcpu: Int = 0) -> PageFault {
    let request = FaultRequest(vcpu: vcpu, address: gfn.rawValue << 12, code: [.write, .private])
    return PageFault(request, root: mirror, direct: direct)
  }

  private mutating func step(_ fault: inout PageFault, _ page: PFN) {
    var cache = MMIOCache()
    guard case .asks = fault.step(&mmu, &cache) else { return }
    if fault.question == .slot {
      fault.answer(isDirtyTracked: false)
    } else {
      fault.answer(.page(page, isWritable: true, limit: .page4K))
    }
  }

  /// Runs a fault to its end; every pair of states that an entry of a level goes through, in order.
  @discardableResult
  private mutating func map(_ gfn: GFN, _ page: PFN, watching level: Level = .page4K) -> ([Pair], FaultResult?) {
    var fault = fault(on: gfn)
    var seen = [pair(gfn, level)]
    while fault.result == nil {
      step(&fault, page)
      let now = pair(gfn, level)
      if now != seen.last { seen.append(now) }
    }
    return (seen, fault.result)
  }

  /// Takes the leaf of a frame away, inside of an invalidation; `waiting` runs whenever the walk has to wait.
  private mutating func unmap(_ gfn: GFN, _ waiting: (inout TDPMMU) -> Void = { _ in }) -> [Pair] {
    _ = mmu.lock.acquire(.write)
    mmu.beginInvalidation()
    mmu.addInvalidated(FrameRange(start: gfn.rawValue, end: gfn.rawValue + 1))
    var walk = mmu.unmapping(
      [.invalid, .mirror], FrameRange(start: gfn.rawValue, end: gfn.rawValue + 1), locks: false)
    var seen = [pair(gfn, .page4K)]
    loop: for _ in 0..<1000 {
      switch walk.step(&mmu) {
      case .finished: break loop
      case .blocked: waiting(&mmu)
      default: break
      }
      let now = pair(gfn, .page4K)
      if now != seen.last { seen.append(now) }
    }
    mmu.endInvalidation()
    mmu.lock.release(.write)
    return seen
  }

  private mutating func names() -> [String] { mmu.collectChecks().map(\.name) }

  @Test("an install freezes the entry, calls the module, publishes", arguments: kernels)
  mutating func install(_ version: KernelVersion) throws {
    try makeTD(version)
    let page = try allocate()
    let (leaf, result) = map(Self.gfn, page)
    #expect(result == .fixed)
    #expect(
      leaf == [
        Pair(.nonpresent, nil), Pair(.nonpresent, .free), Pair(.frozen, .free), Pair(.frozen, .pending),
        Pair(.present, .pending),
      ])
    let bits: UInt64 = version == .linux73 ? 0x80A0_0000_0000_0F37 : 0x8600_0000_0000_0B37
    #expect(mmu.lookup(mirror, Self.gfn).entry == SPTE(rawValue: page.rawValue << 12 | bits))
    #expect(mmu.mirrorMismatch(mirror) == nil)
    let other = GFN(0x1200)
    let (table, _) = map(other, try allocate(), watching: .page2M)
    #expect(
      table == [
        Pair(.nonpresent, .free), Pair(.frozen, .free), Pair(.frozen, .nonLeafMapped),
        Pair(.present, .nonLeafMapped),
      ])
    #expect(mmu.mirrorMismatch(mirror) == nil)
    #expect(mmu.secureEPT?.vm?.pinned.count == (version.privatePages == .pinned ? 2 : 0))
    #expect(names() == [])
  }

  @Test("a busy module: the entry is as it was, the table's page goes back, the guest faults again")
  mutating func busy() throws {
    try makeTD(.linux619)
    let page = try allocate()
    let vcpu = try #require(mmu.secureEPT?.vm?.vcpus[1].tdvpr)
    let processor = try #require(mmu.secureEPT?.platform.size.processor(ofVCPU: 1))
    let count = { (mmu: TDPMMU) in
      mmu.secureEPT.map { host in host.platform.memory.allPages.count { host.platform.memory.isFree($0) } }
    }
    let free = count(mmu)
    try mmu.secureEPT?.platform.beginEntry(vcpu, on: processor, .active)
    let (seen, result) = map(Self.gfn, page, watching: .page512G)
    #expect(result == .retry)
    #expect(seen == [Pair(.nonpresent, .free), Pair(.frozen, .free), Pair(.nonpresent, .free)])
    #expect(count(mmu) == free)
    #expect(mmu.tableCount == 0)
    mmu.secureEPT?.platform.endEntry(vcpu)
    #expect(map(Self.gfn, page).1 == .fixed)
    #expect(names() == [])
  }

  @Test("a fault that finds the entry FROZEN starts over and changes nothing")
  mutating func frozen() throws {
    try makeTD(.linux616)
    let page = try allocate()
    map(GFN(0x1001), try allocate())
    var first = fault(on: Self.gfn)
    while pair(Self.gfn, .page4K).mirror != .frozen { step(&first, page) }
    var second = fault(on: Self.gfn, vcpu: 1)
    while second.result == nil { step(&second, page) }
    #expect(second.result == .retry)
    #expect(pair(Self.gfn, .page4K) == Pair(.frozen, .free))
    while first.result == nil { step(&first, page) }
    #expect(first.result == .fixed)
    #expect(mmu.mirrorMismatch(mirror) == nil)
    #expect(names() == [])
  }

  @Test("a removal: mirror, BLOCK, TRACK, kick, REMOVE once the vCPU is out, WBINVD", arguments: kernels)
  mutating func removal(_ version: KernelVersion) throws {
    try makeTD(version)
    let page = try allocate()
    map(Self.gfn, page)
    let vcpu = try #require(mmu.secureEPT?.vm?.vcpus[1].tdvpr)
    let processor = try #require(mmu.secureEPT?.platform.size.processor(ofVCPU: 1))
    try mmu.secureEPT?.platform.enter(vcpu, on: processor)
    _ = try mmu.secureEPT?.platform.walkToAccept(vcpu, Self.gfn, .page4K)
    _ = try mmu.secureEPT?.platform.lockToAccept(vcpu)
    mmu.secureEPT?.platform.commitAccept(vcpu)
    #expect(mmu.secureEPT?.platform.memory.isDirty(page, HKID(2)) == true)
    var waits = 0
    let seen = unmap(Self.gfn) { mmu in
      waits += 1
      #expect(mmu.secureEPT?.vm?.vcpus[1].exitRequested == true)
      #expect(mmu.secureEPT?.domain?.epoch == 2)
      guard waits == 3 else { return }
      mmu.secureEPT?.platform.exit(vcpu)
      mmu.secureEPT?.vm?.vcpus[1].exitRequested = false
    }
    #expect(waits == 3)
    #expect(
      seen == [
        Pair(.present, .mapped), Pair(.nonpresent, .mapped), Pair(.nonpresent, .blocked), Pair(.nonpresent, .free),
      ])
    #expect(mmu.secureEPT?.platform.pamt.leaf(of: page).type == .notAssigned)
    #expect(mmu.secureEPT?.platform.memory.isDirty(page, HKID(2)) == false)
    #expect(mmu.secureEPT?.vm?.pinned == [])
    #expect(mmu.mirrorMismatch(mirror) == nil)
    #expect(names() == [])
  }

  @Test("the initial image: 6.16 premaps and adds afterwards, 6.19 adds in the install", arguments: kernels)
  mutating func image(_ version: KernelVersion) throws {
    try makeTD(version, isRunnable: false)
    let page = try allocate()
    mmu.beginImagePage(Self.gfn, page)
    #expect(map(Self.gfn, page).1 == .fixed)
    let isPremapped = version.initialImage == .premapped
    #expect(pair(Self.gfn, .page4K) == Pair(.present, isPremapped ? .free : .mapped))
    #expect(mmu.secureEPT?.vm?.premappedCount == (isPremapped ? 1 : 0))
    #expect(mmu.mirrorMismatch(mirror) == nil)
    #expect(mmu.secureEPT?.endImagePage() == .success)
    #expect(pair(Self.gfn, .page4K) == Pair(.present, .mapped))
    #expect(mmu.secureEPT?.vm?.premappedCount == 0)
    #expect(mmu.secureEPT?.finalize() == true)
    #expect(names() == [])
  }

  @Test(
    "a leaf that goes before the TD runs: 6.16 learns from the refusal, 6.19 removes without TRACK", arguments: kernels)
  mutating func earlyRemoval(_ version: KernelVersion) throws {
    try makeTD(version, isRunnable: false)
    let page = try allocate()
    mmu.beginImagePage(Self.gfn, page)
    map(Self.gfn, page)
    if version.initialImage == .premapped { #expect(mmu.secureEPT?.finalize() == false) }
    mmu.secureEPT?.vm?.population = nil
    #expect(unmap(Self.gfn).last == Pair(.nonpresent, .free))
    #expect(mmu.secureEPT?.vm?.premappedCount == 0)
    #expect(mmu.secureEPT?.vm?.pinned == [])
    #expect(mmu.secureEPT?.domain?.epoch == 1)
    #expect(mmu.mirrorMismatch(mirror) == nil)
    #expect(names() == [])
  }

  @Test("6.19 adds pages of the image where they are mapped, and asks for slots_lock there", arguments: kernels)
  mutating func imageLock(_ version: KernelVersion) throws {
    for isHeld in [true, false] {
      try makeTD(version, isRunnable: false)
      mmu.isSlotsLockHeld = true
      let page = try allocate()
      mmu.beginImagePage(Self.gfn, page)
      mmu.isSlotsLockHeld = isHeld
      #expect(map(Self.gfn, page).1 == .fixed)
      let isAsserted = version.initialImage == .addedInInstall && !isHeld
      #expect(names() == (isAsserted ? [KernelAssertion.pageAddSlotsLock.rawValue] : []))
    }
    // A page that is added while the TD runs comes from a fault, which holds no such lock.
    try makeTD(version)
    mmu.isSlotsLockHeld = false
    #expect(map(Self.gfn, try allocate()).1 == .fixed)
    #expect(names() == [])
  }

  @Test("6.19 maps no private page without a source before the TD runs")
  mutating func noSource() throws {
    try makeTD(.linux619, isRunnable: false)
    let (seen, result) = map(Self.gfn, try allocate())
    #expect(result == .retry)
    #expect(seen.last == Pair(.nonpresent, .free))
    #expect(mmu.secureEPT?.vm?.isBugged == true)
    #expect(names() == ["KVM_BUG_ON"])
  }

  @Test("tables go after the HKID was released, and not before", arguments: [true, false])
  mutating func tables(isReleased: Bool) throws {
    try makeTD(.linux619)
    let page = try allocate()
    map(Self.gfn, page)
    _ = unmap(Self.gfn)
    mmu.secureEPT?.freePrivatePage(page)
    if isReleased { mmu.secureEPT?.releaseKey() }
    mmu.putRoot(mirror)
    mmu.putRoot(direct)
    mmu.invalidateRoots(.valid, hasUsers: false)
    var zap = RootsZap(.scheduled, lock: .write)
    while true { if case .finished = zap.step(&mmu) { break } }
    mmu.checkUninitialized()
    mmu.endGracePeriod(mmu.graveyard.count)
    guard isReleased else {
      let leaked = Array(repeating: KernelAssertion.externalLeaked.rawValue, count: 3)
      #expect(names() == leaked + Array(repeating: "KVM_BUG_ON", count: 3))
      return
    }
    mmu.secureEPT?.destroyDomain()
    #expect(names() == [])
    let memory = try #require(mmu.secureEPT?.platform.memory)
    #expect(memory.allPages.allSatisfy { memory.isFree($0) })
  }

  @Test("a private leaf under the shared lock: an assertion, and neither tree changes")
  mutating func shared() throws {
    try makeTD(.linux616)
    map(Self.gfn, try allocate())
    _ = mmu.lock.acquire(.read)
    let range = FrameRange(start: Self.gfn.rawValue, end: Self.gfn.rawValue + 1)
    var walk = TableWalk(.zapLeaves, root: mirror, range, lock: .read, minimum: .page4K, mmu)
    while mmu.collectChecks().map(\.name) != [KernelAssertion.mirrorAtomic.rawValue] { _ = walk.step(&mmu) }
    mmu.lock.release(.read)
    #expect(pair(Self.gfn, .page4K) == Pair(.present, .pending))
    #expect(mmu.mirrorMismatch(mirror) == nil)
  }
}
