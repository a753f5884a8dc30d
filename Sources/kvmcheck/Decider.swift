import Checking
import Elaboration
import Engines
import Execution
import ExplicitState
import Murphi
import Replay
import Synchronization
import TransitionSystems

/// Asks the engines about an instance, in the fixed order, and checks every trace before anybody sees it.
///
/// Budgets are counts, so the same instance gives the same answers on every machine.
struct Decider: Sendable {
  let engine: DecisionOptions.EngineChoice
  /// For the explicit search.
  let budget: Budget
  /// How far BMC unrolls when nobody has concluded; nil means the engine's default.
  let depth: Int?
  /// For k-induction.
  let paths: KInduction.Paths
  /// Of random choices.
  let seed: UInt64
  /// Where certificates go; nil if they are not asked for.
  let proofs: ProofFolder?
  /// Where certificates lie already; nil if they are not to be looked at.
  let stored: ProofFolder?

  /// States that `auto` lets the explicit search store before it leaves the question to the solver.
  static let stateBudget = 8_000_000

  /// Z3's `rlimit` per query: for an answer, and for a second opinion.
  static let effort: UInt32 = 400_000_000
  static let secondOpinionEffort: UInt32 = 2_000_000

  /// Questions that `auto` lets PDR ask.
  static let queryBudget = 60_000

  init(options: CommonOptions, jobs: Int, proofs: ProofFolder? = nil, stored: ProofFolder? = nil) {
    self.proofs = proofs
    self.stored = stored
    engine = options.decision.engine
    seed = options.seed
    depth = options.decision.depth
    switch options.decision.paths {
    case .any: paths = .any
    case .simple: paths = .simple
    }
    let bytes = options.run.memory.map { $0.bytes / jobs } ?? .max
    budget = Budget(states: engine == .auto ? Self.stateBudget : .max, bytes: bytes)
  }

  /// Everything that can be found out about an instance.
  ///
  /// Throws: only what is nobody's verdict (our own bug).
  func decide(_ instance: Instance) async throws -> Findings {
    var findings = Findings()
    // Compiling what nobody will search any more is what a stopped command would spend its last seconds on.
    if Task.isCancelled { return findings }
    let program: Program
    do { program = try Program(model: instance.model) } catch {
      return limited(instance, .enumeration(error.what))
    }
    switch engine {
    case .explicit: explicit(program, instance, &findings)
    case .bmc: try await symbolic(program, instance, [.bmc], &findings)
    case .kInduction: try await symbolic(program, instance, [.kInduction], &findings)
    case .pdr: try await inductive(program, instance, &findings)
    case .auto:
      explicit(program, instance, &findings)
      try await symbolic(program, instance, [.bmc, .kInduction], &findings)
      try await inductive(program, instance, &findings)
    }
    return findings
  }

  /// The explicit search alone, for coverage; nil where the model cannot be enumerated.
  func search(_ instance: Instance) async -> SearchReport? {
    guard let program = Self.program(of: instance) else { return nil }
    return search(ExplicitEngine(program), instance)
  }

  /// The concrete machine for an instance's traces; nil where there are none, or the model does not speak of it.
  func replayer(for instance: Instance, _ findings: Findings) -> Replayer? {
    guard findings.hasTrace, let program = Self.program(of: instance) else { return nil }
    return Replayer(program: program)
  }

  /// The engines that ask Z3.
  private enum Symbolic {
    case bmc
    case kInduction
  }

  /// Asks the symbolic engines. Where the explicit search has concluded already they give a second opinion within a small
  /// effort: BMC on what is violated, as deep as the trace; k-induction on what is proved. Otherwise they are the answer.
  private func symbolic(
    _ program: Program, _ instance: Instance, _ engines: [Symbolic], _ findings: inout Findings
  ) async throws {
    let questions = instance.questions.filter(\.isSymbolic)
    guard !questions.isEmpty, !Task.isCancelled else { return }
    let first = engines.first == .bmc ? "bmc" : "k-induction"
    if isVacuous(program, questions, first, &findings) { return }
    let isBase = instance.variant == nil
    guard
      engines.contains(where: { engine in
        questions.contains { isWorthAsking(engine, $0.property, findings, isBase: isBase) }
      })
    else { return }
    let system: TransitionSystem
    do { system = try Elaborator(instance.model).elaborateWithRepresentatives().system } catch {
      return refuse(error, questions, program, engines, &findings)
    }
    for engine in engines {
      let open = questions.filter { isWorthAsking(engine, $0.property, findings, isBase: isBase) }
      guard !open.isEmpty, !Task.isCancelled else { continue }
      let start = ContinuousClock.now
      let name: String
      let verdicts: [Verdict]
      switch engine {
      case .bmc:
        let bmc = BMC(system)
        name = bmc.name
        verdicts = try await bmc.decide(open.map(\.property), within: bounds(.bmc, open, findings))
      case .kInduction:
        let induction = KInduction(system, paths: paths)
        name = induction.name
        verdicts = try await induction.decide(open.map(\.property), within: bounds(.kInduction, open, findings))
      }
      let seconds = ProveInvariantsCommand.seconds(since: start)
      for (question, verdict) in zip(open, verdicts) {
        add(Opinion(engine: name, verdict: verdict, seconds: seconds), question, program, to: &findings)
      }
    }
  }

  /// Asks PDR: where it is the engine asked for, where nobody has concluded, and where what is proved for the scope may hold for
  /// every size of its scalarsets.
  private func inductive(_ program: Program, _ instance: Instance, _ findings: inout Findings) async throws {
    if engine == .auto, proofs == nil { try await recheck(program, instance, &findings) }
    let questions = instance.questions.filter { question in
      guard question.isSymbolic, findings.certificates[question.property] == nil else { return false }
      return engine == .pdr || isWorthAsking(question.property, findings, instance)
    }
    guard !questions.isEmpty, !Task.isCancelled else { return }
    if isVacuous(program, questions, "pdr", &findings) { return }
    let budget = Budget(depth: depth ?? 1_000, effort: Self.effort, queries: engine == .pdr ? .max : Self.queryBudget)
    let start = ContinuousClock.now
    // Saved when it is found, and not when the last one is: whatever kills the command leaves the finished ones.
    let failures = Mutex<[PropertyID: ConsoleError]>([:])
    let prover = InductiveProver(instance, within: budget, isMinimal: proofs != nil, seed: seed) {
      certificate, question in
      guard proofs?.tellsApart(question.name) == true else { return }
      do throws(ConsoleError) {
        _ = try proofs?.save(certificate, model: instance.loaded.location.name)
      } catch {
        failures.withLock { $0[question.property] = error }
      }
    }
    let results = try await prover.decide(questions)
    let seconds = ProveInvariantsCommand.seconds(since: start)
    for (question, result) in zip(questions, results) {
      add(Opinion(engine: "pdr", verdict: result.verdict, seconds: seconds), question, program, to: &findings)
      findings.remarks[question.property] = result.remark
      findings.explanations[question.property] = result.explanation
      if let contradiction = result.contradiction { findings.contradictions[question.property] = contradiction }
      guard let proofs, result.certificate != nil, proofs.tellsApart(question.name) else { continue }
      if let failure = failures.withLock({ $0[question.property] }) {
        findings.unwritten.append(failure)
      } else {
        findings.certificates[question.property] = proofs.file(
          model: instance.loaded.location.name, property: question.name)
      }
    }
  }

  /// Whether nobody has looked yet and there is no start state: then that is the engine's answer to every question.
  private func isVacuous(
    _ program: Program, _ questions: [Question], _ engine: String, _ findings: inout Findings
  ) -> Bool {
    guard findings.search == nil, !TraceChecker(program: program).hasStart() else { return false }
    for question in questions {
      add(Opinion(engine: engine, verdict: .vacuous(.noStartState), seconds: 0), question, program, to: &findings)
    }
    return true
  }

  /// Checks the certificates that lie there for what PDR would be asked.
  private func recheck(_ program: Program, _ instance: Instance, _ findings: inout Findings) async throws {
    guard let stored else { return }
    let proofs = StoredProofs(stored, effort: Self.effort)
    for question in instance.questions where question.isSymbolic {
      guard isWorthAsking(question.property, findings, instance), !Task.isCancelled else { continue }
      let start = ContinuousClock.now
      guard let result = try await proofs.result(for: question, of: instance) else { continue }
      let seconds = ProveInvariantsCommand.seconds(since: start)
      add(Opinion(engine: "pdr", verdict: result.verdict, seconds: seconds), question, program, to: &findings)
      if let contradiction = result.contradiction { findings.contradictions[question.property] = contradiction }
      findings.certificates[question.property] = result.path
    }
  }

  /// Whether PDR could still say something in the fixed order of `auto`.
  private func isWorthAsking(_ property: PropertyID, _ findings: Findings, _ instance: Instance) -> Bool {
    switch findings.answer(property)?.verdict {
    case nil, .bounded, .unknown, .limit: true
    case .proved(_, sizes: .thisScope):
      instance.variant == nil && (proofs != nil || !instance.model.scalarsets.isEmpty)
    case .proved(_, sizes: .any), .violated, .deadlock, .vacuous: false
    }
  }

  /// A model that has no finite terms within the limits: the explicit search stays the only opinion.
  private func refuse(
    _ error: ElaborationError, _ questions: [Question], _ program: Program, _ engines: [Symbolic],
    _ findings: inout Findings
  ) {
    let verdict: Verdict =
      error.reason == .cancelled
      ? .limit(.interrupted, reached: Reached(depth: 0)) : .unknown(reason: "\(error.location): \(error.message)")
    for question in questions {
      add(
        Opinion(engine: engines.first == .bmc ? "bmc" : "k-induction", verdict: verdict, seconds: 0), question, program,
        to: &findings)
    }
  }

  /// Whether an engine could still say something: always where nobody has concluded; as a second opinion on a violation (BMC) or
  /// on a proof of the file as it stands (k-induction).
  private func isWorthAsking(
    _ engine: Symbolic, _ property: PropertyID, _ findings: Findings, isBase: Bool
  ) -> Bool {
    switch (engine, findings.answer(property)?.verdict) {
    case (_, nil), (_, .bounded), (_, .unknown), (_, .limit): true
    case (.bmc, .violated): true
    case (.kInduction, .proved): isBase
    case (_, .violated), (_, .deadlock), (_, .vacuous), (_, .proved): false
    }
  }

  /// Unrolling depth and solver effort for an engine's questions.
  private func bounds(_ engine: Symbolic, _ questions: [Question], _ findings: Findings) -> Budget {
    let verdicts = questions.map { findings.answer($0.property)?.verdict }
    let isSecondOpinion = verdicts.allSatisfy { $0?.isConclusive ?? false }
    var deepest = 0
    for case .violated(let trace, _)? in verdicts { deepest = max(deepest, trace.depth) }
    var budget = self.budget
    switch (engine, isSecondOpinion) {
    case (.bmc, true): budget.depth = deepest
    case (.bmc, false): budget.depth = max(depth ?? 30, deepest)
    case (.kInduction, true): budget.depth = 2
    case (.kInduction, false): budget.depth = depth ?? 10
    }
    budget.effort = isSecondOpinion ? Self.secondOpinionEffort : Self.effort
    return budget
  }

  /// The compiled model; nil where a range is too wide to enumerate, which `decide` has said already.
  private static func program(of instance: Instance) -> Program? {
    do { return try Program(model: instance.model) } catch { return nil }
  }

  private func explicit(_ program: Program, _ instance: Instance, _ findings: inout Findings) {
    let start = ContinuousClock.now
    let engine = ExplicitEngine(program)
    let report = search(engine, instance)
    let seconds = ProveInvariantsCommand.seconds(since: start)
    findings.search = report
    for question in instance.questions {
      let verdict = engine.verdict(question.property, report)
      add(Opinion(engine: engine.name, verdict: verdict, seconds: seconds), question, program, to: &findings)
    }
  }

  /// The file as it stands is searched to the end, for all properties, covers and vacuity at once; a variant only until
  /// everything that it names is decided, which that something is unreachable is at the end alone.
  private func search(_ engine: ExplicitEngine, _ instance: Instance) -> SearchReport {
    guard let variant = instance.variant, !variant.saysUnreachable else { return engine.exhaust(within: budget) }
    let options = SearchOptions(
      stop: .whenDecided(instance.questions.map(\.property)), budget: budget, deadlock: engine.deadlock)
    return BreadthFirstSearch(engine.program, options: options).run()
  }

  /// Adds an opinion; a trace that does not re-execute is a contradiction, whoever made it.
  private func add(_ raw: Opinion, _ question: Question, _ program: Program, to findings: inout Findings) {
    let opinion = Self.completed(raw, program)
    switch opinion.verdict {
    case .violated(let trace, _), .deadlock(let trace):
      do {
        try TraceChecker(program: program).check(trace, violates: question.property)
      } catch  where error.isInterruption {
        let unchecked = Opinion(
          engine: raw.engine, verdict: .limit(.interrupted, reached: Reached(depth: 0)), seconds: raw.seconds)
        return findings.add(unchecked, on: question.property, called: question.name)
      } catch {
        findings.contradictions[question.property] = Contradiction(
          subject: question.name, first: Portfolio.words(opinion),
          second: "re-execution: step \(error.step): \(error.reason)")
      }
    case .vacuous, .proved, .bounded, .unknown, .limit: break
    }
    findings.add(opinion, on: question.property, called: question.name)
  }

  /// An opinion whose trace says how far a failing body came, as the explicit search's do.
  private static func completed(_ opinion: Opinion, _ program: Program) -> Opinion {
    guard case .violated(let trace, let shortest) = opinion.verdict, trace.failure != nil else { return opinion }
    let whole = TraceChecker(program: program).completed(trace)
    return Opinion(
      engine: opinion.engine, verdict: .violated(whole, shortest: shortest), seconds: opinion.seconds)
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

extension VariantDeclaration {
  /// Whether it expects that some rule or cover is never reached.
  fileprivate var saysUnreachable: Bool {
    outcomes.contains {
      if case .unreachable = $0 { true } else { false }
    }
  }
}
