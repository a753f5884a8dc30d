import Diagnostics
import Murphi
import TestSupport
import Testing

/// Texts that are no models must end in diagnostics, never in a crash.
@Suite struct RobustnessTests {
  /// Deep texts of every shape, made for a depth.
  private static let shapes: [@Sendable (Int) -> String] = [
    { "invariant " + String(repeating: "(", count: $0) + "true" + String(repeating: ")", count: $0) },
    { "invariant " + String(repeating: "!", count: $0) + "true" },
    { "const N: " + String(repeating: "- ", count: $0) + "1;" },
    { "const N: " + String(repeating: "(1 + ", count: $0) + "1" + String(repeating: ")", count: $0) + ";" },
    { "const N: " + String(repeating: "(", count: $0) + "1" + String(repeating: " + 1)", count: $0) + ";" },
    { "invariant " + String(repeating: "(true & ", count: $0) + "true" + String(repeating: ")", count: $0) },
    { "invariant " + String(repeating: "true -> (", count: $0) + "true" + String(repeating: ")", count: $0) },
    { "var a: " + String(repeating: "array [0..1] of ", count: $0) + "boolean;" },
    { "startstate begin " + String(repeating: "if true then ", count: $0) + String(repeating: "end ", count: $0 + 1) },
    { String(repeating: "ruleset i: 0..1 do ", count: $0) + String(repeating: "end ", count: $0) },
    {
      "invariant " + String(repeating: "forall i: 0..1 do ", count: $0) + "true" + String(repeating: " end", count: $0)
    },
    {
      "var a: array [0..1] of 0..1; invariant 1 = " + String(repeating: "a[", count: $0) + "0"
        + String(repeating: "]", count: $0)
    },
  ]

  @Test(arguments: shapes.indices) func moderateDepthIsAccepted(shape: Int) {
    #expect(MarkedSource(Self.shapes[shape](90)).diagnostics().map(\.id) == [])
  }

  @Test(arguments: shapes.indices, [600, 5_000]) func tooDeepIsOneError(shape: Int, depth: Int) {
    #expect(MarkedSource(Self.shapes[shape](depth)).diagnostics().map(\.id) == ["E0206"])
  }

  /// The greatest accepted depth, in a task: the stack must hold it, destruction included.
  @Test(arguments: shapes.indices) func theLimitItselfFitsOnTheStack(shape: Int) async {
    let deepest = await Task.detached {
      var accepted = 90
      var refused = 600
      while refused - accepted > 1 {
        let middle = (accepted + refused) / 2
        if MarkedSource(Self.shapes[shape](middle)).diagnostics().isEmpty {
          accepted = middle
        } else {
          refused = middle
        }
      }
      return accepted
    }.value
    #expect(deepest >= 120)
  }

  @Test func tokenSoupNeverCrashes() {
    let words = [
      "var", "x", "y", ":", "0", "..", "3", ";", "rule", "\"n\"", "==>", "begin", "end", ":=", "if", "then", "else",
      "elsif", "for", "do", "to", "by", "forall", "exists", "(", ")", "[", "]", "{", "}", "+", "-", "*", "/", "!",
      "&", "|", "->", "=", "<", "?", "const", "type", "enum", "record", "array", "of", "boolean", "scalarset",
      "startstate", "ruleset", "invariant", "alias", "switch", "case", "while", "return", "clear", "undefine",
      "error", "put", "function", "procedure", "isundefined", "\n--@ source a\n", "\n--@ operation A b=(c)\n",
      "\n--@ scope s: x=1\n", "\n--@+ t\n", ",", ".", "true", "cover", "assume", "union", "09", "\"", "/*", "*/", "é",
    ]
    var generator = SeededGenerator(seed: 20_260_101)
    for _ in 0..<3_000 {
      let length = Int.random(in: 1...60, using: &generator)
      let text = (0..<length).map { _ in words.randomElement(using: &generator) ?? "" }.joined(separator: " ")
      for diagnostic in MarkedSource(text).diagnostics() {
        #expect(
          diagnostic.at.start >= 0 && diagnostic.at.end <= text.utf8.count && diagnostic.at.start <= diagnostic.at.end)
      }
    }
  }

  @Test func mutilatedModelsNeverCrash() {
    let source = Array(RumurAcceptanceTests.lines.map(\.source).joined(separator: "\n").utf8)
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<400 {
      let start = Int.random(in: 0..<source.count, using: &generator)
      let end = min(source.count, start + Int.random(in: 1...1_500, using: &generator))
      let text = String(decoding: source[start..<end], as: UTF8.self)
      _ = MarkedSource(text).diagnostics()
    }
  }
}
