import Foundation
import Interchange
import Report

/// Where `--traces DIR` writes counterexamples, each by an atomic rename.
struct TraceFolder: Sendable {
  private let path: String

  /// Makes the folder. Throws: it cannot be made.
  init(path: String) throws {
    self.path = path
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ConsoleError(destination: path, reason: (error as NSError).localizedDescription)
    }
  }

  /// Writes the traces of a file's rows and notes in each row where its own lies.
  func save(_ result: Campaign.FileResult, of request: Campaign.Request) throws -> Campaign.FileResult {
    var rows = result.rows
    let sha256 = try LoadedModel(result.location).sha256
    for index in rows.indices {
      guard let trace = rows[index].trace else { continue }
      let row = rows[index]
      let name =
        [row.model, row.variant ?? row.scope, row.property].map(Self.fileName).joined(separator: ".") + ".itf.json"
      let origin = ITFDocument.Origin(
        model: row.model, sha256: sha256, constants: row.constants, variant: row.variant, property: row.property,
        verdict: row.verdict.rawValue)
      try AtomicFile.write(ITFDocument(origin: origin, trace: trace).encoded(), to: path + "/" + name)
      rows[index].traceFile = path + "/" + name
    }
    return Campaign.FileResult(
      location: result.location, title: result.title, constants: result.constants, omissions: result.omissions,
      rows: rows, warnings: result.warnings)
  }

  /// Lower case, other runs of characters as `-`.
  private static func fileName(_ text: String) -> String {
    var name = ""
    for character in text.lowercased() {
      if character.isASCII, character.isLetter || character.isNumber {
        name.append(character)
      } else if name.last != "-" {
        name.append("-")
      }
    }
    return name.trimmingCharacters(in: CharacterSet(charactersIn: "-"))
  }
}
