import ArgumentParser
import Checking
import Execution
import Foundation
import Interchange
import Murphi
import TransitionSystems

/// The options that say which instance and which properties were exported.
struct ExportedInstance: ParsableArguments {
  @Option(help: ArgumentHelp("The scope that was exported.", valueName: "name"))
  var scope: String?

  @Option(name: .customLong("const"), help: ArgumentHelp("A constant that was overridden.", valueName: "N=V"))
  var constants: [ConstantArgument] = []

  @Option(help: ArgumentHelp("The variant that was exported.", valueName: "name"))
  var variant: String?

  @Option(help: ArgumentHelp("The one property that was exported.", valueName: "property"))
  var only: String?

  /// Whether any of them was used.
  var isGiven: Bool { scope != nil || !constants.isEmpty || variant != nil || only != nil }

  /// The instance of a model.
  func arguments(of model: String, root: String?) -> InstanceArguments {
    InstanceArguments(
      model: model, scope: scope ?? "default", variant: variant,
      overrides: Overrides(constants: constants.map { ConstantSetting(name: $0.name, value: $0.value) }), root: root)
  }
}

/// A counterexample that another tool found on an exported file.
struct WitnessFile {
  let path: String

  /// The run that it stands for, as a trace. Throws: `RefusedWitness`, and whatever is wrong with the model.
  func evidence(of options: ExportedInstance, of model: String, root: String?) throws -> ReplayCommand.Evidence {
    let text = try text()
    let instance = try options.arguments(of: model, root: root).instance()
    let export = try Export(instance, only: options.only)
    let (outcome, property) = try outcome(of: text, export)
    let program = try Program(model: instance.model)
    let trace = TraceChecker(program: program).completed(outcome.trace(violating: property))
    let name = Question.all(of: instance.model).first { $0.property == property }?.name ?? ""
    let origin = ITFDocument.Origin(
      model: instance.loaded.location.name, sha256: instance.loaded.sha256, constants: instance.constants,
      variant: instance.variant?.name, property: name, verdict: "violated", deadlock: nil,
      file: instance.loaded.location.file)
    return ReplayCommand.Evidence(
      document: ITFDocument(origin: origin, trace: trace), instance: instance, program: program, property: property)
  }

  private func text() throws(RefusedWitness) -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw RefusedWitness(place: path, reason: "cannot be read: expected a witness", code: .rejected)
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// What evaluating the run shows.
  private func outcome(of text: String, _ export: Export) throws -> (RunOutcome, PropertyID) {
    let witness: Witness
    let synchronous: SynchronousSystem
    let system: TransitionSystem
    switch Witness.format(of: text) {
    case .aiger:
      let exported = try export.aigerFile()
      (synchronous, system) = (exported.file.synchronous, exported.system)
      witness = try read { () throws(WitnessError) in try exported.file.witness(text) }
    case .btor2:
      let exported = try export.btor2File()
      (synchronous, system) = (exported.file.synchronous, exported.system)
      witness = try read { () throws(WitnessError) in try exported.file.witness(text) }
    case nil:
      throw RefusedWitness(place: "\(path):1", reason: "neither an AIGER nor a BTOR2 witness", code: .rejected)
    }
    let run: SystemRun
    let property: PropertyID
    do { (run, property) = try synchronous.run(of: witness.ticks, violating: witness.property) } catch {
      let what =
        witness.property.flatMap { export.name(of: $0) }.map { "\"\($0)\" is not violated" } ?? "nothing is violated"
      throw RefusedWitness(
        place: path, reason: "no counterexample: \(what) at time \(witness.ticks.count - 1)", code: .contradiction)
    }
    guard let outcome = system.evaluate(run), outcome.violated.contains(property) else {
      throw RefusedWitness(place: path, reason: "no counterexample: no run of the model", code: .contradiction)
    }
    return (outcome, property)
  }

  /// Reads a witness; what is wrong with it gets its place.
  private func read(_ body: () throws(WitnessError) -> Witness) throws(RefusedWitness) -> Witness {
    do { return try body() } catch {
      let place = error.line.map { "\(path):\($0)" } ?? path
      throw RefusedWitness(place: place, reason: error.message, code: .rejected)
    }
  }
}

/// A file that is no witness, or no counterexample to the model.
struct RefusedWitness: Error, CustomStringConvertible {
  /// The file, with the line where there is one.
  let place: String
  let reason: String
  let code: ExitCode

  var description: String { "\(place): \(reason)" }
}
