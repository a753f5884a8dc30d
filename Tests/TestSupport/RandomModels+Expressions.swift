/// Random expressions.
extension RandomModels {
  /// The simplest expression of a type; scalarsets have no literal.
  private static func simplest(_ type: String) -> String? {
    switch type {
    case "boolean": "true"
    case "E": "A"
    case "R", "N", "integer": "0"
    default: nil
    }
  }

  /// A literal of a type that has some.
  mutating func literal(_ type: String) -> ModelTree {
    let text: String
    switch type {
    case "boolean": text = generator.pick(["true", "false"])
    case "E": text = generator.pick(["A", "B", "C"])
    case "R": text = generator.pick(["(-1)", "0", "1", "2"])
    default: text = generator.pick(["0", "1", "2"])
    }
    return node(type, [text], [])
  }

  /// An expression's node.
  private func node(_ type: String, _ pieces: [String], _ children: [ModelTree]) -> ModelTree {
    ModelTree(
      .expression(type: Self.isNumber(type) ? "integer" : type), pieces, children, simplest: Self.simplest(type))
  }

  /// Whether a type's values are integers.
  private static func isNumber(_ type: String) -> Bool { type == "R" || type == "N" || type == "integer" }

  /// An expression of a simple type.
  mutating func expression(_ type: String, depth: Int) -> ModelTree {
    if depth <= 0 || generator.once(in: 4) { return leaf(type) }
    if generator.once(in: 12) {
      return node(
        type, ["(", " ? ", " : ", ")"],
        [
          expression("boolean", depth: depth - 1), expression(type, depth: depth - 1),
          expression(type, depth: depth - 1),
        ])
    }
    if generator.once(in: 8), let call = call(returning: type, depth: depth) { return call }
    if type == "boolean" { return truth(depth: depth) }
    if !isRisky && type == "R" { return node(type, ["(", " % 2)"], [number("integer", depth: depth - 1)]) }
    if !isRisky && type == "N" { return node(type, ["((", " % 3 + 2) / 2)"], [number("integer", depth: depth - 1)]) }
    if Self.isNumber(type) { return number(type, depth: depth) }
    return leaf(type)
  }

  /// A designator, or a literal where there is none or by chance. Scalarsets are asked for only where they have a place.
  private mutating func leaf(_ type: String) -> ModelTree {
    let wanted = type == "integer" ? generator.pick(["R", "N"]) : type
    if wanted == "S" || !generator.once(in: 3), let place = place(wanted, depth: 1, writable: false) { return place }
    return literal(wanted)
  }

  /// A boolean operator.
  private mutating func truth(depth: Int) -> ModelTree {
    let below = depth - 1
    switch Int.random(in: 0..<9, using: &generator) {
    case 0: return node("boolean", ["(!", ")"], [expression("boolean", depth: below)])
    case 1, 2:
      let symbol = generator.pick([" & ", " | ", " -> "])
      return node(
        "boolean", ["(", symbol, ")"], [expression("boolean", depth: below), expression("boolean", depth: below)])
    case 3, 4:
      let symbol = generator.pick([" < ", " <= ", " > ", " >= ", " = ", " != "])
      return node(
        "boolean", ["(", symbol, ")"], [expression("integer", depth: below), expression("integer", depth: below)])
    case 5:
      let type = generator.pick(["boolean", "E"] + (hasPlace("S") ? ["S"] : []))
      return node(
        "boolean", ["(", generator.pick([" = ", " != "]), ")"],
        [expression(type, depth: below), expression(type, depth: below)])
    case 6:
      let type = generator.pick(Self.simple)
      guard let place = place(type, depth: 1, writable: false) else { return leaf("boolean") }
      return node("boolean", ["isundefined(", ")"], [fixed(place)])
    case 7: return quantified(depth: depth)
    default:
      let type = generator.pick(Self.complex)
      guard let one = place(type, depth: 1, writable: false), let other = place(type, depth: 1, writable: false) else {
        return leaf("boolean")
      }
      return node("boolean", ["(", " = ", ")"], [fixed(one), fixed(other)])
    }
  }

  /// A part that shrinking may only change inside.
  func fixed(_ tree: ModelTree) -> ModelTree { ModelTree(.fixed, tree.pieces, tree.children) }

  /// `forall`, `exists`, over a type or between bounds.
  private mutating func quantified(depth: Int) -> ModelTree {
    scopedExpression { models in
      let name = models.fresh("x")
      let word = models.generator.pick(["forall", "exists"])
      if models.generator.once(in: 4) {
        let from = models.expression("N", depth: 1)
        let to = models.expression("N", depth: 1)
        models.names.append(Name(text: name, type: "N", isWritable: false))
        let body = models.expression("boolean", depth: depth - 1)
        return models.node("boolean", ["(\(word) \(name) := ", " to ", " do ", " end)"], [from, to, body])
      }
      let type = models.generator.pick(Self.simple)
      models.names.append(Name(text: name, type: type, isWritable: false))
      return models.node(
        "boolean", ["(\(word) \(name): \(type) do ", " end)"], [models.expression("boolean", depth: depth - 1)])
    }
  }

  /// Like `scoped`.
  private mutating func scopedExpression(_ part: (inout RandomModels) -> ModelTree) -> ModelTree { scoped(part) }

  /// An arithmetic operator. rumur reads `/` and `%` alike; integer operators on bits it does not.
  private mutating func number(_ type: String, depth: Int) -> ModelTree {
    if generator.once(in: 8) { return node(type, ["(-", ")"], [expression("integer", depth: depth - 1)]) }
    var symbols = [" + ", " - ", " * "]
    if isRisky { symbols += [" / ", " % "] }
    if dialect == .full && generator.once(in: 3) { symbols = [" & ", " | ", " ^ ", " << ", " >> "] }
    let symbol = generator.pick(symbols)
    // Two's complement operators only on what stays small.
    let below = symbol.contains("<") || symbol.contains(">") ? 0 : depth - 1
    return node(type, ["(", symbol, ")"], [expression("integer", depth: below), expression("integer", depth: below)])
  }

  /// Whether some place has this type.
  private func hasPlace(_ type: String) -> Bool { names.contains { $0.type == type } }

  /// A designator of this very type; nil if there is none.
  mutating func place(_ type: String, depth: Int, writable: Bool) -> ModelTree? {
    let usable = names.filter { !writable || $0.isWritable }
    var options: [(name: Name, pieces: [String], index: String?)] = []
    for name in usable {
      if name.type == type { options.append((name, [name.text], nil)) }
      switch (name.type, type) {
      case ("P", "boolean"): options.append((name, ["\(name.text).f"], nil))
      case ("P", "N"): options.append((name, ["\(name.text).g"], nil))
      case ("AS", "N") where hasPlace("S"): options.append((name, ["\(name.text)[", "]"], "S"))
      case ("AE", "P"): options.append((name, ["\(name.text)[", "]"], "boolean"))
      case ("AE", "boolean"): options.append((name, ["\(name.text)[", "].f"], "boolean"))
      case ("AE", "N"): options.append((name, ["\(name.text)[", "].g"], "boolean"))
      default: continue
      }
    }
    guard !options.isEmpty else { return nil }
    let option = generator.pick(options)
    guard let index = option.index else { return node(type, option.pieces, []) }
    return node(type, option.pieces, [expression(index, depth: depth - 1)])
  }

  /// A call of a function that returns this type; nil if there is none.
  private mutating func call(returning type: String, depth: Int) -> ModelTree? {
    guard dialect == .portable || allowsEffects else { return nil }
    let routines = routines.filter { $0.returnType == type }
    guard !routines.isEmpty else { return nil }
    return call(generator.pick(routines), depth: depth).map { node(type, $0.pieces, $0.children) }
  }

  /// A call with random arguments; nil if a `var` parameter has no argument.
  mutating func call(_ routine: Routine, depth: Int) -> ModelTree? {
    var pieces = ["\(routine.name)("]
    var children: [ModelTree] = []
    for (position, parameter) in routine.parameters.enumerated() {
      if position > 0 { pieces.append(", ") }
      if parameter.isReference || Self.complex.contains(parameter.type) {
        let needsWritable = parameter.isReference
        guard let place = place(parameter.type, depth: 1, writable: needsWritable) else { return nil }
        children.append(fixed(place))
      } else {
        if parameter.type == "S" && !hasPlace("S") { return nil }
        children.append(expression(parameter.type, depth: depth - 1))
      }
    }
    if children.isEmpty { return ModelTree(.fixed, ["\(routine.name)()"]) }
    return ModelTree(.fixed, pieces + [")"], children)
  }
}
