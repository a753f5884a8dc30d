import Execution
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// How states are packed, and how they come and go as named values.
@Suite struct StateTests {
  /// A model with fields at every kind of bit position.
  private static let wide = """
    type s: scalarset(5); c: enum { red, green, blue }; p: record a: 0..99; b: s; c: array[s] of c; end;
    var f: boolean; big: -4611686018427387904..4611686018427387904; x: array[0..6] of p; n: -5..-2; last: 7..7;
    startstate begin
      f := true; big := -1; n := -5; last := 7;
      for i: 0..6 do for j: s do x[i].a := 10 * i + 3; x[i].c[j] := blue; end; end;
    end;
    ruleset i: 0..6; j: s do
      rule "all" begin x[i].a := 99 - i; x[i].b := j; x[i].c[j] := green; big := 4611686018427387904; f := !f; end;
    end;
    ruleset i: 0..6; k: 0..0 do
      rule "computed" var at: 0..6; begin at := i; x[at].a := i; x[(at + 1) % 7] := x[at]; undefine x[at].b; end;
    end;
    """

  @Test func booleansTakeTwoBitsAndARangeOfFourThree() throws {
    let text = "var x: 0..3; y: boolean; startstate begin x := 3; y := true; end; rule begin end;"
    #expect(try Running(text).start().words == [0b10_100])
  }

  @Test func undefinedIsZero() throws {
    let text = "var x: 0..3; y: boolean; startstate begin end; rule begin end;"
    #expect(try Running(text).start().words == [0])
  }

  @Test func aVariableThatFitsAWordDoesNotStraddle() throws {
    let text = """
      var a: array[0..29] of boolean; b: array[0..1] of 0..3; startstate begin a[29] := true; b[0] := 0; end;
      rule begin end;
      """
    #expect(try Running(text).start().words == [2 << 58, 1])
  }

  @Test func everyFiringIsSeenThroughNamedValues() throws {
    let running = try Running(Self.wide)
    let start = try running.start()
    let before = running.program.values(of: start)
    for copy in 0..<running.program.ruleCopies {
      guard case .successor(let state) = running.interpreter.fire(copy, on: start) else {
        Issue.record("copy \(copy) does not fire")
        continue
      }
      let values = running.program.values(of: state)
      #expect(running.program.state(values) == state)
      let firing = running.program.firing(rule: copy)
      #expect(running.program.ruleCopy(firing) == copy)
      #expect(values == expected(firing.name, firing.parameters.map(\.value), before))
    }
    #expect(running.program.ruleCopies == 42)
  }

  /// What a rule of `wide` does, said with named values.
  private func expected(_ name: String, _ parameters: [Value], _ before: [Value]) -> [Value] {
    var after = before
    guard case .array(var records) = before[2], case .integer(let i) = parameters[0] else { return [] }
    guard case .record(var fields) = records[i].value, case .array(var cells) = fields[2].value else { return [] }
    if name == "all", case .scalar(_, let j) = parameters[1] {
      after[0] = .boolean(false)
      after[1] = .integer(1 << 62)
      cells[j] = IndexedValue(cells[j].index, .member("green"))
      fields = [NamedValue("a", .integer(99 - i)), NamedValue("b", parameters[1]), NamedValue("c", .array(cells))]
      records[i] = IndexedValue(records[i].index, .record(fields))
    } else {
      fields[0] = NamedValue("a", .integer(i))
      records[i] = IndexedValue(records[i].index, .record(fields))
      records[(i + 1) % 7] = IndexedValue(records[(i + 1) % 7].index, .record(fields))
    }
    after[2] = .array(records)
    return after
  }

  @Test func valuesOfAnotherTypeAreRefused() throws {
    let text = """
      type s: scalarset(2); c: enum { red, green };
      var x: 0..3; y: s; z: array[0..1] of c; startstate begin end; rule begin end;
      """
    let program = try Running(text).program
    let cells = [IndexedValue(.integer(0), .member("red")), IndexedValue(.integer(1), .undefined)]
    let good: [Value] = [.integer(3), .scalar(type: "s", index: 1), .array(cells)]
    #expect(program.state(good).map(program.values(of:)) == good)
    #expect(program.state([.integer(4)] + good.dropFirst()) == nil)
    #expect(program.state([.boolean(true)] + good.dropFirst()) == nil)
    #expect(program.state([good[0], .scalar(type: "t", index: 1), good[2]]) == nil)
    #expect(program.state([good[0], .scalar(type: "s", index: 2), good[2]]) == nil)
    #expect(program.state([good[0], good[1], .array(Array(cells.prefix(1)))]) == nil)
    #expect(program.state(Array(good.prefix(2))) == nil)
  }
}
