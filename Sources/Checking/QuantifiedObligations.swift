import Logic
package import TransitionSystems

/// The obligations for every size of the scalarsets: elements of uninterpreted sorts, which may have any number of them but none.
///
/// The system is the model's with the lemmas as its last invariants. A state being functions, exactly one of a place's predicates
/// holds; that is the background, and steps keep it by construction.
package struct QuantifiedObligations {
  private let system: ParameterizedSystem
  private let properties: [PropertyID]
  private let names: [String]
  private var result: Obligations
  /// By lemma: that it is violated.
  private var violations: [Term] = []

  /// `lemmas` are the properties that are lemmas, with their names; none of them is among `properties`.
  package static func obligations(
    of system: ParameterizedSystem, lemmas: [(property: PropertyID, name: String)],
    properties: [PropertyID]
  ) -> Obligations {
    var builder = QuantifiedObligations(system, lemmas.map(\.name), properties)
    for (lemma, _) in lemmas {
      let violated = system.properties.first { $0.property == lemma }?.violated
      let violation = violated ?? builder.result.store.boolean(false)
      builder.violations.append(violation)
      builder.result.lemmas.append(builder.result.store.not(violation))
    }
    builder.build()
    return builder.result
  }

  private init(_ system: ParameterizedSystem, _ names: [String], _ properties: [PropertyID]) {
    self.system = system
    self.properties = properties
    self.names = names
    result = Obligations(store: system.store, background: [], lemmas: [], sortNames: system.sorts.map(\.name))
    for function in system.functions { result.background += Self.oneValue(of: function, in: &result.store) }
  }

  private mutating func build() {
    for start in system.starts { addStart(start) }
    for rule in system.rules { addRule(rule) }
    for property in system.properties where properties.contains(property.property) {
      result.add(.safety(property.property), "safety: in a state", [property.violated])
    }
  }

  private mutating func addStart(_ start: ParameterizedStart) {
    let words = "start \"\(start.rule.name)\""
    let inputs = oneChoice(of: start.inputs)
    for failure in start.failures + start.arrivalFailures where properties.contains(failure.report.property) {
      result.add(
        .safety(failure.report.property), "safety: \(words) fails", inputs + [failure.condition], isAtStart: true,
        rule: start.rule)
    }
    var next = NextState(at: start, of: system)
    for (number, violation) in violations.enumerated() {
      let violated = next.before(violation, in: &result.store)
      result.add(
        .initiation(lemma: number), "initiation: \(names[number]), \(words)", inputs + [start.enabled, violated],
        isAtStart: true, rule: start.rule)
    }
  }

  private mutating func addRule(_ rule: ParameterizedRule) {
    let fixed = rule.parameters.map { parameter in
      if case .fixed(let value) = parameter.choice { " \(parameter.name)=\(value)" } else { "" }
    }
    let words = "rule \"\(rule.rule.name)\"" + fixed.joined()
    let inputs = oneChoice(of: rule.inputs)
    for failure in rule.failures + rule.arrivalFailures where properties.contains(failure.report.property) {
      result.add(
        .safety(failure.report.property), "safety: \(words) fails", inputs + [failure.condition], rule: rule.rule)
    }
    var next = NextState(after: rule, of: system)
    for (number, violation) in violations.enumerated() {
      let violated = next.before(violation, in: &result.store)
      if violated == violation { continue }
      result.add(
        .consecution(lemma: number), "consecution: \(names[number]), \(words)",
        inputs + [rule.enabled, violated], rule: rule.rule)
    }
  }

  /// Exactly one choice of each input.
  private mutating func oneChoice(of inputs: [RuleInput]) -> [Term] {
    inputs.map { input in
      let literals = input.choices.map(\.literal)
      return Self.exactlyOne(of: literals, in: &result.store)
    }
  }

  private static func exactlyOne(of terms: [Term], in store: inout TermStore) -> Term {
    var parts = [store.or(terms)]
    for (position, one) in terms.enumerated() {
      for other in terms[(position + 1)...] {
        let both = store.and(one, other)
        parts.append(store.not(both))
      }
    }
    return store.and(parts)
  }

  /// ∀ arguments: exactly one value, or undefined.
  private static func oneValue(of function: StateFunction, in store: inout TermStore) -> [Term] {
    switch function.range {
    case .boolean: return []
    case .values(_, let predicates):
      let truths = predicates.map { store.apply($0, function.arguments) }
      return [closed(exactlyOne(of: truths, in: &store), over: function.arguments, in: &store)]
    case .elements(_, let predicate, let undefined):
      guard let result = function.result else { preconditionFailure("a function of elements without a result") }
      let other = store.fresh(store.sort(of: result))
      let first = store.apply(predicate, function.arguments + [result])
      let second = store.apply(predicate, function.arguments + [other])
      let different = store.notEqual(result, other)
      let twice = store.and([first, second, different])
      let once = store.not(twice)
      var parts = [closed(once, over: function.arguments + [result, other], in: &store)]
      var some = store.exists(result, first)
      if let undefined {
        let none = store.apply(undefined, function.arguments)
        some = store.or(some, none)
        let both = store.and(first, none)
        let apart = store.not(both)
        parts.append(closed(apart, over: function.arguments + [result], in: &store))
      }
      parts.append(closed(some, over: function.arguments, in: &store))
      return parts
    }
  }

  private static func closed(_ term: Term, over variables: [Term], in store: inout TermStore) -> Term {
    var term = term
    for variable in variables.reversed() { term = store.forall(variable, term) }
    return term
  }
}
