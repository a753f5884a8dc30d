/// Events that nothing explains yet: another CPU may print what comes between later.
///
/// An event is printed after its write and outside of any lock, and some events read an entry again as they are printed. So an
/// event whose table, or whose old value, is not there is kept aside, and taken as soon as it fits. Between its write and its
/// event a task prints nothing else, and nothing at all in the guest: what still does not fit when every other task has printed
/// something, 256 events later at the earliest and 4096 at the latest, is a violation. Where a table is going, its entry's own event
/// comes after those of its 512 children. What a task may still explain when the trace ends is not judged.
import MMUEngine

/// A change whose table or old value has not been seen: another CPU may print it late.
struct Orphan {
  /// Number of the event.
  let number: Int
  let line: Int
  let task: TaskID
  let event: TraceEvent
  /// Whether its task had shown nothing of itself before: it may come before what the trace begins with.
  let isFirst: Bool
}

/// When each task has printed last.
struct TaskPresence {
  /// The line of each task's last record; not of the task that has printed last.
  private var lines: [TaskID: Int] = [:]
  /// Tasks that are in the guest.
  private var guests: Set<TaskID> = []
  private var last: (task: TaskID, line: Int) = (TaskID(-1), 0)

  /// A record comes. Those of interrupts may come between a task's write and its event.
  mutating func note(_ record: TraceRecord) {
    switch record.content {
    case .other, .probe(.freeTable), .probe(.other): return
    case .entry: guests.insert(record.task)
    case .mmu, .otherMMU, .pageFault, .exit, .userspaceExit, .unmapRange, .age, .probe:
      if !guests.isEmpty { guests.remove(record.task) }
    }
    if record.task != last.task, last.line > 0 { lines[last.task] = last.line }
    last = (record.task, record.line)
  }

  /// Whether another task may have written something before this line that it has not printed yet.
  func mayPrintLate(_ line: Int, besides task: TaskID) -> Bool {
    lines.contains { other, seen in
      other != task && other != last.task && seen < line && !guests.contains(other)
    }
  }
}

extension TraceChecker {
  /// Orphans whose table, or whose old value, is there now.
  mutating func adoptOrphans() {
    var hasAdopted = true
    while hasAdopted {
      hasAdopted = false
      for (position, orphan) in orphans.enumerated() {
        guard adopt(orphan) else { continue }
        orphans.remove(at: position)
        hasAdopted = true
        break
      }
    }
  }

  private mutating func adopt(_ orphan: Orphan) -> Bool {
    switch orphan.event {
    case .spteChanged(let space, let gfn, let level, let old, let new):
      adopt(
        FollowedChange(
          space: space, gfn: gfn, level: level, old: old, new: new, task: orphan.task, isFirst: orphan.isFirst))
    case .fastPageFault(let fault):
      adoption.trees == 0 ? applyFix(fault, orphan.task) : mayHaveFixed(fault, orphan.task)
    case .setSPTE(_, let level, let entry, let address): shows(entry, level, at: address)
    default: false
    }
  }

  /// A fault that was kept aside fits: it may have meant this entry, or one that no event had shown then. Not if its own task
  /// has printed the change, which came later.
  private mutating func mayHaveFixed(_ fault: FastPageFault, _ owner: TaskID) -> Bool {
    guard task != owner, let entry = choose(fault, owner) else { return false }
    tables.conceal(entry)
    return true
  }

  private mutating func adopt(_ change: FollowedChange) -> Bool { perform(change) || isPredecessor(change) }

  mutating func expireOrphans() {
    while let first = orphans.first, first.number + 256 < report.events, !isUnderRemoval(first), !mayBeLate(first) {
      orphans.removeFirst()
      give(up: first)
    }
  }

  /// Whether what explains an event may still come from another task. Where hundreds wait for that, it is not lateness.
  func mayBeLate(_ orphan: Orphan) -> Bool {
    orphan.number + 4096 >= report.events && orphans.count <= 512
      && presence.mayPrintLate(orphan.line, besides: orphan.task)
  }

  /// Whether the event lies where a table is going whose own entry's event comes after those of 512 children: its write,
  /// and all that followed, may have been before.
  func isUnderRemoval(_ orphan: Orphan) -> Bool {
    let gfn: GFN
    switch orphan.event {
    case .spteChanged(_, let frame, _, _, _), .setSPTE(let frame, _, _, _): gfn = frame
    // It may have fixed the huge page that has come in the table's place.
    case .fastPageFault(let fault): gfn = GFN(fault.address >> 12)
    default: return false
    }
    return removals.values.contains { pages in
      pages.contains { page in page.level.above.map { gfn.aligned(to: $0) == page.gfn } ?? false }
    }
  }

  /// Nothing has come that explains the event.
  mutating func give(up orphan: Orphan) {
    if isUnderRemoval(orphan) {
      if case .spteChanged(let space, let gfn, let level, _, _) = orphan.event,
        tables.candidates(space, gfn, level).isEmpty
      {
        adoption.seeNoTable()
      }
      return
    }
    if orphan.isFirst {
      report.adoption?.unjudged += 1
      return
    }
    if case .setSPTE(let gfn, _, let entry, let address) = orphan.event {
      let known = table(at: address).flatMap { tables[$0]?.entries[Int(address >> 3 & 511)] }.map { hex($0.rawValue) }
      let place = "gfn \(hex(gfn.rawValue))"
      return violate(.address, "\(place): \(hex(entry.rawValue)) set, \(known ?? "no table") known", at: orphan.line)
    }
    guard case .spteChanged(let space, let gfn, let level, let old, _) = orphan.event else { return }
    if isUnsettled(orphan.task) { adoption.strangeZaps += 1 }
    if old.isTable(at: level), tables.table(at: old.pfn.rawValue) == nil { adoption.see(old.pfn.rawValue) }
    let place = "gfn \(hex(gfn.rawValue)) level \(level.rawValue)"
    let candidates = tables.candidates(space, gfn, level)
    if candidates.isEmpty {
      adoption.seeNoTable()
      return violate(.parent, "\(place): no table was linked for it", at: orphan.line)
    }
    let known = candidates.map { hex(tables.value($0).rawValue) }.joined(separator: " or ")
    violate(.continuity, "\(place): old \(hex(old.rawValue)), last known \(known)", at: orphan.line)
  }
}
