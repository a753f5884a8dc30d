import Diagnostics

/// A `--@` line and its `--@+` continuations, as found by the lexer.
struct DirectiveText: Sendable {
  /// What follows `--@` and `--@+`, line by line.
  var segments: [SourceRange]
  /// Where the last line ends.
  var lineEnd: Int
}

/// A parsed directive.
struct DirectiveSyntax: Sendable {
  /// What it says.
  enum Kind: Sendable {
    case title(String)
    case source(String)
    case abstraction(String)
    case deadlock(DeadlockMode)
    case scope(ScopeDeclaration)
    case variant(VariantDeclaration, outcomes: [SourceRange])
    case operations([OperationSyntax])
    case observable(NameSyntax, [QuantifierSyntax], ExpressionSyntax)
    case setup([OperationSyntax])
    case bind(ScalarsetBinding, type: NameSyntax)
  }
  let kind: Kind
  /// The word after `--@`.
  let keyword: NameSyntax
  /// The whole directive on one line, without `--@`.
  let text: String
}

/// `NAME arg=EXPR … [returns STATUS{|STATUS}]`
struct OperationSyntax: Sendable {
  let name: NameSyntax
  let arguments: [(name: String, value: ExpressionSyntax)]
  let statuses: [String]
}
