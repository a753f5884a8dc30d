package import SMT
package import TransitionSystems

/// Bounded model checking (Biere, Cimatti, Clarke, Zhu, "Symbolic model checking without BDDs", 1999): is there a run of
/// 0, 1, 2, … transitions that ends in a violation?
///
/// - Depths in ascending order, each completely before the next: a counterexample is one of the shortest. (required)
/// - *Localization* (Kurshan, "Computer-aided verification of coordinating processes", 1994; Clarke, Gupta, Strichman, "SAT-based
///   counterexample-guided abstraction refinement", 2004): only variables are unrolled that a refutation was found to need
///   (`LocalUnrolling`). A run that Z3 claims is executed; where it turns out to be none, what Z3 misjudged is followed from then on
///   (`LocalSearch.concretize`). Of the toy at 8·8·4 (528 variables) eight are followed to depth 14.
/// - *Representatives*: of the ways in which a property can be violated only those are asked about that name the elements of a
///   symmetric scalarset in their order (`TransitionSystem`). This is what makes localization worth while: one table's one leaf for one
///   vCPU instead of all of them. Depths stay exact, for a permuted run is as long.
/// - Properties are asked about one after the other; a run that violates several counts for each. All at once is one question
///   for a depth at which nothing is violated, but a harder one than all of them together: sept-teardown to depth 14 32 s, in groups
///   of five 20 s, one by one 12 s of processor time (where little is to be searched it costs something: vm-types 0.43 s, then 0.66 s).
/// - What no run of some length meets is asserted from then on: it follows, but Z3 does not see it by itself (measured before
///   localization: the toy to depth 14 took 1.2 s with it and 17 s without).
/// - Transitions that commute are left in any order. Of two that could be taken in either order the later one forbidden to come
///   first (Wang, Yang, Kahlon, Gupta, "Peephole partial order reduction", 2008) gave Z3 more to do than it spared: sept-teardown
///   to depth 14 21 s instead of 12.
/// - Properties are independent: a run may pass through states that violate another one. It may not pass through a run-time
///   error, for that ends it.
/// - The same system, options and budget give the same queries and hence, Z3 being deterministic, the same trace.
///
/// Measured on a loaded machine of two cores, seconds of processor time, everything unrolled at once / this: toy 2·2·2 to depth 14
/// 0.57 / 0.10; at 4·4·4 >150 / 0.17; at 8·8·4 >150 / 0.42; sept-teardown to depth 10 8.7 / 5.1, tdx-locks 2.3 / 1.7, vm-types 0.35 /
/// 0.62 and coco-flags 0.15 / 0.33, where nearly all is needed in the end and is asked for bit by bit. Copies of rules instead of
/// symbolic parameters (`RulesetForm.expanded`) are quicker on the toy (0.3 at 8·8·4) and tdx-locks to depth 12 (0.9 instead of 6), and
/// slower on vm-types (1.8) and sept-teardown (20).
///
/// A `bounded` verdict rests on the static rules for scalarsets where there are representatives, beside elaboration and Z3.
///
/// Known limits: no proof, even if all runs end before the bound; deadlock and covers are not decided.
package struct BMC: Engine {
  /// The solver that it asks unless told otherwise.
  package static let solver = SolverKind.logic("QF_FD")

  package let name = "bmc"
  private let system: TransitionSystem
  private let kind: SolverKind

  package init(_ system: TransitionSystem, kind: SolverKind = BMC.solver) {
    self.system = system
    self.kind = kind
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
    var local = try LocalSearch(system, kind: kind, effort: budget.effort, interrupter: interrupter)
    var depth = 0
    var rest = Verdict.bounded(depth: budget.depth)
    while !open.isEmpty, depth <= budget.depth {
      let found: [PropertyID: Trace]
      switch try local.examine(depth: depth, for: open) {
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
