import Diagnostics

/// Expressions and designators.
extension TypeChecker {
  /// Checks an expression.
  mutating func expression(_ syntax: ExpressionSyntax) -> Expression? {
    switch syntax.kind {
    case .number(let value):
      valueType.note(value)
      return folded(value, .integer, syntax.range)
    case .designator(let root, let steps):
      switch designator(root, steps, syntax.range) {
      case .none: return nil
      case .constant(let value): return value
      case .place(let place, _): return read(place)
      }
    case .unary(let operation, let operand): return unary(operation, operand, syntax.range)
    case .binary(let operation, let left, let right): return binary(operation, left, right, syntax.range)
    case .chain(let first, let links): return chain(first, links)
    case .conditional(let condition, let then, let otherwise):
      return conditional(condition, then, otherwise, syntax.range)
    case .quantified(let kind, let quantifier, let body):
      return quantified(kind, quantifier, body, syntax.range)
    case .isUndefined(let operand): return isUndefined(operand, syntax.range)
    case .isMember:
      errors.append(MurphiDiagnostics.notSupported("`ismember` is", at: syntax.range))
      return nil
    case .call(let name, let arguments): return callExpression(name, arguments, syntax.range)
    }
  }

  /// A constant expression.
  func folded(_ raw: Int, _ type: Type, _ range: SourceRange) -> Expression {
    Expression(.constant(raw), type: type, interval: type.isInteger ? raw...raw : nil, range: range)
  }

  /// The value at a place.
  func read(_ place: Place) -> Expression {
    Expression(.read(place), type: place.type, interval: place.type.integerValues, range: place.range)
  }

  /// Checks an expression that must be boolean.
  mutating func boolean(_ syntax: ExpressionSyntax, _ what: String) -> Expression? {
    guard let value = expression(syntax) else { return nil }
    if case .boolean = value.type { return value }
    reportType(what, value, expected: "a boolean", syntax)
    return nil
  }

  /// Checks an expression that must be an integer.
  mutating func integer(_ syntax: ExpressionSyntax, _ what: String) -> Expression? {
    guard let value = expression(syntax) else { return nil }
    if value.type.isInteger { return value }
    reportType(what, value, expected: "an integer", syntax)
    return nil
  }

  /// Reports a value of the wrong type.
  mutating func reportType(_ what: String, _ value: Expression, expected: String, _ syntax: ExpressionSyntax) {
    errors.append(
      MurphiDiagnostics.wrongType(
        what, found: value.type.description, expected: expected, at: syntax.range, origin(syntax)))
  }

  /// Whether the value may meet the type; reports or warns if not.
  mutating func matches(_ value: Expression, _ type: Type, _ what: String, _ syntax: ExpressionSyntax) -> Bool {
    switch type.match(value.type) {
    case .same: return true
    case .mixed(let left, let right):
      warnings.append(MurphiDiagnostics.mixedScalarsets(left.name, right.name, at: syntax.range))
      model.mixtures.append(ScalarsetMixture(declaration: left.declaration, range: syntax.range))
      return true
    case .different:
      errors.append(
        MurphiDiagnostics.incompatible(
          what, found: value.type.description, expected: type.description, at: syntax.range, origin(syntax)))
      return false
    }
  }

  /// `?:`
  private mutating func conditional(
    _ condition: ExpressionSyntax, _ then: ExpressionSyntax, _ otherwise: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    let test = boolean(condition, "the condition")
    let one = expression(then)
    let other = expression(otherwise)
    guard let test, let one, let other, matches(other, one.type, "the second branch", otherwise) else { return nil }
    if case .constant(let raw) = test.kind {
      let chosen = raw == 1 ? one : other
      return Expression(chosen.kind, type: chosen.type, interval: chosen.interval, range: range)
    }
    var interval: ClosedRange<Int>?
    if let low = one.interval, let high = other.interval {
      interval = min(low.lowerBound, high.lowerBound)...max(low.upperBound, high.upperBound)
    }
    let type = one.type == other.type || !one.type.isInteger ? one.type : .integer
    return Expression(.conditional(test, then: one, else: other), type: type, interval: interval, range: range)
  }

  /// `forall` and `exists`
  private mutating func quantified(
    _ kind: QuantifierKind, _ syntax: QuantifierSyntax, _ body: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    scopes.push()
    defer { scopes.pop() }
    let quantifier = quantifier(syntax, .body)
    let condition = boolean(body, "the body of `\(kind.rawValue)`")
    guard let quantifier, let condition else { return nil }
    if case .constant(let raw) = condition.kind, case .type = quantifier.domain {
      return folded(raw, .boolean, range)
    }
    return Expression(.quantified(kind, quantifier, condition), type: .boolean, range: range)
  }

  /// `isundefined ( d )`
  private mutating func isUndefined(_ operand: ExpressionSyntax, _ range: SourceRange) -> Expression? {
    guard let (place, _) = place(operand, "`isundefined`") else { return nil }
    if !place.type.isSimple {
      errors.append(
        MurphiDiagnostics.notSimple("the operand of `isundefined`", place.type.description, at: operand.range))
      return nil
    }
    return Expression(.isUndefined(place), type: .boolean, range: range)
  }

  /// Checks an expression that must be a designator of something stored.
  mutating func place(_ syntax: ExpressionSyntax, _ context: String) -> (Place, Access)? {
    guard case .designator(let root, let steps) = syntax.kind else {
      errors.append(MurphiDiagnostics.notDesignator(context, at: syntax.range))
      return nil
    }
    switch designator(root, steps, syntax.range) {
    case .none: return nil
    case .constant:
      errors.append(MurphiDiagnostics.notDesignator(context, at: syntax.range))
      return nil
    case .place(let place, let access): return (place, access)
    }
  }

  /// What a designator names; `none` after a report.
  enum Designated: Sendable {
    case none
    case constant(Expression)
    case place(Place, Access)
  }

  /// Resolves a designator.
  mutating func designator(_ name: NameSyntax, _ steps: [StepSyntax], _ range: SourceRange) -> Designated {
    guard let symbol = resolve(name) else {
      for case .element(let index) in steps { _ = expression(index) }
      return .none
    }
    let notes = MurphiDiagnostics.declaration(name.text, symbol.range)
    switch symbol.entity {
    case .constant(let value):
      guard let step = steps.first else {
        return .constant(Expression(value.kind, type: value.type, interval: value.interval, range: range))
      }
      _ = follow(step, value.type, notes, name.range)
      return .none
    case .variable(let index):
      return path(.state(index), model.variables[index].type, .writable, steps, name, notes, range)
    case .local(let slot, let access): return path(.local(slot), locals[slot].type, access, steps, name, notes, range)
    case .type, .function:
      errors.append(
        MurphiDiagnostics.wrongKind(
          name.text, is: kind(symbol), expected: "a value", at: name.range, declared: symbol.range))
      return .none
    case .broken: return .none
    }
  }

  /// Follows fields and indices from a root.
  private mutating func path(
    _ root: Place.Root, _ type: Type, _ access: Access, _ steps: [StepSyntax], _ name: NameSyntax,
    _ notes: [Diagnostic.Note], _ range: SourceRange
  ) -> Designated {
    var path: [Place.Step] = []
    var current = type
    var soFar = name.range
    var isBroken = false
    for step in steps {
      guard let (taken, next) = follow(step, current, notes, soFar) else { return .none }
      if let taken { path.append(taken) } else { isBroken = true }
      current = next
      soFar = soFar.union(step.range)
    }
    return isBroken ? .none : .place(Place(root: root, path: path, type: current, range: range), access)
  }

  /// One field or index, and the type behind it; an index in error is nil, and the path goes on.
  private mutating func follow(
    _ step: StepSyntax, _ type: Type, _ notes: [Diagnostic.Note], _ soFar: SourceRange
  ) -> (Place.Step?, Type)? {
    switch step {
    case .field(let name):
      guard case .record(let fields) = type else {
        errors.append(MurphiDiagnostics.notRecord(type.description, at: soFar, notes))
        return nil
      }
      guard let position = fields.firstIndex(where: { $0.name == name.text }) else {
        errors.append(MurphiDiagnostics.noSuchField(name.text, in: type.description, at: name.range, notes))
        return nil
      }
      return (.field(position), fields[position].type)
    case .element(let syntax):
      guard case .array(let index, let element) = type else {
        errors.append(MurphiDiagnostics.notArray(type.description, at: soFar, notes))
        return nil
      }
      guard let value = expression(syntax), matches(value, index, "the index", syntax) else { return (nil, element) }
      return (.element(value), element)
    }
  }
}

extension StepSyntax {
  /// The field's name or the index.
  fileprivate var range: SourceRange {
    switch self {
    case .field(let name): name.range
    case .element(let index): SourceRange(start: index.range.start, end: index.range.end + 1)
    }
  }
}

extension Type {
  /// The values of a range.
  var integerValues: ClosedRange<Int>? {
    if case .range(let lower, let upper) = self { return lower...upper }
    return nil
  }
}
