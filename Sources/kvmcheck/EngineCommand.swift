import ArgumentParser
import Foundation
import Interchange
import MMUEngine

/// `kvmcheck engine`: what the concrete machine can be asked, and what it can answer.
struct EngineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "List the engine's operations, observables, statuses, checks and policies.",
    discussion: "With an operation's or observable's name, everything that is known about that one.")

  @ArgumentParser.Argument(help: ArgumentHelp("An operation or observable.", valueName: "name"))
  var name: String?

  @Option(help: "The form of results: text, json.")
  var format = RunOptions.Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  func run() throws {
    let console = try Console(path: output, quiet: true)
    let operations = Machine.operations.filter { name == nil || $0.name == name }
    let observables = Machine.observables.filter { name == nil || $0.name == name }
    if let name, operations.isEmpty, observables.isEmpty {
      throw ValidationError("the engine has no operation or observable \(name); `kvmcheck engine` lists them")
    }
    switch format {
    case .json: try console.write(String(decoding: json(operations, observables).encoded(), as: UTF8.self))
    case .text: try console.write(text(operations, observables))
    }
    try console.finish()
  }

  private func text(_ operations: [MMUEngine.Operation], _ observables: [Observable]) -> String {
    var lines: [String] = []
    if !operations.isEmpty { lines.append("operations") }
    for operation in operations {
      lines.append("  " + operation.name + operation.parameters.map { " " + Self.words($0) }.joined())
      lines.append("      \(operation.summary)")
      lines.append("      returns \(operation.statuses.joined(separator: ", "))")
      lines.append("      source: \(operation.source)")
    }
    if !observables.isEmpty { lines.append("observables") }
    for observable in observables {
      let indices = observable.indices.map(Self.words).joined(separator: ", ")
      lines.append(
        "  " + observable.name + (indices.isEmpty ? "" : "[\(indices)]") + " = " + Self.words(observable.value))
      lines.append("      \(observable.summary)")
    }
    if name == nil {
      lines.append("checks of the engine (what `by` may name beside a status)")
      lines += EngineCheck.all.map { "  \($0.name): \($0.detail)" }
      lines.append("policies (joined by +; `right` is the unmodified kernel)")
      lines += KernelPolicy.Deviation.allCases.map { "  \($0.rawValue): \($0.summary)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func json(_ operations: [MMUEngine.Operation], _ observables: [Observable]) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"),
      "operations": .array(
        operations.map { operation in
          .object([
            "name": .string(operation.name), "summary": .string(operation.summary),
            "parameters": .array(operation.parameters.map { .string(Self.words($0)) }),
            "statuses": .array(operation.statuses.map(JSON.string)), "source": .string(operation.source),
          ])
        }),
      "observables": .array(
        observables.map { observable in
          .object([
            "name": .string(observable.name), "summary": .string(observable.summary),
            "indices": .array(observable.indices.map { .string(Self.words($0)) }),
            "value": .string(Self.words(observable.value)),
          ])
        }),
      "checks": .array(
        EngineCheck.all.map { .object(["name": .string($0.name), "summary": .string($0.detail)]) }),
      "policies": .array(
        KernelPolicy.Deviation.allCases.map {
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
