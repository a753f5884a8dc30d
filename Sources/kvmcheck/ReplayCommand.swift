import ArgumentParser
import Checking
import Execution
import Foundation
import Interchange
import Logic
import Murphi
import Replay
import Report
import TransitionSystems

/// `kvmcheck replay TRACE`: a saved counterexample, re-executed by the reference semantics and run on the engine.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Run a saved counterexample on the engine.",
    discussion: """
      The trace must belong to the model as it is now: a trace of another text is refused as stale. With --witness FILE the \
      argument is a model, and the file what another tool found on `kvmcheck export MODEL --to aiger` or `--to btor2` with the same \
      --scope, --const, --variant and --only.
      """)

  @ArgumentParser.Argument(
    help: ArgumentHelp("An ITF JSON file, as --traces writes it; with --witness a model.", valueName: "trace"))
  var trace: String

  @Option(help: ArgumentHelp("A counterexample in AIGER's or BTOR2's form.", valueName: "file"))
  var witness: String?

  @OptionGroup(title: "With --witness") var export: ExportedInstance

  @Option(
    help: ArgumentHelp(
      "The model's file (default: the file that the trace names, or the shipped model).", valueName: "model"))
  var model: String?

  @Option(help: ArgumentHelp("The engine's policy (default: the variant's).", valueName: "policy"))
  var policy: String?

  @Option(help: "The form of results: text, json.")
  var format = RunOptions.Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("The folder that holds Models/.", valueName: "dir"))
  var root: String?

  func validate() throws {
    if witness == nil, export.isGiven {
      throw ValidationError("--scope, --const, --variant and --only belong to --witness; a trace says them itself")
    }
    if witness != nil, model != nil {
      throw ValidationError("--model belongs to traces; with --witness the argument is the model")
    }
  }

  func run() async throws {
    let console = try Console(path: output, quiet: true)
    if let witness {
      let evidence = try WitnessFile(path: witness).evidence(of: export, of: trace, root: root)
      return try replay(evidence, console)
    }
    let header = try header()
    let instance = try instance(of: header)
    let program = try Program(model: instance.model)
    let document = try ITFDocument(
      header, variables: instance.model.variables.map { ($0.name, ValueShape($0.type)) },
      parameters: Self.shapes(of: program))
    try replay(
      Evidence(
        document: document, instance: instance, program: program, property: try property(document, instance)), console)
  }

  /// A counterexample and what it belongs to.
  struct Evidence {
    let document: ITFDocument
    let instance: Instance
    let program: Program
    let property: PropertyID
  }

  /// Re-executes a counterexample and runs it on the engine, where the model says how.
  private func replay(_ evidence: Evidence, _ console: Console) throws {
    let document = evidence.document
    do {
      try TraceChecker(program: evidence.program).check(document.trace, violates: evidence.property)
    } catch {
      console.diagnose("\(witness ?? trace): does not re-execute: step \(error.step): \(error.reason)")
      throw ExitCode.contradiction
    }
    let variant = evidence.instance.variant
    let report = Replayer(program: evidence.program)?.replay(
      document.trace, policy: policy ?? variant.map { $0.policy ?? $0.name } ?? "right",
      event: variant?.event(of: document.origin.property), tolerating: variant?.events ?? [])
    let outcome = ReplayOutcome(file: witness ?? trace, document: document, replay: report)
    switch format {
    case .text: try console.write(outcome.text)
    case .json: try console.write(outcome.json.document)
    }
    try console.finish()
    if !outcome.isSuccess { throw ExitCode.contradiction }
  }

  private func header() throws -> ITFDocument.Header {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: trace)) } catch {
      throw ModelLocator.NotFound(description: "\(trace): cannot be read: expected an ITF JSON file")
    }
    do { return try ITFDocument.header(of: data) } catch {
      throw ModelLocator.NotFound(description: "\(trace): \(error.message)")
    }
  }

  /// The model's file: the one asked for; the one that the trace names, where that still lies there and no other place was asked for;
  /// the shipped model of the trace's name.
  private func location(of origin: ITFDocument.Origin, _ locator: ModelLocator) throws -> ModelLocator.Location {
    if let model { return try locator.find(model) }
    if root == nil, let file = origin.file, FileManager.default.fileExists(atPath: file) {
      return try locator.find(file)
    }
    do { return try locator.find(origin.model) } catch {
      throw UsageError("\(error.description); --model names the file of the trace's model")
    }
  }

  /// The model with everything as it was when the trace was found. Throws: it is another text now.
  private func instance(of header: ITFDocument.Header) throws -> Instance {
    let locator = ModelLocator(
      explicit: root, workingDirectory: FileManager.default.currentDirectoryPath, executable: CommandLine.arguments[0])
    let loaded = try LoadedModel(try location(of: header.origin, locator))
    guard loaded.sha256 == header.origin.sha256 else {
      throw StaleTrace(trace: trace, expected: loaded.sha256, found: header.origin.sha256)
    }
    let overrides = Overrides(
      constants: header.origin.constants.map { ConstantSetting(name: $0.name, value: $0.text) },
      deadlock: try deadlock(of: header))
    let declared = loaded.plain.model.directives.variants
    let variant = declared.first { $0.name == header.origin.variant }
    if variant == nil, let name = header.origin.variant {
      throw UnknownName(kind: "variant", name: name, known: declared.map(\.name))
    }
    return try Instance(loaded, scope: "default", variant: variant, overrides: overrides)
  }

  /// What counted as a deadlock when the trace was found. Throws: the trace says something else than a mode.
  private func deadlock(of header: ITFDocument.Header) throws -> DeadlockMode? {
    guard let text = header.origin.deadlock else { return nil }
    guard let mode = DeadlockMode(rawValue: text) else {
      let modes = DeadlockMode.allCases.map(\.rawValue).joined(separator: ", ")
      throw ModelLocator.NotFound(description: "\(trace): \"#meta\".deadlock is \(text), expected one of \(modes)")
    }
    return mode
  }

  private func property(_ document: ITFDocument, _ instance: Instance) throws -> PropertyID {
    let questions = Question.all(of: instance.model)
    if let question = questions.first(where: { $0.name == document.origin.property }) { return question.property }
    // The row of a variant's `error TEXT` is called after the text.
    if let failure = document.trace.failure { return failure.property }
    throw UnknownName(kind: "property", name: document.origin.property, known: questions.map(\.name))
  }

  private static func shapes(of program: Program) -> ITFDocument.ParameterShapes {
    { isStart, index in
      let families = isStart ? program.startstates : program.rules
      guard let family = families.first(where: { $0.position == index }) else { return nil }
      return family.parameters.map { ($0.name, ValueShape($0.type)) }
    }
  }
}

/// A trace that belongs to another text of its model.
struct StaleTrace: Error, CustomStringConvertible {
  let trace: String
  let expected: String
  let found: String

  var description: String {
    "\(trace): stale: it belongs to a model with SHA-256 \(found), this one has \(expected)"
  }
}

extension VariantDeclaration {
  /// The event that the variant names for a property.
  fileprivate func event(of property: String) -> String? {
    for outcome in outcomes {
      switch outcome {
      case .violates(property, let event): return event
      case .error(let text, let event) where property.contains(text): return event
      case .violates, .error, .holds, .deadlock, .unreachable: continue
      }
    }
    return nil
  }
}

extension ValueShape {
  /// The shape of a type's values.
  init(_ type: Type) {
    switch type {
    case .boolean: self = .boolean
    case .range, .integer: self = .integer
    case .enumeration(let type): self = .enumeration(members: type.members)
    case .scalarset(let type): self = .scalarset(name: type.name, size: type.size)
    case .record(let fields): self = .record(fields.map { ($0.name, ValueShape($0.type)) })
    case .array(let index, let element):
      self = .array(indices: (index.rawValues ?? 0...0).map { index.value(raw: $0) }, element: ValueShape(element))
    }
  }
}
