package import Execution
import Logic
import MMUEngine
import Murphi
package import TransitionSystems

/// Runs a counterexample on the concrete machine, step by step.
///
/// The trace's rules become operations (`ActionDecoder`); after every step the machine's observables must equal what the model's
/// state says. Every step but the last must be answered as the model expects and must damage nothing; the last one must end in
/// exactly the event that the variant names. Damage that the variant names for other properties may be done on the way or in the same
/// step. Then the same operations are put to the unmodified kernel.
package struct Replayer: Sendable {
  private let program: Program
  private let decoder: ActionDecoder

  /// Nil if the model names no operation and no observable: there is nothing to replay.
  package init?(program: Program) {
    self.program = program
    decoder = ActionDecoder(program: program)
    guard decoder.isBound else { return nil }
  }

  /// Replays. `event` is what the last step must end in; nil: nothing in particular, every step must be answered as expected.
  ///
  /// `damage` are checks that may fire on the way, or beside `event` in the last step, because the same variant names them as the end of
  /// another trace: a kernel that releases the HKID too early has done that damage before it runs into an assertion.
  package func replay(
    _ trace: Trace, policy name: String, event: String?, tolerating damage: Set<String> = []
  ) -> ReplayReport {
    guard let policy = KernelPolicy(named: name) else {
      return ReplayReport(
        result: .notReplayable("the engine has no policy \(name); `kvmcheck engine` lists them"), policy: name,
        steps: [],
        rightKernel: nil)
    }
    do {
      let script = try script(of: trace)
      let run = try run(script, policy: policy, event: event, damage: damage)
      let right: RightKernel =
        policy == policy.form
        ? .isThisKernel : try rightKernel(script, policy: policy.form, besides: run.steps)
      return ReplayReport(result: run.result, policy: name, steps: run.steps, rightKernel: right)
    } catch let error as ActionDecoder.NoCounterpart {
      return ReplayReport(result: .notReplayable(error.reason), policy: name, steps: [], rightKernel: nil)
    } catch {
      return ReplayReport(result: .notReplayable("\(error)"), policy: name, steps: [], rightKernel: nil)
    }
  }

  /// A step as the machine has to do it.
  private struct ScriptedStep {
    let requests: [ActionDecoder.Request]
    /// What must be observed afterwards; nil after a step that fails in the model.
    let predictions: [ActionDecoder.Prediction]?
  }

  private func script(of trace: Trace) throws(ActionDecoder.NoCounterpart) -> [ScriptedStep] {
    var states: [State] = []
    for (index, step) in trace.steps.enumerated() {
      guard let state = program.state(step.values) else {
        throw ActionDecoder.NoCounterpart("state \(index) of the trace is no state of this model")
      }
      states.append(state)
    }
    var script = [
      ScriptedStep(requests: try decoder.setup(in: states[0]), predictions: try decoder.predictions(in: states[0]))
    ]
    for index in 1..<max(1, states.count) {
      guard let copy = program.ruleCopy(trace.steps[index].firing) else {
        throw ActionDecoder.NoCounterpart(
          "step \(index): the model has no such copy of \(trace.steps[index].firing.name)")
      }
      let isFailing = index == states.count - 1 && trace.failure != nil
      script.append(
        ScriptedStep(
          requests: try decoder.requests(for: copy, in: states[index - 1]),
          predictions: isFailing ? nil : try decoder.predictions(in: states[index])))
    }
    return script
  }

  /// What a run came to.
  private struct Run {
    var steps: [[PerformedOperation]] = []
    var result: ReplayReport.Result
  }

  private func run(
    _ script: [ScriptedStep], policy: KernelPolicy, event: String?, damage: Set<String>
  ) throws -> Run {
    var machine = Machine(policy: policy)
    var steps: [[PerformedOperation]] = []
    for (index, step) in script.enumerated() {
      let isLast = index == script.count - 1
      var performed: [PerformedOperation] = []
      for request in step.requests {
        let operation = try Self.perform(request, on: &machine)
        performed.append(operation)
        if isLast, let event, operation.endsIn(event, beside: damage) {
          return Run(steps: steps + [performed], result: .reproduced(event: event))
        }
        let isTolerated = !isLast && operation.outcome.checks.allSatisfy { damage.contains($0.name) }
        guard request.expects(operation.outcome.status), operation.outcome.checks.isEmpty || isTolerated else {
          let divergence = Divergence(
            step: index, subject: request.name, model: isLast ? event ?? request.expectation : request.expectation,
            engine: Self.words(operation))
          return Run(steps: steps + [performed], result: .diverged(divergence))
        }
      }
      steps.append(performed)
      if let divergence = try Self.difference(step, of: machine, index: index) {
        return Run(steps: steps, result: .diverged(divergence))
      }
    }
    guard let event else { return Run(steps: steps, result: .reproduced(event: "SUCCESS")) }
    let last = steps.last?.last.map(Self.words) ?? "no operation"
    let divergence = Divergence(step: script.count - 1, subject: "the last step's event", model: event, engine: last)
    return Run(steps: steps, result: .diverged(divergence))
  }

  /// Puts the same operations to the unmodified kernel and finds where it first answers otherwise.
  private func rightKernel(
    _ script: [ScriptedStep], policy: KernelPolicy, besides broken: [[PerformedOperation]]
  ) throws -> RightKernel {
    var machine = Machine(policy: policy)
    for (index, step) in script.enumerated() where broken.indices.contains(index) {
      for (request, other) in zip(step.requests, broken[index]) {
        let operation = try Self.perform(request, on: &machine)
        if operation.outcome != other.outcome {
          return .stops(step: index, operation: request.name, status: Self.words(operation))
        }
      }
      if index < script.count - 1, let difference = try Self.difference(step, of: machine, index: index) {
        return .differs(
          step: index, observable: difference.subject, model: difference.model, engine: difference.engine)
      }
    }
    return .follows
  }

  private static func perform(_ request: ActionDecoder.Request, on machine: inout Machine) throws -> PerformedOperation
  {
    let arguments = Dictionary(request.arguments.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    do {
      let outcome = try machine.perform(request.name, arguments)
      return PerformedOperation(name: request.name, arguments: request.arguments, outcome: outcome)
    } catch {
      throw ActionDecoder.NoCounterpart("\(request.name): \(error)")
    }
  }

  /// The first observable that differs from its prediction.
  private static func difference(_ step: ScriptedStep, of machine: Machine, index: Int) throws -> Divergence? {
    for prediction in step.predictions ?? [] {
      let observed: Argument
      do { observed = try machine.observe(prediction.name, prediction.indices) } catch {
        throw ActionDecoder.NoCounterpart("observable \(prediction.label): \(error)")
      }
      guard observed != prediction.value else { continue }
      return Divergence(
        step: index, subject: prediction.label, model: prediction.value.description, engine: observed.description)
    }
    return nil
  }

  private static func words(_ operation: PerformedOperation) -> String {
    operation.outcome.status + operation.outcome.checks.map { "; \($0.name): \($0.detail)" }.joined()
  }
}
