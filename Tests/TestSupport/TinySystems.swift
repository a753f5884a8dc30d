package import Logic
package import TransitionSystems

/// A hand-made system with one property and the answer that every engine must give.
package struct TinySystem: Sendable, CustomStringConvertible {
  /// What is so.
  package enum Answer: Sendable, Hashable {
    /// The shortest run to a violation has this many transitions.
    case violated(depth: Int)
    /// Holds; k-induction proves it at the first k, or (nil) never, and with simple paths at the second.
    case holds(k: Int?, simple: Int)
  }

  package let name: String
  package let system: TransitionSystem
  package let property: PropertyID
  package let answer: Answer

  package var description: String { name }
}

/// Builds systems over one word `x` of four bits, rule by rule.
package struct TinyBuilder {
  package var store = TermStore()
  /// The state.
  package let x: Term
  package var starts: [StartState] = []
  package var transitions: [Transition] = []
  package var assumptions: [StateCondition] = []
  package var invariants: [Invariant] = []

  package init() { x = store.variable("x", .bitVector(width: 4)) }

  package mutating func number(_ value: Int) -> Term { store.integer(value, width: 4) }
  package mutating func isNumber(_ value: Int) -> Term {
    let constant = number(value)
    return store.equal(x, constant)
  }

  /// A failure report.
  package func report(_ property: PropertyID, _ message: String = "boom") -> RunTimeFailure {
    RunTimeFailure(property: property, message: message, location: nil)
  }

  /// Starts in a state.
  package mutating func start(at value: Int, failures: [Failure] = []) {
    let rule = RuleReference(index: starts.count, name: "startstate \(starts.count + 1)")
    starts.append(
      StartState(rule: rule, failures: failures, dropped: store.boolean(false), values: [number(value)]))
  }

  /// A rule that leads from one state to another.
  package mutating func rule(from: Int, to: Int, failures: [Failure] = [], dropped: Bool = false) {
    let guardTerm = isNumber(from)
    rule(when: guardTerm, to: number(to), failures: failures, dropped: dropped)
  }

  /// A rule.
  package mutating func rule(
    when guardTerm: Term, to value: Term, failures: [Failure] = [], guardFailures: [Failure] = [],
    parameters: [Parameter] = [], dropped: Bool = false
  ) {
    let rule = RuleReference(index: transitions.count, name: "rule \(transitions.count + 1)")
    transitions.append(
      Transition(
        rule: rule, parameters: parameters, guardTerm: guardTerm, guardFailures: guardFailures,
        bodyFailures: failures, dropped: store.boolean(dropped), updates: [Update(variable: 0, value: value)]))
  }

  /// Demands that the state never is this.
  package mutating func never(_ value: Int) {
    let bad = isNumber(value)
    invariants.append(Invariant(property: .invariant(invariants.count), condition: store.not(bad)))
  }

  package var system: TransitionSystem {
    TransitionSystem(
      store: store, variables: [SystemVariable(x)], layout: [ModelVariable("x", .unsigned(x, offset: 0))],
      starts: starts, transitions: transitions, assumptions: assumptions, invariants: invariants)
  }
}

extension TinySystem {
  private static func make(
    _ name: String, _ answer: Answer, of property: PropertyID = .invariant(0), _ build: (inout TinyBuilder) -> Void
  ) -> TinySystem {
    var builder = TinyBuilder()
    build(&builder)
    return TinySystem(name: name, system: builder.system, property: property, answer: answer)
  }

  /// Every system with a known answer.
  package static let all: [TinySystem] = proofs + violations + failures + filters

  private static let proofs: [TinySystem] = [
    make("a cycle that cannot leave", .holds(k: 1, simple: 1)) {
      $0.start(at: 0)
      for value in 0..<5 { $0.rule(from: value, to: (value + 1) % 5) }
      $0.never(9)
    },
    make("an unreachable state before the bad one", .holds(k: 2, simple: 2)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 1)
      $0.rule(from: 1, to: 0)
      $0.rule(from: 6, to: 7)
      $0.never(7)
    },
    make("an unreachable loop before the bad state", .holds(k: nil, simple: 5)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 0)
      $0.rule(from: 3, to: 3)
      for value in 3..<7 { $0.rule(from: value, to: value + 1) }
      $0.never(7)
    },
    make("two invariants that need each other", .holds(k: 1, simple: 1)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 0)
      $0.rule(from: 6, to: 7)
      $0.never(7)
      $0.never(6)
    },
    make("no start state at all", .holds(k: 2, simple: 2)) {
      $0.rule(from: 0, to: 7)
      $0.never(7)
    },
  ]

  private static let violations: [TinySystem] = [
    make("bad at the start", .violated(depth: 0)) {
      $0.start(at: 0)
      $0.start(at: 7)
      $0.never(7)
    },
    make("counts to the bad state", .violated(depth: 5)) {
      $0.start(at: 0)
      let one = $0.number(1)
      let sum = $0.store.add($0.x, one)
      let always = $0.store.boolean(true)
      $0.rule(when: always, to: sum)
      $0.never(5)
    },
    make("a violated invariant beside it is no help", .violated(depth: 2)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 6)
      $0.rule(from: 6, to: 7)
      $0.never(7)
      $0.never(6)
    },
    make("stops after the violation", .violated(depth: 1)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 7)
      $0.never(7)
    },
    make("a symbolic parameter picks the bad state", .violated(depth: 2)) {
      $0.start(at: 0)
      let p = $0.store.variable("p", .bitVector(width: 4))
      let limit = $0.number(3)
      let domain = $0.store.lessOrEqualUnsigned(p, limit)
      let sum = $0.store.add($0.x, p)
      let always = $0.store.boolean(true)
      let parameter = Parameter("p", decoding: .unsigned(p, offset: 0), variable: p, domain: domain)
      $0.rule(when: always, to: sum, parameters: [parameter])
      $0.never(5)
    },
  ]

  private static let failures: [TinySystem] = [
    make("a body that fails in a reachable state", .violated(depth: 4), of: .runTimeErrors) {
      $0.start(at: 0)
      for value in 0..<3 { $0.rule(from: value, to: value + 1) }
      $0.rule(from: 3, to: 0, failures: [Failure(report: $0.report(.runTimeErrors), condition: $0.store.boolean(true))])
    },
    make("a body that fails in an unreachable state", .holds(k: 1, simple: 1), of: .runTimeErrors) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 0)
      $0.rule(from: 3, to: 0, failures: [Failure(report: $0.report(.runTimeErrors), condition: $0.store.boolean(true))])
      $0.never(3)
    },
    make("a guard that fails", .violated(depth: 2), of: .runTimeErrors) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 1)
      let failure = Failure(report: $0.report(.runTimeErrors), condition: $0.isNumber(1))
      let no = $0.store.boolean(false)
      $0.rule(when: no, to: $0.number(0), guardFailures: [failure])
    },
    make("a guard's failure hides the body's", .holds(k: 1, simple: 1), of: .assertion(0)) {
      $0.start(at: 0)
      let yes = $0.store.boolean(true)
      let inGuard = Failure(report: $0.report(.runTimeErrors), condition: yes)
      let inBody = Failure(report: $0.report(.assertion(0)), condition: yes)
      $0.rule(when: yes, to: $0.number(0), failures: [inBody], guardFailures: [inGuard])
    },
    make("an assertion fails after one step", .violated(depth: 2), of: .assertion(3)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 1)
      $0.rule(from: 1, to: 2, failures: [Failure(report: $0.report(.assertion(3)), condition: $0.store.boolean(true))])
    },
    make("a failing step leads nowhere", .holds(k: 1, simple: 1)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 7, failures: [Failure(report: $0.report(.runTimeErrors), condition: $0.store.boolean(true))])
      $0.never(7)
    },
    make("a start that fails", .violated(depth: 0), of: .runTimeErrors) {
      $0.start(at: 0, failures: [Failure(report: $0.report(.runTimeErrors), condition: $0.store.boolean(true))])
    },
    make("an invariant whose evaluation fails", .violated(depth: 1), of: .runTimeErrors) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 1)
      let failure = Failure(report: $0.report(.runTimeErrors), condition: $0.isNumber(1))
      $0.invariants = [
        Invariant(property: .invariant(0), condition: $0.store.boolean(true), failures: [failure])
      ]
    },
    make("such an invariant does not hold either", .violated(depth: 1)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 1)
      let failure = Failure(report: $0.report(.runTimeErrors), condition: $0.isNumber(1))
      let condition = $0.isNumber(0)
      $0.rule(from: 1, to: 0)
      $0.invariants = [Invariant(property: .invariant(0), condition: condition, failures: [failure])]
    },
  ]

  private static let filters: [TinySystem] = [
    make("an assumption cuts the way off", .holds(k: 1, simple: 1)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 6)
      $0.rule(from: 6, to: 7)
      let six = $0.isNumber(6)
      $0.assumptions = [StateCondition(condition: $0.store.not(six))]
      $0.never(7)
    },
    make("an assumption that fails", .violated(depth: 1), of: .runTimeErrors) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 6)
      let failure = Failure(report: $0.report(.runTimeErrors), condition: $0.isNumber(6))
      $0.assumptions = [StateCondition(condition: $0.store.boolean(true), failures: [failure])]
    },
    make("a dropped firing", .holds(k: 1, simple: 1)) {
      $0.start(at: 0)
      $0.rule(from: 0, to: 7, dropped: true)
      $0.never(7)
    },
  ]
}
