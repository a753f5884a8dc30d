import Logic
import SMT
import TransitionSystems

/// A way to violate a property, up to the names of elements.
struct Target {
  enum Kind {
    /// The state satisfies the condition.
    case state
    /// The rule, tried in the state, fails by the condition: one transition more.
    case failure(rule: Int)
  }
  let property: PropertyID
  let kind: Kind
  /// Over the element variables.
  let condition: Term
  let variables: [Term]
  /// By element variable.
  let elements: [Int]
}

/// Finds the targets of properties.
struct TargetFinder {
  private let system: ParameterizedSystem
  private let properties: Set<PropertyID>

  init(_ system: ParameterizedSystem, _ properties: [PropertyID]) {
    self.system = system
    self.properties = Set(properties)
  }

  /// The ways to violate the properties, states before failures.
  func targets(in queries: inout FrameQueries) -> [Target] {
    var targets: [Target] = []
    for property in system.properties where properties.contains(property.property) {
      for (variables, condition) in ways(property.violated, in: &queries.session.store) {
        targets += instances(property.property, .state, condition, variables, queries)
      }
    }
    for (index, rule) in system.rules.enumerated() {
      for failure in rule.failures + rule.arrivalFailures where properties.contains(failure.report.property) {
        targets += instances(
          failure.report.property, .failure(rule: index), failure.condition, rule.elements, queries)
      }
    }
    return targets
  }

  private func instances(
    _ property: PropertyID, _ kind: Target.Kind, _ condition: Term, _ variables: [Term],
    _ queries: borrowing FrameQueries
  ) -> [Target] {
    let sorts = variables.map { Grounding.number(queries.session.store.sort(of: $0)) }
    return queries.growths(sorts, used: queries.grounding.sizes.map { _ in 0 }).map { elements in
      Target(property: property, kind: kind, condition: condition, variables: variables, elements: elements)
    }
  }

  /// The disjuncts of a condition, existential quantifiers outside of others opened.
  private func ways(_ term: Term, in store: inout TermStore) -> [(variables: [Term], condition: Term)] {
    switch store.operation(of: term) {
    case .constant where store.constant(term) == .boolean(false): return []
    case .or: return Array(store.operands(of: term)).flatMap { ways($0, in: &store) }
    case .exists:
      let variable = store.fresh(store.quantifiedSort(of: term))
      return ways(store.opened(term, with: variable), in: &store).map { ([variable] + $0.variables, $0.condition) }
    case _:
      let parts = store.conjuncts(of: term)
      guard parts.count > 1, let position = parts.firstIndex(where: { store.operation(of: $0) == .exists }) else {
        return [([], term)]
      }
      let variable = store.fresh(store.quantifiedSort(of: parts[position]))
      var opened = parts
      opened[position] = store.opened(parts[position], with: variable)
      return ways(store.and(opened), in: &store).map { ([variable] + $0.variables, $0.condition) }
    }
  }
}

extension FrameQueries {
  /// A target's condition on the state, with the inputs that occur in it and how many elements it speaks of.
  mutating func conjunction(for target: Target) -> (Conjunction, inputs: [RuleInput], active: [Int]) {
    for (variable, element) in zip(target.variables, target.elements) { grounding.bind(variable, to: element) }
    var conjunction = Conjunction()
    let condition = grounding.ground(target.condition, in: &session.store)
    conjunction.add(condition, .given, grounding, in: &session.store)
    let sorts = target.variables.map { Grounding.number(session.store.sort(of: $0)) }
    let active = active(grounding.sizes.map { _ in 0 }, sorts, target.elements)
    switch target.kind {
    case .state: return (conjunction, [], active)
    case .failure(let rule): return (conjunction, system.rules[rule].inputs, active)
    }
  }
}
