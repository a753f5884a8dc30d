import Diagnostics

/// Calls of functions and procedures.
extension TypeChecker {
  /// What CMurphi calls its multiset operations.
  private static let multisetCalls: Set<String> = [
    "multisetadd", "multisetremove", "multisetremovepred", "multisetcount",
  ]

  /// A call where a value is needed.
  mutating func callExpression(
    _ name: NameSyntax, _ arguments: [ExpressionSyntax], _ range: SourceRange
  ) -> Expression? {
    guard let call = call(name, arguments, range) else { return nil }
    guard let type = model.functions[call.function].returnType else {
      let declared = scopes.lookup(name.text)?.range
      errors.append(MurphiDiagnostics.procedureHasNoValue(name.text, at: range, declared: declared))
      return nil
    }
    return Expression(.call(call), type: type, interval: type.integerValues, range: range)
  }

  /// Any call.
  mutating func call(_ name: NameSyntax, _ arguments: [ExpressionSyntax], _ range: SourceRange) -> Call? {
    if Self.multisetCalls.contains(name.text.lowercased()), scopes.lookup(name.text) == nil {
      errors.append(MurphiDiagnostics.notSupported("multisets are", at: name.range))
      return nil
    }
    guard let symbol = resolve(name) else {
      for argument in arguments { _ = expression(argument) }
      return nil
    }
    guard case .function(let index) = symbol.entity else {
      errors.append(
        MurphiDiagnostics.wrongKind(
          name.text, is: kind(symbol), expected: "a function or procedure", at: name.range, declared: symbol.range))
      return nil
    }
    let count = model.functions[index].parameterCount
    if arguments.count != count {
      errors.append(
        MurphiDiagnostics.argumentCount(
          name.text, found: arguments.count, expected: count, at: range, declared: symbol.range))
      return nil
    }
    var checked: [Call.Argument] = []
    for (slot, syntax) in arguments.enumerated() {
      if let argument = argument(syntax, model.functions[index].locals[slot], symbol.range) { checked.append(argument) }
    }
    return checked.count == count ? Call(function: index, arguments: checked) : nil
  }

  /// One argument for one parameter.
  private mutating func argument(
    _ syntax: ExpressionSyntax, _ parameter: Local, _ declared: SourceRange?
  ) -> Call.Argument? {
    guard parameter.kind == .reference else {
      guard let value = expression(syntax), matches(value, parameter.type, "the argument", syntax) else { return nil }
      return .value(value)
    }
    guard let place = writable(syntax, "a `var` parameter") else { return nil }
    switch parameter.type.exactMatch(place.type) {
    case .same: return .reference(place)
    case .mixed(let left, let right):
      warnings.append(MurphiDiagnostics.mixedScalarsets(left.name, right.name, at: syntax.range))
      model.mixtures.append(ScalarsetMixture(declaration: left.declaration, range: syntax.range))
      return .reference(place)
    case .different:
      let notes = declared.map { [Diagnostic.Note("parameter `\(parameter.name)` belongs to this", at: $0)] } ?? []
      errors.append(
        MurphiDiagnostics.varArgument(
          found: place.type.description, expected: parameter.type.description, at: syntax.range, notes))
      return nil
    }
  }
}
