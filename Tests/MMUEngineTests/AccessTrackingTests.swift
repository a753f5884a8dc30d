/// Access tracking where the hardware has no accessed bits: RWX go, R and X are kept aside, a fast fault brings them back.
import MMUEngine
import Testing

@Suite("Access tracking")
struct AccessTrackingTests {
  private var mmu: TDPMMU
  private let root: TableID
  private let leaf: SPTE
  /// What is left of the leaf when its access is tracked: R at bit 54, X at bit 56.
  private var tracked: SPTE { leaf.clearing(7).setting(1 << 54 | 1 << 56) }

  init() {
    var format = SPTEFormat.ept
    format.usesAccessedDirty = false
    mmu = TDPMMU(.linux612, format)
    root = mmu.makeRoot(RootRole(level: .page4K)).0
    leaf = format.leaf(LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: true, old: .nonpresent), .always)
    mmu.tables[SPTELocation(root, 1)] = leaf
  }

  private var entry: SPTE { mmu.tables[SPTELocation(root, 1)] }

  /// Runs a fault until it has a result or wants to know the page, which a fast one never does.
  private mutating func fault(_ code: FaultCode) -> FaultResult? {
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: 1 << 12, code: code), root: root)
    while fault.result == nil, fault.question != .page {
      guard case .asks = fault.step(&mmu, &cache) else { continue }
      fault.answer(isDirtyTracked: false)
    }
    return fault.result
  }

  private mutating func age() -> [TraceEvent] {
    var events: [TraceEvent] = []
    var walk = TableWalk(.age, root: root, FrameRange(start: 0, end: 512), lock: .write, minimum: .page4K, mmu)
    while true {
      switch walk.step(&mmu) {
      case .event(let event): events.append(event)
      case .finished: return events
      default: continue
      }
    }
  }

  @Test("the bits: no A, no D, bit 52; tracking keeps everything but RWX, and twice is once")
  func bits() {
    #expect(leaf == SPTE(rawValue: 0x8610_0000_0080_0877))
    #expect(mmu.format.trackingAccess(leaf) == tracked)
    #expect(mmu.format.trackingAccess(tracked) == tracked)
    #expect(mmu.format.isAccessTracked(tracked) && !mmu.format.isAccessTracked(leaf))
    #expect(mmu.format.restoringAccess(tracked) == leaf.clearing(SPTE.writableBit))
    #expect(!mmu.format.allows(.read, tracked) && tracked.isPresent && mmu.format.isVolatile(tracked))
  }

  @Test("aging tracks a leaf once")
  mutating func aging() {
    let events = age()
    #expect(events == [.spteChanged(.normal, GFN(1), .page4K, old: leaf, new: tracked)])
    #expect(entry == tracked)
    #expect(age() == [])
  }

  @Test("a read brings R and X back, a write W as well, each without mmu_lock")
  mutating func restoring() {
    mmu.tables[SPTELocation(root, 1)] = tracked
    #expect(fault(.user) == .fixed)
    #expect(entry == leaf.clearing(SPTE.writableBit))
    #expect(fault([.present, .write, .user]) == .fixed)
    #expect(entry == leaf)
    mmu.tables[SPTELocation(root, 1)] = tracked
    #expect(fault([.write, .user]) == .fixed)
    #expect(entry == leaf)
    #expect(mmu.collectChecks() == [])
  }

  @Test("what the host maps read-only gets no W back: the fault is not fast, and nothing changes")
  mutating func readOnly() {
    let plain = mmu.format.leaf(
      LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: false, old: .nonpresent), .always)
    let hidden = mmu.format.trackingAccess(plain)
    mmu.tables[SPTELocation(root, 1)] = hidden
    #expect(fault([.write, .user]) == nil)
    #expect(entry == hidden)
    #expect(fault(.user) == .fixed)
    #expect(entry == plain)
  }

  @Test("with A bits an entry is never tracked, and a fault on what is not present is not fast")
  mutating func withAccessedBits() {
    mmu.format.usesAccessedDirty = true
    let plain = mmu.format.leaf(
      LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: true, old: .nonpresent), .always)
    #expect(mmu.format.trackingAccess(plain) == plain.clearing(1 << 8))
    mmu.tables[SPTELocation(root, 1)] = plain.clearing(7)
    #expect(fault(.user) == nil)
    #expect(entry == plain.clearing(7))
  }

  @Test("a prefetched leaf begins tracked")
  func prefetch() {
    var request = LeafRequest(pfn: PFN(0x800), level: .page4K, isHostWritable: true, old: .nonpresent)
    request.isPrefetch = true
    #expect(mmu.format.leaf(request, .always) == tracked)
  }
}
