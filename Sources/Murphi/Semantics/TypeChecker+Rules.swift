import Diagnostics

/// Rules, start states, properties, and what is around them.
extension TypeChecker {
  /// Checks a rule and adds what it stands for to the model.
  mutating func rule(_ syntax: RuleSyntax) {
    switch syntax {
    case .startstate(let transition): startstate(transition)
    case .rule(let transition): simpleRule(transition)
    case .property(let property): topLevelProperty(property)
    case .ruleset(let quantifiers, let rules, _): ruleset(quantifiers, rules)
    case .alias(let bindings, let rules, _): aliasRule(bindings, rules)
    case .choose(_, _, _, let range): errors.append(MurphiDiagnostics.notSupported("`choose` is", at: range))
    }
  }

  /// Checks the rules inside a ruleset, its quantifiers being their first locals.
  private mutating func ruleset(_ quantifiers: [QuantifierSyntax], _ rules: [RuleSyntax]) {
    let outer = (locals, enclosures)
    scopes.push()
    for syntax in quantifiers {
      if let quantifier = quantifier(syntax, .ruleset) { enclosures.append(.quantifier(quantifier)) }
    }
    for inner in rules { rule(inner) }
    scopes.pop()
    (locals, enclosures) = outer
  }

  /// Checks the rules inside an alias rule.
  private mutating func aliasRule(_ bindings: [BindingSyntax], _ rules: [RuleSyntax]) {
    let outer = (locals, enclosures)
    scopes.push()
    enclosures += aliases(bindings).map { .alias($0) }
    for inner in rules { rule(inner) }
    scopes.pop()
    (locals, enclosures) = outer
  }

  /// Checks a simple rule.
  private mutating func simpleRule(_ syntax: TransitionSyntax) {
    let attached = attachments(before: syntax.range.start, to: .rule)
    let outer = locals
    let number = model.rules.count + 1
    let guardExpression = syntax.guardExpression.flatMap { boolean($0, "the guard") }
    let body = transitionBody(syntax)
    let operations = attached.operations.flatMap { $0 }.compactMap { operation($0) }
    model.rules.append(
      Rule(
        name: syntax.name, number: number, enclosures: enclosures, locals: locals,
        guardExpression: guardExpression, body: body, range: syntax.range, sources: attached.sources,
        abstractions: attached.abstractions, operations: operations))
    locals = outer
  }

  /// Checks a start state.
  private mutating func startstate(_ syntax: TransitionSyntax) {
    let attached = attachments(before: syntax.range.start, to: .startstate)
    let outer = locals
    let body = transitionBody(syntax)
    model.startstates.append(
      Rule(
        name: syntax.name, number: model.startstates.count + 1, enclosures: enclosures, locals: locals, body: body,
        range: syntax.range, sources: attached.sources, abstractions: attached.abstractions))
    locals = outer
  }

  /// Checks local declarations and statements in a scope of their own.
  private mutating func transitionBody(_ syntax: TransitionSyntax) -> [Statement] {
    scopes.push()
    defer { scopes.pop() }
    for section in syntax.locals { localDeclarations(section) }
    return statements(syntax.body)
  }

  /// Checks a property that is not a statement.
  private mutating func topLevelProperty(_ syntax: PropertySyntax) {
    let attached = attachments(before: syntax.range.start, to: .property)
    let outer = locals
    defer { locals = outer }
    if syntax.category == .liveness {
      errors.append(MurphiDiagnostics.notSupported("`liveness` is", at: syntax.range))
    }
    foldedImplications = []
    guard let condition = boolean(syntax.expression, "the property") else { return }
    let folded = foldedImplications
    func property(_ number: Int) -> Property {
      Property(
        name: syntax.name, number: number, enclosures: enclosures, locals: locals, expression: condition,
        range: syntax.range, sources: attached.sources, abstractions: attached.abstractions, foldedImplications: folded)
    }
    switch syntax.category {
    case .assert, .invariant: model.properties.append(property(model.properties.count + 1))
    case .assume: model.assumptions.append(property(model.assumptions.count + 1))
    case .cover:
      let number = model.covers.count { $0.property != nil } + 1
      model.covers.append(Cover(name: syntax.name, range: syntax.range, property: property(number)))
    case .liveness: break
    }
  }
}
