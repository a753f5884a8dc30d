import Foundation
import TestSupport
import Testing

/// `kvmcheck export`: each format through a reader of its own, and what is refused.
@Suite("kvmcheck export")
struct ExportCommandTests {
  /// Exports a text given on standard input.
  private func export(_ options: [String], _ text: String = Texts.counter) throws -> CommandLineTool.Result {
    try CommandLineTool.run(["export", "-"] + options, input: text)
  }

  @Test("AIGER: abc finds the depths that prove reports, plus the offset that the file states")
  func aiger() throws {
    try TemporaryFolder.with { folder in
      let file = folder.url.appending(path: "counter.aig")
      for (only, answer) in [("below two", BerkeleyABC.Answer.asserted(time: 2)), ("small", .proved)] {
        let result = try export(["--to", "aiger", "--only", only, "-o", file.path])
        #expect(result.status == 0 && result.output == "" && result.errors == "")
        let bytes = Array(try Data(contentsOf: file))
        #expect(try BerkeleyABC().ask("pdr", about: bytes).answer == answer)
        let circuit = try AIGERCircuit(bytes)
        #expect(circuit.symbols["b0"] == only)
        #expect(circuit.comments.contains("scope default, constants N=3"))
        #expect(circuit.comments.contains { $0.hasPrefix("depth: offset 0;") })
      }
    }
  }

  @Test("AIGER: abc reads properties that are called as variables, latches' functions or each other are")
  func aigerNames() throws {
    let text = """
      var b: boolean; b_in: boolean; x: 0..3;
      startstate begin b := false; b_in := false; x := 0; end;
      rule "up" begin b := true; x := (x + 1) % 4; end;
      rule "down" b ==> begin b_in := true; end;
      invariant "b" x < 3;
      invariant "b_in" !b_in;
      invariant "b:0" x < 2;
      invariant "b:0_in" x < 2;
      invariant "x:0_in" b_in -> b;
      invariant "#rule:0" b_in -> b;
      invariant "same" x < 4;
      invariant "same" b_in -> b;

      """
    try TemporaryFolder.with { folder in
      let file = folder.url.appending(path: "names.aig")
      let result = try export(["--to", "aiger", "-o", file.path], text)
      #expect(result.status == 0, "\(result.errors)")
      let bytes = Array(try Data(contentsOf: file))
      // A file that abc does not read is no answer, and `ask` throws.
      #expect(try BerkeleyABC().ask("bmc3 -F 9", about: bytes).answer == .asserted(time: 2))
      let symbols = try AIGERCircuit(bytes).symbols
      #expect(Set(symbols.values).count == symbols.count)
      #expect(symbols["l0"] == "b:0" && symbols["l1"] == "b_in")
      #expect(symbols["b1"]?.hasPrefix("b_in (") == true)
    }
  }

  @Test("AIGER as text: by option or by the file's suffix, and the same circuit")
  func asciiAIGER() throws {
    try TemporaryFolder.with { folder in
      let text = folder.url.appending(path: "counter.aag")
      let binary = folder.url.appending(path: "counter.aig")
      #expect(try export(["--to", "aiger", "-o", text.path]).status == 0)
      #expect(try export(["--to", "aiger", "-o", binary.path]).status == 0)
      let bytes = Array(try Data(contentsOf: text))
      #expect(try export(["--to", "aiger", "--ascii"]).output == String(decoding: bytes, as: UTF8.self))
      let circuits = try (AIGERCircuit(bytes), AIGERCircuit(Array(try Data(contentsOf: binary))))
      #expect(bytes.starts(with: Array("aag ".utf8)))
      #expect(circuits.0.bads == circuits.1.bads && circuits.0.symbols == circuits.1.symbols)
      #expect(circuits.0.symbols["b2"] == "no run-time error")
    }
  }

  @Test("BTOR2: the tests' own reader finds the same depth")
  func btor2() throws {
    let result = try export(["--to", "btor2"])
    #expect(result.status == 0)
    let circuit = try BTOR2Circuit(result.output)
    #expect(circuit.bads.map(\.symbol) == ["small", "below_two", "no_run-time_error"])
    var state = circuit.reset
    var times: [[Bool]] = []
    for inputs in [[0], [0], [0]] as [[UInt128]] {
      let step = circuit.step(states: state, inputs: inputs)
      times.append(step.bads)
      state = step.next
    }
    #expect(times == [[false, false, false], [false, false, false], [false, true, false]])
  }

  @Test("SMT-LIB: sat at the depth of the violation and not before; unsat for what is inductive")
  func smtlib() throws {
    for solver in try SMTSolver.all() {
      for (options, answers) in [
        (["--only", "below two", "--depth", "1"], ["unsat"]), (["--only", "below two", "--depth", "2"], ["sat"]),
        (["--depth", "1"], ["unsat"]), ([], ["sat"]), (["--only", "small", "--depth", "7"], ["unsat"]),
      ] {
        let script = try export(["--to", "smt2"] + options)
        #expect(script.status == 0)
        #expect(try solver.answers(to: script.output) == answers, "\(solver) \(options)")
      }
      let script = try export(["--to", "smt2", "--question", "induction", "--only", "small"]).output
      #expect(
        try solver.answers(to: script).map { $0.replacingOccurrences(of: "\"", with: "") } == [
          "initiation, depth 0: small", "unsat", "initiation: codes", "unsat", "consecution: small", "unsat",
          "consecution: codes", "unsat",
        ])
      let both = try export(["--to", "smt2", "--question", "induction"]).output
      #expect(try solver.answers(to: both).contains("sat"))
    }
  }

  @Test("Horn clauses: sat for what holds, unsat for what does not")
  func horn() throws {
    let spacer = try SMTSolver("z3")
    for (options, answer) in [(["--only", "small"], "sat"), (["--only", "below two"], "unsat"), ([], "unsat")] {
      let script = try export(["--to", "horn"] + options)
      #expect(script.status == 0)
      #expect(script.output.contains("; scope default, constants N=3\n"))
      #expect(try spacer.answers(to: script.output) == [answer], "\(options)")
    }
  }

  @Test("Horn clauses: z3 with its own options does not lose states in its preprocessing")
  func hornPreprocessing() throws {
    let text = """
      const N: 2;
      type s: scalarset(N);
      var a: array[s] of boolean; c: boolean;
      startstate begin for i: s do a[i] := false; end; c := false; end;
      ruleset i: s; j: s do
        rule "both" i != j & !a[i] & !a[j] ==> begin a[i] := true; a[j] := true; end;
      end;
      rule "one" (exists i: s do a[i] end) & (exists k: s do !a[k] end) ==> begin c := true; end;
      invariant "c" !c;

      """
    let spacer = try SMTSolver("z3")
    #expect(try spacer.answers(to: export(["--to", "horn"], text).output) == ["sat"])
    let broken = text.replacing("a[i] := true; a[j] := true;", with: "a[i] := true;")
    #expect(try spacer.answers(to: export(["--to", "horn"], broken).output) == ["unsat"])
  }

  @Test("Murphi: rumur counts what explore counts, in every instance")
  func murphi() throws {
    for (options, states) in [
      ([], 2), (["--scope", "big"], 2), (["--variant", "to-one"], 2), (["--const", "N=0"], 1),
    ] {
      let result = try export(["--to", "murphi"] + options)
      #expect(result.status == 0)
      let rumur = try RumurRunner(options: ["--deadlock-detection=off"]).check(result.output)
      #expect(rumur.states == states)
      let explored = try CommandLineTool.run(["explore", "-", "--deadlock", "off"], input: result.output)
      #expect(explored.output.contains("  \(states) states, \(rumur.rulesFired) rules fired"))
    }
    let kept = try export(["--to", "murphi", "--only", "small"])
    #expect(try RumurRunner().check(kept.output).states == 4)
  }

  @Test("dot: the violated state is marked; only what was asked about")
  func dot() throws {
    let all = try export(["--to", "dot"])
    #expect(all.status == 0)
    #expect(all.output.contains("s2 [label=\"x = 2\\lviolated: below two\\l\", color=red"))
    #expect(all.output.contains("s3 -> s0 [label=\"again\"];"))
    let small = try export(["--to", "dot", "--only", "small"])
    #expect(!small.output.contains("violated"))
    #expect(try export(["--to", "dot", "--states", "4"]).status == 0)
  }

  @Test("30: more states than may be drawn; a file is left as it was")
  func tooManyStates() throws {
    try TemporaryFolder.with { folder in
      let file = try folder.file("old.dot", "old")
      let result = try export(["--to", "dot", "--states", "3", "-o", file.path])
      #expect(result.status == 30)
      #expect(result.errors.contains("more than 3 states"))
      #expect(try String(contentsOf: file, encoding: .utf8) == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["old.dot"])
    }
  }

  @Test("21 and 30: no finite terms, with the place")
  func notElaborated() throws {
    let text = """
      var x: 0..1000000000;
      startstate begin x := 0; end;
      rule "loop" begin while x < 1000000000 do x := x + 1; end; end;
      invariant "i" x >= 0;

      """
    let result = try export(["--to", "aiger"], text)
    #expect(result.status == 21)
    #expect(result.errors.contains("<stdin>:3:19: cannot be elaborated"))
    #expect(result.output == "")
    let wide = text.replacing("while x < 1000000000 do x := x + 1; end;", with: "for i: 0..99999999 do x := 0; end;")
    let refused = try export(["--to", "btor2"], wide)
    #expect(refused.status == 30)
    #expect(refused.errors.contains("<stdin>:3:23: cannot be elaborated"))
  }

  @Test("40: no model", arguments: ["smt2", "horn", "btor2", "aiger", "murphi", "dot"])
  func rejected(_ format: String) throws {
    let result = try export(["--to", format], "var x: boolean;\nstartstate begin x := 3; end;\n")
    #expect(result.status == 40)
    #expect(result.errors.contains("2:23") && result.errors.contains("^"))
    #expect(result.output == "")
  }

  @Test(
    "64: what makes no sense",
    arguments: [
      [], ["--to", "nonsense"], ["--to", "aiger", "--only", "nonsense"], ["--to", "aiger", "--only", "no deadlock"],
      ["--to", "murphi", "--only", "no run-time error"], ["--to", "dot", "--depth", "3"],
      ["--to", "aiger", "--depth", "3"],
      ["--to", "dot", "--ascii"], ["--to", "aiger", "--states", "3"], ["--to", "dot", "--states", "0"],
      ["--to", "btor2", "--question", "induction"], ["--to", "smt2", "--question", "induction", "--depth", "0"],
      ["--to", "smt2", "--format", "json"], ["--to", "smt2", "--scope", "nonsense"],
      ["--to", "smt2", "--variant", "nonsense"], ["--to", "smt2", "--depth", "-1"],
    ])
  func usage(_ options: [String]) throws {
    let result = try export(options)
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.output == "" && result.errors != "")
  }

  @Test("the same model gives the same bytes", arguments: ["smt2", "horn", "btor2", "aiger", "murphi", "dot"])
  func sameBytes(_ format: String) throws {
    let options = ["--to", format] + (format == "aiger" ? ["--ascii"] : [])
    let first = try export(options).output
    #expect(try export(options).output == first)
  }
}
