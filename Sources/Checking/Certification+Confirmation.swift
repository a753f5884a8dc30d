import Elaboration
import Murphi
import SMT
import TransitionSystems

extension Certification {
  /// Confirms proofs for every size at small sizes: instance by instance and by the other elaboration, so that no proof rests on
  /// quantifiers alone. Nothing is elaborated before the first question.
  struct Confirmation: ~Copyable {
    private let certification: Certification
    private let sizes: [ConstantSetting]
    private let lemmas: [Lemma]
    private let properties: [PropertyID]
    private let effort: UInt32
    private var selection: LemmaSelection?
    /// Why there is none at these sizes.
    private var failure: ElaborationError?

    /// `effort` bounds each question.
    init(
      _ certification: Certification, _ sizes: [ConstantSetting], _ lemmas: [Lemma], _ properties: [PropertyID],
      effort: UInt32
    ) {
      self.certification = certification
      self.sizes = sizes
      self.lemmas = lemmas
      self.properties = properties
      self.effort = effort
    }

    /// What stands against a proof; nil if nothing does.
    mutating func obstacle(for property: PropertyID, from chosen: Set<Int>) throws -> Obstacle? {
      do {
        return try asking { confirming throws(SMTError) in try confirming.obstacle(for: property, from: chosen) }
          .map { Obstacle($0) }
      } catch let error as ElaborationError {
        return Obstacle(unanswered: "\(error.location): \(error.message)")
      }
    }

    /// Whether a state of so few elements shows that a question for every size does not follow from lemmas. Z3 finds such a state in a
    /// millisecond; of the question it may never say anything.
    mutating func refutes(_ obligation: Obligation, from lemmas: Set<Int>) throws(SMTError) -> Bool {
      do {
        return try asking { confirming throws(SMTError) in try confirming.refutes(obligation, from: lemmas) }
      } catch let error as SMTError {
        throw error
      } catch {
        // What cannot be elaborated refutes nothing; where it is to confirm a proof it will say so.
        return false
      }
    }

    private mutating func asking<Answer>(
      _ question: (inout LemmaSelection) throws(SMTError) -> Answer
    ) throws -> Answer {
      if let failure { throw failure }
      var confirming: LemmaSelection
      if let made = selection.take() {
        confirming = made
      } else {
        let whole = try StrengthenedModel(
          certification.file, lemmas: Certification.text(of: lemmas), constants: sizes)
        let system: TransitionSystem
        do { system = try Elaborator(whole.model).elaborate().system } catch {
          failure = error
          throw error
        }
        let obligations = ConcreteObligations.obligations(of: system, lemmas: whole.lemmas, properties: properties)
        confirming = LemmaSelection(
          try ProofSession(obligations, effort: effort, interrupter: certification.interrupter))
      }
      let answer = try question(&confirming)
      selection = consume confirming
      return answer
    }
  }
}
