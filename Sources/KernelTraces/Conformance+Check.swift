/// The check of a trace from its file.
package import MMUEngine

extension Conformance {
  /// Checks a trace from beginning to end.
  package static func check(path: String, kernel: KernelVersion?) throws(TraceError) -> TraceCheckReport {
    var choice = (kernel: kernel ?? .linux612, isAmbiguous: false)
    if kernel == nil, path != "-" { choice = try self.kernel(of: path) }
    var reader = TraceReader(try TraceFile(path: path))
    var inference = KernelInference()
    // Standard input can be read once: it is checked for every kernel, and one of them counts.
    var checkers =
      kernel == nil && path == "-" ? KernelVersion.traced.map(TraceChecker.init) : [TraceChecker(choice.kernel)]
    while let record = try reader.next() {
      if checkers.count > 1 { inference.consider(record, names: reader.accessNames) }
      for index in checkers.indices { checkers[index].consume(record) }
    }
    if checkers.count > 1 { choice = inference.choice }
    let index = checkers.firstIndex { $0.kernel.name == choice.kernel.name } ?? 0
    var report = checkers[index].finish()
    report.isAmbiguous = choice.isAmbiguous
    report.lines = reader.line
    report.isLastCutOff = reader.isLastCutOff
    let isAtEnd = report.violations.count == report.violationCount && !report.isClean
    if report.isLastCutOff, isAtEnd, report.violations.allSatisfy({ $0.line == report.lines }) {
      throw TraceError(line: report.lines, "the trace is cut off inside of this line")
    }
    return report
  }
}
