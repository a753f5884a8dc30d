import Diagnostics
import Murphi

/// Functions and procedures.
extension Compiler {
  /// Compiles a call; what it returns, if anything.
  func call(_ call: Call, at range: SourceRange) throws(EnumerationLimit) -> Binding? {
    let function = model.functions[call.function]
    var bindings = [Binding?](repeating: nil, count: function.locals.count)
    for (position, argument) in call.arguments.enumerated() {
      bindings[position] = try bind(argument, to: function.locals[position])
    }
    if weights.inlined[call.function] != nil { return try inline(function, bindings) }
    return callOut(call.function, function, bindings, at: range)
  }

  /// What a parameter stands for.
  private func bind(_ argument: Call.Argument, to parameter: Local) throws(EnumerationLimit) -> Binding {
    switch argument {
    case .reference(let place):
      return .memory(try address(place))
    case .value(let expression) where !parameter.type.isSimple:
      let source = try source(expression)
      let memory = allocateMemory(parameter.type)
      copy(from: source, to: memory, width: parameter.type.width)
      return .memory(memory)
    case .value(let expression):
      let site = FailureSite(
        "argument $ is outside \(parameter.type.summary) of parameter `\(parameter.name)`", at: expression.range)
      if case .read(let place) = expression.kind, !isBoundToValue(place) {
        return try passPossiblyUndefined(place, expression, to: parameter, site)
      }
      let operand = try checked(try value(expression), of: expression, in: parameter.type.encoding, site)
      return .value(operand)
    }
  }

  /// Whether reading a place yields a value that is known or in a register.
  private func isBoundToValue(_ place: Place) -> Bool {
    guard case .local(let local) = place.root, case .value? = activation.bindings[local] else { return false }
    return true
  }

  /// Passes a simple place by value: it may be undefined, and then so is the parameter.
  private func passPossiblyUndefined(
    _ place: Place, _ expression: Expression, to parameter: Local, _ site: FailureSite
  ) throws(EnumerationLimit) -> Binding {
    let source = try address(place)
    let memory = allocateMemory(parameter.type)
    let (undefinedLabel, end) = (makeLabel(), makeLabel())
    let position = code.instructions.count
    emitJump(.jumpIfUndefined, b: source.register ?? 0, j: source.bit, to: undefinedLabel)
    code.instructions[position].width = UInt8(place.type.encoding.width)
    let operand = load(source, place.type.encoding, undefined(place))
    let encoding = parameter.type.encoding
    storeUnchecked(try checked(operand, of: expression, in: encoding, site), at: memory, encoding)
    emitJump(.jump, to: end)
    self.place(undefinedLabel)
    undefine(memory, width: encoding.width)
    self.place(end)
    return .memory(memory)
  }

  /// Puts the body here.
  private func inline(_ function: Function, _ bindings: [Binding?]) throws(EnumerationLimit) -> Binding? {
    var result: Binding?
    if let type = function.returnType {
      result = type.isSimple ? .value(.register(allocateRegister())) : .memory(allocateMemory(type))
    }
    let (caller, property) = (activation, marking)
    let end = makeLabel()
    marking = nil
    activation = Activation(
      locals: function.locals, bindings: bindings, returning: .inlined(end: end, result: result))
    prepareVariables()
    try compile(function.body)
    if result != nil { missingReturn(function) }
    place(end)
    (activation, marking) = (caller, property)
    return result
  }

  /// Calls the code that `complete` adds. The callee's register 1 holds the simple result or the address of the other;
  /// from 2 on the addresses of the arguments.
  private func callOut(
    _ position: Int, _ function: Function, _ bindings: [Binding?], at range: SourceRange
  ) -> Binding? {
    var addresses: [Int] = []
    for (local, binding) in zip(function.locals, bindings.prefix(function.parameterCount)) {
      switch binding {
      case .memory(let address)?:
        addresses.append(register(address))
      case .value(let operand)?:
        let memory = allocateMemory(local.type)
        storeUnchecked(operand, at: memory, local.type.encoding)
        addresses.append(register(memory))
      case nil:
        preconditionFailure("a checked call gives every parameter an argument")
      }
    }
    var result: Binding?
    if let type = function.returnType, !type.isSimple { result = .memory(allocateMemory(type)) }
    let resultAddress: Int? = if case .memory(let address)? = result { register(address) } else { nil }
    let window = allocateRegister()
    let returned = allocateRegister()
    if let resultAddress { emit(.move, a: returned, b: resultAddress) }
    for (offset, address) in addresses.enumerated() { emit(.move, a: window + 2 + offset, b: address) }
    code.registers = max(code.registers, window + 2 + addresses.count)
    let site = FailureSite("calls of `\(function.name)` are nested too deeply", at: range)
    pendingCalls.append((emit(.call, a: window, b: nextWord, site: site), position))
    guard let type = function.returnType else { return nil }
    return type.isSimple ? .value(.register(returned)) : result
  }

  /// Compiles a function that is called.
  func compileCalled(_ position: Int) throws(EnumerationLimit) {
    let function = model.functions[position]
    marking = nil
    (nextRegister, nextWord) = (2 + function.parameterCount, 0)
    code.registers = nextRegister
    frame = Address(bit: 0, register: allocateRegister())
    emit(.frameAddress, a: frame.register ?? 0)
    var bindings = [Binding?](repeating: nil, count: function.locals.count)
    for parameter in 0..<function.parameterCount {
      bindings[parameter] = .memory(Address(bit: 0, register: 2 + parameter))
    }
    activation = Activation(locals: function.locals, bindings: bindings, returning: .called(function.returnType))
    prepareVariables()
    try compile(function.body)
    if function.returnType == nil { emit(.callReturn) } else { missingReturn(function) }
  }

  /// Gives the body's variables memory, undefined.
  func prepareVariables() {
    for (position, local) in activation.locals.enumerated() where local.kind == .variable {
      let memory = allocateMemory(local.type)
      undefine(memory, width: local.type.width)
      activation.bindings[position] = .memory(memory)
    }
  }

  /// The end of a function that should have returned.
  private func missingReturn(_ function: Function) {
    emit(.fail, site: FailureSite("function `\(function.name)` ends without returning a value", at: function.range))
  }
}
