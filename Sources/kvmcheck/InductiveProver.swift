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
  /// it holds for every size, the attempts are over or the budget is spent. What larger sizes say counts for every size only.
  ///
  /// Sizes beyond the file's are not searched before the file's own: what is proved there for every size is proved here, and a search
  /// costs the more the more elements there are (sept-teardown with four of each: no end within 300 s, from its default sizes on 27).
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
    var attempt = Attempt(
      elaboration, budget, seed, openConstants(instance.model.constants), scopes(of: elaboration.system))
    var results = try await first(questions, &attempt)
    attempt.limitFurtherAttempts()
    let lemmas = attempt.lemmas
    for _ in 0..<Self.furtherAttempts {
      let open = results.indices.filter { results[$0].isOpenForOtherSizes }
      guard !open.isEmpty, attempt.grow(), !Task.isCancelled else { break }
      attempt.settled = Set(results.indices.filter { !open.contains($0) }.map { questions[$0].property })
      let outcomes = try await further(questions, &attempt)
      for position in open {
        guard case .proved(_, sizes: .any, _) = outcomes[position] else { continue }
        results[position] = result(of: outcomes[position], questions[position])
      }
    }
    let open = results.indices.filter { results[$0].isOpenForOtherSizes }
    if explainsLosses, !open.isEmpty, attempt.leavesSizesOpen, !Task.isCancelled {
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

  /// What sizes that nobody asked for may cost together, in queries: sept-teardown, the largest shipped model, takes 26,915 at its scope `large`. (Before
  /// predecessors were told apart it took 71,913 there, and a third search did not end within seven minutes.)
  private static let furtherQueries = 80_000

  /// How often a proof is tried at larger sizes.
  private static let furtherAttempts = 2

  /// A search at some sizes, from the beginning: lemmas of smaller sizes, even where they hold, lead it to statements about numbers.
  private struct Attempt {
    var system: ParameterizedSystem
    let asymmetries: [ElaborationError]
    var sizes: Scale
    var leavesSizesOpen = false
    /// Properties whose certificates are there already.
    var settled: Set<PropertyID> = []
    /// What the last search that proved something found.
    var lemmas: [Certification.Lemma] = []
    var budget: Budget
    let seed: UInt64
    /// Sizes to be tried next, in this order.
    private var next: [Scale]

    init(
      _ elaboration: ParameterizedElaboration, _ budget: Budget, _ seed: UInt64, _ constants: [String: Int],
      _ next: [Scale]
    ) {
      system = elaboration.system
      asymmetries = elaboration.asymmetries
      sizes = Scale(bySort: elaboration.system.sorts.map(\.size), byConstant: constants)
      self.budget = budget
      self.seed = seed
      self.next = next
    }

    /// On to the sizes of the file's next larger scope, or one element more of each sort. Returns: whether that may be worth it.
    mutating func grow() -> Bool {
      let more = Scale(bySort: sizes.bySort.map { $0 + 1 }, byConstant: sizes.byConstant.mapValues { $0 + 1 })
      sizes = next.isEmpty ? more : next.removeFirst()
      return leavesSizesOpen && budget.queries > 0
    }

    /// What larger sizes may cost together, whatever the first search did.
    mutating func limitFurtherAttempts() { budget.queries = min(budget.queries, InductiveProver.furtherQueries) }

    /// Searches.
    mutating func search(_ properties: [PropertyID]) async throws -> PDRResult {
      let found = try await PDR(system, sizes: sizes.bySort, heldAgainst: next.first?.bySort, seed: seed).search(
        properties, within: budget)
      if budget.queries != .max { budget.queries -= min(budget.queries, found.statistics.queries) }
      return found
    }
  }

  /// At the sizes of the scope.
  private func first(_ questions: [Question], _ attempt: inout Attempt) async throws -> [Result] {
    let found = try await attempt.search(questions.map(\.property))
    var results = found.verdicts.map { Result(verdict: $0) }
    let claimed = results.indices.filter { found.verdicts[$0].isProof }
    if claimed.isEmpty { return results }
    let certified = try await certify(claimed.map { questions[$0] }, found, &attempt, for: [.theseSizes, .anySize])
    attempt.leavesSizesOpen = certified.leavesSizesOpen
    for (position, outcome) in zip(claimed, certified.outcomes) {
      results[position] = result(of: outcome, questions[position])
    }
    return results
  }

  /// At larger sizes, for every size.
  private func further(
    _ questions: [Question], _ attempt: inout Attempt
  ) async throws -> [Certification.Outcome] {
    let found = try await attempt.search(questions.map(\.property))
    guard found.verdicts.contains(where: \.isProof) else {
      return questions.map { _ in .failed("not proved at larger sizes", isRefuted: false) }
    }
    let certified = try await certify(questions, found, &attempt, for: [.anySize])
    return certified.outcomes
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
        return Certification.Certified(outcomes: questions.map { _ in outcome }, leavesSizesOpen: false)
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
