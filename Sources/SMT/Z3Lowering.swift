import Logic

/// Terms → Z3's terms: each once per session, operands first, with a stack of its own.
extension SMTSession {
  /// The lowered form of a term, counted up for the session's life.
  mutating func lower(_ term: Term) throws(SMTError) -> OpaquePointer {
    if unsafe lowered.count < store.count {
      unsafe lowered.append(contentsOf: repeatElement(nil, count: store.count - lowered.count))
    }
    if let known = unsafe lowered[Int(term.index)] { return unsafe known }
    var pending = [term]
    while let current = pending.last {
      if unsafe lowered[Int(current.index)] != nil {
        pending.removeLast()
        continue
      }
      let missing = store.operands(of: current).filter { unsafe lowered[Int($0.index)] == nil }
      guard missing.isEmpty else {
        pending.append(contentsOf: missing)
        continue
      }
      unsafe lowered[Int(current.index)] = unsafe try lowerNode(current)
      pending.removeLast()
    }
    guard let result = unsafe lowered[Int(term.index)] else { preconditionFailure("a term was left unlowered") }
    return unsafe result
  }

  /// A term whose operands are lowered.
  private mutating func lowerNode(_ term: Term) throws(SMTError) -> OpaquePointer {
    let sort = store.sort(of: term)
    if let value = store.constant(term) {
      return unsafe try Z3Call.constant(context, value, lower(sort))
    }
    if let name = store.name(term) {
      return unsafe try Z3Call.variable(context, name, lower(sort))
    }
    let operands = store.operands(of: term)
    let inputs = unsafe operands.map { unsafe lowered[Int($0.index)] }
    switch store.operation(of: term) {
    case .apply:
      return unsafe try Z3Call.application(context, of: lower(store.function(of: term)), inputs)
    case .exists:
      guard let variable = unsafe inputs[0], let body = unsafe inputs[1] else {
        preconditionFailure("a quantifier's parts are lowered before it")
      }
      return unsafe try Z3Call.exists(context, variable, body)
    case .none: preconditionFailure("none is written out before a solver sees it")
    case .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .negate, .add, .subtract, .multiply,
      .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor,
      .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned,
      .lessOrEqualSigned, .concatenate, .extract, .extendUnsigned, .extendSigned:
      break
    }
    return unsafe try Z3Call.application(context, store.operation(of: term), inputs, shape: shape(of: term, operands))
  }

  /// The numbers beside the operands.
  private func shape(of term: Term, _ operands: ArraySlice<Term>) -> Z3Call.Shape {
    var shape = Z3Call.Shape()
    if case .bitVector(let width) = store.sort(of: term) { shape.width = UInt32(width) }
    switch store.operation(of: term) {
    case .extract: shape.lowest = UInt32(store.lowestBit(of: term))
    case .extendUnsigned, .extendSigned:
      shape.added = shape.width - operands.reduce(0) { $0 + UInt32(store.width(of: $1)) }
    case .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .negate, .add, .subtract, .multiply,
      .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor,
      .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned,
      .lessOrEqualSigned, .concatenate, .apply, .exists, .none:
      break
    }
    return shape
  }

  /// A lowered function.
  private mutating func lower(_ function: FunctionSymbol) throws(SMTError) -> OpaquePointer {
    if let known = unsafe functions[function] { return unsafe known }
    let signature = store.signature(of: function)
    var arguments: [OpaquePointer?] = unsafe []
    for sort in signature.arguments { unsafe arguments.append(try lower(sort)) }
    let result = unsafe try lower(signature.result)
    let made = unsafe try Z3Call.makeFunction(context, store.name(of: function), arguments, result)
    unsafe functions[function] = unsafe made
    return unsafe made
  }

  /// A lowered sort.
  private mutating func lower(_ sort: Sort) throws(SMTError) -> OpaquePointer {
    if let known = unsafe sorts[sort] { return unsafe known }
    let made = unsafe try Z3Call.makeSort(context, sort)
    unsafe sorts[sort] = unsafe made
    return unsafe made
  }
}
