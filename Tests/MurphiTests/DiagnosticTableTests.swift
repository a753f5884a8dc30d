import Diagnostics
import Murphi
import TestSupport
import Testing

/// Every message about text, grammar, names, types, constants and statements: a text that has it, and one close by that has
/// none.
@Suite struct DiagnosticTableTests {
  /// One message.
  struct Row: Sendable, CustomTestStringConvertible {
    let id: String
    let message: String
    let wrong: String
    let right: String
    var testDescription: String { "\(id) \(message)" }

    init(_ id: String, _ message: String, _ wrong: String, _ right: String) {
      self.id = id
      self.message = message
      self.wrong = wrong
      self.right = right
    }
  }

  /// Text and grammar, names.
  static let syntax: [Row] = [
    Row("E0103", "unexpected character `$`", "var x①$: 0..1;", "var x_: 0..1;"),
    Row("E0103", "unexpected character `é`", "var ①é: 0..1;", "var e: 0..1;"),
    Row("E0104", "the comment is not closed", "var x: 0..1; ①/* no", "var x: 0..1; /* yes */"),
    Row(
      "E0105", "the string is not closed", "invariant true ①\"n\nrule begin end", "invariant true \"n\"\nrule begin end"
    ),
    Row("E0106", "`08` starts with 0, which means octal, and has a digit above 7", "const N: ①08;", "const N: 07;"),
    Row("E0107", "`0x` is followed by no hexadecimal digit", "const N: ①0x;", "const N: 0xf;"),
    Row("E0108", "real numbers are not part of the language", "const N: ①1.5;", "type t: 1..5;"),
    Row("E0109", "the type `real` is not part of the language", "var x: ①real;", "var x: boolean;"),
    Row("E0201", "found `;`, expected a type", "var x: ①;", "var x: 0..1;"),
    Row(
      "E0201", "found `y`, expected `;` or `end` after the statement",
      "var x, y: 0..1; startstate begin x := 1 ①y := 1 end", "var x, y: 0..1; startstate begin x := 1; y := 1 end"),
    Row("E0201", "found `end`, expected a declaration, a function or a rule", "rule begin end ①end", "rule begin end"),
    Row("E0202", "`=` cannot be chained; use parentheses", "invariant 1 = 1 ①= true", "invariant (1 = 1) = true"),
    Row(
      "E0202", "`->` cannot be chained; use parentheses", "invariant true -> true ①-> true",
      "invariant true -> (true -> true)"),
    Row(
      "E0202", "`?` cannot be chained; use parentheses", "invariant true ? true : true ①? true : true",
      "invariant true ? true ? true : true : true"),
    Row(
      "E0203", "nothing can be selected from the result of a call",
      "function f(): boolean; begin return true end invariant f()①.a",
      "function f(): boolean; begin return true end invariant f()"),
    Row(
      "E0204", "found `endfor`, expected `end` or `endif`", "rule begin if true then ①endfor end",
      "rule begin if true then endif end"),
    Row("E0205", "found the end of the text, expected `end` or `endrule`", "rule begin①", "rule begin endrule"),
    Row("E0301", "`y` is not declared", "var x: ①y;", "type y: 0..1; var x: y;"),
    Row(
      "E0301", "`x` is not declared", "rule ①x = 1 ==> begin end; var x: 0..1;",
      "var x: 0..1; rule x = 1 ==> begin end;"),
    Row("E0302", "`x` is already declared", "var x: 0..1; ①x: 0..1;", "var x: 0..1; X: 0..1;"),
    Row("E0302", "`B` is already declared", "type t: enum {A, B}; u: enum {①B};", "type t: enum {A, B}; u: enum {C};"),
    Row("E0302", "`true` is already declared", "var ①TRUE: 0..1;", "var truth: 0..1;"),
    Row(
      "E0302", "`i` is already declared", "ruleset i: 0..1; ①i: 0..1 do end",
      "ruleset i: 0..1 do ruleset i: 0..1 do end end"),
    Row(
      "E0303", "the record already has a field `a`", "var r: record a: 0..1; ①a: 0..1 end;",
      "var r: record a: 0..1; b: 0..1 end;"),
    Row("E0304", "`x` is a variable, expected a type", "var x: 0..1; y: ①x;", "type x: 0..1; var y: x;"),
    Row("E0304", "`t` is a type, expected a value", "type t: 0..1; invariant ①t = 1", "const t: 1; invariant t = 1"),
    Row(
      "E0304", "`x` is a variable, expected a function or procedure", "var x: 0..1; rule begin ①x() end",
      "procedure x(); begin end rule begin x() end"),
    Row(
      "E0305", "a record has no field `b`", "var r: record a: 0..1 end; rule begin r.①b := 1 end",
      "var r: record a: 0..1 end; rule begin r.a := 1 end"),
  ]

  /// Types and constants.
  static let types: [Row] = [
    Row(
      "E0401", "the guard is an integer 0..1, expected a boolean", "var x: 0..1; rule ①x ==> begin end",
      "var x: boolean; rule x ==> begin end"),
    Row(
      "E0401", "the condition is an integer, expected a boolean", "rule begin while ①1 do end end",
      "rule begin while false do end end"),
    Row(
      "E0401", "the left side of `+` is a boolean, expected an integer", "invariant ①true + 1 = 2",
      "invariant 1 + 1 = 2"),
    Row(
      "E0401", "the right side of `&` is an integer, expected a boolean", "invariant true & ①1", "invariant 1 = (1 & 1)"
    ),
    Row(
      "E0401", "the left side of `|` is an enum `t`, expected a boolean or an integer",
      "type t: enum {A}; invariant ①A | true", "type t: enum {A}; invariant A = A | true"),
    Row("E0401", "the operand of `!` is an integer, expected a boolean", "invariant !①1", "invariant !1 = 2"),
    Row("E0401", "the operand of `-` is a boolean, expected an integer", "invariant 1 = -①true", "invariant 1 = -(-1)"),
    Row("E0401", "the operand of `~` is a boolean, expected an integer", "invariant 1 = ~①true", "invariant 1 = ~(-2)"),
    Row(
      "E0402", "the assigned value is a boolean, which does not match an integer 0..1",
      "var x: 0..1; rule begin x := ①true end", "var x: 0..1; rule begin x := 17 end"),
    Row(
      "E0402", "the assigned value is an integer, which does not match a scalarset `s`",
      "type s: scalarset(2); var x: s; rule begin x := ①0 end", "type s: scalarset(2); var x: s; rule begin clear x end"
    ),
    Row(
      "E0402", "the assigned value is a scalarset `u`, which does not match a scalarset `s`",
      "type s: scalarset(2); u: scalarset(3); var x: s; y: u; rule begin x := ①y end",
      "type s: scalarset(2); u: s; var x: s; y: u; rule begin x := y end"),
    Row(
      "E0402", "the index is an integer, which does not match a boolean",
      "var a: array [boolean] of 0..1; rule begin a[①0] := 1 end",
      "var a: array [boolean] of 0..1; rule begin a[true] := 1 end"),
    Row(
      "E0402", "the assigned value is an array, which does not match an array",
      "var a: array [0..1] of 0..1; b: array [0..1] of 0..2; rule begin a := ①b end",
      "var a: array [0..1] of 0..1; b: array [0..1] of 0..1; rule begin a := b end"),
    Row(
      "E0402", "the right side of `=` is a boolean, which does not match an integer", "invariant 1 = ①true",
      "invariant 1 = 1"),
    Row(
      "E0402", "the second branch is a boolean, which does not match an integer", "invariant 1 = (true ? 1 : ①false)",
      "invariant 1 = (true ? 1 : 0)"),
    Row(
      "E0402", "the value is a boolean, which does not match an integer 0..1",
      "var x: 0..1; rule begin switch x case ①true: end end", "var x: 0..1; rule begin switch x case 7: end end"),
    Row(
      "E0402", "the argument is an integer, which does not match a boolean",
      "procedure p(a: boolean); begin end rule begin p(①1) end",
      "procedure p(a: boolean); begin end rule begin p(1 = 1) end"),
    Row(
      "E0402", "the returned value is an integer, which does not match a boolean",
      "function f(): boolean; begin return ①1 end", "function f(): boolean; begin return 1 = 1 end"),
    Row(
      "E0403", "only integers are ordered, and this is an enum `t`", "type t: enum {A}; var x: 0..1; invariant x < ①A",
      "type t: enum {A}; var x: t; invariant x = A"),
    Row(
      "E0404", "only an array has elements, and this is an integer 0..1", "var x: 0..1; rule begin ①x[0] := 1 end",
      "var x: array [0..1] of 0..1; rule begin x[0] := 1 end"),
    Row(
      "E0405", "only a record has fields, and this is an array",
      "var x: array [0..1] of 0..1; rule begin ①x.a := 1 end",
      "var x: array [0..1] of record a: 0..1 end; rule begin x[0].a := 1 end"),
    Row(
      "E0406", "an array's index must be simple, and this is a record", "var x: array [①record a: 0..1 end] of 0..1;",
      "var x: array [enum {A}] of 0..1;"),
    Row(
      "E0406", "a quantifier's type must be simple, and this is an array", "ruleset i: ①array [0..1] of 0..1 do end",
      "ruleset i: enum {A} do end"),
    Row(
      "E0406", "the operand of `switch` must be simple, and this is a record",
      "var r: record a: 0..1 end; rule begin switch ①r end end",
      "var r: record a: 0..1 end; rule begin switch r.a end end"),
    Row(
      "E0406", "the operand of `isundefined` must be simple, and this is a record",
      "var r: record a: 0..1 end; invariant isundefined(①r)", "var r: record a: 0..1 end; invariant isundefined(r.a)"),
    Row("E0501", "a constant's value must be a constant", "var x: 0..1; const N: ①x;", "const M: 1; const N: M;"),
    Row("E0501", "an end of a range must be a constant", "var x: 0..1; y: 0..①x;", "const x: 1; var y: 0..x;"),
    Row(
      "E0501", "a bound of a ruleset must be a constant", "var x: 0..1; ruleset i := ①x to 1 do end",
      "var x: 0..1; rule begin for i := x to 1 do end end"),
    Row("E0502", "the range ends at 0, below its start 1", "var x: ①1..0;", "var x: 1..1;"),
    Row(
      "E0503", "a scalarset needs at least one value, and this is 0", "type s: scalarset(①0);", "type s: scalarset(1);"),
    Row("E0504", "a constant divides by zero", "const N: 1 + 4 / ①0;", "var x: 0..1; rule begin x := 1 / 0 end"),
    Row(
      "E0505", "the step leads away from the second bound", "rule begin for i := ①3 to 0 do end end",
      "rule begin for i := 3 to 0 by -1 do end end"),
    Row(
      "E0505", "the step leads away from the second bound", "invariant forall i := ①0 to 3 by -1 do true end",
      "var x: 0..3; invariant forall i := x to 0 do i = x end"),
    Row(
      "E0506", "the step is 0", "rule begin for i := 0 to 3 by ①0 do end end",
      "rule begin for i := 0 to 3 by 2 do end end"),
    Row(
      "E0701", "an end of a range beyond ±2^62, here 4611686018427387905, is not supported",
      "var x: 0..①4611686018427387905;", "var x: -4611686018427387904..4611686018427387904;"),
    Row(
      "E0702", "the result of `+` may leave 64 bits, which is not supported",
      "const W: -1; var x: 0..4611686018427387904; invariant ①x + x + W = 1",
      "const W: -1; var x: 0..4611686018427387903; invariant x + x + W = 1"),
    Row(
      "E0702", "the result of `*` may leave 64 bits, which is not supported", "const N: ①4294967296 * 4294967296;",
      "const N: 2147483648 * 4294967295;"),
    Row(
      "E0703", "`9223372036854775808` does not fit in 64 bits, which is not supported",
      "const N: ①9223372036854775808;", "const N: 9223372036854775807;"),
    Row("E0704", "unions are not supported yet", "type u: ①union {boolean, enum {A}};", "type u: enum {A};"),
    Row("E0704", "multisets are not supported yet", "var m: ①multiset [2] of 0..1;", "var multiset: 0..1;"),
    Row("E0704", "`choose` is not supported yet", "①choose i: m do rule begin end end", "var choose: 0..1;"),
    Row(
      "E0704", "multisets are not supported yet", "invariant ①MultisetCount(i: m, true) = 1",
      "function MultisetCount(): 0..1; begin return 1 end invariant MultisetCount() = 1"),
    Row("E0704", "`liveness` is not supported yet", "var x: 0..1; ①liveness x = 1", "var x: 0..1; cover x = 1"),
    Row(
      "E0704", "`ismember` is not supported yet", "invariant ①ismember(x, boolean)",
      "var ismembe: boolean; invariant ismembe"),
    Row(
      "E0705", "an enumeration without members has no value to be an index",
      "var x: array[①enum {}] of boolean;", "var x: enum {}; y: array[enum {A}] of enum {};"),
    Row(
      "E0705", "an enumeration without members has no value to go through",
      "type t: enum {}; invariant forall i: ①t do true end", "type t: enum {A}; invariant forall i: t do true end"),
    Row(
      "E0705", "an enumeration without members has no value to go through",
      "ruleset i: ①enum {} do rule begin end end", "ruleset i: enum {A} do rule begin end end"),
  ]

  /// Statements, calls, warnings.
  static let statements: [Row] = [
    Row(
      "E0601", "constant `N` cannot be written", "const N: 1; rule begin ①N := 1 end",
      "const N: 1; rule var N: 0..1; begin N := 1 end"),
    Row(
      "E0601", "by-value parameter `a` cannot be written", "procedure p(a: 0..1); begin ①a := 1 end",
      "procedure p(var a: 0..1); begin a := 1 end"),
    Row(
      "E0601", "alias of a value `a` cannot be written", "var x: 0..1; rule begin alias a: x + 0 do clear ①a end end",
      "var x: 0..1; rule begin alias a: x do clear a end end"),
    Row(
      "E0602", "`isundefined` needs a variable, field or element", "invariant isundefined(①1 + 1)",
      "var x: 0..1; invariant isundefined(x)"),
    Row(
      "E0602", "a `var` parameter needs a variable, field or element",
      "procedure p(var a: 0..1); begin end rule begin p(①0 + 1) end",
      "procedure p(a: 0..1); begin end rule begin p(0 + 1) end"),
    Row("E0603", "a rule returns no value", "rule begin return ①1 end", "rule begin return end"),
    Row(
      "E0603", "a procedure returns no value", "procedure p(); begin return ①1 end",
      "procedure p(): 0..1; begin return 1 end"),
    Row(
      "E0604", "the function must return a boolean", "function f(): boolean; begin ①return end",
      "function f(); begin return end"),
    Row(
      "E0605", "procedure `p` has no value", "procedure p(); begin end invariant ①p() = 1",
      "function p(): 0..1; begin return 1 end invariant p() = 1"),
    Row(
      "E0606", "`p` takes 1 arguments, not 2", "procedure p(a: 0..1); begin end rule begin ①p(0, 1) end",
      "procedure p(a: 0..1; b: 0..1); begin end rule begin p(0, 1) end"),
    Row(
      "E0607", "the argument is an integer 0..2, and the `var` parameter is exactly an integer 0..1",
      "var x: 0..2; procedure p(var a: 0..1); begin end rule begin p(①x) end",
      "var x: 0..2; procedure p(var a: 0..2); begin end rule begin p(x) end"),
    Row("E0608", "`liveness` is not a statement", "rule begin ①liveness true end", "rule begin cover true end"),
    Row(
      "W0901",
      "the result of `-` lies in -1…2; rumur computes this model in uint8_t, which holds 0…255, and may stop or differ here",
      "var x: 0..3; invariant ①x - 1 < 3", "var x: -1..3; invariant x - 1 < 3"),
    Row(
      "W0901",
      "the result of `+` lies in 0…400; rumur computes this model in uint8_t, which holds 0…255, and may stop or differ here",
      "var x: 0..200; invariant ①x + x < 3", "const WIDE: 256; var x: 0..200; invariant x + x < 3"),
    Row(
      "W0902", "values of two scalarsets meet here, `s` and `u`: unsound under symmetry",
      "type s: scalarset(2); u: scalarset(2); var x: s; y: u; rule begin x := ①y end",
      "type s: scalarset(2); u: scalarset(2); var x, y: s; rule begin x := y end"),
    Row(
      "W0903", "another property is called `n`, too: nothing but the order tells their results apart",
      "var x: 0..1; invariant \"n\" x = 0; ①invariant \"n\" x = 1",
      "var x: 0..1; invariant \"n\" x = 0; invariant \"m\" x = 1; rule \"n\" begin end"),
    Row(
      "W0903", "another property is called `n`, too: nothing but the order tells their results apart",
      "var x: 0..1; rule begin assert x = 0 \"n\" end; ①cover \"n\" x = 1",
      "var x: 0..1; rule begin assert x = 0 \"n\"; assert x = 0; assert x = 1 end; cover x = 1; cover x = 0"),
    Row(
      "W0903",
      "every model has a property called `no run-time error` of its own: nothing but the order tells their results apart",
      "var x: 0..1; ①invariant \"no run-time error\" x = 0", "var x: 0..1; invariant \"no run-time errors\" x = 0"),
    Row(
      "W0903",
      "every model has a property called `no deadlock` of its own: nothing but the order tells their results apart",
      "var x: 0..1; rule begin ①assert \"no deadlock\" x = 0 end", "var x: 0..1; rule \"no deadlock\" begin end"),
  ]

  @Test(arguments: syntax + types + statements) func isReportedWhereItIs(row: Row) {
    let marked = MarkedSource(row.wrong)
    #expect(marked.findings() == ["\(row.id)@1"])
    #expect(marked.diagnostics().map(\.message) == [row.message])
  }

  @Test(arguments: syntax + types + statements) func theNeighbourIsAccepted(row: Row) {
    #expect(MarkedSource(row.right).diagnostics().map(\.message) == [])
  }

  @Test func tellsWhereThingsAreDeclared() {
    let wrong = MarkedSource("var ②x: 0..1; rule ①x ==> begin end")
    let notes = wrong.diagnostics().flatMap(\.notes)
    #expect(notes.map(\.message) == ["`x` is declared here"])
    #expect(notes.map(\.at.start) == [wrong.offsets[1]])
    let later = MarkedSource("rule ①x ==> begin end; var ②x: boolean;")
    #expect(later.diagnostics().flatMap(\.notes).map(\.message) == ["`x` is declared here, below its use"])
    #expect(later.diagnostics().flatMap(\.notes).map(\.at.start) == [later.offsets[1]])
    let twice = MarkedSource("var ②x: 0..1; ①x: 0..1;")
    #expect(twice.diagnostics().flatMap(\.notes).map(\.message) == ["the previous declaration is here"])
    #expect(twice.diagnostics().flatMap(\.notes).map(\.at.start) == [twice.offsets[1]])
    let unclosed = MarkedSource("②rule \"n\" begin if true then x := 1")
    #expect(unclosed.diagnostics().first?.id == "E0205")
  }

  @Test func allErrorsOfAPhaseAreCollected() {
    #expect(
      MarkedSource(
        """
        var x: 0..①;
            y: boolean;
        rule x = y = ②= z ==> begin if x ③x then y := true; end; y ④= false; z := 1 end
        startstate begin x := 1 end
        ruleset i ⑤do rule begin x := ⑥; end end
        """
      ).findings() == ["E0201@1", "E0202@0", "E0201@3", "E0201@4", "E0201@5", "E0201@6"])
    #expect(
      MarkedSource(
        """
        var x: 0..1; y: ①nothing;
        rule ②x ==> begin y := 1; x := ③true; ④z := 1; z := 2 end
        """
      ).findings() == ["E0301@1", "E0401@2", "E0402@3", "E0301@4"])
  }
}
