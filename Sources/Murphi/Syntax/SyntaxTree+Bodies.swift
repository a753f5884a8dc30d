import Diagnostics

/// A statement as written.
struct StatementSyntax: Sendable {
  /// What it is.
  indirect enum Kind: Sendable {
    case assign(ExpressionSyntax, ExpressionSyntax)
    case clear(ExpressionSyntax)
    case undefine(ExpressionSyntax)
    case ifThen([BranchSyntax], otherwise: [StatementSyntax])
    case switchOn(ExpressionSyntax, [CaseSyntax], otherwise: [StatementSyntax])
    case forEach(QuantifierSyntax, [StatementSyntax])
    case whileTrue(ExpressionSyntax, [StatementSyntax])
    case aliasing([BindingSyntax], [StatementSyntax])
    case returning(ExpressionSyntax?)
    case error(String)
    case putText(String)
    case put(ExpressionSyntax)
    case property(PropertySyntax)
    case call(NameSyntax, [ExpressionSyntax])
  }
  let kind: Kind
  let range: SourceRange
}

/// A condition with its statements.
struct BranchSyntax: Sendable {
  let condition: ExpressionSyntax
  let body: [StatementSyntax]
}

/// `case a, b: …`
struct CaseSyntax: Sendable {
  let values: [ExpressionSyntax]
  let body: [StatementSyntax]
}

/// An expression as written.
struct ExpressionSyntax: Sendable {
  /// What it is.
  indirect enum Kind: Sendable {
    case number(Int)
    /// A name with fields and indices after it.
    case designator(NameSyntax, [StepSyntax])
    case unary(UnaryOperator, ExpressionSyntax)
    /// An implication or a comparison.
    case binary(BinaryOperator, ExpressionSyntax, ExpressionSyntax)
    /// Associative operators of one level, applied from the left. A list and not a tree, because people write and generate
    /// chains of any length: nothing that walks or frees an expression recurses along one.
    case chain(ExpressionSyntax, [LinkSyntax])
    case conditional(ExpressionSyntax, ExpressionSyntax, ExpressionSyntax)
    case quantified(QuantifierKind, QuantifierSyntax, ExpressionSyntax)
    case isUndefined(ExpressionSyntax)
    /// Of unions; parsed so that the refusal can be located.
    case isMember(ExpressionSyntax, TypeSyntax)
    case call(NameSyntax, [ExpressionSyntax])
  }
  let kind: Kind
  /// With the parentheses around it, if any.
  let range: SourceRange
  /// The number of levels of the tree, itself included; parentheses do not count, and a chain is one level.
  let height: Int

  init(_ kind: Kind, range: SourceRange) {
    self.kind = kind
    self.range = range
    height = 1 + kind.heightBelow
  }

  /// The same with parentheses around it.
  init(parenthesised inner: ExpressionSyntax, range: SourceRange) {
    kind = inner.kind
    height = inner.height
    self.range = range
  }
}

/// An operator of a chain, and its right operand.
struct LinkSyntax: Sendable {
  let operation: BinaryOperator
  let operand: ExpressionSyntax
}

/// `.field` or `[index]`
enum StepSyntax: Sendable {
  case field(NameSyntax)
  case element(ExpressionSyntax)
}

extension ExpressionSyntax.Kind {
  /// The height of the highest operand.
  fileprivate var heightBelow: Int {
    switch self {
    case .number: 0
    case .designator(_, let steps): steps.map(\.height).max() ?? 0
    case .unary(_, let operand), .isUndefined(let operand), .isMember(let operand, _): operand.height
    case .binary(_, let left, let right): max(left.height, right.height)
    case .chain(let first, let links): links.reduce(first.height) { max($0, $1.operand.height) }
    case .conditional(let condition, let then, let otherwise):
      max(condition.height, then.height, otherwise.height)
    case .quantified(_, let quantifier, let body): max(quantifier.height, body.height)
    case .call(_, let arguments): arguments.map(\.height).max() ?? 0
    }
  }
}

extension StepSyntax {
  /// The height of the index.
  fileprivate var height: Int {
    switch self {
    case .field: 0
    case .element(let index): index.height
    }
  }
}

extension QuantifierSyntax {
  /// The height of the highest bound.
  fileprivate var height: Int {
    switch domain {
    case .type: 0
    case .bounds(let from, let to, let by): max(from.height, to.height, by?.height ?? 0)
    }
  }
}

/// Prefix operators.
enum UnaryOperator: String, Hashable, Sendable {
  case not = "!"
  case negate = "-"
  case plus = "+"
  case complement = "~"
}

/// Infix operators.
enum BinaryOperator: String, Hashable, Sendable {
  case implies = "->"
  case orOr = "||"
  case andAnd = "&&"
  case or = "|"
  case xor = "^"
  case and = "&"
  case less = "<"
  case lessOrEqual = "<="
  case equal = "="
  case notEqual = "!="
  case greaterOrEqual = ">="
  case greater = ">"
  case shiftLeft = "<<"
  case shiftRight = ">>"
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case remainder = "%"
}

/// How tightly operators bind, loosest first.
enum Precedence: Int, Comparable, Sendable {
  case conditional
  case implication
  case disjunction
  case conjunction
  case bitOr
  case bitXor
  case bitAnd
  /// The prefix `!`, looser than comparisons.
  case negation
  case comparison
  case shift
  case sum
  /// Also the prefix `-` and `+`.
  case product
  case complement
  case primary

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }

  /// The next tighter level.
  var tighter: Precedence { Precedence(rawValue: rawValue + 1) ?? .primary }
}

extension BinaryOperator {
  /// Its level.
  var precedence: Precedence {
    switch self {
    case .implies: .implication
    case .orOr: .disjunction
    case .andAnd: .conjunction
    case .or: .bitOr
    case .xor: .bitXor
    case .and: .bitAnd
    case .less, .lessOrEqual, .equal, .notEqual, .greaterOrEqual, .greater: .comparison
    case .shiftLeft, .shiftRight: .shift
    case .add, .subtract: .sum
    case .multiply, .divide, .remainder: .product
    }
  }

  /// Whether `a op b op c` is legal.
  var isAssociative: Bool { precedence != .implication && precedence != .comparison }

  /// The operator that a symbol is between two operands.
  init?(_ symbol: Punctuation) {
    self.init(rawValue: symbol.rawValue)
  }
}
