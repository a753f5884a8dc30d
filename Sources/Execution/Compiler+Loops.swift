import Murphi

/// Loops and quantifiers.
extension Compiler {
  /// Whether a loop's variable may be written.
  enum LoopVariable {
    case read
    case written
  }

  /// A loop whose bounds are known: `count` passes, at least one.
  struct Passes {
    let from: Int
    let step: Int
    let count: Int
    /// The last value.
    var last: Int { from &+ (count - 1) &* step }
  }

  /// Compiles a body once per value, or once in a loop.
  func loop(
    _ quantifier: Quantifier, body: [Node], variable: LoopVariable = .read,
    _ emitBody: () throws(EnumerationLimit) -> Void
  ) throws(EnumerationLimit) {
    switch quantifier.domain {
    case .type(let type):
      try EnumerationLimit.check(count: type.count, of: "the range \(type.summary)")
      let passes = Passes(from: type.encoding.lower, step: 1, count: type.count)
      try loop(quantifier, passes, body: body, variable: variable, emitBody)
    case .bounds(let from, let to, let by):
      let first = try value(from)
      let last = try value(to)
      let step = try by.map { (expression) throws(EnumerationLimit) in try value(expression) }
      guard case .constant(let low) = first, case .constant(let high) = last else {
        return try runningLoop(quantifier, first, last, step, variable: variable, emitBody)
      }
      switch step {
      case nil:
        let passes = try known(from: low, to: high, step: high >= low ? 1 : -1, of: quantifier)
        try loop(quantifier, passes, body: body, variable: variable, emitBody)
      case .constant(let step)? where step != 0 && (high == low || (high > low) == (step > 0)):
        let passes = try known(from: low, to: high, step: step, of: quantifier)
        try loop(quantifier, passes, body: body, variable: variable, emitBody)
      case .constant?, .register?:
        try runningLoop(quantifier, first, last, step, variable: variable, emitBody)
      }
    }
  }

  /// The passes between known bounds.
  private func known(
    from low: Int, to high: Int, step: Int, of quantifier: Quantifier
  ) throws(EnumerationLimit) -> Passes {
    let count = Int(clamping: (high.subtractingSaturated(low) / step).addingSaturated(1))
    try EnumerationLimit.check(count: count, of: "the range \(text(quantifier.range))")
    return Passes(from: low, step: step, count: count)
  }

  /// A loop whose bounds are known.
  private func loop(
    _ quantifier: Quantifier, _ passes: Passes, body: [Node], variable: LoopVariable,
    _ emitBody: () throws(EnumerationLimit) -> Void
  ) throws(EnumerationLimit) {
    if weights.unrolls(passes: passes.count, body: body) {
      for pass in 0..<passes.count {
        try releasing { () throws(EnumerationLimit) in
          bindPass(quantifier.local, .constant(passes.from + pass * passes.step), variable)
          try emitBody()
        }
      }
      return
    }
    let counter = allocateRegister()
    let top = makeLabel()
    emit(.constant, a: counter, k: passes.from)
    place(top)
    try releasing { () throws(EnumerationLimit) in
      bindPass(quantifier.local, .register(counter), variable)
      try emitBody()
    }
    emitJump(.advanceConstant, a: counter, k: passes.step, j: passes.last, to: top)
  }

  /// A loop whose bounds are known only when it runs.
  private func runningLoop(
    _ quantifier: Quantifier, _ first: Operand, _ last: Operand, _ step: Operand?, variable: LoopVariable,
    _ emitBody: () throws(EnumerationLimit) -> Void
  ) throws(EnumerationLimit) {
    let (counter, end, stride, passes) = (
      allocateRegister(), allocateRegister(), allocateRegister(), allocateRegister()
    )
    move(first, to: counter)
    move(last, to: end)
    if let step {
      move(step, to: stride)
      emit(.checkStep, a: stride, site: FailureSite("the step of a loop is 0", at: quantifier.range))
      emit(
        .checkDirection, a: counter, b: end, c: stride,
        site: FailureSite("the step of a loop goes in the wrong direction", at: quantifier.range))
    } else {
      emit(.defaultStep, a: stride, b: counter, c: end)
    }
    emit(.constant, a: passes, k: 0)
    let top = makeLabel()
    place(top)
    let limit = EnumerationLimit.limit
    emit(
      .countPass, a: passes, k: limit,
      site: FailureSite("loop does not end within \(limit) passes", at: quantifier.range))
    try releasing { () throws(EnumerationLimit) in
      bindPass(quantifier.local, .register(counter), variable)
      try emitBody()
    }
    emitJump(.advance, a: counter, b: end, k: stride, to: top)
  }

  /// Gives the loop's variable its value in a pass.
  private func bindPass(_ local: Int, _ operand: Operand, _ variable: LoopVariable) {
    switch variable {
    case .read:
      activation.bindings[local] = .value(operand)
    case .written:
      let type = activation.locals[local].type
      let memory = allocateMemory(type)
      storeUnchecked(operand, at: memory, type.encoding)
      activation.bindings[local] = .memory(memory)
    }
  }
}
