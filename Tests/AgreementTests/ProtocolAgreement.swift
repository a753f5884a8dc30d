import Checking
import Diagnostics
import Elaboration
import Engines
import Execution
import ExplicitState
import Murphi
import TestSupport
import TransitionSystems

/// One random protocol under PDR, k-induction, BMC and explicit search; PDR's proofs checked, at larger sizes too.
struct ProtocolAgreement {
  /// A model larger than this is replaced by the next try of its seed; a smaller or shallower one, and one whose candidates are all
  /// inductive or soon violated, are, too.
  static let states = 200...100_000
  /// The same in CI; a search at larger sizes there visits as many.
  static let statesInCI = 4_000
  static let diameter = 6
  /// Properties that are proposed, and that are kept of either kind.
  static let candidates = 24
  static let kept = 2
  /// What an explicit search at larger sizes may visit.
  static let largerStates = 60_000
  static let budget = Budget(depth: 200, effort: 20_000_000, queries: 20_000)
  static let boundedDepth = 6

  /// What was compared.
  struct Figures {
    var models = 0
    var states = 0
    var properties = 0
    var violated = 0
    var deepest = 0
    var byBMC = 0
    var byInduction = 0
    var proved = 0
    /// By PDR and not by k-induction.
    var beyondInduction = 0
    var lemmas = 0
    var anySize = 0
    var largerSearches = 0
    var notConcluded = 0
    var withErrors = 0
    /// Models that tell elements apart, by order of a loop; lemmas that name elements have no text.
    var asymmetric = 0

    var text: String {
      """
      \(models) protocols, \(states) states, \(withErrors) with run-time errors, \(asymmetric) that tell elements \
      apart; \(properties) properties: \
      \(violated) violated (\(deepest) deep, \(byBMC) within BMC's depth), \
      \(proved) proved by PDR (\(byInduction) by k-induction, \(beyondInduction) by PDR alone), \(anySize) for any size \
      (\(largerSearches) searches at larger sizes), \(lemmas) lemmas, \(notConcluded) not concluded
      """
    }

    static func += (one: inout Figures, other: Figures) {
      one.models += other.models
      one.states += other.states
      one.properties += other.properties
      one.violated += other.violated
      one.deepest = max(one.deepest, other.deepest)
      one.byBMC += other.byBMC
      one.byInduction += other.byInduction
      one.proved += other.proved
      one.beyondInduction += other.beyondInduction
      one.lemmas += other.lemmas
      one.anySize += other.anySize
      one.largerSearches += other.largerSearches
      one.notConcluded += other.notConcluded
      one.withErrors += other.withErrors
      one.asymmetric += other.asymmetric
    }
  }

  let seed: UInt64
  private let largerStates: Int
  let protocolOfSeed: RandomProtocol
  /// Candidates that became properties.
  let chosen: [Int]
  let model: TypedModel
  let program: Program
  let report: SearchReport

  /// The protocol of a seed: the first of its tries that has neither too few states nor too many.
  ///
  /// `largest` bounds its states.
  init(seed: UInt64, largest: Int = Self.states.upperBound) async throws {
    self.seed = seed
    largerStates = min(Self.largerStates, largest)
    for attempt in 0..<UInt64(1000) {
      let one = RandomProtocol(seed: seed &* 1000 &+ attempt, candidates: Self.candidates)
      let first = try Self.search(one.text(.candidates), states: largest)
      guard first.report.isExhaustive, Self.states.contains(first.report.states),
        first.report.diameter >= Self.diameter, let kept = try await Self.choose(first.model, first.report)
      else { continue }
      protocolOfSeed = one
      chosen = kept
      (model, program, report) = try Self.search(one.text(.properties(chosen)))
      return
    }
    throw Disagreement("seed \(seed): no protocol of a fitting size")
  }

  /// The model's text.
  var text: String { protocolOfSeed.text(.properties(chosen)) }

  private static func checked(_ text: String, _ constants: [ConstantSetting] = []) throws -> TypedModel {
    try SyntaxTree.parse(SourceFile(name: "protocol.m", text: text)).check(constants: constants).model
  }

  private static func search(
    _ text: String, _ constants: [ConstantSetting] = [], states: Int = Self.states.upperBound
  ) throws -> (model: TypedModel, program: Program, report: SearchReport) {
    let model = try checked(text, constants)
    let program = try Program(model: model)
    let options = SearchOptions(stop: .whenExhausted, budget: Budget(states: states), deadlock: .off)
    return (model, program, BreadthFirstSearch(program, options: options).run())
  }

  /// Candidates that hold though their premises come true, those first that are not inductive, and those that are violated latest. Nil
  /// if none is not inductive.
  private static func choose(_ model: TypedModel, _ report: SearchReport) async throws -> [Int]? {
    let hits = report.covers.map(\.hits)
    let holding = (0..<candidates).filter { hits[$0] > 0 && report.trace(of: .invariant($0)) == nil }
    guard !holding.isEmpty else { return nil }
    let system = try Elaborator(model).elaborate().system
    let verdicts = try await KInduction(system)
      .decide(holding.map { .invariant($0) }, within: Budget(depth: 1))
    let hard = zip(holding, verdicts).filter { if case .proved = $0.1 { false } else { true } }.map(\.0)
    if hard.isEmpty { return nil }
    let easy = holding.filter { !hard.contains($0) }
    let violated = (0..<candidates).compactMap { index in
      report.trace(of: .invariant(index)).map { (depth: $0.depth, index: index) }
    }.sorted { ($1.depth, $0.index) < ($0.depth, $1.index) }
    return ((hard + easy).prefix(kept) + violated.prefix(kept).map(\.index)).sorted()
  }

  var properties: [PropertyID] { model.properties.indices.map { .invariant($0) } + [.runTimeErrors] }

  /// The fewest transitions that violate a property.
  func depth(_ property: PropertyID) -> Int? { report.trace(of: property)?.depth }

  /// Compares everything but rumur. Throws: `Disagreement`, and what should never be thrown.
  func compare(_ form: RulesetForm) async throws -> Figures {
    var figures = Figures()
    figures.models = 1
    figures.states = report.states
    figures.properties = properties.count
    figures.violated = properties.count { depth($0) != nil }
    figures.deepest = properties.compactMap { depth($0) }.max() ?? 0
    if depth(.runTimeErrors) != nil { figures.withErrors = 1 }
    var options = ElaborationOptions()
    options.rulesets = form
    let system = try Elaborator(model, options: options).elaborate().system
    figures.byBMC = try await compareBMC(system)
    let represented = try Elaborator(model, options: options).elaborateWithRepresentatives().system
    if try await compareBMC(represented) != figures.byBMC { throw Disagreement("representatives lose a violation") }
    let inductive = try await compareInduction(system, &figures)
    try await comparePDR(provedOtherwise: inductive, &figures)
    return figures
  }

  /// Returns: how many properties are violated.
  private func compareBMC(_ system: TransitionSystem) async throws -> Int {
    var violated = 0
    let verdicts = try await BMC(system).decide(properties, within: Budget(depth: Self.boundedDepth))
    for (property, verdict) in zip(properties, verdicts) {
      switch verdict {
      case .violated(let trace, shortest: true) where trace.depth == depth(property):
        try check(trace, property, "BMC")
        violated += 1
      case .bounded(Self.boundedDepth) where (depth(property) ?? .max) > Self.boundedDepth: continue
      default: throw differs(property, "BMC", verdict)
      }
    }
    return violated
  }

  /// Returns: what k-induction proves.
  private func compareInduction(_ system: TransitionSystem, _ figures: inout Figures) async throws -> Set<PropertyID> {
    var proved: Set<PropertyID> = []
    let verdicts = try await KInduction(system).decide(properties, within: Budget(depth: 2))
    for (property, verdict) in zip(properties, verdicts) {
      switch verdict {
      case .violated(let trace, shortest: _) where trace.depth == depth(property):
        try check(trace, property, "k-induction")
      case .proved where depth(property) == nil: proved.insert(property)
      case .bounded(let bound) where (depth(property) ?? .max) > bound: continue
      default: throw differs(property, "k-induction", verdict)
      }
    }
    figures.byInduction += proved.count
    return proved
  }

  private func comparePDR(provedOtherwise: Set<PropertyID>, _ figures: inout Figures) async throws {
    let elaboration = try ParameterizedElaborator(model).elaborate()
    let system = elaboration.system
    if !elaboration.asymmetries.isEmpty { figures.asymmetric += 1 }
    let found = try await PDR(system).search(properties, within: Self.budget)
    var claimed: [PropertyID] = []
    for (property, verdict) in zip(properties, found.verdicts) {
      switch verdict {
      case .violated(let trace, shortest: true) where trace.depth == depth(property): try check(trace, property, "PDR")
      case .proved where depth(property) == nil: claimed.append(property)
      case .limit where depth(property) == nil: figures.notConcluded += 1
      default: throw differs(property, "PDR", verdict)
      }
    }
    figures.proved += claimed.count
    figures.beyondInduction += claimed.count { !provedOtherwise.contains($0) }
    guard !claimed.isEmpty else { return }
    guard let lemmas = try lemmas(found, system, isAsymmetric: !elaboration.asymmetries.isEmpty) else { return }
    figures.lemmas += lemmas.count
    var certified = try certify(lemmas, claimed)
    // Of single elements the text says more than the lemma: it may be false.
    if !elaboration.asymmetries.isEmpty { certified.forgiveRefutations() }
    for (property, outcome) in zip(claimed, certified.outcomes) {
      guard case .proved(let lemmas, let sizes, _) = outcome else {
        if case .failed(_, isRefuted: false) = outcome, !elaboration.asymmetries.isEmpty { continue }
        throw Disagreement("\(property): PDR says proved, the check of its lemmas: \(outcome)")
      }
      try recheck(lemmas, sizes, property)
    }
    var anySize = Set(zip(claimed, certified.outcomes).filter { $0.1.isForAnySize }.map(\.0))
    let tree = try SyntaxTree.parse(SourceFile(name: "protocol.m", text: text))
    if anySize.count < claimed.count, Certification.whyNoAnySize(model, elaboration, of: tree) == nil {
      anySize.formUnion(try await atLargerSizes(claimed.filter { !anySize.contains($0) }, system))
    }
    figures.anySize += anySize.count
    if !anySize.isEmpty { figures.largerSearches += try searchLarger(anySize) }
  }

  /// What a search at the next sizes proves for every size, as `prove` goes on.
  private func atLargerSizes(
    _ open: [PropertyID], _ system: ParameterizedSystem
  ) async throws -> [PropertyID] {
    let again = try await PDR(system, sizes: system.sorts.map { $0.size + 1 }).search(open, within: Self.budget)
    let proved = zip(open, again.verdicts).filter { if case .proved = $0.1 { true } else { false } }.map(\.0)
    guard !proved.isEmpty, let lemmas = try lemmas(again, system, isAsymmetric: false) else { return [] }
    let outcomes = try certify(lemmas, proved, for: [.anySize]).outcomes
    return zip(proved, outcomes).filter { $0.1.isForAnySize }.map(\.0)
  }

  /// The lemmas' texts; nil if one has none because the model tells elements apart.
  private func lemmas(_ found: PDRResult, _ system: ParameterizedSystem, isAsymmetric: Bool) throws
    -> [Certification.Lemma]?
  {
    let tree = try SyntaxTree.parse(SourceFile(name: "protocol.m", text: text))
    var writer = LemmaText(system, of: model, store: found.store, avoiding: tree.identifiers)
    var lemmas: [Certification.Lemma] = []
    for (number, lemma) in found.invariant.enumerated() {
      guard let text = writer.text(of: lemma) else {
        if isAsymmetric { return nil }
        throw Disagreement("lemma \(number) has no text")
      }
      lemmas.append(Certification.Lemma(name: "lemma \(number + 1)", text: text))
    }
    return lemmas
  }

  private func certify(
    _ lemmas: [Certification.Lemma], _ properties: [PropertyID],
    for forms: Set<Certification.Form> = [.theseSizes, .anySize]
  ) throws -> Certification.Certified {
    let file = SourceFile(name: "protocol.m", text: text)
    return try Certification(file, constants: [], effort: Self.budget.effort)
      .certify(properties, from: lemmas, for: forms, isMinimal: true)
  }

  /// The certificate by itself, from its text; with a violated property in the place of its own it must be refused.
  private func recheck(_ lemmas: [Certification.Lemma], _ sizes: Sizes, _ property: PropertyID) throws {
    let free = Set(["A_SIZE", "B_SIZE", "C_SIZE"])
    let values = model.constants.map { ConstantSetting(name: $0.name, value: $0.text) }
    let certificate = CertificateFile(
      model: "protocol.m", sha256: "0", constants: values.filter { !free.contains($0.name) },
      sizes: sizes == .any ? .any : .these(values.filter { free.contains($0.name) }), property: "p", foundBy: "pdr",
      lemmas: lemmas)
    let read = try CertificateFile(parsing: certificate.text)
    if read != certificate { throw Disagreement("\(property): the certificate reads otherwise than it was written") }
    for asked in [property] + properties.filter({ depth($0) != nil }).prefix(1) {
      let checker = try CertificateChecker(read, of: SourceFile(name: "protocol.m", text: text)) { _ in asked }
      var failure: String?
      for form in try checker.forms() {
        if failure == nil { failure = try checker.check(form, effort: Self.budget.effort)?.reason }
      }
      if asked == property, let failure { throw Disagreement("\(property): the certificate fails: \(failure)") }
      if asked != property, failure == nil { throw Disagreement("a certificate of \(asked), which is violated") }
    }
  }

  /// Explicit search at larger sizes, one sort and all sorts. Returns: how many searches.
  private func searchLarger(_ proved: Set<PropertyID>) throws -> Int {
    let sizes = protocolOfSeed.sizes
    for step in [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]] {
      let constants = zip(["A_SIZE", "B_SIZE", "C_SIZE"], zip(sizes, step)).map {
        ConstantSetting(name: $0, value: "\($1.0 + $1.1)")
      }
      let report = try Self.search(text, constants, states: largerStates).report
      for property in proved {
        if let trace = report.trace(of: property) {
          throw Disagreement("\(property): proved for any size, violated at depth \(trace.depth) with \(constants)")
        }
      }
    }
    return 4
  }

  private func check(_ trace: Trace, _ property: PropertyID, _ engine: String) throws {
    do throws(TraceRejection) {
      let checker = TraceChecker(program: program)
      try checker.check(checker.completed(trace), violates: property)
    } catch {
      throw Disagreement("\(property): \(engine)'s trace is no evidence: step \(error.step): \(error.reason)")
    }
  }

  private func differs(_ property: PropertyID, _ engine: String, _ verdict: Verdict) -> Disagreement {
    let words: String
    if case .violated(let trace, let shortest) = verdict {
      words = "violated at depth \(trace.depth), shortest: \(shortest)"
    } else {
      words = "\(verdict)"
    }
    return Disagreement(
      "\(property): \(depth(property).map { "violated at depth \($0)" } ?? "holds"), \(engine): \(words)")
  }

  /// Compares many with rumur in one compile: states, rules fired, and in how many states each property is violated. Those whose
  /// evaluation fails go by themselves, because rumur stops there.
  static func compareRumur(_ all: [ProtocolAgreement], optimisation: Int) throws {
    for one in all where one.depth(.runTimeErrors) != nil {
      let theirs = try RumurRunner().check(one.text)
      guard theirs.errors > 0 else { throw Disagreement("seed \(one.seed): rumur finds no run-time error") }
    }
    let clean = all.filter { $0.depth(.runTimeErrors) == nil }
    guard !clean.isEmpty else { return }
    let text = RandomProtocol.text(of: clean.map { ($0.protocolOfSeed, $0.chosen) })
    let options = ["--deadlock-detection=off", "--set-capacity=\(64 << 20)"]
    let theirs = try RumurRunner(options: options, optimisation: optimisation).check(text)
    let hits = clean.flatMap { $0.report.covers.map(\.hits) }
    // A cover that is never hit is an error to rumur: those are the properties that hold.
    guard theirs.errors == hits.count(where: { $0 == 0 }) else { throw Disagreement("rumur: \(theirs.output)") }
    let states = clean.reduce(0) { $0 + $1.report.states }
    let fired = clean.reduce(0) { $0 + $1.report.rulesFired }
    guard (states, fired) == (theirs.states, theirs.rulesFired), hits.filter({ $0 > 0 }) == theirs.covers else {
      let seeds = "\(clean.first?.seed ?? 0) to \(clean.last?.seed ?? 0)"
      throw Disagreement(
        "seeds \(seeds): \(states) states, \(fired) fired; rumur: \(theirs.states), \(theirs.rulesFired); covers \(hits), "
          + "rumur: \(theirs.covers)")
    }
  }
}

extension Certification.Outcome {
  /// Whether it is proved for every size.
  fileprivate var isForAnySize: Bool {
    if case .proved(_, sizes: .any, _) = self { true } else { false }
  }
}
