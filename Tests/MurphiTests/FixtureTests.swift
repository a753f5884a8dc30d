import Diagnostics
import Foundation
import Murphi
import Testing

/// Models that lie in files.
@Suite struct FixtureTests {
  /// The repository's root.
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Reads a file of the repository.
  private static func load(_ path: String) throws -> SourceFile {
    let data = try Data(contentsOf: root.appending(path: path))
    return try SourceFile.load(bytes: Array(data), name: path)
  }

  @Test func toyChecks() throws {
    let file = try Self.load("Tests/Fixtures/toy-sept.m")
    let checked = try SyntaxTree.parse(file).check()
    let model = checked.model
    #expect(checked.warnings.isEmpty)
    #expect(model.constants.map(\.text) == ["2", "2", "2"])
    #expect(
      model.variables.map(\.name) == [
        "linked", "present", "blocked", "tracked", "used", "tlb", "inside", "stale",
      ])
    #expect(
      model.rules.map(\.name) == [
        "sept_add", "sept_remove", "page_aug", "block", "unblock", "remove", "fill", "enter", "exit", "track",
      ])
    #expect(model.rules.map(\.enclosures.count) == [1, 1, 2, 2, 2, 2, 3, 1, 1, 0])
    #expect(model.startstates.count == 1)
    #expect(model.properties.count == 2)
    #expect(model.scalarsets.map(\.name) == ["table", "leaf", "vcpu"])
  }

  /// The shipped models.
  private static let models: [String] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Models").path)) ?? []
    return names.filter { $0.hasSuffix(".m") }.sorted().map { "Models/\($0)" }
  }()

  /// In every scope and with every variant's constants; a warning would take the model out of count comparisons.
  @Test(arguments: models) func shippedModelsCheckWithoutWarnings(path: String) throws {
    let tree = try SyntaxTree.parse(try Self.load(path))
    let plain = try tree.check()
    #expect(plain.warnings == [])
    let directives = plain.model.directives
    for scope in directives.scopes { #expect(try tree.check(constants: scope.settings).warnings == []) }
    for variant in directives.variants {
      let base = directives.scopes.first { $0.name == variant.scope }?.settings ?? []
      let own = Set(variant.settings.map(\.name))
      let settings = base.filter { !own.contains($0.name) } + variant.settings
      #expect(try tree.check(constants: settings).warnings == [], "\(variant.name)")
    }
  }
}
