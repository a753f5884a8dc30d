package import Diagnostics

/// A checked model: no unresolved name, no unfolded constant, rules flattened out of their rulesets.
///
/// Both semantics start from here: `Execution` runs it, `Elaboration` turns it into terms. A variant or scope is another
/// `TypedModel`, checked from the same syntax tree with other constants.
package struct TypedModel: Sendable {
  /// What the properties are called that every model has.
  package static let (noRunTimeError, noDeadlock) = ("no run-time error", "no deadlock")

  package var file: SourceFile
  /// Every top-level constant with its value in this scope, in file order.
  package var constants: [Constant]
  package var variables: [StateVariable]
  package var functions: [Function]
  package var startstates: [Rule]
  package var rules: [Rule]
  /// Top-level invariants and assertions, in file order: what `PropertyID.invariant` counts.
  package var properties: [Property]
  /// Top-level `assume`s.
  package var assumptions: [Property]
  /// Every `assert` statement in file order: what `PropertyID.assertion` counts.
  package var assertions: [Site]
  /// Every `cover`, top level and statements, in file order: what `PropertyID.cover` counts.
  package var covers: [Cover]
  /// Every scalarset type in the order of declaration; `ScalarsetType.declaration` counts it.
  package var scalarsets: [ScalarsetType]
  /// Where values of two scalarsets of one size meet, which rumur lets pass: no symmetry can be relied on then.
  package var mixtures: [ScalarsetMixture]
  /// The directives of the head.
  package var directives: Directives

  package init(
    file: SourceFile, constants: [Constant] = [], variables: [StateVariable] = [], functions: [Function] = [],
    startstates: [Rule] = [], rules: [Rule] = [], properties: [Property] = [], assumptions: [Property] = [],
    assertions: [Site] = [], covers: [Cover] = [], scalarsets: [ScalarsetType] = [],
    mixtures: [ScalarsetMixture] = [], directives: Directives = Directives()
  ) {
    self.file = file
    self.constants = constants
    self.variables = variables
    self.functions = functions
    self.startstates = startstates
    self.rules = rules
    self.properties = properties
    self.assumptions = assumptions
    self.assertions = assertions
    self.covers = covers
    self.scalarsets = scalarsets
    self.mixtures = mixtures
    self.directives = directives
  }
}

/// A place where values of two scalarsets meet.
package struct ScalarsetMixture: Hashable, Sendable {
  /// One of them, by `ScalarsetType.declaration`.
  package let declaration: Int
  package let range: SourceRange

  package init(declaration: Int, range: SourceRange) {
    self.declaration = declaration
    self.range = range
  }
}

/// A top-level constant.
package struct Constant: Hashable, Sendable {
  package let name: String
  /// The value as a user writes it: `3`, `true`, `SNP`.
  package let text: String
  /// The raw value.
  package let raw: Int
  package let type: Type

  package init(name: String, text: String, raw: Int, type: Type) {
    self.name = name
    self.text = text
    self.raw = raw
    self.type = type
  }
}

/// A global variable.
package struct StateVariable: Hashable, Sendable {
  package let name: String
  package let type: Type
  package let range: SourceRange

  package init(name: String, type: Type, range: SourceRange) {
    self.name = name
    self.type = type
    self.range = range
  }
}

/// A function or procedure. Locals: the parameters first, in order.
package struct Function: Hashable, Sendable {
  package let name: String
  package var parameterCount: Int
  package var locals: [Local]
  /// Nil for a procedure.
  package var returnType: Type?
  package var body: [Statement]
  package let range: SourceRange
  /// `source` directives.
  package var sources: [String]

  package init(
    name: String, parameterCount: Int, locals: [Local], returnType: Type?, body: [Statement], range: SourceRange,
    sources: [String] = []
  ) {
    self.name = name
    self.parameterCount = parameterCount
    self.locals = locals
    self.returnType = returnType
    self.body = body
    self.range = range
    self.sources = sources
  }
}

/// What encloses a rule or property: rulesets' quantifiers and alias rules' aliases, outermost first.
package enum Enclosure: Hashable, Sendable {
  case quantifier(Quantifier)
  /// Bound afresh before the guard and again before the body.
  case alias(Alias)
}

/// A rule or start state, as written once; it stands for a copy per tuple of its quantifiers' values.
package struct Rule: Hashable, Sendable {
  /// As in the file; nil for an unnamed one.
  package let name: String?
  /// From 1, among rules or among start states, unnamed or not.
  package let number: Int
  package var enclosures: [Enclosure]
  package var locals: [Local]
  /// Nil means always.
  package var guardExpression: Expression?
  package var body: [Statement]
  package let range: SourceRange
  /// `source` and `abstraction` directives, and the engine operations it stands for.
  package var sources: [String]
  package var abstractions: [String]
  package var operations: [OperationUse]

  package init(
    name: String?, number: Int, enclosures: [Enclosure] = [], locals: [Local] = [], guardExpression: Expression? = nil,
    body: [Statement] = [], range: SourceRange, sources: [String] = [], abstractions: [String] = [],
    operations: [OperationUse] = []
  ) {
    self.name = name
    self.number = number
    self.enclosures = enclosures
    self.locals = locals
    self.guardExpression = guardExpression
    self.body = body
    self.range = range
    self.sources = sources
    self.abstractions = abstractions
    self.operations = operations
  }
}

/// A top-level property.
package struct Property: Hashable, Sendable {
  /// As in the file; nil for an unnamed one.
  package let name: String?
  /// From 1 among its category.
  package let number: Int
  package var enclosures: [Enclosure]
  package var locals: [Local]
  package var expression: Expression
  package let range: SourceRange
  package var sources: [String]
  package var abstractions: [String]
  /// The implications in it whose left side the constants decide; they are gone from `expression`.
  package var foldedImplications: [FoldedImplication]

  package init(
    name: String?, number: Int, enclosures: [Enclosure] = [], locals: [Local] = [], expression: Expression,
    range: SourceRange, sources: [String] = [], abstractions: [String] = [],
    foldedImplications: [FoldedImplication] = []
  ) {
    self.foldedImplications = foldedImplications
    self.name = name
    self.number = number
    self.enclosures = enclosures
    self.locals = locals
    self.expression = expression
    self.range = range
    self.sources = sources
    self.abstractions = abstractions
  }
}

/// An implication whose left side is a constant.
package struct FoldedImplication: Hashable, Sendable {
  package let range: SourceRange
  /// Whether the left side is true.
  package let isTriggered: Bool
}

/// An `assert` statement: its text, or where it stands.
package struct Site: Hashable, Sendable {
  package let name: String?
  package let range: SourceRange

  package init(name: String?, range: SourceRange) {
    self.name = name
    self.range = range
  }
}

/// A `cover`.
package struct Cover: Hashable, Sendable {
  package let name: String?
  package let range: SourceRange
  /// The property of a top-level cover; nil for a statement.
  package let property: Property?

  package init(name: String?, range: SourceRange, property: Property?) {
    self.name = name
    self.range = range
    self.property = property
  }

  /// Of a top-level cover: a property that holds wherever the cover can be evaluated, hit or not. Copies do not stop one another.
  package var evaluation: Property? {
    guard var property else { return nil }
    let always = Expression(.constant(1), type: .boolean, range: property.expression.range)
    property.expression = Expression(
      .implication(property.expression, always), type: .boolean, range: property.expression.range)
    return property
  }
}
