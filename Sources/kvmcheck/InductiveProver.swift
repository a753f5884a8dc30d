import Checking
import Diagnostics
import Elaboration
import Engines
import Interchange
import Murphi
import SMT
import TransitionSystems

/// PDR on one instance, and certificates of what it proves.
///
/// A proof that PDR claims counts only once its lemmas, written as Murphi invariants, have been checked without symmetry. Where
/// that fails PDR was wrong, and the verdict is a contradiction.
struct InductiveProver: Sendable {
  /// A decided property.
  struct Result: Sendable {
    var verdict: Verdict
    /// Of what is proved.
    var certificate: CertificateFile?
    /// What kept the proof from holding for every size.
    var remark: String?
    /// Where its lemmas fail at larger sizes, in a line each.
    var explanation: [String] = []
    /// PDR's claim and its refutation, where they exclude each other.
    var contradiction: Contradiction?
  }

  private let instance: Instance
  private let budget: Budget
  /// Whether certificates should have as few lemmas as possible.
  private let isMinimal: Bool
  /// Of PDR's random choices.
  private let seed: UInt64

  /// Is given each certificate as soon as there is one; again where one for every size follows.
  private let keep: @Sendable (CertificateFile, Question) -> Void

  init(
    _ instance: Instance, within budget: Budget, isMinimal: Bool, seed: UInt64,
    keep: @escaping @Sendable (CertificateFile, Question) -> Void
  ) {
    self.instance = instance
    self.budget = budget
    self.isMinimal = isMinimal
    self.seed = seed
    self.keep = keep
  }

  /// Decides the questions, in their order. Throws: only what is nobody's verdict.
  ///
  /// What is proved at the scope's sizes and not for every size is searched again at larger ones, those of the file's scopes first, until
  /// it holds for every size, the attempts are over or the budget is spent. What larger sizes say counts for every size only. Where a
  /// scalarset has a single element and the search takes long, a larger scope comes before its end (`first`).
  ///
  /// Sizes beyond the file's are not searched before the file's own: what is proved there for every size is proved here, and a search
  /// costs the more the more elements there are (sept-teardown with four of each: no end within 300 s, from its default sizes on 9).
  /// That search may take twice `furtherQueries`, at the file's sizes and at larger ones, so that one without an end does not keep the
  /// sizes asked for from being searched at all.
  func decide(_ questions: [Question]) async throws -> [Result] {
    guard let small = instance.atTheFilesSizes() else { return try await decideAtTheseSizes(questions) }
    let keep = keep
    var limited = budget
    limited.queries = min(budget.queries, 2 * Self.furtherQueries)
    let prover = InductiveProver(small, within: limited, isMinimal: isMinimal, seed: seed) { certificate, question in
      if certificate.sizes == .any { keep(certificate, question) }
    }
    var results = try await prover.decideAtTheseSizes(questions, explainsLosses: false)
    let open = results.indices.filter { results[$0].certificate?.sizes != .any && results[$0].contradiction == nil }
    let others = try await decideAtTheseSizes(open.map { questions[$0] })
    for (position, result) in zip(open, others) { results[position] = result }
    return results
  }

  private func decideAtTheseSizes(_ questions: [Question], explainsLosses: Bool = true) async throws -> [Result] {
    if questions.isEmpty { return [] }
    let elaboration: ParameterizedElaboration
    do { elaboration = try ParameterizedElaborator(instance.model).elaborate() } catch {
      let verdict: Verdict =
        error.reason == .cancelled
        ? .limit(.interrupted, reached: Reached(depth: 0)) : .unknown(reason: "\(error.location): \(error.message)")
      return questions.map { _ in Result(verdict: verdict) }
    }
    let leavesSizesOpen =
      Certification.whyNoAnySize(instance.model, elaboration, of: instance.loaded.tree) == nil
    var attempt = Attempt(
      elaboration, budget, seed, openConstants(instance.model.constants), scopes(of: elaboration.system),
      leavesSizesOpen: leavesSizesOpen)
    var results = try await first(questions, &attempt)
    attempt.limitFurtherAttempts()
    let lemmas = attempt.lemmas
    while try await further(questions, &results, &attempt, where: \.isOpenForOtherSizes) {}
    let open = results.indices.filter { results[$0].isOpenForOtherSizes }
    if explainsLosses, !open.isEmpty, leavesSizesOpen, !Task.isCancelled {
      let lost = LostProof(instance, effort: budget.effort)
      let explanations = try await lost.explanations(of: open.map { questions[$0].property }, from: lemmas)
      for (position, explanation) in zip(open, explanations) { results[position].explanation = explanation }
    }
    return results
  }

  /// How many elements there are: by sort, and by constant that says so.
  private struct Scale {
    var bySort: [Int]
    var byConstant: [String: Int]
  }

  /// The values of the constants that are sizes of scalarsets.
  private func openConstants(_ constants: [Constant]) -> [String: Int] {
    let open = ScalarsetSizes(of: instance.loaded.tree).constants
    let sizes = constants.filter { open.contains($0.name) }.compactMap { constant in
      Int(constant.text).map { (constant.name, $0) }
    }
    return Dictionary(uniqueKeysWithValues: sizes)
  }

  /// The sizes of the file's scopes that have no element less of any sort and more of some, smallest first: whoever wrote the model
  /// knows in which proportion its elements do something together.
  private func scopes(of system: ParameterizedSystem) -> [Scale] {
    let current = system.sorts.map(\.size)
    var found: [Scale] = []
    for scope in instance.loaded.plain.model.directives.scopes {
      let named = Set(scope.settings.map(\.name))
      let settings = instance.settings.filter { !named.contains($0.name) } + scope.settings
      guard let model = try? instance.loaded.tree.check(constants: settings).model else { continue }
      let sizes = system.sorts.map { model.scalarsets[$0.declaration].size }
      guard sizes != current, zip(sizes, current).allSatisfy({ $0 >= $1 }),
        !found.contains(where: { $0.bySort == sizes })
      else { continue }
      found.append(Scale(bySort: sizes, byConstant: openConstants(model.constants)))
    }
    return found.sorted { $0.bySort.reduce(0, +) < $1.bySort.reduce(0, +) }
  }

  /// What sizes that nobody asked for may cost together, in queries: sept-teardown, the largest shipped model, takes 24,794 at its scope `large`. (Before
  /// predecessors were told apart it took 71,913 there, and a third search did not end within seven minutes.)
  private static let furtherQueries = 80_000

  /// How often a proof is tried at larger sizes.
  private static let furtherAttempts = 2

  /// What a search with a single element of some scalarset may cost before the file's larger scope is tried, and that one then. Of a single
  /// element nothing tells what holds of it from what holds of each: sept-teardown takes 77,796 queries in its default scope, with one table, and
  /// 24,794 at `large`, with two, where all that it finds holds for every size. The other models take 2,101 at most. (Not from two elements on: at
  /// `large` the scope after it takes ten minutes.)
  private static let firstQueries = 4_000
  private static let firstLargerQueries = 8 * firstQueries

  /// Searches at some sizes, each from the beginning: lemmas of smaller sizes, even where they hold, lead it to statements about numbers.
  private struct Attempt {
    var system: ParameterizedSystem
    let asymmetries: [ElaborationError]
    /// Whether what holds at larger sizes can be said of every size.
    let leavesSizesOpen: Bool
    /// Properties whose certificates are there already.
    var settled: Set<PropertyID> = []
    /// What the last search at the sizes of the scope that proved something found.
    var lemmas: [Certification.Lemma] = []
    private(set) var budget: Budget
    private let seed: UInt64
    /// The sizes of the scope, then those that are tried next.
    private var scales: [Scale]
    /// Which of them the search is at, and how many larger ones were tried.
    private var current = 0
    private var tried = 0
    /// Whether the last search ended because it might not take more of the budget.
    private(set) var isCutOff = false

    init(
      _ elaboration: ParameterizedElaboration, _ budget: Budget, _ seed: UInt64, _ constants: [String: Int],
      _ larger: [Scale], leavesSizesOpen: Bool
    ) {
      system = elaboration.system
      asymmetries = elaboration.asymmetries
      scales = [Scale(bySort: elaboration.system.sorts.map(\.size), byConstant: constants)] + larger
      self.budget = budget
      self.seed = seed
      self.leavesSizesOpen = leavesSizesOpen
    }

    /// The sizes of the search.
    var sizes: Scale { scales[current] }

    /// Whether some scalarset has a single element, and more in the file's next larger scope.
    var isOfSingles: Bool {
      leavesSizesOpen && scales.count > 1 && zip(scales[0].bySort, scales[1].bySort).contains { $0 == 1 && $1 > 1 }
    }

    /// On to the sizes of the file's next larger scope, or one element more of each sort. Returns: whether that may be worth it.
    mutating func grow() -> Bool {
      guard leavesSizesOpen, budget.queries > 0, tried < InductiveProver.furtherAttempts, !Task.isCancelled else {
        return false
      }
      tried += 1
      current = tried
      if current == scales.count {
        let last = scales[current - 1]
        scales.append(Scale(bySort: last.bySort.map { $0 + 1 }, byConstant: last.byConstant.mapValues { $0 + 1 }))
      }
      return true
    }

    /// Back to the sizes of the scope, with this budget. A larger one at which the search was cut off counts as not tried.
    mutating func comeBack(to budget: Budget) {
      if isCutOff, tried > 0 { tried -= 1 }
      current = 0
      self.budget = budget
    }

    /// What larger sizes may cost together, whatever the first search did.
    mutating func limitFurtherAttempts() { budget.queries = min(budget.queries, InductiveProver.furtherQueries) }

    /// Searches, within a part of the budget.
    mutating func search(_ properties: [PropertyID], part: (Int) -> Int) async throws -> PDRResult {
      var budget = budget
      budget.queries = min(budget.queries, part(budget.queries))
      let next = current + 1 < scales.count ? scales[current + 1].bySort : nil
      let found = try await PDR(system, sizes: sizes.bySort, heldAgainst: next, seed: seed).search(
        properties, within: budget)
      let isStopped = found.verdicts.contains { if case .limit(.solverEffort, _) = $0 { true } else { false } }
      isCutOff = isStopped && found.statistics.queries >= budget.queries && budget.queries < self.budget.queries
      if self.budget.queries != .max {
        self.budget.queries -= min(self.budget.queries, found.statistics.queries)
      }
      return found
    }
  }

  /// At the sizes of the scope; where they are too small to tell and that takes long, at those of a larger one first.
  private func first(_ questions: [Question], _ attempt: inout Attempt) async throws -> [Result] {
    guard attempt.isOfSingles else { return try await here(questions, &attempt) }
    var results = try await here(questions, &attempt) { _ in Self.firstQueries }
    if !attempt.isCutOff { return results }
    let budget = attempt.budget
    _ = try await further(questions, &results, &attempt, where: \.isOpen) { min($0, Self.firstLargerQueries) }
    if Task.isCancelled { return results }
    attempt.comeBack(to: budget)
    let open = results.indices.filter { results[$0].isOpen }
    let others = try await here(open.map { questions[$0] }, &attempt)
    for (position, result) in zip(open, others) { results[position] = result }
    return results
  }

  /// At the sizes of the scope.
  private func here(
    _ questions: [Question], _ attempt: inout Attempt, part: (Int) -> Int = { $0 }
  ) async throws -> [Result] {
    if questions.isEmpty { return [] }
    let found = try await attempt.search(questions.map(\.property), part: part)
    var results = found.verdicts.map { Result(verdict: $0) }
    let claimed = results.indices.filter { found.verdicts[$0].isProof }
    if claimed.isEmpty { return results }
    let certified = try await certify(claimed.map { questions[$0] }, found, &attempt, for: [.theseSizes, .anySize])
    for (position, outcome) in zip(claimed, certified.outcomes) {
      results[position] = result(of: outcome, questions[position])
    }
    return results
  }

  /// At larger sizes: what is proved there for every size is the result of those questions that are open still. Returns: whether there was a search.
  private func further(
    _ questions: [Question], _ results: inout [Result], _ attempt: inout Attempt, where isOpen: (Result) -> Bool,
    part: (Int) -> Int = { $0 }
  ) async throws -> Bool {
    let open = results.indices.filter { isOpen(results[$0]) }
    guard !open.isEmpty, attempt.grow() else { return false }
    attempt.settled = Set(results.indices.filter { !open.contains($0) }.map { questions[$0].property })
    // What is proved already helps to prove the others; what is violated here is violated there.
    let asked = results.indices.filter { open.contains($0) || results[$0].verdict.isProof }
    let found = try await attempt.search(asked.map { questions[$0].property }, part: part)
    guard found.verdicts.contains(where: \.isProof) else { return true }
    let lemmas = attempt.lemmas
    let certified = try await certify(asked.map { questions[$0] }, found, &attempt, for: [.anySize])
    attempt.lemmas = lemmas
    for (position, outcome) in zip(asked, certified.outcomes) where open.contains(position) {
      guard case .proved(_, sizes: .any, _) = outcome else { continue }
      results[position] = result(of: outcome, questions[position])
    }
    return true
  }

  /// Checks the lemmas that a search found.
  private func certify(
    _ questions: [Question], _ found: PDRResult, _ attempt: inout Attempt, for forms: Set<Certification.Form>
  ) async throws -> Certification.Certified {
    var writer = LemmaText(
      attempt.system, of: instance.model, store: found.store, avoiding: instance.loaded.tree.identifiers)
    var lemmas: [Certification.Lemma] = []
    var known: Set<String> = []
    for lemma in found.invariant {
      guard let text = writer.text(of: lemma) else {
        let reason = attempt.asymmetries.first.map { "\($0.location): \($0.message)" } ?? "a value without a name"
        let outcome = Certification.Outcome.failed(
          "its lemmas cannot be written in Murphi: \(reason)", isRefuted: false)
        return Certification.Certified(outcomes: questions.map { _ in outcome })
      }
      if known.insert(text).inserted {
        lemmas.append(Certification.Lemma(name: "lemma \(lemmas.count + 1)", text: text))
      }
    }
    let interrupter = Interrupter()
    let certification = Certification(
      instance.loaded.file, constants: instance.settings, effort: budget.effort, interrupter: interrupter)
    attempt.lemmas = lemmas
    let all = lemmas
    let settled = attempt.settled
    let sizes = attempt.sizes.byConstant
    var certified = try await withTaskCancellationHandler {
      try certification.certify(
        questions.map(\.property), from: all, foundAt: sizes, for: forms, isMinimal: isMinimal
      ) {
        guard case .proved(let lemmas, let sizes, _) = $1, !settled.contains(questions[$0].property) else {
          return
        }
        keep(certificate(lemmas, sizes, questions[$0]), questions[$0])
      }
    } onCancel: {
      interrupter.interrupt(because: .cancelled)
    }
    if writer.isGeneral { certified.forgiveRefutations() }
    return certified
  }

  private func result(of outcome: Certification.Outcome, _ question: Question) -> Result {
    switch outcome {
    case .proved(let lemmas, let sizes, let remark):
      return Result(
        verdict: .proved(.certificate(lemmas: lemmas.count), sizes: sizes),
        certificate: certificate(lemmas, sizes, question), remark: remark)
    case .failed(let reason, let isRefuted):
      if Task.isCancelled { return Result(verdict: .limit(.interrupted, reached: Reached(depth: 0))) }
      var result = Result(verdict: .unknown(reason: reason))
      if isRefuted {
        result.contradiction = Contradiction(
          subject: question.name, first: "pdr: proved", second: "the check of its lemmas: \(reason)")
      }
      return result
    }
  }

  /// The certificate's file.
  private func certificate(
    _ lemmas: [Certification.Lemma], _ sizes: Sizes, _ question: Question
  ) -> CertificateFile {
    let free = ScalarsetSizes(of: instance.loaded.tree).constants
    let all = instance.constants.map { ConstantSetting(name: $0.name, value: $0.text) }
    let numbered = lemmas.enumerated().map { Certification.Lemma(name: "lemma \($0 + 1)", text: $1.text) }
    return CertificateFile(
      model: Self.place(of: instance.loaded.location.path), sha256: instance.loaded.sha256,
      constants: all.filter { !free.contains($0.name) },
      sizes: sizes == .any ? .any : .these(all.filter { free.contains($0.name) }), property: question.name,
      foundBy: "pdr", lemmas: numbered)
  }

  /// A shipped model's path from the folder that holds Models/; any other as it is.
  private static func place(of path: String) -> String {
    let parts = path.split(separator: "/")
    guard let folder = parts.lastIndex(of: "Models") else { return path }
    return parts[folder...].joined(separator: "/")
  }
}

extension InductiveProver.Result {
  /// Whether nothing is known yet.
  fileprivate var isOpen: Bool { !verdict.isConclusive && contradiction == nil }

  /// Whether it is proved, but not for every size, and larger sizes may tell more.
  fileprivate var isOpenForOtherSizes: Bool {
    guard case .proved(_, sizes: .thisScope) = verdict else { return false }
    return remark != nil
  }
}

extension Verdict {
  /// Whether it says that a property holds.
  fileprivate var isProof: Bool {
    switch self {
    case .proved: true
    case .violated, .deadlock, .vacuous, .bounded, .unknown, .limit: false
    }
  }
}
