import Foundation
import Interchange
import TestSupport
import Testing

/// One exit code per meaning, the same in every command.
@Suite("Exit codes")
struct ExitCodeTests {
  /// Runs on a model given on standard input.
  private func prove(_ text: String, _ options: [String] = []) throws -> CommandLineTool.Result {
    try CommandLineTool.run(["prove", "invariants", "-"] + options, input: text)
  }

  @Test("0: all holds")
  func proved() throws {
    let result = try prove(Texts.switching)
    #expect(result.status == 0)
    #expect(result.output.contains("A switch"))
    #expect(result.output.contains("either"))
    #expect(result.errors == "")
  }

  @Test("10: a violation, with its trace; also by explore")
  func violated() throws {
    let result = try prove(Texts.counter)
    #expect(result.status == 10)
    #expect(result.output.contains("below two"))
    #expect(result.output.contains("depth 2, shortest"))
    #expect(result.output.contains("up"))
    let explored = try CommandLineTool.run(["explore", "-"], input: Texts.counter)
    #expect(explored.status == 10)
    #expect(explored.output.contains("violated: below two"))
  }

  @Test("11: a deadlock; also by explore; none where the command line says off")
  func deadlock() throws {
    let text = Texts.counter.replacingOccurrences(of: "x = N ==>", with: "x > N ==>")
    #expect(try prove(text, ["--only", "no deadlock"]).status == 11)
    #expect(try CommandLineTool.run(["explore", "-", "--const", "N=1"], input: text).status == 11)
    let off = ["explore", "-", "--const", "N=1", "--deadlock", "off"]
    #expect(try CommandLineTool.run(off, input: text).status == 0)
  }

  @Test("12: a rule that never fires; no start state")
  func vacuous() throws {
    let idle = Texts.switching + "rule \"never\" x & !x ==> begin x := true; end;\n"
    let result = try prove(idle)
    #expect(result.status == 12)
    #expect(result.output.contains("rule \"never\" never fires"))
    let none = Texts.switching + "assume \"nothing\" false;\n"
    #expect(try prove(none).status == 12)
    #expect(try CommandLineTool.run(["explore", "-"], input: none).status == 12)
  }

  @Test("20: bounded search finds nothing")
  func bounded() throws {
    let result = try prove(Texts.switching, ["--engine", "bmc", "--depth", "4", "--deadlock", "off"])
    #expect(result.status == 20)
    #expect(result.output.contains("no violation up to depth 4"))
  }

  @Test("30: time; an unbounded ruleset")
  func limit() throws {
    let result = try prove(Texts.endless, ["--engine", "explicit", "--timeout", "0.05"])
    #expect(result.status == 30)
    let explored = try CommandLineTool.run(["explore", "-", "--timeout", "0.05"], input: Texts.endless)
    #expect(explored.status == 30)
    let wide = """
      var x: boolean;
      startstate begin x := false; end;
      ruleset i: 0..1000000000000 do rule "r" i = 3 ==> begin x := !x; end; end;
      invariant "i" x | !x;

      """
    let refused = try prove(wide)
    #expect(refused.status == 30)
    #expect(refused.output.contains("too wide to enumerate"))
    #expect(try CommandLineTool.run(["explore", "-"], input: wide).status == 30)
  }

  @Test("21: what nobody was asked about is no success")
  func unasked() throws {
    let result = try prove(Texts.switching, ["--engine", "k-induction", "--format", "json"])
    #expect(result.status == 21)
    #expect(try result.json()["ok"] == .boolean(false))
  }

  @Test("30: memory, whoever decides; never a verdict", arguments: ["auto", "explicit", "bmc", "k-induction"])
  func memory(_ engine: String) throws {
    let result = try prove(Texts.switching, ["--engine", engine, "--memory", "1M", "--format", "json"])
    #expect(result.status == 30)
    #expect(try result.rows().allSatisfy { $0["verdict"] == .string("limit") })
    let explored = try CommandLineTool.run(
      ["explore", "-", "--memory", "1", "--format", "json"], input: Texts.switching)
    #expect(explored.status == 30)
    #expect(try explored.json()["verdict"] == .string("limit"))
  }

  @Test("30: the time limit ends a rule that takes for ever")
  func endlessRule() throws {
    let text =
      Texts.switching + "rule \"long\" begin for a: 0..999 do for b: 0..999 do for c: 0..999 do "
      + "for d: 0..999 do x := x; end; end; end; end; end;\n"
    #expect(try prove(text, ["--timeout", "0.05"]).status == 30)
    #expect(try CommandLineTool.run(["explore", "-", "--timeout", "0.05"], input: text).status == 30)
  }

  @Test("64: a folder without models; a variant that no file has; a property that a variant does not name")
  func nothingToCheck() throws {
    try TemporaryFolder.with { folder in
      let models = folder.url.appending(path: "Models")
      try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
      let all = ["prove", "invariants", "--root", folder.url.path]
      let empty = try CommandLineTool.run(all)
      #expect(empty.status == 64)
      #expect(empty.errors.contains("nothing to check"))
      _ = try folder.file("Models/a.m", Texts.counter)
      _ = try folder.file("Models/b.m", Texts.switching)
      let named = try CommandLineTool.run(all + ["--variant", "to-one", "--format", "json"])
      #expect(named.status == 0)
      #expect(try named.rows().map { $0["model"]?.text } == ["a"])
      #expect(try CommandLineTool.run(all + ["--variant", "nobody"]).status == 64)
      let silent = try CommandLineTool.run(all + ["--variant", "to-one", "--only", "small"])
      #expect(silent.status == 64)
      #expect(silent.errors.contains("variant to-one states nothing of a property called \"small\""))
    }
  }

  @Test("40: what is no model", arguments: ["prove invariants", "explore"])
  func rejected(_ command: String) throws {
    try TemporaryFolder.with { folder in
      let deep = String(repeating: "(", count: 100_000) + "true" + String(repeating: ")", count: 100_000)
      let files: [(URL, String)] = try [
        (folder.url.appending(path: "missing.m"), "no such file"),
        (folder.url, "is a folder"),
        (folder.file("nul.m", "var x: boolean;\u{0}"), "NUL"),
        (folder.file("latin.m", Data([0x2D, 0x2D, 0xE9, 0x0A])), "UTF-8"),
        (folder.file("deep.m", "startstate begin end; invariant \"i\" \(deep);"), "nest"),
        (folder.file("type.m", "var x: boolean; startstate begin x := 3; end;"), "boolean"),
        (folder.file("syntax.m", "var x boolean;"), "expected"),
      ]
      for (file, words) in files {
        let result = try CommandLineTool.run(command.split(separator: " ").map(String.init) + [file.path])
        #expect(result.status == 40, "\(file.lastPathComponent): \(result.output)\(result.errors)")
        let said = result.output + result.errors
        #expect(said.contains(words), "\(file.lastPathComponent): \(said)")
        #expect(!said.contains("internal error"))
      }
    }
  }

  @Test(
    "0 or 10: a chain of thousands is no nesting", arguments: [(LongChain.and, Int32(10)), (.sum, 10), (.elsif, 0)])
  func longChains(_ chain: LongChain, status: Int32) throws {
    let explored = try CommandLineTool.run(["explore", "-", "--deadlock", "off"], input: chain.model(10_000))
    #expect(explored.status == status, "\(explored.errors)")
  }

  @Test("40: a diagnostic shows line, column and the place")
  func excerpt() throws {
    let result = try prove("var x: boolean;\nstartstate begin x := 3; end;\n")
    #expect(result.status == 40)
    let said = result.output + result.errors
    #expect(said.contains("2:23"))
    #expect(said.contains("startstate begin x := 3; end;"))
    #expect(said.contains("^"))
  }

  @Test(
    "64: a command line that makes no sense",
    arguments: [
      ["prove", "invariants", "-", "--nonsense"], ["prove", "invariants", "-", "--scope", "nonsense"],
      ["prove", "invariants", "-", "--variant", "nonsense"], ["prove", "invariants", "nonsense"],
      ["prove", "invariants", "-", "-"], ["prove", "invariants", "-", "--engine", "nonsense"],
      ["prove", "invariants", "-", "--depth", "-1"], ["prove", "invariants", "-", "--jobs", "0"],
      ["prove", "invariants", "-", "--timeout", "0"], ["prove", "invariants", "-", "--memory", "much"],
      ["prove", "invariants", "-", "--const", "N"], ["prove", "invariants", "--root", "/nonexistent"],
      ["prove", "invariants", "-", "--const", "N=true"], ["prove", "invariants", "-", "--const", "M=3"],
      ["explore", "-", "--const", "N=many"], ["explore", "-", "--const", "M=3"],
      ["prove", "invariants", "--const", "TABLES=2"], ["prove", "invariants", "-", "-o", "/nonexistent/x"],
      ["prove", "invariants", "-", "-o", "/"], ["explore", "-", "-o", "/dev/null/x"],
      ["prove", "invariants", "-", "--traces", "/dev/null"], ["prove", "invariants", "-", "--traces", "/proc/x"],
      ["prove", "invariants", "-", "--traces", ""],
      ["explore", "-", "--nonsense"], ["explore", "nonsense"], ["explore", "-", "--scope", "nonsense"],
      ["explore", "-", "--variant", "nonsense"], ["explore"], ["nonsense"], ["engine", "nonsense"], ["replay"],
    ])
  func usage(_ arguments: [String]) throws {
    let result = try CommandLineTool.run(arguments, input: Texts.counter)
    #expect(result.status == 64, "\(result.output)\(result.errors)")
    #expect(result.output == "")
    #expect(result.errors != "")
  }

  @Test(
    "a common option that has no effect is taken, and said to have none",
    arguments: [
      ["explore", "-", "--engine", "bmc"], ["explore", "-", "--depth", "3"], ["explore", "-", "--paths", "any"],
      ["explore", "-", "--jobs", "2"], ["explore", "-", "--seed", "3"], ["simulate", "-", "--engine", "bmc"],
      ["simulate", "-", "--depth", "3"], ["simulate", "-", "--jobs", "2"],
      ["export", "-", "--to", "smt2", "--engine", "bmc"], ["export", "-", "--to", "smt2", "--jobs", "2"],
      ["export", "-", "--to", "smt2", "--seed", "3"],
    ])
  func ineffective(_ arguments: [String]) throws {
    let plain = try CommandLineTool.run(Array(arguments.dropLast(2)), input: Texts.counter)
    let result = try CommandLineTool.run(arguments, input: Texts.counter)
    #expect(result.status == plain.status)
    let option = arguments[arguments.count - 2]
    let warning = "warning: \(option) has no effect on kvmcheck \(arguments[0])"
    #expect(result.errors.contains(warning))
    #expect(!plain.errors.contains("has no effect"))
    #expect(try !CommandLineTool.run([arguments[0], "--help"]).output.contains(option + " <"))
  }

  @Test(
    "64: what other commands do not look at",
    arguments: [
      ["certificate", "check", "--scope", "large"], ["certificate", "check", "--const", "TABLES=4"],
      ["certificate", "check", "--engine", "bmc"],
    ])
  func unknownThere(_ arguments: [String]) throws {
    let result = try CommandLineTool.run(arguments, input: Texts.counter)
    #expect(result.status == 64)
    #expect(result.output == "")
    #expect(result.errors.contains("Unknown option '\(arguments[arguments.count - 2])'"))
  }

  @Test("0: help and version", arguments: [["--help"], ["--version"], ["prove", "invariants", "--help"], ["engine"]])
  func help(_ arguments: [String]) throws {
    let result = try CommandLineTool.run(arguments)
    #expect(result.status == 0)
    #expect(result.output != "")
    #expect(result.errors == "")
  }

  @Test("the worst of several files counts: 10 before 40")
  func several() throws {
    try TemporaryFolder.with { folder in
      let good = try folder.file("good.m", Texts.switching).path
      let bad = try folder.file("bad.m", Texts.counter).path
      let none = folder.url.appending(path: "none.m").path
      #expect(try CommandLineTool.run(["prove", "invariants", good, none]).status == 40)
      #expect(try CommandLineTool.run(["prove", "invariants", good, none, bad]).status == 10)
      #expect(try CommandLineTool.run(["prove", "invariants", good]).status == 0)
    }
  }
}
