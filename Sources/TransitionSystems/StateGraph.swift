package import Logic

/// Every reachable state of a small model and every step between them, as named values.
package struct StateGraph: Hashable, Sendable {
  /// A state.
  package struct Node: Hashable, Sendable {
    /// A value for each of the graph's variables.
    package let values: [Value]
    /// What looking at it violates, deadlock included.
    package var violated: [PropertyID]

    package init(values: [Value], violated: [PropertyID]) {
      self.values = values
      self.violated = violated
    }
  }

  /// Where a firing leads.
  package enum Target: Hashable, Sendable {
    /// A node, by position.
    case node(Int)
    /// A run-time error ends the run.
    case failure(RunTimeFailure)
  }

  /// A firing of a rule, or a start state.
  package struct Edge: Hashable, Sendable {
    /// A node, by position; nil for a start state.
    package let source: Int?
    package let firing: Firing
    package let target: Target

    package init(source: Int?, firing: Firing, target: Target) {
      self.source = source
      self.firing = firing
      self.target = target
    }
  }

  /// The model's variables, in file order.
  package let variables: [String]
  /// In the order of discovery, breadth first.
  package var nodes: [Node]
  /// In the order of the sources, then of the rules.
  package var edges: [Edge]

  package init(variables: [String], nodes: [Node] = [], edges: [Edge] = []) {
    self.variables = variables
    self.nodes = nodes
    self.edges = edges
  }
}
