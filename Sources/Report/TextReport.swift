import Foundation
import Replay

/// The summary for people: a line per property, aligned; a table per violation.
package struct TextReport {
  /// Whether ANSI colours may be used.
  package enum Colour: Sendable {
    case plain
    case ansi
  }

  /// How much of each violation is shown.
  package enum Traces: Sendable {
    case full
    case none
  }

  /// As wide as the widest verdict, `proved-any-size`.
  private static let verdictWidth = 15

  private let colour: Colour
  private let traces: Traces

  package init(colour: Colour, traces: Traces) {
    self.colour = colour
    self.traces = traces
  }

  /// The heading of a model's rows: its name, file, title, the constants of the scope and what it leaves out.
  package func heading(
    model: String, file: String, title: String?, scope: String, constants: String, omissions: [String]
  )
    -> String
  {
    var lines = [title.map { "\(model): \($0)" } ?? model]
    lines += Self.wrapped(
      "\(file), scope \(scope)" + (constants.isEmpty ? "" : ": \(constants)"), indent: 2, hanging: 4)
    if traces == .full { lines += omissions.flatMap { Self.wrapped("assumed: " + $0, indent: 2, hanging: 11) } }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The heading of a variant's rows.
  package func heading(variant: String, constants: String) -> String {
    "  variant \(variant)" + (constants.isEmpty ? "" : " (\(constants))") + "\n"
  }

  /// A row, and for a violation its table. `width` is the widest property of the block; `earlier` are the rows before it, so that
  /// a trace that violates several properties of a variant is printed once.
  package func text(of row: ResultRow, width: Int, after earlier: some Sequence<ResultRow>) -> String {
    // A name wider than its column has a line of its own, so that the columns stay where they are.
    let isWide = row.property.count > width
    let column = (isWide ? "" : row.property).padding(to: width)
    var line = "  " + (isWide ? String(repeating: " ", count: Self.verdictWidth) : word(of: row)) + "  " + column
    line += "  " + (row.engine ?? "-").padding(to: 11) + "  " + row.detail.padding(to: 34)
    line += "  " + String(format: "%6.2f s", row.seconds)
    if row.contradictsItsFile { line += "  UNEXPECTED" + (row.expected.map { " (expected: \($0.rawValue))" } ?? "") }
    var lines = isWide ? ["  " + word(of: row) + "  " + row.property] : []
    lines.append(line.trimmingTrailingBlanks())
    lines += row.agreement.map { String(repeating: " ", count: Self.verdictWidth + 4) + $0 }
    lines += row.diagnostics.flatMap {
      $0.split(separator: "\n", omittingEmptySubsequences: false).map { "      \($0)" }
    }
    let twin = earlier.first {
      $0.variant == row.variant && $0.trace != nil && $0.trace == row.trace && $0.replay == row.replay
    }
    if traces == .full, let twin {
      lines.append("      the same trace as of \"\(twin.property)\"")
    } else if traces == .full, let trace = row.trace {
      lines += TraceTable(trace, replay: row.replay).lines(indent: 6)
    } else if let replay = row.replay {
      lines.append(String(repeating: " ", count: Self.verdictWidth + 4) + replay.word)
    }
    if let file = row.traceFile { lines.append("      trace: \(file)") }
    if let file = row.certificate, traces == .full { lines.append("      certificate: \(file)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The last line: how many rows, by verdict, and how many came out otherwise than the files say.
  package func summary(of rows: [ResultRow], seconds: Double) -> String {
    var counts: [(String, Int)] = []
    for row in rows {
      let word = row.verdict.rawValue
      if let index = counts.firstIndex(where: { $0.0 == word }) {
        counts[index].1 += 1
      } else {
        counts.append((word, 1))
      }
    }
    let words = counts.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    let unexpected = rows.count(where: \.contradictsItsFile)
    let open = rows.count { !$0.asExpected && !$0.contradictsItsFile }
    let replayed = rows.compactMap(\.replay)
    let reproduced = replayed.count { $0.word == "reproduced" }
    var text = "\(rows.count) results: \(words)"
    if !replayed.isEmpty { text += "; \(reproduced) of \(replayed.count) traces reproduced on the engine" }
    if open > 0 { text += "; \(open) not proved" }
    if unexpected > 0 { text += "; \(unexpected) UNEXPECTED" }
    if open + unexpected == 0 { text += "; all as the files say" }
    return text + String(format: "; %.1f s\n", seconds)
  }

  private func word(of row: ResultRow) -> String {
    let word = row.verdict.rawValue.padding(to: Self.verdictWidth)
    guard colour == .ansi else { return word }
    let code = row.asExpected ? (row.verdict == .violated ? "33" : "32") : "31"
    return "\u{1B}[\(code)m\(word)\u{1B}[0m"
  }

  /// Breaks at blanks so that no line is longer than 118 characters. `head` is put before the text as it is.
  static func wrapped(_ text: String, indent: Int, head: String = "", hanging: Int) -> [String] {
    var lines: [String] = []
    var line = String(repeating: " ", count: indent) + head
    var isFirst = true
    for word in text.split(separator: " ") {
      if line.count + word.count + 1 > 118, !isFirst {
        lines.append(line)
        line = String(repeating: " ", count: hanging)
        isFirst = true
      }
      line += (isFirst ? "" : " ") + word
      isFirst = false
    }
    return lines + [line]
  }
}

extension String {
  /// The text, filled with blanks to a width.
  func padding(to width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }

  /// The text without blanks at its end.
  func trimmingTrailingBlanks() -> String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
