import Foundation
import KernelTraces
import MMUEngine
import Testing

/// Traces of a random KVM user on kernels that the engine was not built from.
@Suite("Random workloads")
struct RandomWorkloadTests {
  static let workloads = [
    RecordedTrace(folder: "random-workloads", name: "6.12.95-seq4", events: 675, allowed: [.rootIdentity: 1]),
    RecordedTrace(
      folder: "random-workloads", name: "6.12.95-smm3", events: 738,
      allowed: [.cpuAccessedDirty: 3, .generationInferred: 1, .roleInferred: 9, .rootIdentity: 1]),
    RecordedTrace(folder: "random-workloads", name: "6.12.95-vm2b", events: 733, allowed: [.rootIdentity: 2]),
    RecordedTrace(
      folder: "random-workloads", name: "7.3.4-race3", events: 1129,
      allowed: [.faultEndedUnseen: 13, .printedLate: 7, .rangeInferred: 1, .rootIdentity: 1]),
    RecordedTrace(
      folder: "random-workloads", name: "7.3.4-seq3", events: 608, allowed: [.faultEndedUnseen: 1, .rootIdentity: 1]),
  ]

  @Test("every event, with no rule applied oftener than it must", arguments: workloads)
  func replayed(_ workload: RecordedTrace) throws {
    try workload.expectReplayed()
  }

  @Test("clean by what any trace satisfies", arguments: workloads)
  func checked(_ workload: RecordedTrace) throws {
    try workload.expectClean()
  }
}

/// What a rule lets through is narrow: one line beside it is refused at that line.
@Suite("Mutants of what the replay infers")
struct InferenceMutationTests {
  struct Mutant: Sendable, CustomTestStringConvertible {
    let rule: AllowanceRule
    let file: String
    /// From 1; the refusal comes at this line.
    let line: Int
    let text: String
    /// Nil: the line is left out.
    let replacement: String?

    var testDescription: String { "\(rule.rawValue): line \(line), \(text) to \(replacement ?? "nothing")" }

    init(_ rule: AllowanceRule, _ file: String, _ line: Int, _ text: String, _ replacement: String?) {
      self.rule = rule
      self.file = file
      self.line = line
      self.text = text
      self.replacement = replacement
    }
  }

  static let mutants = [
    // Memslot calls change generations by two; one that an event has shown is neither taken back nor passed.
    Mutant(.generationInferred, "6.12.95-smm3", 856, "8000001011147", "800000101114f"),
    Mutant(.generationInferred, "6.12.95-smm3", 886, "8000001014147", "8000001014157"),
    Mutant(.generationInferred, "6.12.95-smm3", 886, "8000001014147", "8000001014137"),
    // A CPU sets A and D, and takes no host-writable bit away.
    Mutant(.cpuAccessedDirty, "6.12.95-smm3", 724, "3683e67", "3683c67"),
    // A walk without a range goes only where leaves are.
    Mutant(.rangeInferred, "6.12.95-smm3", 724, "gfn 1019", "gfn 1fff"),
    // Another root may be meant, not another table.
    Mutant(.rootIdentity, "6.12.95-smm3", 2182, "89d0827", "89d1827"),
    Mutant(.rootIdentity, "7.3.4-race3", 263, "3183e67", "3183c67"),
    // An event printed late does not excuse an entry somewhere else.
    Mutant(.printedLate, "7.3.4-race3", 254, "a06d078", "a06d080"),
    // A fault may end unseen, but then it maps nothing: the event after the one left out has no cause.
    Mutant(.faultEndedUnseen, "7.3.4-race3", 252, "kvm_mmu_spte_requested", nil),
  ]

  @Test("is refused at its line", arguments: mutants)
  func refused(_ mutant: Mutant) throws {
    let path = "../random-workloads/\(mutant.file).trace.gz"
    var lines = try ReplayTests.text(path)
    let original = lines[mutant.line - 1]
    try #require(original.contains(mutant.text))
    if let replacement = mutant.replacement {
      lines[mutant.line - 1] = original.replacingOccurrences(of: mutant.text, with: replacement)
    } else {
      lines.remove(at: mutant.line - 1)
    }
    let kernel = KernelVersion.traced.first { $0.name == ReplayTests.kernel(of: mutant.file) }
    let records = try TraceFixture.records(lines.joined(separator: "\n") + "\n")
    var replay = MachineReplay(try #require(kernel), .npt)
    for record in records where replay.difference == nil { replay.consume(record) }
    #expect(replay.difference?.line == mutant.line)
  }
}
