/// What an agent's micro-step came to.
package enum MicroStep: Sendable {
  /// Something was read, written, locked or unlocked; nothing is traced.
  case silent
  /// The kernel traces this now.
  case event(TraceEvent)
  /// Remote TLBs are to be flushed before the next step; nil is everything.
  case flush(FrameRange?)
  /// Every vCPU gets `KVM_REQ_MMU_FREE_OBSOLETE_ROOTS` and has to leave the guest before the next step.
  case kick
  /// A lock, or another agent's FROZEN entry, excludes the step now; nothing has changed.
  case blocked
  /// The next step needs an answer from outside of the MMU: `Question` says which.
  case asks
  case finished
}

/// Frames from `start` up to, not including, `end`.
package struct FrameRange: Hashable, Sendable {
  package let start: UInt64
  package let end: UInt64

  package init(start: UInt64, end: UInt64) {
    self.start = start
    self.end = end
  }

  package func contains(_ gfn: GFN) -> Bool { start <= gfn.rawValue && gfn.rawValue < end }

  /// Whether the other range lies in this one.
  package func contains(all other: FrameRange) -> Bool { start <= other.start && other.end <= end }

  /// What two ranges have in common; nil when that is nothing.
  package func intersection(_ other: FrameRange) -> FrameRange? {
    overlaps(other) ? FrameRange(start: max(start, other.start), end: min(end, other.end)) : nil
  }

  package func overlaps(_ other: FrameRange) -> Bool { start < other.end && other.start < end }
}
