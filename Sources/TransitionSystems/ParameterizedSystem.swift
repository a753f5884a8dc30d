package import Logic

/// A model whose scalarsets are sorts of any size: what symmetric PDR and proofs for every size work on.
///
/// **Meaning.** A state gives each of `functions` a value at every tuple of elements; terms speak of it through one predicate per
/// value, exactly one of which is true at a tuple. A run starts from a start state and moves by a rule, with an element for each of
/// the rule's element variables and one choice for each of its inputs; both are functions, so the state follows. A step exists
/// iff `enabled` holds, and the rule fails iff the condition of one of its failures does: the run ends there. A property is
/// violated in a state iff its condition holds there, which an invariant's does where its evaluation fails. Assumptions, dropped firings and evaluation order are worked into these
/// conditions, which exclude each other no more than they must: of two failures of one firing the first is not told.
///
/// Terms are Boolean, over predicates of the state, equality of elements, inputs and quantifiers; there are no bit-vectors and
/// no primed symbols. Given sizes for its sorts, the system is the model's instance of those sizes: symmetric by construction, for
/// no term can tell two elements apart.
package struct ParameterizedSystem: Sendable {
  /// Every term of the system.
  package var store: TermStore
  /// By number of the uninterpreted sort.
  package var sorts: [OpenSort]
  /// The state, in a fixed order.
  package var functions: [StateFunction]
  /// How a state reads as the model's variables, in file order.
  package var layout: [OpenVariable]
  package var starts: [ParameterizedStart]
  package var rules: [ParameterizedRule]
  /// The invariants in file order, then what else evaluating them or running rules can violate.
  package var properties: [ParameterizedProperty]
  /// How evaluating the invariants, then the covers, in a state can fail, in their order; worked into `properties` already.
  package var evaluationFailures: [EvaluationFailure] = []

  package init(
    store: TermStore, sorts: [OpenSort], functions: [StateFunction] = [], layout: [OpenVariable] = [],
    starts: [ParameterizedStart] = [], rules: [ParameterizedRule] = [], properties: [ParameterizedProperty] = []
  ) {
    self.store = store
    self.sorts = sorts
    self.functions = functions
    self.layout = layout
    self.starts = starts
    self.rules = rules
    self.properties = properties
  }
}

/// A scalarset whose size is left open.
package struct OpenSort: Hashable, Sendable {
  /// The scalarset's name in the file.
  package let name: String
  /// Its size in this scope, at least 1.
  package var size: Int
  /// The position among the model's scalarsets.
  package let declaration: Int

  package init(name: String, size: Int, declaration: Int) {
    self.name = name
    self.size = size
    self.declaration = declaration
  }
}

/// A part of the state: a function from elements to values.
package struct StateFunction: Hashable, Sendable {
  /// What the function says of its place in the model.
  package enum Reading: Hashable, Sendable {
    /// The value that lies there.
    case value
    /// Whether any value lies there.
    case definedness
  }

  /// The values, one predicate for each kind.
  package enum Range: Hashable, Sendable {
    /// True or false: one predicate.
    case boolean(FunctionSymbol)
    /// One of these values: a predicate for each, exactly one of which holds.
    case values([Value], [FunctionSymbol])
    /// An element of a sort, the predicate's last argument; or, if there is a predicate for it, undefined.
    case elements(sort: Int, FunctionSymbol, undefined: FunctionSymbol?)
  }

  /// As a designator, with `[]` for an argument: `vcpus[].created`.
  package let name: String
  package let reading: Reading
  package let range: Range
  /// The variables that stand for its arguments in updates and start values.
  package let arguments: [Term]
  /// The variable that stands for an element as its value there; nil unless its values are elements.
  package let result: Term?

  package init(name: String, reading: Reading, range: Range, arguments: [Term], result: Term? = nil) {
    self.name = name
    self.reading = reading
    self.range = range
    self.arguments = arguments
    self.result = result
  }

  /// The predicates: of truth, of each value, or of an element and then of being undefined.
  package var predicates: [FunctionSymbol] {
    switch range {
    case .boolean(let predicate): [predicate]
    case .values(_, let predicates): predicates
    case .elements(_, let predicate, let undefined): [predicate] + (undefined.map { [$0] } ?? [])
    }
  }
}

/// A rule: a guarded simultaneous assignment for all choices of its parameters.
package struct ParameterizedRule: Hashable, Sendable {
  /// Which rule of the file.
  package let rule: RuleReference
  package let parameters: [OpenParameter]
  package let inputs: [RuleInput]
  /// May a step be taken? Over the state, the elements and the inputs.
  package var enabled: Term
  /// How it can fail; a failing firing is not enabled.
  package var failures: [Failure]
  /// How looking at the state that it leads to can fail, an assumption's evaluation that is; not enabled then either.
  package var arrivalFailures: [Failure] = []
  /// What changes, each function at most once, ascending.
  package let updates: [FunctionUpdate]

  package init(
    rule: RuleReference, parameters: [OpenParameter] = [], inputs: [RuleInput] = [], enabled: Term,
    failures: [Failure] = [], updates: [FunctionUpdate] = []
  ) {
    self.rule = rule
    self.parameters = parameters
    self.inputs = inputs
    self.enabled = enabled
    self.failures = failures
    self.updates = updates
  }

  /// The variables of its element parameters, outermost first.
  package var elements: [Term] { parameters.elements }
}

/// A start state: as a rule, but before it there is no state.
package struct ParameterizedStart: Hashable, Sendable {
  /// Which startstate of the file.
  package let rule: RuleReference
  package let parameters: [OpenParameter]
  package let inputs: [RuleInput]
  package var enabled: Term
  package var failures: [Failure]
  /// As a rule's.
  package var arrivalFailures: [Failure] = []
  /// A value for each of the system's functions, in their order.
  package let values: [FunctionUpdate]

  package init(
    rule: RuleReference, parameters: [OpenParameter] = [], inputs: [RuleInput] = [], enabled: Term,
    failures: [Failure] = [], values: [FunctionUpdate] = []
  ) {
    self.rule = rule
    self.parameters = parameters
    self.inputs = inputs
    self.enabled = enabled
    self.failures = failures
    self.values = values
  }

  /// The variables of its element parameters, outermost first.
  package var elements: [Term] { parameters.elements }
}

/// A ruleset's quantifier.
package struct OpenParameter: Hashable, Sendable {
  package enum Choice: Hashable, Sendable {
    /// Any element of a sort; the variable stands for it.
    case element(Term, sort: Int)
    /// One of the choices of an input, by the input's position.
    case input(Int)
    /// This value: the rule was written out for it.
    case fixed(Value)
  }
  /// The quantifier's name in the file.
  package let name: String
  package let choice: Choice

  package init(_ name: String, _ choice: Choice) {
    self.name = name
    self.choice = choice
  }
}

extension [OpenParameter] {
  /// The element variables, outermost first.
  fileprivate var elements: [Term] {
    compactMap {
      switch $0.choice {
      case .element(let variable, _): variable
      case .input, .fixed: nil
      }
    }
  }
}

/// A quantifier over known values: exactly one of the choices' literals is true.
package struct RuleInput: Hashable, Sendable {
  package struct Choice: Hashable, Sendable {
    package let value: Value
    /// A Boolean variable, or the negation of one.
    package let literal: Term

    package init(value: Value, literal: Term) {
      self.value = value
      self.literal = literal
    }
  }
  package let choices: [Choice]

  package init(choices: [Choice]) { self.choices = choices }
}

/// What a function becomes: the truth of each of its predicates afterwards.
package struct FunctionUpdate: Hashable, Sendable {
  /// The position in `ParameterizedSystem.functions`.
  package let function: Int
  /// Over the state before, the rule's elements and inputs, and the function's `arguments` and `result`; in the order of
  /// `StateFunction.predicates`.
  package let predicates: [Term]

  package init(function: Int, predicates: [Term]) {
    self.function = function
    self.predicates = predicates
  }
}

/// Something that must not happen.
package struct ParameterizedProperty: Hashable, Sendable {
  package let property: PropertyID
  /// States in which it has happened; rules may violate the property in failing besides.
  package let violated: Term

  package init(property: PropertyID, violated: Term) {
    self.property = property
    self.violated = violated
  }
}

/// A variable of the model, and how its value is read from a state.
package struct OpenVariable: Hashable, Sendable {
  package let name: String
  package let decoding: OpenDecoding

  package init(_ name: String, _ decoding: OpenDecoding) {
    self.name = name
    self.decoding = decoding
  }
}

/// How a `Value` is put together from functions.
package indirect enum OpenDecoding: Hashable, Sendable {
  /// Always this value where it is defined, if a function says so.
  case fixed(Value, definedness: Int?)
  /// A function's value, at the elements of the open arrays around it; undefined where the other function is false.
  case function(Int, definedness: Int?)
  case record([OpenField])
  /// Written out; ascending by index.
  case array([OpenElement])
  /// One element for each of a sort.
  case openArray(sort: Int, OpenDecoding)
}

/// A field of a decoded record.
package struct OpenField: Hashable, Sendable {
  package let name: String
  package let decoding: OpenDecoding

  package init(_ name: String, _ decoding: OpenDecoding) {
    self.name = name
    self.decoding = decoding
  }
}

/// An element of a decoded array whose index type is known.
package struct OpenElement: Hashable, Sendable {
  package let index: Value
  package let decoding: OpenDecoding

  package init(_ index: Value, _ decoding: OpenDecoding) {
    self.index = index
    self.decoding = decoding
  }
}
