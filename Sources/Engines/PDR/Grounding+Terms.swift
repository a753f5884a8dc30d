import Logic
import TransitionSystems

/// Terms of the system at elements, now and after a step.
extension Grounding {
  /// Says which element a variable stands for from now on.
  mutating func bind(_ variable: Term, to element: Int) { values[slot(of: variable)] = element }

  /// A Boolean term of the system over atoms and inputs, its element variables being bound.
  ///
  /// With a step: its truth afterwards, over the state before; the rule's elements are bound too.
  mutating func ground(_ term: Term, after step: RuleInstance? = nil, in store: inout TermStore) -> Term {
    let key = key(of: term, step, store)
    if let key, let known = results[key] { return known }
    let result = built(term, step, in: &store)
    if let key { results[key] = result }
    return result
  }

  private mutating func built(_ term: Term, _ step: RuleInstance?, in store: inout TermStore) -> Term {
    let operands = Array(store.operands(of: term))
    switch store.operation(of: term) {
    case .constant, .variable: return term
    case .not:
      let inner = ground(operands[0], after: step, in: &store)
      return store.not(inner)
    case .and:
      let parts = ground(operands, after: step, in: &store)
      return store.and(parts)
    case .or:
      let parts = ground(operands, after: step, in: &store)
      return store.or(parts)
    case .ifThenElse:
      let parts = ground(operands, after: step, in: &store)
      return store.ifThenElse(parts[0], parts[1], parts[2])
    case .equal:
      if store.sort(of: operands[0]) != .boolean {
        return store.boolean(element(operands[0]) == element(operands[1]))
      }
      let parts = ground(operands, after: step, in: &store)
      return store.equal(parts[0], parts[1])
    case .apply:
      guard let relation = relationOfPredicate[store.function(of: term)] else {
        preconditionFailure("not a predicate of the state")
      }
      let arguments = operands.map { element($0) }
      guard let step else { return variable(relation, arguments, in: &store) }
      return next(relation, arguments, after: step, in: &store)
    case .exists:
      if let step { return quantifier(term, after: step, in: &store) ?? instances(of: term, after: step, in: &store) }
      if speaksOfInputs(term, store) { return instances(of: term, after: nil, in: &store) }
      let (relation, variables) = derivation(of: term, in: &store)
      let arguments = variables.map { element($0) }
      return variable(relation, arguments, in: &store)
    case .none, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned,
      .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
      .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned,
      .extendSigned:
      preconditionFailure("a parameterized system has no bit-vectors")
    }
  }

  private mutating func ground(
    _ terms: [Term], after step: RuleInstance?, in store: inout TermStore
  ) -> [Term] {
    var results: [Term] = []
    results.reserveCapacity(terms.count)
    for term in terms { results.append(ground(term, after: step, in: &store)) }
    return results
  }

  /// ∃x φ(x) as the disjunction of φ at every element.
  mutating func instances(
    of term: Term, after step: RuleInstance?, in store: inout TermStore
  ) -> Term {
    let (variable, body) = opening(of: term, in: &store)
    // The same condition may stand in what a step writes, and be written out in the midst of this.
    let before = elements(boundTo: [variable])
    var parts: [Term] = []
    for element in 0..<sizes[Self.number(store.sort(of: variable))] {
      bind(variable, to: element)
      parts.append(ground(body, after: step, in: &store))
    }
    bind(variable, to: before[0])
    return store.or(parts)
  }

  /// φ of ∃x φ(x) at one element, its free variables being bound.
  mutating func instance(of quantifier: Term, at element: Int, in store: inout TermStore) -> Term {
    let (variable, body) = opening(of: quantifier, in: &store)
    bind(variable, to: element)
    return ground(body, in: &store)
  }

  /// Whether a quantifier's term depends on a rule's input. Then it is no condition on the state, and no atom.
  private func speaksOfInputs(_ term: Term, _ store: TermStore) -> Bool {
    derivations[term] == nil && store.unboundVariables(of: [term]).contains { store.sort(of: $0) == .boolean }
  }

  /// A quantifier's body with a variable of its own, the same each time.
  mutating func opening(of term: Term, in store: inout TermStore) -> (variable: Term, body: Term) {
    if let known = openings[term] { return known }
    let variable = store.fresh(store.quantifiedSort(of: term))
    let opened = (variable: variable, body: store.opened(term, with: variable))
    openings[term] = opened
    return opened
  }

  /// The truth of a relation at elements after a step.
  mutating func next(
    _ relation: Int, _ arguments: [Int], after step: RuleInstance, in store: inout TermStore
  ) -> Term {
    switch relations[relation].kind {
    case .predicate(let function, let position):
      guard let update = updates[step.rule][function] else {
        return variable(relation, arguments, in: &store)
      }
      let state = system.functions[function]
      for (variable, element) in zip(state.arguments, arguments) { bind(variable, to: element) }
      if position == 0, let result = state.result, let element = arguments.last { bind(result, to: element) }
      return ground(update.predicates[position], in: &store)
    case .derived(let quantifier, let variables):
      if updates[step.rule].keys.allSatisfy({ !relations[relation].functions.contains($0) }) {
        return variable(relation, arguments, in: &store)
      }
      for (variable, element) in zip(variables, arguments) { bind(variable, to: element) }
      if let split = self.quantifier(quantifier, after: step, in: &store) { return split }
      for (variable, element) in zip(variables, arguments) { bind(variable, to: element) }
      return instances(of: quantifier, after: step, in: &store)
    }
  }

  /// The element variables of a rule or start.
  func elements(of rule: Int) -> [Term] {
    let count = system.rules.count
    return rule < count ? system.rules[rule].elements : system.starts[rule - count].elements
  }

  /// Binds a rule's elements.
  mutating func bind(_ step: RuleInstance) {
    for (variable, element) in zip(elements(of: step.rule), step.elements) { bind(variable, to: element) }
  }

  /// The relation of a quantifier's term, with its free variables in the order of the arguments.
  ///
  /// Terms that differ in the names of free variables only are one relation, as long as those occur in one order.
  mutating func derivation(
    of term: Term, in store: inout TermStore
  ) -> (relation: Int, variables: [Term]) {
    if let known = derivations[term] { return known }
    let variables = occurrences(in: term, store)
    var names: [Term: Term] = [:]
    for (position, variable) in variables.enumerated() {
      names[variable] = store.variable("%\(position) \(store.sort(of: variable))", store.sort(of: variable))
    }
    var renaming = Substitution(names)
    let renamed = renaming.apply(to: term, in: &store)
    let relation = relationOfQuantifier[renamed] ?? derive(renamed, variables.compactMap { names[$0] }, store)
    derivations[term] = (relation, variables)
    return (relation, variables)
  }

  private mutating func derive(_ term: Term, _ variables: [Term], _ store: TermStore) -> Int {
    var functions: Set<Int> = []
    for part in store.subterms(of: [term]) where store.operation(of: part) == .apply {
      guard let relation = relationOfPredicate[store.function(of: part)] else { continue }
      functions.formUnion(relations[relation].functions)
    }
    let number = relations.count
    relationOfQuantifier[term] = number
    relations.append(
      Relation(
        name: "∃\(number)", kind: .derived(term, variables: variables),
        sorts: variables.map { Self.number(store.sort(of: $0)) }, functions: functions))
    return number
  }

  /// The element variables that are free in a term, in the order in which they are met.
  private func occurrences(in term: Term, _ store: TermStore) -> [Term] {
    let free = Set(store.unboundVariables(of: [term]).filter { store.sort(of: $0) != .boolean })
    var pending = [term]
    var seen: Set<Term> = []
    var order: [Term] = []
    while let current = pending.popLast() {
      guard seen.insert(current).inserted else { continue }
      if free.contains(current) { order.append(current) }
      pending.append(contentsOf: store.operands(of: current).reversed())
    }
    return order
  }

  /// The Boolean variable of a relation at elements.
  private mutating func variable(_ relation: Int, _ arguments: [Int], in store: inout TermStore) -> Term {
    let atom = atom(relation, arguments, in: &store)
    return proposition(atom).variable
  }

  // Bindings.

  func element(_ variable: Term) -> Int {
    guard let slot = slotOf[variable] else { preconditionFailure("an element variable that was never bound") }
    return values[slot]
  }

  /// The elements that variables stand for; of one that was never bound, any.
  mutating func elements(boundTo variables: [Term]) -> [Int] { variables.map { values[slot(of: $0)] } }

  private mutating func slot(of variable: Term) -> Int {
    if let known = slotOf[variable] { return known }
    let slot = values.count
    slotOf[variable] = slot
    variableOfSlot.append(variable)
    values.append(0)
    return slot
  }

  /// The slots of the element variables that are free in a term; ascending by variable.
  private mutating func slots(of term: Term, _ store: TermStore) -> [Int] {
    if let known = freeSlots[term] { return known }
    let free = store.unboundVariables(of: [term]).filter { store.sort(of: $0) != .boolean }
    let result = free.map { slot(of: $0) }
    freeSlots[term] = result
    return result
  }

  /// What a result is kept under: the term, the step and the elements of its free variables; nil if that is too much.
  private mutating func key(of term: Term, _ step: RuleInstance?, _ store: TermStore) -> UInt128? {
    let slots = slots(of: term, store)
    if slots.count > 6 { return nil }
    var key = UInt128(term.index) << 24 | UInt128((step?.number ?? -1) + 1)
    for slot in slots { key = key << 12 | UInt128(values[slot]) }
    return key
  }
}
