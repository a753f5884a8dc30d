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
}
