import Diagnostics
import Execution
import ExplicitState
import Murphi
import Report
import TransitionSystems

/// What some scope or variant of a file fires and triggers.
///
/// A rule that is idle in the default scope but fires with other constants is one that the constants switch off: a refusal
/// that the right protocol never meets fires in the variant that breaks the protocol.
struct Coverage: Sendable {
  private(set) var firedRules: Set<Int> = []
  private(set) var triggered: Set<Implication> = []

  /// Adds what a search saw.
  mutating func add(_ report: SearchReport?) {
    guard let report else { return }
    firedRules.formUnion(report.rules.filter { $0.fired > 0 }.map(\.index))
    // A firing that ends in a run-time error is a firing: the rule was put to the test.
    firedRules.formUnion(
      report.violations.filter { $0.trace.failure != nil && $0.trace.depth > 0 }.compactMap {
        $0.trace.steps.last?.firing.index
      })
    triggered.formUnion(report.implications.filter(\.isTriggered).map(\.implication))
  }

  /// Whether something that an instance leaves idle was not seen to happen elsewhere yet.
  func leavesOpen(_ findings: Findings) -> Bool {
    guard let search = findings.search else { return false }
    return search.rules.contains { $0.fired == 0 && !firedRules.contains($0.index) }
      || search.implications.contains { !$0.isTriggered && !triggered.contains($0.implication) }
  }
}

/// The rows "no start state", "every rule fires" and "every implication is triggered": there only when something was found, or
/// could not be excluded.
struct VacuityRows {
  let builder: RowBuilder
  let coverage: Coverage

  func rows() -> [ResultRow] {
    guard builder.instance.scope == "default", builder.only == nil else { return [] }
    guard let search = builder.findings.search else { return [] }
    return [rulesRow(search), implicationsRow(search)].compactMap(\.self)
  }

  private func rulesRow(_ search: SearchReport) -> ResultRow? {
    let idle = search.rules.filter { $0.fired == 0 && !coverage.firedRules.contains($0.index) }
    let words = idle.map { "rule \"\($0.name)\" never fires, in no scope and no variant of the file" }
    return row("every rule fires", words, search)
  }

  private func implicationsRow(_ search: SearchReport) -> ResultRow? {
    let model = builder.instance.model
    let idle = search.implications.filter { !$0.isTriggered && !coverage.triggered.contains($0.implication) }
    let words = idle.map { count in
      let property = model.properties[count.implication.property]
      let name = property.name ?? "invariant \(property.number)"
      return "the left side at \(model.place(count.implication.range)) of \"\(name)\" is never true"
    }
    return row("every implication is triggered", words, search)
  }

  /// Vacuous with what was found; `limit` where the search did not finish; no row where all is well.
  private func row(_ name: String, _ found: [String], _ search: SearchReport) -> ResultRow? {
    guard !found.isEmpty else { return nil }
    var row = builder.empty(name, kind: .vacuity)
    row.engine = "explicit"
    row.evidence = .search
    let isComplete = search.isExhaustive && builder.stop == .none
    row.verdict = isComplete ? .vacuous : .limit
    row.detail = isComplete ? "\(found.count) found" : "not excluded: the search did not finish"
    row.diagnostics = isComplete ? found : []
    row.asExpected = false
    return row
  }
}

extension TypedModel {
  /// `line:column` of a place.
  func place(_ range: SourceRange) -> String {
    let position = file.position(of: range.start)
    return "\(position.line):\(position.column)"
  }
}
