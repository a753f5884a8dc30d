import ArgumentParser
import Interchange
import Report

/// `kvmcheck compare designs [MODEL…]`
struct CompareDesignsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "designs", abstract: "What holds in each of the designs that answer the same question.",
    discussion: """
      A question is what a model's variants name with `design`; its designs are the model as it stands and these variants. Each \
      property that a variant names is decided in all of them, as prove invariants decides it. Without MODEL: the questions of all of \
      Models/.
      """)

  @ArgumentParser.Argument(help: ArgumentHelp("A model whose designs to compare.", valueName: "model"))
  var models: [String] = []

  @Option(help: ArgumentHelp("Compare by this property only.", valueName: "property"))
  var only: String?

  @OptionGroup var options: CommonOptions

  func run() async throws {
    let stop = StopSwitch()
    let campaign = try Campaign(
      Campaign.Request(models: models, variants: .designs, only: only, options: options), stop: stop)
    let console = try Console(path: options.run.output, quiet: options.run.quiet)
    let format = options.run.format
    let (rows, questions) = try await stop.running(timeout: options.run.timeout, memory: options.run.memory?.bytes) {
      var rows: [ResultRow] = []
      var questions: [DesignComparison] = []
      try await campaign.run(progress: console.progress) { result in
        for warning in result.warnings + result.rows.filter({ $0.verdict == .rejected }).flatMap(\.diagnostics) {
          console.diagnose(warning)
        }
        console.clearProgress()
        let found = DesignComparison.questions(of: result.rows)
        if format == .text { for question in found { try console.write(question.text + "\n") } }
        // Of the file as it stands only what a design names is shown, and judged.
        rows += found.flatMap(\.designs).flatMap(\.rows) + result.rows.filter { $0.verdict == .rejected }
        questions += found
      }
      return (rows, questions)
    }
    if rows.isEmpty, stop.reason == .none {
      throw UsageError(
        only.map { "no design question of these models names a property \"\($0)\"" }
          ?? "no variant of these models names a design question")
    }
    if format == .json { try console.write(JSONReport.designs(questions, rows: rows).document) }
    try console.finish()
    if stop.reason != .none { throw ExitCode.limit }
    throw ExitCode(ResultRow.exitCode(of: rows))
  }
}
