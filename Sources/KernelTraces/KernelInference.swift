/// Which kernel recorded a trace: from the spelling of access rights, FROZEN's value, and the order in which a root is zapped.
package import MMUEngine

package struct KernelInference: Sendable {
  /// The kernels that are still possible.
  package private(set) var candidates = KernelVersion.traced
  /// Tasks that have just cleared a 1 GiB entry that pointed to a table.
  private var clearing: Set<TaskID> = []

  package init() {}

  /// Whether one kernel is left.
  package var isDecided: Bool { candidates.count == 1 }

  /// The kernel to use, and whether others would fit.
  package var choice: (kernel: KernelVersion, isAmbiguous: Bool) {
    (candidates.first ?? .linux612, candidates.count > 1)
  }

  /// Looks at one record. `names` is how the trace spells access rights, if it has shown that.
  package mutating func consider(_ record: TraceRecord, names: KernelVersion.AccessNames?) {
    if let names { keep { $0.accessNames == names } }
    guard case .mmu(.spteChanged(_, _, let level, let old, let new)) = record.content else { return }
    if !new.isPresent, KernelVersion.traced.contains(where: { $0.frozen == new }) { keep { $0.frozen == new } }
    if clearing.remove(record.task) != nil {
      // A full subtree goes with its 1 GiB entry only where the passes below are left out.
      let isFull = level == .page2M && old.isPresent && !new.isPresent && new != .nonpresent
      keep { $0.zapOrder == (isFull ? .fromOneGigabyte : .everyLevel) }
    }
    if level == .page1G, old.isTable(at: level), new == .nonpresent { clearing.insert(record.task) }
  }

  private mutating func keep(_ fits: (KernelVersion) -> Bool) {
    let left = candidates.filter(fits)
    if !left.isEmpty { candidates = left }
  }
}

/// A trace from beginning to end.
package enum Conformance {
  /// Reads a trace as far as needed to tell its kernel.
  package static func kernel(of path: String) throws(TraceError) -> (kernel: KernelVersion, isAmbiguous: Bool) {
    var reader = TraceReader(try TraceFile(path: path))
    var inference = KernelInference()
    while !inference.isDecided, let record = try reader.next() {
      inference.consider(record, names: reader.accessNames)
    }
    return inference.choice
  }

  /// Replays a trace. Without a kernel it is inferred, which reads the file twice; a pipe, which can be read once, is replayed by
  /// every kernel at the same time. A cancelled task stops reading: the report is of what was read by then.
  package static func replay(path: String, kernel: KernelVersion?) throws(TraceError) -> ReplayReport {
    var choice = (kernel: kernel ?? .linux612, isAmbiguous: false)
    if kernel == nil {
      guard TraceFile.isRepeatable(path) else { return try replayOnce(path) }
      choice = try self.kernel(of: path)
    }
    var best = try read(path, choice.kernel, [:])
    // Which VM a task belongs to may be a guess; each reading revises one of them. A pipe can be read once.
    var revised: Set<TaskID> = []
    var assignments: [TaskID: Int] = [:]
    while TraceFile.isRepeatable(path), let line = best.report.difference?.line, revised.count < 16,
      let next = best.guesses.last(where: { !revised.contains($0.task) })
    {
      revised.insert(next.task)
      for machine in 0..<best.machines where machine != next.machine {
        var other = assignments
        other[next.task] = machine
        let attempt = try read(path, choice.kernel, other)
        guard attempt.report.difference.map({ $0.line > line }) ?? true else { continue }
        best = attempt
        assignments = other
        break
      }
    }
    best.report.isAmbiguous = choice.isAmbiguous
    try refuse(best.report)
    return best.report
  }

  /// Replays by every kernel, and reports of the one that the trace turns out to be of.
  private static func replayOnce(_ path: String) throws(TraceError) -> ReplayReport {
    var reader = TraceReader(try TraceFile(path: path))
    var inference = KernelInference()
    var replays = KernelVersion.traced.map { (kernel: $0, replay: MachineReplay($0, .npt)) }
    while let record = try reader.next() {
      inference.consider(record, names: reader.accessNames)
      for index in replays.indices where !replays[index].replay.hasDiffered { replays[index].replay.consume(record) }
      let choice = inference.choice
      if inference.isDecided { replays.removeAll { $0.kernel.name != choice.kernel.name } }
      if replays.allSatisfy({ $0.replay.hasDiffered }), inference.isDecided { break }
    }
    let choice = inference.choice
    let index = replays.firstIndex { $0.kernel.name == choice.kernel.name } ?? 0
    var report = try summary(&replays[index].replay, &reader)
    report.isAmbiguous = choice.isAmbiguous
    try refuse(report)
    return report
  }

  /// A difference that the trace's own end or beginning makes is none of the engine's.
  private static func refuse(_ report: ReplayReport) throws(TraceError) {
    guard let difference = report.difference else { return }
    if let disorder = report.disorder { throw disorder }
    if report.isLastCutOff, difference.line == report.lines {
      throw TraceError(line: difference.line, "the trace is cut off inside of this line")
    }
    if difference.isIncomplete { throw TraceError(line: difference.line, difference.reason) }
  }

  /// One reading of a trace.
  private static func read(
    _ path: String, _ kernel: KernelVersion, _ assignments: [TaskID: Int]
  ) throws(TraceError) -> (report: ReplayReport, guesses: [(task: TaskID, machine: Int)], machines: Int) {
    var reader = TraceReader(try TraceFile(path: path))
    var replay = MachineReplay(kernel, .npt, assignments: assignments)
    while !replay.hasDiffered, let record = try reader.next() { replay.consume(record) }
    let report = try summary(&replay, &reader)
    return (report, replay.guesses, replay.machineCount)
  }

  /// The report of a replay that has come to its end. Without an event of kvmmmu there is nothing that can differ.
  private static func summary(
    _ replay: inout MachineReplay, _ reader: inout TraceReader
  ) throws(TraceError) -> ReplayReport {
    var report = replay.finish(names: reader.names)
    if report.kvmmmu == 0, replay.hasDiffered, try !hasEvents(&reader) { report.difference = nil }
    report.lines = reader.line
    report.isLastCutOff = reader.isLastCutOff
    report.garbage = reader.garbage
    report.raw = reader.raw
    report.isStopped = reader.isStopped
    if report.difference != nil { report.disorder = reader.disorder(within: 256) }
    return report
  }

  /// Whether an event of kvmmmu follows.
  private static func hasEvents(_ reader: inout TraceReader) throws(TraceError) -> Bool {
    while let record = try reader.next() {
      switch record.content {
      case .mmu, .otherMMU: return true
      default: continue
      }
    }
    return false
  }
}
