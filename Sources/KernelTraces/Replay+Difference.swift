/// The first difference, as a reader is to see it: both sides in the trace's frames, and how the tables stood.
import MMUEngine

extension Replay {
  /// Records the first difference.
  mutating func differ(_ failure: Mismatch, _ event: TraceEvent?, _ task: Int, _ line: Int) {
    if let first = firstPrefault {
      // What looked like KVM_PRE_FAULT_MEMORY is not: the trace does not show vCPUs run, nor their faults.
      firstPrefault = nil
      stimuli.prefaults = stimuli.faults
      return differ(.unexplained("nothing in the trace explains this event"), first.event, task, first.line)
    }
    let version = mmu.version
    let format = mmu.format
    func show(_ event: TraceEvent) -> String { event.name + ": " + event.text(version, format) }
    var trace = history.list.map { "\($0.line): \(show($0.trace))" }
    var engine = history.list.map { "\($0.line): \(show($0.engine.renamed(as: $0.trace)))" }
    trace.append("\(line): " + (event.map(show) ?? "the task goes on to something else"))
    engine.append("\(line): " + (failure.event.map { show(renamed($0)) } ?? "no event"))
    hasDiffered = true
    report.difference = Difference(
      line: line, reason: reason(of: failure, event), isIncomplete: isIncomplete(failure, event), traceSide: trace,
      engineSide: engine, path: path(of: event ?? failure.event), steps: tasks[task].jobs.map(\.name))
  }

  /// Whether it is the trace that lacks what a replay needs, so that nothing is said of the engine: it begins after the root
  /// was made, or does not show faults at all.
  private func isIncomplete(_ failure: Mismatch, _ event: TraceEvent?) -> Bool {
    guard case .unexplained = failure else { return false }
    return rootLevel == nil || lacksFaults(event)
  }

  /// Whether a fault must have led to the event and the trace has shown none so far.
  private func lacksFaults(_ event: TraceEvent?) -> Bool {
    guard stimuli.faults == stimuli.prefaults else { return false }
    switch event {
    case .requested?, .setSPTE?, .fastPageFault?: return true
    case .spteChanged(_, _, _, let old, let new)?: return !old.isPresent && new.isPresent
    default: return false
    }
  }

  private func reason(of failure: Mismatch, _ event: TraceEvent?) -> String {
    guard isIncomplete(failure, event) else { return failure.reason }
    if rootLevel == nil {
      return event == nil
        ? failure.reason
        : "\(failure.reason): the trace begins after the root was made, or lacks its kvm_mmu_get_page"
    }
    return "\(failure.reason): the trace has no kvm_page_fault before it"
  }

  /// The entries of every root on the way to an event's frame.
  private func path(of event: TraceEvent?) -> [String] {
    guard let gfn = event?.gfn else { return [] }
    return mmu.roots.flatMap { root -> [String] in
      var lines = ["root \(root.rawValue)\(mmu.tables[root].isInvalid ? ", invalid" : "")"]
      var level: Level? = mmu.tables[root].level
      while let current = level, let location = mmu.location(root, gfn, current) {
        let entry = mmu.tables[location]
        let frame = frames.frame(of: location.table).map { String($0, radix: 16) } ?? "not shown"
        lines.append(
          "  level \(current.rawValue), table frame \(frame), index \(location.index): "
            + String(renamed(entry, current).rawValue, radix: 16))
        level = entry.isTable(at: current) ? current.below : nil
      }
      return lines
    }
  }

  /// An engine's entry with the trace's frame, where a table's frame is known.
  private func renamed(_ entry: SPTE, _ level: Level) -> SPTE {
    guard entry.isTable(at: level), let table = mmu.tables.table(at: entry), let frame = frames.frame(of: table) else {
      return entry
    }
    return entry.pointing(to: PFN(frame))
  }

  /// The engine's event in the trace's frames, as far as they are known.
  private func renamed(_ event: TraceEvent) -> TraceEvent {
    switch event {
    case .spteChanged(let space, let gfn, let level, let old, let new):
      return .spteChanged(space, gfn, level, old: renamed(old, level), new: renamed(new, level))
    case .setSPTE(let gfn, let level, let entry, let address):
      return .setSPTE(gfn, level, renamed(entry, level), address: traced(address) ?? address)
    case .markMMIO(let gfn, let pointer, let access, let generation):
      return .markMMIO(
        gfn, pointer: frames.pointer(of: traced(pointer)) ?? pointer, access: access, generation: generation)
    case .fastPageFault(var fault):
      fault.pointer = frames.pointer(of: traced(fault.pointer)) ?? fault.pointer
      return .fastPageFault(fault)
    case .prepareZapPage, .getPage, .zapAllFast, .requested, .splitHugePage, .checkMMIO, .handleMMIO: return event
    }
  }
}

extension SPTE {
  /// The same entry with another frame.
  func pointing(to frame: PFN) -> SPTE {
    SPTE(rawValue: rawValue & ~SPTE.addressMask | frame.rawValue << 12 & SPTE.addressMask)
  }
}

extension TraceEvent {
  /// The event with the frames and pointers of another that was found to be the same up to those.
  fileprivate func renamed(as other: TraceEvent) -> TraceEvent {
    switch (self, other) {
    case (
      .spteChanged(let space, let gfn, let level, let old, let new), .spteChanged(_, _, _, let seenOld, let seenNew)
    ):
      return .spteChanged(
        space, gfn, level, old: old.isTable(at: level) ? old.pointing(to: seenOld.pfn) : old,
        new: new.isTable(at: level) ? new.pointing(to: seenNew.pfn) : new)
    case (.setSPTE(let gfn, let level, let entry, _), .setSPTE(_, _, let seen, let address)):
      return .setSPTE(gfn, level, entry.isTable(at: level) ? entry.pointing(to: seen.pfn) : entry, address: address)
    case (.markMMIO(let gfn, _, let access, let generation), .markMMIO(_, let pointer, _, _)):
      return .markMMIO(gfn, pointer: pointer, access: access, generation: generation)
    case (.fastPageFault(var fault), .fastPageFault(let seen)):
      fault.pointer = seen.pointer
      return .fastPageFault(fault)
    default: return self
    }
  }

  /// The frame that an event is about; nil when it has none.
  var gfn: GFN? {
    switch self {
    case .spteChanged(_, let gfn, _, _, _), .setSPTE(let gfn, _, _, _), .requested(let gfn, _, _),
      .splitHugePage(let gfn, _, _, _), .markMMIO(let gfn, _, _, _), .handleMMIO(_, let gfn, _):
      gfn
    case .prepareZapPage(let page), .getPage(let page): page.gfn
    case .fastPageFault(let fault): GFN(fault.address >> 12)
    case .zapAllFast, .checkMMIO: nil
    }
  }
}
