import ArgumentParser
import Foundation
import Murphi

/// One scope or variant of one model, as a command line names it.
struct InstanceArguments: Sendable {
  let model: String
  var scope = "default"
  var variant: String?
  var overrides = Overrides()
  var root: String?

  /// Where the model is. Throws: `UsageError` for a model that is not there.
  func location() throws -> ModelLocator.Location {
    let locator = ModelLocator(
      explicit: root, workingDirectory: FileManager.default.currentDirectoryPath, executable: CommandLine.arguments[0])
    do { return try locator.find(model) } catch { throw UsageError(error.description) }
  }

  /// Reads and checks the model.
  ///
  /// Throws: `UsageError` for a model that is not there, `UnknownName` for a scope or variant that it does not declare, `Rejection`.
  func instance() throws -> Instance {
    let loaded = try LoadedModel(try location())
    guard let variant else { return try Instance(loaded, scope: scope, variant: nil, overrides: overrides) }
    let declared = loaded.plain.model.directives.variants
    guard let declaration = declared.first(where: { $0.name == variant }) else {
      throw UnknownName(kind: "variant", name: variant, known: declared.map(\.name))
    }
    return try Instance(loaded, scope: scope, variant: declaration, overrides: overrides)
  }
}
