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

  @Test("the fast zap wants slots_lock", arguments: [true, false, nil])
  mutating func slotsLock(isHeld: Bool?) {
    mmu.isSlotsLockHeld = isHeld
    var zap = FastZap()
    while true { if case .finished = zap.step(&mmu) { break } }
    #expect(names() == (isHeld == false ? [KernelAssertion.slotsLock.rawValue] : []))
  }

  /// Runs a change of attributes; `damage` happens while its zap is through and nothing is stored yet.
  private mutating func names(
    of kind: AttributeChange.Kind, hasPrivateMemory: Bool = true, _ damage: (inout MemoryAttributes) -> Void = { _ in }
  ) -> (names: [String], attributes: MemoryAttributes) {
    var attributes = MemoryAttributes()
    var change = AttributeChange(range, to: kind, hasPrivateMemory: hasPrivateMemory)
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

  @Test("without memory nothing is zapped and nothing changes")
  mutating func noMemory() {
    var attributes = MemoryAttributes()
    attributes.isOutOfMemory = true
    var change = AttributeChange(range, to: .private, hasPrivateMemory: true)
    while true { if case .finished = change.step(&mmu, &attributes) { break } }
    #expect(change.result == .outOfMemory)
    #expect(mmu.invalidation.sequence == 0)
    #expect(!attributes.isPrivate(GFN(1)))
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
