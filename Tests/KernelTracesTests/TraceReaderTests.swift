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
    "the same event in every layout, whatever the task is called",
    arguments: [
      "           ktest-226     [001] d..1.     8.592253: ",
      "           ktest-226   (  226) [001] d..1.     8.592253: ",
      "     a b-c [d-226   [001]     8.592253: ",
      "ktest   226 [001]     8.592253:   kvmmmu:",
      "ktest   220/226   [001]     8.592253:   kvmmmu:",
      "ktest   226 [001] d..1.     8.592253000:   kvmmmu:",
      "ktest   226 [001]     8.592253:          1   kvmmmu:",
      "   ktest-226     1d..1.     8.592253: ",
      "   ktest-226       1d..1. 8592253us : ",
      "   ktest-226       1dNs1. 8592253us!: ",
      "   CPU 3/KVM-226     [001] d..1.     8.592253: ",
      "   a-5 [7] b-226     [001] d..1.     8.592253: ",
      "   x-5 [003] 1.5: y-226     [001] d..1.     8.592253: ",
      "   Web Content [9]-226     [001] d..1.     8.592253: ",
      "   [1]-226     [001] d..1.     8.592253: ",
      "a-5 [003]   226 [001] 8.592253: kvmmmu:",
      "   a-1 2..  3-226     1d..1.     8.592253: ",
      "   ktest-226   [001]     8.592253: (+1420)  ",
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

  @Test(
    "perf's layout without its CPU",
    arguments: [
      "ktest   226     8.592253:   kvmmmu:", "ktest   220/226     8.592253000:   kvmmmu:",
      "a 5 b   226     8.592253:          1   kvmmmu:", "  220/226     8.592253:   kvmmmu:",
    ])
  func withoutCPU(prefix: String) throws {
    let records = try TraceFixture.records(prefix + Self.event + "\n")
    #expect(records.map(\.task) == [TaskID(226)])
    #expect(records.map(\.time) == [8_592_253_000])
  }

  @Test("a clock without seconds counts its ticks", arguments: ["tsc", "counter"])
  func ticks(clock: String) throws {
    let lines = [26_730_499_183_083, 26_730_499_183_090].map { "a-1     [000] d..1.  \($0): \(Self.event)\n" }
    #expect(try TraceFixture.records(lines.joined()).map(\.time) == [26_730_499_183_083, 26_730_499_183_090])
    #expect(throws: TraceError(line: 2, "time goes back behind line 1: the trace has been reordered")) {
      try TraceFixture.records(lines.reversed().joined())
    }
  }

  @Test("what tracers print beside events is no event")
  func otherEntries() throws {
    let head = "a-1     [000] d..1.     8.592253: "
    let entries = [
      "vcpu_enter_guest <-kvm_arch_vcpu_ioctl_run", "vcpu_run+0x12/0x30 [kvm] <-kvm_vcpu_ioctl+0x5/0x60 [kvm]",
      "<stack trace>", "<user stack trace>", "sys_ioctl(fd: b, cmd: ae80, arg: 0)", "sys_ioctl -> 0x0",
      "PERF_RECORD_MMAP2 226/226: [0x55d0(0x1000) @ 0 fd:01 1 0]: r-xp /usr/bin/a",
      "PERF_RECORD_COMM exec: a:226/226", "UNKNOWN TYPE 5",
    ]
    let others = " => kvm_mmu_load\nPERF_RECORD_FINISHED_ROUND\n"
    let text = entries.map { head + $0 + "\n" }.joined() + others + head + Self.event + "\n"
    #expect(try TraceFixture.records(text).map(\.line) == [12])
  }

  @Test("a vCPU's exit as the kernel prints it, and as versions of libtraceevent do")
  func exits() throws {
    let head = "a-1     [000] d..1.     8.592253: kvm_exit: "
    let text = [
      "vcpu 3 reason npf rip 0x0 info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0",
      "reason EXIT_NPF rip 0x0 info 100000014 0 vcpu 3", "reason EXIT_NPF rip 0x0 info 100000014 0",
      "vcpu 3 reason EPT_MISCONFIG rip 0x0", "reason EXIT_HLT rip 0x0 info 0 0 vcpu 3",
    ].map { head + $0 + "\n" }.joined()
    #expect(
      try TraceFixture.records(text).map(\.content) == [
        .exit(vcpu: 3, .pageFault), .exit(vcpu: 3, .pageFault), .exit(vcpu: nil, .pageFault),
        .exit(vcpu: 3, .misconfiguration), .exit(vcpu: 3, .other),
      ])
  }

  @Test("names beyond the 256th share one")
  func manyNames() throws {
    let text = (0..<1000).map { "a-1 [000] 8.592253: name\($0): x\n" }.joined()
    try TraceFixture.withFile(Data(text.utf8)) { path in
      var reader = TraceReader(try TraceFile(path: path))
      var last: TraceRecord?
      while let record = try reader.next() { last = record }
      #expect(reader.names.count == 257)
      #expect(reader.names[255] == "name255")
      #expect(reader.names[256] == "(further names)")
      #expect(last?.content == .other(EventName(256)))
    }
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
      ("cpus=2\nCPU:1 [12 EVENTS DROPPED]\n", 2, "the recorder lost events here: CPU:1 [12 EVENTS DROPPED]"),
      ("CPU:1 [EVENTS DROPPED]\n", 1, "the recorder lost events here: CPU:1 [EVENTS DROPPED]"),
      ("a 1 [000] 2.0: PERF_RECORD_LOST lost 17\n", 1, "the recorder lost events here: PERF_RECORD_LOST lost 17"),
      (
        "# tracer: nop\n#\n# entries-in-buffer/entries-written: 2223/9999   #P:2\n", 3,
        "the recorder lost events here: # entries-in-buffer/entries-written: 2223/9999   #P:2"
      ),
      (
        "# tracer: nop\n##### CPU 1 buffer started ####\n", 2,
        "the recorder lost events here: ##### CPU 1 buffer started ####"
      ),
      ("PERF_RECORD_LOST lost 17\n", 1, "the recorder lost events here: PERF_RECORD_LOST lost 17"),
      (
        "# latency: 0 us, #2572/19158, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)\n", 1,
        "the recorder lost events here: # latency: 0 us, #2572/19158, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)"
      ),
      (
        "# latency: 0 us, #2572/2572, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)\n138 0 12564330214 # f81 STEP\n",
        2,
        "ftrace's option raw, hex or bin is on, so that events have no text: switch it off: 138 0 12564330214 # f81 STEP"
      ),
      (
        "138 0 12596732574 type: 1713\n", 1,
        "ftrace's option raw, hex or bin is on, so that events have no text: switch it off: 138 0 12596732574 type: 1713"
      ),
      (
        "a-1 [000] 2.0: kvm_mmu_set_spte:      gfn=0 spte=85e2e67 sptep=7727000 level=1 r=1 x=1 u=1\n", 1,
        "kvm_mmu_set_spte came as fields in bases that are not told: print the trace without -R, -r or -n: "
          + "gfn=0 spte=85e2e67 sptep=7727000 level=1 r=1 x=1 u=1"
      ),
      ("# tracer: nop\na-1 [000] 1.0: x\u{0}: y\n", 2, "no event's name, the line is cut off or corrupt: \u{FFFD}: y"),
      ("# tracer: nop\na-1 [000] 1.0: x: \u{0}y\n", 2, "a NUL byte is in this line: the trace is corrupt"),
      ("BZh91AY&SY\n", 1, "this is compressed, and not by gzip: unpack it with bzip2 -d"),
      ("PERFILE2\u{1}\n", 1, "this is a recording, not yet text: print it with perf script"),
      ("\u{17}\u{8}Dtracing6\n", 1, "this is a recording, not yet text: print it with trace-cmd report"),
      ("x\u{1B}[2J\u{9B}\u{202E}\n", 1, "not a line of a trace: x\u{FFFD}[2J\u{FFFD}\u{FFFD}"),
      ("a-1 [000] .... 2.0: kvm_exit <\n", 1, "no event's name, the line is cut off or corrupt:  <"),
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

  /// A line of a trace, as text and as gzip.
  private static func line(_ time: Int) -> (text: Data, gzip: Data) {
    let text = Data("a-1 [000] \(time).0: x: y\n".utf8)
    // A gzip stream of one stored block: header, length and its complement, the bytes, CRC-32, length.
    let count = UInt16(text.count)
    var gzip = Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1])
    for value in [count, ~count] { gzip += [UInt8(value & 255), UInt8(value >> 8)] }
    gzip += text
    var checksum: UInt32 = ~0
    for byte in text {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    for value in [~checksum, UInt32(count)] { gzip += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    return (text, gzip)
  }

  @Test(
    "gzip streams one after the other are one trace; what is none behind them is counted, zeros are padding",
    arguments: [
      ([], 0, 2), ([0, 0, 0], 0, 2), (Array("rest".utf8), 4, 2), ([0, 0, 7], 1, 2), ([0x1F], 1, 2),
      ([0x1F, 0x8C], 2, 2),
      (Array("a-1 [000] 3.0: x: y\n".utf8), 20, 2), ([0, 0] + Array(line(3).gzip), 0, 3),
    ])
  func gzipStreams(tail: [UInt8], garbage: Int, count: Int) throws {
    let bytes = Self.line(1).gzip + Self.line(2).gzip + tail
    try TraceFixture.withFile(bytes) { path in
      var reader = TraceReader(try TraceFile(path: path))
      var lines: [Int] = []
      while let record = try reader.next() { lines.append(record.line) }
      #expect(lines == Array(1...count))
      #expect(reader.garbage == garbage)
    }
  }

  @Test("a second gzip stream that is cut off, or wrong, is an error as the first is")
  func secondStream() throws {
    let second = Self.line(2).gzip
    for count in 2..<second.count {
      // The last eight bytes follow the text.
      let line = count < second.count - 8 ? 2 : 3
      #expect(throws: TraceError(line: line, "the gzip stream is cut off here"), "\(count) bytes of it") {
        try TraceFixture.withFile(Self.line(1).gzip + second.prefix(count)) { try TraceFixture.records(path: $0) }
      }
    }
    var wrong = second
    wrong[second.count - 5] ^= 1
    #expect(throws: TraceError(line: 2, "the gzip stream is corrupt: incorrect data check")) {
      try TraceFixture.withFile(Self.line(1).gzip + wrong) { try TraceFixture.records(path: $0) }
    }
  }

  @Test("a recorded trace in two gzip streams, far longer than what is read at once, is the same trace")
  func longStreams() throws {
    let names = ["6.12.95-s2-4k.trace.gz", "6.12.95-s1-4k.trace.gz"].map { TraceFixture.folder.appending(path: $0) }
    let first = try TraceFixture.records(path: names[0].path)
    let whole = try Data(contentsOf: names[0])
    // The same trace behind itself: its time goes back.
    #expect(throws: TraceError.self) {
      try TraceFixture.withFile(whole + whole) { try TraceFixture.records(path: $0) }
    }
    let both = try TraceFixture.withFile(whole + Self.line(1_000_000).gzip) { try TraceFixture.records(path: $0) }
    #expect(both.count == first.count + 1)
    #expect(Array(both.dropLast()) == first)
  }

  @Test(
    "a file by xz or zstd",
    arguments: [([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd")])
  func otherCompression(magic: [UInt8], tool: String) throws {
    #expect(throws: TraceError(line: 1, "this is compressed, and not by gzip: unpack it with \(tool) -d")) {
      try TraceFixture.withFile(Data(magic + [0x0A])) { try TraceFixture.records(path: $0) }
    }
  }

  @Test("a folder")
  func folder() {
    #expect(throws: TraceError(line: 0, "cannot be read: Is a directory")) { try TraceFixture.records(path: "/") }
  }

  @Test("a cancelled task stops reading, and says so")
  func cancelled() async throws {
    let path = TraceFixture.folder.appending(path: "6.12.95-s1-4k.trace.gz").path
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      let check = try Conformance.check(path: path, kernel: nil)
      let replay = try Conformance.replay(path: path, kernel: nil)
      return (check.isStopped, check.lines, check.violations, replay.isStopped, replay.difference == nil)
    }
    let found = try await task.value
    #expect(found.0 && found.1 == 0 && found.2.isEmpty && found.3 && found.4)
  }

  @Test("a file that does not exist")
  func missing() {
    #expect(throws: TraceError(line: 0, "cannot be opened: No such file or directory")) {
      try TraceFixture.records(path: "/nowhere")
    }
  }
}
