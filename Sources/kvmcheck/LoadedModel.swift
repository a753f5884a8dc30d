import Crypto
import Diagnostics
import Interchange
import Murphi
import Report

/// A model file, parsed once; its scopes and variants are checked from the one syntax tree.
struct LoadedModel: Sendable {
  let location: ModelLocator.Location
  let file: SourceFile
  let tree: SyntaxTree
  /// SHA-256 of the file's bytes, in lower-case hexadecimal.
  let sha256: String

  /// Reads and parses. Throws: `ModelLocator.NotFound` or `Rejection`.
  init(_ location: ModelLocator.Location) throws {
    let bytes = try ModelLocator.bytes(of: location)
    let file = try SourceFile.load(bytes: bytes, name: location.path)
    try self.init(location: location, file: file, sha256: Self.digest(bytes))
  }

  private init(location: ModelLocator.Location, file: SourceFile, sha256: String) throws {
    self.location = location
    self.file = file
    self.sha256 = sha256
    do { tree = try SyntaxTree.parse(file) } catch { throw RejectedModel(file: file, diagnostics: error.diagnostics) }
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

/// A model that does not parse or type-check, with the text that its diagnostics point into.
struct RejectedModel: Error {
  let file: SourceFile
  let diagnostics: [Diagnostic]

  /// The diagnostics, rendered with their excerpts.
  var rendered: [String] { diagnostics.map { DiagnosticRenderer.render($0, in: file) } }
}

/// One scope or variant of a model: what is decided at once.
struct Instance: Sendable {
  let loaded: LoadedModel
  let model: TypedModel
  let warnings: [Diagnostic]
  let scope: String
  let variant: VariantDeclaration?

  /// Checks the tree with the constants of scope, variant and command line, later ones winning.
  ///
  /// Throws: `RejectedModel`; `UnknownName` for a scope that the file does not declare.
  init(_ loaded: LoadedModel, scope: String, variant: VariantDeclaration?, overrides: [ConstantSetting]) throws {
    self.loaded = loaded
    self.variant = variant
    self.scope = variant?.scope ?? scope
    do {
      let plain = try loaded.tree.check()
      var settings: [ConstantSetting] = []
      if self.scope != "default" {
        guard let declaration = plain.model.directives.scopes.first(where: { $0.name == variant?.scope ?? scope }) else {
          let names = ["default"] + plain.model.directives.scopes.map(\.name)
          throw UnknownName(kind: "scope", name: self.scope, known: names)
        }
        settings += declaration.settings
      }
      settings += variant?.settings ?? []
      settings += overrides
      let checked = settings.isEmpty ? plain : try loaded.tree.check(constants: Self.lastOfEach(settings))
      model = checked.model
      warnings = checked.warnings
    } catch let error as Rejection {
      throw RejectedModel(file: loaded.file, diagnostics: error.diagnostics)
    }
  }

  /// One setting per constant: the last one given.
  private static func lastOfEach(_ settings: [ConstantSetting]) -> [ConstantSetting] {
    var result: [ConstantSetting] = []
    for setting in settings {
      result.removeAll { $0.name == setting.name }
      result.append(setting)
    }
    return result
  }

  /// The constants of this instance, in file order.
  var constants: [NamedText] { model.constants.map { NamedText($0.name, $0.text) } }
}

/// A name on the command line that the file does not know.
struct UnknownName: Error, CustomStringConvertible {
  let kind: String
  let name: String
  let known: [String]

  var description: String { "no \(kind) is called \(name); known: " + known.joined(separator: ", ") }
}
