package import Diagnostics
import Elaboration
import Execution
package import Murphi
package import SMT
package import TransitionSystems

/// Checks certificates against their models, in a fresh solver and by the text of the lemmas alone.
///
/// Always at the sizes of the file or of the certificate, without symmetry, instance by instance; and, for `sizes any`, once more with
/// the scalarsets as sorts of any size. Anything but `unsat` for each obligation is a failure.
package struct CertificateChecker: Sendable {
  /// An obligation that is not met.
  package struct Failure: Hashable, Sendable {
    /// In words, the obligation's name first.
    package let reason: String
    package let stopped: UnknownReason?
  }

  /// One of the forms in which the obligations are put.
  package struct Form: Sendable {
    /// `any size`, or the sizes.
    package let name: String
    package let obligations: Obligations
  }

  private let certificate: CertificateFile
  private let whole: StrengthenedModel
  private let property: PropertyID
  private let isAnySize: Bool

  /// Puts a certificate and its model together. `property` finds the property in the model by its name; `proof` is the certificate's
  /// file as it was read, for saying where in it a lemma is at fault.
  ///
  /// Throws: `Rejection` where one is no legal text.
  package init(
    _ certificate: CertificateFile, of file: SourceFile, in proof: SourceFile? = nil,
    property: (TypedModel) -> PropertyID?
  ) throws {
    self.certificate = certificate
    do throws(Rejection) {
      whole = try StrengthenedModel(
        file, lemmas: Certification.text(of: certificate.lemmas), constants: certificate.settings)
    } catch {
      throw proof.map { ProofPlaces($0).located(error, of: file, constants: certificate.settings) } ?? error
    }
    guard let property = property(whole.plain) else {
      throw UnfitCertificate(reason: "the model has no property \"\(certificate.property)\"")
    }
    self.property = property
    if let program = try? Program(model: whole.plain), !TraceChecker(program: program).hasStart() {
      throw UnfitCertificate(reason: "the model has no start state: everything holds of it, and nothing is proved")
    }
    isAnySize = certificate.sizes == .any
    if isAnySize, let reason = try Certification.whyNoAnySize(whole, of: try SyntaxTree.parse(file)) {
      throw UnfitCertificate(reason: "any size: \(reason)")
    }
  }

  /// The model with the lemmas as invariants.
  package var text: String { whole.text }

  /// The obligations, in each form that the certificate needs.
  package func forms() throws -> [Form] {
    let concrete = try Elaborator(whole.model).elaborate().system
    var forms = [
      Form(
        name: "instances",
        obligations: ConcreteObligations.obligations(of: concrete, lemmas: whole.lemmas, properties: [property]))
    ]
    if isAnySize {
      forms.append(Form(name: "any size", obligations: try Certification.quantified(whole, [property])))
    }
    return forms
  }

  /// By obligation: lemmas that are enough for it, as Z3 says; nil where it does not know. A hint for other solvers, which find out for
  /// themselves whether it is right. `known` is what Z3 has said already.
  package func premises(
    of form: Form, known: SettledQuestions.Ledger? = nil, effort: UInt32, interrupter: Interrupter = Interrupter()
  ) throws(SMTError) -> [Set<Int>?] {
    var session = try ProofSession(form.obligations, effort: effort, interrupter: interrupter)
    var premises: [Set<Int>?] = []
    for (index, obligation) in form.obligations.obligations.enumerated() {
      if interrupter.cause != nil { return form.obligations.obligations.map { _ in nil } }
      if let needed = known?.premises(of: index) {
        premises.append(needed)
      } else if case .holds(let needed) = try session.check(obligation, assuming: form.obligations.lemmas.indices) {
        known?.settle(index, by: needed)
        premises.append(needed)
      } else {
        premises.append(nil)
      }
    }
    return premises
  }

  /// What this form's variables, functions and sorts are those of: certificates of which that is the same can share answers.
  package func kind(of form: Form) -> String {
    let settings = certificate.settings.map { "\($0.name)=\($0.value)" }
    return ([certificate.model, certificate.sha256, form.name] + settings + form.obligations.sortNames)
      .joined(separator: " ")
  }

  /// What is not met of one form; nil if everything is. `effort` bounds each question in Z3's rlimit units; what `known` holds is not
  /// asked again.
  package func check(
    _ form: Form, known: SettledQuestions.Ledger? = nil, effort: UInt32, interrupter: Interrupter = Interrupter()
  ) throws(SMTError) -> Failure? {
    var session = try ProofSession(form.obligations, effort: effort, interrupter: interrupter)
    for (index, obligation) in form.obligations.obligations.enumerated() where known?.premises(of: index) == nil {
      switch try session.check(obligation, assuming: form.obligations.lemmas.indices) {
      case .holds(let needed): known?.settle(index, by: needed)
      case .fails: return Failure(reason: "\(obligation.name): does not follow (\(form.name))", stopped: nil)
      case .stopped(let reason):
        return Failure(reason: "\(obligation.name): not decided (\(form.name))", stopped: reason)
      }
    }
    return nil
  }
}

/// A certificate that does not fit its model.
package struct UnfitCertificate: Error, Hashable, Sendable {
  package let reason: String
}
