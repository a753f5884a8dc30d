import Elaboration
import Foundation
import TestSupport
import Testing

/// Random models under both semantics, the symbolic engines and rumur.
///
/// `KVMCHECK_RANDOM_SEED` and `KVMCHECK_RANDOM_COUNT` set the first seed and the number of models, for long runs.
@Suite("Random models", .serialized)
struct RandomModelTests {
  /// The first seed.
  private static var seed: UInt64 { number("KVMCHECK_RANDOM_SEED", or: 1) }

  /// An unsigned number from the environment.
  private static func number(_ name: String, or standard: UInt64) -> UInt64 {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
  }

  /// The seeds of a test: `standard` many, or as many as the environment says, scaled down by `share`.
  private static func seeds(_ standard: UInt64, share: UInt64) -> Range<UInt64> {
    let count = number("KVMCHECK_RANDOM_COUNT", or: standard * share) / share
    return seed..<seed + max(1, count)
  }

  /// How rulesets are written for a seed: all ways in turn.
  private static func form(_ seed: UInt64) -> RulesetForm {
    RulesetForm.allCases[Int(seed % UInt64(RulesetForm.allCases.count))]
  }

  /// A failure's text: what differs, the seed, and the smallest model that still differs.
  private static func report(
    _ difference: String, _ seed: UInt64, _ tree: ModelTree, _ compare: (String) -> Agreement.Outcome
  ) -> Comment {
    let shrunk = tree.shrunk(attempts: 100) { text in
      if case .differs = compare(text) { true } else { false }
    }
    let last = compare(shrunk.rendered)
    return "seed \(seed): \(difference)\nshrunk: \(last)\n\(shrunk.rendered)"
  }

  /// Compares models one by one. Returns how many were compared, not skipped.
  private static func run(
    _ seeds: Range<UInt64>, _ dialect: RandomModels.Dialect, _ compare: (Agreement) throws -> Agreement.Outcome
  ) -> Int {
    var compared = 0
    for seed in seeds {
      let tree = RandomModels.model(seed: seed, dialect: dialect)
      func outcome(_ text: String) -> Agreement.Outcome {
        do { return try compare(Agreement(text: text, rulesets: form(seed))) } catch { return .skipped("\(error)") }
      }
      switch outcome(tree.rendered) {
      case .agrees: compared += 1
      case .skipped(let reason):
        if ProcessInfo.processInfo.environment["KVMCHECK_RANDOM_SKIPS"] != nil { print(seed, reason) }
      case .differs(let difference): Issue.record(report(difference, seed, tree, outcome))
      }
    }
    return compared
  }

  @Test("terms reach the states that execution reaches")
  func terms() {
    let seeds = Self.seeds(60, share: 1)
    let compared = Self.run(seeds, .full) { try $0.compareTerms() }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("bounded search and k-induction agree with explicit search")
  func engines() async throws {
    let seeds = Self.seeds(15, share: 4)
    var compared = 0
    for seed in seeds {
      let text = RandomModels.model(seed: seed, dialect: .full).rendered
      switch try await Agreement(text: text, rulesets: Self.form(seed)).compareEngines() {
      case .agrees: compared += 1
      case .skipped: continue
      case .differs(let difference): Issue.record("seed \(seed): \(difference)\n\(text)")
      }
    }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("PDR agrees with explicit search")
  func pdr() async throws {
    let seeds = Self.seeds(60, share: 1)
    var compared = 0
    for seed in seeds {
      let text = RandomModels.model(seed: seed, dialect: .full).rendered
      switch try await Agreement(text: text, rulesets: Self.form(seed)).comparePDR() {
      case .agrees: compared += 1
      case .skipped(let reason):
        if ProcessInfo.processInfo.environment["KVMCHECK_RANDOM_SKIPS"] != nil { print(seed, reason) }
      case .differs(let difference): Issue.record("seed \(seed): \(difference)\n\(text)")
      }
    }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("rumur counts the same and finds the same kind of error")
  func rumur() {
    let seeds = Self.seeds(4, share: 15)
    let compared = Self.run(seeds, .portable) { try $0.compareRumur() }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("the AIGER file of a model is violated when explicit search says")
  func circuits() {
    let seeds = Self.seeds(60, share: 1)
    let compared = Self.run(seeds, .full) { try $0.compareCircuits() }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("the BTOR2 file of a model means the model, along random inputs")
  func wordCircuits() {
    let seeds = Self.seeds(40, share: 1)
    let compared = Self.run(seeds, .full) { try $0.compareBTOR2(seed: 1) }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("berkeley-abc finds the same verdicts and depths, and its counterexamples re-execute")
  func berkeleyABC() {
    let seeds = Self.seeds(20, share: 2)
    let compared = Self.run(seeds, .full) { try $0.compareABC() }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }

  @Test("z3 and cvc5 answer scripts as explicit search and k-induction say")
  func solvers() async throws {
    let seeds = Self.seeds(10, share: 4)
    var compared = 0
    for seed in seeds {
      let text = RandomModels.model(seed: seed, dialect: .full).rendered
      switch try await Agreement(text: text, rulesets: Self.form(seed)).compareSolvers() {
      case .agrees: compared += 1
      case .skipped: continue
      case .differs(let difference): Issue.record("seed \(seed): \(difference)\n\(text)")
      }
    }
    #expect(compared * 2 >= seeds.count, "too many models were skipped: \(compared) of \(seeds.count) left")
  }
}
