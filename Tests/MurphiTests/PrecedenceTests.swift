import Diagnostics
import Testing

@testable import Murphi

/// Which operand belongs to which operator.
@Suite struct PrecedenceTests {
  /// An expression with every operator's operands in brackets.
  private func bracketed(_ expression: ExpressionSyntax) -> String {
    switch expression.kind {
    case .number(let value): "\(value)"
    case .designator(let name, _): name.text
    case .unary(let operation, let operand): "[\(operation.rawValue)\(bracketed(operand))]"
    case .binary(let operation, let left, let right):
      "[\(bracketed(left)) \(operation.rawValue) \(bracketed(right))]"
    case .chain(let first, let links):
      links.reduce(bracketed(first)) { "[\($0) \($1.operation.rawValue) \(bracketed($1.operand))]" }
    case .conditional(let condition, let then, let otherwise):
      "[\(bracketed(condition)) ? \(bracketed(then)) : \(bracketed(otherwise))]"
    case .quantified(let kind, _, let body): "[\(kind.rawValue) \(bracketed(body))]"
    case .isUndefined, .isMember, .call: "[call]"
    }
  }

  /// What parsing makes of an expression, or the first error's identifier.
  private func parsed(_ text: String) -> String {
    do throws(Rejection) {
      let tree = try SyntaxTree.parse(SourceFile(name: "e.m", text: "invariant \(text)"))
      guard case .rule(.property(let property))? = tree.nodes.first else { return "" }
      return bracketed(property.expression)
    } catch {
      return error.diagnostics.map(\.id).joined(separator: " ")
    }
  }

  @Test(arguments: [
    ("a -> b || c", "[a -> [b || c]]"), ("a || b && c", "[a || [b && c]]"), ("a && b | c", "[a && [b | c]]"),
    ("a | b ^ c", "[a | [b ^ c]]"), ("a ^ b & c", "[a ^ [b & c]]"), ("a & b = c", "[a & [b = c]]"),
    ("a = b << c", "[a = [b << c]]"), ("a << b + c", "[a << [b + c]]"), ("a + b * c", "[a + [b * c]]"),
    ("a * b + c", "[[a * b] + c]"), ("a - b - c", "[[a - b] - c]"), ("a / b % c", "[[a / b] % c]"),
    ("a & b & c", "[[a & b] & c]"), ("a | b | c", "[[a | b] | c]"), ("a << b >> c", "[[a << b] >> c]"),
    ("!a = b", "[![a = b]]"), ("!a & b", "[[!a] & b]"), ("!!a", "[![!a]]"), ("a = !b", "[a = [!b]]"),
    ("a & !b = c | d", "[[a & [![b = c]]] | d]"), ("a = !b = c", "[a = [![b = c]]]"), ("!a -> b", "[[!a] -> b]"),
    ("-a / b", "[[-a] / b]"), ("-a + b", "[[-a] + b]"), ("a - -b", "[a - [-b]]"), ("2 * -3", "[2 * [-3]]"),
    ("~a * b", "[[~a] * b]"), ("-~a", "[-[~a]]"), ("~-a", "[~[-a]]"), ("+a * b", "[[+a] * b]"),
    ("a -> b ? c : d", "[[a -> b] ? c : d]"), ("a ? b ? c : d : e", "[a ? [b ? c : d] : e]"),
    ("a ? b : (c ? d : e)", "[a ? b : [c ? d : e]]"), ("(a -> b) -> c", "[[a -> b] -> c]"),
    ("(a = b) = c", "[[a = b] = c]"), ("forall i: t do a -> b end & c", "[[forall [a -> b]] & c]"),
    ("a ∧ b ∨ ¬c ≠ d", "[[a && b] || [![c != d]]]"), ("a <= b == c", "E0202"), ("a = b = c", "E0202"),
    ("a -> b -> c", "E0202"), ("a ? b : c ? d : e", "E0202"), ("a < b != c", "E0202"),
  ])
  func bindsAsTheTableSays(text: String, tree: String) {
    #expect(parsed(text) == tree)
  }
}
