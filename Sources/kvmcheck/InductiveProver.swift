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
  func decide(_ questions: [Question]) async throws -> [Result] {
    let elaboration: ParameterizedElaboration
    do { elaboration = try ParameterizedElaborator(instance.model).elaborate() } catch {
      let verdict: Verdict =
        error.reason == .cancelled
        ? .limit(.interrupted, reached: Reached(depth: 0)) : .unknown(reason: "\(error.location): \(error.message)")
      return questions.map { _ in Result(verdict: verdict) }
    }
    let pdr = PDR(elaboration.system)
    let found = try await pdr.search(questions.map(\.property), within: budget)
    var results = found.verdicts.map { Result(verdict: $0) }
    let claimed = results.indices.filter { position in
      if case .proved = results[position].verdict { true } else { false }
    }
    if claimed.isEmpty { return results }
    let outcomes = try await certify(claimed.map { questions[$0].property }, found, elaboration)
    for (position, outcome) in zip(claimed, outcomes) {
      results[position] = result(of: outcome, questions[position])
    }
    return results
  }

  /// Checks the lemmas that a search found.
  private func certify(
    _ properties: [PropertyID], _ found: PDRResult, _ elaboration: ParameterizedElaboration
  ) async throws -> [Certification.Outcome] {
    var writer = LemmaText(elaboration.system, store: found.store, avoiding: instance.loaded.tree.identifiers)
    var lemmas: [Certification.Lemma] = []
    for lemma in found.invariant {
      guard let text = writer.text(of: lemma) else {
        let reason = elaboration.asymmetries.first.map { "\($0.location): \($0.message)" } ?? "a value without a name"
        return properties.map { _ in .failed("its lemmas cannot be written in Murphi: \(reason)", isRefuted: false) }
      }
      lemmas.append(Certification.Lemma(name: "lemma \(lemmas.count + 1)", text: text))
    }
    let interrupter = Interrupter()
    let certification = Certification(
      instance.loaded.file, constants: instance.settings, effort: budget.effort, interrupter: interrupter)
    let all = lemmas
    return try await withTaskCancellationHandler {
      try certification.certify(properties, from: all, isMinimal: isMinimal).outcomes
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
