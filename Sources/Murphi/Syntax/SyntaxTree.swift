package import Diagnostics

/// A parsed model: what was written, names unresolved, in the order of the text.
///
/// `check` may be called many times on one tree, with other constants each time.
package struct SyntaxTree: Sendable {
  package let file: SourceFile
  /// Declarations, functions and rules in any order, as rumur takes them.
  let nodes: [NodeSyntax]
  /// The `--@` directives, in the order of the text.
  let directives: [DirectiveSyntax]
}

/// A name with its place.
struct NameSyntax: Hashable, Sendable {
  let text: String
  let range: SourceRange
}

/// One entry of the flat list that a model is.
enum NodeSyntax: Sendable {
  case section(SectionSyntax)
  case function(FunctionSyntax)
  case rule(RuleSyntax)

  /// The first byte.
  var start: Int {
    switch self {
    case .section(let section): section.range.start
    case .function(let function): function.range.start
    case .rule(let rule): rule.range.start
    }
  }
}

/// `const …`, `type …` or `var …` with its declarations.
struct SectionSyntax: Sendable {
  /// The declarations of one of the three kinds.
  enum Entries: Sendable {
    case constants([BindingSyntax])
    case types([TypedNamesSyntax])
    case variables([TypedNamesSyntax])
  }
  let entries: Entries
  let range: SourceRange
}

/// `a, b: expression`, of constants and aliases.
struct BindingSyntax: Sendable {
  let names: [NameSyntax]
  let value: ExpressionSyntax
}

/// `a, b: type`, of types, variables and fields.
struct TypedNamesSyntax: Sendable {
  let names: [NameSyntax]
  let type: TypeSyntax
}

/// A type expression.
struct TypeSyntax: Sendable {
  /// What it is.
  indirect enum Kind: Sendable {
    case boolean
    case named(NameSyntax)
    case range(ExpressionSyntax, ExpressionSyntax)
    case enumeration([NameSyntax])
    case scalarset(ExpressionSyntax)
    case record([TypedNamesSyntax])
    case array(index: TypeSyntax, element: TypeSyntax)
    /// Parsed so that the refusal can be located.
    case union([TypeSyntax])
    /// CMurphi's; parsed so that the refusal can be located.
    case multiset(ExpressionSyntax, TypeSyntax)
  }
  let kind: Kind
  let range: SourceRange
}

/// A function or procedure.
struct FunctionSyntax: Sendable {
  let name: NameSyntax
  let parameters: [ParameterSyntax]
  let returnType: TypeSyntax?
  let locals: [SectionSyntax]
  let body: [StatementSyntax]
  /// From the keyword to the name.
  let range: SourceRange
}

/// `[var] a, b: type`
struct ParameterSyntax: Sendable {
  /// How the argument is passed.
  enum Passing: Sendable {
    case value
    case reference
  }
  let passing: Passing
  let names: [NameSyntax]
  let type: TypeSyntax
}

/// A rule, start state or property, or a ruleset or alias rule around such.
indirect enum RuleSyntax: Sendable {
  case startstate(TransitionSyntax)
  case rule(TransitionSyntax)
  case property(PropertySyntax)
  case ruleset([QuantifierSyntax], [RuleSyntax], SourceRange)
  case alias([BindingSyntax], [RuleSyntax], SourceRange)
  /// CMurphi's `choose`; parsed so that the refusal can be located.
  case choose(NameSyntax, ExpressionSyntax, [RuleSyntax], SourceRange)

  /// From the keyword to the name.
  var range: SourceRange {
    switch self {
    case .startstate(let transition), .rule(let transition): transition.range
    case .property(let property): property.range
    case .ruleset(_, _, let range), .alias(_, _, let range), .choose(_, _, _, let range): range
    }
  }
}

/// A simple rule or a start state.
struct TransitionSyntax: Sendable {
  let name: String?
  let guardExpression: ExpressionSyntax?
  let locals: [SectionSyntax]
  let body: [StatementSyntax]
  /// From the keyword to the name.
  let range: SourceRange
}

/// A property, at top level or as a statement.
struct PropertySyntax: Sendable {
  /// The keyword that it starts with.
  enum Category: String, Sendable {
    case assert
    case invariant
    case assume
    case cover
    case liveness
  }
  let category: Category
  let name: String?
  let expression: ExpressionSyntax
  /// From the keyword to the end.
  let range: SourceRange
}

/// `i: type` or `i := from to to [by step]`
struct QuantifierSyntax: Sendable {
  /// What it runs through.
  enum Domain: Sendable {
    case type(TypeSyntax)
    case bounds(from: ExpressionSyntax, to: ExpressionSyntax, by: ExpressionSyntax?)
  }
  let name: NameSyntax
  let domain: Domain
  let range: SourceRange
}
