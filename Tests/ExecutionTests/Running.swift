import Execution
import Logic
import Murphi
import TestSupport
import TransitionSystems

/// What a tiny model does: its first start state, then the first copy of its first rule.
struct Running {
  let program: Program
  let interpreter: Interpreter

  init(_ text: String) throws {
    program = try Program(model: try checkedModel(text))
    interpreter = Interpreter(program)
  }

  /// The first start state.
  func start() throws -> State {
    guard case .successor(let state) = interpreter.start(0) else { throw Unexpected.startFailed }
    return state
  }

  /// The values after the first start state and copy `copy` of the rules.
  func fired(_ copy: Int = 0) throws -> [Value] {
    switch interpreter.fire(copy, on: try start()) {
    case .successor(let state): return program.values(of: state)
    case .disabled: throw Unexpected.disabled
    case .dropped: throw Unexpected.dropped
    case .failed(let failure, _): throw Unexpected.failed(failure)
    case .stopped: preconditionFailure("nothing stops this interpreter")
    }
  }

  /// The failure of the first copy of the rules after the first start state; nil if it does not fail.
  func failure(_ copy: Int = 0) throws -> RunTimeFailure? {
    guard case .failed(let failure, _) = interpreter.fire(copy, on: try start()) else { return nil }
    return failure
  }

  enum Unexpected: Error {
    case startFailed
    case disabled
    case dropped
    case failed(RunTimeFailure)
  }
}

/// The values after the first rule of a model.
func values(after text: String) throws -> [Value] { try Running(text).fired() }

/// How the first rule of a model fails, as `line:column message`; nil if it does not.
func failure(of text: String) throws -> String? {
  try Running(text).failure().map { "\($0.location ?? "?") \($0.message)" }
}
