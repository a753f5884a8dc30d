import Logic
import Synchronization

/// What one solver has called `unsat` while several certificates were checked, so that none is asked the same twice.
///
/// Certificates of one model share most of their lemmas, and with these most of their obligations. A question is known by its terms,
/// built in a store that all certificates of a kind share: equal formulas are equal terms there, whatever their lemmas are called. An
/// answer counts for the same conditions over the same background wherever the lemmas that it needed are among those at hand.
///
/// May be used from several tasks at once.
package final class SettledQuestions: Sendable {
  /// What is known of the obligations of one form of a certificate.
  package struct Ledger: Sendable {
    fileprivate let owner: SettledQuestions
    fileprivate let kind: String
    fileprivate let background: Set<Term>
    /// By lemma.
    fileprivate let lemmas: [Term]
    /// The same, for asking which are there.
    fileprivate let atHand: Set<Term>
    /// By obligation.
    fileprivate let questions: [Question]

    /// Lemmas that are enough for an obligation, by number; nil if that was not found out yet.
    package func premises(of obligation: Int) -> Set<Int>? {
      let found = owner.kinds.withLock { kinds in
        let known = kinds[kind]?.answers[questions[obligation]] ?? []
        return known.first { $0.background == background && $0.lemmas.isSubset(of: atHand) }
      }
      guard let found else { return nil }
      return Set(lemmas.indices.filter { found.lemmas.contains(lemmas[$0]) })
    }

    /// Notes that an obligation follows from some lemmas: the solver said `unsat`.
    package func settle(_ obligation: Int, by needed: Set<Int>) {
      let answer = Answer(background: background, lemmas: Set(needed.map { lemmas[$0] }))
      owner.kinds.withLock { kinds in kinds[kind]?.answers[questions[obligation], default: []].append(answer) }
    }
  }

  /// What cannot all be true.
  fileprivate struct Question: Hashable {
    let conditions: Set<Term>
    /// At the start neither background nor lemmas count.
    let isAtStart: Bool
  }

  /// With what it cannot.
  private struct Answer {
    let background: Set<Term>
    let lemmas: Set<Term>
  }

  /// The forms whose variables, functions and sorts mean the same.
  private struct Kind {
    var store = TermStore()
    var answers: [Question: [Answer]] = [:]
  }

  private let kinds = Mutex<[String: Kind]>([:])

  package init() {}

  /// Finds the obligations in the shared store. `kind` says whose variables, functions and sorts they speak of: those of one model
  /// text, with the same constants, in the same form.
  package func ledger(of obligations: Obligations, kind: String) -> Ledger {
    kinds.withLock { kinds in
      var shared = kinds[kind] ?? Kind()
      var transcription = Transcription(from: obligations.store)
      let background = Set(obligations.background.map { transcription.transcribe($0, to: &shared.store) })
      let lemmas = obligations.lemmas.map { transcription.transcribe($0, to: &shared.store) }
      let questions = obligations.obligations.map { obligation in
        Question(
          conditions: Set(obligation.conditions.map { transcription.transcribe($0, to: &shared.store) }),
          isAtStart: obligation.isAtStart)
      }
      kinds[kind] = shared
      return Ledger(
        owner: self, kind: kind, background: background, lemmas: lemmas, atHand: Set(lemmas), questions: questions)
    }
  }
}
