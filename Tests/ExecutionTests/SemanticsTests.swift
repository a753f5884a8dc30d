import Execution
import Logic
import TestSupport
import Testing

/// What statements and expressions do, as rumur v2022.08.20 does it: whole states after one rule.
@Suite struct SemanticsTests {
  /// Integers, for short.
  private func integers(_ numbers: Int...) -> [Value] { numbers.map(Value.integer) }

  @Test func divisionTruncatesTowardsZero() throws {
    let text = """
      var m: -9..9; n: -9..9; a: -9..9; b: -9..9; c: -9..9; d: -9..9;
      startstate begin m := -7; n := 7; end;
      rule begin a := m / 2; b := m % 2; c := n / -2; d := n % -2; end;
      """
    #expect(try values(after: text) == integers(-7, 7, -3, -1, -3, 1))
  }

  @Test func unaryMinusBindsLooserThanDivision() throws {
    let text = """
      var x: 0..9; a: -9..9;
      startstate begin x := 7; end;
      rule begin a := -x / 2; end;
      """
    #expect(try values(after: text) == integers(7, -3))
  }

  @Test func shiftsGoTheOtherWayWhenNegative() throws {
    let text = """
      var x: 0..99; n: -9..9; m: 0..70; a: -99..99; b: -99..99; c: -99..99; d: -99..99;
      startstate begin x := 5; n := -1; m := 70; end;
      rule begin a := x << n; b := x >> n; n := -9; c := n >> m; d := n >> 1; end;
      """
    #expect(try values(after: text) == integers(5, -9, 70, 2, 10, 0, -5))
  }

  @Test func bitwiseOperators() throws {
    let text = """
      var x: 0..15; y: 0..15; a: 0..15; b: 0..15; c: 0..15; d: -16..0;
      startstate begin x := 12; y := 10; end;
      rule begin a := x & y; b := x | y; c := x ^ y; d := ~x; end;
      """
    #expect(try values(after: text) == integers(12, 10, 8, 14, 6, -13))
  }

  @Test func connectivesShortCircuit() throws {
    let text = """
      var i: 0..3; a: boolean; b: boolean; c: boolean; u: boolean;
      startstate begin i := 0; end;
      rule begin a := i = 0 | i / i = 1; b := i != 0 & u; c := i = 1 -> u; end;
      """
    let yes = Value.boolean(true)
    #expect(try values(after: text) == [.integer(0), yes, .boolean(false), yes, .undefined])
  }

  @Test func conditionalEvaluatesOneBranch() throws {
    let text = """
      var i: 0..3; u: 0..3; a: 0..9;
      startstate begin i := 2; end;
      rule begin a := i = 2 ? i + 1 : u; end;
      """
    #expect(try values(after: text) == [.integer(2), .undefined, .integer(3)])
  }

  @Test func loopWithRunningBoundsGoesDownwards() throws {
    let text = """
      var a: 0..3; b: 0..3; passes: 0..9; last: 0..3;
      startstate begin a := 3; b := 0; passes := 0; end;
      rule begin for i := a to b do passes := passes + 1; last := i; end; end;
      """
    #expect(try values(after: text) == integers(3, 0, 4, 0))
  }

  @Test func loopWithStepStopsBeforeItsBound() throws {
    let text = """
      var a: 0..9; s: 0..9; sum: 0..99; other: 0..99;
      startstate begin a := 8; s := 3; sum := 0; other := 0; end;
      rule begin
        for i := 0 to a by s do sum := sum + i; end;
        for i := 0 to 8 by 3 do other := other + i; end;
      end;
      """
    #expect(try values(after: text) == integers(8, 3, 9, 9))
  }

  @Test func loopVariableMayBeWrittenInAPass() throws {
    let text = """
      var sum: 0..99; passes: 0..9;
      startstate begin sum := 0; passes := 0; end;
      rule begin for i: 0..3 do i := i + 0; if i < 3 then i := 3; end; sum := sum + i; passes := passes + 1; end; end;
      """
    #expect(try values(after: text) == integers(12, 4))
  }

  @Test(arguments: [3, 900]) func quantifiersStopAtTheDecisiveValue(size: Int) throws {
    // 900 is too long to be unrolled: the same must hold for the loop.
    let text = """
      const N: \(size);
      var a: array[0..N] of boolean; some: boolean; all: boolean; none: boolean;
      startstate begin a[0] := false; a[1] := true; end;
      rule begin
        some := exists i: 0..N do a[i] end;
        all := forall i: 0..N do a[i] end;
        none := exists i: 0..0 do a[i] end;
      end;
      """
    #expect(try values(after: text).dropFirst() == [.boolean(true), .boolean(false), .boolean(false)])
  }

  @Test func complexCopyCopiesTheUndefined() throws {
    let text = """
      type r: record f: 0..3; g: array[0..1] of boolean; end;
      var x: r; y: r; same: boolean;
      startstate begin x.f := 2; x.g[1] := true; y.f := 0; y.g[0] := true; end;
      rule begin y := x; same := x = y & !(x != y); end;
      """
    let record = Value.record([
      NamedValue("f", .integer(2)),
      NamedValue(
        "g", .array([IndexedValue(.integer(0), .undefined), IndexedValue(.integer(1), .boolean(true))])),
    ])
    #expect(try values(after: text) == [record, record, .boolean(true)])
  }

  @Test func clearAndUndefine() throws {
    let text = """
      type s: scalarset(3); c: enum { red, green }; r: record a: 2..5; b: s; c: c; d: array[0..40] of -3..3; end;
      var x: r; y: 1..4; z: 0..1;
      startstate begin clear x; y := 3; z := 1; end;
      rule begin clear x; clear y; undefine z; undefine x.b; undefine x.d; end;
      """
    let after = try values(after: text)
    let cells = (0...40).map { IndexedValue(.integer($0), .undefined) }
    #expect(
      after == [
        .record([
          NamedValue("a", .integer(2)), NamedValue("b", .undefined), NamedValue("c", .member("red")),
          NamedValue("d", .array(cells)),
        ]), .integer(1), .undefined,
      ])
    let first = try Running(text).start()
    let running = try Running(text)
    guard case .record(let fields) = running.program.values(of: first)[0] else {
      Issue.record("not a record")
      return
    }
    #expect(fields[1].value == .scalar(type: "s", index: 0))
    #expect(fields[3].value == .array((0...40).map { IndexedValue(.integer($0), .integer(-3)) }))
  }

  @Test func isUndefinedLooksAtOneValue() throws {
    let text = """
      var a: array[0..2] of 0..3; i: 0..2; x: boolean; y: boolean;
      startstate begin a[1] := 0; i := 1; end;
      rule begin x := isundefined(a[i]); y := isundefined(a[i + 1]); end;
      """
    #expect(try values(after: text).suffix(2) == [.boolean(false), .boolean(true)])
  }

  @Test func switchTakesTheFirstEqualCase() throws {
    let text = """
      var x: 0..5; y: 0..5; z: 0..5; w: 0..5;
      startstate begin x := 2; y := 2; z := 0; w := 0; end;
      rule begin
        switch x case 0, 1: z := 1; case y: z := 2; case 2: z := 3; else z := 4; end;
        switch x case 0: w := 1; else w := 5; end;
        switch x case 0: w := 2; end;
      end;
      """
    #expect(try values(after: text) == integers(2, 2, 2, 5))
  }

  @Test func aliasFixesItsPlaceOnEntry() throws {
    let text = """
      var a: array[0..2] of 0..9; i: 0..2; x: 0..19;
      startstate begin a[0] := 4; a[1] := 5; a[2] := 6; i := 1; end;
      rule begin alias here: a[i]; there: a[i + 1]; sum: here + there; do i := 0; here := 7; x := sum; end; end;
      """
    let array = Value.array([(0, 4), (1, 7), (2, 6)].map { IndexedValue(.integer($0), .integer($1)) })
    guard case .array(let cells) = array else { return }
    #expect(try values(after: text)[0] == .array(cells))
    #expect(try values(after: text).suffix(2) == integers(0, 11)[...])
  }

  @Test func returnInARuleKeepsTheStateSoFar() throws {
    let text = """
      var x: 0..9; y: 0..9;
      startstate begin x := 0; y := 0; end;
      rule begin x := 1; if x = 1 then return; end; y := 1; end;
      """
    #expect(try values(after: text) == integers(1, 0))
  }

  @Test func referencesReachTheCallersPlaces() throws {
    let text = """
      var a: array[0..2] of 0..9; x: 0..9; i: 0..2;
      procedure swap(var p: 0..9; var q: 0..9); var t: 0..9; begin t := p; p := q; q := t; end;
      procedure twice(var p: 0..9; n: 0..9); begin p := n; i := 0; p := p + n; end;
      startstate begin a[0] := 4; a[1] := 5; a[2] := 6; x := 1; i := 2; end;
      rule begin swap(a[i], x); twice(a[i], x - 5); end;
      """
    let cells = [(0, 4), (1, 5), (2, 2)].map { IndexedValue(.integer($0), .integer($1)) }
    #expect(try values(after: text) == [.array(cells), .integer(6), .integer(0)])
  }

  @Test func valueParametersAreCopies() throws {
    let text = """
      type r: record f: 0..9; end;
      var x: r; y: 0..9;
      function before(p: r): 0..9; begin x.f := 9; return p.f; end;
      startstate begin x.f := 1; end;
      rule begin y := before(x); end;
      """
    #expect(try values(after: text) == [.record([NamedValue("f", .integer(9))]), .integer(1)])
  }

  @Test func functionsReturnRecords() throws {
    let text = """
      type r: record f: 0..9; g: 0..9; end;
      var x: r; y: r; b: boolean;
      function make(n: 0..9): r; var t: r; begin t.f := n; if n > 3 then t.g := 0; end; return t; end;
      startstate begin b := true; end;
      rule begin x := make(2); y := b ? make(5) : x; b := make(2) = x; end;
      """
    let first = Value.record([NamedValue("f", .integer(2)), NamedValue("g", .undefined)])
    let second = Value.record([NamedValue("f", .integer(5)), NamedValue("g", .integer(0))])
    #expect(try values(after: text) == [first, second, .boolean(true)])
  }

  @Test func returnedValueIsNotCheckedAgainstTheReturnType() throws {
    let text = """
      var x: 0..3; y: 0..7;
      function next(): 0..3; begin return x + 1; end;
      startstate begin x := 3; end;
      rule begin y := next(); end;
      """
    #expect(try values(after: text) == integers(3, 4))
  }

  @Test func recursionHasLocalsOfItsOwn() throws {
    // The parameter by reference points into the caller's activation.
    let text = """
      var x: 0..99; y: 0..99; r: record a: 0..99; b: 0..99; end;
      function sum(n: 0..9; var out: 0..99): 0..99;
        var here: 0..99; var rest: 0..99;
      begin
        if n = 0 then out := 1; return 0; end;
        here := n;
        rest := sum(n - 1, here);
        out := out + here;
        return rest + n;
      end;
      startstate begin x := 5; y := 0; r.b := 0; end;
      rule begin y := 7; x := sum(4, y); r.b := sum(x - 8, r.b); end;
      """
    // sum(4): here = 4, 3, 2, 1 from the outside; the innermost sets the caller's `here` to 1.
    let after = try values(after: text)
    #expect(after[0] == .integer(10))
    #expect(after[1] == .integer(7 + 4 + 3 + 2 + 1))
    #expect(after[2] == .record([NamedValue("a", .undefined), NamedValue("b", .integer(3))]))
  }

  @Test func longFunctionsAreCalled() throws {
    // Too long to be inlined.
    let lines = (0..<300).map { _ in "t := t + 1; t := t - 1;" }.joined(separator: "\n")
    let text = """
      var x: 0..9; y: 0..9;
      function same(n: 0..9): 0..9; var t: 0..9; begin t := n; \(lines) return t; end;
      startstate begin x := 5; end;
      rule begin y := same(x) + same(2); end;
      """
    #expect(try values(after: text) == integers(5, 7))
  }

  @Test func localsStartUndefinedOnEveryFiring() throws {
    let text = """
      var x: boolean;
      startstate begin x := false; end;
      rule var t: 0..3; begin x := isundefined(t); t := 1; end;
      """
    let running = try Running(text)
    #expect(try running.fired() == [.boolean(true)])
    #expect(try running.fired() == [.boolean(true)])
  }

  @Test func assumeDropsTheFiring() throws {
    let text = """
      var x: 0..3;
      startstate begin x := 0; end;
      rule begin x := 1; assume x = 2; end;
      rule begin x := 1; assume x = 1; end;
      rule x = 1 ==> begin x := 2; end;
      """
    let running = try Running(text)
    let state = try running.start()
    #expect(running.interpreter.fire(0, on: state) == .dropped)
    #expect(try running.fired(1) == integers(1))
    #expect(running.interpreter.fire(2, on: state) == .disabled)
  }

  @Test func aliasRulesAreBoundBeforeGuardAndBody() throws {
    let text = """
      var a: array[0..1] of 0..9; i: 0..1;
      startstate begin a[0] := 1; a[1] := 2; i := 1; end;
      alias here: a[i]; do
        rule here = 2 ==> begin here := 7; end;
        rule here = 1 ==> begin here := 8; end;
      end;
      """
    let running = try Running(text)
    #expect(try running.fired().first == .array([(0, 1), (1, 7)].map { IndexedValue(.integer($0), .integer($1)) }))
    #expect(running.interpreter.fire(1, on: try running.start()) == .disabled)
  }
}
