import Execution
import ExplicitState
import Logic
import Murphi
import TestSupport
import TransitionSystems

/// An engine for a model that is written in a test.
func engine(_ text: String) throws -> ExplicitEngine {
  ExplicitEngine(try Program(model: try checkedModel(text)))
}

/// The rules of a trace, with their parameters, and how it ends.
func outline(_ trace: Trace?) -> [String] {
  guard let trace else { return [] }
  let steps = trace.steps.map { step in
    ([step.firing.name] + step.firing.parameters.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
  }
  return steps + (trace.failure.map { ["\($0.location ?? "?") \($0.message)"] } ?? [])
}
