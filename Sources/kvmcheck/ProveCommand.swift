import ArgumentParser
import Foundation
import Interchange
import Report

/// `kvmcheck prove`: the main job.
struct ProveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove", abstract: "Prove or refute.", subcommands: [ProveInvariantsCommand.self])
}

/// `kvmcheck prove invariants [MODEL…]`
struct ProveInvariantsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invariants",
    abstract: "Decide every property of the models, and every variant as its header says.",
    discussion: """
      Without MODEL: all of Models/ in their default scopes, and every variant. With MODEL: that one; variants with \
      --all-variants or --variant NAME. MODEL is a path, - for standard input, or the bare name of a shipped model.
      """)

  @ArgumentParser.Argument(help: ArgumentHelp("A model to check.", valueName: "model"))
  var models: [String] = []

  @Flag(help: "Also decide every variant of the models named.")
  var allVariants = false

  @Option(help: ArgumentHelp("Decide this variant only.", valueName: "name"))
  var variant: String?

  @Option(help: ArgumentHelp("Decide this property only.", valueName: "property"))
  var only: String?

  @Option(help: ArgumentHelp("Write each counterexample there as ITF JSON.", valueName: "dir"))
  var traces: String?

  @Option(help: ArgumentHelp("Write a certificate of each property that PDR proves there.", valueName: "dir"))
  var proofs: String?

  @OptionGroup var options: CommonOptions

  func validate() throws {
    if models.count(where: { $0 == "-" }) > 1 { throw ValidationError("standard input can be read only once") }
  }

  func run() async throws {
    let started = ContinuousClock.now
    let stop = StopSwitch()
    let request = try request()
    let campaign = try Campaign(request, stop: stop)
    let console = try Console(path: options.run.output, quiet: options.run.quiet)
    let folder = try traces.map(TraceFolder.init(path:))
    let (format, quiet) = (options.run.format, options.run.quiet)
    let text = TextReport(colour: console.resultsAreColoured ? .ansi : .plain, traces: quiet ? .none : .full)
    let (rows, unwritten) = try await stop.running(timeout: options.run.timeout, memory: options.run.memory?.bytes) {
      var all: [ResultRow] = []
      var unwritten: [String] = []
      var folder = folder
      try await campaign.run(progress: console.progress) { result in
        unwritten += result.unwritten.map { "error: \($0)" }
        let result = try folder?.save(result) { unwritten.append("error: \($0)") } ?? result
        for warning in result.warnings { console.diagnose(warning) }
        console.clearProgress()
        if format == .text { try console.write(Self.text(of: result, scope: request.scope, report: text)) }
        all += result.rows
      }
      return (all, unwritten)
    }
    if let only, rows.isEmpty, stop.reason == .none {
      throw UsageError(
        variant.map { "variant \($0) states nothing of a property called \"\(only)\"" }
          ?? "no property of these models is called \"\(only)\"")
    }
    switch format {
    case .text: try console.write(text.summary(of: rows, seconds: Self.seconds(since: started)))
    case .json: try console.write(String(decoding: JSONReport.prove(rows).encoded(), as: UTF8.self))
    }
    for message in unwritten { console.diagnose(message) }
    try console.finish()
    if !unwritten.isEmpty { throw ExitCode.internalError }
    if stop.reason != .none { throw ExitCode.limit }
    throw ExitCode(ResultRow.exitCode(of: rows))
  }

  private func request() throws -> Campaign.Request {
    try Campaign.Request(
      models: models, variants: variant.map(Campaign.Variants.named) ?? (models.isEmpty || allVariants ? .all : .none),
      only: only, options: options, proofs: proofs)
  }

  /// The rows of a file under their headings.
  private static func text(of result: Campaign.FileResult, scope: String, report: TextReport) -> String {
    var text = report.heading(
      model: result.location.name, file: result.location.file, title: result.title, scope: scope,
      constants: Self.words(result.constants), omissions: result.omissions)
    let width = min(72, result.rows.map(\.property.count).max() ?? 0)
    var variant: String?
    for (index, row) in result.rows.enumerated() {
      if row.variant != variant, let name = row.variant {
        text += report.heading(
          variant: name, constants: Self.words(row.constants.filter { !result.constants.contains($0) }))
      }
      variant = row.variant
      text += report.text(of: row, width: width, after: result.rows[..<index])
    }
    return text + "\n"
  }

  /// Constants as the command line takes them.
  private static func words(_ constants: [NamedText]) -> String {
    constants.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
  }

  static func seconds(since start: ContinuousClock.Instant) -> Double {
    let duration = ContinuousClock.now - start
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}

/// A command line that makes no sense: printed as such, exit code 64.
struct UsageError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
