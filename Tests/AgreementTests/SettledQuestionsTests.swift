import Checking
import Diagnostics
import Foundation
import Murphi
import Testing
import TransitionSystems

/// Certificates that are checked one after another and share what was answered: each comes out as it does by itself.
@Suite("Questions that certificates share")
struct SettledQuestionsTests {
  private let file: SourceFile
  /// All of gmem-toggle's, by name.
  private let certificates: [CertificateFile]

  init() throws {
    let text = try String(contentsOf: ShippedModel.root.appending(path: "Models/gmem-toggle.m"), encoding: .utf8)
    file = SourceFile(name: "gmem-toggle.m", text: text)
    let folder = ShippedModel.root.appending(path: "Proofs/gmem-toggle")
    certificates = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
      try CertificateFile(parsing: try String(contentsOf: folder.appending(path: name), encoding: .utf8))
    }
  }

  /// What is not met, and how many obligations there were and were still open.
  private func check(
    _ certificate: CertificateFile, _ settled: SettledQuestions
  ) throws -> (failure: String?, obligations: Int, open: Int) {
    let checker = try CertificateChecker(certificate, of: file) { model in
      if certificate.property == "no run-time error" { return .runTimeErrors }
      return model.properties.firstIndex { $0.name == certificate.property }.map { .invariant($0) }
    }
    var (obligations, open) = (0, 0)
    for form in try checker.forms() {
      let known = settled.ledger(of: form.obligations, kind: checker.kind(of: form))
      let indices = form.obligations.obligations.indices
      obligations += indices.count
      open += indices.count { known.premises(of: $0) == nil }
      if let failure = try checker.check(form, known: known, effort: 20_000_000) {
        return (failure.reason, obligations, open)
      }
    }
    return (nil, obligations, open)
  }

  @Test("a second time nothing is open; what two certificates share is asked once")
  func once() throws {
    let settled = SettledQuestions()
    var (obligations, open) = (0, 0)
    for certificate in certificates {
      let first = try check(certificate, settled)
      #expect(first.failure == nil)
      obligations += first.obligations
      open += first.open
      let second = try check(certificate, settled)
      #expect(second.failure == nil && second.open == 0 && second.obligations == first.obligations)
    }
    #expect(open < obligations, "\(certificates.count) certificates of one model share something")
    #expect(open > 0)
  }

  @Test("a lemma's name and place do not matter")
  func renamed() throws {
    let settled = SettledQuestions()
    for certificate in certificates where certificate.lemmas.count > 1 {
      #expect(try check(certificate, settled).failure == nil)
      var other = certificate
      other.lemmas = certificate.lemmas.reversed().enumerated().map { .init(name: "other \($0)", text: $1.text) }
      let checked = try check(other, settled)
      #expect(checked.failure == nil && checked.open == 0)
    }
  }

  @Test("after the right certificates, wrong ones are refused as they are by themselves, for the same reason")
  func wrong() throws {
    let settled = SettledQuestions()
    for certificate in certificates { #expect(try check(certificate, settled).failure == nil) }
    var mutants = 0
    for certificate in certificates {
      for position in certificate.lemmas.indices {
        var fewer = certificate
        fewer.lemmas.remove(at: position)
        var others = [fewer]
        for text in ["true", "!(\(certificate.lemmas[position].text))"] {
          var mutant = certificate
          mutant.lemmas[position] = .init(name: certificate.lemmas[position].name, text: text)
          others.append(mutant)
        }
        for mutant in others {
          let alone = try check(mutant, SettledQuestions()).failure
          #expect(alone != nil)
          #expect(try check(mutant, settled).failure == alone)
          mutants += 1
        }
      }
    }
    #expect(mutants >= 30)
  }

  @Test("other sizes are another kind: nothing is shared")
  func otherSizes() throws {
    let settled = SettledQuestions()
    var certificate = try #require(certificates.first { !$0.lemmas.isEmpty })
    certificate.sizes = .these([])
    let first = try check(certificate, settled)
    #expect(first.failure == nil && first.open == first.obligations)
    certificate.sizes = .these([ConstantSetting(name: "SLOTS", value: "2")])
    let second = try check(certificate, settled)
    #expect(second.failure == nil && second.open == second.obligations)
  }
}
