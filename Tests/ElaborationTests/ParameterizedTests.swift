import Diagnostics
import Elaboration
import Foundation
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// Scalarsets of any size: what becomes a function, what is refused, and that every step is Execution's.
@Suite("parameterized elaboration")
struct ParameterizedTests {
  private static let head = """
    type S: scalarset(3); T: scalarset(2); E: enum {A, B, C}; P: record f: boolean; g: E; end;

    """

  /// A model with its variables, rule body and whatever follows.
  private func model(_ variables: String, _ start: String, _ rest: String) -> String {
    Self.head + "var \(variables)\nstartstate begin \(start) end;\n\(rest)"
  }

  @Test(
    "maintained models: every scalarset is open, and every step is Execution's",
    arguments: [
      "vm-types", "coco-flags", "sept-teardown", "gmem-toggle", "tdx-locks",
    ])
  func maintained(_ name: String) throws {
    let comparison = try OpenComparison(ModelTests.model(name))
    #expect(comparison.elaboration.asymmetries.isEmpty)
    #expect(comparison.elaboration.system.sorts.count == comparison.model.scalarsets.count)
    for seed in 1...UInt64(3) { #expect(comparison.difference(steps: 12, seed: seed) == nil, "seed \(seed)") }
  }

  /// How many random models are compared; `KVMCHECK_RANDOM_MODELS` asks for more.
  private static let seeds: Range<UInt64> = {
    let more = ProcessInfo.processInfo.environment["KVMCHECK_RANDOM_MODELS"].flatMap { UInt64($0) }
    return 0..<(more ?? 150)
  }()

  @Test("random models: every step is Execution's")
  func random() throws {
    var compared = 0
    var open = 0
    for seed in Self.seeds {
      let text = RandomModels.model(seed: seed, dialect: .full).rendered
      guard let comparison = try Self.comparison(text) else { continue }
      compared += 1
      if !comparison.elaboration.system.sorts.isEmpty { open += 1 }
      if let found = comparison.difference(steps: 6, seed: seed) { Issue.record("seed \(seed): \(found)\n\(text)") }
    }
    #expect(compared * 2 > Self.seeds.count, "\(compared) of \(Self.seeds.count) models were compared")
    #expect(open * 3 > compared, "\(open) of \(compared) models have an open scalarset")
  }

  /// The comparison of a model; nil for one that the checker rejects or whose loops have no bound.
  private static func comparison(_ text: String) throws -> OpenComparison? {
    do { return try OpenComparison(text) } catch is Rejection { return nil } catch is ElaborationError { return nil }
  }

  @Test("the comparison can fail")
  func comparisonCanFail() throws {
    let base = model("a: array [S] of boolean;", "for s: S do a[s] := false; end;", "")
    let rule = "ruleset s: S do rule \"r\" begin "
    let one = try OpenComparison(base + rule + "a[s] := true; end; end;")
    for body in ["a[s] := !a[s];", "for t: S do a[t] := true; end;", "assume !a[s]; a[s] := true;", "assert a[s];"] {
      let other = try OpenComparison(base + rule + body + " end; end;")
      let mixed = OpenComparison(mixing: one, termsOf: other)
      #expect(mixed.difference(steps: 4, seed: 1) != nil, "\(body)")
    }
    #expect(OpenComparison(mixing: one, termsOf: one).difference(steps: 4, seed: 1) == nil)
  }

  /// Statements over `a: array [S] of boolean; b: array [S] of array [T] of E; x: E; p: S; q: array [T] of S`, executed alike.
  @Test(
    "bodies that keep every scalarset open",
    arguments: [
      "for s: S do a[s] := !a[s]; end;",
      "for s: S do for t: T do if b[s][t] = A then b[s][t] := B; end; end; end;",
      "for s: S do if a[s] then x := C; end; end;",
      "for s: S do for t: T do if b[s][t] != A then a[s] := true; end; end; end;",
      "if forall s: S do a[s] -> (exists t: T do b[s][t] = A end) end then x := B; end;",
      "p := i; a[p] := true;",
      "if p != i then b[p][j] := C; a[i] := false; end;",
      "for t: T do q[t] := i; end;",
      "if q[j] = p then x := B; else q[j] := i; end;",
      "a[q[j]] := !a[q[j]];",
      "if some() then x := C; end;",
      "undefine p; if isundefined(p) then x := B; end; p := i;",
      "for s: S do if q[j] = s then a[s] := true; end; end;",
      "switch p case i: x := B; else x := C; end;",
      "alias place: b[i] do place[j] := C; end;",
      "touch(a[i]); touch(a[p]);",
      "for s: S do touch(a[s]); end;",
      "b[i] := b[p];",
    ])
  func openBodies(_ body: String) throws {
    let comparison = try OpenComparison(Self.whole(body))
    #expect(comparison.elaboration.asymmetries.map(\.message) == [])
    #expect(comparison.difference(steps: 12, seed: 5) == nil)
  }

  /// The model around a body.
  private static func whole(_ body: String) -> String {
    head + """
      var a: array [S] of boolean; b: array [S] of array [T] of E; x: E; p: S; q: array [T] of S; n: 0..3; z: S;
      function some(): boolean; begin for s: S do if a[s] then return true; end; end; return false; end;
      procedure touch(var f: boolean); begin f := !f; end;
      ruleset i: S; j: T do
        startstate begin
          for s: S do a[s] := s = i; for t: T do b[s][t] := A; end; end;
          for t: T do q[t] := i; end;
          x := A; p := i; n := 0; undefine z;
        end;
        rule "r" begin \(body) end;
        rule "other" !a[i] ==> begin a[i] := true; p := i; b[i][j] := B; end;
      end;
      ruleset e: E do rule "set" begin x := e; end; end;
      invariant "all" forall s: S do a[s] -> (x != C | exists t: T do b[s][t] = B end) end;
      """
  }

  /// Bodies that tell the elements of `S` apart, with what is said of them.
  @Test(
    "bodies that close a scalarset",
    arguments: [
      ("clear p;", "`clear` gives it the first value"),
      ("for s: S do if a[s] then p := s; end; end;", "the passes of the loop depend on each other"),
      ("for s: S do if a[s] & n < 3 then n := n + 1; end; end;", "the passes of the loop depend on each other"),
      ("for s: S do a[p] := !a[s]; end;", "the passes of the loop depend on each other"),
      ("for s: S do a[s] := false; return; end;", "which pass of the loop ends the body depends on their order"),
      (
        "for s: S do if a[s] then return; end; assert x = A; end;",
        "which pass of the loop ends the body depends on their order"
      ),
      ("for s: S do assert a[s]; assert x = A; end;", "which pass of the loop fails depends on their order"),
      ("if exists s: S do a[s] & z = p end then x := B; end;", "which pass of the loop fails depends on their order"),
    ])
  func closedBodies(_ body: String, _ reason: String) throws {
    let comparison = try OpenComparison(Self.whole(body))
    #expect(comparison.elaboration.asymmetries.map(\.message) == ["tells the values of a scalarset apart: \(reason)"])
    let lines = Self.whole(body).split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(lines.firstIndex { $0.contains("rule \"r\"") }) + 1
    #expect(comparison.elaboration.asymmetries.first?.location.hasPrefix("\(line):") == true)
    #expect(comparison.elaboration.system.sorts.map(\.name) == ["T"])
    #expect(comparison.difference(steps: 12, seed: 5) == nil)
  }

  @Test("two scalarsets that meet are both closed")
  func mixture() throws {
    let text = """
      type S: scalarset(2); U: scalarset(2); T: scalarset(2);
      var a: array [T] of S; u: U;
      startstate begin for t: T do undefine a[t]; end; undefine u; end;
      ruleset s: S; t: T do rule "r" begin u := s; a[t] := u; end; end;
      """
    let comparison = try OpenComparison(text)
    #expect(comparison.elaboration.asymmetries.map(\.location) == ["4:43"])
    #expect(comparison.elaboration.system.sorts.isEmpty)
    #expect(comparison.difference(steps: 6, seed: 1) == nil)
  }

  @Test("the toy: functions, rules, and no quantifier where none is needed")
  func toy() throws {
    let url = ModelTests.fixture("toy-sept.m")
    let text = try String(contentsOf: url, encoding: .utf8)
    let comparison = try OpenComparison(text)
    let system = comparison.elaboration.system
    #expect(system.sorts.map(\.name) == ["table", "leaf", "vcpu"])
    #expect(
      system.functions.map(\.name) == [
        "linked[]", "present[][]", "blocked[][]", "tracked[][]", "used[][]", "tlb[][][]", "inside[]", "stale[]",
      ])
    #expect(system.rules.count == 10)
    for seed in 1...UInt64(4) { #expect(comparison.difference(steps: 15, seed: seed) == nil) }
  }

  @Test("ranges with a predicate per value have their limit")
  func wide() throws {
    let text = "var x: 0..2000; startstate begin x := 0; end; rule \"r\" begin x := 1; end;"
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check().model
    #expect {
      _ = try ParameterizedElaborator(model).elaborate()
    } throws: { error in
      (error as? ElaborationError)?.reason == .enumeration(values: 1024)
    }
  }
}
