import Execution
import ExplicitState
import Foundation
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// Every shipped model in its default scope: our search, rumur's, and the numbers of the day this was written.
@Suite("The shipped models")
struct ModelTests {
  /// What both searches must find.
  struct Count: CustomStringConvertible, Sendable {
    let model: String
    let states: Int
    let rulesFired: Int
    let diameter: Int
    /// How the C compiler optimises rumur's verifier: what keeps compiling and running together short.
    let optimisation: Int

    var description: String { model }
  }

  static let counts = [
    Count(model: "coco-flags", states: 11_791, rulesFired: 34_414, diameter: 16, optimisation: 0),
    Count(model: "gmem-toggle", states: 104, rulesFired: 566, diameter: 7, optimisation: 0),
    Count(model: "sept-teardown", states: 511_948, rulesFired: 1_779_604, diameter: 34, optimisation: 2),
    Count(model: "tdx-locks", states: 7_458, rulesFired: 15_123, diameter: 42, optimisation: 0),
    Count(model: "vm-types", states: 55_456, rulesFired: 105_048, diameter: 10, optimisation: 1),
  ]

  @Test("each file has its row in the table")
  func complete() {
    #expect(Self.counts.map(\.model) == ShippedModel.names)
  }

  @Test("states, rules fired and diameter; no violation, no deadlock", arguments: counts)
  func search(_ count: Count) throws {
    let program = try Program(model: ShippedModel(count.model).plain)
    for report in [ExplicitEngine(program).explore(), ExplicitEngine(program).exhaust()] {
      #expect(report.violations.map(\.property) == [])
      #expect(report.states == count.states)
      #expect(report.rulesFired == count.rulesFired)
      #expect(report.diameter == count.diameter)
      #expect(report.isExhaustive)
      #expect(report.rules.map(\.fired).reduce(0, +) == report.rulesFired)
    }
  }

  @Test("rumur counts the same", arguments: counts)
  func rumur(_ count: Count) throws {
    let file = ShippedModel.root.appending(path: "Models/\(count.model).m")
    let result = try RumurRunner(optimisation: count.optimisation).check(file: file)
    #expect(result.errors == 0, "\(result.message ?? "")")
    #expect(result.states == count.states)
    #expect(result.rulesFired == count.rulesFired)
  }

  @Test("the toy model: 202,404 states, 1,358,577 rules fired, diameter 29")
  func toy() throws {
    let text = try String(contentsOf: ShippedModel.root.appending(path: "Tests/Fixtures/toy-sept.m"), encoding: .utf8)
    let report = ExplicitEngine(try Program(model: ShippedModel("toy-sept", text: text).plain)).explore()
    #expect(report.states == 202_404)
    #expect(report.rulesFired == 1_358_577)
    #expect(report.diameter == 29)
    #expect(report.isExhaustive)
    #expect(report.violations.map(\.property) == [])
  }

  @Test("every file has a title, every rule, start state and property a source", arguments: ShippedModel.names)
  func sources(_ name: String) throws {
    let model = try ShippedModel(name).plain
    #expect(model.directives.title?.isEmpty == false)
    let unsourced =
      (model.startstates + model.rules).filter { $0.sources.isEmpty }.map { $0.name ?? "number \($0.number)" }
      + (model.properties + model.assumptions).filter { $0.sources.isEmpty }.map { $0.name ?? "number \($0.number)" }
    #expect(unsourced == [], "these carry no source")
    #expect(model.rules.filter { $0.name == nil }.map(\.number) == [], "these rules have no name")
    #expect(model.properties.filter { $0.name == nil }.map(\.number) == [], "these properties have no name")
  }

  @Test("every variant states an outcome, of a property that exists", arguments: ShippedModel.names)
  func variants(_ name: String) throws {
    let shipped = try ShippedModel(name)
    let names = Set(shipped.plain.properties.compactMap(\.name))
    #expect(!shipped.plain.directives.variants.isEmpty)
    for variant in shipped.plain.directives.variants {
      #expect(!variant.outcomes.isEmpty, "\(variant.name)")
      for outcome in variant.outcomes {
        switch outcome {
        case .violates(let property, _), .holds(let property?): #expect(names.contains(property), "\(variant.name)")
        case .holds(nil), .error, .deadlock, .unreachable: continue
        }
      }
    }
  }
}
