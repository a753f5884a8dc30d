import Engines
import Murphi
import Replay
import Report
import TransitionSystems

/// Turns findings into rows: what came out, what the file says should come out, and whether these agree.
struct RowBuilder {
  let instance: Instance
  let findings: Findings
  let stop: StopSwitch.Reason
  /// Runs a trace on the concrete machine.
  let replayer: Replayer?
  /// Only this property, where given.
  let only: String?

  /// The rows of a scope as it stands.
  func scopeRows() -> [ResultRow] {
    var rows: [ResultRow] = []
    for question in Question.all(of: instance.model) where only == nil || only == question.name {
      let row = row(for: question)
      if isWorthARow(question.property, row) { rows.append(row) }
    }
    return rows
  }

  /// The rows of a variant: exactly what it names, in its order.
  func variantRows(_ variant: VariantDeclaration) -> [ResultRow] {
    let questions = Question.all(of: instance.model)
    var rows: [ResultRow] = []
    for outcome in variant.outcomes {
      switch outcome {
      case .violates(let property, let event):
        rows += questions.filter { $0.name == property }.map { row(for: $0, expected: .violates, event: event) }
      case .holds(let property?):
        rows += questions.filter { $0.name == property }.map { row(for: $0, expected: .holds, event: nil) }
      case .holds(nil):
        let named = Self.named(in: variant)
        rows += questions.filter { !named.contains($0.name) }.compactMap { question in
          let row = row(for: question, expected: .holds, event: nil)
          return isWorthARow(question.property, row) ? row : nil
        }
      case .error(let text, let event): rows.append(errorRow(text, event: event))
      case .deadlock:
        rows += questions.filter { $0.property == .deadlock }.map { row(for: $0, expected: .deadlock, event: nil) }
      case .unreachable(let name): rows.append(unreachableRow(name))
      }
    }
    rows += alsoAskedRows(besides: Set(rows.map(\.property)))
    return rows.filter { only == nil || only == $0.property }.map { decorated($0, variant) }
  }

  /// The rows of what a variant does not name, but is asked about: nothing is expected of them but an answer. Since nobody said in which event a
  /// violation should end, none is replayed.
  private func alsoAskedRows(besides named: Set<String>) -> [ResultRow] {
    let builder = RowBuilder(instance: instance, findings: findings, stop: stop, replayer: nil, only: only)
    return Question.all(of: instance.model).filter { instance.alsoAsked.contains($0.name) && !named.contains($0.name) }
      .map {
        var row = builder.row(for: $0)
        if [.proved, .provedAnySize, .violated].contains(row.verdict) { row.asExpected = true }
        return row
      }
  }

  /// The properties that a variant names by themselves.
  private static func named(in variant: VariantDeclaration) -> Set<String> {
    Set(
      variant.outcomes.compactMap { outcome in
        switch outcome {
        case .violates(let property, _): property
        case .holds(let property): property
        case .error, .deadlock, .unreachable: nil
        }
      })
  }

  private func decorated(_ row: ResultRow, _ variant: VariantDeclaration) -> ResultRow {
    var row = row
    row.bug = variant.bugs.isEmpty ? nil : variant.bugs.joined(separator: ",")
    row.design = variant.design
    return row
  }

  /// Run-time errors, deadlock and covers are rows only when something was found or could not be excluded.
  private func isWorthARow(_ property: PropertyID, _ row: ResultRow) -> Bool {
    let isProved = row.verdict == .proved || row.verdict == .provedAnySize
    return switch property {
    case .invariant, .assertion: true
    case .cover, .runTimeErrors: !isProved
    case .deadlock: !isProved && instance.model.directives.deadlock != .off
    }
  }

  /// The row of a question whose answer should be a proof (or, in a variant, what it says).
  func row(for question: Question, expected: ResultRow.Expected? = nil, event: String? = nil) -> ResultRow {
    var row = empty(question.name, kind: Self.kind(of: question.property))
    row.expected = expected
    row.event = event
    guard findings.contradictions[question.property] == nil else {
      return contradicted(row, findings.contradictions[question.property])
    }
    guard let answer = findings.answer(question.property) else { return unanswered(row, question.property) }
    fill(&row, from: answer, property: question.property)
    judge(&row)
    return row
  }

  private func contradicted(_ row: ResultRow, _ contradiction: Contradiction?) -> ResultRow {
    var row = row
    row.verdict = .contradiction
    row.asExpected = false
    if let contradiction { row.diagnostics = ["\(contradiction.subject)", contradiction.first, contradiction.second] }
    return row
  }

  private func unanswered(_ row: ResultRow, _ property: PropertyID) -> ResultRow {
    var row = row
    let isOpen = !Question(property: property, name: "").isSymbolic && findings.search == nil && stop == .none
    // Nobody was asked (solvers cannot decide it): no budget ran out, so this is no `limit`.
    row.verdict = isOpen ? .unknown : .limit
    row.detail = isOpen ? (property == .deadlock ? "deadlock not checked" : "cover not checked") : stopWords
    row.asExpected = false
    return row
  }

  /// Why the command ended early, in words.
  var stopWords: String { stop.words }
}

extension StopSwitch.Reason {
  /// As rows say it.
  var words: String {
    switch self {
    case .none: "not decided within the budget"
    case .interrupted: "interrupted"
    case .time: "time limit reached"
    case .memory: "memory limit reached"
    }
  }

}

extension RowBuilder {
  /// A row without an answer.
  func empty(_ name: String, kind: ResultRow.Kind) -> ResultRow {
    ResultRow(
      model: instance.loaded.location.name, file: instance.loaded.location.file, scope: instance.scope,
      constants: instance.constants, variant: instance.variant?.name, property: name, kind: kind, verdict: .limit)
  }

  private static func kind(of property: PropertyID) -> ResultRow.Kind {
    switch property {
    case .invariant: .invariant
    case .assertion: .assertion
    case .runTimeErrors: .runTimeError
    case .deadlock: .deadlock
    case .cover: .cover
    }
  }
}
