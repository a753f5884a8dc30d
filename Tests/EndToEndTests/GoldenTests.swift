import Foundation
import Interchange
import Testing

/// Every file of Tests/Golden through the tool.
///
/// A file's head says what it is about and why, then `-- kvmcheck: ARGUMENTS` and its `-- expect:` lines: the exit code, then
/// each row as `scope or variant | property | verdict | depth | as expected or not`. `KVMCHECK_BLESS=1` rewrites those lines.
@Suite("Golden models")
struct GoldenTests {
  static let folder = CommandLineTool.root.appending(path: "Tests/Golden")

  static let files: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".m") }.sorted()

  private static let command = "-- kvmcheck: "
  private static let expectation = "-- expect: "

  @Test("is decided as its head says", arguments: files)
  func golden(_ name: String) throws {
    let file = Self.folder.appending(path: name)
    let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
    #expect(lines[0].hasPrefix("-- ") && !lines[0].hasPrefix(Self.command), "the first line says what and why")
    let command = try #require(lines.first { $0.hasPrefix(Self.command) }).dropFirst(Self.command.count)
    let arguments = command.split(separator: " ").map(String.init)
    let result = try CommandLineTool.run(arguments + [name, "--format", "json"], in: Self.folder)
    let found = ["exit \(result.status)"] + (try result.rows().map(Self.row))
    if ProcessInfo.processInfo.environment["KVMCHECK_BLESS"] == "1" {
      try Self.bless(file, lines, found)
    } else {
      let expected = lines.filter { $0.hasPrefix(Self.expectation) }.map {
        String($0.dropFirst(Self.expectation.count))
      }
      #expect(found == expected)
    }
  }

  private static func row(_ row: JSON) -> String {
    var depth = "-"
    if case .integer(let value)? = row["depth"] { depth = "\(value)" }
    return [
      row["variant"]?.text ?? row["scope"]?.text ?? "", row["property"]?.text ?? "", row["verdict"]?.text ?? "", depth,
      row["asExpected"] == .boolean(true) ? "as expected" : "not as expected",
    ].joined(separator: " | ")
  }

  /// Replaces the expectations, which follow the command.
  private static func bless(_ file: URL, _ lines: [String], _ found: [String]) throws {
    var text: [String] = []
    for line in lines where !line.hasPrefix(expectation) {
      text.append(line)
      if line.hasPrefix(command) { text += found.map { expectation + $0 } }
    }
    try text.joined(separator: "\n").write(to: file, atomically: true, encoding: .utf8)
  }
}
