import Murphi

/// Rules, start states and properties, copy by copy.
extension Compiler {
  /// A family heavier than this over all its copies gets code that reads its parameters from registers.
  private static let specialisationLimit = 20_000

  /// Compiles all copies of a body.
  func compile(_ body: Body, first: Int) throws(EnumerationLimit) -> Family {
    for local in body.locals where local.kind != .reference {
      try EnumerationLimit.check(local.type, of: local.name)
    }
    let parameters = try body.parameters()
    let count = parameters.reduce(1) { $0 * $1.count }
    let weight = body.weight(weights)
    var entries: [Int] = []
    var disabled: Set<Int> = []
    if count == 1 || count.multipliedSaturated(weight) <= Self.specialisationLimit {
      let family = Family(
        kind: body.kind, position: body.position, parameters: parameters, count: count, first: first, entries: [],
        disabled: [])
      for ordinal in 0..<count {
        let values = family.parameters(ofCopy: ordinal).map(Operand.constant)
        entries.append(code.instructions.count)
        if try compileCopy(body, parameters, values) == .never { disabled.insert(ordinal) }
      }
    } else {
      entries.append(code.instructions.count)
      let values = parameters.indices.map { Operand.register($0 + 1) }
      if try compileCopy(body, parameters, values) == .never { disabled = Set(0..<count) }
    }
    return Family(
      kind: body.kind, position: body.position, parameters: parameters, count: count, first: first, entries: entries,
      disabled: disabled)
  }

  /// Whether a copy can do anything.
  private enum Enabled {
    case never
    case perhaps
  }

  /// Compiles a copy: aliases, guard; aliases again, body. Or aliases, condition.
  private func compileCopy(
    _ body: Body, _ parameters: [Family.Parameter], _ values: [Operand]
  ) throws(EnumerationLimit) -> Enabled {
    let start = code.instructions.count
    begin(body, parameters, values)
    let no = makeLabel()
    var enabled = Enabled.perhaps
    if let condition = body.condition {
      try releasing { () throws(EnumerationLimit) in
        try bindAliases(body)
        let skipped = try branch(condition, when: false, to: no)
        // Nothing but the jump itself: the guard cannot fail either.
        if skipped == .always && code.instructions.count == start + 1 { enabled = .never }
      }
    }
    if let statements = body.statements, enabled == .perhaps {
      try bindAliases(body)
      prepareVariables()
      try compile(statements)
    }
    finish(.success)
    place(no)
    finish(.negative)
    return enabled
  }

  /// Starts a copy: its parameters are constants or the registers from 1 on.
  private func begin(_ body: Body, _ parameters: [Family.Parameter], _ values: [Operand]) {
    nextWord = 0
    nextRegister = 1 + parameters.count
    code.registers = max(code.registers, nextRegister)
    activation = Activation(
      locals: body.locals, bindings: [Binding?](repeating: nil, count: body.locals.count), returning: .finishes)
    for (parameter, value) in zip(parameters, values) { activation.bindings[parameter.local] = .value(value) }
    marking = body.kind == .property ? body.position : nil
  }

  /// Binds the aliases of the alias rules around a body.
  private func bindAliases(_ body: Body) throws(EnumerationLimit) {
    for enclosure in body.enclosures {
      if case .alias(let alias) = enclosure { try bind(alias) }
    }
  }

  /// Compiles one expression with some locals given; the value or address ends up in register 1.
  func compileFragment(
    _ expression: Expression, locals: [Local], enclosures: [Enclosure], values: [Int: Int]
  ) throws(EnumerationLimit) {
    nextRegister = 2
    code.registers = 2
    activation = Activation(
      locals: locals, bindings: [Binding?](repeating: nil, count: locals.count), returning: .finishes)
    for (local, raw) in values { activation.bindings[local] = .value(.constant(raw)) }
    for enclosure in enclosures {
      if case .alias(let alias) = enclosure { try bind(alias) }
    }
    if expression.type.isSimple {
      move(try value(expression), to: 1)
    } else {
      move(.register(register(try source(expression))), to: 1)
    }
    finish(.success)
    try complete()
  }
}
