import Checking
import Elaboration
import Engines
import Execution
import ExplicitState
import Foundation
import Interchange
import Murphi
import Replay
import TestSupport
import Testing
import TransitionSystems

/// The shipped models and the toy in other tools' formats, decided by other tools.
@Suite("Exported models")
struct FormatTests {
  /// The toy, then every shipped model but sept-teardown, whose proofs take berkeley-abc's `pdr` longer than a test may.
  static let provable = ["toy-sept"] + ShippedModel.names.filter { $0 != "sept-teardown" }

  private func model(_ name: String) throws -> ShippedModel {
    guard name == "toy-sept" else { return try ShippedModel(name) }
    let file = ShippedModel.root.appending(path: "Tests/Fixtures/toy-sept.m")
    return try ShippedModel(name, text: String(contentsOf: file, encoding: .utf8))
  }

  private func system(_ model: TypedModel, _ rulesets: RulesetForm) throws -> TransitionSystem {
    var options = ElaborationOptions()
    options.rulesets = rulesets
    return try Elaborator(model, options: options).elaborate().system
  }

  @Test("every property is proved by berkeley-abc's pdr, however rulesets are written", arguments: provable)
  func proved(_ name: String) throws {
    let abc = try BerkeleyABC()
    let shipped = try model(name)
    for form in [RulesetForm.expanded, .symbolic] {
      let system = try system(shipped.plain, form)
      for property in system.invariants.map(\.property) + [.runTimeErrors] {
        #expect(
          try abc.ask("pdr", about: ExportedProperty(property, of: system).bytes).answer == .proved, "\(property)")
      }
    }
  }

  @Test("sept-teardown: nothing is violated up to six transitions")
  func bounded() throws {
    let abc = try BerkeleyABC()
    let system = try system(ShippedModel("sept-teardown").plain, .symbolic)
    for property in system.invariants.map(\.property) + [.runTimeErrors] {
      let (answer, _) = try abc.ask("bmc3 -F 7", about: ExportedProperty(property, of: system).bytes)
      #expect(answer == .undecided || answer == .proved, "\(property)")
    }
  }

  /// Variants of sept-teardown whose counterexamples are longer take `bmc3` too long.
  static let cases = ReplayTests.cases.filter { item in
    item.model != "sept-teardown"
      || ["hkid-first", "zap-shared", "zap-root", "hard-failure-6-16", "no-track"].contains(item.variant)
  }

  @Test(
    "bmc3 finds each variant's counterexample at its depth; it comes back and runs on the machine", arguments: cases)
  func violated(_ item: ReplayTests.Case) throws {
    let abc = try BerkeleyABC()
    let shipped = try ShippedModel(item.model)
    let variant = try #require(shipped.variant(item.variant))
    let system = try system(shipped.model(variant), .symbolic)
    for found in try Counterexample.all(of: variant, in: shipped) {
      let depth = try #require(found.trace?.depth)
      guard item.model != "sept-teardown" || depth <= 10 else { continue }
      let exported = ExportedProperty(found.property, of: system)
      let time = depth + exported.file.synchronous.offset
      let (answer, witness) = try abc.ask("bmc3 -F \(time + 1)", about: exported.bytes)
      #expect(answer == .asserted(time: time), "\(found.name)")
      let trace = TraceChecker(program: found.program).completed(try exported.trace(try #require(witness)))
      #expect(throws: Never.self, "\(found.name)") {
        try TraceChecker(program: found.program).check(trace, violates: found.property)
      }
      guard let event = found.event else { continue }
      let replayer = try #require(Replayer(program: found.program))
      let report = replayer.replay(trace, policy: found.policy, event: event, tolerating: found.events)
      #expect(report.result == .reproduced(event: event), "\(found.name)")
    }
  }

  @Test(
    "z3 and cvc5 find k-induction's obligations satisfiable where k-induction fails, and only there",
    arguments: provable)
  func induction(_ name: String) async throws {
    let system = try system(model(name).plain, .smaller)
    let properties = system.invariants.map(\.property) + [.runTimeErrors]
    let verdicts = try await KInduction(system).decide(properties, within: Budget(depth: 1))
    let isProved = verdicts.allSatisfy { if case .proved = $0 { true } else { false } }
    let file = SMTLIBFile(system, deciding: properties.map { ($0, "\($0)") })
    for solver in try SMTSolver.all() {
      let answers = try solver.answers(to: file.induction(k: 1, description: []))
      #expect(answers.contains("unsat") && !answers.contains("unknown"), "\(solver)")
      #expect(!answers.contains("sat") == isProved, "\(solver)")
      #expect(try solver.answers(to: file.unrolling(depth: 2, description: [])) == ["unsat"], "\(solver)")
    }
  }

  /// A scope or variant.
  struct Copy: Sendable, CustomStringConvertible {
    let model: String
    var scope: String?
    var variant: String?
    var description: String { "\(model)/\(scope ?? variant ?? "")" }
  }

  static let copies = [
    Copy(model: "coco-flags", variant: "second-init2"), Copy(model: "gmem-toggle", scope: "two"),
    Copy(model: "gmem-toggle", scope: "one-slot"), Copy(model: "gmem-toggle", variant: "toggle"),
    Copy(model: "gmem-toggle", variant: "toggle-unbinds"), Copy(model: "sept-teardown", scope: "one-leaf"),
    Copy(model: "tdx-locks", variant: "tdx-locks"), Copy(model: "vm-types", variant: "or-into-stale-mask"),
  ]

  @Test("rumur counts the same on a scope or variant that is a file of its own", arguments: copies)
  func rumur(_ copy: Copy) throws {
    let shipped = try ShippedModel(copy.model)
    var instance = ModelInstance()
    let program: Program
    if let name = copy.variant {
      let variant = try #require(shipped.variant(name))
      instance = ModelInstance(constants: variant.settings, variant: variant)
      program = try Program(model: shipped.model(variant))
    } else {
      let scope = try #require(shipped.plain.directives.scopes.first { $0.name == copy.scope })
      instance = ModelInstance(constants: scope.settings)
      program = try Program(model: shipped.tree.check(constants: scope.settings).model)
    }
    let ours = ExplicitEngine(program).explore()
    let deadlock = program.model.directives.deadlock.rawValue
    let theirs = try RumurRunner(options: ["--deadlock-detection=\(deadlock)"]).check(shipped.tree.text(of: instance))
    #expect(theirs.states == ours.states)
    #expect(theirs.rulesFired == ours.rulesFired)
    #expect((theirs.errors == 0) == ours.violations.isEmpty, "\(theirs.message ?? "")")
  }
}
