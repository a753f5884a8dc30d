/// Random statements.
extension RandomModels {
  /// One to three statements.
  mutating func statements(depth: Int) -> ModelTree {
    .list((0..<Int.random(in: 1...3, using: &generator)).map { _ in statement(depth: depth) })
  }

  /// A statement.
  private mutating func statement(depth: Int) -> ModelTree {
    guard depth > 0 else { return assignment() }
    switch Int.random(in: 0..<17, using: &generator) {
    case 0, 1: return choice(depth: depth)
    case 2: return switching(depth: depth)
    case 3: return loop(depth: depth)
    case 4: return aliasing(depth: depth)
    case 5: return change()
    case 6: return check()
    case 7: return leaving()
    case 8: return calling() ?? assignment()
    case 9: return copy() ?? assignment()
    default: return assignment()
    }
  }

  /// `:=` to a simple place.
  private mutating func assignment() -> ModelTree {
    let types = Self.simple.filter { type in type != "S" || names.contains { $0.type == "S" } }
    for _ in 0..<4 {
      let type = generator.pick(types)
      guard let target = place(type, depth: 1, writable: true) else { continue }
      return ModelTree(.item, ["", " := ", ";\n"], [fixed(target), expression(type, depth: 2)])
    }
    return ModelTree(.item, ["if false then error \"never\"; end;\n"])
  }

  /// `:=` of a whole record or array.
  private mutating func copy() -> ModelTree? {
    let type = generator.pick(Self.complex)
    guard let target = place(type, depth: 1, writable: true), let source = place(type, depth: 1, writable: false) else {
      return nil
    }
    return ModelTree(.item, ["", " := ", ";\n"], [fixed(target), fixed(source)])
  }

  /// `if`
  private mutating func choice(depth: Int) -> ModelTree {
    var pieces = ["if ", " then\n"]
    var children = [expression("boolean", depth: 2), statements(depth: depth - 1)]
    if generator.once(in: 3) {
      pieces += ["elsif ", " then\n"]
      children += [expression("boolean", depth: 2), statements(depth: depth - 1)]
    }
    if generator.once(in: 2) {
      pieces.append("else\n")
      children.append(statements(depth: depth - 1))
    }
    return ModelTree(.item, pieces + ["end;\n"], children)
  }

  /// `switch`
  private mutating func switching(depth: Int) -> ModelTree {
    let type = generator.pick(["boolean", "E", "R", "N"])
    var pieces = ["switch ", "\ncase "]
    var children = [expression(type, depth: 1)]
    for position in 0..<Int.random(in: 1...3, using: &generator) {
      if position > 0 { pieces.append("case ") }
      children.append(expression(type, depth: generator.once(in: 3) ? 1 : 0))
      if generator.once(in: 3) {
        pieces.append(", ")
        children.append(expression(type, depth: 0))
      }
      pieces.append(":\n")
      children.append(statements(depth: depth - 1))
    }
    if generator.once(in: 2) {
      pieces.append("else\n")
      children.append(statements(depth: depth - 1))
    }
    return ModelTree(.item, pieces + ["end;\n"], children)
  }

  /// `for`, over a type or between bounds.
  private mutating func loop(depth: Int) -> ModelTree {
    scoped { models in
      let name = models.fresh("k")
      if models.generator.once(in: 2) {
        let type = models.generator.pick(Self.simple)
        models.names.append(Name(text: name, type: type, isWritable: false))
        return ModelTree(.item, ["for \(name): \(type) do\n", "end;\n"], [models.statements(depth: depth - 1)])
      }
      let from = models.expression("R", depth: 1)
      let to = models.expression("R", depth: 1)
      models.names.append(Name(text: name, type: "R", isWritable: false))
      let body = models.statements(depth: depth - 1)
      let step =
        models.isRisky && models.generator.once(in: 2) ? models.generator.pick([" by 1", " by -1", " by 2"]) : ""
      return ModelTree(.item, ["for \(name) := ", " to ", "\(step) do\n", "end;\n"], [from, to, body])
    }
  }

  /// `alias` of a place and perhaps of a value.
  private mutating func aliasing(depth: Int) -> ModelTree {
    scoped { models in
      let type = models.generator.pick(Self.simple + Self.complex)
      guard let target = models.place(type, depth: 1, writable: true) else { return models.assignment() }
      let name = models.fresh("a")
      models.names.append(Name(text: name, type: type, isWritable: true))
      let body = models.statements(depth: depth - 1)
      return ModelTree(.item, ["alias \(name): ", " do\n", "end;\n"], [models.fixed(target), body])
    }
  }

  /// `clear`, `undefine`
  private mutating func change() -> ModelTree {
    let word = !isRisky || generator.once(in: 2) ? "clear" : "undefine"
    guard let target = place(generator.pick(Self.simple + Self.complex), depth: 1, writable: true) else {
      return assignment()
    }
    return ModelTree(.item, ["\(word) ", ";\n"], [fixed(target)])
  }

  /// `assert`, `assume`, `error`, `put`; what rumur's verifier puts out lands in the middle of its report.
  private mutating func check() -> ModelTree {
    let condition = expression("boolean", depth: 2)
    switch Int.random(in: isRisky ? 0...3 : 3...8, using: &generator) {
    case 0: return ModelTree(.item, ["assert ", " \"\(fresh("assertion"))\";\n"], [condition])
    case 1: return ModelTree(.item, ["assume ", ";\n"], [condition])
    case 2: return ModelTree(.item, ["if ", " then error \"\(fresh("error"))\"; end;\n"], [condition])
    case 3 where dialect == .full: return ModelTree(.item, ["put ", ";\n"], [condition])
    case 4: return ModelTree(.item, ["assume ", ";\n"], [condition])
    default: return choice(depth: 1)
    }
  }

  /// `return`, now and then under a condition.
  private mutating func leaving() -> ModelTree {
    let condition = expression("boolean", depth: 1)
    guard let returning else { return ModelTree(.item, ["if ", " then return; end;\n"], [condition]) }
    return ModelTree(
      .item, ["if ", " then return ", "; end;\n"], [condition, expression(returning, depth: 1)])
  }

  /// A call as a statement: of a procedure, or in the full dialect of any function.
  private mutating func calling() -> ModelTree? {
    let callable = routines.filter { $0.returnType == nil || dialect == .full && allowsEffects }
    guard !callable.isEmpty, dialect == .portable || allowsEffects else { return nil }
    guard let call = call(generator.pick(callable), depth: 2) else { return nil }
    return ModelTree(.item, ["", ";\n"], [call])
  }
}
