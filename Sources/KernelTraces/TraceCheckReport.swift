/// What the check of a trace came to.
package import MMUEngine

/// What every trace of a kernel satisfies; the raw value is how the report names it.
package enum TraceRule: String, Hashable, Sendable, CaseIterable {
  case continuity = "an entry's old value is its last new one, up to accessed and dirty"
  case parent = "an entry becomes present only in a table that is linked"
  case alignment = "frames are aligned to their level, levels lie below the root's"
  case samePage = "a leaf is never replaced by a leaf of another page"
  case frozen = "FROZEN stands only in tables that are out of the tree"
  case removal = "a table that is announced as zapped was linked, and its entry goes"
  case address = "an entry that is set lies in the table that the tree has there"
  case frameUse = "a table's frame serves one table at a time"
  case writable = "writable implies MMU-writable implies host-writable"
  case flush = "leaves that are zapped in a valid root are flushed before the task goes on"
  case invalidRoot = "nothing becomes present in a root after its invalidation"

  /// Whether the rule is about where an entry lies: the others are about an event by itself.
  package var needsTrees: Bool { self != .alignment && self != .samePage && self != .writable }

  /// Whether only probes show what the rule is about.
  package var needsProbes: Bool { self == .flush || self == .invalidRoot }
}

/// A broken rule.
package struct TraceViolation: Hashable, Sendable {
  package let line: Int
  package let rule: TraceRule
  package let detail: String
}

package struct TraceCheckReport: Sendable {
  package var kernel: KernelVersion
  package var isAmbiguous = false
  package var lines = 0
  /// Whether the last line has no end, so that it may be cut off.
  package var isLastCutOff = false
  /// Events of the group kvmmmu.
  package var events = 0
  /// How often each rule was applied.
  package var applied: [TraceRule: Int] = [:]
  /// The first twenty.
  package var violations: [TraceViolation] = []
  package var violationCount = 0
  /// Rules that this trace does not let one check, and why.
  package var notCheckable: [(rule: TraceRule, reason: String)] = []

  /// Whether there was nothing to check.
  package var isVacuous: Bool { events == 0 }

  package var isClean: Bool { violationCount == 0 }
}
