/// The protocol by which a fault learns that what it resolved may be gone: a count of invalidations in progress, the hull of
/// their ranges, and a sequence number that every completed one bumps.
///
/// All of it changes under mmu_lock held for write only. A fault takes a snapshot of the sequence before it resolves its page
/// and asks again under mmu_lock.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_mmu_invalidate_begin, _range_add, _end; mmu_invalidate_retry_gfn.
package struct InvalidationSequence: Hashable, Sendable {
  /// `mmu_invalidate_seq`.
  package private(set) var sequence: UInt64 = 0
  /// `mmu_invalidate_in_progress`.
  package private(set) var inProgress = 0
  /// The hull of the ranges; nil when none was added since the first began.
  package private(set) var range: FrameRange?

  package init() {}

  package mutating func begin() {
    inProgress += 1
    if inProgress == 1 { range = nil }
  }

  /// Widens the hull.
  package mutating func add(_ more: FrameRange) {
    guard let range else {
      self.range = more
      return
    }
    self.range = FrameRange(start: min(range.start, more.start), end: max(range.end, more.end))
  }

  package mutating func end() {
    sequence += 1
    inProgress -= 1
  }

  /// Whether a fault on `gfn` with this snapshot has to start over.
  package func isStale(_ snapshot: UInt64, _ gfn: GFN) -> Bool {
    if inProgress > 0 {
      guard let range else { return true }
      if range.contains(gfn) { return true }
    }
    return sequence != snapshot
  }
}
