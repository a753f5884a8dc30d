import Execution
import ExplicitState
import Logic
import TestSupport
import Testing
import TransitionSystems

/// Random runs: what they meet, what they count, and that a seed says all.
@Suite struct RandomSimulationTests {
  private func simulate(
    _ text: String, runs: Int = 20, steps: Int = 50, seed: UInt64 = 1, budget: Budget = Budget(),
    only: PropertyID? = nil
  ) throws -> SimulationReport {
    let engine = try engine(text)
    let options = SimulationOptions(
      runs: runs, steps: steps, seed: seed, budget: budget, deadlock: engine.deadlock, only: only)
    var simulation = RandomSimulation(engine.program, options: options)
    return simulation.run()
  }

  private static let walk = """
    const TOP: 9;
    var x: 0..9; y: 0..9;
    ruleset i: 0..2 do startstate "at" begin x := i; y := 0; end; end;
    rule "up" x < 9 ==> begin x := x + 1; end;
    rule "down" x > 0 ==> begin x := x - 1; end;
    rule "nothing" begin x := x; end;
    rule "off" TOP = 3 ==> begin y := 5; end;
    invariant "in range" x <= TOP;

    """

  @Test func nothingIsFound() throws {
    let report = try simulate(Self.walk)
    #expect(report.runs == 20)
    #expect(report.longestRun == 50)
    #expect(report.rulesFired == 20 * 50)
    #expect(report.fired[2] == 0 && report.fired[3] == 0)
    #expect(report.ruleNames == ["up", "down", "nothing", "off"])
    #expect(report.states == 10)
    #expect(report.deadlocks == 0)
    #expect(report.violation == nil && report.limit == nil)
  }

  @Test func aSeedSaysAll() throws {
    let reports = try (1...3).map { try simulate(Self.walk, runs: 3, steps: 30, seed: $0).fired }
    #expect(Set(reports).count > 1)
    for seed in 1...3 {
      #expect(try simulate(Self.walk, runs: 3, steps: 30, seed: UInt64(seed)).fired == reports[seed - 1])
    }
    let first = try simulate(Self.walk.replacing("x <= TOP", with: "x < 7"), seed: 5).violation
    #expect(first != nil)
    #expect(try simulate(Self.walk.replacing("x <= TOP", with: "x < 7"), seed: 5).violation == first)
  }

  /// Whatever way the run took, the trace leads from a start state up, without a state twice.
  @Test(arguments: 1...10 as ClosedRange<UInt64>) func theTraceHasNoDetours(seed: UInt64) throws {
    let report = try simulate(Self.walk.replacing("x <= TOP", with: "x < 7"), steps: 1000, seed: seed)
    let trace = try #require(report.violation?.trace)
    #expect(report.violation?.property == .invariant(0))
    #expect(trace.steps.last?.values.first == .integer(7))
    #expect(trace.steps.dropFirst().allSatisfy { $0.firing.name == "up" })
    #expect(Set(trace.steps.map(\.values)).count == trace.steps.count)
    #expect(report.limit == nil)
  }

  @Test func aFailureEndsIt() throws {
    let report = try simulate(Self.walk + "rule \"fail\" x = 4 ==> begin y := 1; error \"boom\"; end;\n")
    #expect(report.violation?.property == .runTimeErrors)
    let trace = try #require(report.violation?.trace)
    #expect(trace.failure?.message.contains("boom") == true)
    #expect(trace.steps.last?.firing.name == "fail")
    #expect(trace.steps.last?.values == [.integer(4), .integer(1)])
    let reading = try simulate(Self.walk + "invariant \"division\" 3 / (x - 5) < 9;\n")
    #expect(reading.violation?.property == .runTimeErrors)
    #expect(reading.violation?.trace.steps.last?.values.first == .integer(5))
    let start = try simulate("var x: 0..1; startstate \"s\" begin x := 2; end; rule begin x := 0; end;\n")
    #expect(start.violation?.trace.depth == 0)
    #expect(start.states == 0)
  }

  /// The others' violations stop nothing: `x < 5` falls on the way to the one asked about, and the failing firing leads nowhere.
  @Test func onlyOneIsAskedAbout() throws {
    let text =
      Self.walk
      + "invariant \"low\" x < 5;\ninvariant \"lower\" x < 8;\nrule \"fail\" x = 6 ==> begin error \"boom\"; end;\n"
    let lower = try simulate(text, steps: 10000, only: .invariant(2))
    #expect(lower.violation?.property == .invariant(2))
    #expect(lower.violation?.trace.steps.last?.values.first == .integer(8))
    let low = try simulate(text, steps: 10000, only: .invariant(1))
    #expect(low.violation?.property == .invariant(1))
    #expect(low.violation?.trace.steps.last?.values.first == .integer(5))
    #expect(try simulate(text, steps: 10000, only: .runTimeErrors).violation?.property == .runTimeErrors)
    let range = try simulate(text, steps: 1000, only: .invariant(0))
    #expect(range.violation == nil && range.runs == 20 && range.states == 10)
  }

  /// An invariant that cannot be evaluated does not hold; that it is a run-time error counts where everything is asked about.
  @Test func whatCannotBeEvaluatedDoesNotHold() throws {
    let text = Self.walk + "invariant \"quotient\" 3 / (x - 5) < 9;\n"
    #expect(try simulate(text, steps: 1000).violation?.property == .runTimeErrors)
    let one = try simulate(text, steps: 1000, only: .invariant(1))
    #expect(one.violation?.property == .invariant(1))
    #expect(one.violation?.trace.steps.last?.values.first == .integer(5))
  }

  @Test func aDeadlockNobodyAsksAboutIsCounted() throws {
    let report = try simulate(Self.trap, only: .invariant(0))
    #expect(report.deadlocks == 20 && report.violation == nil)
    #expect(try simulate(Self.trap, only: .deadlock).violation?.property == .deadlock)
  }

  private static let trap = """
    var x: 0..3;
    startstate begin x := 0; end;
    rule "go" x < 2 ==> begin x := x + 1; end;
    rule "home" x = 1 ==> begin x := 0; end;
    rule "stay" x = 2 ==> begin x := 2; end;
    invariant "never" x < 3;

    """

  @Test(arguments: [("stuttering", 20), ("stuck", 0), ("off", 0)]) func deadlocks(mode: String, count: Int) throws {
    let report = try simulate("--@ deadlock \(mode)\n" + Self.trap)
    #expect(report.runs == 20)
    #expect(report.deadlocks == count)
    #expect(report.violation?.property == (count > 0 ? .deadlock : nil))
    #expect(report.violation?.trace.depth == (count > 0 ? 2 : nil))
  }

  @Test func aViolationCountsMoreThanADeadlock() throws {
    let text = Self.trap + "rule \"rare\" x = 1 ==> begin x := 3; end;\n"
    let reports = try (1...20).map { try simulate(text, runs: 1000, seed: $0) }
    #expect(reports.allSatisfy { $0.violation?.property == .invariant(0) && $0.runs < 1000 })
    #expect(reports.contains { $0.deadlocks > 0 } && reports.contains { $0.deadlocks == 0 })
    #expect(reports.allSatisfy { $0.deadlocks == $0.runs - 1 })
  }

  @Test func assumptionsKeepOut() throws {
    let report = try simulate(Self.walk + "assume \"low\" x < 3;\n")
    #expect(report.states == 3)
    #expect(report.longestRun == 50)
    let none = try simulate(Self.walk + "assume \"nothing\" false;\n")
    #expect(none.states == 0 && none.rulesFired == 0 && none.violation == nil)
    #expect(none.runs == 20)
  }

  /// Wherever it is in a run that would take for ever.
  @Test func cancellationEndsIt() async throws {
    let engine = try engine(Self.walk)
    let options = SimulationOptions(runs: 2, steps: .max, seed: 1, deadlock: engine.deadlock)
    let task = Task.detached {
      var simulation = RandomSimulation(engine.program, options: options)
      return simulation.run()
    }
    await Task.yield()
    task.cancel()
    #expect(await task.value.limit == .interrupted)
  }

  @Test func theBudgetIsExact() throws {
    #expect(try simulate(Self.walk, budget: Budget(states: 10)).limit == nil)
    let report = try simulate(Self.walk, budget: Budget(states: 9))
    #expect(report.limit == .states(9))
    #expect(report.states == 9)
    #expect(try simulate(Self.walk, budget: Budget(bytes: 1)).limit == .memory)
  }
}
