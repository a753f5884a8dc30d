package import Execution
package import Murphi
package import TransitionSystems

/// The explicit-state engine: one exhaustive search decides all properties asked for, each for itself.
package struct ExplicitEngine: Engine {
  package let program: Program
  package let deadlock: DeadlockMode

  /// `deadlock`: nil means as the model's directives say.
  package init(_ program: Program, deadlock: DeadlockMode? = nil) {
    self.program = program
    self.deadlock = deadlock ?? program.model.directives.deadlock
  }

  package var name: String { "explicit" }

  package func decide(_ properties: [PropertyID], within budget: Budget) async throws -> [Verdict] {
    let options = SearchOptions(stop: .whenDecided(properties), budget: budget, deadlock: deadlock)
    let report = BreadthFirstSearch(program, options: options).run()
    return properties.map { verdict($0, report) }
  }

  /// Searches as rumur does: to the end, or to the first violation, error or deadlock; with `only`, to the first of that property.
  /// `symmetry` names scalarsets as `SearchOptions.symmetry` does.
  package func explore(
    within budget: Budget = Budget(), only: PropertyID? = nil, symmetry: Set<Int> = []
  ) -> SearchReport {
    let stop: SearchOptions.Stop = only.map { .whenDecided([$0]) } ?? .atFirstViolation
    let options = SearchOptions(stop: stop, budget: budget, deadlock: deadlock, symmetry: symmetry)
    return BreadthFirstSearch(program, options: options).run()
  }

  /// Searches everything, whatever is violated: for vacuity, covers and all properties at once.
  package func exhaust(within budget: Budget = Budget()) -> SearchReport {
    let options = SearchOptions(stop: .whenExhausted, budget: budget, deadlock: deadlock)
    return BreadthFirstSearch(program, options: options).run()
  }

  /// What a search says about a property.
  package func verdict(_ property: PropertyID, _ report: SearchReport) -> Verdict {
    if let trace = report.trace(of: property) {
      return property == .deadlock ? .deadlock(trace) : .violated(trace, shortest: true)
    }
    if property == .deadlock && deadlock == .off { return .unknown(reason: "deadlock detection is off") }
    let evidence = Evidence.search(states: report.states, rulesFired: report.rulesFired, diameter: report.diameter)
    if case .cover(let position) = property, report.covers[position].hits > 0 {
      return .proved(evidence, sizes: .thisScope)
    }
    if let limit = report.limit {
      return .limit(limit, reached: Reached(depth: report.completeDepth, states: report.states))
    }
    // A search that stopped early has decided all that it was asked; what is left was not asked.
    guard report.isExhaustive else { return .bounded(depth: report.completeDepth) }
    if report.startStates == 0 { return .vacuous(.noStartState) }
    if case .cover(let position) = property {
      return .vacuous(.coverNotReached(name: report.covers[position].name))
    }
    return .proved(evidence, sizes: .thisScope)
  }
}
