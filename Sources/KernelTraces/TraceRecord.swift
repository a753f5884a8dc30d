/// A line of a trace, taken apart: who, where, when, and what.
package import MMUEngine

/// A thread of the traced machine, by its number (the kernel's pid).
package struct TaskID: Hashable, Sendable, BitwiseCopyable {
  package let rawValue: Int32

  package init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// Why a vCPU left the guest, as far as it matters here.
package enum ExitReason: Hashable, Sendable {
  /// A nested page fault: SVM, or an EPT violation.
  case pageFault
  /// An EPT misconfiguration: an MMIO entry. No `kvm_page_fault` follows.
  case misconfiguration
  case other
}

/// A probe of the group `kp`: stimuli that the kernel's own events do not show.
package enum Probe: Hashable, Sendable {
  case initializeMMU
  /// 0 create, 1 delete, 2 move, 3 flags only.
  case setMemslot(change: UInt64)
  case flushShadowMemslot
  case zapAllFast
  case invalidateRoots
  case zapInvalidatedRoots
  case zapRoot(root: UInt64)
  case zapRootPass(root: UInt64, level: UInt64)
  case putRoot(root: UInt64)
  case loadMMU
  case allocateRoot
  case unmapFrames
  case zapLeaves(root: UInt64, start: UInt64, end: UInt64)
  case flush
  case trySplit(start: UInt64, end: UInt64)
  case writeProtectSlot(minimum: UInt64)
  case clearDirtyMasked(gfn: UInt64, mask: UInt64)
  case recoverHugePages
  case setAttributes
  case attributesSet
  case invalidateFile
  case destroyVM
  case release
  case zapAll
  case uninitializeMMU
  case unloadMMU
  case freeTable
  /// Known, and without consequence.
  case other
}

/// What a line says.
package enum TraceContent: Hashable, Sendable {
  /// One of the events that are compared.
  case mmu(TraceEvent)
  case pageFault(vcpu: Int, address: UInt64, code: UInt64)
  case entry(vcpu: Int)
  /// Older versions of libtraceevent do not print the vCPU.
  case exit(vcpu: Int?, ExitReason)
  /// KVM_RUN returns; counted with those that are not compared.
  case userspaceExit(EventName)
  case unmapRange(start: UInt64, end: UInt64)
  /// `kvm_age_hva` or `kvm_test_age_hva`.
  case age
  case probe(Probe)
  /// An event of kvmmmu that belongs to the shadow MMU or is not compared.
  case otherMMU(EventName)
  /// Any other event.
  case other(EventName)
}

/// The name of an event, as a number in the order of first appearance.
package struct EventName: Hashable, Sendable, BitwiseCopyable {
  package let rawValue: Int32

  package init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// A line, taken apart.
package struct TraceRecord: Hashable, Sendable {
  /// From 1.
  package var line: Int
  package var task: TaskID
  package var cpu: Int32
  /// Unit: nanoseconds of the trace's clock.
  package var time: UInt64
  package var content: TraceContent

  package init(line: Int, task: TaskID, cpu: Int32, time: UInt64, content: TraceContent) {
    self.line = line
    self.task = task
    self.cpu = cpu
    self.time = time
    self.content = content
  }
}

/// Why a trace cannot be read on, and where.
package struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line, from 1; 0 when it is the file as a whole.
  package let line: Int
  package let message: String

  package init(line: Int, _ message: String) {
    self.line = line
    self.message = message
  }

  package var description: String { line == 0 ? message : "line \(line): \(message)" }
}
