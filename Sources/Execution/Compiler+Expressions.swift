import Murphi

/// Expressions as values.
extension Compiler {
  /// Evaluates a simple expression.
  func value(_ expression: Expression) throws(EnumerationLimit) -> Operand {
    switch expression.kind {
    case .constant(let raw):
      return .constant(raw)
    case .read(let place):
      return try read(place)
    case .not, .comparison, .connective, .implication, .quantified, .isUndefined:
      return try truth(expression)
    case .negate(let operand):
      return unary(.negate, try value(operand)) { 0 &- $0 }
    case .complement(let operand):
      return unary(.complement, try value(operand)) { ~$0 }
    case .arithmetic(let first, let steps):
      return try arithmetic(first, steps)
    case .conditional(let condition, let first, let second):
      return try conditional(condition, first, second)
    case .call(let call):
      guard case .value(let operand)? = try self.call(call, at: expression.range) else {
        preconditionFailure("a checked function in a simple expression returns a simple value")
      }
      return operand
    }
  }

  /// A boolean expression as 0 or 1.
  private func truth(_ expression: Expression) throws(EnumerationLimit) -> Operand {
    let result = allocateRegister()
    let (no, end) = (makeLabel(), makeLabel())
    switch try branch(expression, when: false, to: no) {
    case .never:
      place(no)
      place(end)
      return .constant(1)
    case .always:
      place(no)
      place(end)
      return .constant(0)
    case .depends:
      emit(.constant, a: result, k: 1)
      emitJump(.jump, to: end)
      place(no)
      emit(.constant, a: result, k: 0)
      place(end)
      return .register(result)
    }
  }

  /// Evaluates one branch.
  private func conditional(
    _ condition: Expression, _ first: Expression, _ second: Expression
  ) throws(EnumerationLimit) -> Operand {
    let result = allocateRegister()
    let (no, end) = (makeLabel(), makeLabel())
    let known = try branch(condition, when: false, to: no)
    if known != .always { move(try value(first), to: result) }
    if known == .depends { emitJump(.jump, to: end) }
    place(no)
    if known != .never { move(try value(second), to: result) }
    place(end)
    return .register(result)
  }

  /// An operation on one integer.
  private func unary(_ operation: Operation, _ operand: Operand, _ fold: (Int) -> Int) -> Operand {
    switch operand {
    case .constant(let raw): return .constant(fold(raw))
    case .register(let source):
      let result = allocateRegister()
      emit(operation, a: result, b: source)
      return .register(result)
    }
  }

  /// Operations on integers, one after another; what they need besides one register is free again after each.
  private func arithmetic(_ first: Expression, _ steps: [ArithmeticStep]) throws(EnumerationLimit) -> Operand {
    var current = try value(first)
    var result: Int?
    for step in steps {
      let target = result ?? allocateRegister()
      result = target
      current = try releasing { () throws(EnumerationLimit) in
        apply(step, current, try value(step.operand), to: target)
      }
    }
    return current
  }

  /// One operation; its result is known, or in the register.
  private func apply(_ step: ArithmeticStep, _ first: Operand, _ second: Operand, to result: Int) -> Operand {
    let divides = step.operation == .divide || step.operation == .remainder
    if case .constant(let a) = first, case .constant(let b) = second, !(divides && b == 0) {
      return .constant(step.operation.apply(a, b))
    }
    if case .register(let source) = first, case .constant(let k) = second,
      step.operation == .add || step.operation == .subtract
    {
      emit(.addConstant, a: result, b: source, k: step.operation == .add ? k : 0 &- k)
      return .register(result)
    }
    var site: FailureSite?
    if divides {
      let what = step.operation == .divide ? "division" : "remainder"
      site = FailureSite("\(what) by zero: \(text(step.operand.range))", at: step.operand.range)
    }
    emit(step.operation.instruction, a: result, b: register(first), c: register(second), site: site)
    return .register(result)
  }

  /// Where the parts of a record or array expression are.
  func source(_ expression: Expression) throws(EnumerationLimit) -> Address {
    switch expression.kind {
    case .read(let place):
      return try address(place)
    case .conditional(let condition, let first, let second):
      let result = allocateRegister()
      let (no, end) = (makeLabel(), makeLabel())
      let known = try branch(condition, when: false, to: no)
      if known != .always { move(.register(register(try source(first))), to: result) }
      if known == .depends { emitJump(.jump, to: end) }
      place(no)
      if known != .never { move(.register(register(try source(second))), to: result) }
      place(end)
      return Address(bit: 0, register: result)
    case .call(let call):
      guard case .memory(let address)? = try self.call(call, at: expression.range) else {
        preconditionFailure("a checked function in a complex expression returns a complex value")
      }
      return address
    case .constant, .not, .negate, .complement, .arithmetic, .comparison, .connective, .implication, .quantified,
      .isUndefined:
      preconditionFailure("a checked record or array expression is a place, a choice or a call")
    }
  }
}

extension ArithmeticOperator {
  /// The instruction that does it.
  fileprivate var instruction: Operation {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .divide: .divide
    case .remainder: .remainder
    case .bitAnd: .bitAnd
    case .bitOr: .bitOr
    case .bitXor: .bitXor
    case .shiftLeft: .shiftLeft
    case .shiftRight: .shiftRight
    }
  }

  /// The result; the right operand of a division is not zero.
  fileprivate func apply(_ left: Int, _ right: Int) -> Int {
    switch self {
    case .add: left &+ right
    case .subtract: left &- right
    case .multiply: left &* right
    case .divide: left / right
    case .remainder: left % right
    case .bitAnd: left & right
    case .bitOr: left | right
    case .bitXor: left ^ right
    case .shiftLeft: shifted(left, by: right)
    case .shiftRight: shifted(left, by: 0 &- right)
    }
  }
}

/// Shifts left by an amount, right by a negative one; an amount of 64 or more either way gives 0, as rumur has it.
func shifted(_ value: Int, by amount: Int) -> Int {
  if amount >= 64 || amount <= -64 { return 0 }
  return amount >= 0 ? value << amount : value >> (0 &- amount)
}
