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
    /// PDR's claim and its refutation, where they exclude each other.
    var contradiction: Contradiction?
  }

  private let instance: Instance
  private let budget: Budget
  /// Whether certificates should have as few lemmas as possible.
  private let isMinimal: Bool

  init(_ instance: Instance, within budget: Budget, isMinimal: Bool) {
    self.instance = instance
    self.budget = budget
    self.isMinimal = isMinimal
  }

  /// Decides the questions, in their order. Throws: only what is nobody's verdict.
  ///
  /// What is proved at the scope's sizes and not for every size is searched again at larger ones, knowing what was learned, until
  /// it holds for every size, the attempts are over or the budget is spent. What larger sizes say counts for every size only.
  func decide(_ questions: [Question]) async throws -> [Result] {
    let elaboration: ParameterizedElaboration
    do { elaboration = try ParameterizedElaborator(instance.model).elaborate() } catch {
      let verdict: Verdict =
        error.reason == .cancelled
        ? .limit(.interrupted, reached: Reached(depth: 0)) : .unknown(reason: "\(error.location): \(error.message)")
      return questions.map { _ in Result(verdict: verdict) }
    }
    var attempt = Attempt(elaboration, budget)
    var results = try await first(questions, &attempt)
    attempt.limitFurtherAttempts()
    for _ in 0..<Self.furtherAttempts {
      let open = results.indices.filter { results[$0].isOpenForOtherSizes }
      guard !open.isEmpty, attempt.grow(), !Task.isCancelled else { break }
      let outcomes = try await further(open.map { questions[$0] }, &attempt)
      for (position, outcome) in zip(open, outcomes) {
        guard case .proved(_, sizes: .any, _) = outcome else { continue }
        results[position] = result(of: outcome, questions[position])
      }
    }
    return results
  }

  /// How often a proof is tried at larger sizes.
  private static let furtherAttempts = 2

  /// A search with what is known before it.
  private struct Attempt {
    var system: ParameterizedSystem
    let asymmetries: [ElaborationError]
    var sizes: [Int]
    var known = KnownLemmas()
    var leavesSizesOpen = false
    var budget: Budget

    init(_ elaboration: ParameterizedElaboration, _ budget: Budget) {
      system = elaboration.system
      asymmetries = elaboration.asymmetries
      sizes = elaboration.system.sorts.map(\.size)
      self.budget = budget
    }

    /// One element more of each sort. Returns: whether that may be worth it.
    mutating func grow() -> Bool {
      sizes = sizes.map { $0 + 1 }
      return leavesSizesOpen && budget.queries > 0
    }

    /// What larger sizes may cost together, whatever the first search did.
    mutating func limitFurtherAttempts() { budget.queries = min(budget.queries, Decider.queryBudget) }

    /// Searches.
    mutating func search(_ properties: [PropertyID]) async throws -> PDRResult {
      let found = try await PDR(system, sizes: sizes, knowing: known).search(properties, within: budget)
      if budget.queries != .max { budget.queries -= min(budget.queries, found.statistics.queries) }
      return found
    }

    /// Remembers what was found, and which of it lasts.
    mutating func remember(_ found: PDRResult, _ certified: Certification.Certified) {
      system.store = found.store
      leavesSizesOpen = certified.leavesSizesOpen
      let last = Set(certified.lasting)
      known.lasting = certified.lasting.map { found.invariant[$0] }
      known.hints = found.invariant.indices.filter { !last.contains($0) }.map { found.invariant[$0] }
    }
  }

  /// At the sizes of the scope.
  private func first(_ questions: [Question], _ attempt: inout Attempt) async throws -> [Result] {
    let found = try await attempt.search(questions.map(\.property))
    var results = found.verdicts.map { Result(verdict: $0) }
    let claimed = results.indices.filter { found.verdicts[$0].isProof }
    if claimed.isEmpty { return results }
    let properties = claimed.map { questions[$0].property }
    let certified = try await certify(properties, found, attempt, for: [.theseSizes, .anySize])
    attempt.remember(found, certified)
    for (position, outcome) in zip(claimed, certified.outcomes) {
      results[position] = result(of: outcome, questions[position])
    }
    return results
  }

  /// At larger sizes, for every size.
  private func further(
    _ questions: [Question], _ attempt: inout Attempt
  ) async throws -> [Certification.Outcome] {
    let properties = questions.map(\.property)
    let found = try await attempt.search(properties)
    guard found.verdicts.contains(where: \.isProof) else {
      return properties.map { _ in .failed("not proved at larger sizes", isRefuted: false) }
    }
    let certified = try await certify(properties, found, attempt, for: [.anySize])
    attempt.remember(found, certified)
    return certified.outcomes
  }

  /// Checks the lemmas that a search found.
  private func certify(
    _ properties: [PropertyID], _ found: PDRResult, _ attempt: Attempt, for forms: Set<Certification.Form>
  ) async throws -> Certification.Certified {
    var writer = LemmaText(attempt.system, store: found.store, avoiding: instance.loaded.tree.identifiers)
    var lemmas: [Certification.Lemma] = []
    for lemma in found.invariant {
      guard let text = writer.text(of: lemma) else {
        let reason = attempt.asymmetries.first.map { "\($0.location): \($0.message)" } ?? "a value without a name"
        let outcome = Certification.Outcome.failed(
          "its lemmas cannot be written in Murphi: \(reason)", isRefuted: false)
        return Certification.Certified(outcomes: properties.map { _ in outcome }, lasting: [], leavesSizesOpen: false)
      }
      lemmas.append(Certification.Lemma(name: "lemma \(lemmas.count + 1)", text: text))
    }
    let interrupter = Interrupter()
    let certification = Certification(
      instance.loaded.file, constants: instance.settings, effort: budget.effort, interrupter: interrupter)
    let all = lemmas
    return try await withTaskCancellationHandler {
      try certification.certify(properties, from: all, for: forms, isMinimal: isMinimal)
    } onCancel: {
      interrupter.interrupt(because: .cancelled)
    }
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
    let free = Set(ScalarsetSizes(of: instance.loaded.tree).named.map(\.constant))
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
