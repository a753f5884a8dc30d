import Logic

@testable import Interchange

/// Evaluates an and-inverter graph gate by gate, for 64 assignments at once.
struct GraphSimulation {
  /// By node: a bit per assignment.
  private var values: [UInt64]

  /// `leaves`: by node, a bit per assignment.
  init(_ graph: AndInverterGraph, leaves: [Int: UInt64]) {
    values = [UInt64](repeating: 0, count: graph.count)
    for node in 0..<graph.count {
      if let (left, right) = graph.conjunction(node) {
        values[node] = self[left] & self[right]
      } else {
        values[node] = leaves[node] ?? 0
      }
    }
  }

  /// A literal's bits.
  subscript(_ literal: AndInverterGraph.Literal) -> UInt64 {
    literal.isNegated ? ~values[literal.node] : values[literal.node]
  }

  /// The pattern of literals, the lowest bit first, under one assignment.
  func pattern(_ literals: [AndInverterGraph.Literal], at assignment: Int) -> UInt128 {
    var pattern: UInt128 = 0
    for (position, literal) in literals.enumerated() where self[literal] >> UInt64(assignment) & 1 == 1 {
      pattern |= 1 << UInt128(position)
    }
    return pattern
  }
}
