import Diagnostics
import TestSupport
import Testing

@testable import Murphi

/// What the checker makes of a correct model.
@Suite struct TypedModelTests {
  /// The checked expression of `invariant …`, with some variables.
  private func invariant(_ text: String) throws -> Expression {
    let head = "const N: 3; var x: 0..7; y: -5..5; b: boolean; e: enum {A, B}; a: array [0..3] of 0..9; "
    return try #require(try checkedModel(head + "invariant \(text)").properties.first).expression
  }

  /// The interval of an integer expression.
  private func interval(_ text: String) throws -> ClosedRange<Int>? {
    guard case .comparison(_, let left, _) = try invariant("(\(text)) = x").kind else { return nil }
    return left.interval
  }

  @Test(arguments: [
    ("x + y", -5...12), ("x - y", -5...12), ("x * y", -35...35), ("y * y", -25...25), ("x / y", -7...7),
    ("y / x", -5...5), ("x % 3", 0...2), ("y % 3", -2...2), ("y % x", -5...5), ("x % y", 0...4), ("-x", -7...0),
    ("~x", -8...(-1)), ("x & 5", 0...5), ("x & y", 0...7), ("x | 8", 0...15), ("x ^ y", -8...7), ("x << 2", 0...28),
    ("x >> 1", 0...3), ("y >> 1", -3...2), ("x << y", 0...224), ("b ? x : y", -5...7), ("a[0] + N", 3...12),
    ("x / 0", 0...0), ("(x + 1) * 2", 2...16), ("x", 0...7),
  ])
  func intervalsBoundEveryResult(text: String, expected: ClosedRange<Int>) throws {
    #expect(try interval(text) == expected)
  }

  /// Brute force: no result of an operator leaves the interval that is computed for it.
  @Test func intervalsAreSound() {
    let operations: [ArithmeticOperator] = [
      .add, .subtract, .multiply, .divide, .remainder, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRight,
    ]
    var generator = SeededGenerator(seed: 42)
    for _ in 0..<2_000 {
      let operation = operations[Int.random(in: 0..<operations.count, using: &generator)]
      let ends = (0..<4).map { _ in Int.random(in: -9...9, using: &generator) }
      let left = min(ends[0], ends[1])...max(ends[0], ends[1])
      let right = min(ends[2], ends[3])...max(ends[2], ends[3])
      let wide = WideInterval.of(operation, WideInterval(left), WideInterval(right))
      for one in left {
        for other in right {
          guard let result = operation.result(one, other) else { continue }
          #expect(wide.lower <= result && result <= wide.upper, "\(one) \(operation.rawValue) \(other)")
        }
      }
    }
  }

  @Test(arguments: [
    ("-7 / 2", -3), ("7 / -2", -3), ("-7 % 2", -1), ("7 % -2", 1), ("0x10 + 010", 24), ("N * N - 1", 8), ("6 & 3", 2),
    ("6 | 1", 7), ("6 ^ 3", 5), ("~0", -1), ("1 << 4", 16), ("-8 >> 1", -4), ("1 << -1", 0), ("-1 >> 64", 0),
    ("true ? 4 : x", 4), ("+5", 5),
  ])
  func constantsAreFolded(text: String, value: Int) throws {
    guard case .comparison(_, let left, _) = try invariant("(\(text)) = x").kind else {
      Issue.record("folded away")
      return
    }
    #expect(left.kind == .constant(value))
    #expect(left.interval == value...value)
  }

  @Test(arguments: [
    ("N = 3", 1), ("A = B", 0), ("A != B", 1), ("N < 3", 0), ("false & b", 0), ("false & (1 / 0 = 1)", 0),
    ("true | b", 1),
    ("false -> b", 1), ("!(N >= 3)", 0), ("forall i: boolean do true end", 1), ("true && true", 1),
    ("false || false", 0),
  ])
  func truthsAreFolded(text: String, value: Int) throws {
    #expect(try invariant(text).kind == .constant(value))
  }

  @Test func whatMayFailIsNotFoldedAway() throws {
    #expect(try invariant("b & false").kind != .constant(0))
    #expect(try invariant("x * 0 = 0").kind != .constant(1))
    #expect(try invariant("(1 / 0) = 0").kind != .constant(1))
    let kept = try invariant("true & b")
    guard case .read = kept.kind else {
      Issue.record("not the right side")
      return
    }
  }

  @Test func rulesAreFlattened() throws {
    let model = try checkedModel(
      """
      type s: scalarset(2);
      var a: array [s] of 0..3; b: 0..3;
      startstate begin end;
      ruleset i: s do
        alias c: a[i]; d: b + 1; two: 2 do
          ruleset j := 0 to 2 by 2 do
            rule "inner" forall k: 0..1 do k = j end ==> var l: 0..3; begin for m: s do l := two; b := d; c := l end end;
            invariant c = j;
          end;
          startstate "in" begin c := 0 end;
        end;
        rule begin end;
      end;
      invariant "last" b = 0;
      assume b < 3;
      cover b = 1 "one";
      rule begin assert b = 0 "zero"; cover b = 2; assert "first" b = 1 end
      """)
    let inner = model.rules[0]
    #expect(inner.locals.map(\.name) == ["i", "c", "d", "j", "k", "l", "m"])
    #expect(inner.locals.map(\.kind) == [.value, .reference, .value, .value, .value, .variable, .value])
    #expect(inner.enclosures.count == 4)
    #expect(inner.locals[2].type == .range(lower: 1, upper: 4))
    #expect(inner.locals[3].type == .range(lower: 0, upper: 2))
    guard case .alias(let alias) = inner.enclosures[1], case .place(let place) = alias.target else {
      Issue.record("not an alias of a place")
      return
    }
    #expect(place.root == .state(0))
    #expect(model.rules.map(\.name) == ["inner", nil, nil])
    #expect(model.rules.map(\.number) == [1, 2, 3])
    #expect(model.rules.map { $0.locals.count } == [7, 1, 0])
    #expect(model.startstates.map(\.number) == [1, 2])
    #expect(model.startstates.map { $0.enclosures.count } == [0, 3])
    #expect(model.properties.map(\.name) == [nil, "last"])
    #expect(model.properties.map(\.number) == [1, 2])
    #expect(model.properties[0].locals.map(\.name) == ["i", "c", "d", "j"])
    #expect(model.assumptions.count == 1)
    #expect(model.covers.map(\.name) == ["one", nil])
    #expect(model.covers.map { $0.property != nil } == [true, false])
    #expect(model.assertions.map(\.name) == ["zero", "first"])
  }

  @Test func functionsKeepTheirParametersFirst() throws {
    let model = try checkedModel(
      """
      var x: 0..3;
      function f(a, b: 0..3; var c: boolean): 0..3; var d: 0..1; begin for i: boolean do c := i end; return f(a, b, c) end;
      procedure p(); begin x := 2 end;
      """)
    let function = model.functions[0]
    #expect(function.parameterCount == 3)
    #expect(function.locals.map(\.name) == ["a", "b", "c", "d", "i"])
    #expect(function.locals.map(\.kind) == [.parameter, .parameter, .reference, .variable, .value])
    #expect(function.returnType == .range(lower: 0, upper: 3))
    #expect(function.body.count == 2)
    #expect(model.functions[1].returnType == nil)
    #expect(model.functions[1].locals == [])
  }

  @Test func settingsReplaceTopLevelConstants() throws {
    let tree = try SyntaxTree.parse(
      SourceFile(
        name: "c.m",
        text: """
          const N, M: 2; B: false; type e: enum {OFF, ON}; const E: OFF; K: N + 1; W: 300;
          var x: 0..K; s: array [scalarset(N)] of boolean; rule var k: 0..1; begin x := x - 200 + 200 end
          """))
    let plain = try tree.check()
    #expect(
      plain.model.constants.map { "\($0.name)=\($0.text)" } == ["N=2", "M=2", "B=false", "E=OFF", "K=3", "W=300"])
    #expect(plain.warnings.map(\.id) == ["W0901"])
    let set = try tree.check(constants: [
      ConstantSetting(name: "N", value: "0x10"), ConstantSetting(name: "B", value: "true"),
      ConstantSetting(name: "E", value: "ON"), ConstantSetting(name: "W", value: "-300"),
    ])
    #expect(set.model.constants.map { "\($0.name)=\($0.text)" } == ["N=16", "M=2", "B=true", "E=ON", "K=17", "W=-300"])
    #expect(set.model.variables[0].type == .range(lower: 0, upper: 17))
    #expect(set.model.scalarsets.map(\.size) == [16])
    #expect(set.warnings == [])
  }

  @Test(arguments: [
    ("Q", "1", "E0507"), ("N", "true", "E0508"), ("N", "99999999999999999999", "E0508"), ("B", "TRUE", "E0508"),
    ("N", "0", "E0503"), ("E", "2", "E0508"),
  ])
  func settingsThatDoNotFit(name: String, value: String, id: String) {
    let marked = MarkedSource(
      "const N: 2; B: false; type e: enum {OFF, ON}; const E: OFF; type s: scalarset(N);")
    #expect(marked.diagnostics(constants: [ConstantSetting(name: name, value: value)]).map(\.id) == [id])
  }

  @Test func aSettingIsGivenOnce() {
    let twice = [ConstantSetting(name: "N", value: "1"), ConstantSetting(name: "N", value: "2")]
    #expect(MarkedSource("const N: 2;").diagnostics(constants: twice).map(\.id) == ["E0509"])
  }

  @Test func scalarsetsAndEnumerationsKeepTheirNames() throws {
    let model = try checkedModel(
      "type s: scalarset(2); t: s; e, f: enum {A}; var x: t; y: scalarset(3); z: f; w: array [s] of enum {B, C};")
    #expect(model.scalarsets.map(\.name) == ["s", "scalarset1"])
    #expect(model.scalarsets.map(\.declaration) == [0, 1])
    #expect(model.variables[0].type == .scalarset(model.scalarsets[0]))
    #expect(model.variables[2].type == .enumeration(EnumerationType(name: "e", members: ["A"])))
  }

  /// As `rumur --output` declares `value_t` for the same text (there with `fast` in the names).
  @Test(arguments: [
    ("x := 1", "uint8_t"), ("x := -(-1)", "int8_t"), ("x := 300 - 299", "uint16_t"), ("x := 3 - (-300)", "int16_t"),
    ("for i := 0 to x do x := i end", "int64_t"), ("for i := x to 3 do x := i end", "int64_t"),
    ("for i := 0 to 3 by x do x := i end", "uint8_t"), ("for i := 0 to 300 do x := 0 end", "uint16_t"),
    ("for i: 0..300 do x := 0 end", "uint16_t"), ("x := 70000 - 69999", "uint32_t"), ("x := ~1", "uint8_t"),
    ("x := 70000 + (-70000)", "int32_t"), ("x := 4294967296 - 4294967295", "uint64_t"),
    ("put forall i := 0 to x do true end", "int64_t"), ("for i: scalarset(256) do x := 0 end", "uint16_t"),
  ])
  func rumursValueType(statement: String, name: String) throws {
    let text = "var x: 0..3; startstate begin \(statement) end"
    var checker = TypeChecker(tree: try SyntaxTree.parse(SourceFile(name: "v.m", text: text)), settings: [:])
    checker.run([])
    #expect(checker.errors == [])
    #expect(checker.valueType.name == name)
  }
}
