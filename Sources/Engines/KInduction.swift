package import SMT
package import TransitionSystems

/// k-induction (Sheeran, Singh, Stålmarck, "Checking safety properties using induction and a SAT-solver", 2000), for all
/// properties together.
///
/// For k = 1, 2, …: the *base* is bounded search at depth k − 1; the *step* asks whether k states in a row that satisfy the
/// candidates can be followed by a violation.
///
/// - The hypothesis is the conjunction of all invariants of the system, whichever were asked about, for they support each
///   other. Candidates that a start-state run violates, or that the step does not keep, leave the hypothesis, and the rest is
///   asked again. (required: what is left was proved with nothing else assumed)
/// - What was proved at a smaller k is assumed of every state from then on.
/// - The base covers *every* depth 0 … k − 1. The step relation is not total, so "no run of exactly k − 1 transitions violates"
///   would say nothing about a model that stops earlier. (required)
/// - Assumptions and the absence of run-time errors belong to the step relation, not to the hypothesis. (required)
/// - Run-time errors are a property without a hypothesis of their own, but for the evaluation of invariants.
/// - With `Paths.simple` the states before the last are pairwise different, which makes the method complete; the constraint is
///   added lazily (`InductionStep`).
///
/// Known limits: k is small for a reason; counters need another engine. Deadlock and covers are not decided.
package struct KInduction: Engine {
  /// Which paths the step considers.
  package enum Paths: Hashable, Sendable {
    case any
    /// Without repeated states.
    case simple
  }

  package let name = "k-induction"
  private let system: TransitionSystem
  private let paths: Paths
  private let baseKind: SolverKind
  private let stepOptions: Queries.Options

  package init(
    _ system: TransitionSystem, paths: Paths = .any, base: SolverKind = BMC.solver,
    step: Queries.Options = .incremental
  ) {
    self.system = system
    self.paths = paths
    baseKind = base
    stepOptions = step
  }

  package func decide(_ properties: [PropertyID], within budget: Budget) async throws -> [Verdict] {
    let interrupter = Interrupter()
    return try await withTaskCancellationHandler {
      try induct(properties, within: budget, interrupter)
    } onCancel: {
      interrupter.interrupt(because: .cancelled)
    }
  }

  /// The loop over k.
  private func induct(
    _ properties: [PropertyID], within budget: Budget, _ interrupter: Interrupter
  ) throws -> [Verdict] {
    let asked = properties.filter(\.isSymbolic)
    var open = system.invariants.map(\.property)
    for property in asked where !open.contains(property) { open.append(property) }
    var verdicts: [PropertyID: Verdict] = [:]
    var base = try LocalSearch(system, kind: baseKind, effort: budget.effort, interrupter: interrupter)
    var step = try InductionStep(
      Queries(system, options: stepOptions, interrupter: interrupter), candidates: open, paths: paths,
      effort: budget.effort)
    var rest = Verdict.bounded(depth: max(0, budget.depth - 1))
    var k = 1
    while k <= max(1, budget.depth), asked.contains(where: { verdicts[$0] == nil }) {
      switch try base.examine(depth: k - 1, for: open) {
      case .done(let traces): record(traces, &verdicts, &open)
      case .stopped(let reason, let traces):
        record(traces, &verdicts, &open)
        rest = .stopped(reason, cleared: k - 2)
        k = budget.depth
        open = []
      }
      if budget.depth > 0 {
        switch try step.nextRound(open: open) {
        case .inductive(let proved):
          for property in proved { verdicts[property] = .proved(.kInduction(k: k), sizes: .thisScope) }
          open.removeAll(where: proved.contains)
        case .stopped(let reason):
          rest = .stopped(reason, cleared: k - 1)
          k = budget.depth
        }
      }
      k += 1
    }
    return properties.map { property in
      verdicts[property] ?? (property.isSymbolic ? rest : .unknown(reason: "\(name) does not decide \(property)"))
    }
  }

  private func record(
    _ traces: [PropertyID: Trace], _ verdicts: inout [PropertyID: Verdict], _ open: inout [PropertyID]
  ) {
    for (property, trace) in traces { verdicts[property] = .violated(trace, shortest: true) }
    open.removeAll { traces[$0] != nil }
  }
}
