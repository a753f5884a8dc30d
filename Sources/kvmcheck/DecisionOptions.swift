import ArgumentParser

/// Who decides, and how far.
struct DecisionOptions: ParsableArguments {
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

  @Option(help: "Who decides: auto, bmc, k-induction, pdr, explicit.")
  var engine = EngineChoice.auto

  @Option(help: ArgumentHelp("How many transitions a bounded search unrolls.", valueName: "k"))
  var depth: Int?

  @Option(help: "Which paths the step of k-induction considers: simple ones (without repeated states), or any.")
  var paths = PathsChoice.simple

  @OptionGroup var parallelism: ParallelismOptions

  mutating func validate() throws {
    if let depth, depth < 0 { throw ValidationError("--depth \(depth): expected a number of transitions, 0 or more") }
  }
}

/// How many things are worked on at once.
struct ParallelismOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How many questions to work on at once (default: all cores).", valueName: "n"))
  var jobs: Int?

  mutating func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs \(jobs): expected 1 or more") }
  }
}

/// The same options where nothing depends on them: commands that run states by `Execution`, one after another, or only write a model.
///
/// They are common to all commands that take a model, so that one line of options serves several; what is given for nothing is said
/// on standard error. Help does not name them.
struct IdleDecisionOptions: ParsableArguments {
  @Option(help: .private)
  var engine: DecisionOptions.EngineChoice?

  @Option(help: .private)
  var paths: DecisionOptions.PathsChoice?

  @Option(help: .private)
  var jobs: Int?

  /// A line for each that is given.
  func warnings(of command: String) -> [String] {
    [("engine", engine != nil), ("paths", paths != nil), ("jobs", jobs != nil)].filter(\.1)
      .map { Self.warning($0.0, command) }
  }

  /// What is said of an option that is given for nothing.
  static func warning(_ option: String, _ command: String) -> String {
    "warning: --\(option) has no effect on kvmcheck \(command)"
  }
}

/// `--depth` where nothing is unrolled.
struct IdleDepthOption: ParsableArguments {
  @Option(help: .private)
  var depth: Int?

  /// A line if it is given.
  func warnings(of command: String) -> [String] {
    depth == nil ? [] : [IdleDecisionOptions.warning("depth", command)]
  }
}

/// `--seed` where nothing is left to chance.
struct IdleSeedOption: ParsableArguments {
  @Option(help: .private)
  var seed: UInt64?

  /// A line if it is given.
  func warnings(of command: String) -> [String] {
    seed == nil ? [] : [IdleDecisionOptions.warning("seed", command)]
  }
}
