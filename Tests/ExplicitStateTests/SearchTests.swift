import Execution
import ExplicitState
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// What a search decides and counts, on models with one behaviour each.
@Suite struct SearchTests {
  /// A counter that wraps, beside a flag that is never set.
  private static let counter = """
    var x: 0..9; y: boolean;
    startstate begin x := 0; y := false; end;
    rule "up" begin x := (x + 1) % 10; end;
    rule "back" x > 5 ==> begin x := 0; end;
    rule "never" y ==> begin x := 3; end;
    """

  @Test func countsOfACompleteSearch() throws {
    let report = try engine(Self.counter).explore()
    #expect(report.states == 10)
    #expect(report.rulesFired == 14)
    #expect(report.diameter == 9)
    #expect(report.startStates == 1)
    #expect(report.rules.map(\.fired) == [10, 4, 0])
    #expect(report.violations == [])
    #expect(report.isExhaustive)
  }

  @Test func everyPropertyIsDecidedForItself() async throws {
    // Both violations lie behind one another: the search goes on through the first.
    let text =
      Self.counter + """
        invariant "small" x < 4;
        invariant "true" x < 10;
        invariant "smaller" x < 7;
        """
    let engine = try engine(text)
    let properties = (0..<3).map(PropertyID.invariant) + [.runTimeErrors, .deadlock]
    let verdicts = try await engine.decide(properties, within: Budget())
    let proved = Verdict.proved(.search(states: 10, rulesFired: 14, diameter: 9), sizes: .thisScope)
    guard case .violated(let first, true) = verdicts[0], case .violated(let second, true) = verdicts[2] else {
      Issue.record("\(verdicts)")
      return
    }
    #expect(first.depth == 4)
    #expect(second.depth == 7)
    #expect(second.steps.map(\.values[0]) == (0...7).map(Value.integer))
    #expect(verdicts[1] == proved)
    #expect(verdicts[3] == proved)
    #expect(verdicts[4] == proved)
  }

  @Test func exploringStopsAtTheFirstViolation() throws {
    let report = try engine(Self.counter + "invariant \"small\" x < 4; invariant \"smaller\" x < 7;").explore()
    #expect(report.violations.map(\.property) == [.invariant(0)])
    #expect(report.states == 4)
    #expect(report.rulesFired == 4)
    #expect(!report.isExhaustive)
  }

  @Test func aTraceNamesRulesAndParameters() throws {
    let text = """
      type p: scalarset(2);
      var at: array[p] of 0..3; turn: p;
      startstate "begin" begin for i: p do at[i] := 0; end; clear turn; end;
      ruleset i: p do
        rule "step" at[i] < 3 ==> begin at[i] := at[i] + 1; turn := i; end;
      end;
      invariant "together" forall i: p do at[i] < 2 end | turn = turn;
      invariant "apart" !(forall i: p do at[i] = 1 end);
      """
    let trace = try engine(text).explore().trace(of: .invariant(1))
    #expect(outline(trace) == ["begin", "step i=p_0", "step i=p_1"])
    #expect(trace?.variables == ["at", "turn"])
    #expect(trace?.failure == nil)
    #expect(trace?.steps.last?.values[1] == .scalar(type: "p", index: 1))
  }

  @Test func aFailingRuleEndsItsTraceWithThePartialState() async throws {
    let text = """
      var x: 0..5; y: 0..5;
      startstate begin x := 0; y := 0; end;
      rule "up" x < 3 ==> begin x := x + 1; end;
      rule "bad" x = 2 ==> begin y := 4; x := x + 9; end;
      """
    let verdict = try await engine(text).decide([.runTimeErrors], within: Budget())[0]
    guard case .violated(let trace, true) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(outline(trace) == ["startstate 1", "up", "up", "bad", "4:41 value 11 is outside 0..5 of `x`"])
    #expect(trace.steps.last?.values == [.integer(2), .integer(4)])
  }

  @Test func aFailingStartStateIsStepZero() throws {
    let report = try engine("var x: 0..5; startstate begin x := 3; error \"no\"; end; rule begin end;").explore()
    #expect(outline(report.trace(of: .runTimeErrors)) == ["startstate 1", "1:39 no"])
    #expect(report.trace(of: .runTimeErrors)?.steps[0].values == [.integer(3)])
    #expect(report.states == 0)
  }

  @Test func assertionsAreProperties() async throws {
    let text = """
      var x: 0..5;
      startstate begin x := 0; end;
      rule begin x := (x + 1) % 6; assert x < 6 "always"; assert x < 3 "not always"; end;
      """
    let verdicts = try await engine(text).decide([.assertion(0), .assertion(1), .runTimeErrors], within: Budget())
    #expect(verdicts[0].isProved)
    #expect(verdicts[2].isProved)
    guard case .violated(let trace, true) = verdicts[1] else {
      Issue.record("\(verdicts)")
      return
    }
    #expect(trace.depth == 3)
    #expect(trace.failure?.property == .assertion(1))
  }

  @Test func anInvariantThatFailsToEvaluateIsARunTimeError() async throws {
    let text = """
      var x: 0..5; y: 0..5;
      startstate begin x := 0; end;
      rule begin x := (x + 1) % 6; end;
      invariant "reads" x < 2 | y = 0;
      invariant "goes on" x < 5;
      """
    let verdicts = try await engine(text).decide(
      [.invariant(0), .invariant(1), .runTimeErrors], within: Budget())
    guard case .violated(let own, true) = verdicts[0], case .violated(let later, true) = verdicts[1],
      case .violated(let trace, true) = verdicts[2]
    else {
      Issue.record("\(verdicts)")
      return
    }
    #expect(own == trace)
    #expect(later.depth == 5)
    #expect(trace.depth == 2)
    #expect(trace.failure?.location == "4:27")
  }

  @Test func assumptionsFilterStatesButNotFirings() throws {
    let text = """
      var x: 0..9;
      startstate begin x := 0; end;
      startstate begin x := 7; end;
      rule begin x := (x + 1) % 10; end;
      assume x < 5;
      """
    let report = try engine(text).explore()
    #expect(report.states == 5)
    #expect(report.rulesFired == 5)
    #expect(report.startStates == 1)
    #expect(report.violations == [])
  }

  @Test func coversCountStatesAndExecutions() async throws {
    let text =
      Self.counter + """
        ruleset i: 0..3 do cover "low" x = i; end;
        cover "unreached" y;
        rule "covered" x > 7 ==> begin cover x = 8 "eight"; cover y "not"; end;
        """
    let engine = try engine(text)
    let report = engine.exhaust()
    #expect(report.covers.map(\.hits) == [4, 0, 1, 0])
    let verdicts = try await engine.decide((0..<4).map(PropertyID.cover), within: Budget())
    #expect(verdicts.map(\.isProved) == [true, false, true, false])
    #expect(verdicts[1] == .vacuous(.coverNotReached(name: "unreached")))
    #expect(verdicts[3] == .vacuous(.coverNotReached(name: "not")))
  }

  @Test func implicationsThatNothingTriggers() throws {
    let text =
      Self.counter + """
        invariant "triggered" forall i: 0..9 do x = i & i > 8 -> x = 9 end;
        invariant "idle" y -> x = 3;
        """
    let report = try engine(text).exhaust()
    #expect(report.implications.map(\.isTriggered) == [true, false])
    #expect(report.implications.map(\.implication.property) == [0, 1])
  }

  @Test func copiesThatBeginWithTheSameTest() throws {
    // They are passed over together while it is false, but not while it fails.
    func text(_ start: String) -> String {
      """
      var mode: 0..2; x: 0..3;
      startstate begin x := 0; \(start) end;
      ruleset i: 0..2 do rule "step" mode = 1 & x = i ==> begin x := i + 1; end; end;
      ruleset i: 0..2 do rule "back" mode != 1 & x = i + 1 ==> begin x := i; end; end;
      rule "mode" x = 3 & !isundefined(mode) ==> begin mode := 2; end;
      """
    }
    let report = try engine(text("mode := 1;")).exhaust()
    #expect(report.rules.map(\.fired) == [3, 3, 2])
    #expect(report.states == 8)
    let undefined = try engine(text("")).exhaust()
    #expect(
      outline(undefined.trace(of: .runTimeErrors)) == [
        "startstate 1", "step i=0", "3:32 read of undefined value: `mode`",
      ])
    #expect(undefined.states == 1)
  }

  @Test func rulesThatTheConstantsSwitchOff() throws {
    let text = """
      const ON: false;
      var x: boolean;
      startstate begin x := false; end;
      rule "flip" begin x := !x; end;
      rule "off" ON & x ==> begin x := x; end;
      rule "fails first" x & ON ==> begin x := x; end;
      """
    let rules = try engine(text).explore().rules
    #expect(rules.map(\.isSwitchedOff) == [false, true, false])
    #expect(rules.map(\.fired) == [2, 0, 0])
  }

  @Test func noStartState() async throws {
    let filtered = "var x: 0..1; startstate begin x := 0; end; rule begin end; assume x = 1; invariant x = 1;"
    #expect(try await engine(filtered).decide([.invariant(0)], within: Budget()) == [.vacuous(.noStartState)])
    let none = try engine("var x: 0..1; rule begin x := 0; end; invariant x = 1;")
    #expect(try await none.decide([.invariant(0), .deadlock], within: Budget())[1] == .vacuous(.noStartState))
    #expect(none.explore().states == 0)
  }
}

extension Verdict {
  /// Whether this is a proof.
  var isProved: Bool { if case .proved = self { true } else { false } }
}
