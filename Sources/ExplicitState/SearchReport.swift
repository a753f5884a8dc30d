package import Execution
package import Murphi
package import TransitionSystems

/// What a search is asked, and when it may stop.
package struct SearchOptions: Sendable {
  /// When a search ends before all states are visited.
  package enum Stop: Hashable, Sendable {
    /// At the first violation, error or deadlock, as rumur does; the violating state is not stored.
    case atFirstViolation
    /// When each of these is violated or, for covers, hit.
    case whenDecided([PropertyID])
    /// Never: every reachable state is visited.
    case whenExhausted
  }
  package var stop: Stop
  package var budget: Budget
  package var deadlock: DeadlockMode
  /// Scalarsets, by declaration, whose renamings turn a state into one that need not be visited as well. Requires: the model treats
  /// the values of each alike.
  package var symmetry: Set<Int>

  package init(stop: Stop, budget: Budget = Budget(), deadlock: DeadlockMode, symmetry: Set<Int> = []) {
    self.symmetry = symmetry
    self.stop = stop
    self.budget = budget
    self.deadlock = deadlock
  }
}

/// A property and the first run that violates it; no run is shorter.
package struct Violation: Hashable, Sendable {
  package let property: PropertyID
  package let trace: Trace

  package init(property: PropertyID, trace: Trace) {
    self.property = property
    self.trace = trace
  }
}

/// What a search found.
package struct SearchReport: Sendable {
  /// A rule as written once.
  package struct RuleCount: Hashable, Sendable {
    /// The position in `TypedModel.rules`.
    package let index: Int
    package let name: String
    /// Firings of all its copies, those to old states included.
    package let fired: Int
    /// Whether the constants alone switch every copy off.
    package let isSwitchedOff: Bool
  }

  /// A cover.
  package struct CoverCount: Hashable, Sendable {
    package let name: String
    package let hits: Int
  }

  /// An implication of an invariant.
  package struct ImplicationCount: Hashable, Sendable {
    package let implication: Implication
    /// Whether its left side was true in some visited state.
    package let isTriggered: Bool
  }

  package let states: Int
  package let rulesFired: Int
  /// The greatest distance from a start state.
  package let diameter: Int
  /// Different start states that satisfy the assumptions.
  package let startStates: Int
  package let rules: [RuleCount]
  package let covers: [CoverCount]
  package let implications: [ImplicationCount]
  /// Bytes of states, parents and table.
  package let bytes: Int
  /// In the order in which they were found; at most one per property, deadlock included.
  package let violations: [Violation]
  /// Why the search stopped before its end; nil if it did not, or stopped because nothing was left to decide.
  package let limit: LimitReason?
  /// Every run of this many transitions was examined.
  package let completeDepth: Int
  /// Whether every reachable state was visited.
  package let isExhaustive: Bool

  /// Bytes per state.
  package var bytesPerState: Double { states == 0 ? 0 : Double(bytes) / Double(states) }

  /// The first violation of a property.
  package func trace(of property: PropertyID) -> Trace? { violations.first { $0.property == property }?.trace }
}
