/// What probes, where a trace has them, say of VMs, roots and flushes; the kernel's own events do not show these.
import MMUEngine

extension TraceChecker {
  mutating func check(_ probe: Probe, _ task: TaskID) {
    hasProbes = true
    switch probe {
    case .zapLeaves: zapping.insert(task)
    case .flush:
      if adoption.trees == 0 || unflushed[task] != nil { apply(.flush) }
      unflushed[task] = nil
    case .invalidateRoots: if !ending.contains(task) { invalidateRoots() }
    case .initializeMMU:
      ending.remove(task)
      beginMachine()
    case .uninitializeMMU:
      // The end of a VM that no probe has shown to begin.
      if machines == 0 {
        adoption.trees = max(0, adoption.trees - 1)
        adoption.gone = []
      }
      machines = max(0, machines - 1)
      leave(task)
      // The roots that it makes invalid next are those of the VM that ends: nothing is in them any more.
      if machines > 0 { ending.insert(task) }
    case .putRoot, .unmapFrames, .other: break
    case .setMemslot, .zapAll, .destroyVM, .setAttributes, .attributesSet, .invalidateFile: leave(task)
    default: zapping.remove(task)
    }
  }

  /// A VM is made. Where others are alive, their trees stay.
  private mutating func beginMachine() {
    if machines == 0, adoption.trees == 0 {
      tables = FollowedTables()
      for orphan in orphans { give(up: orphan) }
      orphans = []
      rootLevel = nil
      roots = 0
      invalidRoots = []
      lastRoot = [:]
      fastZaps = [:]
      announcements = [:]
      removals = [:]
    }
    if report.events == 0, adoption.trees == 0 { isFromBeginning = true }
    machines += 1
  }

  /// All roots of a VM become invalid; with several VMs alive it is not told whose.
  mutating func invalidateRoots() {
    // The end of a VM makes its own roots invalid, when it is no longer counted.
    guard machines + (ending.contains(task) ? 1 : 0) < 2 else {
      if unknownInvalidation == nil { unknownInvalidation = line }
      return
    }
    for table in tables.tables {
      if let table, table.level == rootLevel, table.frame == nil { invalidRoots.insert(table.root) }
    }
  }

  /// The task goes on to something else.
  mutating func leave(_ task: TaskID) {
    ending.remove(task)
    if fastZaps.removeValue(forKey: task) != nil, adoption.trees == 1, machines == 0 {
      for space in AddressSpace.allCases { endAdoption(in: space) }
    }
    announcements[task] = nil
    removals[task] = nil
    zapping.remove(task)
    if let zapped = unflushed.removeValue(forKey: task) {
      violate(.flush, "leaves zapped at line \(zapped), no flush since", at: line)
    }
  }
}
