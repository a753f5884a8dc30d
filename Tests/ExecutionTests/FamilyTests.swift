import Execution
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// Copies of rules and properties; limits of enumeration; single expressions.
@Suite struct FamilyTests {
  @Test func copiesComeAsNestedLoops() throws {
    let text = """
      type s: scalarset(2);
      var x: 0..99;
      startstate "one" begin x := 0; end;
      ruleset b: boolean do startstate begin x := 1; end; end;
      ruleset i: s do
        rule "outer" begin x := 0; end;
        ruleset k := 5 to 1 by -2 do rule begin x := k; end; end;
      end;
      """
    let program = try Running(text).program
    let names = (0..<program.ruleCopies).map { copy in
      let firing = program.firing(rule: copy)
      return ([firing.name] + firing.parameters.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
    }
    #expect(
      names == [
        "outer i=s_0", "outer i=s_1", "rule 2 i=s_0 k=5", "rule 2 i=s_0 k=3", "rule 2 i=s_0 k=1", "rule 2 i=s_1 k=5",
        "rule 2 i=s_1 k=3", "rule 2 i=s_1 k=1",
      ])
    #expect(
      (0..<program.startstateCopies).map { program.firing(startstate: $0).name }
        == ["one", "startstate 2", "startstate 2"])
    for copy in 0..<program.ruleCopies { #expect(program.ruleCopy(program.firing(rule: copy)) == copy) }
    let none = Firing(index: 1, name: "rule 2", parameters: [NamedValue("i", .scalar(type: "s", index: 0))])
    #expect(program.ruleCopy(none) == nil)
    let between = Firing(index: 1, name: "", parameters: none.parameters + [NamedValue("k", .integer(2))])
    #expect(program.ruleCopy(between) == nil)
  }

  @Test(arguments: [3, 5000]) func sharedCodeDoesTheSame(size: Int) throws {
    // 5000 copies are too many to specialise: parameters come in registers.
    let text = """
      const N: \(size);
      var x: 0..N; a: array[0..9] of 0..N;
      startstate begin x := 0; a[3] := 2; end;
      ruleset k: 0..N do
        rule k > 0 & x < k ==> begin x := k; a[k % 10] := k; end;
        invariant x <= k | x > k;
        invariant "below" x < k;
      end;
      """
    let running = try Running(text)
    let state = try running.start()
    #expect(running.program.ruleCopies == size + 1)
    #expect(running.interpreter.fire(0, on: state) == .disabled)
    guard case .successor(let next) = running.interpreter.fire(size, on: state) else {
      Issue.record("the last copy fires")
      return
    }
    #expect(running.program.values(of: next)[0] == .integer(size))
    #expect(running.interpreter.fire(1, on: next) == .disabled)
    #expect(running.interpreter.check(running.program.properties[0], on: next) == .holds)
    #expect(running.interpreter.check(running.program.properties[1], on: next) == .violated)
  }

  /// A model, and what is too wide in it; nil: nothing.
  @Test(arguments: [
    ("var x: 0..4611686018427387903; startstate begin x := 5; end; rule begin x := x - 1; end;", nil),
    ("var a: array[0..2097152] of boolean; startstate begin end;", "the index 0..2097152 of `a`"),
    ("ruleset i: 0..2000000 do startstate begin end; end;", "the range of `i` of startstate 1"),
    ("ruleset i: 0..2000; j: 0..2000 do rule \"r\" begin end; end;", "the ruleset of r"),
    ("var x: 0..1; startstate begin for i: 0..2000000 do x := 0; end; end;", "the range 0..2000000"),
    ("var x: 0..1; startstate begin x := 0; end; invariant forall i: 0..2000000 do x = 0 end;", "the range 0..2000000"),
    ("var x: 0..1; startstate begin for i := 1 to 3000000 do x := 0; end; end;", "the range"),
    ("rule var a: array[0..2097152] of boolean; begin end;", "the index 0..2097152 of `a`"),
  ]) func tooWideRangesAreNamed(text: String, what: String?) throws {
    let model = try checkedModel(text)
    var limit: EnumerationLimit?
    do throws(EnumerationLimit) { _ = try Program(model: model) } catch { limit = error }
    if let what {
      #expect(limit?.what.hasPrefix(what) == true, "\(String(describing: limit))")
    } else {
      #expect(limit == nil)
    }
  }

  @Test func assumptionsAndInvariantsOfAState() throws {
    let running = try Running(
      """
      var x: 0..3; y: 0..3;
      startstate begin x := 2; end;
      rule begin x := 0; end;
      assume x < 3;
      ruleset i: 0..3 do invariant "not" x != i; end;
      invariant x = 2;
      invariant y = 2;
      """)
    let (interpreter, properties) = (running.interpreter, running.program.properties)
    let state = try running.start()
    #expect(interpreter.checkAssumptions(on: state) == .holds)
    #expect(interpreter.check(properties[0], on: state) == .violated)
    #expect(interpreter.check(properties[1], on: state) == .holds)
    let failure = RunTimeFailure(property: .runTimeErrors, message: "read of undefined value: `y`", location: "7:11")
    #expect(interpreter.check(properties[2], on: state) == .failed(failure))
    #expect(properties[0].count == 4)
    let third = try #require(running.program.state([.integer(3), .undefined]))
    #expect(interpreter.checkAssumptions(on: third) == .violated)
  }

  @Test func implicationsRememberWhetherTheyWereTriggered() throws {
    let running = try Running(
      """
      var x: 0..3;
      startstate begin x := 0; end;
      rule begin x := 1; end;
      invariant "never" x = 3 -> x = 2;
      invariant "one instance" forall i: 0..3 do x = i -> (i = 2 -> x = 2) end;
      invariant "none" x < 3;
      """)
    let program = running.program
    #expect(program.implications.map(\.property) == [0, 1, 1])
    for family in program.properties { _ = running.interpreter.check(family, on: try running.start()) }
    #expect(running.interpreter.triggered == [false, true, false])
  }

  @Test func expressionsForReplay() throws {
    let text = """
      --@ observable level[p: page] = size[p] + 1
      --@ observable phase = now
      type page: scalarset(2); phase: enum { cold, warm };
      var size: array[page] of 0..3; now: phase; r: record a: 0..3; b: boolean; end;
      startstate begin for p: page do size[p] := 2; end; now := warm; r.b := true; end;
      ruleset p: page do
        alias here: size[p]; do
          --@ operation GROW gfn=p by=here*2
          rule "grow" begin here := here + 1; end;
        end;
      end;
      """
    let running = try Running(text)
    let program = running.program
    let state = try running.start()
    let arguments = program.model.rules[0].operations[0].arguments
    #expect(
      try program.evaluate(arguments[0].expression, forRule: 1, on: state) == .value(.scalar(type: "page", index: 1)))
    #expect(try program.evaluate(arguments[1].expression, forRule: 1, on: state) == .value(.integer(4)))
    let observables = program.model.directives.observables
    let levels = try program.evaluate(observables[0], on: state)
    #expect(levels.map(\.indices) == [[0], [1]])
    #expect(levels.map(\.value) == [.value(.integer(3)), .value(.integer(3))])
    #expect(levels[1].named == [NamedValue("p", .scalar(type: "page", index: 1))])
    #expect(try program.evaluate(observables[1], on: state).map(\.value) == [.value(.member("warm"))])
    var values = program.values(of: state)
    values[1] = .undefined
    let undefined = try #require(program.state(values))
    guard case .failed(let failure) = try program.evaluate(observables[1], on: undefined)[0].value else {
      Issue.record("reading an undefined observable fails")
      return
    }
    #expect(failure.message == "read of undefined value: `now`")
  }
}
