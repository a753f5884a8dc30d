import Logic
import TransitionSystems

/// Builds a `SynchronousSystem`, whose essay says what and why.
struct SynchronousBuilder {
  let system: TransitionSystem
  private(set) var store: TermStore
  /// Whether the start state has been chosen; true from the beginning if the offset is 0.
  let running: Term
  /// The start state, if it is one that needs no choice.
  let resets: [TermValue]?
  let startCode: ChoiceCode
  let code: ChoiceCode
  /// The inputs that name a rule and its values; nil where there is nothing to choose.
  private(set) var digits: [Term?] = []

  init(_ system: TransitionSystem) {
    self.system = system
    store = system.store
    resets = Self.constantStart(of: system)
    code = ChoiceCode(system.transitions.map { ChoiceCode.Candidate(rule: $0.rule, parameters: $0.parameters) })
    let starts = resets == nil ? system.starts : []
    startCode = ChoiceCode(starts.map { ChoiceCode.Candidate(rule: $0.rule, parameters: $0.parameters) })
    running = resets == nil ? store.variable("#running", .boolean) : store.boolean(true)
    let length = max(code.widths.count, startCode.widths.count)
    digits = (0..<length).map { index in
      let widths = [code, startCode].map { $0.widths.count > index ? $0.widths[index] : 0 }
      let width = max(widths[0], widths[1])
      let name = index == 0 ? "#rule" : "#parameter\(index - 1)"
      return width == 0 ? nil : store.variable(name, .bitVector(width: width))
    }
  }

  /// The values of the start, if there is one only, which depends on nothing and cannot go wrong.
  private static func constantStart(of system: TransitionSystem) -> [TermValue]? {
    guard system.starts.count == 1, let start = system.starts.first else { return nil }
    let harms = start.failures.map(\.condition) + [start.dropped]
    guard start.parameters.allSatisfy({ $0.variable == nil && $0.domain == nil }),
      harms.allSatisfy({ system.store.constant($0) == .boolean(false) })
    else { return nil }
    let values = start.values.compactMap { system.store.constant($0) }
    return values.count == start.values.count ? values : nil
  }

  /// The whole.
  mutating func build(deciding properties: [PropertyID]) -> SynchronousSystem {
    let canMove = store.and(running, system.isAdmitted(in: &store))
    let fires = system.transitions.enumerated().map { position, transition in
      store.and([canMove, isNamed(code.codes[position]), transition.isEnabled(in: &store)])
    }
    let begins = system.starts.indices.map { resets == nil ? isNamed(startCode.codes[$0]) : store.boolean(false) }
    var registers = stateRegisters(fires, begins)
    if resets == nil { registers.append(runningRegister(begins)) }
    var bads: [SynchronousSystem.Bad] = []
    for property in properties {
      let failure = failure(of: property, canMove, begins)
      var term = visible(property)
      var memory: Term?
      if store.constant(failure) != .boolean(false) {
        let register = store.variable("#failed \(property.text)", .boolean)
        registers.append(SynchronousSystem.Register(term: register, reset: .boolean(false), next: failure))
        term = store.or(term, register)
        memory = register
      }
      bads.append(SynchronousSystem.Bad(property: property, term: term, failure: memory))
    }
    return SynchronousSystem(self, inputs: inputs(), registers: registers, bads: bads, fires: fires)
  }

  /// The inputs name a candidate.
  private mutating func isNamed(_ code: [Int?]) -> Term {
    var parts: [Term] = []
    for (digit, number) in zip(digits, code) {
      guard let digit, let number else { continue }
      parts.append(store.equal(digit, store.integer(number, width: store.width(of: digit))))
    }
    return store.and(parts)
  }

  /// The state: what the rule that fires makes of it; at first what the start makes.
  private mutating func stateRegisters(_ fires: [Term], _ begins: [Term]) -> [SynchronousSystem.Register] {
    var next = system.variables.map(\.term)
    for (transition, fires) in zip(system.transitions, fires).reversed() {
      for update in transition.updates {
        next[update.variable] = store.ifThenElse(fires, update.value, next[update.variable])
      }
    }
    return system.variables.indices.map { variable in
      let term = system.variables[variable].term
      guard let resets else {
        let value = startValue(of: variable, begins) ?? term
        next[variable] = store.ifThenElse(running, next[variable], value)
        return SynchronousSystem.Register(term: term, reset: Self.zero(store.sort(of: term)), next: next[variable])
      }
      return SynchronousSystem.Register(term: term, reset: resets[variable], next: next[variable])
    }
  }

  /// What the start that is named gives a variable; some start's where none is named. Nil without starts.
  private mutating func startValue(of variable: Int, _ begins: [Term]) -> Term? {
    guard var value = system.starts.last?.values[variable] else { return nil }
    for (start, begins) in zip(system.starts, begins).dropLast().reversed() {
      value = store.ifThenElse(begins, start.values[variable], value)
    }
    return value
  }

  /// True from the tick after a start was named that neither fails nor is dropped.
  private mutating func runningRegister(_ begins: [Term]) -> SynchronousSystem.Register {
    var ways = [running]
    for (start, begins) in zip(system.starts, begins) {
      let hindered = store.or(start.failures.map(\.condition) + [start.dropped])
      ways.append(store.and(start.parameters.compactMap(\.domain) + [begins, store.not(hindered)]))
    }
    return SynchronousSystem.Register(term: running, reset: .boolean(false), next: store.or(ways))
  }

  /// The tick ends in a failure that violates the property.
  private mutating func failure(of property: PropertyID, _ canMove: Term, _ begins: [Term]) -> Term {
    let isBeginning = store.not(running)
    var ways: [Term] = []
    for (start, begins) in zip(system.starts, begins) {
      let failure = start.failures.condition(violating: property, in: &store)
      ways.append(store.and(start.parameters.compactMap(\.domain) + [isBeginning, begins, failure]))
    }
    for (position, transition) in system.transitions.enumerated() {
      let fails = transition.fails(violating: property, in: &store)
      if store.constant(fails) == .boolean(false) { continue }
      ways.append(store.and([canMove, isNamed(code.codes[position]), fails]))
    }
    return store.or(ways)
  }

  /// Looking at the state violates the property.
  private mutating func visible(_ property: PropertyID) -> Term {
    let admitted = system.isAdmitted(in: &store)
    let violated = store.and(admitted, system.isViolated(property, in: &store))
    return store.and(running, store.or(violated, system.assumptionFails(violating: property, in: &store)))
  }

  /// The rule, its values, then every parameter that is a variable.
  private func inputs() -> [Term] {
    let parameters = system.transitions.flatMap(\.parameters) + system.starts.flatMap(\.parameters)
    return digits.compactMap { $0 } + Set(parameters.compactMap(\.variable)).sorted()
  }

  private static func zero(_ sort: Sort) -> TermValue {
    switch sort {
    case .boolean: .boolean(false)
    case .bitVector(let width): .bits(0, width: width)
    case .uninterpreted: preconditionFailure("a state variable of an uninterpreted sort")
    }
  }
}
