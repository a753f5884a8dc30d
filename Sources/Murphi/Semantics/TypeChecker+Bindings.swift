import Diagnostics

/// Quantifiers and aliases.
extension TypeChecker {
  /// Where a quantifier stands.
  enum QuantifierPosition: Sendable {
    case ruleset
    case body
  }

  /// Checks a quantifier and declares its name in the innermost scope.
  mutating func quantifier(_ syntax: QuantifierSyntax, _ position: QuantifierPosition) -> Quantifier? {
    let checked: (Quantifier.Domain, Type)?
    switch syntax.domain {
    case .type(let type): checked = domain(type)
    case .bounds(let from, let to, let by): checked = bounds(from, to, by, position)
    }
    guard let (domain, type) = checked else {
      declare(syntax.name, .broken)
      return nil
    }
    let local = Local(name: syntax.name.text, type: type, kind: .value)
    let slot = declareLocal(syntax.name, local, .writable)
    return Quantifier(local: slot, domain: domain, range: syntax.range)
  }

  /// `i: type`
  private mutating func domain(_ syntax: TypeSyntax) -> (Quantifier.Domain, Type)? {
    guard let found = type(syntax) else { return nil }
    if !found.isSimple {
      errors.append(MurphiDiagnostics.notSimple("a quantifier's type", found.description, at: syntax.range))
      return nil
    }
    if !found.hasValues {
      errors.append(MurphiDiagnostics.emptyEnumeration("to go through", at: syntax.range))
      return nil
    }
    return (.type(found), found)
  }

  /// `i := from to to [by step]`
  private mutating func bounds(
    _ from: ExpressionSyntax, _ to: ExpressionSyntax, _ by: ExpressionSyntax?, _ position: QuantifierPosition
  ) -> (Quantifier.Domain, Type)? {
    let first = bound(from, position)
    let last = bound(to, position)
    let step = by.map { bound($0, position) }
    guard let first, let last, let low = first.interval, let high = last.interval else { return nil }
    if let step, step == nil { return nil }
    guard hasDirection(first, last, step ?? nil, at: from.range.union((by ?? to).range)) else { return nil }
    noteForRumur(first, last)
    let lower = min(low.lowerBound, high.lowerBound)
    let upper = max(low.upperBound, high.upperBound)
    for value in [lower, upper] where value.magnitude > 1 << 62 {
      errors.append(MurphiDiagnostics.overflowingRange(value, at: from.range.union(to.range)))
      return nil
    }
    return (.bounds(from: first, to: last, by: step ?? nil), .range(lower: lower, upper: upper))
  }

  /// To rumur a quantifier without constant bounds is an integer of any size, which makes all arithmetic 64 bits wide.
  private mutating func noteForRumur(_ first: Expression, _ last: Expression) {
    if case .constant = first.kind, case .constant = last.kind { return }
    valueType.note(.min)
    valueType.note(.max)
  }

  /// One bound or the step.
  private mutating func bound(_ syntax: ExpressionSyntax, _ position: QuantifierPosition) -> Expression? {
    switch position {
    case .ruleset:
      return constantInteger(syntax, "a bound of a ruleset").map { folded($0, .integer, syntax.range) }
    case .body: return integer(syntax, "a bound")
    }
  }

  /// Reports constant bounds that the step never connects.
  private mutating func hasDirection(
    _ first: Expression, _ last: Expression, _ step: Expression?, at range: SourceRange
  ) -> Bool {
    var stride = 1
    if let step {
      guard case .constant(let value) = step.kind else { return true }
      stride = value
      if stride == 0 {
        errors.append(MurphiDiagnostics.zeroStep(at: step.range))
        return false
      }
    }
    guard case .constant(let low) = first.kind, case .constant(let high) = last.kind else { return true }
    if stride > 0 ? low > high : low < high {
      errors.append(MurphiDiagnostics.wrongDirection(at: range))
      return false
    }
    return true
  }

  /// Checks aliases and declares their names in the innermost scope; constants need no local.
  mutating func aliases(_ bindings: [BindingSyntax]) -> [Alias] {
    var aliases: [Alias] = []
    for binding in bindings {
      for name in binding.names {
        if let alias = alias(name, binding.value) { aliases.append(alias) }
      }
    }
    return aliases
  }

  /// One alias: of a constant, a place or a value.
  private mutating func alias(_ name: NameSyntax, _ syntax: ExpressionSyntax) -> Alias? {
    if case .designator(let root, let steps) = syntax.kind {
      switch designator(root, steps, syntax.range) {
      case .none:
        declare(name, .broken)
        return nil
      case .constant(let value):
        declare(name, .constant(value))
        return nil
      case .place(let place, let access):
        let local = Local(name: name.text, type: place.type, kind: .reference)
        return Alias(local: declareLocal(name, local, access), target: .place(place))
      }
    }
    guard let value = expression(syntax) else {
      declare(name, .broken)
      return nil
    }
    if case .constant = value.kind {
      declare(name, .constant(value))
      return nil
    }
    guard let type = storable(value) else {
      declare(name, .broken)
      return nil
    }
    let local = Local(name: name.text, type: type, kind: .value)
    return Alias(local: declareLocal(name, local, .readOnly), target: .value(value))
  }

  /// The type of a local that keeps a value.
  private mutating func storable(_ value: Expression) -> Type? {
    guard case .integer = value.type, let interval = value.interval else { return value.type }
    for end in [interval.lowerBound, interval.upperBound] where end.magnitude > 1 << 62 {
      errors.append(MurphiDiagnostics.overflowingRange(end, at: value.range))
      return nil
    }
    return .range(lower: interval.lowerBound, upper: interval.upperBound)
  }
}
