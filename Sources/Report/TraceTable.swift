package import Logic
import MMUEngine
package import Replay
package import TransitionSystems

/// A trace for people: each rule with its parameters, only the variables that it changed, and beside them what the machine did.
package struct TraceTable {
  private let trace: Trace
  private let replay: ReplayReport?

  /// `replay` adds the machine's side; nil leaves it out.
  package init(_ trace: Trace, replay: ReplayReport?) {
    self.trace = trace
    self.replay = replay
  }

  /// The lines, each indented by `indent` blanks.
  package func lines(indent: Int) -> [String] {
    var lines: [String] = []
    for (index, step) in trace.steps.enumerated() {
      lines.append(heading(step, index: index))
      lines += (index == 0 ? initialValues(step) : changes(at: index)).map { "      " + $0 }
      lines += performed(at: index).map { "      engine: " + $0 }
    }
    if let failure = trace.failure {
      lines.append("      error: " + failure.message + (failure.location.map { " at \($0)" } ?? ""))
    }
    lines += verdictLines
    let margin = String(repeating: " ", count: indent)
    return lines.map { margin + $0 }
  }

  private func heading(_ step: TraceStep, index: Int) -> String {
    let number = String(index)
    let margin = String(repeating: " ", count: max(0, 3 - number.count))
    let parameters = step.firing.parameters.map { " \($0.name)=\($0.value)" }.joined()
    return margin + number + "  " + step.firing.name + parameters
  }

  /// What the start state sets to something else than its most common least value is worth a line; the rest is counted.
  private func initialValues(_ step: TraceStep) -> [String] {
    let notable = zip(trace.variables, step.values).flatMap { name, value in NamedValue(name, value).parts }
      .filter { !$0.value.isPlain }
    let shown = notable.prefix(12).map { "\($0.name) = \($0.value)" }
    return notable.count > 12 ? shown + ["… and \(notable.count - 12) more"] : Array(shown)
  }

  private func changes(at index: Int) -> [String] {
    let before = trace.steps[index - 1].values
    let after = trace.steps[index].values
    var lines: [String] = []
    for (position, name) in trace.variables.enumerated() where before[position] != after[position] {
      for (old, new) in zip(NamedValue(name, before[position]).parts, NamedValue(name, after[position]).parts)
      where old.value != new.value {
        lines.append("\(new.name): \(old.value) → \(new.value)")
      }
    }
    return lines.isEmpty && trace.failure == nil ? ["(nothing changes)"] : lines
  }

  private func performed(at index: Int) -> [String] {
    guard let replay, replay.steps.indices.contains(index) else { return [] }
    return replay.steps[index].map(Self.describe)
  }

  /// An operation with its arguments and what came of it.
  static func describe(_ operation: PerformedOperation) -> String {
    let arguments = operation.arguments.map { " \($0.name)=\(Self.number($0.value.description, of: $0.name))" }.joined()
    let checks = operation.outcome.checks.map { "; \($0.name): \($0.detail)" }.joined()
    return operation.name + arguments + " → " + operation.outcome.status + checks
  }

  /// Frame numbers and addresses read better in hexadecimal.
  private static func number(_ text: String, of name: String) -> String {
    guard ["gfn", "pfn", "hpa", "gpa", "page"].contains(name), let value = Int(text), value > 9 else { return text }
    return "0x" + String(value, radix: 16)
  }

  private var verdictLines: [String] {
    guard let replay else { return [] }
    var lines: [String] = []
    switch replay.result {
    case .reproduced(let event): lines.append("reproduced on the engine (policy \(replay.policy)): ends in \(event)")
    case .diverged(let divergence):
      lines.append(
        "DIVERGED on the engine (policy \(replay.policy)) at step \(divergence.step), \(divergence.subject):")
      lines.append("  model:  \(divergence.model)")
      lines.append("  engine: \(divergence.engine)")
    case .notReplayable(let reason): lines.append("not replayable: \(reason)")
    }
    if let right = replay.rightKernel { lines.append(Self.describe(right)) }
    return lines
  }

  private static func describe(_ right: RightKernel) -> String {
    switch right {
    case .isThisKernel: "this is the unmodified kernel"
    case .stops(let step, let operation, let status):
      (status == "SUCCESS" ? "the right kernel goes on differently at step" : "the right kernel stops at step")
        + " \(step): \(operation) → \(status)"
    case .differs(let step, let observable, let model, let engine):
      "the right kernel differs after step \(step): \(observable) is \(engine), in the trace \(model)"
    case .follows: "the right kernel follows to the end: the deviation is not what makes this possible"
    }
  }
}

extension Value {
  /// False, zero, undefined and first values say nothing in a start state.
  fileprivate var isPlain: Bool {
    switch self {
    case .boolean(let value): !value
    case .integer(let value): value == 0
    case .undefined: true
    case .scalar(_, let index): index == 0
    case .member, .record, .array: false
    }
  }
}

extension NamedValue {
  /// The simple parts of a value, with their paths as Murphi writes them: `entry[table_0].state`.
  package var parts: [NamedValue] {
    switch value {
    case .record(let fields): fields.flatMap { NamedValue("\(name).\($0.name)", $0.value).parts }
    case .array(let elements): elements.flatMap { NamedValue("\(name)[\($0.index)]", $0.value).parts }
    case .undefined, .boolean, .integer, .member, .scalar: [self]
    }
  }
}
