import Execution
import ExplicitState
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// The three meanings of deadlock, and what counts as progress.
@Suite struct DeadlockTests {
  /// A model, and in which modes it deadlocks, after how many transitions.
  struct Case: Sendable, CustomTestStringConvertible {
    let rules: String
    let stuttering: Int?
    let stuck: Int?
    var testDescription: String { rules }
  }

  private static let cases: [Case] = [
    Case(rules: "rule x < 2 ==> begin x := x + 1; end;", stuttering: 2, stuck: 2),
    Case(rules: "rule x < 2 ==> begin x := x + 1; end; rule begin end;", stuttering: 2, stuck: nil),
    Case(rules: "rule begin x := (x + 1) % 3; end;", stuttering: nil, stuck: nil),
    Case(rules: "rule begin x := 1; assume x = 0; end;", stuttering: 0, stuck: 0),
    Case(rules: "rule begin x := 1; error \"e\"; end;", stuttering: 0, stuck: 0),
    Case(rules: "rule begin x := 1; end; assume x = 0;", stuttering: nil, stuck: nil),
    Case(rules: "", stuttering: 0, stuck: 0),
  ]

  @Test(arguments: cases) func modes(_ check: Case) async throws {
    let program = try Program(
      model: try checkedModel("var x: 0..3; startstate begin x := 0; end;" + check.rules))
    for (mode, expected) in [(DeadlockMode.stuttering, check.stuttering), (.stuck, check.stuck)] {
      let verdict = try await ExplicitEngine(program, deadlock: mode).decide([.deadlock], within: Budget())[0]
      if case .deadlock(let trace) = verdict {
        #expect(trace.depth == expected, "\(mode)")
        #expect(trace.failure == nil)
      } else {
        #expect(expected == nil, "\(mode): \(verdict)")
        #expect(verdict.isProved)
      }
    }
    let off = try await ExplicitEngine(program, deadlock: .off).decide([.deadlock], within: Budget())[0]
    #expect(off == .unknown(reason: "deadlock detection is off"))
  }

  @Test func theModelSaysWhichMode() throws {
    let text = """
      --@ deadlock stuck
      var x: 0..1;
      startstate begin x := 0; end;
      rule begin x := 1; end;
      """
    #expect(try engine(text).explore().violations == [])
    #expect(try engine(text).deadlock == .stuck)
  }
}
