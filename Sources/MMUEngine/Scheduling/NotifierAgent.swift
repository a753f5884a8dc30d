/// The mmu notifier: the host takes a page away, protects it, or gathers a block into a huge page. Or a hole is punched into the
/// guest_memfd, which takes the same way but for the count of notifiers.
///
/// Between start and end faults on the range start over; start returns only when no vCPU can use the range any more.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_mmu_notifier_invalidate_range_start, _end; guest_memfd.c, kvm_gmem_punch_hole.
package struct NotifierAgent: Sendable {
  enum Change: Hashable, Sendable {
    case replace(UInt64)
    case protect(UInt64)
    case collapse(UInt64)
    /// Under the file's invalidate_lock.
    case punch(FrameRange)
  }

  enum Phase: Hashable, Sendable {
    case idle
    /// A host with `SNPFault.updateBeforeZap` or `updateBeforeFlush`.
    case early(then: Early)
    case lock
    case zap
    /// The flush that such a host has not asked for yet.
    case unflushed
    case flush
    case unlock
    case change
    case relock
    case end
  }

  /// What comes after an update that is too early.
  enum Early: Hashable, Sendable {
    case lock
    case flush
  }

  var phase = Phase.idle
  var change = Change.replace(0)
  var walk: RootsWalk?
  var mode = MMULockMode.write

  var isWalking: Bool { walk != nil }

  /// Whether the file's invalidate_lock is held.
  var isPunching: Bool {
    if case .punch = change { phase != .idle } else { false }
  }

  /// Whether an invalidation is in progress around the change.
  var isProtected = true

  /// What is invalidated; the whole block where a huge page is split for it.
  var range = FrameRange(start: 0, end: 0)
}

extension MMUHost {
  mutating func stepNotifier() {
    switch notifier.phase {
    case .idle: beginNotifier()
    case .early(let next):
      freePunched()
      notifier.phase = next == .lock ? .lock : .unflushed
    case .lock:
      guard mmu.lock.acquire(notifier.mode) else { return }
      mmu.beginInvalidation()
      mmu.addInvalidated(notifier.range)
      let types = mmu.rootTypes(mapping: notifier.isPunching ? .private : .shared)
      notifier.walk = mmu.unmapping(types, notifier.range, lock: notifier.mode, locks: false)
      notifier.phase = .zap
    case .zap: zapForNotifier()
    case .unflushed:
      requestFlush()
      notifier.phase = .flush
    case .flush:
      if !awaitsExits { notifier.phase = .unlock }
    case .unlock:
      mmu.lock.release(notifier.mode)
      notifier.phase = mmu.has(.invalidationEndsEarly) ? .relock : .change
    case .change:
      changeHost()
      // A file without a bound slot has no invalidation to end.
      notifier.phase = mmu.has(.invalidationEndsEarly) || !notifier.isProtected ? .idle : .relock
      if notifier.phase == .idle { endNotifier() }
    case .relock:
      guard mmu.lock.acquire(.write) else { return }
      notifier.phase = .end
    case .end:
      mmu.endInvalidation()
      mmu.lock.release(.write)
      notifier.phase = mmu.has(.invalidationEndsEarly) ? .change : .idle
      if !mmu.has(.invalidationEndsEarly) { endNotifier() }
    }
  }

  private mutating func beginNotifier() {
    guard !isEnding, choices.below(6) == 0 else { return }
    let slot = choices.below(2)
    if hasFile(slot), choices.below(2) == 0 { return beginPunch() }
    // A slot that is gone or going is not the notifier's business; its pages are the host's own.
    guard slots[slot] == .present else { return }
    let page = Self.slots[slot] + UInt64(choices.below(Int(Self.pagesPerSlot)))
    switch choices.below(6) {
    case 0 where hasRoom: notifier.change = .collapse(Self.slots[slot])
    case 1: notifier.change = .protect(page)
    default: notifier.change = .replace(page)
    }
    let isWhole = notifier.change == .collapse(Self.slots[slot]) || memory.isHuge(page & ~511)
    notifier.range =
      isWhole
      ? FrameRange(start: page & ~511, end: (page & ~511) + 512) : FrameRange(start: page, end: page + 1)
    record(3, .unmap(notifier.range))
    activeInvalidations += 1
    notifier.mode = mmu.has(.notifierLocksForRead) ? .read : .write
    notifier.isProtected = true
    notifier.phase = .lock
  }

  /// A hole in the file, of one page or, for an SNP guest, sometimes of a block; what is mapped of it goes first if a slot is bound.
  ///
  /// Source: `kvm_gmem_punch_hole`.
  private mutating func beginPunch() {
    guard !isFileLocked else { return }
    let page = Self.slots[1] + UInt64(choices.below(Int(Self.pagesPerSlot)))
    var hole = FrameRange(start: page, end: page + 1)
    if snp != nil, choices.below(4) == 0 { hole = Self.range(of: 1) }
    notifier.change = .punch(hole)
    notifier.range = widened(hole)
    forgetAccepted(hole)
    notifier.mode = mmu.has(.notifierLocksForRead) ? .read : .write
    notifier.isProtected = isBound
    notifier.phase = isBound ? .lock : .change
    if isBound, snp?.has(.updateBeforeZap) == true { notifier.phase = .early(then: .lock) }
  }

  /// Swaps of memslots wait for notifiers; for holes they do not.
  private mutating func endNotifier() {
    if case .punch = notifier.change { return checkMirror() }
    activeInvalidations -= 1
  }

  private mutating func zapForNotifier() {
    guard let step = notifier.walk?.step(&mmu) else { return }
    if case .event(let event) = step { record(3, .mmu(event)) }
    guard case .finished = step else { return }
    let needsFlush = notifier.walk?.needsFlush ?? false
    notifier.walk = nil
    if needsFlush, notifier.isPunching, snp?.has(.updateBeforeFlush) == true {
      return notifier.phase = .early(then: .flush)
    }
    if needsFlush { requestFlush() }
    notifier.phase = .flush
  }

  private mutating func changeHost() {
    switch notifier.change {
    case .replace(let page): memory.replace(page)
    case .protect(let page): memory.protect(page)
    case .collapse(let block): memory.collapse(block)
    case .punch(let hole):
      freePunched()
      for page in hole.start..<hole.end { memory.punch(page) }
    }
  }
}
