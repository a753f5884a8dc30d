package import Interchange
import MMUEngine
package import Replay
import TransitionSystems

/// What `replay` says of a trace that re-executes, for people and for scripts.
package struct ReplayOutcome: Sendable {
  private let file: String
  private let document: ITFDocument
  /// Nil where the model names nothing of the engine.
  private let replay: ReplayReport?

  package init(file: String, document: ITFDocument, replay: ReplayReport?) {
    self.file = file
    self.document = document
    self.replay = replay
  }

  private static let unbound = "the model names no operation of the engine"

  /// Whether the engine did what the trace says, or was not asked.
  package var isSuccess: Bool {
    switch replay?.result {
    case nil, .reproduced: true
    case .diverged, .notReplayable: false
    }
  }

  package var text: String {
    let origin = document.origin
    let heading =
      origin.model + (origin.variant.map { ", variant \($0)" } ?? "") + ": \(origin.verdict): \(origin.property)"
    let lines = [heading] + TraceTable(document.trace, replay: replay).lines(indent: 2)
    return (lines + (replay == nil ? ["not replayable: " + Self.unbound] : [])).joined(separator: "\n") + "\n"
  }

  package var json: JSON {
    var members: JSON.Members = [
      "schema": .string("kvmcheck/1"), "trace": .string(file), "model": .string(document.origin.model),
      "variant": text(document.origin.variant), "property": .string(document.origin.property),
      "verdict": .string(document.origin.verdict), "depth": .integer(document.trace.depth),
      "policy": text(replay?.policy), "replay": .string(replay?.word ?? "not-replayable"), "event": .null,
      "reason": .null, "divergence": .null, "rightKernel": replay?.rightKernel.map(Self.json) ?? .null,
      "steps": .array(steps), "ok": .boolean(isSuccess),
    ]
    switch replay?.result {
    case nil: members["reason"] = .string(Self.unbound)
    case .reproduced(let event): members["event"] = .string(event)
    case .notReplayable(let reason): members["reason"] = .string(reason)
    case .diverged(let divergence):
      members["divergence"] = .object([
        "step": .integer(divergence.step), "subject": .string(divergence.subject), "model": .string(divergence.model),
        "engine": .string(divergence.engine),
      ])
    }
    return .object(members)
  }

  /// Each step of the trace with what the engine did in it.
  private var steps: [JSON] {
    document.trace.steps.enumerated().map { index, step in
      let performed = replay.map { $0.steps.indices.contains(index) ? $0.steps[index] : [] } ?? []
      return .object(["rule": .string(step.firing.name), "operations": .array(performed.map(Self.json))])
    }
  }

  private static func json(_ operation: PerformedOperation) -> JSON {
    .object([
      "name": .string(operation.name),
      "arguments": .object(
        JSON.Members(operation.arguments.map { ($0.name, JSON.string($0.value.description)) })),
      "status": .string(operation.outcome.status),
      "checks": .array(operation.outcome.checks.map { .string($0.name) }),
    ])
  }

  /// Where the unmodified kernel leaves the trace: how, and what it does instead.
  private static func json(_ right: RightKernel) -> JSON {
    switch right {
    case .isThisKernel: .object(["result": .string("is-this-kernel")])
    case .follows: .object(["result": .string("follows")])
    case .stops(let step, let operation, let status):
      .object([
        "result": .string("stops"), "step": .integer(step), "operation": .string(operation), "status": .string(status),
      ])
    case .differs(let step, let observable, let model, let engine):
      .object([
        "result": .string("differs"), "step": .integer(step), "observable": .string(observable),
        "model": .string(model), "engine": .string(engine),
      ])
    }
  }

  private func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
}
