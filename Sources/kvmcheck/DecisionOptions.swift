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

/// The same names where they could only be ignored: the commands that run states by `Execution`, one after another.
///
/// They are parsed, so that the answer says who takes them; help does not name them.
struct RefusedDecisionOptions: ParsableArguments {
  @Option(help: .private)
  var engine: String?

  @Option(help: .private)
  var depth: String?

  @Option(help: .private)
  var paths: String?

  @Option(help: .private)
  var jobs: String?

  mutating func validate() throws {
    for (name, value) in [("engine", engine), ("depth", depth), ("paths", paths), ("jobs", jobs)] where value != nil {
      throw ValidationError("--\(name) belongs to kvmcheck prove invariants: here it would have no effect")
    }
  }
}
