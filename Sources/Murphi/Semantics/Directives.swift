package import Diagnostics

/// What a model's head says in `--@` comments, checked as far as the model itself can check it.
///
/// Whether an operation, observable, status or policy exists is the engine's business: `Replay` asks it.
package struct Directives: Sendable, Hashable {
  package var title: String?
  package var sources: [String] = []
  package var abstractions: [String] = []
  package var deadlock: DeadlockMode = .stuttering
  /// In file order, without `default`.
  package var scopes: [ScopeDeclaration] = []
  package var variants: [VariantDeclaration] = []
  package var observables: [ObservableUse] = []
  package var setup: [OperationUse] = []
  package var bindings: [ScalarsetBinding] = []

  package init() {}
}

/// A constant's value as the directive or the command line writes it.
package struct ConstantSetting: Sendable, Hashable {
  package let name: String
  package let value: String
  package let range: SourceRange?

  package init(name: String, value: String, range: SourceRange? = nil) {
    self.name = name
    self.value = value
    self.range = range
  }
}

/// `scope NAME: C=V …`
package struct ScopeDeclaration: Sendable, Hashable {
  package let name: String
  package let settings: [ConstantSetting]
  package let range: SourceRange

  package init(name: String, settings: [ConstantSetting], range: SourceRange) {
    self.name = name
    self.settings = settings
    self.range = range
  }
}

/// `variant NAME: {C=V} [in SCOPE] => OUTCOME {, OUTCOME} [bug …] [design …] [policy …]`
package struct VariantDeclaration: Sendable, Hashable {
  package enum Outcome: Sendable, Hashable {
    /// `violates STRING [by EVENT]`
    case violates(property: String, event: String?)
    /// `holds STRING`, or `holds` alone for all of the file's properties.
    case holds(property: String?)
    /// `error STRING [by EVENT]`: a run-time error whose text this is.
    case error(text: String, event: String?)
    case deadlock
    /// `unreachable STRING`: the named rule can never fire, or the named cover is never hit.
    case unreachable(String)
  }
  package let name: String
  package let settings: [ConstantSetting]
  /// The scope it starts from; nil means default.
  package let scope: String?
  package let outcomes: [Outcome]
  package let bugs: [String]
  package let design: String?
  /// Names joined by `+`; nil means the variant's own name.
  package let policy: String?
  /// Where it names policies and events, for whoever knows which exist.
  package let engineNames: [EngineName]
  package let range: SourceRange

  package init(
    name: String, settings: [ConstantSetting], scope: String?, outcomes: [Outcome], bugs: [String], design: String?,
    policy: String?, engineNames: [EngineName] = [], range: SourceRange
  ) {
    self.name = name
    self.settings = settings
    self.scope = scope
    self.outcomes = outcomes
    self.bugs = bugs
    self.design = design
    self.policy = policy
    self.engineNames = engineNames
    self.range = range
  }
}

/// A name in a variant that the engine must know.
package struct EngineName: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// One of those that `policy` joins by `+`.
    case policy
    /// What stands after `by`.
    case event
  }
  package let kind: Kind
  package let text: String
  package let range: SourceRange

  package init(_ kind: Kind, _ text: String, at range: SourceRange) {
    self.kind = kind
    self.text = text
    self.range = range
  }
}

/// An engine operation that a rule (or the set-up) stands for.
package struct OperationUse: Sendable, Hashable {
  package struct Argument: Sendable, Hashable {
    package let name: String
    /// Over the rule's parameters and the state before the step.
    package let expression: Expression

    package init(name: String, expression: Expression) {
      self.name = name
      self.expression = expression
    }
  }
  package let name: String
  /// In the order written; a name given several times means the sum of the bound values.
  package let arguments: [Argument]
  /// The statuses that are as expected; empty means `SUCCESS`.
  package let statuses: [String]
  package let range: SourceRange

  package init(name: String, arguments: [Argument], statuses: [String], range: SourceRange) {
    self.name = name
    self.arguments = arguments
    self.statuses = statuses
    self.range = range
  }
}

/// `observable NAME[i: TYPE, …]=EXPR`
package struct ObservableUse: Sendable, Hashable {
  package let name: String
  /// The index variables; their bound values are summed. Empty for a single observable.
  package let indices: [Quantifier]
  package let locals: [Local]
  package let expression: Expression
  package let range: SourceRange

  package init(name: String, indices: [Quantifier], locals: [Local], expression: Expression, range: SourceRange) {
    self.name = name
    self.indices = indices
    self.locals = locals
    self.expression = expression
    self.range = range
  }
}

/// `bind TYPE = WHAT BASE [step STEP]`: value k of the scalarset is the engine's object BASE + k·STEP.
package struct ScalarsetBinding: Sendable, Hashable {
  package let type: String
  package let object: String
  package let base: Int
  package let step: Int
  package let range: SourceRange

  package init(type: String, object: String, base: Int, step: Int, range: SourceRange) {
    self.type = type
    self.object = object
    self.base = base
    self.step = step
    self.range = range
  }
}

/// Which states count as deadlocked.
package enum DeadlockMode: String, Hashable, Sendable, CaseIterable {
  /// No rule changes the state (rumur's default, CMurphi's rule).
  case stuttering
  /// No rule can fire.
  case stuck
  /// Never.
  case off
}
