import Diagnostics

/// Type expressions, constant expressions, quantifiers and aliases.
extension TypeChecker {
  /// The greatest magnitude of a range's end, so that sizes and distances fit in 64 bits.
  private static let rangeLimit = 1 << 62

  /// Resolves a type; `name` is what an enumeration or scalarset is called from now on.
  mutating func type(_ syntax: TypeSyntax, name: String? = nil) -> Type? {
    switch syntax.kind {
    case .boolean: return .boolean
    case .named(let name): return named(name)
    case .range(let lower, let upper): return range(lower, upper)
    case .enumeration(let members): return enumeration(members, name)
    case .scalarset(let size): return scalarset(size, name)
    case .record(let fields): return record(fields)
    case .array(let index, let element):
      let indexType = type(index)
      if let indexType, !indexType.isSimple {
        errors.append(MurphiDiagnostics.notSimple("an array's index", indexType.description, at: index.range))
        return nil
      }
      if let indexType, !indexType.hasValues {
        errors.append(MurphiDiagnostics.emptyEnumeration("to be an index", at: index.range))
        return nil
      }
      guard let elementType = type(element), let indexType else { return nil }
      return .array(index: indexType, element: elementType)
    case .union:
      errors.append(MurphiDiagnostics.notSupported("unions are", at: syntax.range))
      return nil
    case .multiset:
      errors.append(MurphiDiagnostics.notSupported("multisets are", at: syntax.range))
      return nil
    }
  }

  /// A type by its name.
  private mutating func named(_ name: NameSyntax) -> Type? {
    guard let symbol = resolve(name) else { return nil }
    if case .type(let type) = symbol.entity { return type }
    errors.append(
      MurphiDiagnostics.wrongKind(
        name.text, is: kind(symbol), expected: "a type", at: name.range, declared: symbol.range))
    return nil
  }

  /// What a symbol is, for messages.
  func kind(_ symbol: Symbol) -> String {
    switch symbol.entity {
    case .constant: "a constant"
    case .type: "a type"
    case .variable: "a variable"
    case .local: "a local name"
    case .function(let index): model.functions[index].returnType == nil ? "a procedure" : "a function"
    case .broken: "in error"
    }
  }

  /// `a .. b`
  private mutating func range(_ lower: ExpressionSyntax, _ upper: ExpressionSyntax) -> Type? {
    let low = rangeEnd(lower)
    let high = rangeEnd(upper)
    guard let low, let high else { return nil }
    if high < low {
      errors.append(MurphiDiagnostics.emptyRange(lower: low, upper: high, at: lower.range.union(upper.range)))
      return nil
    }
    return .range(lower: low, upper: high)
  }

  /// An end of a range.
  private mutating func rangeEnd(_ syntax: ExpressionSyntax) -> Int? {
    guard let value = constantInteger(syntax, "an end of a range") else { return nil }
    if value < -Self.rangeLimit || value > Self.rangeLimit {
      errors.append(MurphiDiagnostics.overflowingRange(value, at: syntax.range))
      return nil
    }
    valueType.note(value)
    return value
  }

  /// `enum { … }`: the members become constants of the innermost scope.
  private mutating func enumeration(_ members: [NameSyntax], _ name: String?) -> Type? {
    let type = Type.enumeration(EnumerationType(name: name, members: members.map(\.text)))
    for (raw, member) in members.enumerated() {
      declare(member, .constant(Expression(.constant(raw), type: type, range: member.range)))
    }
    return type
  }

  /// `scalarset ( n )`
  private mutating func scalarset(_ syntax: ExpressionSyntax, _ name: String?) -> Type? {
    guard let size = constantInteger(syntax, "a scalarset's size") else { return nil }
    if size < 1 {
      errors.append(MurphiDiagnostics.emptyScalarset(size, at: syntax.range))
      return nil
    }
    valueType.note(size)
    let declaration = model.scalarsets.count
    let type = ScalarsetType(name: name ?? "scalarset\(declaration)", size: size, declaration: declaration)
    model.scalarsets.append(type)
    return .scalarset(type)
  }

  /// `record … end`
  private mutating func record(_ entries: [TypedNamesSyntax]) -> Type? {
    var fields: [RecordField] = []
    var seen: [String: SourceRange] = [:]
    var isBroken = false
    for entry in entries {
      let found = type(entry.type)
      for name in entry.names {
        if let previous = seen[name.text] {
          errors.append(MurphiDiagnostics.duplicateField(name.text, at: name.range, previous: previous))
          isBroken = true
        }
        seen[name.text] = name.range
        if let found { fields.append(RecordField(name: name.text, type: found)) } else { isBroken = true }
      }
    }
    return isBroken ? nil : .record(fields)
  }

  /// Checks an expression whose value must be known now.
  mutating func constant(_ syntax: ExpressionSyntax, _ what: String) -> Expression? {
    let waiting = wideArithmetic.count
    guard let value = expression(syntax) else { return nil }
    if case .constant = value.kind {
      wideArithmetic.removeLast(wideArithmetic.count - waiting)
      return value
    }
    if let division = value.divisionByZero {
      errors.append(MurphiDiagnostics.constantDivision(at: division))
    } else {
      errors.append(MurphiDiagnostics.notConstant(what, at: syntax.range, origin(syntax)))
    }
    return nil
  }

  /// Checks an integer whose value must be known now.
  mutating func constantInteger(_ syntax: ExpressionSyntax, _ what: String) -> Int? {
    guard let value = constant(syntax, what) else { return nil }
    guard value.type.isInteger, case .constant(let raw) = value.kind else {
      errors.append(
        MurphiDiagnostics.wrongType(
          what, found: value.type.description, expected: "an integer", at: syntax.range, origin(syntax)))
      return nil
    }
    return raw
  }

  /// The note that says where a designator's root is declared.
  func origin(_ syntax: ExpressionSyntax) -> [Diagnostic.Note] {
    guard case .designator(let name, _) = syntax.kind, let symbol = scopes.lookup(name.text) else { return [] }
    return MurphiDiagnostics.declaration(name.text, symbol.range)
  }
}

extension Expression {
  /// Where it divides by a constant 0.
  fileprivate var divisionByZero: SourceRange? {
    switch kind {
    case .arithmetic(let first, let steps):
      return first.divisionByZero ?? steps.lazy.compactMap(\.divisionByZero).first
    case .comparison(_, let left, let right), .implication(let left, let right):
      return left.divisionByZero ?? right.divisionByZero
    case .connective(_, let operands): return operands.lazy.compactMap(\.divisionByZero).first
    case .not(let operand), .negate(let operand), .complement(let operand): return operand.divisionByZero
    case .conditional(let condition, let then, let otherwise):
      return condition.divisionByZero ?? then.divisionByZero ?? otherwise.divisionByZero
    case .constant, .read, .quantified, .isUndefined, .call: return nil
    }
  }
}

extension ArithmeticStep {
  /// Where it divides by a constant 0.
  fileprivate var divisionByZero: SourceRange? {
    if operation == .divide || operation == .remainder, case .constant(0) = operand.kind { return operand.range }
    return operand.divisionByZero
  }
}
