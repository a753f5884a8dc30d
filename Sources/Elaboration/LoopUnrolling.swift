import Diagnostics
import Logic
import Murphi

/// Loops and quantifiers, pass by pass.
extension SymbolicExecutor {
  /// What is done in a pass.
  enum LoopBody {
    case statements([Statement])
    case quantified(QuantifierKind, Expression)
  }

  /// Runs the body once per value. `undecided` is where no pass of a quantified expression has decided yet.
  mutating func iterate(
    _ quantifier: Quantifier, _ body: LoopBody, _ undecided: inout Term
  ) throws(ElaborationError) {
    switch quantifier.domain {
    case .type(let type):
      if let sort = layout.openSort(of: type), case .scalarset(let scalarset) = type {
        let domain = OpenDomain(sort: sort, declaration: scalarset.declaration)
        return try pass(quantifier, over: domain, body, &undecided)
      }
      let count = Layout.count(of: type)
      if count > limits.values { throw refusal(.enumeration(values: limits.values), at: quantifier.range) }
      for raw in Layout.rawValues(of: type) where !isDead {
        try pass(quantifier.local, store.payload(raw, of: type), body, &undecided)
      }
    case .bounds(let from, let to, let by):
      try count(Bounds(from: try evaluateNumber(from), to: try evaluateNumber(to)), by, quantifier, body, &undecided)
    }
  }

  /// Sets the loop variable and runs the body.
  private mutating func pass(
    _ local: Int, _ value: Payload, _ body: LoopBody, _ undecided: inout Term
  ) throws(ElaborationError) {
    set(local, to: [defined(value)])
    switch body {
    case .statements(let statements): try execute(statements)
    case .quantified(let kind, let expression): try quantifyOnce(kind, expression, &undecided)
    }
  }

  /// A loop's bounds, evaluated once.
  private struct Bounds {
    let from: Number
    let to: Number
  }

  /// `a to b by s`: upwards where the step is positive, downwards where it is negative.
  private mutating func count(
    _ bounds: Bounds, _ by: Expression?, _ quantifier: Quantifier, _ body: LoopBody, _ undecided: inout Term
  ) throws(ElaborationError) {
    let (up, down, rises) = try steps(bounds, by, quantifier)
    let before = (state: state, undecided: undecided)
    narrow(to: rises)
    if !isDead { try climb(bounds, up, .up, quantifier, body, &undecided) }
    let afterUp = (state: state, undecided: undecided)
    (state, undecided) = before
    narrow(to: store.not(rises))
    if !isDead { try climb(bounds, down, .down, quantifier, body, &undecided) }
    state = join(rises, afterUp.state, state, before: before.state.path)
    undecided = store.ifThenElse(rises, afterUp.undecided, undecided)
  }

  /// The step as it is on the way up and on the way down, and which of them it is. A given step must not be zero and must
  /// lead from the first bound to the second.
  private mutating func steps(
    _ bounds: Bounds, _ by: Expression?, _ quantifier: Quantifier
  ) throws(ElaborationError) -> (up: Number, down: Number, rises: Term) {
    let isUpward = store.compare(.lessOrEqual, bounds.from, bounds.to)
    guard let by else { return (store.number(1), store.number(-1), isUpward) }
    let step = try evaluateNumber(by)
    let isZero = store.compare(.equal, step, store.number(0))
    fail(where: isZero, FailureText.zeroStep, at: quantifier.range)
    let rises = store.compare(.less, store.number(0), step)
    let isDownward = store.compare(.lessOrEqual, bounds.to, bounds.from)
    let leadsAway = store.ifThenElse(rises, store.not(isUpward), store.not(isDownward))
    fail(where: leadsAway, FailureText.wrongDirection, at: quantifier.range)
    return (clamped(step, to: 1...Int.max), clamped(step, to: Int.min...(-1)), rises)
  }
}

extension SymbolicExecutor {
  /// Which way a counting loop goes.
  private enum Direction {
    case up
    case down
  }

  /// A way out of a loop: where the runs that go on were told from those that leave.
  private struct LoopExit {
    let goesOn: Term
    let state: SymbolicState
  }

  /// A counting loop in one direction; its first pass always happens.
  private mutating func climb(
    _ bounds: Bounds, _ step: Number, _ direction: Direction, _ quantifier: Quantifier, _ body: LoopBody,
    _ undecided: inout Term
  ) throws(ElaborationError) {
    var current = bounds.from
    var reached = store.boolean(true)
    var exits: [LoopExit] = []
    while true {
      let before = undecided
      try pass(quantifier.local, .number(current), body, &undecided)
      undecided = store.ifThenElse(reached, undecided, before)
      if isDead { break }
      let next = store.arithmetic(.add, current, step, within: current.interval)
      let goesOn =
        direction == .up
        ? store.compare(.lessOrEqual, next, bounds.to) : store.compare(.lessOrEqual, bounds.to, next)
      if store.truth(goesOn) == false { break }
      if exits.count >= limits.passes || store.truth(goesOn) == true && next.interval == current.interval {
        throw refusal(.unbounded(passes: limits.passes), at: quantifier.range)
      }
      exits.append(LoopExit(goesOn: goesOn, state: state))
      narrow(to: goesOn)
      reached = store.and(reached, goesOn)
      current = direction == .up ? atMost(bounds.to, next) : atLeast(bounds.to, next)
    }
    close(exits)
  }

  /// `while`: ends when its condition has become constant.
  mutating func repeatBody(
    _ body: [Statement], while condition: Expression, at range: SourceRange
  ) throws(ElaborationError) {
    var exits: [LoopExit] = []
    while true {
      let goesOn = try evaluateTruth(condition)
      if isDead || store.truth(goesOn) == false { break }
      if exits.count >= limits.passes { throw refusal(.unbounded(passes: limits.passes), at: range) }
      exits.append(LoopExit(goesOn: goesOn, state: state))
      narrow(to: goesOn)
      try execute(body)
      if isDead { break }
    }
    close(exits)
  }

  /// Joins the runs that left a loop early with those that are still in it, innermost first.
  private mutating func close(_ exits: [LoopExit]) {
    for exit in exits.reversed() {
      var left = exit.state
      left.path = store.and(exit.state.path, store.not(exit.goesOn))
      state = join(exit.goesOn, state, left, before: exit.state.path)
    }
  }

  /// The number, known to be at most another.
  private mutating func atMost(_ limit: Number, _ number: Number) -> Number {
    clamped(number, to: Int.min...limit.interval.upperBound)
  }

  /// The number, known to be at least another.
  private mutating func atLeast(_ limit: Number, _ number: Number) -> Number {
    clamped(number, to: limit.interval.lowerBound...Int.max)
  }

  /// The number, known to lie in an interval on every run that gets here.
  private mutating func clamped(_ number: Number, to interval: ClosedRange<Int>) -> Number {
    guard number.interval.overlaps(interval) else { return number }
    return store.number(number, as: number.interval.clamped(to: interval))
  }
}
