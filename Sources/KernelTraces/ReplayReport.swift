/// What a replay came to.
package import MMUEngine

/// A rule for something that a trace does not tell. Each use is counted; nothing else is let through.
package enum AllowanceRule: String, Hashable, Sendable, CaseIterable {
  /// A CPU set accessed or dirty bits of a leaf that allowed it; no event shows that.
  case cpuAccessedDirty = "cpu-accessed-dirty"
  /// An event shows no root; it was matched with another one than the vCPU's or the walk's first.
  case rootIdentity = "root-identity"
  /// A range that no probe shows: it begins and ends with its events.
  case rangeInferred = "range-inferred"
  /// A root, made or loaded, whose role no event shows: another address space or guest mode.
  case roleInferred = "role-inferred"
  /// A fault ended without mapping for a reason outside of the MMU: a signal, an error of the host's mm, an exit.
  case faultEndedUnseen = "fault-ended-unseen"
  /// A page is mapped by a task that is not running its vCPU: KVM_PRE_FAULT_MEMORY, which has no event of its own.
  case prefaultInferred = "prefault-inferred"
  /// The generation of memslots, where memslot calls are not in the trace.
  case generationInferred = "generation-inferred"
  /// A freed table's frame serves again, so its grace period has ended.
  case gracePeriodInferred = "grace-period-inferred"
  /// A bit of the host's format, seen the first time: encryption, reserved bits of MMIO entries, NX huge pages.
  case formatInferred = "format-inferred"
  /// The memory type of a leaf (EPT).
  case memoryType = "memory-type"
  /// An event of one CPU was printed before an earlier write of another.
  case printedLate = "printed-late"
  /// A fault read an entry before another CPU's write whose event came first.
  case readEarlier = "read-earlier"
  /// An event was filled in after another CPU's write whose own event comes later: `fast_page_fault` reads the entry again.
  case readLater = "read-later"
  /// Two of many thousand entries have the same pointer: the kernel prints 32 bits of its hash.
  case pointerCollision = "pointer-collision"
}

/// The first difference between the trace and the engine.
package struct Difference: Sendable, Hashable {
  /// Line of the trace's event.
  package let line: Int
  /// Both sides and why they are not the same.
  package let reason: String
  /// Whether the trace lacks what a replay needs; then nothing is said of the engine.
  package let isIncomplete: Bool
  /// The last events that matched, and the one that did not, as the trace has them.
  package let traceSide: [String]
  /// The same as the engine has them, in the trace's frames and pointers where those are known.
  package let engineSide: [String]
  /// The entries on the way to the frame concerned, from the root down.
  package let path: [String]
  /// The agents of the task, outermost first, and what they were about to do.
  package let steps: [String]
}

/// The summary of a replay.
package struct ReplayReport: Sendable {
  package var kernel: KernelVersion
  /// Set when several kernels fit the trace.
  package var isAmbiguous = false
  package var format: SPTEFormat
  /// Lines of the trace.
  package var lines = 0
  /// Whether the last line has no end, so that it may be cut off.
  package var isLastCutOff = false
  /// Bytes behind the file's last gzip stream that were left out.
  package var garbage = 0
  /// Whether reading was stopped before the end.
  package var isStopped = false
  /// What is wrong with the trace shortly behind the difference.
  var disorder: TraceError?
  /// Events that were decoded from their fields.
  package var raw: RawEvents?
  /// Events of the group kvmmmu.
  package var kvmmmu = 0
  package var compared = 0
  package var matched = 0
  /// Uses of rules, by rule.
  package var allowed: [AllowanceRule: Int] = [:]
  /// Events that are not compared, by name.
  package var ignored: [(name: String, count: Int)] = []
  /// Stimuli, by kind, in a fixed order.
  package var stimuli: [(name: String, count: Int)] = []
  /// What the trace does not say.
  package var untold: [String] = []
  /// Checks of the engine that fired.
  package var checks: [EngineCheck] = []
  package var difference: Difference?

  /// Whether there was nothing to compare.
  package var isVacuous: Bool { kvmmmu == 0 }

  /// Whether every event matched, if there was any.
  package var isConformant: Bool { difference == nil && checks.isEmpty }
}
