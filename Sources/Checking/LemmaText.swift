package import Logic
package import Murphi
package import TransitionSystems

/// Lemmas as Murphi expressions, for people and for whoever checks them.
///
/// A place's predicate becomes a comparison. By the convention of `ParameterizedSystem` an undefined place has its type's least
/// value, so the predicate of that value is written with `isundefined`, and evaluating a lemma never fails.
///
/// Murphi has no names for a scalarset's elements. Where the model tells them apart, places and values of the system name them all the
/// same (`used[page_0]`); such an element is written as a variable that stands for any, the same for elements of one number in
/// scalarsets that the model mixes. What is written then says more than the lemma, and may be false: `isGeneral`.
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
  /// By the stem of names, in lower case: how many were made.
  private var numbers: [String: Int] = [:]
  /// By scalarset whose elements are told apart: the first of those that it may be mixed with, itself included.
  private var closed: [String: String] = [:]
  /// The elements of such scalarsets that a lemma speaks of, in the order in which their variables are quantified.
  private var singled: [(value: Value, type: String, name: String)] = []
  /// Whether some text says of all elements of a scalarset what its lemma says of single ones.
  package private(set) var isGeneral = false

  /// `taken` are the names that the model uses.
  package init(
    _ system: ParameterizedSystem, of model: TypedModel, store: TermStore, avoiding taken: some Sequence<String>
  ) {
    self.system = system
    let open = Set(system.sorts.map(\.declaration))
    let mixed = Set(model.mixtures.map(\.declaration))
    let sizes = Set(model.scalarsets.filter { mixed.contains($0.declaration) }.map(\.size))
    for scalarset in model.scalarsets where !open.contains(scalarset.declaration) {
      let first = sizes.contains(scalarset.size) ? model.scalarsets.first { $0.size == scalarset.size } : nil
      closed[scalarset.name] = (first ?? scalarset).name
    }
    self.store = store
    self.taken = Set(taken.map { $0.lowercased() })
    for (index, function) in system.functions.enumerated() {
      for (position, predicate) in function.predicates.enumerated() { places[predicate] = (index, position) }
      if function.reading == .definedness { undefinable.insert(function.name) }
    }
  }

  /// The lemma: an implication under quantifiers. Nil if it speaks of something else than predicates of the state.
  package mutating func text(of lemma: QuantifiedLemma) -> String? {
    begin()
    var quantifiers = lemma.elements.map { quantifier("forall", $0) }
    guard let literals = texts(of: lemma.literals) else { return nil }
    let conclusion = lemma.literals.lastIndex { store.operation(of: $0) == .not } ?? lemma.literals.indices.last
    quantifiers += singled.map { "forall \($0.name): \($0.type) do " }
    if !singled.isEmpty { isGeneral = true }
    var premises = distinctness(lemma.elements)
    for position in literals.indices where position != conclusion { premises.append(literals[position]) }
    let body: String
    if let conclusion {
      guard let negated = text(of: lemma.literals[conclusion], isNegated: true) else { return nil }
      body = premises.isEmpty ? negated : premises.joined(separator: " & ") + " -> " + negated
    } else {
      body = premises.isEmpty ? "false" : "!(" + premises.joined(separator: " & ") + ")"
    }
    return quantifiers.joined() + body + quantifiers.map { _ in " end" }.joined()
  }

  /// That places hold a value, of those that can hold none as far as the system knows: what elaboration with open sorts found out
  /// by itself and a search took for granted.
  package mutating func definedness() -> [String] {
    var result: [String] = []
    for function in system.functions where function.reading == .value && !undefinable.contains(function.name) {
      if case .elements(_, _, undefined: .some) = function.range { continue }
      begin()
      var quantifiers = function.arguments.map { quantifier("forall", $0) }
      let place = designator(function, function.arguments.map { name(of: $0) })
      quantifiers += singled.map { "forall \($0.name): \($0.type) do " }
      result.append(quantifiers.joined() + "!isundefined(\(place))" + quantifiers.map { _ in " end" }.joined())
    }
    return result
  }

  /// Forgets the names of the lemma before.
  private mutating func begin() {
    names = [:]
    numbers = [:]
    singled = []
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
    for (position, one) in singled.enumerated() {
      for other in singled[(position + 1)...] where one.type == other.type {
        parts.append("(\(one.name) != \(other.name))")
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
    let name = fresh(type)
    names[variable] = name
    return "\(word) \(name): \(type) do "
  }

  /// A name of nobody's for a variable of this type.
  private mutating func fresh(_ type: String) -> String {
    let stem = type.hasSuffix("_t") ? String(type.dropLast(2)) : type
    var name: String
    repeat {
      numbers[stem.lowercased(), default: 0] += 1
      name = "\(stem)\(numbers[stem.lowercased(), default: 0])"
    } while taken.contains(name.lowercased())
    return name
  }

  /// The variable that stands for an element of a scalarset whose elements are told apart; nil if there is no such scalarset.
  private mutating func variable(_ type: String, _ index: Int) -> String? {
    guard let type = closed[type] else { return nil }
    let value = Value.scalar(type: type, index: index)
    if let known = singled.first(where: { $0.value == value }) { return known.name }
    let name = fresh(type)
    singled.append((value, type, name))
    return name
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

  private mutating func application(_ term: Term, isNegated: Bool) -> String? {
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
      guard let value = text(of: values[place.position]) else { return nil }
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

  /// A place's name with elements for the holes, and variables for single elements.
  private mutating func designator(_ function: StateFunction, _ elements: [String]) -> String {
    var result = ""
    var rest = elements[...]
    for (position, part) in function.name.split(separator: "[", omittingEmptySubsequences: false).enumerated() {
      let index = part.prefix { $0 != "]" }
      if position == 0 {
        result += part
      } else if index.isEmpty {
        result += "[\(rest.removeFirst())" + part
      } else {
        result += "[" + (element(named: index) ?? String(index)) + part.dropFirst(index.count)
      }
    }
    return result
  }

  /// The variable for an element that a place names, as `page_1`; nil if that is the name of something else.
  private mutating func element(named text: Substring) -> String? {
    guard let line = text.lastIndex(of: "_"), let index = Int(text[text.index(after: line)...]) else { return nil }
    return variable(String(text[..<line]), index)
  }

  /// A value as Murphi writes it.
  private mutating func text(of value: Value) -> String? {
    switch value {
    case .boolean, .integer, .member: value.description
    case .scalar(let type, let index): variable(type, index)
    case .undefined, .record, .array: nil
    }
  }
}
