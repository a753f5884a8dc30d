package import Logic
package import TransitionSystems

/// Nothing that was asked about is violated after the inputs of a witness.
package struct NotViolated: Error, Hashable, Sendable {}

extension SynchronousSystem {
  /// A value for each input at one time.
  package typealias Tick = [Term: TermValue]

  /// The run of the source that the inputs of times 0, 1, … make, and the property that it violates. Times at which nothing
  /// fires are left out.
  ///
  /// At the last time the registers alone are looked at. `property` is what they are said to violate; nil means the first that
  /// they do violate. Requires: at least one time; each with all inputs.
  package func run(
    of ticks: [Tick], violating property: PropertyID?
  ) throws(NotViolated) -> (run: SystemRun, property: PropertyID) {
    let times = simulate(ticks)
    var last = times[times.count - 1]
    let bad = bads.first { (property == nil || $0.property == property) && last.isTrue($0.term) }
    guard let bad else { throw NotViolated() }
    let isFailure = bad.failure.map { last.isTrue($0) } ?? false
    var start = offset == 0 ? SystemRun.Choice(position: 0, parameters: [:]) : nil
    var moves: [SystemRun.Choice] = []
    for (time, tick) in ticks.dropLast().enumerated() {
      let isFailing = isFailure && time == times.count - 2
      var before = times[time]
      var after = times[time + 1]
      if start == nil {
        guard isFailing || after.isTrue(running), let position = named(by: tick, startCode) else { continue }
        start = choice(position, source.starts[position].parameters, tick)
      } else if let position = named(by: tick, code), isFailing || before.isTrue(fires[position]) {
        moves.append(choice(position, source.transitions[position].parameters, tick))
      }
    }
    guard let start else { preconditionFailure("a violation before any start") }
    return (SystemRun(start: start, moves: moves), bad.property)
  }

  /// Registers and inputs at each time.
  private func simulate(_ ticks: [Tick]) -> [Evaluation] {
    var contents = Dictionary(uniqueKeysWithValues: registers.map { ($0.term, $0.reset) })
    return ticks.map { tick in
      let evaluation = Evaluation(store, contents.merging(tick) { first, _ in first })
      var next = evaluation
      contents = Dictionary(uniqueKeysWithValues: registers.map { ($0.term, next.value(of: $0.next)) })
      return next
    }
  }

  /// The candidate that a time's inputs name; nil if there is none.
  private func named(by tick: Tick, _ code: ChoiceCode) -> Int? {
    let numbers = digits.map { digit in digit.flatMap { tick[$0] }.map { Int($0.unsigned) } ?? 0 }
    return code.codes.firstIndex { code in
      zip(code, numbers).allSatisfy { $0 == nil || $0 == $1 }
    }
  }

  private func choice(_ position: Int, _ parameters: [Parameter], _ tick: Tick) -> SystemRun.Choice {
    var values: [Term: TermValue] = [:]
    for variable in parameters.compactMap(\.variable) { values[variable] = tick[variable] }
    return SystemRun.Choice(position: position, parameters: values)
  }
}
