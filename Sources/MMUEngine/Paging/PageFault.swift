/// A page fault on the TDP MMU, from the exit to its result, one micro-step at a time.
///
/// The first half runs without mmu_lock: an MMIO entry may answer at once, a fast fault may fix W by one exchange, the slot and
/// the host's page are looked up. Then mmu_lock is taken for read, and everything that was looked up is worth something only if
/// the stale check passes: the root is valid and no invalidation has touched the frame. `PageFault+Map` is the second half.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_mmu_page_fault, kvm_tdp_mmu_page_fault, kvm_mmu_faultin_pfn.

/// Error code bits of a page fault (PFERR_*) that the MMU looks at.
package struct FaultCode: OptionSet, Hashable, Sendable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package static let present = FaultCode(rawValue: 1)
  package static let write = FaultCode(rawValue: 2)
  package static let user = FaultCode(rawValue: 4)
  package static let reserved = FaultCode(rawValue: 8)
  package static let fetch = FaultCode(rawValue: 16)
  /// The RMP refused an access that the nested page tables allow.
  package static let reverseMap = FaultCode(rawValue: 1 << 31)
  /// The access of the guest itself, not of its walk through its own page tables.
  package static let guestFinal = FaultCode(rawValue: 1 << 32)
  package static let `private` = FaultCode(rawValue: 1 << 49)

  /// What the guest did.
  package var access: FaultAccess { contains(.fetch) ? .execute : contains(.write) ? .write : .read }

  /// The exit qualification of an EPT violation in these terms. Source: `__vmx_handle_ept_violation`.
  package static func qualification(_ bits: UInt64, _ rule: KernelVersion.ViolationCode) -> FaultCode {
    var code: FaultCode = []
    if bits & 2 != 0 { code.insert(.write) }
    if bits & 4 != 0 { code.insert(.fetch) }
    if bits & 0x38 != 0 { code.insert(.present) }
    let isAddressValid = bits & 1 << 7 != 0
    let isTranslated = bits & 1 << 8 != 0
    if isAddressValid { code.insert(FaultCode(rawValue: isTranslated ? 1 << 32 : 1 << 33)) }
    switch rule {
    case .userIfRead: if bits & 1 != 0 { code.insert(.user) }
    case .userIfGuestUser: if isAddressValid, isTranslated, bits & 1 << 9 != 0 { code.insert(.user) }
    }
    return code
  }
}

/// What a vCPU remembers of its last MMIO access; a hit needs no walk and leaves no trace.
package struct MMIOCache: Hashable, Sendable {
  package var gfn: GFN?
  package var generation: UInt64 = 0

  package init() {}

  /// `vcpu_match_mmio_gpa`: frame 0 is never a hit.
  func hits(_ gfn: GFN, _ generation: UInt64) -> Bool {
    self.gfn == gfn && gfn.rawValue != 0 && self.generation == generation
  }

  /// `vcpu_cache_mmio_info`: nothing is remembered while memslots are being swapped.
  mutating func remember(_ gfn: GFN, _ generation: UInt64) {
    guard generation & generationInProgress == 0 else { return }
    self.gfn = gfn
    self.generation = generation
  }
}

/// The bit of a memslot generation that says that a swap is going on.
package let generationInProgress: UInt64 = 1 << 63

/// The faulting access.
package struct FaultRequest: Hashable, Sendable {
  package var vcpu: Int
  package var space: AddressSpace = .normal
  /// As the hardware reported it.
  package let address: UInt64
  /// The frame of the address; the fault takes the shared bit out of it.
  package var gfn: GFN
  package var code: FaultCode
  /// Asked for by KVM_PRE_FAULT_MEMORY.
  package var isPrefetch = false

  package init(vcpu: Int, space: AddressSpace = .normal, address: UInt64, code: FaultCode) {
    self.vcpu = vcpu
    self.space = space
    self.address = address
    self.code = code
    gfn = GFN(address >> 12)
  }
}

/// What resolving a frame came to.
package enum FaultPage: Hashable, Sendable {
  /// The host's page and how the host maps it; `limit` is the largest size that slot, attributes and host allow.
  case page(PFN, isWritable: Bool, limit: Level)
  /// No memslot: MMIO.
  case noSlot
  /// The slot is being deleted or moved.
  case invalidSlot
  /// An error or a signal: the vCPU goes out to userspace.
  case exit
}

/// How a fault ended.
package enum FaultResult: Hashable, Sendable {
  case retry
  case emulate
  case writeProtected
  case fixed
  case spurious
  case exit
}

package struct PageFault: Sendable {
  enum Phase: Hashable, Sendable {
    case begin
    case slot
    case fast(tries: Int)
    case fastExchange(SPTELocation, old: SPTE, new: SPTE, tries: Int)
    case fastDone(FaultResult?, SPTELocation, SPTE)
    case snapshot
    case resolve
    case lock
    case stale
    case walk
    case start
    case link(TableID)
    case linked(TableID, wasHuge: SPTE?)
    case splitFailed(SPTE, TableID)
    case target
    /// A private entry is FROZEN; the module's own comes next.
    case hook(SPTE, linking: TableID?)
    case thaw(SPTE, linking: TableID?, HookResult)
    case installed(SPTE, old: SPTE)
    case traceInstalled(SPTE)
    case unlock(FaultResult)
    case done(FaultResult)
  }

  package var request: FaultRequest
  /// The vCPU's root when it faulted; `none` is the kernel's INVALID_PAGE.
  package let root: TableID
  /// The root that decides whether the fault is obsolete: the direct one, for private faults too.
  package let direct: TableID
  var phase = Phase.begin
  /// `kvm_slot_dirty_track_enabled(fault->slot)`; asked at the beginning.
  var isDirtyTracked = false
  /// Whether the access is of another kind (private, shared) than the frame's attribute said at the beginning.
  var isMismatched = false
  var snapshot: UInt64 = 0
  var page = FaultPage.exit
  var goal = Level.page4K
  /// What is wanted before the NX mitigation has its say.
  var wanted = Level.page4K
  var iterator: TDPIterator?
  var aftermath: ChangeAftermath?
  /// Frames to flush before the fault goes on.
  var flush: FrameRange?

  package init(_ request: FaultRequest, root: TableID, direct: TableID? = nil) {
    self.request = request
    self.root = root
    self.direct = direct ?? root
  }

  /// What the fault wants to know when it `asks`.
  package enum Question: Hashable, Sendable {
    case slot
    case page
  }

  package var question: Question? {
    switch phase {
    case .slot: .slot
    case .resolve: .page
    default: nil
    }
  }

  /// The result once it has finished.
  package var result: FaultResult? {
    if case .done(let result) = phase { result } else { nil }
  }

  /// Whether mmu_lock is held for read.
  package var holdsLock: Bool {
    switch phase {
    case .begin, .slot, .fast, .fastExchange, .fastDone, .snapshot, .resolve, .lock, .done: false
    case .stale, .walk, .start, .link, .linked, .splitFailed, .target, .hook, .thaw, .installed, .traceInstalled,
      .unlock:
      true
    }
  }

  /// Whether the next step reads and writes nothing, so that it may have been done before what others have done since.
  package var readsOnly: Bool {
    switch phase {
    case .begin, .slot, .fast, .snapshot, .start: true
    case .walk: iterator != nil
    // Once the link's own events are out the walk goes on below it.
    case .linked: aftermath?.isDone ?? true
    case .fastExchange, .fastDone, .resolve, .lock, .stale, .link, .splitFailed, .target, .hook, .thaw,
      .installed, .traceInstalled, .unlock, .done:
      false
    }
  }

  /// Whether nothing has been looked at yet.
  package var isAtBeginning: Bool { phase == .begin }

  /// The level that the page is to be mapped at.
  package var goalLevel: Level { goal }

  /// Whether the frame has no slot.
  package var isMMIO: Bool { page == .noSlot }

  /// The host's frame, once resolved.
  package var pageFrame: PFN? {
    if case .page(let frame, _, _) = page { frame } else { nil }
  }

  /// The sequence number that was current when the page was resolved.
  package var snapshotOfSequence: UInt64 { snapshot }

  /// Corrects what was said about the host's mapping, before the entry is made.
  package mutating func setHostWritable(_ isWritable: Bool) {
    if case .page(let frame, _, let limit) = page { page = .page(frame, isWritable: isWritable, limit: limit) }
  }

  package mutating func answer(isDirtyTracked: Bool, isMismatched: Bool = false) {
    self.isDirtyTracked = isDirtyTracked
    self.isMismatched = isMismatched
    phase = .fast(tries: 0)
  }

  package mutating func answer(_ page: FaultPage) {
    self.page = page
    phase = .lock
  }

  package mutating func step(_ mmu: inout TDPMMU, _ cache: inout MMIOCache) -> MicroStep {
    switch phase {
    case .begin: return begin(&mmu, &cache)
    case .slot, .resolve: return .asks
    case .fast(let tries): return fast(tries, &mmu)
    case .fastExchange(let location, let old, let new, let tries): return exchangeFast(location, old, new, tries, &mmu)
    case .fastDone(let result, let location, let old): return traceFast(result, location, old, mmu)
    case .snapshot: return takeSnapshot(&mmu)
    case .lock: return lock(&mmu, &cache)
    case .stale: return checkStale(&mmu)
    case .walk: return walk(&mmu)
    case .start: return startWalk(&mmu)
    case .link(let table): return link(table, &mmu)
    case .linked(let table, let huge): return traceLinked(table, huge, &mmu)
    case .splitFailed(let huge, let table): return traceSplitFailure(huge, table, &mmu)
    case .target: return install(&mmu)
    case .hook(let new, let table): return callHook(new, linking: table, &mmu)
    case .thaw(let new, let table, let result): return thaw(new, linking: table, result, &mmu)
    case .installed(let new, let old): return finishInstall(new, old, &mmu)
    case .traceInstalled(let new): return traceInstalled(new, &mmu)
    case .unlock(let result):
      mmu.lock.release(.read)
      phase = .done(result)
      return .silent
    case .done: return .finished
    }
  }

  /// The frame is one that slots know, whatever the address was; what it resolves to is worth something from here on.
  ///
  /// Source: `kvm_mmu_faultin_pfn`.
  private mutating func takeSnapshot(_ mmu: inout TDPMMU) -> MicroStep {
    if request.gfn.rawValue & mmu.directBits != 0 {
      mmu.report(.frameAlias, "gfn \(request.gfn.rawValue) has the shared bit")
      return finish(.exit)
    }
    if mmu.has(.snapshotAfterPage) { snapshot = .max } else { snapshot = mmu.invalidation.sequence }
    phase = .resolve
    return .silent
  }

  /// A vCPU that faults has a root. A reserved bit is set: an MMIO entry, if its generation is still the memslots'. Source: `handle_mmio_page_fault`.
  private mutating func begin(_ mmu: inout TDPMMU, _ cache: inout MMIOCache) -> MicroStep {
    guard root != .none else {
      mmu.report(.rootMissing, "vCPU \(request.vcpu) faults at gfn \(request.gfn.rawValue)")
      return finish(.retry)
    }
    request.gfn = GFN(request.gfn.rawValue & ~mmu.directBits)
    phase = .slot
    guard request.code.contains(.reserved) else { return .silent }
    if request.code.contains(.private) {
      mmu.report(.reservedPrivate, "gfn \(request.gfn.rawValue)")
      return finish(.exit)
    }
    if cache.hits(request.gfn, mmu.cacheGeneration(request.space)) { return finish(.emulate) }
    let generation = mmu.generations[Int(request.space.rawValue)]
    let entry = mmu.lookup(direct, request.gfn).entry
    guard mmu.format.isMMIO(entry) else { return finish(.retry) }
    guard generation & generationInProgress == 0 else { return .silent }
    let current = generation & mmu.format.generationMask
    let marked = mmu.format.mmioGeneration(entry)
    let isValid = current == marked || mmu.has(.generationUnchecked)
    if isValid {
      cache.remember(mmu.format.mmioFrame(entry), mmu.cacheGeneration(request.space))
      phase = .done(.emulate)
      mmioHit = entry
    }
    return .event(.checkMMIO(entry, current: current, entry: marked, isValid: isValid))
  }

  /// The valid MMIO entry whose own event is still to come.
  private var mmioHit: SPTE?

  /// The second event of a valid MMIO entry; nil when there is none. Source: `trace_handle_mmio_page_fault`.
  package mutating func takeMMIOEvent(_ format: SPTEFormat) -> TraceEvent? {
    guard let entry = mmioHit else { return nil }
    mmioHit = nil
    let access = UInt8(truncatingIfNeeded: entry.rawValue & format.mmioAccess)
    return .handleMMIO(address: 0, format.mmioFrame(entry), access: access)
  }

  private mutating func finish(_ result: FaultResult) -> MicroStep {
    phase = .done(result)
    return .silent
  }

  /// mmu_lock for read. No slot means MMIO, remembered at once. Source: `kvm_handle_noslot_fault`.
  private mutating func lock(_ mmu: inout TDPMMU, _ cache: inout MMIOCache) -> MicroStep {
    switch page {
    case .exit: return finish(.exit)
    case .invalidSlot: return finish(request.isPrefetch && mmu.version.prefetchOfInvalidSlot == .fails ? .exit : .retry)
    case .page: break
    case .noSlot:
      cache.remember(request.gfn, mmu.cacheGeneration(request.space))
      if mmu.format.mmioMask == 0 || request.gfn.rawValue >= mmu.frameLimit { return finish(.emulate) }
    }
    guard mmu.lock.acquire(.read) else { return .blocked }
    phase = .stale
    return .silent
  }

  /// Whether what was resolved still counts. Source: `is_page_fault_stale`.
  ///
  /// Who interferes: whoever held mmu_lock for write since the snapshot. Now nobody does until the unlock.
  private mutating func checkStale(_ mmu: inout TDPMMU) -> MicroStep {
    phase = .walk
    if mmu.tables[direct].isInvalid, !mmu.has(.obsoleteRootUsed) {
      phase = .unlock(.retry)
    } else if case .page = page, mmu.invalidation.isStale(snapshot, request.gfn), snapshot != .max,
      !mmu.has(.staleCheckSkipped)
    {
      phase = .unlock(.retry)
    }
    return .silent
  }
}
