import Checking
import Execution
import Interchange
import TestSupport
import TransitionSystems

/// One property of a system as an AIGER file, and what berkeley-abc says about it.
struct ExportedProperty {
  let property: PropertyID
  let file: AIGERFile
  let system: TransitionSystem

  init(_ property: PropertyID, of system: TransitionSystem) {
    self.property = property
    self.system = system
    file = AIGERFile(SynchronousSystem(system, deciding: [property]))
  }

  var bytes: [UInt8] { file.encoded(.binary, names: [:], description: []) }

  /// The trace that a witness stands for. Throws: it is no counterexample.
  func trace(_ witness: String) throws -> Trace {
    let witness = try file.witness(witness)
    let (run, _) = try file.synchronous.run(of: witness.ticks, violating: property)
    guard let outcome = system.evaluate(run), outcome.violated.contains(property) else {
      throw Disagreement("a witness is no run that violates \(property)")
    }
    return outcome.trace(violating: property)
  }

  /// What differs from "violated first after `depth` transitions" (nil: never); nil if nothing does.
  ///
  /// `bmc3` must find exactly that depth, `pdr` the verdict; both counterexamples must re-execute.
  func difference(expecting depth: Int?, frames: Int, by abc: BerkeleyABC, in program: Program) throws -> String? {
    let time = depth.map { $0 + file.synchronous.offset }
    for command in ["bmc3 -F \(frames)", "pdr"] {
      let (answer, witness) = try abc.ask(command, about: bytes)
      switch (answer, time) {
      case (.asserted(let found), let time?):
        if found < time || command != "pdr" && found != time { return "\(command): \(found), expected time \(time)" }
        guard let witness else { return "\(command): no witness" }
        let trace = TraceChecker(program: program).completed(try self.trace(witness))
        try TraceChecker(program: program).check(trace, violates: property)
      case (.proved, nil): continue
      case (.undecided, _): if command == "pdr" || (time ?? .max) < frames { return "\(command): undecided" }
      case (.asserted(let found), nil): return "\(command): asserted at \(found), but it holds"
      case (.proved, let time?): return "\(command): proved, but violated at time \(time)"
      }
    }
    return nil
  }
}

/// What two sides see differently.
struct Disagreement: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
