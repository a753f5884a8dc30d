import ArgumentParser
import Elaboration
import Interchange
import Murphi
import TransitionSystems

/// `kvmcheck export MODEL --to FORMAT`: other tools' formats.
struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a model for other tools: SMT-LIB, Horn clauses, BTOR2, AIGER, Murphi, Graphviz.",
    discussion: """
      One scope or variant, all properties or the one of --only. Counterexamples that other tools find on AIGER and BTOR2 files \
      come back with `kvmcheck replay --witness FILE MODEL` and the same --scope, --const, --variant and --only.
      """)

  /// What is written.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case smt2
    case horn
    case btor2
    case aiger
    case murphi
    case dot
  }

  /// What an SMT-LIB script asks.
  enum Script: String, ExpressibleByArgument, CaseIterable {
    case unrolling
    case induction
  }

  @ArgumentParser.Argument(help: ArgumentHelp("A path, - or the bare name of a shipped model.", valueName: "model"))
  var model: String

  @Option(help: "The format: smt2, horn, btor2, aiger, murphi, dot.")
  var to: Format

  @Option(help: ArgumentHelp("The variant whose constants to use.", valueName: "name"))
  var variant: String?

  @Option(help: ArgumentHelp("This property only.", valueName: "property"))
  var only: String?

  @Option(
    help: ArgumentHelp(
      "smt2: is there a violation within --depth transitions (unrolling, default 10), or are the properties k-inductive for k = --depth (induction, default 1)?"
    ))
  var question: Script?

  @Flag(help: "aiger: as text; also without it if -o names a file that ends in .aag.")
  var ascii = false

  @Option(help: ArgumentHelp("dot: refuse to draw more states than this (default 200).", valueName: "n"))
  var states: Int?

  @Option(help: ArgumentHelp("smt2: how many transitions the script unrolls, or its k.", valueName: "k"))
  var depth: Int?

  @OptionGroup var selection: InstanceOptions
  @OptionGroup var options: RunOptions
  @OptionGroup var idle: IdleDecisionOptions
  @OptionGroup var idleSeed: IdleSeedOption

  func validate() throws {
    for (name, isGiven, format) in [
      ("--question", question != nil, Format.smt2), ("--depth", depth != nil, .smt2),
      ("--ascii", ascii, .aiger),
      ("--states", states != nil, .dot),
    ] where isGiven && to != format {
      throw ValidationError("\(name) belongs to --to \(format.rawValue), found --to \(to.rawValue)")
    }
    if let depth, depth < 0 { throw ValidationError("--depth \(depth): expected a number of transitions, 0 or more") }
    if question == .induction, depth == 0 {
      throw ValidationError("--depth 0: induction wants a k of 1 or more")
    }
    if let states, states < 1 { throw ValidationError("--states \(states): expected 1 or more") }
    if options.format != .text { throw ValidationError("--format json: export writes what --to names") }
  }

  func run() async throws {
    let console = try Console(path: options.output, quiet: options.quiet)
    for warning in idle.warnings(of: "export") + idleSeed.warnings(of: "export") { console.diagnose(warning) }
    let stop = StopSwitch()
    let arguments = InstanceArguments(
      model: model, scope: selection.scope, variant: variant, overrides: selection.overrides, root: options.root)
    let instance = try arguments.instance()
    for warning in instance.renderedWarnings { console.diagnose(warning) }
    let export = try Export(instance, only: only)
    let bytes = try await stop.running(timeout: options.timeout, memory: options.memory?.bytes) {
      try content(of: export)
    }
    try console.write(bytes)
    try console.finish()
  }

  private func content(of export: Export) throws -> [UInt8] {
    switch to {
    case .aiger: return try export.aiger(isText ? .ascii : .binary)
    case .btor2: return Array(try export.btor2().utf8)
    case .horn: return Array(try export.horn().utf8)
    case .murphi: return Array(try export.murphi().utf8)
    case .dot: return Array(try export.dot(states: states ?? 200).utf8)
    case .smt2:
      switch question ?? .unrolling {
      case .unrolling: return Array(try export.unrolling(depth: depth ?? 10).utf8)
      case .induction: return Array(try export.induction(k: depth ?? 1).utf8)
      }
    }
  }

  private var isText: Bool { ascii || options.output?.hasSuffix(".aag") ?? false }
}
