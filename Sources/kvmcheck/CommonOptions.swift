import ArgumentParser
import Murphi

/// What most commands take.
struct CommonOptions: ParsableArguments {
  /// The form of results.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
  }

  /// Which engine decides.
  enum EngineChoice: String, ExpressibleByArgument, CaseIterable {
    case auto
    case bmc
    case kInduction = "k-induction"
    case pdr
    case explicit
  }

  /// Which paths the step of k-induction considers.
  ///
  /// *Heuristic* default: of 365 properties of 150 random models, `any` leaves 19 open at k = 10 and `simple` 1, in the same time;
  /// on the shipped models both prove the same up to k = 12, and `simple` takes 1.0 to 1.7 times as long.
  enum PathsChoice: String, ExpressibleByArgument, CaseIterable {
    case any
    case simple
  }

  @Option(help: ArgumentHelp("The scope of the file to check.", valueName: "name"))
  var scope = "default"

  @Option(
    name: .customLong("const"), help: ArgumentHelp("Override a top-level constant; may be repeated.", valueName: "N=V"))
  var constants: [ConstantArgument] = []

  @Option(help: "Who decides: auto, bmc, k-induction, pdr, explicit.")
  var engine = EngineChoice.auto

  @Option(help: ArgumentHelp("How many transitions a bounded search unrolls.", valueName: "k"))
  var depth: Int?

  @Option(help: "Which paths the step of k-induction considers: simple ones (without repeated states), or any.")
  var paths = PathsChoice.simple

  @Option(help: ArgumentHelp("Stop the whole command after this long.", valueName: "seconds"))
  var timeout: Double?

  @Option(
    help: ArgumentHelp(
      """
      End with verdict limit once the whole process has more than this in memory: 512M, 2G. Looked at every few milliseconds, \
      whoever decides; explicit searches running side by side share it and stop before their tables exceed their part.
      """, valueName: "size"))
  var memory: MemorySize?

  @Option(help: ArgumentHelp("How many questions to work on at once (default: all cores).", valueName: "n"))
  var jobs: Int?

  @Option(help: "The seed of random choices.")
  var seed: UInt64 = 1

  @Option(help: "What counts as a deadlock: stuttering, stuck, off (default: as the file says).")
  var deadlock: DeadlockArgument?

  @Option(help: "The form of results: text, json.")
  var format = Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  @Flag(help: "Only the rows: no traces, no progress.")
  var quiet = false

  @Option(help: ArgumentHelp("The folder that holds Models/ and Proofs/.", valueName: "dir"))
  var root: String?

  /// What wins over the file.
  var overrides: Overrides {
    Overrides(
      constants: constants.map { ConstantSetting(name: $0.name, value: $0.value) }, deadlock: deadlock?.mode)
  }

  mutating func validate() throws {
    if let depth, depth < 0 { throw ValidationError("--depth \(depth): expected a number of transitions, 0 or more") }
    if let timeout, !(timeout > 0) {
      throw ValidationError("--timeout \(timeout): expected a number of seconds above 0")
    }
    if let jobs, jobs < 1 { throw ValidationError("--jobs \(jobs): expected 1 or more") }
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
