/// Single-line faults that a test puts into the engine, to see that some schedule of agents makes a check report each.
///
/// Each is consulted in one place. None is on in a right kernel.
package enum InjectedFault: String, Hashable, Sendable, CaseIterable {
  /// A zap of leaves in a valid root asks for no flush.
  case zapWithoutFlush = "zap-without-flush"
  /// A fault does not ask whether what it resolved was invalidated.
  case staleCheckSkipped = "stale-check-skipped"
  /// A fault takes its snapshot after it has the page.
  case snapshotAfterPage = "snapshot-after-page"
  /// A fault goes on with an invalid root.
  case obsoleteRootUsed = "obsolete-root-used"
  /// Invalidation does not schedule the root for its zap.
  case rootNotScheduled = "root-not-scheduled"
  /// The zap of a root leaves the last pass out.
  case zapRootPassMissing = "zap-root-pass-missing"
  /// An exchange writes although somebody was faster.
  case exchangeIgnoresOthers = "exchange-ignores-others"
  /// An MMIO entry counts whatever its generation.
  case generationUnchecked = "generation-unchecked"
  /// A fast fault gives W to entries that the host maps read-only.
  case fastFaultIgnoresMMUWritable = "fast-fault-ignores-mmu-writable"
  /// A huge page is mapped in a slot that is logged.
  case hugePageWhileLogging = "huge-page-while-logging"
  /// Write protection for dirty logging is not followed by a flush.
  case writeProtectWithoutFlush = "write-protect-without-flush"
  /// The notifier takes mmu_lock for read.
  case notifierLocksForRead = "notifier-locks-for-read"
  /// The notifier ends its invalidation before the host has taken the page away.
  case invalidationEndsEarly = "invalidation-ends-early"
  /// A deleted slot is swapped out without the INVALID step.
  case slotNotInvalidated = "slot-not-invalidated"
  /// The deletion of a slot zaps nothing.
  case deletionWithoutZap = "deletion-without-zap"
  /// A swap of memslots does not wait for SRCU readers.
  case noSRCUWait = "no-srcu-wait"
  /// A new root is loaded without a flush of the vCPU's own TLB.
  case loadWithoutFlush = "load-without-flush"
  /// The generation of memslots stays as it was at a swap.
  case generationNotBumped = "generation-not-bumped"
  /// The walker of a zap gives its root's reference back twice.
  case rootPutTwice = "root-put-twice"
  /// Reading the log clears it without write-protecting again.
  case logClearedUnprotected = "log-cleared-unprotected"
  /// The NX recovery worker gives mmu_lock and RCU up without a flush.
  case recoveryWithoutFlush = "recovery-without-flush"
  /// A change of attributes leaves the mappings of the old kind in place.
  case conversionWithoutUnmap = "conversion-without-unmap"
  /// A change of attributes announces its own frames only, not the huge pages that they are a part of.
  case conversionNotWidened = "conversion-not-widened"
  /// A flush is asked for, and nobody is made to leave the guest for it.
  case flushWithoutKick = "flush-without-kick"
  /// Of a TD's two halves a zap takes the other one.
  case filterInverted = "filter-inverted"

  /// Faults that are none in a VM whose frames are all in one tree.
  package static let ofTrustDomains: Set<InjectedFault> = [.filterInverted]
}
