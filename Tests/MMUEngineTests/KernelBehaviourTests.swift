/// What kernels do otherwise, as their sources say: the same stimuli, other events, entries or order.
import MMUEngine
import Testing

@Suite("Behaviours by kernel")
struct KernelBehaviourTests {
  private var mmu = TDPMMU(.linux612, .npt)
  private var root = TableID.none
  private static let range = FrameRange(start: 0, end: 512)

  private mutating func make(
    _ version: KernelVersion, _ format: SPTEFormat = .npt, level: Level = .page4K, space: AddressSpace = .normal
  ) {
    mmu = TDPMMU(version, format)
    root = mmu.makeRoot(RootRole(level: level, space: space)).0
  }

  private func leaf(_ pfn: UInt64 = 0x800, _ level: Level = .page4K) -> SPTE {
    mmu.format.leaf(LeafRequest(pfn: PFN(pfn), level: level, isHostWritable: true, old: .nonpresent), .always)
  }

  /// Runs a fault to its end; a frame without a page has no slot.
  private mutating func run(
    _ request: FaultRequest, _ cache: inout MMIOCache, page: FaultPage = .noSlot
  ) -> (result: FaultResult?, events: [TraceEvent]) {
    var fault = PageFault(request, root: root)
    var events: [TraceEvent] = []
    while fault.result == nil {
      switch fault.step(&mmu, &cache) {
      case .event(let event): events.append(event)
      case .asks where fault.question == .slot: fault.answer(isDirtyTracked: false)
      case .asks: fault.answer(page)
      default: continue
      }
    }
    if let event = fault.takeMMIOEvent(mmu.format) { events.append(event) }
    return (fault.result, events)
  }

  @Test(
    "in system management mode: the MMIO entry's printed access, and whose generation the vCPU remembers",
    arguments: [(KernelVersion.linux612, 7 as UInt8, 4 as UInt64), (.linux73, 0xF, 1)])
  mutating func systemManagement(_ version: KernelVersion, _ access: UInt8, _ remembered: UInt64) {
    make(version, space: .systemManagement)
    mmu.generations = [4, 1]
    var cache = MMIOCache()
    var request = FaultRequest(vcpu: 0, space: .systemManagement, address: 5 << 12, code: [.write, .user])
    let (result, events) = run(request, &cache)
    #expect(result == .emulate)
    guard case .markMMIO(let gfn, _, let seen, let generation) = events.last else { fatalError() }
    #expect(gfn == GFN(5) && seen == access && generation == 1)
    #expect(cache.gfn == GFN(5) && cache.generation == remembered)
    request.code = [.write, .user, .reserved, .present]
    let hit = run(request, &cache).events
    // Slots of the normal address space change: what is remembered is stale where its generation is that space's.
    mmu.generations[0] = 6
    let later = run(request, &cache).events
    #expect(hit == [] && later.count == (version == .linux73 ? 0 : 2))
  }

  @Test("a reserved bit on private memory: out to userspace, no MMIO", arguments: [KernelVersion.linux612, .linux73])
  mutating func reservedPrivate(_ version: KernelVersion) {
    make(version)
    mmu.store(SPTELocation(root, 5), mmu.format.mmio(GFN(5), generation: 0, access: .all))
    var cache = MMIOCache()
    let request = FaultRequest(vcpu: 0, address: 5 << 12, code: [.reserved, .private])
    let (result, events) = run(request, &cache)
    #expect(result == .exit && events == [])
    let names = mmu.collectChecks().map(\.name)
    #expect(names == [KernelAssertion.reservedPrivate.rawValue])
  }

  @Test(
    "a prefetch is as fast as a fault: without A bits it gives access back before any lock",
    arguments: [KernelVersion.linux612, .linux616, .linux73])
  mutating func prefetch(_ version: KernelVersion) {
    var format = SPTEFormat.ept
    format.usesAccessedDirty = false
    make(version, format)
    let location = SPTELocation(root, 5)
    let plain = leaf()
    mmu.store(location, mmu.format.trackingAccess(plain))
    _ = mmu.lock.acquire(.write)
    var cache = MMIOCache()
    var request = FaultRequest(vcpu: 0, address: 5 << 12, code: FaultCode(rawValue: 1 << 32))
    request.isPrefetch = true
    let (result, events) = run(request, &cache)
    #expect(result == .fixed && events.count == 1)
    #expect(mmu.tables[location] == plain.clearing(SPTE.writableBit))
  }

  @Test(
    "aging visits invalid roots until 6.12, and since 7.3 it leaves an entry alone that has changed since it was read",
    arguments: [KernelVersion.linux612, .linux616, .linux73])
  mutating func aging(_ version: KernelVersion) {
    make(version)
    let location = SPTELocation(root, 5)
    let plain = leaf()
    for isInvalid in [false, true] {
      mmu.tables[root].isInvalid = isInvalid
      mmu.store(location, plain)
      let changed = TraceEvent.spteChanged(
        .normal, GFN(5), .page4K, old: plain, new: plain.clearing(mmu.format.accessed))
      let events = age { _ in }
      #expect(events == (isInvalid && version != .linux612 ? [] : [changed]))
    }
    mmu.tables[root].isInvalid = false
    let clean = plain.clearing(mmu.format.dirty)
    mmu.store(location, clean)
    // The hardware sets D between the look and the write.
    let events = age { $0.store(location, plain) }
    let isKept = version == .linux73
    #expect(
      events
        == (isKept
          ? [] : [.spteChanged(.normal, GFN(5), .page4K, old: plain, new: plain.clearing(mmu.format.accessed))]))
    #expect(mmu.tables[location] == (isKept ? plain : plain.clearing(mmu.format.accessed)))
    let checks = mmu.collectChecks()
    #expect(checks == [])
  }

  /// Ages all frames; `meddle` runs once, right before the first entry is written. Lockless kernels do it while others write.
  private mutating func age(_ meddle: (inout TDPMMU) -> Void) -> [TraceEvent] {
    let isLockless = mmu.version.agingLock == nil
    if isLockless { _ = mmu.lock.acquire(.write) }
    defer { if isLockless { mmu.lock.release(.write) } }
    var walk = mmu.aging(Self.range)
    var events: [TraceEvent] = []
    var hasMeddled = false
    while true {
      switch walk.step(&mmu) {
      case .event(let event): events.append(event)
      case .finished: return events
      case .silent where walk.walk?.isArmed == true && !hasMeddled:
        hasMeddled = true
        meddle(&mmu)
      default: continue
      }
    }
  }

  @Test(
    "a fault without a slot meets a leaf that it may not use: an MMIO entry takes its place, and since 7.3 TLBs are flushed",
    arguments: [KernelVersion.linux612, .linux73])
  mutating func lateMMIO(_ version: KernelVersion) {
    make(version)
    let location = SPTELocation(root, 5)
    mmu.store(location, leaf().clearing(SPTE.writableBit))
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: 5 << 12, code: [.write, .user]), root: root)
    var flushes: [FrameRange?] = []
    while fault.result == nil {
      switch fault.step(&mmu, &cache) {
      case .flush(let range): flushes.append(range)
      case .asks where fault.question == .slot: fault.answer(isDirtyTracked: false)
      case .asks: fault.answer(.noSlot)
      default: continue
      }
    }
    #expect(fault.result == .emulate)
    #expect(mmu.tables[location] == mmu.format.mmio(GFN(5), generation: 0, access: .all))
    #expect(flushes == (version == .linux73 ? [FrameRange(start: 5, end: 6)] : []))
    let checks = mmu.collectChecks()
    #expect(checks == [])
  }

  @Test(
    "a prefetch whose slot is on its way out: it starts over, or fails since 6.19",
    arguments: [
      (KernelVersion.linux612, FaultResult.retry), (.linux616, .retry), (.linux619, .exit), (.linux73, .exit),
    ])
  mutating func prefetchOfInvalidSlot(_ version: KernelVersion, _ expected: FaultResult) {
    make(version)
    var cache = MMIOCache()
    var request = FaultRequest(vcpu: 0, address: 5 << 12, code: FaultCode(rawValue: 1 << 32))
    let fault = run(request, &cache, page: .invalidSlot).result
    request.isPrefetch = true
    let prefetch = run(request, &cache, page: .invalidSlot).result
    #expect(fault == .retry && prefetch == expected)
  }

  @Test("a split drops mmu_lock to allocate its table, once for a table that is not used up")
  mutating func split() {
    make(.linux73, level: .page2M)
    let location = SPTELocation(root, 1)
    let huge = leaf(0x800, .page2M)
    mmu.store(location, huge)
    _ = mmu.lock.acquire(.read)
    let range = FrameRange(start: 0x200, end: 0x400)
    var walk = TableWalk(.split, root: root, range, lock: .read, minimum: .page2M, mmu)
    var events: [TraceEvent] = []
    var free = 0
    while true {
      let step = walk.step(&mmu)
      if mmu.lock.readers == 0 { free += 1 }
      if case .event(let event) = step {
        events.append(event)
        // Somebody writes the entry before the first table is linked.
        if events.count == 1 { mmu.store(location, huge.clearing(mmu.format.accessed)) }
      }
      if case .finished = step { break }
    }
    #expect(free == 1)
    #expect(mmu.lock.isHeld(.read))
    #expect(
      events.map(\.name) == [
        "kvm_mmu_get_page", "kvm_mmu_split_huge_page", "kvm_mmu_get_page", "kvm_tdp_mmu_spte_changed",
        "kvm_mmu_split_huge_page",
      ])
    guard case .splitHugePage(_, _, _, let lost) = events[1], case .splitHugePage(_, _, _, let won) = events[4] else {
      fatalError()
    }
    #expect(lost == -16 && won == 0)
  }

  @Test("what is to be split may be gone when mmu_lock is held again: no event")
  mutating func splitOfZapped() {
    make(.linux73, level: .page2M)
    mmu.store(SPTELocation(root, 1), leaf(0x800, .page2M))
    _ = mmu.lock.acquire(.read)
    let range = FrameRange(start: 0x200, end: 0x400)
    var walk = TableWalk(.split, root: root, range, lock: .read, minimum: .page2M, mmu)
    while mmu.lock.readers == 1 { _ = walk.step(&mmu) }
    let isWritten = mmu.lock.acquire(.write)
    #expect(isWritten)
    guard case .blocked = walk.step(&mmu) else { fatalError() }
    mmu.store(SPTELocation(root, 1), .nonpresent)
    mmu.lock.release(.write)
    loop: while true {
      switch walk.step(&mmu) {
      case .finished: break loop
      case .silent: continue
      default: fatalError()
      }
    }
    #expect(mmu.tables.count == 1)
  }

  @Test(
    "the end of a swap at which MMIO generations start over zaps everything once, inside of the swap",
    arguments: [(KernelVersion.linux612, 1 << 19 as UInt64), (.linux73, 1 << 18)], [4 as UInt64, 512])
  mutating func wrap(_ room: (version: KernelVersion, limit: UInt64), below: UInt64) {
    mmu = TDPMMU(room.version, .npt)
    mmu.generations = [room.limit - 2, 5]
    #expect(mmu.wrapsGeneration(adding: 2) && !mmu.wrapsGeneration(adding: 1))
    mmu.beginSwap()
    #expect(mmu.wrapsGeneration(adding: 2))
    mmu.endSwap(adding: 2)
    #expect(!mmu.wrapsGeneration(adding: 2))
    let schedule = MMUSchedule(seed: 5, length: 4000)
    // With private memory no deletion zaps everything.
    var host = MMUHost(room.version, seed: 5, features: .privateMemory)
    host.mmu.generations = [room.limit - below, room.limit - below + 1]
    host.recording = []
    for agent in schedule.agents { host.step(Int(agent)) }
    host.finish()
    let checks = host.collectChecks()
    #expect(checks == [])
    let zaps = host.recording?.count { event in
      if case .mmu(.zapAllFast) = event.content { true } else { false }
    }
    #expect(zaps == (below == 4 ? 1 : 0))
    #expect((host.mmu.generations[0] < room.limit) == (below == 512))
  }
}
