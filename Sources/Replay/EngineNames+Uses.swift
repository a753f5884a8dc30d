package import Diagnostics
import MMUEngine
package import Murphi

/// Names of the engine's that rules and the head of a file use.
extension EngineNames {
  /// A warning per operation, argument, status, observable, index and bound object that the engine does not know, and per argument
  /// that is lacking; in the order of the file.
  package static func warnings(of model: TypedModel) -> [Diagnostic] {
    let uses = model.directives.setup + model.rules.flatMap(\.operations)
    let found =
      uses.flatMap(warnings) + model.directives.observables.flatMap { warnings($0, model.directives.bindings) }
      + model.directives.bindings.compactMap(warning)
    return found.sorted { $0.at.start < $1.at.start }
  }

  /// What is wrong with an operation.
  private static func warnings(_ use: OperationUse) -> [Diagnostic] {
    guard let operation = Machine.operations.first(where: { $0.name == use.name }) else {
      return [warning("the engine has no operation `\(use.name)`; `kvmcheck engine` lists them", at: use.range)]
    }
    let given = Set(use.arguments.map(\.name))
    let known = Set(operation.parameters.map(\.name))
    let lacking = operation.parameters.filter { !$0.isOptional && !given.contains($0.name) }.map(\.name)
    return given.subtracting(known).sorted().map {
      warning("operation `\(use.name)` has no argument `\($0)`; it has \(list(operation.parameters))", at: use.range)
    }
      + lacking.map { warning("operation `\(use.name)` needs an argument `\($0)`", at: use.range) }
      + use.statuses.filter { !operation.statuses.contains($0) }.map {
        warning("operation `\(use.name)` never returns `\($0)`", at: use.range)
      }
  }

  /// What is wrong with an observable.
  private static func warnings(_ use: ObservableUse, _ bindings: [ScalarsetBinding]) -> [Diagnostic] {
    guard let observable = Machine.observables.first(where: { $0.name == use.name }) else {
      return [warning("the engine has no observable `\(use.name)`; `kvmcheck engine` lists them", at: use.range)]
    }
    let given = Set(
      use.indices.map { index in
        guard case .scalarset(let type) = use.locals[index.local].type else { return use.locals[index.local].name }
        return bindings.first { $0.type == type.name }?.object ?? use.locals[index.local].name
      })
    return observable.indices.filter { !given.contains($0.name) }.map {
      warning("observable `\(use.name)` is indexed by `\($0.name)`; the directive gives no such index", at: use.range)
    }
  }

  /// What is wrong with a binding: no operation and no observable speaks of such objects.
  private static func warning(_ binding: ScalarsetBinding) -> Diagnostic? {
    let objects = Set((Machine.operations.flatMap(\.parameters) + Machine.observables.flatMap(\.indices)).map(\.name))
    if objects.contains(binding.object) { return nil }
    return warning(
      "no operation and no observable of the engine speaks of a `\(binding.object)`", at: binding.range)
  }

  private static func list(_ parameters: [Parameter]) -> String {
    parameters.isEmpty ? "none" : parameters.map { "`\($0.name)`" }.joined(separator: ", ")
  }

  private static func warning(_ message: String, at range: SourceRange) -> Diagnostic {
    Diagnostic("W0811", .warning, message, at: range)
  }
}
