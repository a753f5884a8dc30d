import Foundation
import KernelTraces
import MMUEngine
import Testing

/// Files of recorded traces, and texts written for a test.
enum TraceFixture {
  /// Tests/Fixtures/traces.
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/traces")

  /// The recorded traces, by name.
  static var names: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".trace.gz") }.sorted()
  }

  /// A file with this text, gone when the test has run.
  static func withFile<Result>(_ bytes: Data, _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)")
    try bytes.write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
  }

  /// Every record of a text.
  static func records(_ text: String) throws -> [TraceRecord] {
    try withFile(Data(text.utf8)) { try records(path: $0) }
  }

  static func records(path: String) throws -> [TraceRecord] {
    var reader = TraceReader(try TraceFile(path: path))
    var found: [TraceRecord] = []
    while let record = try reader.next() { found.append(record) }
    return found
  }
}

@Suite("Reading traces")
struct TraceReaderTests {
  private static let event =
    "kvm_tdp_mmu_spte_changed: as id 0 gfn 1000 level 1 old_spte 8000000000000000 new_spte 7fde8e67"

  @Test(
    "the same event in three layouts",
    arguments: [
      "           ktest-226     [001] d..1.     8.592253: ",
      "           ktest-226   (  226) [001] d..1.     8.592253: ",
      "     a b-c [d-226   [001]     8.592253: ",
      "ktest   226 [001]     8.592253:   kvmmmu:",
      "ktest   220/226   [001]     8.592253:   kvmmmu:",
    ])
  func layouts(prefix: String) throws {
    let records = try TraceFixture.records(prefix + Self.event + "\n")
    let change = TraceEvent.spteChanged(
      .normal, GFN(0x1000), .page4K, old: .nonpresent, new: SPTE(rawValue: 0x7FDE_8E67))
    #expect(
      records == [
        TraceRecord(line: 1, task: TaskID(226), cpu: 1, time: 8_592_253_000, content: .mmu(change))
      ])
  }

  @Test("every line of every recorded trace is understood, the counts are those of the files")
  func fixtures() throws {
    #expect(TraceFixture.names.count == 17)
    var events = 0
    for name in TraceFixture.names {
      let records = try TraceFixture.records(path: TraceFixture.folder.appending(path: name).path)
      events += records.count { if case .mmu = $0.content { true } else { false } }
    }
    #expect(events == 40_549)
  }

  @Test(
    "what cannot be trusted is an error with its line",
    arguments: [
      ("# tracer: nop\nnonsense\n", 2, "not a line of a trace: nonsense"),
      (
        "a-1 [000] .... 2.0: x: y\na-1 [000] .... 1.0: x: y\n", 2,
        "time goes back behind line 1: the trace has been reordered"
      ),
      (
        "a-1 [000] .... 2.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 10 lev\n", 1,
        "kvm_tdp_mmu_spte_changed not understood, cut off or corrupt: lev"
      ),
      ("CPU:1 [LOST 12 EVENTS]\n", 1, "the recorder lost events here: CPU:1 [LOST 12 EVENTS]"),
      ("a-1 [000] .... 2.0: kvm_tdp_m", 1, "no event's name, the line is cut off or corrupt: "),
    ])
  func errors(text: String, line: Int, message: String) throws {
    #expect(throws: TraceError(line: line, message)) { try TraceFixture.records(text) }
  }

  @Test("a gzip stream that is cut off is an error, not a shorter trace")
  func truncatedGzip() throws {
    let path = TraceFixture.folder.appending(path: "6.12.95-s1-4k.trace.gz")
    let whole = try Data(contentsOf: path)
    let error = #expect(throws: TraceError.self) {
      try TraceFixture.withFile(whole.prefix(whole.count / 2)) { try TraceFixture.records(path: $0) }
    }
    #expect(error?.message == "the gzip stream is cut off here")
  }

  @Test("a file that does not exist")
  func missing() {
    #expect(throws: TraceError(line: 0, "/nowhere: cannot be opened: No such file or directory")) {
      try TraceFixture.records(path: "/nowhere")
    }
  }
}
