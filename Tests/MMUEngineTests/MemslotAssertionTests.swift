/// Assertions about what memslot calls, notifiers and attribute changes owe the MMU: each is raised by its own wrong use, and
/// not by the right one beside it.
import MMUEngine
import Testing

@Suite("Assertions of invalidations, memslot swaps and attribute changes")
struct MemslotAssertionTests {
  private var mmu = TDPMMU(.linux616, .npt)
  private let range = FrameRange(start: 1, end: 2)

  private mutating func names() -> [String] { mmu.collectChecks().map(\.name) }

  @Test("an invalidation that ends has begun, once each")
  mutating func balance() {
    mmu.invalidation.begin()
    mmu.addInvalidated(range)
    mmu.endInvalidation()
    #expect(names() == [])
    mmu.endInvalidation()
    #expect(names() == [KernelAssertion.invalidationBalance.rawValue])
  }

  @Test("an invalidation begins under mmu_lock held for write", arguments: [nil, MMULockMode.read, .write])
  mutating func lock(mode: MMULockMode?) {
    if let mode { _ = mmu.lock.acquire(mode) }
    mmu.beginInvalidation()
    #expect(names() == (mode == .write ? [] : [KernelAssertion.invalidationLock.rawValue]))
  }

  @Test("an invalidation that ends was about some frames")
  mutating func empty() {
    mmu.invalidation.begin()
    mmu.addInvalidated(range)
    mmu.invalidation.begin()
    mmu.endInvalidation()
    mmu.endInvalidation()
    #expect(names() == [])
    mmu.invalidation.begin()
    mmu.endInvalidation()
    #expect(names() == [KernelAssertion.invalidationEmpty.rawValue])
  }

  @Test("leaves of a range go inside of an invalidation or under slots_lock")
  mutating func unmap() {
    mmu.isSlotsLockHeld = true
    _ = mmu.unmapping(.all, range)
    mmu.isSlotsLockHeld = false
    mmu.invalidation.begin()
    _ = mmu.unmapping(.all, range)
    #expect(names() == [])
    mmu.addInvalidated(range)
    mmu.endInvalidation()
    _ = mmu.unmapping(.all, range)
    #expect(names() == [KernelAssertion.unmapUnprotected.rawValue])
    mmu.isSlotsLockHeld = nil
    _ = mmu.unmapping(.all, range)
    #expect(names() == [])
  }

  @Test("a swap of memslots does not begin inside of another")
  mutating func generations() {
    mmu.beginSwap()
    mmu.endSwap(adding: 2)
    mmu.beginSwap()
    #expect(names() == [])
    mmu.beginSwap()
    #expect(names() == [KernelAssertion.nestedGeneration.rawValue])
    mmu.endSwap(adding: 2)
    #expect(mmu.generations == [4, 5])
  }

  /// Runs a fast zap under slots_lock or without; `isHeldLater`: what becomes of slots_lock once mmu_lock is held.
  private mutating func fastZap(isHeld: Bool?, isHeldLater: Bool?) -> [String] {
    mmu.isSlotsLockHeld = isHeld
    var zap = FastZap()
    _ = zap.step(&mmu)
    #expect(mmu.lock.isHeld(.write))
    mmu.isSlotsLockHeld = isHeldLater
    while true { if case .finished = zap.step(&mmu) { break } }
    return names()
  }

  @Test("the fast zap wants slots_lock where it begins")
  mutating func slotsLock() {
    #expect(fastZap(isHeld: true, isHeldLater: true) == [])
    #expect(fastZap(isHeld: nil, isHeldLater: nil) == [])
    #expect(fastZap(isHeld: false, isHeldLater: true) == [KernelAssertion.slotsLock.rawValue])
  }

  @Test("and where it comes to pages of the old generation")
  mutating func obsoletePages() {
    let obsolete = KernelAssertion.obsoletePagesSlotsLock.rawValue
    #expect(fastZap(isHeld: true, isHeldLater: nil) == [])
    #expect(fastZap(isHeld: true, isHeldLater: false) == [obsolete])
    #expect(fastZap(isHeld: false, isHeldLater: false) == [KernelAssertion.slotsLock.rawValue, obsolete])
  }

  @Test("contents go into a file's page under slots_lock", arguments: [true, false, nil])
  mutating func populate(isHeld: Bool?) {
    mmu.isSlotsLockHeld = isHeld
    mmu.secureEPT = TDXHost.trustDomain(for: .linux616)
    mmu.beginImagePage(GFN(1), PFN(0x1000))
    #expect(mmu.secureEPT?.vm?.population?.page == PFN(0x1000))
    #expect(names() == (isHeld == false ? [KernelAssertion.populateSlotsLock.rawValue] : []))
  }

  @Test("what comes of changed attributes wants slots_lock", arguments: [true, false, nil])
  mutating func attributesSlotsLock(isHeld: Bool?) {
    mmu.isSlotsLockHeld = isHeld
    #expect(names(of: .private).names == (isHeld == false ? [KernelAssertion.attributesSlotsLock.rawValue] : []))
  }

  /// The caller of such a walk holds the lock, or says that it does.
  @Test("a walk over the roots wants mmu_lock", arguments: [nil, .read, .write] as [MMULockMode?])
  mutating func rootWalk(mode: MMULockMode?) {
    if let mode { _ = mmu.lock.acquire(mode) }
    var walk = RootsWalk(.zapLeaves, .all, range, lock: mode ?? .write, locks: false)
    _ = walk.step(&mmu)
    #expect(names() == (mode == nil ? [KernelAssertion.rootWalkLock.rawValue] : []))
  }

  /// Runs a change of attributes; `damage` happens while its zap is through and nothing is stored yet.
  private mutating func names(
    of kind: AttributeChange.Kind, hasPrivateMemory: Bool = true, _ damage: (inout MemoryAttributes) -> Void = { _ in }
  ) -> (names: [String], attributes: MemoryAttributes) {
    var attributes = MemoryAttributes()
    if kind == .shared { _ = attributes.store(GFN(1), isPrivate: true) }
    var change = AttributeChange(range, to: kind, slots: [range], hasPrivateMemory: hasPrivateMemory)
    while !mmu.lock.isHeld(.write) { _ = change.step(&mmu, &attributes) }
    while mmu.lock.isHeld(.write) { _ = change.step(&mmu, &attributes) }
    damage(&attributes)
    while true { if case .finished = change.step(&mmu, &attributes) { break } }
    return (names(), attributes)
  }

  @Test("attributes change in VMs that have private memory, and what room was made for can be stored")
  mutating func attributes() {
    let right = names(of: .private)
    #expect(right.names == [])
    #expect(right.attributes.isPrivate(GFN(1)))
    #expect(mmu.invalidation.sequence == 1)
    #expect(names(of: .shared).names == [])
    #expect(names(of: .shared, hasPrivateMemory: false).names == [KernelAssertion.attributesWithoutPrivate.rawValue])
    let roomLeft = names(of: .private) { $0.isOutOfMemory = true }
    #expect(roomLeft.names == [])
    let roomGone = names(of: .private) {
      $0.release(GFN(1))
      $0.isOutOfMemory = true
    }
    #expect(roomGone.names == [KernelAssertion.attributeNotStored.rawValue])
  }

  /// Runs a change of attributes and says which ranges were being invalidated while mmu_lock was held first.
  private mutating func convert(
    _ range: FrameRange, to kind: AttributeChange.Kind, slots: [FrameRange], _ attributes: inout MemoryAttributes
  ) -> FrameRange? {
    var change = AttributeChange(range, to: kind, slots: slots, hasPrivateMemory: true)
    var announced: FrameRange?
    while true {
      if case .finished = change.step(&mmu, &attributes) { return announced }
      if mmu.invalidation.inProgress > 0 { announced = mmu.invalidation.range }
    }
  }

  @Test("a conversion announces the huge pages that it makes mixed, if they lie in the slot and are not mixed already")
  mutating func widened() {
    var attributes = MemoryAttributes()
    let slot = FrameRange(start: 0x200, end: 0x700)
    let within = FrameRange(start: 0x3F0, end: 0x410)
    let first = convert(within, to: .private, slots: [slot], &attributes)
    #expect(first == FrameRange(start: 0x200, end: 0x600))
    #expect(mmu.mixed.contains(GFN(0x3FF), .page2M) && mmu.mixed.contains(GFN(0x400), .page2M))
    #expect(!mmu.mixed.contains(GFN(0x600), .page2M) && !mmu.mixed.contains(GFN(0x200), .page1G))
    let again = FrameRange(start: 0x3F0, end: 0x3F8)
    #expect(convert(again, to: .shared, slots: [slot], &attributes) == again)
    let tail = FrameRange(start: 0x680, end: 0x690)
    #expect(convert(tail, to: .private, slots: [slot], &attributes) == tail)
    #expect(!mmu.mixed.contains(GFN(0x680), .page2M))
    let all = FrameRange(start: 0x200, end: 0x600)
    #expect(convert(all, to: .private, slots: [slot], &attributes) == all)
    #expect(!mmu.mixed.contains(GFN(0x200), .page2M) && !mmu.mixed.contains(GFN(0x400), .page2M))
    #expect(names() == [])
  }

  @Test("a huge page of 1 GiB is mixed when its parts are, or differ")
  mutating func mixedGigabyte() {
    var attributes = MemoryAttributes()
    let slot = FrameRange(start: 0, end: 1 << 18)
    let half = FrameRange(start: 0, end: 0x200)
    #expect(convert(half, to: .private, slots: [slot], &attributes) == slot)
    #expect(!mmu.mixed.contains(GFN(0), .page2M) && mmu.mixed.contains(GFN(0), .page1G))
    #expect(convert(half, to: .shared, slots: [slot], &attributes) == half)
    #expect(!mmu.mixed.contains(GFN(0), .page1G))
    #expect(convert(FrameRange(start: 5, end: 6), to: .private, slots: [slot], &attributes) == slot)
    #expect(mmu.mixed.contains(GFN(0), .page2M) && mmu.mixed.contains(GFN(0), .page1G))
  }

  @Test("frames that are of the kind already, or have no slot, need no invalidation")
  mutating func noInvalidation() {
    var attributes = MemoryAttributes()
    #expect(convert(range, to: .shared, slots: [range], &attributes) == nil)
    #expect(attributes == MemoryAttributes())
    let elsewhere = FrameRange(start: 0x200, end: 0x400)
    #expect(convert(range, to: .private, slots: [elsewhere], &attributes) == nil)
    #expect(attributes.isPrivate(GFN(1)))
    #expect(mmu.invalidation == InvalidationSequence())
    #expect(names() == [])
  }

  @Test("a fault maps no huge page over frames of both kinds", arguments: [false, true])
  mutating func mixedFault(isMixed: Bool) {
    var attributes = MemoryAttributes()
    let slot = FrameRange(start: 0x200, end: 0x400)
    if isMixed { _ = convert(FrameRange(start: 0x3FF, end: 0x400), to: .private, slots: [slot], &attributes) }
    let root = mmu.makeRoot(RootRole(level: .page512G)).0
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: 0x200 << 12, code: [.write, .user]), root: root)
    while fault.result == nil {
      guard case .asks = fault.step(&mmu, &cache) else { continue }
      if fault.question == .slot {
        fault.answer(isDirtyTracked: false)
      } else {
        fault.answer(.page(PFN(0x800), isWritable: true, limit: .page2M))
      }
    }
    #expect(mmu.lookup(root, GFN(0x200)).level == (isMixed ? .page4K : .page2M))
    #expect(names() == [])
  }

  @Test("a fault of the other kind than its frame's attribute is never fast", arguments: [false, true])
  mutating func mismatchedFast(isMismatched: Bool) {
    let root = mmu.makeRoot(RootRole(level: .page4K)).0
    let request = LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: true, old: .nonpresent)
    mmu.tables[SPTELocation(root, 1)] = mmu.format.leaf(request, .always).clearing(SPTE.writableBit)
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: 1 << 12, code: [.present, .write, .user]), root: root)
    while fault.question == nil { _ = fault.step(&mmu, &cache) }
    fault.answer(isDirtyTracked: false, isMismatched: isMismatched)
    while fault.result == nil, fault.question == nil { _ = fault.step(&mmu, &cache) }
    #expect(fault.result == (isMismatched ? nil : .fixed))
    #expect(mmu.tables[SPTELocation(root, 1)].isWritable == !isMismatched)
  }

  @Test("without memory nothing is zapped and nothing changes")
  mutating func noMemory() {
    var attributes = MemoryAttributes()
    attributes.isOutOfMemory = true
    var change = AttributeChange(range, to: .private, slots: [range], hasPrivateMemory: true)
    while true { if case .finished = change.step(&mmu, &attributes) { break } }
    #expect(change.result == .outOfMemory)
    #expect(mmu.invalidation.sequence == 0)
    #expect(!attributes.isPrivate(GFN(1)))
  }

  @Test("to become shared takes no memory since Linux 7.3", arguments: [KernelVersion.linux612, .linux73])
  mutating func sharedWithoutMemory(_ version: KernelVersion) {
    mmu = TDPMMU(version, .npt)
    let frames = FrameRange(start: 1, end: 3)
    var attributes = MemoryAttributes()
    let stored = attributes.store(GFN(1), isPrivate: true)
    attributes.isOutOfMemory = true
    var change = AttributeChange(frames, to: .shared, slots: [frames], hasPrivateMemory: true)
    while true { if case .finished = change.step(&mmu, &attributes) { break } }
    #expect(stored && change.result == (version == .linux73 ? .success : .outOfMemory))
    #expect(attributes.isPrivate(GFN(1)) == (version == .linux612))
    #expect(mmu.invalidation.sequence == (version == .linux73 ? 1 : 0))
  }

  @Test("memslot and guest_memfd name each other, or the slot has been forgotten")
  func bindings() throws {
    var host = GuestMemfdHost(policy: KernelPolicy([]))
    let (file, first, second) = (GuestMemfdID(0), MemslotID(0), MemslotID(1))
    try host.createFile(file)
    try host.createSlot(0, as: first, on: file)
    try host.createPlainSlot(1, as: second)
    let resolve = { (host: inout GuestMemfdHost, slot: Int) -> Outcome in
      host.make("fault") { (host) throws(MemslotRefusal) in try host.resolvePage(of: slot) }
    }
    #expect(resolve(&host, 0) == Outcome())
    #expect(resolve(&host, 1) == Outcome("-EFAULT"))
    host.files[file] = .some(nil)
    #expect(resolve(&host, 0) == Outcome("-EIO"))
    host.files[file] = .some(second)
    let outcome = resolve(&host, 0)
    #expect(outcome.status == "-EIO")
    #expect(outcome.checks.map(\.name) == [KernelAssertion.bindingMismatch.rawValue])
  }
}
