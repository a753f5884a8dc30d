/// Statements and types.
extension SyntaxPrinter {
  /// Adds statements.
  mutating func statements(_ statements: [StatementSyntax]) {
    for one in statements { statement(one) }
  }

  /// Adds a statement.
  private mutating func statement(_ syntax: StatementSyntax) {
    switch syntax.kind {
    case .assign(let target, let value): line("\(Self.text(target)) := \(Self.text(value));")
    case .clear(let target): line("clear \(Self.text(target));")
    case .undefine(let target): line("undefine \(Self.text(target));")
    case .ifThen(let branches, let otherwise): ifThen(branches, otherwise)
    case .switchOn(let subject, let cases, let otherwise): switchOn(subject, cases, otherwise)
    case .forEach(let quantifier, let body): block("for \(Self.text(quantifier)) do", body)
    case .whileTrue(let condition, let body): block("while \(Self.text(condition)) do", body)
    case .aliasing(let bindings, let body):
      block("alias \(bindings.map { Self.text($0) }.joined(separator: " ")) do", body)
    case .returning(let value): line("return\(value.map { " " + Self.text($0) } ?? "");")
    case .error(let text): line("error\(Self.quoted(text));")
    case .putText(let text): line("put\(Self.quoted(text));")
    case .put(let value): line("put \(Self.text(value));")
    case .property(let property): line(Self.text(property) + ";")
    case .call(let name, let arguments): line("\(name.text)(\(Self.text(arguments)));")
    }
  }

  /// Adds a head, statements and `end;`.
  private mutating func block(_ head: String, _ body: [StatementSyntax]) {
    line(head)
    indented { $0.statements(body) }
    line("end;")
  }

  /// Adds `if … end;`.
  private mutating func ifThen(_ branches: [BranchSyntax], _ otherwise: [StatementSyntax]) {
    for (position, branch) in branches.enumerated() {
      line("\(position == 0 ? "if" : "elsif") \(Self.text(branch.condition)) then")
      indented { $0.statements(branch.body) }
    }
    if !otherwise.isEmpty {
      line("else")
      indented { $0.statements(otherwise) }
    }
    line("end;")
  }

  /// Adds `switch … end;`.
  private mutating func switchOn(
    _ subject: ExpressionSyntax, _ cases: [CaseSyntax], _ otherwise: [StatementSyntax]
  ) {
    line("switch \(Self.text(subject))")
    for one in cases {
      line("case \(Self.text(one.values)):")
      indented { $0.statements(one.body) }
    }
    if !otherwise.isEmpty {
      line("else")
      indented { $0.statements(otherwise) }
    }
    line("end;")
  }

  /// A type.
  static func text(_ type: TypeSyntax) -> String {
    switch type.kind {
    case .boolean: "boolean"
    case .named(let name): name.text
    case .range(let lower, let upper): "\(text(lower))..\(text(upper))"
    case .enumeration(let members): "enum {\(text(members))}"
    case .scalarset(let size): "scalarset(\(text(size)))"
    case .record(let fields): "record \(fields.map { text($0) + "; " }.joined())end"
    case .array(let index, let element): "array [\(text(index))] of \(text(element))"
    case .union(let members): "union {\(members.map { text($0) }.joined(separator: ", "))}"
    case .multiset(let size, let element): "multiset [\(text(size))] of \(text(element))"
    }
  }

  /// `a, b: type`
  static func text(_ entry: TypedNamesSyntax) -> String { "\(text(entry.names)): \(text(entry.type))" }

  /// `a, b: value;`
  static func text(_ binding: BindingSyntax) -> String { "\(text(binding.names)): \(text(binding.value));" }

  /// `a, b`
  static func text(_ names: [NameSyntax]) -> String { names.map(\.text).joined(separator: ", ") }

  /// A property, top level or statement.
  static func text(_ property: PropertySyntax) -> String {
    "\(property.category.rawValue)\(quoted(property.name)) \(text(property.expression))"
  }

  /// A blank and the text as a string; nothing without one.
  static func quoted(_ name: String?) -> String {
    guard let name else { return "" }
    var result = " \""
    for character in name {
      switch character {
      case "\"", "\\": result += "\\\(character)"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      default: result.append(character)
      }
    }
    return result + "\""
  }
}
