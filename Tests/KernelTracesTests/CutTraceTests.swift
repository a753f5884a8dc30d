/// Traces that begin while their VM is running: recorded ones, cut.
import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("Traces that begin in the middle of a VM's life")
struct CutTraceTests {
  /// Every recorded trace, by its path from Tests/Fixtures/traces.
  static let names: [String] = ["traces", "random-workloads", "races"].flatMap { folder in
    let url = TraceFixture.folder.deletingLastPathComponent().appending(path: folder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.filter { $0.hasSuffix(".trace.gz") }.sorted().map { "../\(folder)/\($0)" }
  }

  private static func kernel(of name: String) -> String {
    name.contains("7.3") ? "7.3" : name.contains("prove") ? "6.12-prove" : "6.12"
  }

  private static func check(_ lines: ArraySlice<String>, _ name: String) throws -> TraceCheckReport {
    try TraceCheckerTests.check(Array(lines), kernel(of: name))
  }

  /// The header's lines.
  private static func header(_ lines: [String]) -> Int { lines.firstIndex { !$0.hasPrefix("#") } ?? 0 }

  /// Lines to begin at: spread over the trace, and about the making of roots and of what stands below them, where most is open.
  private static func starts(_ lines: [String]) -> [Int] {
    let spread = stride(from: header(lines) + 1, to: lines.count - 2, by: max(1, lines.count / 12))
    let makings = lines.indices.filter { index in
      lines[index].contains("get_page") && [" l5 ", " l4 ", " l3 "].contains { lines[index].contains($0) }
    }
    return spread + makings.prefix(8).flatMap { [$0, $0 + 1] }
  }

  @Test("clean wherever a trace is cut off before, and after", arguments: names)
  func clean(name: String) throws {
    let lines = try ReplayTests.text(name).dropLast().map { $0 }
    for start in Self.starts(lines) {
      let rest = try Self.check(lines[start...], name)
      #expect(rest.violations == [], "from line \(start + 1) on")
      let part = try TraceCheckerTests.check(Array(lines[start..<min(lines.count, start + 300)]), nil)
      #expect(part.violations == [], "300 lines from line \(start + 1) on, kernel inferred")
    }
  }

  @Test("what is judged is told, and how much was taken as given", arguments: TraceFixture.names)
  func report(name: String) throws {
    let lines = try ReplayTests.text(name)
    let start = lines.count / 2
    let report = try Self.check(lines[start...], name)
    let adoption = try #require(report.adoption)
    #expect(adoption.trees == 1)
    #expect(adoption.line != nil)
    #expect(adoption.tables > 0)
    #expect(adoption.entries >= adoption.tables)
    #expect(report.notCheckable.map(\.rule) == [.invalidRoot])
    #expect(report.applied[.alignment] ?? 0 > 0)
  }

  @Test(
    "the first entry tells whose format it is, whatever its level",
    arguments: [
      // EPT: a table, 4 KiB, 2 MiB. NPT: a table, 4 KiB, 2 MiB with NX.
      (3, "8000000000b00907", SPTEFormat.Vendor.ept), (1, "8600000000d00b37", .ept), (2, "8600000000e00bb7", .ept),
      (3, "b00827", .npt), (1, "d00e67", .npt), (2, "8000000000e00ee7", .npt),
    ])
  func vendor(level: Int, entry: String, vendor: SPTEFormat.Vendor) throws {
    func change(_ task: String, _ gfn: String, _ level: Int, _ old: String, _ new: String) -> String {
      "\(task) [000] .... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn \(gfn) level \(level) old_spte \(old) new_spte \(new)"
    }
    let none = "8000000000000000"
    let lines = ["a-1 [000] .... 1.0: kvm_entry: vcpu 0, rip 0x0", change("a-1", "40000", level, none, entry)]
    #expect(try TraceCheckerTests.check(lines, "6.12").violations == [])
    // Writable, and the other vendor's bits for it.
    let wrong = vendor == .ept ? "8000000000f00f37" : "600000000f00877"
    let report = try TraceCheckerTests.check(lines + [change("a-1", "80001", 1, none, wrong)], "6.12")
    #expect(report.violations.map(\.rule) == [.writable])
  }

  /// A change of an entry in a trace's text.
  private struct Change {
    let line: Int
    /// Address space, frame and level.
    let place: String
    let old: String
    let new: String
    /// Whether a table comes in.
    var isLink: Bool { new.hasSuffix("827") }

    init?(_ text: String, line: Int) {
      let words = text.split(separator: " ")
      guard text.contains("spte_changed: "), let old = words.firstIndex(of: "old_spte") else { return nil }
      self.line = line
      place = words[(old - 7)..<old].joined(separator: " ")
      self.old = String(words[old + 1])
      new = String(words[old + 3])
    }

    /// The value with another frame; where none is mapped, a table's pointer.
    static func other(_ value: String) -> String {
      let number = UInt64(value, radix: 16) ?? 0
      return number & 0x800 == 0 ? "7ffffff827" : String(number ^ 0x7_0000_0000, radix: 16)
    }
  }

  /// The changes of entries that were shown before, in a trace of one task that has come back from whatever it did when it was
  /// cut; without links of tables: the frame of a table whose link is wrong is unknown, as another tree's would be.
  private static func shownChanges(_ lines: ArraySlice<String>) -> [Change] {
    guard let first = lines.firstIndex(where: { $0.contains(": kvm_entry: ") }) else { return [] }
    var shown: Set<String> = []
    return lines[first...].indices.compactMap { index in
      guard let change = Change(lines[index], line: index) else { return nil }
      if shown.insert(change.place).inserted { return nil }
      return change.isLink ? nil : change
    }
  }

  private static func mutants(
    _ name: String, every step: Int, of changes: (ArraySlice<String>) -> [Change], _ edit: (String, Change) -> String
  ) throws -> (count: Int, missed: [String]) {
    let lines = try ReplayTests.text(name)
    var count = 0
    var missed: [String] = []
    for start in [lines.count / 5, lines.count / 3, lines.count / 2] {
      let found = changes(lines[start...])
      for change in stride(from: 0, to: found.count, by: step).map({ found[$0] }) {
        var mutant = lines
        mutant[change.line] = edit(lines[change.line], change)
        count += 1
        let report = try check(mutant[start...], name)
        if report.isClean { missed.append("from \(start + 1), line \(change.line + 1): \(mutant[change.line])") }
      }
    }
    return (count, missed)
  }

  @Test("an old value that a shown entry never had is found", arguments: TraceFixture.names)
  func continuity(name: String) throws {
    let found = try Self.mutants(name, every: 31, of: Self.shownChanges) { line, change in
      line.replacingOccurrences(of: "old_spte \(change.old)", with: "old_spte \(Change.other(change.old))")
    }
    #expect(found.missed == [])
  }

  @Test(
    "what an event says by itself is found wherever the trace begins",
    arguments: ["6.12.95-s3-4k.trace.gz", "6.12.95-s6-2m.trace.gz", "7.3.4-s1-4k.trace.gz"])
  func alone(name: String) throws {
    func changes(_ lines: ArraySlice<String>) -> [Change] { lines.indices.compactMap { Change(lines[$0], line: $0) } }
    let leaf = try Self.mutants(
      name, every: 101, of: { changes($0).filter { $0.place.hasSuffix("level 1") } },
      { line, change in
        line.replacingOccurrences(
          of: "old_spte \(change.old) new_spte \(change.new)", with: "old_spte 1234e67 new_spte 1235e67")
      })
    #expect(leaf.missed == [])
    let misaligned = try Self.mutants(
      name, every: 101, of: { changes($0).filter { !$0.place.hasSuffix("level 1") } },
      { line, change in
        let gfn = change.place.split(separator: " ")[4]
        return line.replacingOccurrences(of: "gfn \(gfn) level", with: "gfn \(gfn.dropLast())1 level")
      })
    #expect(misaligned.missed == [])
  }
}
