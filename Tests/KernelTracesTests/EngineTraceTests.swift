/// The checker against traces that the engine makes: what a right kernel does under any schedule is never a violation.
import KernelTraces
import MMUEngine
import Testing

@Suite("The checker on the engine's own traces")
struct EngineTraceTests {
  /// What a tracer would have recorded of a schedule.
  static func trace(_ kernel: KernelVersion, seed: UInt64, length: Int) -> [TraceRecord] {
    var host = MMUHost(kernel, seed: seed)
    host.usesSystemManagement = true
    host.recording = []
    for agent in MMUSchedule(seed: seed, length: length).agents { host.step(Int(agent)) }
    #expect(host.mmu.collectChecks() == [], "seed \(seed)")
    return (host.recording ?? []).enumerated().map { line, event in
      TraceRecord(
        line: line + 1, task: TaskID(Int32(event.agent + 1)), cpu: Int32(event.agent), time: UInt64(line),
        content: content(event))
    }
  }

  private static func content(_ event: RecordedEvent) -> TraceContent {
    switch event.content {
    case .mmu(let event): .mmu(event)
    case .fault(let vcpu, let address, let code): .pageFault(vcpu: vcpu, address: address, code: code)
    case .entry(let vcpu): .entry(vcpu: vcpu)
    case .unmap(let range): .unmapRange(start: range.start << 12, end: range.end << 12)
    }
  }

  @Test("no violation, with SMM's root beside the normal one, with and without the probe of invalidation")
  func clean() throws {
    for name in ["6.12", "7.3"] {
      let kernel = try #require(KernelVersion.traced.first { $0.name == name })
      for seed in 20..<90 as Range<UInt64> {
        var checkers = [TraceChecker(kernel), TraceChecker(kernel)]
        for record in Self.trace(kernel, seed: seed, length: 3000) {
          checkers[0].consume(record)
          checkers[1].consume(record)
          guard case .mmu(.zapAllFast) = record.content else { continue }
          var probe = record
          probe.content = .probe(.invalidateRoots)
          checkers[1].consume(probe)
        }
        for index in checkers.indices {
          let report = checkers[index].finish()
          #expect(report.violations == [], "\(name), seed \(seed)")
          #expect(report.applied[.continuity] ?? 0 > 0)
        }
      }
    }
  }

  /// Schedules, and how far apart they are cut: enough to come upon every race that has been wrong, and no more.
  @Test(
    "no violation wherever such a trace is cut off before",
    arguments: [
      (20..<50, 197), (24..<25, 12), (42..<43, 5), (65..<66, 61), (111..<149, 631), (232..<233, 290), (368..<369, 29),
    ] as [(Range<UInt64>, Int)])
  func cut(seeds: Range<UInt64>, step: Int) throws {
    for name in ["6.12", "7.3"] {
      let kernel = try #require(KernelVersion.traced.first { $0.name == name })
      for seed in seeds {
        let records = Self.trace(kernel, seed: seed, length: 3000)
        for start in stride(from: 1, to: records.count, by: step) {
          let report = Self.check(records[start...], kernel)
          #expect(report.violations == [], "\(name), seed \(seed), from event \(start + 1) on")
          #expect(!report.hasSignsOfMoreTrees)
        }
      }
    }
  }

  /// As the command checks: with more trees as long as something speaks for them.
  private static func check(_ records: ArraySlice<TraceRecord>, _ kernel: KernelVersion) -> TraceCheckReport {
    var trees = 0
    while true {
      var checker = TraceChecker(kernel, trees: trees)
      for record in records { checker.consume(record) }
      let report = checker.finish()
      if !report.hasSignsOfMoreTrees || trees == 4 { return report }
      trees += 1
    }
  }
}
