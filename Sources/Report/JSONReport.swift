package import Interchange
import Replay

/// The machine-readable form of `prove`. Scripts rely on the names; a field without a value is null.
package enum JSONReport {
  /// The object of `kvmcheck prove --format json`.
  package static func prove(_ rows: [ResultRow]) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"),
      "results": .array(rows.map(row)),
      "ok": .boolean(ResultRow.exitCode(of: rows) == 0),
    ])
  }

  /// The object of `kvmcheck compare designs --format json`; `rows` are all that it rests on.
  package static func designs(_ questions: [DesignComparison], rows: [ResultRow]) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"), "questions": .array(questions.map(\.json)),
      "ok": .boolean(ResultRow.exitCode(of: rows) == 0),
    ])
  }

  /// An object of `results`.
  static func row(_ row: ResultRow) -> JSON {
    .object([
      "model": .string(row.model),
      "file": .string(row.file),
      "scope": .string(row.scope),
      "constants": .object(
        JSON.Members(row.constants.map { ($0.name, constant($0.text)) })),
      "variant": text(row.variant),
      "property": .string(row.property),
      "kind": .string(row.kind.rawValue),
      "verdict": .string(row.verdict.rawValue),
      "engine": text(row.engine),
      "evidence": text(row.evidence?.rawValue),
      "depth": row.depth.map(JSON.integer) ?? .null,
      "seconds": .decimal((row.seconds * 1000).rounded() / 1000),
      "trace": text(row.traceFile),
      "certificate": text(row.certificate),
      "replay": text(row.replay?.word),
      "event": text(row.engineEvent),
      "bug": text(row.bug),
      "design": text(row.design),
      "expected": text(row.expected?.rawValue),
      "asExpected": .boolean(row.asExpected),
      "detail": text(row.detail.isEmpty ? nil : row.detail),
      "agreement": .array(row.agreement.map(JSON.string)),
      "diagnostics": .array(row.diagnostics.map(JSON.string)),
    ])
  }

  private static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }

  /// A constant as the JSON value that it is: number, truth value, or an enumeration's member as text.
  private static func constant(_ text: String) -> JSON {
    if let number = Int(text) { return .integer(number) }
    if text == "true" || text == "false" { return .boolean(text == "true") }
    return .string(text)
  }
}
