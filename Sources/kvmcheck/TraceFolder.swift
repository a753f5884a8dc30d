import Foundation
import Interchange
import Murphi
import Report

/// Where `--traces DIR` writes counterexamples, each complete or not at all.
struct TraceFolder {
  private let path: String
  /// The names given out: two properties may differ in nothing that a file name keeps.
  private var names: Set<String> = []

  /// Makes the folder where there is none. Throws: it cannot be made, or nothing can be written there.
  init(path: String) throws(UsageError) {
    self.path = path
    do throws(ConsoleError) {
      try Folder.make(path)
      _ = try Destination(path: path + "/probe")
    } catch {
      throw UsageError("--traces: cannot write \(path): \(error.reason)")
    }
  }

  /// Writes the traces of a file's rows and notes in each row where its own lies; what cannot be written is told to `report`,
  /// and the results go on without.
  mutating func save(
    _ result: Campaign.FileResult, report: (ConsoleError) -> Void
  ) throws -> Campaign.FileResult {
    var result = result
    for index in result.rows.indices {
      guard let trace = result.rows[index].trace, let sha256 = result.sha256 else { continue }
      let row = result.rows[index]
      let origin = ITFDocument.Origin(
        model: row.model, sha256: sha256, constants: row.constants, variant: row.variant, property: row.property,
        verdict: row.verdict.rawValue, deadlock: result.deadlock?.rawValue, file: row.file)
      do throws(ConsoleError) {
        result.rows[index].traceFile = try save(ITFDocument(origin: origin, trace: trace), scope: row.scope)
      } catch {
        report(error)
      }
    }
    return result
  }

  /// Writes one trace. Returns: its file. Throws: it cannot be written.
  mutating func save(_ document: ITFDocument, scope: String) throws(ConsoleError) -> String {
    let file = path + "/" + fileName(of: document.origin, scope: scope)
    try Destination(path: file).write(Array(document.encoded()))
    return file
  }

  /// `MODEL.SCOPE-OR-VARIANT.PROPERTY.itf.json`, with a number where that is taken.
  private mutating func fileName(of origin: ITFDocument.Origin, scope: String) -> String {
    let name = [origin.model, origin.variant ?? scope, origin.property].map(FileName.words).joined(separator: ".")
    var chosen = name
    var count = 1
    while !names.insert(chosen).inserted {
      count += 1
      chosen = "\(name)-\(count)"
    }
    return chosen + ".itf.json"
  }
}
