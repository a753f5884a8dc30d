import Execution
import ExplicitState
import Foundation
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// States and rules fired equal rumur's, model by model; so does whether, and after what, the first error is found.
@Suite struct RumurComparisonTests {
  /// The repository's root.
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Compares one model with rumur. Where rumur finds an error, it must be ours: both stop there.
  @discardableResult
  private func compare(
    _ text: String, optimisation: Int = 0
  ) throws -> (ours: SearchReport, theirs: RumurRunner.Result) {
    let engine = try engine(text)
    let deadlock = engine.deadlock.rawValue
    let theirs = try RumurRunner(options: ["--deadlock-detection=\(deadlock)"], optimisation: optimisation).check(text)
    let ours = engine.explore()
    #expect(ours.states == theirs.states, "\(theirs.output)")
    #expect(ours.rulesFired == theirs.rulesFired, "\(theirs.output)")
    #expect(ours.violations.isEmpty == (theirs.errors == 0), "\(theirs.output)")
    return (ours, theirs)
  }

  @Test func toySecureEPT() throws {
    let text = try String(contentsOf: Self.root.appending(path: "Tests/Fixtures/toy-sept.m"), encoding: .utf8)
    let report = try engine(text).explore()
    #expect(report.states == 202_404)
    #expect(report.rulesFired == 1_358_577)
    #expect(report.diameter == 29)
    #expect(report.violations == [])
    #expect(
      report.rules.map(\.fired) == [
        14_248, 14_248, 142_624, 247_936, 142_624, 142_624, 121_472, 320_196, 84_612, 127_993,
      ])
    try compare(text, optimisation: 2)
  }

  /// A model that stands for a group of behaviours, and what comes of it; an error ends the search, so one per model.
  struct Case: Sendable, CustomTestStringConvertible {
    let states: Int
    let rulesFired: Int
    var violates: PropertyID?
    /// Part of rumur's message.
    var message: String?
    let text: String
    var testDescription: String { String(text.prefix(40)) }
  }

  private static let cases: [Case] = [
    // Arithmetic, loops downwards, shifts, switch, while.
    Case(
      states: 377, rulesFired: 1835,
      text: """
        var x: -9..9; y: -9..9; n: 0..9; s: -3..3;
        startstate begin x := 7; y := 0; n := 0; s := -2; end;
        rule "divide" begin y := -x / 2; x := x % -4; end;
        rule "down" begin n := 0; for i := x to 0 do n := (n + 1) % 10; end; end;
        rule "by" x > 0 ==> begin for i := x to -9 by s do n := (n + x - i) % 10; end; end;
        rule "loop" begin while n > 3 do n := n - 3; end; x := n + 1; end;
        rule "switch" begin switch x % 3 case 0, n: s := -1; case 1: s := -3; else s := -2; end; end;
        """),
    // Undefined values as parts of states, copies, isundefined, clear, undefine.
    Case(
      states: 2048, rulesFired: 16896,
      text: """
        type r: record a: 0..2; b: boolean; end;
        var x: array[0..1] of r; y: r; n: 0..3;
        startstate begin n := 0; end;
        ruleset i: 0..1 do
          rule "set" isundefined(x[i].a) ==> begin x[i].a := n % 3; end;
          rule "copy" begin y := x[i]; end;
          rule "back" x[i] != y ==> begin x[i] := y; end;
          rule "clear" begin clear x[i].b; end;
          rule "undefine" !isundefined(x[i].b) ==> begin undefine x[i]; end;
        end;
        rule "count" begin n := (n + 1) % 4; end;
        """),
    // Functions, references, recursion, aliases, local variables, returns.
    Case(
      states: 164, rulesFired: 366,
      text: """
        type t: 0..3;
        var a: array[t] of t; i: t;
        function sum(n: t): 0..12; var rest: 0..12; begin
          if n = 0 then return a[0]; end;
          rest := sum(n - 1);
          return rest + a[n];
        end;
        procedure bump(var p: t); begin p := (p + 1) % 4; end;
        procedure maybe(p: t); begin if !isundefined(p) then i := p; end; end;
        startstate begin for k: t do a[k] := 0; end; i := 0; end;
        rule "bump" begin bump(a[i]); end;
        rule "next" sum(3) > 2 ==> var u: t; begin i := sum(3) % 4; maybe(u); if i = 1 then return; end; i := 2; end;
        alias here: a[i]; do rule "alias" here = 2 ==> begin alias h: here; k: i do i := 3; h := k; end; end; end;
        """),
    // Assumptions, several start states, rulesets in rulesets, scalarsets.
    Case(
      states: 134, rulesFired: 578,
      text: """
        type p: scalarset(3);
        var at: array[p] of 0..2; who: p; b: boolean;
        ruleset f: boolean do startstate begin for i: p do at[i] := 0; end; b := f; end; end;
        ruleset i: p do
          rule "step" at[i] < 2 ==> begin at[i] := at[i] + 1; who := i; end;
          ruleset j: p do rule "swap" i != j & at[i] = 2 ==> begin at[j] := 0; at[i] := at[j]; b := !b; end; end;
        end;
        assume !(forall i: p do at[i] = 2 end);
        rule "local" !isundefined(who) ==> begin who := who; assume at[who] = 1; b := true; end;
        rule "define" isundefined(who) ==> begin clear who; end;
        """),
    // A violated invariant, found at the first state of its level.
    Case(
      states: 26, rulesFired: 40, violates: .invariant(0), message: "invariant \"sum\" failed",
      text: """
        var x: 0..20; y: 0..20;
        startstate begin x := 0; y := 3; end;
        rule x < 20 ==> begin x := x + 1; end;
        rule y < 20 ==> begin y := y + 2; end;
        invariant "sum" x + y < 14;
        """),
    // A run-time error in a body, in a guard, in an invariant.
    Case(
      states: 4, rulesFired: 3, violates: .runTimeErrors, message: "write of out-of-range value",
      text: """
        var x: 0..9;
        startstate begin x := 0; end;
        rule begin x := x + 3; end;
        """),
    Case(
      states: 4, rulesFired: 3, violates: .runTimeErrors, message: "read of undefined value in u within guard",
      text: """
        var x: 0..9; u: 0..9;
        startstate begin x := 0; end;
        rule x < 3 | u = 0 ==> begin x := x + 1; end;
        """),
    Case(
      states: 5, rulesFired: 5, violates: .runTimeErrors, message: "index out of range",
      text: """
        var x: 0..9; a: array[0..4] of boolean;
        startstate begin x := 0; for i: 0..4 do a[i] := true; end; end;
        rule begin x := x + 1; end;
        invariant a[x];
        """),
    // A type without values: whatever is done to a variable of it, it stays undefined.
    Case(
      states: 2, rulesFired: 4,
      text: """
        type t: enum {}; r: record a: t; b: boolean; end;
        var x: boolean; y: t; z: r; a: array[boolean] of r;
        procedure nothing(p: t; var q: t); begin if isundefined(p) & isundefined(q) then x := !x; end; end;
        startstate begin x := false; clear y; clear z; clear a; end;
        rule "clear" begin clear z; clear a; clear y; a[x] := z; x := !x; end;
        rule "pass" begin nothing(y, a[true].a); undefine y; end;
        invariant "undefined" isundefined(y) & isundefined(z.a) & isundefined(a[false].a) & !z.b & !a[x].b;
        """),
    Case(
      states: 2, rulesFired: 1, violates: .runTimeErrors, message: "read of undefined value in y within rule",
      text: """
        type t: enum {};
        var x: boolean; y: t; z: t;
        startstate begin x := false; clear y; end;
        rule "flip" !x ==> begin x := true; end;
        rule "copy" x ==> begin z := y; end;
        """),
    // A cover whose evaluation fails: the state is stored before it is looked at.
    Case(
      states: 4, rulesFired: 3, violates: .runTimeErrors, message: "read of undefined value in u within property",
      text: """
        var x: 0..9; u: 0..9;
        startstate begin x := 0; end;
        rule x < 9 ==> begin x := x + 1; end;
        cover "never" x = 3 & u = 1;
        """),
    // A deadlock behind a rule that stutters; the same with other meanings of deadlock.
    Case(
      states: 10, rulesFired: 19, violates: .deadlock, message: "deadlock",
      text: """
        var x: 0..9;
        startstate begin x := 0; end;
        rule x < 9 ==> begin x := x + 1; end;
        rule begin x := x; end;
        """),
    Case(
      states: 10, rulesFired: 19,
      text: """
        --@ deadlock stuck
        var x: 0..9;
        startstate begin x := 0; end;
        rule x < 9 ==> begin x := x + 1; end;
        rule begin x := x; end;
        """),
    Case(
      states: 10, rulesFired: 9,
      text: """
        --@ deadlock off
        var x: 0..9;
        startstate begin x := 0; end;
        rule x < 9 ==> begin x := x + 1; end;
        """),
    // No rule is enabled; no start state at all.
    Case(
      states: 1, rulesFired: 0, violates: .deadlock, message: "deadlock",
      text: """
        var x: 0..9;
        startstate begin x := 0; end;
        rule x = 1 ==> begin x := x + 1; end;
        """),
    Case(
      states: 0, rulesFired: 0,
      text: """
        var x: 0..9;
        rule x = 1 ==> begin x := x + 1; end;
        """),
  ]

  @Test(arguments: cases) func tinyModels(check: Case) throws {
    // rumur's arithmetic is narrow: a wide literal gives it room.
    let text = "const WIDE: 100000;\n" + check.text
    let (ours, theirs) = try compare(text)
    #expect(ours.states == check.states)
    #expect(ours.rulesFired == check.rulesFired)
    #expect(ours.violations.map(\.property) == (check.violates.map { [$0] } ?? []))
    #expect(theirs.message?.contains(check.message ?? "") ?? (check.message == nil), "\(theirs.output)")
  }

  @Test func coversAreCountedAlike() throws {
    let text = """
      const WIDE: 100000;
      var x: 0..9; y: 0..1;
      startstate begin x := 0; y := 0; end;
      rule "up" begin x := (x + 1) % 10; cover x = 3 "three"; end;
      rule "flip" begin y := 1 - y; end;
      ruleset i: 0..3 do cover "low" x = i; end;
      """
    let theirs = try RumurRunner().check(text)
    let ours = try engine(text).explore()
    #expect(Set(ours.covers.map(\.hits)) == Set(theirs.covers))
    #expect(ours.covers.map(\.hits) == [2, 8])
  }
}
