import Diagnostics
import Elaboration
import Execution
import Foundation
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// The maintained models as terms.
@Suite("The maintained models elaborate")
struct ModelTests {
  /// A file of Tests/Fixtures.
  static func fixture(_ name: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures/\(name)")
  }

  /// Reads and checks a file of Models/.
  static func model(_ name: String) throws -> TypedModel {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "Models/\(name).m"), encoding: .utf8)
    return try SyntaxTree.parse(SourceFile(name: "\(name).m", text: text)).check().model
  }

  @Test("every variable is always defined", arguments: ["vm-types", "coco-flags", "sept-teardown"])
  func elaborates(_ name: String) throws {
    let model = try Self.model(name)
    let elaboration = try Elaborator(model).elaborate()
    #expect(elaboration.definednessBits == 0)
    #expect(elaboration.forms.count == model.rules.count)
    #expect(elaboration.system.store.count < 20_000, "far more terms than when this was written")
  }
}
