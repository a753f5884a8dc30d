import Execution
import Logic
import TestSupport
import Testing
import TransitionSystems

/// Every run-time error, each beside the nearest text that runs.
@Suite struct RunTimeErrorTests {
  /// A model, and what its first rule fails with; nil: it does not.
  struct Case: Sendable, CustomTestStringConvertible {
    let body: String
    let error: String?
    var testDescription: String { body }
  }

  /// Declarations before each body: `x` is 3, `i` is 2, `u` and `a[1]` are undefined.
  private static let head = """
    type index: 0..2; color: enum { red, green };
    var x: 0..7; u: 0..7; i: 0..5; a: array[index] of 0..7; c: color; r: record f: 0..3; g: 0..3; end; s: -3..3;
    function twice(n: 0..3): 0..7; begin return n + n; end;
    function maybe(n: 0..7): 0..7; begin if n > 3 then return n; end; end;
    procedure take(n: 0..3); begin if isundefined(n) then c := green; end; end;
    startstate begin x := 3; i := 2; a[0] := 0; a[2] := 1; c := red; r.f := 1; s := 0; end;
    rule begin
    """

  /// Run on line 8, from column 1.
  private static let cases: [Case] = [
    Case(body: "x := u;", error: "8:6 read of undefined value: `u`"),
    Case(body: "u := x; x := u;", error: nil),
    Case(body: "x := a[1];", error: "8:6 read of undefined value: `a[1]`"),
    Case(body: "x := a[i];", error: nil),
    Case(body: "if r.g = 1 then x := 0; end;", error: "8:4 read of undefined value: `r.g`"),
    Case(body: "if r.f = 1 & x > 9 then x := r.g; end;", error: nil),
    Case(body: "x := x + 5;", error: "8:6 value 8 is outside 0..7 of `x`"),
    Case(body: "x := x + 4;", error: nil),
    Case(body: "x := i - 3;", error: "8:6 value -1 is outside 0..7 of `x`"),
    Case(body: "a[x] := 0;", error: "8:3 index 3 is outside 0..2: `x`"),
    Case(body: "a[x - 1] := 0;", error: nil),
    Case(body: "a[u] := 0;", error: "8:3 read of undefined value: `u`"),
    Case(body: "x := 7 / s;", error: "8:10 division by zero: `s`"),
    Case(body: "x := 7 % s;", error: "8:10 remainder by zero: `s`"),
    Case(body: "s := 1; x := 7 / s;", error: nil),
    Case(body: "if x = 3 then error \"three\"; end;", error: "8:15 three"),
    Case(body: "if x = 2 then error \"two\"; end;", error: nil),
    Case(body: "assert x = 2 \"x is two\";", error: "8:1 assertion failed: x is two"),
    Case(body: "assert x = 2;", error: "8:1 assertion failed: `x = 2`"),
    Case(body: "assert x = 3 \"x is three\";", error: nil),
    Case(body: "for k := 0 to 3 by s do x := 0; end;", error: "8:5 the step of a loop is 0"),
    Case(
      body: "s := -1; for k := 0 to 3 by s do x := 0; end;",
      error: "8:14 the step of a loop goes in the wrong direction"),
    Case(body: "s := -1; for k := 2 to 2 by s do x := k; end;", error: nil),
    Case(body: "x := maybe(x);", error: "4:1 function `maybe` ends without returning a value"),
    Case(body: "x := maybe(x + 1);", error: nil),
    Case(body: "x := twice(i + x);", error: "8:12 argument 5 is outside 0..3 of parameter `n`"),
    Case(body: "x := twice(x);", error: nil),
    Case(body: "x := twice(u);", error: "3:45 read of undefined value: `n`"),
    Case(body: "take(u);", error: nil),
    Case(body: "i := 5; take(i);", error: "8:14 argument 5 is outside 0..3 of parameter `n`"),
    Case(body: "switch u case 1: x := 0; end;", error: "8:8 read of undefined value: `u`"),
    Case(body: "switch x case 3: x := 0; case u: x := 1; end;", error: nil),
    Case(body: "switch x case u: x := 0; end;", error: "8:15 read of undefined value: `u`"),
    Case(body: "while x < 9 do s := 0; end;", error: "8:7 loop does not end within 1048576 passes"),
    Case(body: "if isundefined(a[x]) then x := 0; end;", error: "8:18 index 3 is outside 0..2: `x`"),
    Case(body: "put a[1]; put u; put \"text\";", error: nil),
    Case(body: "put a[x];", error: "8:7 index 3 is outside 0..2: `x`"),
  ]

  @Test(arguments: cases) func failsExactlyAsSaid(_ check: Case) throws {
    #expect(try failure(of: Self.head + "\n" + check.body + "\nend;") == check.error)
  }

  @Test func errorInGuardIsTheFirings() throws {
    let text = """
      var x: 0..3; y: 0..3;
      startstate begin x := 1; end;
      rule x = 1 & y = 1 ==> begin x := 2; end;
      """
    #expect(try failure(of: text) == "3:14 read of undefined value: `y`")
  }

  @Test func partialStateIsKept() throws {
    let running = try Running(
      """
      var x: 0..3; y: 0..3;
      startstate begin x := 1; y := 3; end;
      rule begin x := 2; y := y + 1; x := 3; end;
      """)
    let result = running.interpreter.fire(0, on: try running.start())
    guard case .failed(let failure, let partial) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(failure.property == .runTimeErrors)
    #expect(running.program.values(of: partial) == [.integer(2), .integer(3)])
  }

  @Test func assertionsNameTheirProperty() throws {
    let running = try Running(
      """
      var x: 0..3;
      startstate begin x := 1; end;
      rule begin assert x = 1; assert x = 2 "two"; end;
      """)
    #expect(
      try running.failure()
        == RunTimeFailure(property: .assertion(1), message: "assertion failed: two", location: "3:26"))
  }

  @Test func recursionWithoutEnd() throws {
    let text = """
      var x: 0..3;
      function f(n: 0..3): 0..3; begin return f(n); end;
      startstate begin x := 0; end;
      rule begin x := f(x); end;
      """
    #expect(try failure(of: text)?.contains("calls of `f` are nested too deeply") == true)
  }
}
