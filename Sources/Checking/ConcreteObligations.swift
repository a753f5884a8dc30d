import Logic
package import TransitionSystems

/// The obligations at the sizes of one scope, without symmetry: every instance of every lemma against every instance of every rule.
///
/// The system is the model's with the lemmas as its last invariants, so that a lemma means what its Murphi text means.
package struct ConcreteObligations {
  private let system: TransitionSystem
  private let properties: [PropertyID]
  private let names: [String]
  private var result: Obligations
  private var domain: Term

  /// `names` are those of the last invariants of the system, the lemmas; none of them is among `properties`.
  package static func obligations(
    of system: TransitionSystem, lemmas names: [String], properties: [PropertyID]
  ) -> Obligations {
    var builder = ConcreteObligations(system, names, properties)
    builder.build()
    return builder.result
  }

  private init(_ system: TransitionSystem, _ names: [String], _ properties: [PropertyID]) {
    self.system = system
    self.properties = properties
    self.names = names
    result = Obligations(store: system.store, background: [], lemmas: [])
    domain = result.store.and(system.variables.compactMap(\.domain))
    result.background = [domain, system.isAdmitted(in: &result.store)]
    for invariant in system.invariants.suffix(names.count) {
      let fails = result.store.or(invariant.failures.map(\.condition))
      let holds = result.store.and(result.store.not(fails), invariant.condition)
      result.lemmas.append(holds)
    }
  }

  private mutating func build() {
    for start in system.starts { addStart(start) }
    for transition in system.transitions { addTransition(transition) }
    for property in properties {
      result.add(.safety(property), "safety: in a state", [system.isViolated(property, in: &result.store)])
    }
  }

  // domain ∧ ¬failure ∧ ¬dropped ∧ admitted(s0) ∧ ¬L(s0)
  private mutating func addStart(_ start: StartState) {
    let words = "start \"\(start.rule.name)\""
    let parameters = start.parameters.compactMap(\.domain)
    for property in properties {
      let failing = start.failures.condition(violating: property, in: &result.store)
      result.add(.safety(property), "safety: \(words) fails", parameters + [failing], isAtStart: true, rule: start.rule)
    }
    let hindered = result.store.or(start.failures.map(\.condition) + [start.dropped])
    let replacements = zip(system.variables, start.values).map { ($0.term, $1) }
    var values = Substitution(Dictionary(uniqueKeysWithValues: replacements))
    let made = parameters + [result.store.not(hindered)]
    let outside = result.store.not(values.apply(to: domain, in: &result.store))
    result.add(.encoding, "initiation: codes, \(words)", made + [outside], isAtStart: true, rule: start.rule)
    for property in properties {
      let arrival = system.assumptionFails(violating: property, in: &result.store)
      let arriving = values.apply(to: arrival, in: &result.store)
      result.add(
        .safety(property), "safety: looking at \(words) fails", made + [arriving], isAtStart: true, rule: start.rule)
    }
    let admitted = values.apply(to: system.isAdmitted(in: &result.store), in: &result.store)
    for (number, lemma) in result.lemmas.enumerated() {
      let violated = result.store.not(values.apply(to: lemma, in: &result.store))
      result.add(
        .initiation(lemma: number), "initiation: \(names[number]), \(words)", made + [admitted, violated],
        isAtStart: true, rule: start.rule)
    }
  }

  // A(s) ∧ L(s) ∧ enabled(s) ∧ admitted(s′) ∧ ¬L(s′)
  private mutating func addTransition(_ transition: Transition) {
    let words = "rule \"\(transition.rule.name)\"" + Self.fixed(transition.parameters)
    for property in properties {
      let failing = transition.fails(violating: property, in: &result.store)
      result.add(.safety(property), "safety: \(words) fails", [failing], rule: transition.rule)
    }
    let enabled = transition.isEnabled(in: &result.store)
    let replacements = transition.updates.map { (system.variables[$0.variable].term, $0.value) }
    var next = Substitution(Dictionary(uniqueKeysWithValues: replacements))
    let domainAfter = next.apply(to: domain, in: &result.store)
    if domainAfter != domain {
      result.add(
        .encoding, "consecution: codes, \(words)", [enabled, result.store.not(domainAfter)], rule: transition.rule)
    }
    for property in properties {
      let arrival = system.assumptionFails(violating: property, in: &result.store)
      let arriving = next.apply(to: arrival, in: &result.store)
      result.add(
        .safety(property), "safety: looking at what \(words) leads to fails", [enabled, arriving], rule: transition.rule
      )
    }
    let admitted = next.apply(to: system.isAdmitted(in: &result.store), in: &result.store)
    for (number, lemma) in result.lemmas.enumerated() {
      let after = next.apply(to: lemma, in: &result.store)
      if after == lemma { continue }
      result.add(
        .consecution(lemma: number), "consecution: \(names[number]), \(words)",
        [enabled, admitted, result.store.not(after)], rule: transition.rule)
    }
  }

  /// ` x=3`: parameters for which the rule was written out.
  private static func fixed(_ parameters: [Parameter]) -> String {
    parameters.map { parameter in
      if case .fixed(let value) = parameter.decoding { " \(parameter.name)=\(value)" } else { "" }
    }.joined()
  }
}
