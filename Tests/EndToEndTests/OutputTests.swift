import Foundation
import Glibc
import Interchange
import Testing

/// What is printed, where, and what becomes of it when somebody stops listening.
@Suite("Output")
struct OutputTests {
  /// The members of a row that scripts rely on.
  static let members: Set<String> = [
    "model", "file", "scope", "constants", "variant", "property", "kind", "verdict", "engine", "evidence", "depth",
    "seconds", "trace", "certificate", "replay", "event", "bug", "design", "expected", "asExpected", "diagnostics",
  ]

  @Test("JSON has every member, null where there is no value, and ok")
  func json() throws {
    let result = try CommandLineTool.run(["prove", "invariants", "-", "--format", "json"], input: Texts.counter)
    let json = try result.json()
    #expect(json["schema"] == .string("kvmcheck/1"))
    #expect(json["ok"] == .boolean(false))
    let rows = try result.rows()
    #expect(rows.compactMap { $0["property"]?.text } == ["small", "below two"])
    for row in rows {
      guard case .object(let object) = row else { continue }
      #expect(Self.members.subtracting(object.keys) == [])
    }
    #expect(rows[0]["verdict"] == .string("proved"))
    #expect(rows[0]["evidence"] == .string("search"))
    #expect(rows[0]["trace"] == .null)
    #expect(rows[0]["constants"] == .object(["N": .integer(3)]))
    #expect(rows[1]["verdict"] == .string("violated"))
    #expect(rows[1]["depth"] == .integer(2))
    #expect(rows[1]["asExpected"] == .boolean(false))
    let good = try CommandLineTool.run(["prove", "invariants", "-", "--format", "json"], input: Texts.switching)
    #expect(try good.json()["ok"] == .boolean(true))
  }

  @Test("a rejected file is one row with its diagnostics")
  func rejectedRow() throws {
    let result = try CommandLineTool.run(["prove", "invariants", "-", "--format", "json"], input: "nonsense")
    let rows = try result.rows()
    #expect(rows.count == 1)
    #expect(rows.first?["verdict"] == .string("rejected"))
    guard case .array(let diagnostics)? = rows.first?["diagnostics"] else { return }
    #expect(!diagnostics.isEmpty)
    #expect(try result.json()["ok"] == .boolean(false))
  }

  @Test("a shipped model's file is named from the folder of Models/, any other as it was given")
  func file() throws {
    try TemporaryFolder.with { folder in
      func file(_ arguments: [String], in place: URL) throws -> String? {
        let result = try CommandLineTool.run(["prove", "invariants", "--format", "json"] + arguments, in: place)
        #expect(result.status == 0, "\(result.errors)")
        return try result.rows().first?["file"]?.text
      }
      let root = CommandLineTool.root
      let shipped = "Models/gmem-toggle.m"
      #expect(try file(["gmem-toggle"], in: root) == shipped)
      #expect(try file(["gmem-toggle"], in: root.appending(path: "Models")) == shipped)
      #expect(try file(["gmem-toggle", "--root", root.path], in: folder.url) == shipped)
      let mine = try folder.file("mine.m", Texts.switching)
      #expect(try file(["mine.m"], in: folder.url) == "mine.m")
      #expect(try file(["./mine.m"], in: folder.url) == "./mine.m")
      #expect(try file([mine.path], in: folder.url) == mine.path)
    }
  }

  @Test("explore --symmetry: counts of orbits, the same verdict, and a real run")
  func symmetry() throws {
    let text = """
      type p: scalarset(3);
      var on: array[p] of boolean;
      startstate begin for i: p do on[i] := false; end; end;
      ruleset i: p do rule "flip" begin on[i] := !on[i]; end; end;
      invariant "some off" exists i: p do !on[i] end;

      """
    func explore(_ text: String, _ options: [String]) throws -> CommandLineTool.Result {
      try CommandLineTool.run(["explore", "-", "--format", "json"] + options, input: text)
    }
    let holding = text.replacing("!on[i] end", with: "!on[i] | on[i] end")
    let plain = try explore(holding, []).json()
    let reduced = try explore(holding, ["--symmetry"]).json()
    #expect(plain["symmetry"] == .boolean(false) && reduced["symmetry"] == .boolean(true))
    #expect(plain["states"] == .integer(8) && reduced["states"] == .integer(4))
    #expect(plain["rulesFired"] == .integer(24) && reduced["rulesFired"] == .integer(12))
    #expect(plain["diameter"] == .integer(3) && reduced["diameter"] == .integer(3))
    #expect(reduced["verdict"] == .string("proved"))
    let violated = try explore(text, ["--symmetry"])
    #expect(violated.status == 10)
    #expect(try violated.json()["property"] == .string("some off"))
    // A loop that tells the values apart: said, and not reduced.
    let apart = holding + "rule \"first\" begin for i: p do if on[i] then return; end; on[i] := true; end; end;\n"
    let asymmetric = try explore(apart, ["--symmetry"])
    #expect(asymmetric.status == 0)
    #expect(asymmetric.errors.contains("no symmetry: 6:") && asymmetric.errors.contains("tells the values"))
    #expect(try asymmetric.json()["symmetry"] == .boolean(false))
    #expect(try asymmetric.json()["states"] == explore(apart, []).json()["states"])
    let none = try explore(Texts.switching, ["--symmetry"])
    #expect(none.errors.contains("the model has no scalarset"))
  }

  @Test("explore --only, --traces, --quiet")
  func exploreOptions() throws {
    try TemporaryFolder.with { folder in
      let model = try folder.file("counter.m", Texts.counter).path
      let traces = folder.url.appending(path: "traces").path
      let small = try CommandLineTool.run(["explore", model, "--only", "small"])
      #expect(small.status == 0)
      #expect(small.output.contains("4 states"))
      let unknown = try CommandLineTool.run(["explore", model, "--only", "smaller"])
      #expect(unknown.status == 64)
      #expect(unknown.errors.contains("no property is called smaller; known: small, below two"))
      let saved = try CommandLineTool.run(["explore", model, "--traces", traces, "--only", "below two", "--quiet"])
      #expect(saved.status == 10)
      #expect(!saved.output.contains("x: 1 → 2"))
      #expect(try CommandLineTool.run(["explore", model]).output.contains("x: 1 → 2"))
      let file = traces + "/counter.default.below-two.itf.json"
      #expect(try CommandLineTool.run(["replay", file, "--model", model]).status == 0)
    }
  }

  @Test("explore's JSON: exact counts")
  func explore() throws {
    let arguments = ["explore", "-", "--format", "json", "--const", "N=1"]
    let json = try CommandLineTool.run(arguments, input: Texts.counter).json()
    #expect(json["schema"] == .string("kvmcheck/1"))
    #expect(json["model"] == .string("stdin"))
    #expect(json["scope"] == .string("default"))
    #expect(json["verdict"] == .string("proved"))
    #expect(json["property"] == .null)
    #expect(json["states"] == .integer(2))
    #expect(json["rulesFired"] == .integer(2))
    #expect(json["diameter"] == .integer(1))
    #expect(json["symmetry"] == .boolean(false))
    #expect(json["trace"] == .null)
    #expect(
      json["rules"]
        == .array([
          .object(["name": .string("up"), "fired": .integer(1)]),
          .object(["name": .string("again"), "fired": .integer(1)]),
        ]))
    #expect(json["seconds"] != nil && json["bytesPerState"] != nil)
  }

  @Test("explore's JSON: one object too where nothing was searched")
  func unexplored() throws {
    let rejected = try CommandLineTool.run(["explore", "-", "--format", "json"], input: "nonsense")
    #expect(rejected.status == 40)
    #expect(try rejected.json()["verdict"] == .string("rejected"))
    #expect(try rejected.json()["states"] == .null)
    let wide = "var x: boolean; startstate begin x := false; end; ruleset i: 0..1000000000000 do rule begin end; end;"
    let limit = try CommandLineTool.run(["explore", "-", "--format", "json"], input: wide)
    #expect(limit.status == 30)
    #expect(try limit.json()["verdict"] == .string("limit"))
  }

  @Test("--only, --const, --scope, --variant, --all-variants, --quiet")
  func options() throws {
    func properties(_ options: [String]) throws -> [String] {
      let arguments = ["prove", "invariants", "-", "--format", "json"] + options
      return try CommandLineTool.run(arguments, input: Texts.counter).rows().map { row in
        "\(row["scope"]?.text ?? "")/\(row["variant"]?.text ?? "-")/\(row["property"]?.text ?? "")"
          + "/\(row["verdict"]?.text ?? "")"
      }
    }
    #expect(try properties(["--only", "small"]) == ["default/-/small/proved"])
    #expect(
      try properties(["--const", "N=1"]) == ["default/-/small/proved", "default/-/below two/proved"])
    #expect(try properties(["--scope", "big"]) == ["big/-/small/proved", "big/-/below two/violated"])
    #expect(try properties(["--variant", "to-one"]) == ["default/to-one/below two/proved"])
    #expect(
      try properties(["--all-variants"]) == [
        "default/-/small/proved", "default/-/below two/violated", "default/to-one/below two/proved",
      ])
    let loud = try CommandLineTool.run(["prove", "invariants", "-"], input: Texts.counter)
    let quiet = try CommandLineTool.run(["prove", "invariants", "-", "--quiet"], input: Texts.counter)
    #expect(quiet.status == loud.status)
    #expect(quiet.output.count < loud.output.count)
    #expect(quiet.output.contains("below two"))
    #expect(!quiet.output.contains("\u{1B}") && !loud.output.contains("\u{1B}"))
  }

  @Test("-o FILE: complete or not at all")
  func outputFile() throws {
    try TemporaryFolder.with { folder in
      let arguments = ["prove", "invariants", "-", "--format", "json"]
      let plain = try CommandLineTool.run(arguments, input: Texts.switching)
      let file = try folder.file("result.json", "old")
      let result = try CommandLineTool.run(arguments + ["-o", file.path], input: Texts.switching)
      #expect(result.status == 0)
      #expect(result.output == "")
      #expect(Self.timeless(try String(contentsOf: file, encoding: .utf8)) == Self.timeless(plain.output))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["result.json"])
      let link = folder.url.appending(path: "link.json").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file.path)
      #expect(try CommandLineTool.run(arguments + ["-o", link], input: Texts.counter).status == 10)
      #expect(try String(contentsOf: file, encoding: .utf8).contains("below two"))
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == file.path)
    }
  }

  @Test(
    "-o FILE holds what standard output would, in every command",
    arguments: [
      ["engine"], ["engine", "kick"], ["engine", "--format", "json"], ["host", "--device", "/nonexistent"],
      ["trace", "replay", "Tests/Fixtures/traces/TRACE"], ["trace", "check", "Tests/Fixtures/traces/TRACE"],
    ])
  func everyCommand(_ arguments: [String]) throws {
    let traces = CommandLineTool.root.appending(path: "Tests/Fixtures/traces").path
    let trace = try #require(try FileManager.default.contentsOfDirectory(atPath: traces).sorted().first)
    let arguments = arguments.map { $0.replacing("TRACE", with: trace) }
    try TemporaryFolder.with { folder in
      let plain = try CommandLineTool.run(arguments)
      let file = folder.url.appending(path: "result").path
      let result = try CommandLineTool.run(arguments + ["-o", file])
      #expect(result.status == plain.status)
      #expect(result.output == "")
      #expect(!plain.output.isEmpty)
      #expect(try String(contentsOfFile: file, encoding: .utf8) == plain.output)
      #expect(try CommandLineTool.run(arguments + ["-o", folder.url.path]).status == 64)
    }
  }

  @Test("the same input twice: the same bytes, seconds aside", arguments: [["--format", "json"], []])
  func deterministic(_ options: [String]) throws {
    let arguments = ["prove", "invariants", "gmem-toggle", "--all-variants"] + options
    let first = try CommandLineTool.run(arguments)
    let second = try CommandLineTool.run(arguments + ["--jobs", "1"])
    #expect(first.status == second.status)
    #expect(Self.timeless(first.output) == Self.timeless(second.output))
  }

  /// The text without times, and without the blanks that align them.
  static func timeless(_ text: String) -> String {
    text.replacing(/"seconds" : [0-9.e-]+/, with: "seconds").replacing(#/ *[0-9.]+ m?s\b/#, with: " time")
  }

  @Test(
    "engine: what a name stands for, and nothing else",
    arguments: [
      ("job_unlock", ["operations", "  job_unlock"]), ("sept_state", ["observables", "  sept_state[gfn=<gfn>]"]),
      ("page-freed-dirty", ["checks of the engine", "  page-freed-dirty: "]),
      ("no-track", ["policies (joined by +", "  no-track: "]),
      ("TDX_PREVIOUS_TLB_EPOCH_BUSY", ["operations", "  TDH.MEM.TRACK", " TDX_PREVIOUS_TLB_EPOCH_BUSY, "]),
    ])
  func engine(_ name: String, words: [String]) throws {
    let result = try CommandLineTool.run(["engine", name])
    #expect(result.status == 0)
    #expect(words.allSatisfy { result.output.contains($0) }, "\(result.output)")
    let heads = result.output.split(separator: "\n").filter { !$0.hasPrefix(" ") }
    #expect(heads.count == 1)
    let json = try CommandLineTool.run(["engine", name, "--format", "json"]).json()
    let listed = ["operations", "observables", "checks", "policies"].map { kind -> Int in
      guard case .array(let items)? = json[kind] else { return -1 }
      return items.count
    }
    #expect(listed.reduce(0, +) == 1 && !listed.contains(-1), "\(listed)")
    #expect(try CommandLineTool.run(["engine", name.uppercased() + "?"]).status == 64)
  }

  @Test("a broken pipe ends quietly", arguments: [["explore", "gmem-toggle"], ["engine"], ["--help"]])
  func brokenPipe(_ arguments: [String]) throws {
    try TemporaryFolder.with { folder in
      let errors = try folder.file("errors", "")
      let pipe = Pipe()
      let process = try CommandLineTool.process(arguments)
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = pipe
      process.standardError = try FileHandle(forWritingTo: errors)
      try pipe.fileHandleForReading.close()
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationReason == .exit)
      #expect(process.terminationStatus == 0)
      #expect(try String(contentsOf: errors, encoding: .utf8) == "")
    }
  }

  @Test("a signal: the finished rows, the rest as limit, 30", arguments: [SIGINT, SIGTERM])
  func interrupted(_ signal: Int32) throws {
    try TemporaryFolder.with { folder in
      let first = try folder.file("first.m", Texts.switching).path
      // As many searches as cores: none of them may keep the signal waiting.
      let variants = (0..<ProcessInfo.processInfo.activeProcessorCount).map { "--@ variant v\($0): => holds\n" }
      let endless = try folder.file("second.m", Texts.endless + variants.joined()).path
      // Limits of its own, so that a lost signal is a failed test and not a machine without memory.
      let limits = ["--timeout", "60", "--memory", "1G"]
      // The first file's rows are out: the second one is being searched, and would be for days.
      let result = try CommandLineTool.run(
        ["prove", "invariants", first, endless, "--all-variants", "--engine", "explicit"] + limits,
        untilOutputThen: signal)
      #expect(result.status == 30)
      let text = result.output
      #expect(text.contains("A switch") && text.contains("proved"))
      #expect(text.contains("An endless one") && text.contains("limit") && text.contains("interrupted"))
    }
  }
}
