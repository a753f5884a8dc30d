package import Diagnostics

/// A checked expression. All names are resolved, all constants are folded into numbers.
///
/// Simple values are raw integers everywhere (see `Type.rawValues`). Reading an undefined simple value, an index or a value
/// out of range, and a zero divisor are run-time errors at `range`, in the evaluation order of the language reference.
package struct Expression: Hashable, Sendable {
  package indirect enum Kind: Hashable, Sendable {
    /// A defined simple value, raw.
    case constant(Int)
    /// The value at a place. Simple: an error if undefined. Record or array: the parts as they are, undefined or not.
    case read(Place)
    /// `!`
    case not(Expression)
    /// Unary minus.
    case negate(Expression)
    /// `~` on integers: −x − 1.
    case complement(Expression)
    /// Operators applied one after another from the left; every operand is evaluated, in order. A list and not a tree, so that
    /// nothing recurses along a chain of thousands.
    case arithmetic(Expression, [ArithmeticStep])
    /// `= != < <= > >=`. Simple operands must be defined; records and arrays are compared part by part, undefined = undefined.
    case comparison(ComparisonOperator, Expression, Expression)
    /// `& |` on two or more booleans: each is evaluated only if none before it decides. A list for the same reason.
    case connective(Connective, [Expression])
    /// `->`: the right side is evaluated only if the left is true.
    case implication(Expression, Expression)
    /// `?:` One branch is evaluated.
    case conditional(Expression, then: Expression, else: Expression)
    /// `forall` stops at the first false, `exists` at the first true.
    case quantified(QuantifierKind, Quantifier, Expression)
    /// True iff the simple place is undefined; the indices inside the place are evaluated and checked.
    case isUndefined(Place)
    /// A function that returns a value, or (as a statement) a call whose value is dropped.
    case call(Call)
  }

  package let kind: Kind
  package let type: Type
  /// For integers: every value that evaluation can yield lies here, so that nothing overflows 64 bits. Nil for other types.
  package let interval: ClosedRange<Int>?
  /// The operand, for messages.
  package let range: SourceRange

  package init(_ kind: Kind, type: Type, interval: ClosedRange<Int>? = nil, range: SourceRange) {
    self.kind = kind
    self.type = type
    self.interval = interval
    self.range = range
  }
}

/// An operator of a chain on integers, and its right operand.
package struct ArithmeticStep: Hashable, Sendable {
  package let operation: ArithmeticOperator
  package let operand: Expression
  /// Every value that the chain can have after this step lies here.
  package let interval: ClosedRange<Int>

  package init(operation: ArithmeticOperator, operand: Expression, interval: ClosedRange<Int>) {
    self.operation = operation
    self.operand = operand
    self.interval = interval
  }
}

/// Operators on integers that yield an integer. Division and remainder truncate toward zero.
package enum ArithmeticOperator: String, Hashable, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case remainder = "%"
  case bitAnd = "&"
  case bitOr = "|"
  case bitXor = "^"
  case shiftLeft = "<<"
  case shiftRight = ">>"
}

/// Operators that compare.
package enum ComparisonOperator: String, Hashable, Sendable {
  case equal = "="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

/// Associative boolean operators that short-circuit, left to right.
package enum Connective: String, Hashable, Sendable {
  case and = "&"
  case or = "|"
}

package enum QuantifierKind: String, Hashable, Sendable {
  case forall
  case exists
}

/// A variable that runs through values: of a ruleset, a `for`, a `forall` or an `exists`.
package struct Quantifier: Hashable, Sendable {
  /// What it runs through.
  package indirect enum Domain: Hashable, Sendable {
    /// All defined values, ascending.
    case type(Type)
    /// From a bound to a bound; without a step +1, or −1 if the second is smaller. Constant in rulesets.
    case bounds(from: Expression, to: Expression, by: Expression?)
  }
  /// The local that holds its value.
  package let local: Int
  package let domain: Domain
  package let range: SourceRange

  package init(local: Int, domain: Domain, range: SourceRange) {
    self.local = local
    self.domain = domain
    self.range = range
  }
}

/// A designator: a root, and a path of fields and elements.
package struct Place: Hashable, Sendable {
  package enum Root: Hashable, Sendable {
    /// A state variable: the position in `TypedModel.variables`.
    case state(Int)
    /// A local of the body being run: the position in its `locals`.
    case local(Int)
  }
  package enum Step: Hashable, Sendable {
    /// A field, by position.
    case field(Int)
    /// An element; the index is checked against the array's index type at the expression's range.
    case element(Expression)
  }
  package let root: Root
  package let path: [Step]
  /// The type of what lies there.
  package let type: Type
  package let range: SourceRange

  package init(root: Root, path: [Step], type: Type, range: SourceRange) {
    self.root = root
    self.path = path
    self.type = type
    self.range = range
  }
}

/// A call of a function or procedure.
package struct Call: Hashable, Sendable {
  package enum Argument: Hashable, Sendable {
    /// By value. A designator that is undefined may be passed, and the parameter is then undefined; a defined simple value is
    /// checked against the parameter's range.
    case value(Expression)
    /// To a `var` parameter.
    case reference(Place)
  }
  /// The position in `TypedModel.functions`.
  package let function: Int
  package let arguments: [Argument]

  package init(function: Int, arguments: [Argument]) {
    self.function = function
    self.arguments = arguments
  }
}
