import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("A trace that lacks something says so, and nothing of the engine")
struct IncompleteTraceTests {
  /// Line 1135, the last here, ends in `new_spte N`.
  private static func lines() throws -> [String] {
    Array(try ReplayTests.text("6.12.95-s3-4k.trace.gz").prefix(1135))
  }

  private static func replay(_ text: String) throws -> ReplayReport {
    try TraceFixture.withFile(Data(text.utf8)) { try Conformance.replay(path: $0, kernel: .linux612) }
  }

  private static func check(_ text: String) throws -> TraceCheckReport {
    try TraceFixture.withFile(Data(text.utf8)) { try Conformance.check(path: $0, kernel: .linux612) }
  }

  @Test(
    "cut off inside of a number: an error with the line; with a line's end behind it, a difference", arguments: 1...6)
  func cutInNumber(digits: Int) throws {
    let whole = try Self.lines().joined(separator: "\n")
    let place = try #require(whole.range(of: "new_spte ", options: .backwards))
    let cut = String(whole[..<place.upperBound]) + whole[place.upperBound...].prefix(digits)
    #expect(throws: TraceError(line: 1135, "the trace is cut off inside of this line")) { try Self.replay(cut) }
    let ended = try Self.replay(cut + "\n")
    #expect(ended.difference?.line == 1135)
    #expect(ended.difference?.isIncomplete == false)
  }

  @Test("a last line without an end that is whole counts like any other")
  func withoutEnd() throws {
    let whole = try Self.lines().joined(separator: "\n")
    let report = try Self.replay(whole)
    #expect(report.difference == nil)
    #expect(report.isLastCutOff)
    #expect(try Self.replay(whole + "\n").isLastCutOff == false)
    #expect(try Self.replay(whole + "\n").matched == report.matched)
    #expect(try Self.check(whole).isLastCutOff)
    #expect(try Self.check(whole + "\n").isLastCutOff == false)
  }

  @Test("a violation in the last line is one only where that has an end")
  func cutCheck() throws {
    var lines = try Self.lines()
    lines.append(
      "a-1 [000] ..... 99.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 1 level 2 old_spte 8000000000000000 new_spte 827")
    let text = lines.joined(separator: "\n")
    #expect(throws: TraceError(line: 1136, "the trace is cut off inside of this line")) { try Self.check(text) }
    #expect(try Self.check(text + "\n").violations.map(\.line) == [1136])
    // One before it counts all the same.
    #expect(try Self.check(text + "\n" + lines[1135]).violations.map(\.line).first == 1136)
  }

  @Test("without an event of kvmmmu nothing is compared, whatever else there is")
  func vacuous() throws {
    let text = try ReplayTests.text("6.12.95-s3-4k.trace.gz")
    let rest = text.filter { !$0.contains("_mmu_") && !$0.contains("mmio_") && !$0.contains("fast_page_fault") }
    for lines in [[], ["# tracer: nop"], ["", ""], rest] {
      let report = try ReplayTests.replay(lines, nil)
      #expect(report.isVacuous)
      #expect(report.difference == nil)
      #expect(try Self.check(lines.joined(separator: "\n")).isVacuous)
    }
    #expect(rest.contains { $0.contains(" kvm_entry: ") })
    let whole = try ReplayTests.replay(text, nil)
    #expect(!whole.isVacuous)
  }

  @Test("the trace begins after its root was made")
  func lateBeginning() throws {
    let text = try ReplayTests.text("6.12.95-s3-4k.trace.gz")
    let root = try #require(text.firstIndex { $0.contains("kvm_mmu_get_page") })
    let late = Array(text[(root + 1)...])
    #expect(
      throws: TraceError(line: 1, "vCPU 0 enters and has no root: the trace begins after the root was made")
    ) { try ReplayTests.replay(late, "6.12") }
    let fault = try #require(text.firstIndex { $0.contains("kvm_page_fault") })
    #expect(
      throws: TraceError(line: 1, "vCPU 0 faults and has no root: the trace begins after the root was made")
    ) { try ReplayTests.replay(Array(text[fault...]), "6.12") }
    let change = try #require(text.firstIndex { $0.contains("spte_changed") })
    #expect(
      throws: TraceError(
        line: 1,
        "nothing in the trace explains this event: the trace begins after the root was made, or lacks its kvm_mmu_get_page"
      )
    ) { try ReplayTests.replay(Array(text[change...]), "6.12") }
  }

  @Test("a trace of kvmmmu alone does not show faults; one that loses a later fault differs")
  func withoutFaults() throws {
    let text = try ReplayTests.text("6.12.95-s1-4k.trace.gz")
    let alone = text.filter { $0.contains(": kvm_mmu_") || $0.contains(": kvm_tdp_mmu_") }
    #expect(
      throws: TraceError(
        line: 2, "nothing in the trace explains this event: the trace has no kvm_page_fault before it")
    ) { try ReplayTests.replay(alone, "6.12") }
    let faults = text.indices.filter { text[$0].contains(": kvm_page_fault: ") }
    var mutant = text
    mutant.remove(at: faults[3])
    let report = try ReplayTests.replay(mutant, "6.12")
    #expect(report.difference?.reason == "nothing in the trace explains this event")
    #expect(report.difference?.isIncomplete == false)
  }

  @Test("a kernel whose empty entries are 0 is none of those that are known")
  func oldKernel() throws {
    let text = try ReplayTests.text("6.12.95-prove-s2-4k.trace.gz").map {
      $0.replacing("80000000000005a0", with: "5a0").replacing("8000000000000000", with: "0")
    }
    let line = try #require(text.firstIndex { $0.contains("spte_changed") }) + 1
    let message =
      "an empty entry is 0 and not 8000000000000000: a kernel older than those that are known (6.12, 6.12-prove, 7.3)"
    #expect(throws: TraceError(line: line, message)) { try ReplayTests.replay(text, nil) }
    #expect(throws: TraceError(line: line, message)) { try Self.check(text.joined(separator: "\n") + "\n") }
  }

  @Test("both sides of a difference, and the tables, in the trace's frames")
  func frames() throws {
    let lines = try ReplayTests.text("6.12.95-s3-4k.trace.gz")
    let links = lines.indices.filter { lines[$0].contains("level 2 old_spte 8000000000000000") }
    var mutant = lines
    mutant[links[1]] = mutant[links[1]].replacing("827", with: "a27")
    let difference = try #require(try ReplayTests.replay(mutant, "6.12").difference)
    #expect(difference.line == links[1] + 1)
    #expect(difference.engineSide.dropLast() == difference.traceSide.dropLast())
    #expect(difference.engineSide.contains { $0.contains("kvm_mmu_set_spte") && $0.contains(" at ") })
    // The new table's frame is the one thing that no event has told yet.
    let known = difference.path.filter { $0.contains("level 4") || $0.contains("level 3") }
    #expect(
      known == ["  level 4, table frame not shown, index 0: 8b6e827", "  level 3, table frame 8b6e, index 0: 8b6d827"])
  }
}
