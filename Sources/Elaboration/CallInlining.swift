import Diagnostics
import Logic
import Murphi

/// Calls, by executing the function's body in place.
extension SymbolicExecutor {
  /// Runs a call: arguments from left to right, then the body. Returns: the value's leaves; none for a procedure.
  mutating func run(_ call: Call, at range: SourceRange) throws(ElaborationError) -> [Scalar] {
    let function = model.functions[call.function]
    let arguments = try evaluate(call, of: function, at: range)
    if isDead { return anything(function.returnType) }
    if frames.count > limits.depth { throw refusal(.unbounded(passes: limits.depth), at: range) }
    let caller = state
    let context = store.and(frame.context, state.path)
    state.path = store.boolean(true)
    enter(function.locals, context: context, returning: function.returnType)
    bind(arguments)
    try execute(function.body)
    finish(function, at: range)
    guard let exit = leave() else {
      state = caller
      state.path = store.boolean(false)
      return anything(function.returnType)
    }
    state = SymbolicState(path: caller.path, memory: Array(exit.state.memory[..<caller.memory.count]))
    return exit.value
  }

  /// An argument as it was passed.
  private enum Passed {
    case value([Scalar])
    case place(ResolvedPlace)
  }

  /// Evaluates the arguments in the caller.
  private mutating func evaluate(
    _ call: Call, of function: Function, at range: SourceRange
  ) throws(ElaborationError) -> [Passed] {
    var passed: [Passed] = []
    for (position, argument) in call.arguments.enumerated() {
      switch argument {
      case .reference(let place): passed.append(.place(try resolve(place)))
      case .value(let expression):
        let type = function.locals[position].type
        passed.append(.value(try pass(expression, as: type, parameter: position, of: function)))
      }
    }
    return passed
  }

  /// A value as a parameter receives it: a designator may be undefined; what is defined must be in range.
  private mutating func pass(
    _ expression: Expression, as type: Type, parameter: Int, of function: Function
  ) throws(ElaborationError) -> [Scalar] {
    guard type.isSimple else { return try evaluate(expression) }
    var leaf: Scalar
    if case .read(let place) = expression.kind {
      leaf = load(try resolve(place))[0]
    } else {
      leaf = defined(try evaluateSimple(expression))
    }
    guard case .number(let number) = leaf.payload, let values = type.rawValues else { return [leaf] }
    let outside = store.and(leaf.defined, store.not(store.isInside(number, values)))
    fail(where: outside, FailureText.argument(function.locals[parameter]), at: expression.range)
    let interval = values.overlaps(number.interval) ? values.clamped(to: number.interval) : values
    return [Scalar(defined: leaf.defined, payload: .number(store.number(number, as: interval)))]
  }

  /// Gives the innermost call's parameters what was passed.
  private mutating func bind(_ arguments: [Passed]) {
    for (local, argument) in arguments.enumerated() {
      switch argument {
      case .value(let leaves): set(local, to: leaves)
      case .place(let place): frame.bindings[local] = .place(place)
      }
    }
  }

  /// What happens to runs that reach the end of a body: a procedure returns, a function fails.
  private mutating func finish(_ function: Function, at range: SourceRange) {
    if isDead { return }
    if function.returnType != nil {
      fail(where: store.boolean(true), FailureText.noReturn(function), at: function.range)
    } else {
      frame.exits.append(Frame.Exit(state: state, value: []))
    }
  }

  /// A value for runs that never get it.
  private mutating func anything(_ type: Type?) -> [Scalar] {
    guard let type else { return [] }
    var leaves: [Scalar] = []
    for leaf in layout.leaves(of: type) { leaves.append(store.undefined(leaf.type, in: layout)) }
    return leaves
  }
}
