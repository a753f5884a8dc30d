import Checking
import Diagnostics
import Foundation
import Murphi
import Testing
import TransitionSystems

/// Negative evidence: a shipped certificate with one lemma left out, made `true`, negated or made `false` is refused. Lemmas are minimal, so that
/// none of these is a proof.
@Suite("Changed certificates are refused")
struct CertificateMutationTests {
  /// Whether the checker accepts.
  private func isAccepted(_ certificate: CertificateFile, _ file: SourceFile) throws -> Bool {
    let checker = try CertificateChecker(certificate, of: file) { model in
      if certificate.property == "no run-time error" { return .runTimeErrors }
      return model.properties.firstIndex { $0.name == certificate.property }.map { .invariant($0) }
    }
    for form in try checker.forms() where try checker.check(form, effort: 20_000_000) != nil { return false }
    return true
  }

  @Test("each lemma of gmem-toggle's, in four ways")
  func mutants() throws {
    let root = ShippedModel.root
    let model = root.appending(path: "Models/gmem-toggle.m")
    let file = SourceFile(name: "gmem-toggle.m", text: try String(contentsOf: model, encoding: .utf8))
    let folder = root.appending(path: "Proofs/gmem-toggle")
    var mutants = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      let certificate = try CertificateFile(parsing: text)
      #expect(try isAccepted(certificate, file), "\(name)")
      for position in certificate.lemmas.indices {
        let lemma = certificate.lemmas[position]
        for changed in [nil, "true", "!(\(lemma.text))", "false"] {
          var mutant = certificate
          mutant.lemmas.remove(at: position)
          if let changed { mutant.lemmas.insert(.init(name: lemma.name, text: changed), at: position) }
          #expect(try !isAccepted(mutant, file), "\(name), \(lemma.name): \(changed ?? "left out")")
          mutants += 1
        }
      }
    }
    #expect(mutants >= 40)
  }
}
