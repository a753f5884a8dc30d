import Checking
import Diagnostics
import Elaboration
import Foundation
import Interchange
import Murphi
import SMT
import TransitionSystems

/// Certificates under Proofs/, checked again instead of being searched for again.
struct StoredProofs: Sendable {
  private let folder: ProofFolder
  private let effort: UInt32
  /// What certificates share is asked once.
  private let settled = SettledQuestions()

  init(_ folder: ProofFolder, effort: UInt32) {
    self.folder = folder
    self.effort = effort
  }

  /// What a certificate that belongs to a question is worth.
  struct Result: Sendable {
    let path: String
    let verdict: Verdict
    /// Where the certificate fails.
    var contradiction: Contradiction?
  }

  /// Checks the certificate of a question; nil if there is none for this text of the model and these constants, or if checking it
  /// did not come to an end. One whose lemmas are no text of the model fails, and the model is not to blame for it.
  func result(for question: Question, of instance: Instance) async throws -> Result? {
    guard let (path, text, certificate) = stored(for: question, of: instance) else { return nil }
    let interrupter = Interrupter()
    let (effort, settled) = (effort, settled)
    let verdict = Verdict.proved(
      .certificate(lemmas: certificate.lemmas.count), sizes: certificate.sizes == .any ? .any : .thisScope)
    func contradicted(by reason: String) -> Result {
      Result(
        path: path, verdict: verdict,
        contradiction: Contradiction(subject: question.name, first: "\(path): proved", second: reason))
    }
    let failure: CertificateChecker.Failure?
    do {
      failure = try await withTaskCancellationHandler {
        let checker = try CertificateChecker(
          certificate, of: instance.loaded.file, in: SourceFile(name: path, text: text)
        ) { _ in question.property }
        for form in try checker.forms() {
          let known = settled.ledger(of: form.obligations, kind: checker.kind(of: form))
          if let failure = try checker.check(form, known: known, effort: effort, interrupter: interrupter) {
            return failure
          }
        }
        return nil
      } onCancel: {
        interrupter.interrupt(because: .cancelled)
      }
    } catch is ElaborationError {
      return nil
    } catch let error where error is Rejection || error is UnfitCertificate {
      return contradicted(by: LoadedCertificate.words(error))
    }
    guard let failure else { return Result(path: path, verdict: verdict) }
    return failure.stopped == nil ? contradicted(by: failure.reason) : nil
  }

  /// The certificate of a question with its place; nil if there is none that speaks of this model with these constants.
  private func stored(for question: Question, of instance: Instance) -> (String, String, CertificateFile)? {
    guard folder.tellsApart(question.name) else { return nil }
    for path in folder.candidates(model: instance.loaded.location.name, property: question.name) {
      guard let data = FileManager.default.contents(atPath: path), let text = String(bytes: data, encoding: .utf8),
        let certificate = Self.certificate(text), certificate.sha256 == instance.loaded.sha256,
        certificate.property == question.name, belongs(certificate, to: instance)
      else { continue }
      return (path, text, certificate)
    }
    return nil
  }

  private static func certificate(_ text: String) -> CertificateFile? {
    do { return try CertificateFile(parsing: text) } catch { return nil }
  }

  /// Whether the certificate speaks of the instance's constants; sizes may be others where it holds for any.
  private func belongs(_ certificate: CertificateFile, to instance: Instance) -> Bool {
    var said: [String: String] = [:]
    for setting in certificate.settings { said[setting.name] = setting.value }
    let free = certificate.sizes == .any ? ScalarsetSizes(of: instance.loaded.tree).constants : []
    return instance.constants.allSatisfy { free.contains($0.name) || said[$0.name] == $0.text }
  }
}
