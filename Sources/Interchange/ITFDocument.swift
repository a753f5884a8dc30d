package import Foundation
package import Logic
package import TransitionSystems

/// A trace in the Informal Trace Format of Apalache (ADR-015), with what is needed to refuse a stale one.
///
/// Booleans are JSON booleans, integers `{"#bigint":"5"}`, enumeration members strings, scalarset values `type_k`, records
/// objects, arrays `{"#map":[[index,value],…]}` in index order, undefined `{"#unserializable":"undefined"}`. Members stand in
/// the order of this file: `#meta`, `vars`, `states`; in a state `#meta` and the variables in file order.
package struct ITFDocument: Hashable, Sendable {
  /// What the trace belongs to: the top-level `#meta`.
  package struct Origin: Hashable, Sendable {
    /// The model's name, as `prove` prints it.
    package var model: String
    /// SHA-256 of the model's bytes, in lower-case hexadecimal.
    package var sha256: String
    /// The constants of the instance, in file order.
    package var constants: [NamedText]
    package var variant: String?
    package var property: String
    package var verdict: String
    /// What counted as a deadlock: `stuttering`, `stuck` or `off`; nil in a trace of an earlier version.
    package var deadlock: String?
    /// The model's file, as `prove` prints it; nil in a trace of an earlier version.
    package var file: String?

    package init(
      model: String, sha256: String, constants: [NamedText], variant: String?, property: String, verdict: String,
      deadlock: String?, file: String?
    ) {
      self.model = model
      self.sha256 = sha256
      self.constants = constants
      self.variant = variant
      self.property = property
      self.verdict = verdict
      self.deadlock = deadlock
      self.file = file
    }
  }

  package var origin: Origin
  package var trace: Trace

  package init(origin: Origin, trace: Trace) {
    self.origin = origin
    self.trace = trace
  }

  /// The schema's name in `#meta`.
  package static let schema = "kvmcheck-trace/1"
}

/// A constant and its value as a user writes it.
package struct NamedText: Hashable, Sendable {
  package let name: String
  package let text: String

  package init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
  }
}

/// Why a file is no trace that we can use: where in it, what was found and what was expected.
package struct ITFError: Error, Hashable, Sendable {
  package let message: String

  package init(_ message: String) { self.message = message }
}

extension ITFDocument {
  /// The document as UTF-8: the same trace gives the same bytes.
  package func encoded() -> Data {
    json.encoded()
  }

  /// The document as a JSON value.
  package var json: JSON {
    let states = trace.steps.enumerated().map { index, step in state(step, index: index) }
    return .object([
      "#meta": meta,
      "vars": .array(trace.variables.map(JSON.string)),
      "states": .array(states),
    ])
  }

  private var meta: JSON {
    .object([
      "schema": .string(Self.schema),
      "model": .string(origin.model),
      "sha256": .string(origin.sha256),
      "constants": .array(origin.constants.map { .array([.string($0.name), .string($0.text)]) }),
      "variant": origin.variant.map(JSON.string) ?? .null,
      "property": .string(origin.property),
      "verdict": .string(origin.verdict),
      "deadlock": origin.deadlock.map(JSON.string) ?? .null,
      "file": origin.file.map(JSON.string) ?? .null,
    ])
  }

  private func state(_ step: TraceStep, index: Int) -> JSON {
    var members: JSON.Members = ["#meta": stepMeta(step, index: index)]
    for (name, value) in zip(trace.variables, step.values) { members[name] = JSON(value) }
    return .object(members)
  }

  private func stepMeta(_ step: TraceStep, index: Int) -> JSON {
    var members: JSON.Members = [
      "index": .integer(index),
      "rule": index == 0 ? .null : .string(step.firing.name),
      "parameters": .array(step.firing.parameters.map { .array([.string($0.name), JSON($0.value)]) }),
      "ruleIndex": .integer(step.firing.index),
    ]
    if index == 0 { members["startstate"] = .string(step.firing.name) }
    if index == trace.steps.count - 1, let failure = trace.failure {
      members["error"] = .object([
        "message": .string(failure.message),
        "location": failure.location.map(JSON.string) ?? .null,
        "property": .string(failure.property.text),
      ])
    }
    return .object(members)
  }
}

extension PropertyID {
  /// A stable spelling for files: `invariant 3`, `run-time errors`.
  package var text: String {
    switch self {
    case .invariant(let index): "invariant \(index)"
    case .assertion(let index): "assertion \(index)"
    case .runTimeErrors: "run-time errors"
    case .deadlock: "deadlock"
    case .cover(let index): "cover \(index)"
    }
  }

  /// Reads what `text` wrote; nil for anything else.
  package init?(text: String) {
    let words = text.split(separator: " ")
    switch (words.first, words.count == 2 ? Int(words[1]) : nil) {
    case ("invariant", let index?): self = .invariant(index)
    case ("assertion", let index?): self = .assertion(index)
    case ("cover", let index?): self = .cover(index)
    case _ where text == "run-time errors": self = .runTimeErrors
    case _ where text == "deadlock": self = .deadlock
    case _: return nil
    }
  }
}

extension JSON {
  /// A value in ITF's spelling.
  package init(_ value: Value) {
    switch value {
    case .undefined: self = .object(["#unserializable": .string("undefined")])
    case .boolean(let value): self = .boolean(value)
    case .integer(let value): self = .object(["#bigint": .string("\(value)")])
    case .member(let name): self = .string(name)
    case .scalar(let type, let index): self = .string("\(type)_\(index)")
    case .record(let fields):
      self = .object(JSON.Members(fields.map { ($0.name, JSON($0.value)) }))
    case .array(let elements):
      self = .object(["#map": .array(elements.map { .array([JSON($0.index), JSON($0.value)]) })])
    }
  }
}
