package import Logic
package import TransitionSystems

/// Lemmas as Murphi expressions, for people and for whoever checks them.
///
/// A place's predicate becomes a comparison. By the convention of `ParameterizedSystem` an undefined place has its type's least
/// value, so the predicate of that value is written with `isundefined`, and evaluating a lemma never fails.
package struct LemmaText {
  private let system: ParameterizedSystem
  /// The system's store, grown by the lemmas.
  private let store: TermStore
  /// By predicate: its function, and its position there.
  private var places: [FunctionSymbol: (function: Int, position: Int)] = [:]
  /// The names of places that may be undefined.
  private var undefinable: Set<String> = []
  /// Names that the model uses, in lower case.
  private let taken: Set<String>
  private var names: [Term: String] = [:]
  private var numbers: [Int: Int] = [:]

  /// `taken` are the names that the model uses.
  package init(_ system: ParameterizedSystem, store: TermStore, avoiding taken: some Sequence<String>) {
    self.system = system
    self.store = store
    self.taken = Set(taken.map { $0.lowercased() })
    for (index, function) in system.functions.enumerated() {
      for (position, predicate) in function.predicates.enumerated() { places[predicate] = (index, position) }
      if function.reading == .definedness { undefinable.insert(function.name) }
    }
  }

  /// The lemma: an implication under quantifiers. Nil if it speaks of values that Murphi has no name for, those of a scalarset
  /// whose elements the model tells apart.
  package mutating func text(of lemma: QuantifiedLemma) -> String? {
    names = [:]
    numbers = [:]
    let quantifiers = lemma.elements.map { quantifier("forall", $0) }
    guard let literals = texts(of: lemma.literals) else { return nil }
    let conclusion = lemma.literals.lastIndex { store.operation(of: $0) == .not } ?? lemma.literals.indices.last
    var premises = distinctness(lemma.elements)
    for position in literals.indices where position != conclusion { premises.append(literals[position]) }
    let body: String
    if let conclusion {
      guard let negated = text(of: lemma.literals[conclusion], isNegated: true) else { return nil }
      body = premises.isEmpty ? negated : premises.joined(separator: " & ") + " -> " + negated
    } else {
      body = premises.isEmpty ? "false" : "!(" + premises.joined(separator: " & ") + ")"
    }
    return quantifiers.joined() + body + lemma.elements.map { _ in " end" }.joined()
  }

  /// That places hold a value, of those that can hold none as far as the system knows: what elaboration with open sorts found out
  /// by itself and a search took for granted.
  package mutating func definedness() -> [String] {
    var result: [String] = []
    for function in system.functions where function.reading == .value && !undefinable.contains(function.name) {
      if case .elements(_, _, undefined: .some) = function.range { continue }
      names = [:]
      numbers = [:]
      let quantifiers = function.arguments.map { quantifier("forall", $0) }
      let place = designator(function, function.arguments.map { name(of: $0) })
      result.append(quantifiers.joined() + "!isundefined(\(place))" + quantifiers.map { _ in " end" }.joined())
    }
    return result
  }

  private mutating func texts(of terms: [Term]) -> [String]? {
    var texts: [String] = []
    for term in terms {
      guard let text = text(of: term, isNegated: false) else { return nil }
      texts.append(text)
    }
    return texts
  }

  /// That elements of one sort are different.
  private func distinctness(_ elements: [Term]) -> [String] {
    var parts: [String] = []
    for (position, one) in elements.enumerated() {
      for other in elements[(position + 1)...] where store.sort(of: one) == store.sort(of: other) {
        parts.append("(\(name(of: one)) != \(name(of: other)))")
      }
    }
    return parts
  }

  /// `forall table1: table do `, and the variable has a name.
  private mutating func quantifier(_ word: String, _ variable: Term) -> String {
    guard case .uninterpreted(let sort) = store.sort(of: variable) else {
      preconditionFailure("an element of no uninterpreted sort")
    }
    let type = system.sorts[sort].name
    let stem = type.hasSuffix("_t") ? String(type.dropLast(2)) : type
    var name: String
    repeat {
      numbers[sort, default: 0] += 1
      name = "\(stem)\(numbers[sort, default: 0])"
    } while taken.contains(name.lowercased())
    names[variable] = name
    return "\(word) \(name): \(type) do "
  }

  private func name(of element: Term) -> String {
    guard let name = names[element] else { preconditionFailure("an element that nothing binds") }
    return name
  }

  /// A condition, in parentheses unless it is a single comparison, place or call.
  private mutating func text(of term: Term, isNegated: Bool) -> String? {
    switch store.operation(of: term) {
    case .not: return store.operands(of: term).first.flatMap { text(of: $0, isNegated: !isNegated) }
    case .constant: return (store.constant(term) == .boolean(true)) != isNegated ? "true" : "false"
    case .and, .or:
      let isAnd = (store.operation(of: term) == .and) != isNegated
      var parts: [String] = []
      for operand in store.operands(of: term) {
        guard let part = text(of: operand, isNegated: isNegated) else { return nil }
        parts.append(part)
      }
      return "(" + parts.joined(separator: isAnd ? " & " : " | ") + ")"
    case .equal: return equality(Array(store.operands(of: term)), isNegated: isNegated)
    case .apply: return application(term, isNegated: isNegated)
    case .exists:
      guard let variable = store.operands(of: term).first, let body = store.operands(of: term).last else { return nil }
      let head = quantifier(isNegated ? "forall" : "exists", variable)
      return text(of: body, isNegated: isNegated).map { "(\(head)\($0) end)" }
    case .ifThenElse: return choice(Array(store.operands(of: term)), isNegated: isNegated)
    case .variable, .none, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
      .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
      .concatenate, .extendUnsigned, .extendSigned:
      return nil
    }
  }

  /// `(c & a) | (!c & b)`, with a and b negated where the whole is.
  private mutating func choice(_ operands: [Term], isNegated: Bool) -> String? {
    guard operands.count == 3, let condition = text(of: operands[0], isNegated: false),
      let other = text(of: operands[0], isNegated: true), let one = text(of: operands[1], isNegated: isNegated),
      let two = text(of: operands[2], isNegated: isNegated)
    else { return nil }
    return "((\(condition) & \(one)) | (\(other) & \(two)))"
  }

  private mutating func equality(_ operands: [Term], isNegated: Bool) -> String? {
    guard operands.count == 2 else { return nil }
    if store.sort(of: operands[0]) == .boolean {
      guard let left = text(of: operands[0], isNegated: false), let right = text(of: operands[1], isNegated: false)
      else { return nil }
      return "(\(left) \(isNegated ? "!=" : "=") \(right))"
    }
    guard let left = names[operands[0]], let right = names[operands[1]] else { return nil }
    return "(\(left) \(isNegated ? "!=" : "=") \(right))"
  }

  private func application(_ term: Term, isNegated: Bool) -> String? {
    guard let place = places[store.function(of: term)] else { return nil }
    let function = system.functions[place.function]
    let elements = store.operands(of: term).map { name(of: $0) }
    let designator = designator(function, elements)
    if function.reading == .definedness {
      return isNegated ? "isundefined(\(designator))" : "!isundefined(\(designator))"
    }
    let mayBeUndefined = undefinable.contains(function.name)
    switch function.range {
    case .boolean:
      let positive = mayBeUndefined ? "(!isundefined(\(designator)) & \(designator))" : designator
      let negative = mayBeUndefined ? "(isundefined(\(designator)) | !\(designator))" : "!\(designator)"
      return isNegated ? negative : positive
    case .elements(_, _, let undefined):
      if place.position == 1 { return isNegated ? "!isundefined(\(designator))" : "isundefined(\(designator))" }
      guard let value = elements.last else { return nil }
      return comparison(designator, value, isNegated, mayBeUndefined: undefined != nil, isLeast: false)
    case .values(let values, _):
      guard let value = Self.text(of: values[place.position]) else { return nil }
      return comparison(designator, value, isNegated, mayBeUndefined: mayBeUndefined, isLeast: place.position == 0)
    }
  }

  /// `place = value`, of a place that, undefined, counts as having its least value.
  private func comparison(
    _ place: String, _ value: String, _ isNegated: Bool, mayBeUndefined: Bool, isLeast: Bool
  ) -> String {
    let comparison = "\(place) \(isNegated ? "!=" : "=") \(value)"
    if !mayBeUndefined { return "(\(comparison))" }
    return isLeast == isNegated
      ? "(!isundefined(\(place)) & (\(comparison)))" : "(isundefined(\(place)) | (\(comparison)))"
  }

  /// A place's name with elements for the holes.
  private func designator(_ function: StateFunction, _ elements: [String]) -> String {
    var result = ""
    var rest = elements[...]
    for (position, part) in function.name.components(separatedByHole: "[]").enumerated() {
      if position > 0 { result += "[\(rest.removeFirst())]" }
      result += part
    }
    return result
  }

  /// A value as Murphi writes it.
  private static func text(of value: Value) -> String? {
    switch value {
    case .boolean, .integer, .member: value.description
    case .undefined, .scalar, .record, .array: nil
    }
  }
}

extension String {
  /// The parts between the holes; one more than there are holes.
  fileprivate func components(separatedByHole hole: String) -> [Substring] {
    split(separator: hole, omittingEmptySubsequences: false)
  }
}
