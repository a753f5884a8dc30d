import Elaboration
package import Logic
import SMT
package import TransitionSystems

/// A counterexample to induction (Bradley, VMCAI 2011): a state that satisfies all lemmas and in which a rule leads out of one of them,
/// or that violates the property.
///
/// It says why lemmas that prove a property at some sizes do not at others. Reachable or not is another question: if it is, a lemma or the
/// property is false at these sizes; otherwise a lemma is missing that excludes the state.
package struct InductionCounterexample: Hashable, Sendable {
  /// The lemma that is lost; nil if all lemmas are kept and the property does not follow.
  package let lemma: Certification.Lemma?
  /// What does not follow, in words: `consecution: lemma 3, rule "block"`.
  package let obligation: String
  /// The state: a value for each of the model's variables, in their order. Nil if it is the start that does what it must not.
  package let state: [Value]?
}

extension Certification {
  /// What keeps lemmas from proving properties at the scope's sizes: the first lemma that is not kept though all hold before, for every
  /// property; where all are kept, what violates the property in question. Nil where they prove it, or nobody knows.
  package func counterexamplesToInduction(
    _ lemmas: [Lemma], of properties: [PropertyID]
  ) throws -> [InductionCounterexample?] {
    let unknown = [InductionCounterexample?](repeating: nil, count: properties.count)
    guard let whole = try? StrengthenedModel(file, lemmas: Self.text(of: lemmas), constants: constants),
      let system = try? Elaborator(whole.model).elaborate().system
    else { return unknown }
    let obligations = ConcreteObligations.obligations(of: system, lemmas: whole.lemmas, properties: properties)
    var session = try ProofSession(obligations, effort: effort, interrupter: interrupter)
    let terms = system.variables.map(\.term)
    var found = unknown
    let lost = obligations.obligations.filter { $0.kind.lemma != nil }
    for obligation in lost + obligations.obligations.filter({ $0.kind.lemma == nil }) {
      let positions = properties.indices.filter { position in
        found[position] == nil && obligation.concerns(properties[position])
      }
      guard !positions.isEmpty,
        let model = try session.counterexample(to: obligation, assuming: lemmas.indices, reading: terms)
      else { continue }
      var evaluation = Evaluation(system.store, model.assignment)
      let example = InductionCounterexample(
        lemma: obligation.kind.lemma.map { lemmas[$0] }, obligation: obligation.name,
        state: obligation.isAtStart ? nil : system.layout.map { $0.decoding.value(in: &evaluation) })
      for position in positions { found[position] = example }
    }
    return found
  }
}

extension Obligation {
  /// Whether a proof of the property may need it.
  fileprivate func concerns(_ property: PropertyID) -> Bool {
    switch kind {
    case .initiation, .consecution: true
    case .safety(let own): own == property
    case .encoding: false
    }
  }
}
