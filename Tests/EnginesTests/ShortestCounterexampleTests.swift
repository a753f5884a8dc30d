import Diagnostics
import Elaboration
import Engines
import Foundation
import Murphi
import Testing
import TransitionSystems

/// Counterexamples of PDR are as short as those of bounded search, which unrolls one step more at a time.
@Suite("PDR's counterexamples are shortest")
struct ShortestCounterexampleTests {
  /// The depth of each violation by both engines; nil for what is not violated.
  private func depths(_ model: TypedModel) async throws -> (pdr: [Int?], bmc: [Int?]) {
    let open = try ParameterizedElaborator(model).elaborate().system
    let system = try Elaborator(model).elaborate().system
    let properties = model.properties.indices.map(PropertyID.invariant) + [.runTimeErrors]
    let proofs = try await PDR(open).decide(properties, within: Budget(depth: 200, queries: 400_000))
    let deepest = proofs.compactMap { Self.depth($0) }.max() ?? 0
    let bounded = try await BMC(system).decide(properties, within: Budget(depth: deepest))
    return (proofs.map { Self.depth($0) }, bounded.map { Self.depth($0) })
  }

  private static func depth(_ verdict: Verdict) -> Int? {
    if case .violated(let trace, _) = verdict { trace.depth } else { nil }
  }

  @Test(
    "on small models",
    arguments: [
      // Two ways to the same state, the longer one of fewer choices.
      (
        "var x: 0..9; y: boolean; startstate begin x := 0; y := false; end;"
          + "rule \"slow\" x < 9 ==> begin x := x + 1; end;"
          + "rule \"fast\" !y & x < 6 ==> begin x := x + 3; y := true; end; invariant \"i\" x < 9;", [7, nil]
      ),
      // The start itself, one of several.
      (
        "var x: 0..3; startstate begin x := 0; end; startstate begin x := 3; end;"
          + "rule \"r\" x < 2 ==> begin x := x + 1; end; invariant \"i\" x != 3; invariant \"j\" x != 2;", [0, 2, nil]
      ),
      // All elements of a scalarset, one after the other, and back.
      (
        "type S: scalarset(3); var on: array [S] of boolean; n: 0..4;"
          + "startstate begin for s: S do on[s] := false; end; n := 0; end;"
          + "ruleset s: S do rule \"on\" !on[s] ==> begin on[s] := true; end;"
          + "rule \"off\" on[s] & n < 4 ==> begin on[s] := false; n := n + 1; end; end;"
          + "invariant \"i\" exists s: S do !on[s] end; invariant \"j\" n < 3;", [3, 6, nil]
      ),
      // A rule that fails.
      ("var x: 0..3; startstate begin x := 0; end; rule \"r\" begin x := x + 1; end; invariant \"i\" x < 2;", [2, 4]),
    ] as [(String, [Int?])])
  func small(_ text: String, _ expected: [Int?]) async throws {
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check().model
    let found = try await depths(model)
    #expect(found.pdr == expected)
    #expect(found.bmc == expected)
  }

  @Test("on every variant of a shipped model")
  func variants() async throws {
    let name = "gmem-toggle"
    let models = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Models")
    let text = try String(contentsOf: models.appending(path: "\(name).m"), encoding: .utf8)
    let tree = try SyntaxTree.parse(SourceFile(name: "\(name).m", text: text))
    let directives = try tree.check().model.directives
    var violations = 0
    for variant in directives.variants {
      let base = directives.scopes.first { $0.name == variant.scope }?.settings ?? []
      let own = Set(variant.settings.map(\.name))
      let settings = base.filter { !own.contains($0.name) } + variant.settings
      let found = try await depths(try tree.check(constants: settings).model)
      #expect(found.pdr == found.bmc, "\(variant.name)")
      violations += found.pdr.count { $0 != nil }
    }
    #expect(violations > 0)
  }
}
