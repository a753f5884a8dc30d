import Engines
import Interchange
import Logic
import TestSupport
import TransitionSystems

/// A model's exports, read by others, against explicit search.
extension Agreement {
  /// An outcome from what differs. Whatever is thrown differs as well: a tool that is missing, a file that is not read.
  private static func outcome(_ difference: () throws -> String?) -> Outcome {
    do { return try difference().map { .differs($0) } ?? .agrees } catch { return .differs("\(error)") }
  }

  /// The earliest violations of the AIGER file, by the tests' own reader and breadth-first search.
  func compareCircuits() throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    let file = AIGERFile(SynchronousSystem(sides.system, deciding: sides.properties))
    if file.inputs.count > 12 { return .skipped("\(file.inputs.count) inputs") }
    return Self.outcome {
      for form in [AIGERFile.Form.binary, .ascii] {
        let circuit = try AIGERCircuit(file.encoded(form, names: [:], description: []))
        guard let times = circuit.earliestTimes(limit: 8 * Self.states) else { return "too many states" }
        for (property, time) in zip(sides.properties, times) {
          let expected = sides.depth(property).map { $0 + file.synchronous.offset }
          if time != expected { return "\(form), \(property): time \(time ?? -1), expected \(expected ?? -1)" }
        }
        if circuit.gates.count > 400 { break }
      }
      return nil
    }
  }

  /// The BTOR2 file along random inputs: registers and bads by the reference semantics, violations as runs of the system.
  func compareBTOR2(seed: UInt64) throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    return Self.outcome { try Self.walk(sides, seed) }
  }

  private static func walk(_ sides: Sides, _ seed: UInt64) throws -> String? {
    let synchronous = SynchronousSystem(sides.system, deciding: sides.properties)
    let file = BTOR2File(synchronous)
    let circuit = try BTOR2Circuit(file.text(names: [:], description: []))
    var generator = SeededGenerator(seed: seed)
    var words = circuit.reset
    var registers = Dictionary(uniqueKeysWithValues: synchronous.registers.map { ($0.term, $0.reset) })
    var ticks: [SynchronousSystem.Tick] = []
    for time in 0..<24 {
      ticks.append(tick(synchronous, &generator))
      var evaluation = Evaluation(synchronous.store, registers.merging(ticks[time]) { first, _ in first })
      let expected = synchronous.bads.map { evaluation.isTrue($0.term) }
      let step = circuit.step(states: words, inputs: file.inputs.map { ticks[time][$0]?.unsigned ?? 0 })
      if step.bads != expected { return "bads at time \(time): \(step.bads), expected \(expected)" }
      for (bad, isViolated) in zip(synchronous.bads, expected) where isViolated {
        let (run, _) = try synchronous.run(of: ticks, violating: bad.property)
        guard let outcome = sides.system.evaluate(run), outcome.violated.contains(bad.property) else {
          return "\(bad.property) at time \(time) is no run's end"
        }
      }
      registers = Dictionary(
        uniqueKeysWithValues: synchronous.registers.map { ($0.term, evaluation.value(of: $0.next)) })
      words = step.next
      if words != file.states.map({ registers[$0.term]?.unsigned ?? 0 }) { return "states at time \(time)" }
    }
    return nil
  }

  /// Random values for the inputs.
  private static func tick(
    _ synchronous: SynchronousSystem, _ generator: inout SeededGenerator
  ) -> SynchronousSystem.Tick {
    var tick: SynchronousSystem.Tick = [:]
    for input in synchronous.inputs {
      switch synchronous.store.sort(of: input) {
      case .boolean: tick[input] = .boolean(generator.once(in: 2))
      case .bitVector(let width):
        tick[input] = .bits(UInt128(generator.next()) & BitPattern.mask(width), width: width)
      case .uninterpreted: preconditionFailure("an input of no bits")
      }
    }
    return tick
  }

  /// berkeley-abc on the AIGER file of each property.
  func compareABC() throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    return Self.outcome {
      let abc = try BerkeleyABC()
      for property in sides.properties {
        let exported = ExportedProperty(property, of: sides.system)
        let difference = try exported.difference(
          expecting: sides.depth(property), frames: 20, by: abc, in: sides.program)
        if let difference { return "\(property): abc's \(difference)" }
      }
      return nil
    }
  }

  /// z3 and cvc5 on the scripts: unrollings by the depths of explicit search, obligations by what k-induction proves.
  func compareSolvers() async throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    let depth = 3
    let all = SMTLIBFile(sides.system, deciding: sides.properties.map { ($0, "\($0)") })
    var scripts: [(what: String, script: String, isSatisfiable: Bool)] = sides.properties.map { property in
      let file = SMTLIBFile(sides.system, deciding: [(property, "\(property)")])
      return (
        "\(property)", file.unrolling(depth: depth, description: []), (sides.depth(property) ?? .max) <= depth
      )
    }
    for k in 1...2 {
      let verdicts = try await KInduction(sides.system).decide(sides.properties, within: Budget(depth: k))
      let isProved = verdicts.allSatisfy { if case .proved = $0 { true } else { false } }
      scripts.append(("\(k)-induction", all.induction(k: k, description: []), !isProved))
    }
    return Self.outcome {
      for solver in try SMTSolver.all() {
        for (what, script, isSatisfiable) in scripts {
          let answers = try solver.answers(to: script).filter { ["sat", "unsat", "unknown"].contains($0) }
          if answers.isEmpty || answers.contains("unknown") || answers.contains("sat") != isSatisfiable {
            return "\(solver), \(what): \(answers)"
          }
        }
      }
      return nil
    }
  }
}
