import Diagnostics

/// Statements and calls.
extension TypeChecker {
  /// Checks statements; those in error are left out.
  mutating func statements(_ syntax: [StatementSyntax]) -> [Statement] {
    syntax.compactMap { one in
      statement(one).map { Statement($0, range: one.range) }
    }
  }

  /// Checks a statement.
  private mutating func statement(_ syntax: StatementSyntax) -> Statement.Kind? {
    switch syntax.kind {
    case .assign(let target, let value): return assign(target, value)
    case .clear(let target): return writable(target, "`clear`").map { .clear($0) }
    case .undefine(let target): return writable(target, "`undefine`").map { .undefine($0) }
    case .ifThen(let branches, let otherwise): return ifThen(branches, otherwise)
    case .switchOn(let subject, let cases, let otherwise): return switchOn(subject, cases, otherwise)
    case .forEach(let quantifier, let body): return forEach(quantifier, body)
    case .whileTrue(let condition, let body):
      let test = boolean(condition, "the condition")
      let inner = statements(body)
      return test.map { .whileTrue($0, inner) }
    case .aliasing(let bindings, let body):
      scopes.push()
      defer { scopes.pop() }
      let aliases = aliases(bindings)
      return .aliasing(aliases, statements(body))
    case .returning(let value): return returning(value, syntax.range)
    case .error(let text): return .error(text)
    case .putText: return .put(nil)
    case .put(let value): return expression(value).map { .put($0) }
    case .property(let property): return self.property(property)
    case .call(let name, let arguments): return call(name, arguments, syntax.range).map { .call($0) }
    }
  }

  /// `d := e`
  private mutating func assign(_ target: ExpressionSyntax, _ value: ExpressionSyntax) -> Statement.Kind? {
    let place = writable(target, "an assignment")
    let stored = expression(value)
    guard let place, let stored, matches(stored, place.type, "the assigned value", value) else { return nil }
    return .assign(place, stored)
  }

  /// A designator that may be written.
  mutating func writable(_ syntax: ExpressionSyntax, _ context: String) -> Place? {
    if case .designator(let name, let steps) = syntax.kind, steps.isEmpty,
      let symbol = scopes.lookup(name.text), case .constant = symbol.entity
    {
      errors.append(
        MurphiDiagnostics.notWritable("constant `\(name.text)`", at: syntax.range, origin(syntax)))
      return nil
    }
    guard let (place, access) = place(syntax, context) else { return nil }
    if access == .writable { return place }
    guard case .local(let slot) = place.root else { return nil }
    let what = locals[slot].kind == .parameter ? "by-value parameter" : "alias of a value"
    errors.append(
      MurphiDiagnostics.notWritable("\(what) `\(locals[slot].name)`", at: syntax.range, origin(syntax)))
    return nil
  }

  /// `if … elsif … else … end`
  private mutating func ifThen(_ branches: [BranchSyntax], _ otherwise: [StatementSyntax]) -> Statement.Kind? {
    var checked: [Statement.Branch] = []
    for branch in branches {
      let condition = boolean(branch.condition, "the condition")
      let body = statements(branch.body)
      if let condition { checked.append(Statement.Branch(condition: condition, body: body)) }
    }
    return .ifThen(checked, otherwise: statements(otherwise))
  }

  /// `switch … case … else … end`
  private mutating func switchOn(
    _ subject: ExpressionSyntax, _ cases: [CaseSyntax], _ otherwise: [StatementSyntax]
  ) -> Statement.Kind? {
    var value = expression(subject)
    if let found = value, !found.type.isSimple {
      errors.append(MurphiDiagnostics.notSimple("the operand of `switch`", found.type.description, at: subject.range))
      value = nil
    }
    var checked: [Statement.Case] = []
    for one in cases {
      var values: [Expression] = []
      for syntax in one.values {
        guard let found = expression(syntax) else { continue }
        if let value, matches(found, value.type, "the value", syntax) { values.append(found) }
      }
      checked.append(Statement.Case(values: values, body: statements(one.body)))
    }
    let last = statements(otherwise)
    return value.map { .switchOn($0, cases: checked, otherwise: last) }
  }

  /// `for q do … end`
  private mutating func forEach(_ syntax: QuantifierSyntax, _ body: [StatementSyntax]) -> Statement.Kind? {
    scopes.push()
    defer { scopes.pop() }
    let quantifier = quantifier(syntax, .body)
    let inner = statements(body)
    return quantifier.map { .forEach($0, inner) }
  }

  /// `return [e]`
  private mutating func returning(_ syntax: ExpressionSyntax?, _ range: SourceRange) -> Statement.Kind? {
    switch body {
    case .rule, .procedure:
      guard let syntax else { return .returning(nil) }
      let what = if case .rule = body { "a rule" } else { "a procedure" }
      errors.append(MurphiDiagnostics.returnsValue(from: what, at: syntax.range))
      return nil
    case .function(let type):
      guard let syntax else {
        errors.append(MurphiDiagnostics.returnsNothing(type: type.description, at: range))
        return nil
      }
      guard let value = expression(syntax), matches(value, type, "the returned value", syntax) else { return nil }
      return .returning(value)
    }
  }

  /// `assert`, `assume`, `cover` as statements.
  private mutating func property(_ syntax: PropertySyntax) -> Statement.Kind? {
    let condition = boolean(syntax.expression, "the condition")
    switch syntax.category {
    case .assert, .invariant:
      model.assertions.append(Site(name: syntax.name, range: syntax.range))
      let index = model.assertions.count - 1
      return condition.map { .assert(index, $0) }
    case .assume: return condition.map { .assume($0) }
    case .cover:
      model.covers.append(Cover(name: syntax.name, range: syntax.range, property: nil))
      let index = model.covers.count - 1
      return condition.map { .cover(index, $0) }
    case .liveness:
      errors.append(MurphiDiagnostics.livenessStatement(at: syntax.range))
      return nil
    }
  }
}
