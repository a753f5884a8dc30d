import Murphi

/// Boolean expressions as jumps: nothing is evaluated that the language does not evaluate.
extension Compiler {
  /// Whether a conditional jump is taken.
  enum Taken {
    case always
    case never
    case depends
  }

  /// Jumps to the label if the expression's value is `wanted`, else goes on.
  func branch(_ expression: Expression, when wanted: Bool, to label: Label) throws(EnumerationLimit) -> Taken {
    switch expression.kind {
    case .constant(let raw):
      return jump((raw != 0) == wanted, to: label)
    case .not(let operand):
      return try branch(operand, when: !wanted, to: label)
    case .connective(let connective, let operands):
      return try branch(ShortCircuit(connective, operands), when: wanted, to: label)
    case .implication(let left, let right):
      return try branch(ShortCircuit(left, implies: right, at: expression), when: wanted, to: label)
    case .comparison(let comparison, let left, let right):
      return try branch(comparison, left, right, when: wanted, to: label)
    case .quantified(let kind, let quantifier, let body):
      return try branch(kind, quantifier, body, when: wanted, to: label)
    case .isUndefined(let place):
      return try branchIfUndefined(place, when: wanted, to: label)
    case .read(let place):
      if let taken = try branchOnField(place, equals: 1, when: wanted, to: label) { return taken }
      return branch(try value(expression), when: wanted, to: label)
    case .call, .conditional:
      return branch(try value(expression), when: wanted, to: label)
    case .negate, .complement, .arithmetic:
      preconditionFailure("a checked condition is boolean")
    }
  }

  /// A jump that is always or never taken.
  private func jump(_ taken: Bool, to label: Label) -> Taken {
    if taken { emitJump(.jump, to: label) }
    return taken ? .always : .never
  }

  /// On a value that is 0 or 1.
  private func branch(_ operand: Operand, when wanted: Bool, to label: Label) -> Taken {
    switch operand {
    case .constant(let raw):
      return jump((raw != 0) == wanted, to: label)
    case .register(let register):
      emitJump(wanted ? .jumpIfTrue : .jumpIfFalse, a: register, to: label)
      return .depends
    }
  }

  /// `&`, `|`, `->`: operands of which each but the last may decide.
  private struct ShortCircuit {
    /// All but the last.
    let leading: ArraySlice<Expression>
    /// The value of a leading operand that decides, and what it decides.
    let deciding: Bool
    let decision: Bool
    /// What counts where none decides.
    let last: Expression
    /// What is marked where none decides.
    let implication: Expression?

    init(_ connective: Connective, _ operands: [Expression]) {
      guard let last = operands.last else { preconditionFailure("a connective has operands") }
      leading = operands.dropLast()
      deciding = connective == .or
      decision = deciding
      self.last = last
      implication = nil
    }

    init(_ left: Expression, implies right: Expression, at whole: Expression) {
      leading = [left]
      deciding = false
      decision = true
      last = right
      implication = whole
    }
  }

  /// On `&`, `|`, `->`.
  private func branch(
    _ operands: ShortCircuit, when wanted: Bool, to label: Label
  ) throws(EnumerationLimit) -> Taken {
    let jumpsOn = wanted == operands.decision
    let decided = jumpsOn ? label : makeLabel()
    var leading = Taken.never
    for operand in operands.leading where leading != .always {
      leading = both(leading, try branch(operand, when: operands.deciding, to: decided))
    }
    var last = Taken.never
    if leading != .always {
      markImplication(operands.implication)
      last = try branch(operands.last, when: wanted, to: label)
    }
    if jumpsOn { return both(leading, last) }
    place(decided)
    return leading == .never || last == .never ? last : .depends
  }

  /// Two chances to jump.
  func both(_ first: Taken, _ second: Taken) -> Taken {
    if second == .always { return .always }
    return first == .never ? second : .depends
  }

  /// The left side of an implication of a property was true.
  private func markImplication(_ whole: Expression?) {
    guard let whole, let property = marking else { return }
    let implication = Implication(property: property, range: whole.range)
    let position = code.implications.firstIndex(of: implication)
    if position == nil { code.implications.append(implication) }
    emit(.markImplication, a: position ?? code.implications.count - 1)
  }

  /// On a comparison.
  private func branch(
    _ comparison: ComparisonOperator, _ left: Expression, _ right: Expression, when wanted: Bool, to label: Label
  ) throws(EnumerationLimit) -> Taken {
    guard left.type.isSimple else { return try branchOnParts(comparison, left, right, when: wanted, to: label) }
    let operation = wanted ? comparison : comparison.negated
    if operation == .equal || operation == .notEqual {
      let equal = operation == .equal
      if case .read(let place) = left.kind, case .constant(let raw)? = known(right),
        let taken = try branchOnField(place, equals: raw, when: equal, to: label)
      {
        return taken
      }
      if case .read(let place) = right.kind, case .constant(let raw)? = known(left),
        let taken = try branchOnField(place, equals: raw, when: equal, to: label)
      {
        return taken
      }
    }
    let first = try value(left)
    let second = try value(right)
    return compare(operation, first, second, to: label)
  }

  /// The value of an expression that needs no code; nil for others.
  private func known(_ expression: Expression) -> Operand? {
    switch expression.kind {
    case .constant(let raw):
      return .constant(raw)
    case .read(let place):
      guard case .local(let local) = place.root, place.path.isEmpty,
        case .value(let operand)? = activation.bindings[local]
      else { return nil }
      return operand
    case .not, .negate, .complement, .arithmetic, .comparison, .connective, .implication, .conditional, .quantified,
      .isUndefined, .call:
      return nil
    }
  }

  /// On two simple values.
  func compare(
    _ operation: ComparisonOperator, _ first: Operand, _ second: Operand, to label: Label
  ) -> Taken {
    switch (first, second) {
    case (.constant(let a), .constant(let b)):
      return jump(operation.apply(a, b), to: label)
    case (.constant, .register):
      return compare(operation.swapped, second, first, to: label)
    case (.register(let a), .constant(let k)):
      switch operation {
      case .equal: emitJump(.jumpIfEqualConstant, a: a, k: k, to: label)
      case .notEqual: emitJump(.jumpIfNotEqualConstant, a: a, k: k, to: label)
      case .lessOrEqual: emitJump(.jumpIfAtMostConstant, a: a, k: k, to: label)
      case .greaterOrEqual: emitJump(.jumpIfAtLeastConstant, a: a, k: k, to: label)
      case .less, .greater: return compareRegisters(operation, a, register(second), to: label)
      }
    case (.register(let a), .register(let b)):
      return compareRegisters(operation, a, b, to: label)
    }
    return .depends
  }

  /// On two registers.
  private func compareRegisters(_ operation: ComparisonOperator, _ a: Int, _ b: Int, to label: Label) -> Taken {
    switch operation {
    case .equal: emitJump(.jumpIfEqual, a: a, b: b, to: label)
    case .notEqual: emitJump(.jumpIfNotEqual, a: a, b: b, to: label)
    case .less: emitJump(.jumpIfLess, a: a, b: b, to: label)
    case .lessOrEqual: emitJump(.jumpIfLessOrEqual, a: a, b: b, to: label)
    case .greater: emitJump(.jumpIfLess, a: b, b: a, to: label)
    case .greaterOrEqual: emitJump(.jumpIfLessOrEqual, a: b, b: a, to: label)
    }
    return .depends
  }

  /// On records or arrays, part by part: undefined equals undefined.
  private func branchOnParts(
    _ comparison: ComparisonOperator, _ left: Expression, _ right: Expression, when wanted: Bool, to label: Label
  ) throws(EnumerationLimit) -> Taken {
    let first = register(try source(left))
    let second = register(try source(right))
    let same = (comparison == .equal) == wanted
    emitJump(same ? .jumpIfSameBits : .jumpIfOtherBits, a: first, b: second, k: left.type.width, to: label)
    return .depends
  }

  /// On a field that lies in one known word and a value of its range; nil if it is not such.
  private func branchOnField(
    _ place: Place, equals raw: Int, when wanted: Bool, to label: Label
  ) throws(EnumerationLimit) -> Taken? {
    if case .local(let local) = place.root, case .value? = activation.bindings[local] { return nil }
    guard place.path.allSatisfy(isKnown) else { return nil }
    let encoding = place.type.encoding
    guard encoding.lower <= raw && raw <= encoding.upper else { return nil }
    let address = try address(place)
    guard let field = staticField(address, encoding) else { return nil }
    let position = code.instructions.count
    emitJump(
      wanted ? .jumpIfFieldEqual : .jumpIfFieldNotEqual, b: field.word,
      k: Int(truncatingIfNeeded: encoding.encode(raw)), j: Int(truncatingIfNeeded: encoding.mask), to: label,
      site: undefined(place))
    code.instructions[position].shift = UInt8(field.shift)
    return .depends
  }

  /// Whether a step of a path needs no code.
  private func isKnown(_ step: Place.Step) -> Bool {
    switch step {
    case .field: true
    case .element(let index): if case .constant? = known(index) { true } else { false }
    }
  }

  /// On `isundefined`.
  private func branchIfUndefined(_ place: Place, when wanted: Bool, to label: Label) throws(EnumerationLimit) -> Taken {
    if case .local(let local) = place.root, place.path.isEmpty, case .value? = activation.bindings[local] {
      return jump(!wanted, to: label)
    }
    let address = try address(place)
    let position = code.instructions.count
    let operation: Operation = wanted ? .jumpIfUndefined : .jumpIfDefined
    emitJump(operation, b: address.register ?? 0, j: address.bit, to: label)
    code.instructions[position].width = UInt8(place.type.encoding.width)
    return .depends
  }

  /// On a quantified expression: stops at the first value that decides.
  private func branch(
    _ kind: QuantifierKind, _ quantifier: Quantifier, _ body: Expression, when wanted: Bool, to label: Label
  ) throws(EnumerationLimit) -> Taken {
    let decision = kind == .exists
    let decided = makeLabel()
    var taken = Taken.never
    try loop(quantifier, body: [.expression(body)]) { () throws(EnumerationLimit) in
      guard taken != .always else { return }
      taken = both(taken, try branch(body, when: decision, to: wanted == decision ? label : decided))
    }
    if wanted == decision { return taken }
    if taken != .always { emitJump(.jump, to: label) }
    place(decided)
    return taken == .always ? .never : taken == .never ? .always : .depends
  }
}

extension ComparisonOperator {
  /// What holds exactly if this does not.
  fileprivate var negated: Self {
    switch self {
    case .equal: .notEqual
    case .notEqual: .equal
    case .less: .greaterOrEqual
    case .lessOrEqual: .greater
    case .greater: .lessOrEqual
    case .greaterOrEqual: .less
    }
  }

  /// The same with its sides exchanged.
  fileprivate var swapped: Self {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    }
  }

  /// The result.
  fileprivate func apply(_ left: Int, _ right: Int) -> Bool {
    switch self {
    case .equal: left == right
    case .notEqual: left != right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    }
  }
}
