import ArgumentParser
import Murphi

/// Everything that a command takes that has engines decide.
struct CommonOptions: ParsableArguments {
  @OptionGroup var selection: InstanceOptions
  @OptionGroup var decision: DecisionOptions

  @Option(help: "The seed of random choices: of the runs that PDR samples, and so of which lemmas it finds.")
  var seed: UInt64 = 1

  @OptionGroup var run: RunOptions
}

/// Which instance of a model is meant.
struct InstanceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The scope of the file to check.", valueName: "name"))
  var scope = "default"

  @Option(
    name: .customLong("const"), help: ArgumentHelp("Override a top-level constant; may be repeated.", valueName: "N=V"))
  var constants: [ConstantArgument] = []

  @Option(help: "What counts as a deadlock: stuttering, stuck, off (default: as the file says).")
  var deadlock: DeadlockArgument?

  /// What wins over the file.
  var overrides: Overrides {
    Overrides(
      constants: constants.map { ConstantSetting(name: $0.name, value: $0.value) }, deadlock: deadlock?.mode)
  }
}

/// Limits, and where and in which form results go: what every command takes that works for a while.
struct RunOptions: ParsableArguments {
  /// The form of results.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
  }

  @Option(help: ArgumentHelp("Stop the whole command after this long.", valueName: "seconds"))
  var timeout: Double?

  @Option(
    help: ArgumentHelp(
      """
      End with verdict limit once the whole process has more than this in memory: 512M, 2G. Looked at every few milliseconds, \
      whoever decides; explicit searches running side by side share it and stop before their tables exceed their part.
      """, valueName: "size"))
  var memory: MemorySize?

  @Option(help: "The form of results: text, json.")
  var format = Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  @Flag(help: "Only the rows: no traces, no progress.")
  var quiet = false

  @Option(help: ArgumentHelp("The folder that holds Models/ and Proofs/.", valueName: "dir"))
  var root: String?

  mutating func validate() throws {
    if let timeout, !(timeout > 0) {
      throw ValidationError("--timeout \(timeout): expected a number of seconds above 0")
    }
  }
}

/// `N=V` of `--const`.
struct ConstantArgument: ExpressibleByArgument, Sendable {
  let name: String
  let value: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    name = String(parts[0])
    value = String(parts[1])
  }
}

/// A size in bytes: digits, then nothing, K, M or G.
struct MemorySize: ExpressibleByArgument, Sendable {
  let bytes: Int

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    let digits = unit == nil ? Substring(argument) : argument.dropLast()
    guard let number = Int(digits), number > 0 else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.bytes = bytes
  }
}

/// `stuttering`, `stuck` or `off`.
struct DeadlockArgument: ExpressibleByArgument, Sendable {
  let mode: DeadlockMode

  init?(argument: String) {
    guard let mode = DeadlockMode(rawValue: argument) else { return nil }
    self.mode = mode
  }
}
