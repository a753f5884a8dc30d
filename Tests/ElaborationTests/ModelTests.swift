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
    let started = ContinuousClock.now
    let elaboration = try Elaborator(model).elaborate()
    print(
      name, elaboration.leaves, elaboration.definednessBits, elaboration.system.variables.count,
      elaboration.system.transitions.count, elaboration.forms.count { $0 == .expanded }, elaboration.system.store.count,
      ContinuousClock.now - started)
    #expect(elaboration.definednessBits == 0)
    #expect(elaboration.forms.count == model.rules.count)
  }
}
