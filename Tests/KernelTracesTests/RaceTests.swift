import Foundation
import KernelTraces
import MMUEngine
import Testing

/// Traces of vCPUs that race with each other and with what takes their pages away, cut to the race.
@Suite("Races recorded on Debian 6.12")
struct RaceTests {
  static let races = [
    // A task works on its memory for a while; the ends of the notifier's ranges show nowhere.
    RecordedTrace(
      folder: "races", name: "notifier-ranges", events: 15,
      allowed: [.faultEndedUnseen: 2, .printedLate: 1, .rootIdentity: 1]),
    // The root's entry is read after kvm_mmu_spte_requested: another vCPU's link comes between.
    RecordedTrace(folder: "races", name: "root-read-late", events: 16, allowed: [:]),
    // Both vCPUs read an empty entry; the second one's exchange fails, and nothing is printed.
    RecordedTrace(folder: "races", name: "lost-exchange", events: 21, allowed: [.readEarlier: 1]),
    // Without probes: a root that has no entries goes without an event, and its vCPU makes another.
    RecordedTrace(folder: "races", name: "fast-zap-of-empty-root", events: 17, allowed: [.faultEndedUnseen: 53]),
    // Without probes: an MMIO entry is not checked while memslots are being swapped.
    RecordedTrace(
      folder: "races", name: "swap-untold", events: 96,
      allowed: [
        .cpuAccessedDirty: 3, .faultEndedUnseen: 33, .generationInferred: 7, .printedLate: 1, .rangeInferred: 3,
      ]),
    // An MMIO entry is looked at during a swap, and another vCPU has put a huge page there when the fault maps.
    RecordedTrace(
      folder: "races", name: "swap-behind-write", events: 1870, allowed: [.faultEndedUnseen: 79, .readEarlier: 1]),
    // Without probes: the end of dirty logging freezes an entry, faults go back until it is cleared.
    RecordedTrace(
      folder: "races", name: "recovery-frozen", events: 727, allowed: [.printedLate: 1, .rangeInferred: 4]),
    // 6.12.95. The last table of a recovery that no probe shows is given to RCU, and its page serves again.
    RecordedTrace(
      folder: "races", name: "table-given-to-rcu", events: 2249,
      allowed: [
        .generationInferred: 27, .gracePeriodInferred: 2, .prefaultInferred: 8, .printedLate: 7, .rangeInferred: 23,
      ]),
  ]

  @Test("every event, with no rule applied oftener than it must", arguments: races)
  func replayed(_ race: RecordedTrace) throws {
    try race.expectReplayed(kernel: .linux612)
  }

  @Test("clean by what any trace satisfies", arguments: races)
  func checked(_ race: RecordedTrace) throws {
    try race.expectClean(kernel: .linux612)
  }

  /// A line of a race, and what makes of it something that no kernel does.
  struct Mutant: Sendable, CustomTestStringConvertible {
    let race: String
    /// From 1; the difference is found there.
    let line: Int
    let text: String
    /// Nil: the line is left out.
    let replacement: String?

    var testDescription: String { "\(race): line \(line), \(text) to \(replacement ?? "nothing")" }

    init(_ race: String, _ line: Int, _ text: String, _ replacement: String?) {
      self.race = race
      self.line = line
      self.text = text
      self.replacement = replacement
    }
  }

  static let mutants = [
    // The first vCPU's exchange has not failed, so its event must be there.
    Mutant("lost-exchange", 22, "kvm_tdp_mmu_spte_changed", nil),
    // Without the write of another there is nothing that was read before it.
    Mutant("lost-exchange", 22, "level 1 old_spte 8000000000000000", "level 1 old_spte 8000000000000001"),
    // A table is made for the entry that the walk has come to: the root's, if it was read before the link, or the one below; its link shows which.
    Mutant("root-read-late", 17, "level 3", "level 4"),
    // Faults that map nothing leave the entry as it was.
    Mutant("recovery-frozen", 268, "8db0827", "8db1827"),
  ]

  @Test("mutants are refused", arguments: mutants)
  func refused(_ mutant: Mutant) throws {
    var lines = try ReplayTests.text("../races/\(mutant.race).trace.gz")
    let original = lines[mutant.line - 1]
    try #require(original.contains(mutant.text))
    if let replacement = mutant.replacement {
      lines[mutant.line - 1] = original.replacingOccurrences(of: mutant.text, with: replacement)
    } else {
      lines.remove(at: mutant.line - 1)
    }
    let report = try ReplayTests.replay(lines.dropLast(), "6.12")
    #expect(report.difference?.line == mutant.line)
  }
}
