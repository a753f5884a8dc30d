import Foundation
import KernelTraces
import Testing

/// Traces of a random KVM user on kernels that the engine was not built from.
@Suite("Random workloads")
struct RandomWorkloadTests {
  /// A trace, and how often each rule was needed for it.
  struct Workload: Sendable, CustomTestStringConvertible {
    let name: String
    let events: Int
    let allowed: [AllowanceRule: Int]

    var testDescription: String { name }
    var path: String {
      TraceFixture.folder.deletingLastPathComponent().appending(path: "random-workloads/\(name).trace.gz").path
    }
  }

  static let workloads = [
    Workload(name: "6.12.95-seq4", events: 675, allowed: [.rootIdentity: 1]),
    Workload(
      name: "6.12.95-smm3", events: 738,
      allowed: [.cpuAccessedDirty: 3, .generationInferred: 1, .rangeInferred: 22, .roleInferred: 3, .rootIdentity: 1]),
    Workload(name: "6.12.95-vm2b", events: 733, allowed: [.rootIdentity: 2]),
    Workload(
      name: "7.3.4-race3", events: 1129,
      allowed: [.faultEndedUnseen: 13, .printedLate: 7, .rangeInferred: 1, .rootIdentity: 1]),
    Workload(name: "7.3.4-seq3", events: 608, allowed: [.faultEndedUnseen: 1, .rootIdentity: 1]),
  ]

  @Test("every event, with no rule applied oftener than it must", arguments: workloads)
  func replayed(_ workload: Workload) throws {
    let report = try Conformance.replay(path: workload.path, kernel: nil)
    #expect(report.difference == nil)
    #expect(report.checks.isEmpty)
    #expect(report.matched == workload.events)
    #expect(report.compared == workload.events)
    #expect(report.kvmmmu == workload.events)
    #expect(report.allowed == workload.allowed)
  }

  @Test("clean by what any trace satisfies", arguments: workloads)
  func checked(_ workload: Workload) throws {
    let report = try Conformance.check(path: workload.path, kernel: nil)
    #expect(report.violations == [])
    #expect(report.applied[.continuity] ?? 0 > 0)
  }
}
