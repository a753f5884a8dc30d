import Crypto
import Diagnostics
import Interchange
import Murphi
import Replay
import TransitionSystems

/// A model file, parsed and checked once as it stands; its scopes and variants are checked from the one syntax tree.
struct LoadedModel: Sendable {
  let location: ModelLocator.Location
  let file: SourceFile
  let tree: SyntaxTree
  /// With the constants as the file has them.
  let plain: CheckedModel
  /// SHA-256 of the file's bytes, in lower-case hexadecimal.
  let sha256: String

  /// Reads, parses and checks, what variants name of the engine included. Throws: `ModelLocator.NotFound` or `Rejection`.
  init(_ location: ModelLocator.Location) throws {
    let bytes = try ModelLocator.bytes(of: location)
    self.location = location
    file = try SourceFile.load(bytes: bytes, name: location.path)
    tree = try SyntaxTree.parse(file)
    plain = try Self.check(tree)
    sha256 = Self.digest(bytes)
  }

  /// Checks the tree; errors of the model and unknown names of the engine's are one list.
  private static func check(_ tree: SyntaxTree) throws(Rejection) -> CheckedModel {
    let unknown = EngineNames.diagnostics(of: tree)
    var found: [Diagnostic] = []
    do throws(Rejection) {
      let checked = try tree.check()
      if unknown.isEmpty { return checked }
      found = checked.warnings
    } catch {
      found = error.diagnostics
    }
    throw Rejection(file: tree.file, diagnostics: (found + unknown).sorted { $0.at.start < $1.at.start })
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

/// What the command line says about every instance: it wins over scope, variant and file.
struct Overrides: Sendable {
  var constants: [ConstantSetting] = []
  /// Nil means as the file says.
  var deadlock: DeadlockMode?
}

/// One scope or variant of a model: what is decided at once.
struct Instance: Sendable {
  let loaded: LoadedModel
  let model: TypedModel
  let warnings: [Diagnostic]
  let scope: String
  let variant: VariantDeclaration?
  /// The constants that scope, variant and command line set, each once.
  let settings: [ConstantSetting]
  /// What the command line says counts as a deadlock; nil where it says nothing.
  let deadlock: DeadlockMode?
  /// Properties that are asked about although the variant does not name them, so that designs can be compared.
  var alsoAsked: Set<String> = []

  /// Checks the tree with the constants of scope, variant and command line, later ones winning.
  ///
  /// Throws: `Rejection`; `UnknownName` for a scope that the file does not declare; `UsageError` for a constant of the command
  /// line that the file does not declare or that cannot have the value.
  init(_ loaded: LoadedModel, scope: String, variant: VariantDeclaration?, overrides: Overrides) throws {
    self.loaded = loaded
    self.variant = variant
    self.scope = variant?.scope ?? scope
    let plain = loaded.plain
    for setting in overrides.constants {
      guard let objection = plain.model.objection(to: setting) else { continue }
      throw UsageError("--const \(setting.name)=\(setting.value): \(loaded.location.path): \(objection)")
    }
    var settings: [ConstantSetting] = []
    if self.scope != "default" {
      let declarations = plain.model.directives.scopes
      guard let declaration = declarations.first(where: { $0.name == variant?.scope ?? scope }) else {
        throw UnknownName(kind: "scope", name: self.scope, known: ["default"] + declarations.map(\.name))
      }
      settings += declaration.settings
    }
    settings += variant?.settings ?? []
    settings += overrides.constants
    self.settings = Self.lastOfEach(settings)
    deadlock = overrides.deadlock
    (model, warnings) = try Self.check(loaded, self.settings, overrides.deadlock)
  }

  /// The model with these constants, and what is to be said of it. Throws: `Rejection`.
  private static func check(
    _ loaded: LoadedModel, _ settings: [ConstantSetting], _ deadlock: DeadlockMode?
  ) throws(Rejection) -> (TypedModel, [Diagnostic]) {
    let checked = settings.isEmpty ? loaded.plain : try loaded.tree.check(constants: settings)
    var model = checked.model
    model.directives.deadlock = deadlock ?? model.directives.deadlock
    return (model, checked.warnings + EngineNames.warnings(of: model))
  }

  /// The same with other settings.
  private init(_ other: Instance, settings: [ConstantSetting]) throws(Rejection) {
    (loaded, scope, variant, deadlock) = (other.loaded, other.scope, other.variant, other.deadlock)
    alsoAsked = other.alsoAsked
    self.settings = settings
    (model, warnings) = try Self.check(loaded, settings, deadlock)
  }

  /// The instance with the file's own sizes of scalarsets, if this one has no element less and of some scalarset more than every scope of
  /// the file: sizes that whoever wrote the file did not think of.
  ///
  /// Nil otherwise; where a size is used for something else, so that nothing can be said of every size; and where the other constants make no
  /// legal model with those sizes.
  func atTheFilesSizes() -> Instance? {
    let sizes = ScalarsetSizes(of: loaded.tree)
    let open = sizes.constants
    guard !sizes.named.contains(where: \.isUsedElsewhere),
      let small = try? Instance(self, settings: settings.filter { !open.contains($0.name) })
    else { return nil }
    let largest = Dictionary(
      loaded.plain.model.directives.scopes.flatMap(\.settings).compactMap { setting in
        Int(setting.value).map { (setting.name, $0) }
      }, uniquingKeysWith: max)
    var isBeyond = false
    for (here, there) in zip(constants, small.constants) where open.contains(here.name) {
      guard let size = Int(here.text), let other = Int(there.text), size >= other else { return nil }
      if size > max(other, largest[here.name] ?? 0) { isBeyond = true }
    }
    return isBeyond ? small : nil
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

  /// The front end's warnings with their excerpts.
  var renderedWarnings: [String] { warnings.map { DiagnosticRenderer.render($0, in: loaded.file) } }

  /// What is asked about this instance: everything, or, of a variant, what it names. A variant that names a run-time error also
  /// asks about assertions, since a failed one is such an error.
  var questions: [Question] {
    let all = Question.all(of: model)
    guard let variant else { return all }
    var names = alsoAsked
    var properties: Set<PropertyID> = []
    for outcome in variant.outcomes {
      switch outcome {
      case .violates(let name, _), .holds(let name?): names.insert(name)
      case .holds(nil), .unreachable: return all
      case .deadlock: properties.insert(.deadlock)
      case .error: properties.formUnion([.runTimeErrors] + model.assertions.indices.map(PropertyID.assertion))
      }
    }
    return all.filter { names.contains($0.name) || properties.contains($0.property) }
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
