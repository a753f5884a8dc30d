import Foundation
import KernelTraces
import MMUEngine
import Testing

/// A recorded trace under Tests/Fixtures, and how often each rule was needed for it.
struct RecordedTrace: Sendable, CustomTestStringConvertible {
  let folder: String
  let name: String
  let events: Int
  let allowed: [AllowanceRule: Int]

  var testDescription: String { name }
  var path: String {
    TraceFixture.folder.deletingLastPathComponent().appending(path: "\(folder)/\(name).trace.gz").path
  }

  /// Every event is what the engine does, with no rule applied oftener than it must. Without a kernel: of the one inferred.
  func expectReplayed(kernel: KernelVersion? = nil) throws {
    let report = try Conformance.replay(path: path, kernel: kernel)
    #expect(report.difference == nil)
    #expect(report.checks.isEmpty)
    #expect(report.matched == events)
    #expect(report.compared == events)
    #expect(report.kvmmmu == events)
    #expect(report.allowed == allowed)
  }

  /// The trace satisfies what any does.
  func expectClean(kernel: KernelVersion? = nil) throws {
    let report = try Conformance.check(path: path, kernel: kernel)
    #expect(report.violations == [])
    #expect(report.applied[.continuity] ?? 0 > 0)
  }
}
