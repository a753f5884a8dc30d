import Diagnostics
import Murphi
import TransitionSystems

/// Statements.
extension Compiler {
  /// Compiles statements in order; registers and memory are free again after each.
  func compile(_ statements: [Statement]) throws(EnumerationLimit) {
    for statement in statements {
      try releasing { () throws(EnumerationLimit) in try compile(statement) }
    }
  }

  /// Compiles one statement.
  private func compile(_ statement: Statement) throws(EnumerationLimit) {
    switch statement.kind {
    case .assign(let place, let expression):
      try assign(place, expression)
    case .clear(let place):
      try clear(try address(place), place.type)
    case .undefine(let place):
      undefine(try address(place), width: place.type.width)
    case .ifThen(let branches, let otherwise):
      try choose(branches, otherwise)
    case .switchOn(let subject, let cases, let otherwise):
      try choose(subject, cases, otherwise)
    case .forEach(let quantifier, let body):
      let writes = body.writes(local: quantifier.local)
      try loop(quantifier, body: body.map(Node.statement), variable: writes ? .written : .read) {
        () throws(EnumerationLimit) in try compile(body)
      }
    case .whileTrue(let condition, let body):
      try repeatWhile(condition, body)
    case .aliasing(let aliases, let body):
      for alias in aliases { try bind(alias) }
      try compile(body)
    case .returning(let value):
      try leave(with: value)
    case .call(let call):
      _ = try self.call(call, at: statement.range)
    case .error, .put, .assert, .assume, .cover:
      try compileCheck(statement)
    }
  }

  /// Compiles a statement that changes nothing.
  private func compileCheck(_ statement: Statement) throws(EnumerationLimit) {
    switch statement.kind {
    case .error(let text):
      emit(.fail, site: FailureSite(text, at: statement.range))
    case .put(let expression):
      try put(expression)
    case .assert(let position, let condition):
      let holds = makeLabel()
      guard try branch(condition, when: true, to: holds) != .always else { return place(holds) }
      let name = model.assertions[position].name ?? text(condition.range)
      emit(.fail, site: FailureSite("assertion failed: \(name)", at: statement.range, property: .assertion(position)))
      place(holds)
    case .assume(let condition):
      let holds = makeLabel()
      if try branch(condition, when: true, to: holds) != .always { finish(.dropped) }
      place(holds)
    case .cover(let position, let condition):
      let skip = makeLabel()
      if try branch(condition, when: false, to: skip) != .always { emit(.countCover, a: position) }
      place(skip)
    case .assign, .clear, .undefine, .ifThen, .switchOn, .forEach, .whileTrue, .aliasing, .returning, .call:
      preconditionFailure("only statements that change nothing get here")
    }
  }

  /// `:=` Evaluates, checks the range, then finds the place and stores.
  private func assign(_ place: Place, _ expression: Expression) throws(EnumerationLimit) {
    guard place.type.isSimple else {
      let source = try source(expression)
      copy(from: source, to: try address(place), width: place.type.width)
      return
    }
    let encoding = place.type.encoding
    let operand = try value(expression)
    let site = FailureSite(
      "value $ is outside \(place.type.summary) of \(text(place.range))", at: expression.range)
    let stored = try checked(operand, of: expression, in: encoding, site)
    storeUnchecked(stored, at: try address(place), encoding)
  }

  /// `put`: a place may be undefined, but its indices are checked.
  private func put(_ expression: Expression?) throws(EnumerationLimit) {
    guard let expression else { return }
    if case .read(let place) = expression.kind {
      if case .local(let local) = place.root, case .value? = activation.bindings[local] { return }
      _ = try address(place)
    } else if expression.type.isSimple {
      _ = try value(expression)
    } else {
      _ = try source(expression)
    }
  }

  /// `if`
  private func choose(_ branches: [Statement.Branch], _ otherwise: [Statement]) throws(EnumerationLimit) {
    let end = makeLabel()
    for candidate in branches {
      let next = makeLabel()
      let skipped = try branch(candidate.condition, when: false, to: next)
      if skipped != .always {
        try compile(candidate.body)
        if skipped == .depends { emitJump(.jump, to: end) }
      }
      place(next)
      if skipped == .never { return place(end) }
    }
    try compile(otherwise)
    place(end)
  }

  /// `switch`
  private func choose(
    _ subject: Expression, _ cases: [Statement.Case], _ otherwise: [Statement]
  ) throws(EnumerationLimit) {
    let value = try value(subject)
    let end = makeLabel()
    for candidate in cases {
      let (body, next) = (makeLabel(), makeLabel())
      var taken = Taken.never
      for expression in candidate.values where taken != .always {
        taken = both(taken, compare(.equal, value, try self.value(expression), to: body))
      }
      if taken != .always { emitJump(.jump, to: next) }
      place(body)
      if taken != .never {
        try compile(candidate.body)
        emitJump(.jump, to: end)
      }
      place(next)
      if taken == .always { return place(end) }
    }
    try compile(otherwise)
    place(end)
  }

  /// `while`
  private func repeatWhile(_ condition: Expression, _ body: [Statement]) throws(EnumerationLimit) {
    let (top, exit) = (makeLabel(), makeLabel())
    let passes = allocateRegister()
    emit(.constant, a: passes, k: 0)
    place(top)
    try releasing { () throws(EnumerationLimit) in
      guard try branch(condition, when: false, to: exit) != .always else { return }
      countPass(passes, of: condition)
      try compile(body)
      emitJump(.jump, to: top)
    }
    place(exit)
  }

  /// A pass of a loop whose number of passes is not known: fails beyond the limit instead of hanging.
  func countPass(_ register: Int, of expression: Expression) {
    let limit = EnumerationLimit.limit
    emit(
      .countPass, a: register, k: limit,
      site: FailureSite("loop does not end within \(limit) passes", at: expression.range))
  }

  /// `return`
  private func leave(with expression: Expression?) throws(EnumerationLimit) {
    switch activation.returning {
    case .finishes:
      finish(.success)
    case .inlined(let end, let result):
      if let expression {
        switch result {
        case .value(.register(let register))?:
          move(try value(expression), to: register)
        case .memory(let address)?:
          copy(from: try source(expression), to: address, width: expression.type.width)
        case .value(.constant)?, nil:
          break
        }
      }
      emitJump(.jump, to: end)
    case .called(let type):
      if let expression, let type {
        if type.isSimple {
          move(try value(expression), to: 1)
        } else {
          let target = Address(bit: 0, register: 1)
          copy(from: try source(expression), to: target, width: type.width)
        }
      }
      emit(.callReturn)
    }
  }

  /// Binds an alias: a place once and for all, or a value.
  func bind(_ alias: Alias) throws(EnumerationLimit) {
    switch alias.target {
    case .place(let place):
      if case .local(let local) = place.root, place.path.isEmpty, case .value(let operand)? = activation.bindings[local]
      {
        activation.bindings[alias.local] = .value(operand)
      } else {
        activation.bindings[alias.local] = .memory(try address(place))
      }
    case .value(let expression) where expression.type.isSimple:
      activation.bindings[alias.local] = .value(try value(expression))
    case .value(let expression):
      let source = try source(expression)
      let memory = allocateMemory(expression.type)
      copy(from: source, to: memory, width: expression.type.width)
      activation.bindings[alias.local] = .memory(memory)
    }
  }
}
