/// The check of a trace from its file.
package import MMUEngine

extension Conformance {
  /// How many trees of each address space are taken to have been there before a trace began, at most.
  private static let treeLimit = 4

  /// Checks a trace from beginning to end, or to where its task is cancelled.
  ///
  /// A trace that begins while VMs are running does not tell how many trees there are: if something breaks a rule and something
  /// speaks for another tree, it is read again with one more.
  package static func check(path: String, kernel: KernelVersion?) throws(TraceError) -> TraceCheckReport {
    guard TraceFile.isRepeatable(path) else { return try checkOnce(path, kernel) }
    var choice = (kernel: kernel ?? .linux612, isAmbiguous: false)
    if kernel == nil { choice = try self.kernel(of: path) }
    var report = try check(path, [TraceChecker(choice.kernel)], kernel: choice.kernel)
    while report.hasSignsOfMoreTrees, report.adoption?.trees ?? 0 < treeLimit {
      let checker = TraceChecker(choice.kernel, trees: (report.adoption?.trees ?? 0) + 1)
      report = try check(path, [checker], kernel: choice.kernel)
    }
    report.isAmbiguous = choice.isAmbiguous
    return try settled(report)
  }

  /// Checks a pipe, which can be read once: for every kernel that it may be of, and with none to two trees before it.
  private static func checkOnce(_ path: String, _ kernel: KernelVersion?) throws(TraceError) -> TraceCheckReport {
    let kernels = kernel.map { [$0] } ?? KernelVersion.traced
    let checkers = kernels.flatMap { kernel in (0...2).map { TraceChecker(kernel, trees: $0) } }
    return try settled(try check(path, checkers, kernel: kernel))
  }

  /// Checks a trace by several checkers at once. The first of the trace's kernel counts that leaves no sign of more trees.
  private static func check(
    _ path: String, _ checkers: [TraceChecker], kernel: KernelVersion?
  ) throws(TraceError) -> TraceCheckReport {
    var reader = TraceReader(try TraceFile(path: path))
    var checkers = checkers
    var inference = KernelInference()
    while let record = try reader.next() {
      if kernel == nil, !inference.isDecided {
        inference.consider(record, names: reader.accessNames)
        checkers.removeAll { checker in !inference.candidates.contains { $0.name == checker.kernel.name } }
      }
      for index in checkers.indices { checkers[index].consume(record) }
    }
    let choice = kernel.map { (kernel: $0, isAmbiguous: false) } ?? inference.choice
    var found = TraceCheckReport(kernel: choice.kernel)
    for index in checkers.indices where checkers[index].kernel.name == choice.kernel.name {
      found = checkers[index].finish()
      if !found.hasSignsOfMoreTrees { break }
    }
    found.isAmbiguous = choice.isAmbiguous
    found.lines = reader.line
    found.isLastCutOff = reader.isLastCutOff
    found.garbage = reader.garbage
    found.raw = reader.raw
    found.isStopped = reader.isStopped
    return found
  }

  /// The report as it is given out.
  private static func settled(_ report: TraceCheckReport) throws(TraceError) -> TraceCheckReport {
    var report = report
    if report.hasSignsOfMoreTrees { report.leaveOutTrees() }
    let isAtEnd = report.violations.count == report.violationCount && !report.isClean
    if report.isLastCutOff, isAtEnd, report.violations.allSatisfy({ $0.line == report.lines }) {
      throw TraceError(line: report.lines, "the trace is cut off inside of this line")
    }
    return report
  }
}
