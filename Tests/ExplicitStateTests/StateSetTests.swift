import Execution
import ExplicitState
import TestSupport
import Testing

/// The visited set through searches whose counts are known in closed form, narrow and wide, beyond several doublings.
@Suite struct StateSetTests {
  /// n counters of 10 values, padded to a number of words by an array that is never touched.
  private static func grid(counters: Int, padding: Int) -> String {
    """
    type c: 0..\(counters - 1);
    var x: array[c] of 0..9; pad: array[0..\(padding)] of 0..\(1 << 40);
    startstate begin for i: c do x[i] := 0; end; end;
    ruleset i: c do rule begin x[i] := (x[i] + 1) % 10; end; end;
    """
  }

  @Test(arguments: [0, 1, 9]) func everyStateOnce(padding: Int) throws {
    let report = try engine(Self.grid(counters: 5, padding: padding)).explore()
    #expect(report.states == 100_000)
    #expect(report.rulesFired == 500_000)
    #expect(report.diameter == 45)
  }

  @Test func theAllUndefinedStateIsAState() throws {
    // One-word states are their own table entries, and 0 marks a free one.
    let text = """
      var x: 0..2;
      startstate begin end;
      rule isundefined(x) ==> begin x := 0; end;
      rule !isundefined(x) ==> begin if x = 2 then undefine x; else x := x + 1; end; end;
      """
    let report = try engine(text).explore()
    #expect(report.states == 4)
    #expect(report.rulesFired == 4)
    #expect(report.diameter == 3)
  }

  @Test func equalStartStatesAreOne() throws {
    let text =
      "var x: 0..2; ruleset i: 0..9 do startstate begin x := i / 5; end; end; rule begin x := (x + 1) % 2; end;"
    let report = try engine(text).explore()
    #expect(report.startStates == 2)
    #expect(report.states == 2)
  }
}
