package import Diagnostics

/// A checked statement.
package struct Statement: Hashable, Sendable {
  package indirect enum Kind: Hashable, Sendable {
    /// Simple: evaluate (undefined is an error), check the range, store. Record or array: copy all parts as they are.
    case assign(Place, Expression)
    /// Every simple part becomes its type's least value.
    case clear(Place)
    /// Every simple part becomes undefined.
    case undefine(Place)
    /// The first branch whose condition is true; the last one may have none (`else`).
    case ifThen([Branch], otherwise: [Statement])
    /// The first case with an equal value; values are evaluated in order until one is equal.
    case switchOn(Expression, cases: [Case], otherwise: [Statement])
    /// The loop variable is a local of its own in every pass, and may be written.
    case forEach(Quantifier, [Statement])
    case whileTrue(Expression, [Statement])
    /// The aliases are bound on entry, in order.
    case aliasing([Alias], [Statement])
    /// Leaves the function, procedure, rule or startstate.
    case returning(Expression?)
    /// A run-time error with this text.
    case error(String)
    /// Prints; kvmcheck evaluates the expression for its errors and prints nothing.
    case put(Expression?)
    /// The position in `TypedModel.assertions`, and what must hold.
    case assert(Int, Expression)
    /// When false the whole firing is thrown away silently.
    case assume(Expression)
    /// The position in `TypedModel.covers`; counts when true.
    case cover(Int, Expression)
    case call(Call)
  }

  package struct Branch: Hashable, Sendable {
    package let condition: Expression
    package let body: [Statement]

    package init(condition: Expression, body: [Statement]) {
      self.condition = condition
      self.body = body
    }
  }

  package struct Case: Hashable, Sendable {
    package let values: [Expression]
    package let body: [Statement]

    package init(values: [Expression], body: [Statement]) {
      self.values = values
      self.body = body
    }
  }

  package let kind: Kind
  package let range: SourceRange

  package init(_ kind: Kind, range: SourceRange) {
    self.kind = kind
    self.range = range
  }
}

/// A name for a place (its indices fixed on entry) or for a value (computed on entry, read-only).
package struct Alias: Hashable, Sendable {
  package enum Target: Hashable, Sendable {
    case place(Place)
    case value(Expression)
  }
  /// The local that stands for it. For a place the local is of kind `.reference`.
  package let local: Int
  package let target: Target

  package init(local: Int, target: Target) {
    self.local = local
    self.target = target
  }
}

/// A local of a rule, start state, property or function.
package struct Local: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Starts undefined on every run.
    case variable
    /// A quantifier's, or an alias of a value. As in rumur a quantifier's may be written (in its own pass or copy only); an
    /// alias of a value may not.
    case value
    /// A by-value parameter; read-only.
    case parameter
    /// Stands for a place that is fixed when it is bound: a `var` parameter or an alias of a place.
    case reference
  }
  package let name: String
  package let type: Type
  package let kind: Kind

  package init(name: String, type: Type, kind: Kind) {
    self.name = name
    self.type = type
    self.kind = kind
  }
}
