import Foundation
import Interchange
import TestSupport
import Testing
import TransitionSystems

/// Every tiny system with a known answer through other people's checkers.
@Suite struct PeerTests {
  @Test(arguments: TinySystem.all)
  func berkeleyABC(tiny: TinySystem) throws {
    let abc = try BerkeleyABC()
    let circuit = TinyCircuit(tiny)
    let file = circuit.bytes(.binary)
    let bounded = try abc.ask("bmc3 -F 12", about: file)
    let proving = try abc.ask("pdr", about: file)
    switch tiny.answer {
    case .holds:
      #expect(bounded.answer == .undecided || bounded.answer == .proved)
      #expect(proving.answer == .proved)
    case .violated(let depth):
      #expect(bounded.answer == .asserted(time: depth + circuit.synchronous.offset))
      for (answer, witness) in [bounded, proving] {
        guard case .asserted(let time) = answer else {
          Issue.record("\(answer)")
          continue
        }
        let witness = try circuit.aiger.witness(try #require(witness))
        #expect(witness.ticks.count == time + 1)
        let (run, property) = try circuit.synchronous.run(of: witness.ticks, violating: tiny.property)
        #expect(property == tiny.property)
        #expect(run.moves.count <= time - circuit.synchronous.offset)
        #expect(try #require(tiny.system.evaluate(run)).violated.contains(tiny.property))
      }
    }
  }

  @Test(arguments: TinySystem.all)
  func unrolling(tiny: TinySystem) throws {
    let file = SMTLIBFile(tiny.system, deciding: [(tiny.property, "the \"property\"")])
    for solver in try SMTSolver.all() {
      switch tiny.answer {
      case .holds:
        #expect(try solver.answers(to: file.unrolling(depth: 6, description: [])) == ["unsat"], "\(solver)")
      case .violated(let depth):
        #expect(try solver.answers(to: file.unrolling(depth: depth, description: [])) == ["sat"], "\(solver)")
        guard depth > 0 else { continue }
        #expect(try solver.answers(to: file.unrolling(depth: depth - 1, description: [])) == ["unsat"], "\(solver)")
      }
    }
  }

  @Test("Horn clauses: Spacer finds an invariant exactly where the property holds", arguments: TinySystem.all)
  func horn(tiny: TinySystem) throws {
    let file = HornFile(SynchronousSystem(tiny.system, deciding: [tiny.property]))
    let text = file.text(names: [tiny.property: "the \"property\",\nin two lines"], description: [])
    let isProof: Bool
    switch tiny.answer {
    case .holds: isProof = true
    case .violated: isProof = false
    }
    #expect(try SMTSolver("z3").answers(to: text) == [isProof ? "sat" : "unsat"])
  }

  /// All obligations are unsatisfiable for exactly the k with which k-induction succeeds.
  @Test(arguments: TinySystem.all)
  func induction(tiny: TinySystem) throws {
    var properties = tiny.system.invariants.map(\.property)
    if !properties.contains(tiny.property) { properties.append(tiny.property) }
    let file = SMTLIBFile(tiny.system, deciding: properties.map { ($0, "\($0)") })
    for solver in try SMTSolver.all() {
      for k in 1...3 {
        let answers = try solver.answers(to: file.induction(k: k, description: [])).filter {
          $0 == "sat" || $0 == "unsat"
        }
        #expect(answers.count >= properties.count * (k + 1))
        let isProof: Bool
        switch tiny.answer {
        case .violated: isProof = false
        case .holds(let least, _): isProof = least.map { $0 <= k } ?? false
        }
        #expect(!answers.contains("sat") == isProof, "\(solver), k = \(k): \(answers)")
      }
    }
  }
}
