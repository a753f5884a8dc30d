import Checking
import Elaboration
import Execution
import ExplicitState
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// The reduced search against the whole one, where the static check says that scalarsets are symmetric.
@Suite struct SymmetryAgreementTests {
  /// Both searches of a model, and the traces of the reduced one re-executed.
  private func compare(_ model: TypedModel, _ words: String) throws -> (plain: SearchReport, reduced: SearchReport) {
    let program = try Program(model: model)
    let sorts = try ParameterizedElaborator(model).elaborate().system.sorts
    let symmetry = Set(sorts.map(\.declaration))
    func search(_ symmetry: Set<Int>) -> SearchReport {
      let options = SearchOptions(
        stop: .whenExhausted, deadlock: model.directives.deadlock, symmetry: symmetry)
      return BreadthFirstSearch(program, options: options).run()
    }
    let (plain, reduced) = (search([]), search(symmetry))
    #expect(Set(plain.violations.map(\.property)) == Set(reduced.violations.map(\.property)), "\(words)")
    for violation in reduced.violations {
      #expect(violation.trace.depth == plain.trace(of: violation.property)?.depth, "\(words)")
      #expect(throws: Never.self, "\(words)") {
        try TraceChecker(program: program).check(violation.trace, violates: violation.property)
      }
    }
    #expect(plain.diameter == reduced.diameter, "\(words)")
    #expect(plain.covers.map { $0.hits > 0 } == reduced.covers.map { $0.hits > 0 }, "\(words)")
    return (plain, reduced)
  }

  @Test("shipped models and their variants", arguments: ["gmem-toggle", "tdx-locks"])
  func shipped(_ name: String) throws {
    let model = try ShippedModel(name)
    let (plain, reduced) = try compare(model.plain, name)
    #expect(reduced.states * 3 < plain.states)
    for variant in model.plain.directives.variants where variant.scope == nil {
      _ = try compare(try model.tree.check(constants: variant.settings).model, variant.name)
    }
  }

  @Test("random protocols over three scalarsets", arguments: 1...12 as ClosedRange<UInt64>)
  func random(seed: UInt64) throws {
    let text = RandomProtocol(seed: seed, candidates: 8).text(.candidates)
    let model = try checkedModel(text)
    let options = SearchOptions(stop: .whenExhausted, budget: Budget(states: 20_000), deadlock: .off)
    let program = try Program(model: model)
    guard BreadthFirstSearch(program, options: options).run().isExhaustive else { return }
    _ = try compare(model, "seed \(seed)\n\(text)")
  }

  @Test("rumur's default, which reduces as well, says the same", arguments: ["gmem-toggle"])
  func rumur(_ name: String) throws {
    let model = try ShippedModel(name)
    let theirs = try RumurRunner(options: ["--symmetry-reduction=heuristic"]).check(model.text)
    let (_, reduced) = try compare(model.plain, name)
    #expect(theirs.errors == 0 && reduced.violations.isEmpty)
    #expect(reduced.states <= theirs.states)
  }
}
