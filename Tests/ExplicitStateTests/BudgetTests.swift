import Execution
import ExplicitState
import TestSupport
import Testing
import TransitionSystems

/// Limits, interruption, determinism.
@Suite struct BudgetTests {
  /// 1,000,000 states that no property cuts short.
  private static let large = """
    var x: 0..999; y: 0..999;
    startstate begin x := 0; y := 0; end;
    rule "x" begin x := (x + 1) % 1000; end;
    rule "y" begin y := (y + 1) % 1000; end;
    invariant "first" x < 1000;
    invariant "sixth" x != 6;
    """

  @Test func exactlyTheBudgetIsEnough() async throws {
    let text = "var x: 0..9; startstate begin x := 0; end; rule begin x := (x + 1) % 10; end; invariant x < 10;"
    let engine = try engine(text)
    let enough = try await engine.decide([.invariant(0)], within: Budget(states: 10))
    #expect(enough == [.proved(.search(states: 10, rulesFired: 10, diameter: 9), sizes: .thisScope)])
    let less = try await engine.decide([.invariant(0)], within: Budget(states: 9))
    #expect(less == [.limit(.states(9), reached: Reached(depth: 8, states: 9))])
  }

  @Test func whatWasFoundBeforeTheLimitCounts() async throws {
    let verdicts = try await engine(Self.large).decide([.invariant(0), .invariant(1)], within: Budget(states: 100))
    guard case .violated(let trace, true) = verdicts[1] else {
      Issue.record("\(verdicts)")
      return
    }
    #expect(trace.depth == 6)
    // Levels of 1, 2, 3 … states: 13 of them are 91 states.
    #expect(verdicts[0] == .limit(.states(100), reached: Reached(depth: 12, states: 100)))
  }

  @Test func bytesAreABudget() async throws {
    let verdict = try await engine(Self.large).decide([.invariant(0)], within: Budget(bytes: 1 << 20))[0]
    guard case .limit(.memory, let reached) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    let states = try #require(reached.states)
    #expect(states > 10_000 && states * 12 < 1 << 20)
  }

  @Test func aCancelledTaskEndsWithWhatIsKnown() async throws {
    let engine = try engine(Self.large)
    let task = Task { try await engine.decide([.invariant(0)], within: Budget()) }
    task.cancel()
    let verdict = try await task.value[0]
    guard case .limit(.interrupted, let reached) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(try #require(reached.states) >= 1)
  }

  @Test(
    "a cancelled task ends inside a firing or an evaluation, however long",
    arguments: [
      "rule \"for\" begin for a: 0..999 do for b: 0..999 do for c: 0..999 do for d: 0..999 do "
        + "if x = 1 then x := 2; end; end end end end end;",
      "rule \"by\" begin for a := 0 to 999999 by 1 do for b := 0 to 999999 by 1 do x := 0; end end end;",
      "rule \"guard\" exists a: 0..999 do exists b: 0..999 do exists c: 0..999 do exists d: 0..999 do "
        + "a + b + c + d + x = 9999 end end end end ==> begin x := 0; end;",
      "invariant \"forall\" forall a: 0..999 do forall b: 0..999 do forall c: 0..999 do forall d: 0..999 do "
        + "a + b + c + d + x != 9999 end end end end;",
      "assume \"forall\" forall a: 0..999 do forall b: 0..999 do forall c: 0..999 do forall d: 0..999 do "
        + "a + b + c + d + x != 9999 end end end end;",
    ])
  func cancelledInside(_ part: String) async throws {
    let engine = try engine("var x: 0..9; startstate begin x := 0; end; " + part)
    let task = Task { engine.exhaust() }
    task.cancel()
    let report = await task.value
    #expect(report.limit == .interrupted)
    #expect(!report.isExhaustive)
  }

  /// Every function calls the one before twice: 2^40 calls.
  @Test func cancelledInsideCalls() async throws {
    let functions = (1...40).map { "function f\($0)(a: 0..9): 0..9; begin return f\($0 - 1)(f\($0 - 1)(a)); end;" }
    let text =
      "var x: 0..9; function f0(a: 0..9): 0..9; begin return a; end; " + functions.joined(separator: " ")
      + " startstate begin x := 0; end; rule \"calls\" begin x := f40(x); end;"
    let engine = try engine(text)
    let task = Task { engine.exhaust() }
    task.cancel()
    #expect(await task.value.limit == .interrupted)
  }

  @Test func theSameSearchTwiceIsTheSame() throws {
    let engine = try engine(Self.large)
    let (first, second) = (engine.explore(), engine.explore())
    #expect(first.violations == second.violations)
    #expect(first.states == second.states)
    #expect(first.rules == second.rules)
  }
}
