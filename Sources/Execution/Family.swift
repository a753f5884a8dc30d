import Diagnostics
package import Logic
package import Murphi

/// The copies of one rule, start state or property: one per tuple of its quantifiers' values.
package struct Family: Sendable {
  /// What is copied.
  package enum Kind: Hashable, Sendable {
    case startstate
    case rule
    case property
    case assumption
    case cover
  }

  /// A quantifier's values: `from`, `from + step` …
  package struct Parameter: Sendable {
    package let name: String
    package let type: Type
    /// The local that holds it.
    package let local: Int
    let from: Int
    let step: Int
    package let count: Int

    /// The raw value number `position`.
    func raw(_ position: Int) -> Int { from + position * step }
  }

  package let kind: Kind
  /// The position in the model's list of its kind; of a cover, in `TypedModel.covers`.
  package let position: Int
  /// Outermost first.
  package let parameters: [Parameter]
  /// How many copies there are.
  package let count: Int
  /// The number of the first copy among all of its kind.
  package let first: Int
  /// Where the code of each copy begins, or of all of them if there is but one entry.
  let entries: [Int]
  /// The copies whose guards the constants alone switch off: they cannot even fail.
  package let disabled: Set<Int>

  /// The raw parameters of a copy, outermost first; the last one runs fastest.
  package func parameters(ofCopy ordinal: Int) -> [Int] {
    var rest = ordinal
    var values: [Int] = []
    for parameter in parameters.reversed() {
      values.append(parameter.raw(rest % parameter.count))
      rest /= parameter.count
    }
    return values.reversed()
  }

  /// The copy with these parameters; nil if there is none.
  package func copy(with values: [Value]) -> Int? {
    guard values.count == parameters.count else { return nil }
    var ordinal = 0
    for (parameter, value) in zip(parameters, values) {
      guard let raw = parameter.type.raw(value) else { return nil }
      let (position, rest) = (raw - parameter.from).quotientAndRemainder(dividingBy: parameter.step)
      guard rest == 0, (0..<parameter.count).contains(position) else { return nil }
      ordinal = ordinal * parameter.count + position
    }
    return ordinal
  }

  /// The named parameters of a copy.
  package func namedParameters(ofCopy ordinal: Int) -> [NamedValue] {
    zip(parameters, parameters(ofCopy: ordinal)).map { NamedValue($0.name, $0.type.value(raw: $1)) }
  }
}

/// What families are compiled from: a rule, a start state or a property.
struct Body {
  let kind: Family.Kind
  let position: Int
  let enclosures: [Enclosure]
  let locals: [Local]
  /// A rule's guard, or a property's expression.
  let condition: Expression?
  /// Nil for properties.
  let statements: [Statement]?
  /// For messages.
  let name: String

  init(_ kind: Family.Kind, _ position: Int, _ rule: Rule) {
    self.kind = kind
    self.position = position
    enclosures = rule.enclosures
    locals = rule.locals
    condition = rule.guardExpression
    statements = rule.body
    name = rule.displayName(kind)
  }

  init(_ kind: Family.Kind, _ position: Int, _ property: Property) {
    self.kind = kind
    self.position = position
    enclosures = property.enclosures
    locals = property.locals
    condition = property.expression
    statements = nil
    name = property.name ?? "property \(property.number)"
  }

  /// About the number of instructions of a copy.
  func weight(_ weights: Weights) -> Int {
    var total = 4
    if let condition { total = total.addingSaturated(weights.weight(.expression(condition))) }
    for statement in statements ?? [] { total = total.addingSaturated(weights.weight(.statement(statement))) }
    return total
  }

  /// The quantifiers with their values.
  ///
  /// Throws: if one, or all together, have too many.
  func parameters() throws(EnumerationLimit) -> [Family.Parameter] {
    var parameters: [Family.Parameter] = []
    var copies = 1
    for enclosure in enclosures {
      guard case .quantifier(let quantifier) = enclosure else { continue }
      let local = locals[quantifier.local]
      let (from, step, count) = quantifier.domain.constantValues
      try EnumerationLimit.check(count: count, of: "the range of `\(local.name)` of \(name)")
      copies = copies.multipliedSaturated(count)
      try EnumerationLimit.check(count: copies, of: "the ruleset of \(name)")
      parameters.append(
        Family.Parameter(
          name: local.name, type: local.type, local: quantifier.local, from: from, step: step, count: count))
    }
    return parameters
  }
}

extension Quantifier.Domain {
  /// First value, step and number of values of a ruleset's quantifier. Its bounds are constants.
  fileprivate var constantValues: (from: Int, step: Int, count: Int) {
    switch self {
    case .type(let type):
      return (type.encoding.lower, 1, type.count)
    case .bounds(let from, let to, let by):
      guard case .constant(let low) = from.kind, case .constant(let high) = to.kind else {
        preconditionFailure("the bounds of a checked ruleset are constants")
      }
      var step = high >= low ? 1 : -1
      if case .constant(let given)? = by?.kind { step = given }
      guard step != 0 else { return (low, 1, 0) }
      let count = (high.subtractingSaturated(low) / step).addingSaturated(1)
      return (low, step, max(0, count))
    }
  }
}

extension Rule {
  /// As in the file, or `rule 3` / `startstate 1`.
  package func displayName(_ kind: Family.Kind) -> String {
    if let name { return name }
    switch kind {
    case .startstate: return "startstate \(number)"
    case .rule, .property, .assumption, .cover: return "rule \(number)"
    }
  }
}
