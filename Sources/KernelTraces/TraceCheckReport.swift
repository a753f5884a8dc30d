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

/// What a trace does not show of trees that were there before it began.
package struct AdoptionReport: Hashable, Sendable {
  /// The line that shows that there are such trees; nil: no line does, but something fits none of those that the trace shows.
  package let line: Int?
  /// How many were taken to be there, in each address space.
  package var trees: Int
  /// Tables that events of their entries have shown.
  package var tables = 0
  /// Entries whose first old value was taken as given.
  package var entries = 0
  /// Changes that were not judged: in the middle of a zap when the trace begins, of a tree that may be on its way out; or at
  /// the end, where what explains them may be cut off.
  package var unjudged = 0
}

package struct TraceCheckReport: Sendable {
  package var kernel: KernelVersion
  package var isAmbiguous = false
  package var lines = 0
  /// Whether the last line has no end, so that it may be cut off.
  package var isLastCutOff = false
  /// Bytes behind the file's last gzip stream that were left out.
  package var garbage = 0
  /// Whether reading was stopped before the end.
  package var isStopped = false
  /// Events that were decoded from their fields.
  package var raw: RawEvents?
  /// Events of the group kvmmmu.
  package var events = 0
  /// How often each rule was applied.
  package var applied: [TraceRule: Int] = [:]
  /// The first twenty.
  package var violations: [TraceViolation] = []
  /// How often each rule was broken.
  package var broken: [TraceRule: Int] = [:]
  /// What was taken as given of VMs that ran before the trace began; nil: it shows every tree from its root's making on.
  package var adoption: AdoptionReport?
  /// Events at the end that nothing explains yet and that another task may explain behind it.
  package var cutOff = 0
  /// Whether a rule about trees is broken while something speaks for more trees than were taken to be there.
  package var hasSignsOfMoreTrees = false
  /// Rules that this trace does not let one check, and why.
  package var notCheckable: [(rule: TraceRule, reason: String)] = []

  /// Whether there was nothing to check.
  package var isVacuous: Bool { events == 0 }

  package var violationCount: Int { broken.values.reduce(0, +) }

  package var isClean: Bool { broken.isEmpty }

  /// There are more trees than can be told apart: what looks like a violation may be another tree's.
  mutating func leaveOutTrees() {
    violations.removeAll { $0.rule.needsTrees }
    broken = broken.filter { !$0.key.needsTrees }
    let known = notCheckable.map(\.rule)
    let reason = "more trees are alive than can be told apart"
    for rule in TraceRule.allCases where rule.needsTrees && !known.contains(rule) {
      notCheckable.append((rule, reason))
    }
  }
}
