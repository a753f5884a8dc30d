import SMT
package import TransitionSystems

/// Bounded model checking (Biere, Cimatti, Clarke, Zhu, "Symbolic model checking without BDDs", 1999): is there a run of
/// 0, 1, 2, … transitions that ends in a violation?
///
/// - Depths in ascending order, each completely before the next: a counterexample is one of the shortest. (required)
/// - All open properties are asked about at once; only when some run exists are they told apart, by evaluating it. So a depth
///   at which nothing is violated costs one query per kind of condition, not one per property.
/// - What no run of some length meets is asserted from then on (`Queries.search`): it follows, but Z3 does not see it by itself. The
///   toy to depth 14 takes 1.2 s with it and 17 s without.
/// - Properties are independent: a run may pass through states that violate another one. It may not pass through a run-time
///   error, for that ends it.
/// - The same system, options and budget give the same queries and hence, Z3 being deterministic, the same trace.
///
/// Known limits: no proof, even if all runs end before the bound; deadlock and covers are not decided.
package struct BMC: Engine {
  package let name = "bmc"
  private let system: TransitionSystem
  private let options: Queries.Options

  package init(_ system: TransitionSystem, options: Queries.Options = .unrolling) {
    self.system = system
    self.options = options
  }

  package func decide(_ properties: [PropertyID], within budget: Budget) async throws -> [Verdict] {
    let interrupter = Interrupter()
    return try await withTaskCancellationHandler {
      try search(properties, within: budget, interrupter)
    } onCancel: {
      interrupter.interrupt(because: .cancelled)
    }
  }

  /// The loop over depths.
  private func search(
    _ properties: [PropertyID], within budget: Budget, _ interrupter: Interrupter
  ) throws -> [Verdict] {
    var verdicts: [PropertyID: Verdict] = [:]
    var open = properties.filter(\.isSymbolic)
    var queries = try Queries(system, options: options, interrupter: interrupter)
    var depth = 0
    var rest = Verdict.bounded(depth: budget.depth)
    while !open.isEmpty, depth <= budget.depth {
      let found: [PropertyID: Trace]
      switch try queries.examine(depth: depth, for: open, effort: budget.effort) {
      case .done(let traces): found = traces
      case .stopped(let reason, let traces):
        found = traces
        rest = .stopped(reason, cleared: depth - 1)
        depth = budget.depth
      }
      for (property, trace) in found { verdicts[property] = .violated(trace, shortest: true) }
      open.removeAll { found[$0] != nil }
      depth += 1
    }
    return properties.map { property in
      verdicts[property] ?? (property.isSymbolic ? rest : .unknown(reason: "\(name) does not decide \(property)"))
    }
  }
}
