import Checking
import Engines
import Execution
import ExplicitState
import Murphi
import Replay
import TransitionSystems

/// Asks the engines about an instance, in the fixed order, and checks every trace before anybody sees it.
///
/// Budgets are counts, so the same instance gives the same answers on every machine.
struct Decider: Sendable {
  let engine: CommonOptions.EngineChoice
  /// For the explicit search.
  let budget: Budget
  /// How far BMC unrolls when nobody has concluded; nil means the engine's default.
  let depth: Int?
  let deadlock: DeadlockMode?

  /// States that `auto` lets the explicit search store before it leaves the question to the solver.
  static let stateBudget = 8_000_000

  init(options: CommonOptions, jobs: Int) {
    engine = options.engine
    depth = options.depth
    deadlock = options.deadlock?.mode
    let bytes = options.memory.map { $0.bytes / jobs } ?? .max
    budget = Budget(states: options.engine == .auto ? Self.stateBudget : .max, bytes: bytes)
  }

  /// Everything that can be found out about an instance.
  ///
  /// Throws: only what is nobody's verdict (our own bug).
  func decide(_ instance: Instance) async throws -> Findings {
    var findings = Findings()
    let program: Program
    do { program = try Program(model: instance.model) } catch {
      return limited(instance, .enumeration("\(error)"))
    }
    if engine == .auto || engine == .explicit { explicit(program, instance, &findings) }
    return findings
  }

  /// The explicit search alone, for coverage; nil where the model cannot be enumerated.
  func search(_ instance: Instance) async -> SearchReport? {
    guard let program = try? Program(model: instance.model) else { return nil }
    return ExplicitEngine(program, deadlock: deadlock).exhaust(within: budget)
  }

  /// The concrete machine for an instance's traces; nil where the model does not speak of it.
  func replayer(for instance: Instance) -> Replayer? {
    guard let program = try? Program(model: instance.model) else { return nil }
    return Replayer(program: program)
  }

  private func explicit(_ program: Program, _ instance: Instance, _ findings: inout Findings) {
    let start = ContinuousClock.now
    let engine = ExplicitEngine(program, deadlock: deadlock)
    let report = search(engine, instance)
    let seconds = ProveInvariantsCommand.seconds(since: start)
    findings.search = report
    for question in instance.questions {
      let verdict = engine.verdict(question.property, report)
      add(Opinion(engine: engine.name, verdict: verdict, seconds: seconds), question, program, to: &findings)
    }
  }

  /// The file as it stands is searched to the end, for all properties, covers and vacuity at once; a variant only until
  /// everything that it names is decided.
  private func search(_ engine: ExplicitEngine, _ instance: Instance) -> SearchReport {
    guard instance.variant != nil else { return engine.exhaust(within: budget) }
    let options = SearchOptions(
      stop: .whenDecided(instance.questions.map(\.property)), budget: budget, deadlock: engine.deadlock)
    return BreadthFirstSearch(engine.program, options: options).run()
  }

  /// Adds an opinion; a trace that does not re-execute is a contradiction, whoever made it.
  private func add(_ opinion: Opinion, _ question: Question, _ program: Program, to findings: inout Findings) {
    switch opinion.verdict {
    case .violated(let trace, _), .deadlock(let trace):
      do {
        try TraceChecker(program: program).check(trace, violates: question.property)
      } catch {
        findings.contradictions[question.property] = Contradiction(
          subject: question.name, first: Portfolio.words(opinion),
          second: "re-execution: step \(error.step): \(error.reason)")
      }
    case .vacuous, .proved, .bounded, .unknown, .limit: break
    }
    findings.add(opinion, on: question.property, called: question.name)
  }

  private func limited(_ instance: Instance, _ reason: LimitReason) -> Findings {
    var findings = Findings()
    for question in Question.all(of: instance.model) {
      let opinion = Opinion(engine: "explicit", verdict: .limit(reason, reached: Reached(depth: 0)), seconds: 0)
      findings.add(opinion, on: question.property, called: question.name)
    }
    return findings
  }
}
