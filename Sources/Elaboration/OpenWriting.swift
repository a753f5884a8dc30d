import Logic
import Murphi
import TransitionSystems

/// Puts a parameterized system together from executed rules: everything over predicates, assumptions worked in.
struct OpenWriting {
  private(set) var system: ParameterizedSystem
  private let encoding: OpenStateEncoding
  private var domains: FiniteDomains
  /// Top-level assumptions, written out: their values and failures.
  private var assumptions: [(condition: Term, failures: [Failure])] = []
  private let tables: OpenStateEncoding.Tables

  init(model: TypedModel, encoding: OpenStateEncoding, store: TermStore, sorts: [OpenSort]) {
    var store = store
    tables = encoding.tables(&store)
    self.encoding = encoding
    domains = FiniteDomains(functions: tables.domains)
    system = ParameterizedSystem(store: store, sorts: sorts, functions: tables.functions)
    system.layout = encoding.decodings(of: model, tables)
  }

  /// Adds the start states.
  mutating func write(starts: [(RuleReference, OpenCopy, RuleTerms)]) throws(FiniteDomains.TooWide) {
    for (reference, open, terms) in starts {
      let inputs = open.ruleInputs(&domains, &system.store)
      let failures = try written(terms.bodyFailures)
      let dropped = try domains.truth(terms.dropped, &system.store)
      let hindered = system.store.or(failures.map(\.condition) + [dropped])
      system.starts.append(
        ParameterizedStart(
          rule: reference, parameters: open.parameters, inputs: inputs, enabled: system.store.not(hindered),
          failures: failures, values: try updates(terms.memory, keeping: nil)))
    }
  }

  /// Adds the rules.
  mutating func write(rules: [(RuleReference, OpenCopy, RuleTerms)]) throws(FiniteDomains.TooWide) {
    let before = encoding.memory(&system.store)
    for (reference, open, terms) in rules {
      let inputs = open.ruleInputs(&domains, &system.store)
      let inGuard = try written(terms.guardFailures)
      let inBody = try written(terms.bodyFailures)
      let guardTerm = try domains.truth(terms.guardTerm, &system.store)
      let dropped = try domains.truth(terms.dropped, &system.store)
      let guardFails = system.store.or(inGuard.map(\.condition))
      let tried = system.store.and(system.store.not(guardFails), guardTerm)
      let hindered = system.store.or(inBody.map(\.condition) + [dropped])
      var failures = inGuard
      for failure in inBody {
        let condition = system.store.and(tried, failure.condition)
        failures.append(Failure(report: failure.report, condition: condition))
      }
      system.rules.append(
        ParameterizedRule(
          rule: reference, parameters: open.parameters, inputs: inputs,
          enabled: system.store.and(tried, system.store.not(hindered)), failures: possible(failures),
          updates: try updates(terms.memory, keeping: before)))
    }
  }

  /// Adds the properties and what evaluating covers can violate, and works the assumptions into starts and rules.
  mutating func write(
    properties: [ConditionTerms], covers: [Failure], assumptions: [ConditionTerms]
  ) throws(FiniteDomains.TooWide) {
    for assumption in assumptions {
      self.assumptions.append(
        (try domains.truth(assumption.condition, &system.store), try written(assumption.failures)))
    }
    assume()
    var violated: [PropertyID: [Term]] = [:]
    for (position, property) in properties.enumerated() {
      let failures = try written(property.failures)
      let holds = try domains.truth(property.condition, &system.store)
      violated[.invariant(position), default: []] += failures.map(\.condition) + [system.store.not(holds)]
      for failure in failures {
        violated[failure.report.property, default: []].append(failure.condition)
        system.evaluationFailures.append(EvaluationFailure(invariant: .invariant(position), failure: failure))
      }
    }
    for failure in try written(covers) {
      violated[failure.report.property, default: []].append(failure.condition)
      system.evaluationFailures.append(EvaluationFailure(invariant: nil, failure: failure))
    }
    for property in order(of: violated) {
      let condition = system.store.or(violated[property] ?? [])
      system.properties.append(ParameterizedProperty(property: property, violated: condition))
    }
  }

  /// Invariants as in the file, then assertions, then run-time errors; of the last two those that can be violated at all.
  private func order(of violated: [PropertyID: [Term]]) -> [PropertyID] {
    var others = Set(violated.keys)
    let failures =
      system.rules.flatMap { $0.failures + $0.arrivalFailures }
      + system.starts.flatMap { $0.failures + $0.arrivalFailures }
    others.formUnion(failures.map(\.report.property))
    var invariants: [Int] = []
    var assertions: [Int] = []
    for property in others {
      switch property {
      case .invariant(let position): invariants.append(position)
      case .assertion(let position): assertions.append(position)
      case .runTimeErrors, .deadlock, .cover: continue
      }
    }
    let last: [PropertyID] = others.contains(.runTimeErrors) ? [.runTimeErrors] : []
    return invariants.sorted().map(PropertyID.invariant) + assertions.sorted().map(PropertyID.assertion) + last
  }

  // Assumptions.

  /// A step must lead to a state that every assumption admits; one whose evaluation fails there ends the run.
  private mutating func assume() {
    if assumptions.isEmpty { return }
    for position in system.rules.indices {
      var next = NextState(after: system.rules[position], of: system)
      let (enabled, failures) = assumed(system.rules[position].enabled, &next)
      system.rules[position].enabled = enabled
      system.rules[position].arrivalFailures = possible(failures)
    }
    for position in system.starts.indices {
      var next = NextState(at: system.starts[position], of: system)
      let (enabled, failures) = assumed(system.starts[position].enabled, &next)
      system.starts[position].enabled = enabled
      system.starts[position].arrivalFailures = possible(failures)
    }
  }

  private mutating func assumed(_ enabled: Term, _ next: inout NextState) -> (Term, [Failure]) {
    var met = enabled
    var failures: [Failure] = []
    for assumption in assumptions {
      for failure in assumption.failures {
        let fails = next.before(failure.condition, in: &system.store)
        failures.append(Failure(report: failure.report, condition: system.store.and(met, fails)))
      }
      let fails = system.store.or(assumption.failures.map(\.condition))
      let isMet = system.store.and(system.store.not(fails), assumption.condition)
      met = system.store.and(met, next.before(isMet, in: &system.store))
    }
    return (met, failures)
  }

  // Parts.

  /// Failures with their conditions written out; those that cannot happen are left out.
  private mutating func written(_ failures: [Failure]) throws(FiniteDomains.TooWide) -> [Failure] {
    var result: [Failure] = []
    for failure in failures {
      result.append(
        Failure(report: failure.report, condition: try domains.truth(failure.condition, &system.store)))
    }
    return possible(result)
  }

  private func possible(_ failures: [Failure]) -> [Failure] {
    failures.filter { system.store.constant($0.condition) != .boolean(false) }
  }

  /// What a memory makes of the functions; of those that it leaves alone only where there is no state before.
  private mutating func updates(
    _ memory: [Scalar], keeping before: [Scalar]?
  ) throws(FiniteDomains.TooWide) -> [FunctionUpdate] {
    var updates: [FunctionUpdate] = []
    for (leaf, scalar) in memory.enumerated() {
      if let before, before[leaf] == scalar { continue }
      if let function = tables.positions[leaf].definedness {
        let truth = try domains.truth(scalar.defined, &system.store)
        updates.append(FunctionUpdate(function: function, predicates: [truth]))
      }
      if let function = tables.positions[leaf].value {
        let predicates = try predicates(of: function, scalar.payload)
        updates.append(FunctionUpdate(function: function, predicates: predicates))
      }
    }
    return updates.filter { before == nil || !isUnchanged($0) }
  }

  /// Whether an update gives every predicate the truth that it has.
  private mutating func isUnchanged(_ update: FunctionUpdate) -> Bool {
    let function = system.functions[update.function]
    for (position, predicate) in function.predicates.enumerated() {
      let isElement = position == 0 && function.result != nil
      let elements = isElement ? function.arguments + [function.result].compactMap { $0 } : function.arguments
      if system.store.apply(predicate, elements) != update.predicates[position] { return false }
    }
    return true
  }

  /// The truth of a function's predicates where its place holds a value.
  private mutating func predicates(
    of position: Int, _ payload: Payload
  ) throws(FiniteDomains.TooWide) -> [Term] {
    let function = system.functions[position]
    switch (payload, function.range) {
    case (.truth(let term), .boolean): return [try domains.truth(term, &system.store)]
    case (.element(let term), .elements(let sort, _, let undefined)):
      guard let result = function.result else { preconditionFailure("a function of elements without a result") }
      let value = try domains.isElement(term, result, &system.store)
      if undefined == nil { return [value] }
      let none = system.store.none(of: sort)
      return [value, try domains.isElement(term, none, &system.store)]
    case (.number(let number), .values):
      guard let code = tables.codes[position] else { preconditionFailure("a function of numbers without a code") }
      let cases = try domains.cases(system.store.resized(number, to: code.width), &system.store)
      let conditions = Dictionary(uniqueKeysWithValues: cases.map { ($0.pattern, $0.condition) })
      return code.patterns.map { conditions[$0] ?? system.store.boolean(false) }
    case (.truth, _), (.element, _), (.number, _): preconditionFailure("a value of another kind")
    }
  }
}
