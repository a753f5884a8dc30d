import Diagnostics
import Execution
import Foundation
import Murphi

/// The models that the product ships.
struct ShippedModel: CustomStringConvertible, Sendable {
  /// The repository's root.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The bare names of all files under Models/, sorted.
  static let names: [String] = {
    let enumerator = FileManager.default.enumerator(
      at: root.appending(path: "Models"), includingPropertiesForKeys: nil)
    let files = (enumerator?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "m" }
    return files.map { $0.deletingPathExtension().lastPathComponent }.sorted()
  }()

  let name: String
  let tree: SyntaxTree
  /// The file as it stands.
  let plain: TypedModel

  var description: String { name }

  /// Reads a file of Models/. Throws: unreadable or rejected.
  init(_ name: String) throws {
    let file = Self.root.appending(path: "Models/\(name).m")
    try self.init(name, text: String(contentsOf: file, encoding: .utf8))
  }

  /// A model's text, possibly edited.
  init(_ name: String, text: String) throws {
    self.name = name
    self.text = text
    tree = try SyntaxTree.parse(SourceFile(name: "\(name).m", text: text))
    plain = try tree.check().model
  }

  /// The file's text, as given.
  let text: String

  /// The model with the constants of a variant and of its scope.
  func model(_ variant: VariantDeclaration) throws -> TypedModel {
    let base = plain.directives.scopes.first { $0.name == variant.scope }?.settings ?? []
    let own = Set(variant.settings.map(\.name))
    return try tree.check(constants: base.filter { !own.contains($0.name) } + variant.settings).model
  }

  /// A variant by its name; nil if there is none.
  func variant(_ name: String) -> VariantDeclaration? { plain.directives.variants.first { $0.name == name } }
}
