import ArgumentParser
import Foundation
import Interchange
import MMUEngine

/// `kvmcheck engine`: what the concrete machine can be asked, and what it can answer.
struct EngineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "List the engine's operations, observables, statuses, checks and policies.",
    discussion: "With a name, everything that is known about that one; with a status, the operations that return it.")

  @ArgumentParser.Argument(
    help: ArgumentHelp("An operation, observable, status, check or policy.", valueName: "name"))
  var name: String?

  @Option(help: "The form of results: text, json.")
  var format = RunOptions.Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  func run() throws {
    let console = try Console(path: output, quiet: true)
    let listed = Listed(name)
    if let name, listed.isEmpty {
      throw ValidationError(
        "the engine has no operation, observable, status, check or policy \(name); `kvmcheck engine` lists them")
    }
    switch format {
    case .json: try console.write(String(decoding: Self.json(listed).encoded(), as: UTF8.self))
    case .text: try console.write(Self.text(listed))
    }
    try console.finish()
  }

  /// What goes by a name; everything where none is given.
  private struct Listed {
    let operations: [MMUEngine.Operation]
    let observables: [Observable]
    let checks: [EngineCheck]
    let policies: [KernelPolicy.Deviation]

    init(_ name: String?) {
      operations = Machine.operations.filter { name == nil || $0.name == name || $0.statuses.contains(name ?? "") }
      observables = Machine.observables.filter { name == nil || $0.name == name }
      checks = EngineCheck.all.filter { name == nil || $0.name == name }
      policies = KernelPolicy.Deviation.allCases.filter { name == nil || $0.rawValue == name }
    }

    var isEmpty: Bool { operations.isEmpty && observables.isEmpty && checks.isEmpty && policies.isEmpty }
  }

  private static func text(_ listed: Listed) -> String {
    var lines: [String] = []
    if !listed.operations.isEmpty { lines.append("operations") }
    for operation in listed.operations {
      lines.append("  " + operation.name + operation.parameters.map { " " + words($0) }.joined())
      lines.append("      \(operation.summary)")
      lines.append("      returns \(operation.statuses.joined(separator: ", "))")
      lines.append("      source: \(operation.source)")
    }
    if !listed.observables.isEmpty { lines.append("observables") }
    for observable in listed.observables {
      let indices = observable.indices.map(words).joined(separator: ", ")
      lines.append(
        "  " + observable.name + (indices.isEmpty ? "" : "[\(indices)]") + " = " + words(observable.value))
      lines.append("      \(observable.summary)")
    }
    if !listed.checks.isEmpty { lines.append("checks of the engine (what `by` may name beside a status)") }
    lines += listed.checks.map { "  \($0.name): \($0.detail)" }
    if !listed.policies.isEmpty { lines.append("policies (joined by +; `right` is the unmodified kernel)") }
    lines += listed.policies.map { "  \($0.rawValue): \($0.summary)" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func json(_ listed: Listed) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"),
      "operations": .array(
        listed.operations.map { operation in
          .object([
            "name": .string(operation.name), "summary": .string(operation.summary),
            "parameters": .array(operation.parameters.map { .string(words($0)) }),
            "statuses": .array(operation.statuses.map(JSON.string)), "source": .string(operation.source),
          ])
        }),
      "observables": .array(
        listed.observables.map { observable in
          .object([
            "name": .string(observable.name), "summary": .string(observable.summary),
            "indices": .array(observable.indices.map { .string(words($0)) }),
            "value": .string(words(observable.value)),
          ])
        }),
      "checks": .array(
        listed.checks.map { .object(["name": .string($0.name), "summary": .string($0.detail)]) }),
      "policies": .array(
        listed.policies.map {
          .object(["name": .string($0.rawValue), "summary": .string($0.summary)])
        }),
    ])
  }

  private static func words(_ parameter: Parameter) -> String {
    let text = parameter.name + "=" + words(parameter.kind)
    return parameter.isOptional ? "[\(text)]" : text
  }

  private static func words(_ kind: ArgumentKind) -> String {
    switch kind {
    case .integer(let unit): "<\(unit)>"
    case .boolean: "true|false"
    case .symbol(let names): names.joined(separator: "|")
    }
  }
}
