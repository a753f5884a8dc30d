import Diagnostics
import Foundation
import Murphi
import TestSupport
import Testing

/// What rumur v2022.08.20 accepts and refuses, and what we do with the same text.
///
/// `Tests/Fixtures/rumur-acceptance.tsv` has a line per text: name, rumur's side (`accepts`, `refuses`, `crashes`), the
/// identifiers of our errors and warnings or `-`, and the text (`\n` and `\\` escaped). Where the sides differ the name of the
/// line is in `deliberate`, with the reason.
@Suite struct RumurAcceptanceTests {
  /// One line of the table.
  struct Line: Sendable, CustomTestStringConvertible {
    let name: String
    let rumur: String
    let ours: String
    let source: String
    var testDescription: String { name }
  }

  /// The lines of the table.
  static let lines: [Line] = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = (try? String(contentsOf: root.appending(path: "Fixtures/rumur-acceptance.tsv"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map { row in
      let columns = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      return Line(name: columns[0], rumur: columns[1], ours: columns[2], source: unescaped(columns[3]))
    }
  }()

  /// With `\n` and `\\` replaced.
  private static func unescaped(_ text: String) -> String {
    var result = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        result.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return result
  }

  @Test(arguments: lines) func saysWhatTheTableSays(line: Line) {
    let found = MarkedSource(line.source).diagnostics()
    let text = found.isEmpty ? "-" : found.map(\.id).joined(separator: " ")
    #expect(text == line.ours, "\(found.map(\.message))")
  }

  /// Where we differ from rumur on purpose, and why.
  static let deliberate: [String: String] = [
    "divzeroc": "rumur aborts",
    "qtypeany": "rumur aborts",
    "rsneg": "rumur divides by zero, though the ruleset is sound",
    "emptyenumforall": "rumur makes one pass with a value that is none",
    "emptyenumruleset": "rumur divides by zero",
    "emptyenumindex": "an array that has no element",
    "intandnamed": "rumur's bug: it does not follow the type's name",
    "guardnobegin": "`rule x := 2` needs no `begin`; rumur takes it for a guard",
    "condmix": "rumur does not compare the branches' types",
    "propint": "rumur does not type properties",
    "guardint": "rumur does not type guards",
    "propfirst": "`liveness` is not supported yet",
    "unterm": "a comment that swallows the rest of the text is an error",
    "scalarbool": "rumur does not type a scalarset's size",
    "rangebool": "rumur does not type a range's ends",
    "spell": "spellings of later versions",
    "spelling-÷": "a spelling of later versions",
    "spelling-−": "a spelling of later versions",
    "spelling-×": "a spelling of later versions",
    "spelling-∕": "a spelling of later versions",
  ]

  @Test(arguments: lines) func agreesWithRumurUnlessSaid(line: Line) {
    let accepts = !line.ours.contains("E")
    let agrees = line.rumur == (accepts ? "accepts" : "refuses")
    #expect(agrees == (Self.deliberate[line.name] == nil))
  }

  @Test func theTableIsWhole() {
    #expect(Self.lines.count == 256)
    #expect(Set(Self.lines.map(\.name)).count == 256)
    #expect(Set(Self.deliberate.keys).isSubset(of: Self.lines.map(\.name)))
  }
}
