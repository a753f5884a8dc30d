import Logic

/// Writes terms out over one predicate per value: what remains is Boolean.
///
/// A bit-vector term becomes its *cases*, the patterns it can have and when it has them; an operator's cases are computed from its
/// operands'. So every number of a model must have few values, which is what a protocol's numbers have. An element that is not a
/// variable (a scalarset's variable that is read) becomes a quantified one where it indexes or is compared.
///
/// Known limits: products of cases are written out, up to `limit` of them.
struct FiniteDomains {
  /// A pattern and when the term has it. The conditions of a term exclude each other and, on runs that have not failed, one holds.
  struct Case {
    let pattern: UInt128
    let condition: Term
  }
  /// A function of the state before it is written out.
  enum Function {
    /// A predicate already.
    case boolean
    /// A predicate per pattern.
    case bits([UInt128], [FunctionSymbol])
    /// A predicate of the arguments and the element; one for `none`, if that can be.
    case element(FunctionSymbol, undefined: FunctionSymbol?)
  }
  /// There are too many cases.
  struct TooWide: Error {}

  /// How many pairs of cases one operator may have.
  static let limit = 1 << 16

  /// What the state's functions become.
  let functions: [FunctionSymbol: Function]
  /// The patterns of variables that are bit-vectors.
  private var inputs: [Term: [Case]] = [:]
  private var truths: [Term: Term] = [:]
  private var casesOf: [Term: [Case]] = [:]

  init(functions: [FunctionSymbol: Function]) { self.functions = functions }

  /// Says which patterns a variable has, and when.
  mutating func declare(_ variable: Term, _ cases: [Case]) { inputs[variable] = cases }

  /// A Boolean term, written out.
  mutating func truth(_ term: Term, _ store: inout TermStore) throws(TooWide) -> Term {
    if let known = truths[term] { return known }
    let result = try writtenOut(term, &store)
    truths[term] = result
    return result
  }

  private mutating func writtenOut(_ term: Term, _ store: inout TermStore) throws(TooWide) -> Term {
    let operands = Array(store.operands(of: term))
    switch store.operation(of: term) {
    case .constant, .variable: return term
    case .not: return store.not(try truth(operands[0], &store))
    case .and: return store.and(try truths(operands, &store))
    case .or: return store.or(try truths(operands, &store))
    case .ifThenElse:
      let condition = try truth(operands[0], &store)
      let consequence = try truth(operands[1], &store)
      return store.ifThenElse(condition, consequence, try truth(operands[2], &store))
    case .exists:
      let variable = store.fresh(store.quantifiedSort(of: term))
      let body = try truth(store.opened(term, with: variable), &store)
      return store.exists(variable, body)
    case .apply:
      let function = store.function(of: term)
      return try atElements(operands, &store) { store, elements in store.apply(function, elements) }
    case .equal: return try equality(operands[0], operands[1], &store)
    case .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned:
      return try comparison(term, operands, &store)
    case .none, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned,
      .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
      .extract, .concatenate, .extendUnsigned, .extendSigned:
      preconditionFailure("no Boolean operator")
    }
  }

  private mutating func truths(_ terms: [Term], _ store: inout TermStore) throws(TooWide) -> [Term] {
    var results: [Term] = []
    for term in terms { results.append(try truth(term, &store)) }
    return results
  }

  private mutating func equality(_ left: Term, _ right: Term, _ store: inout TermStore) throws(TooWide) -> Term {
    switch store.sort(of: left) {
    case .boolean:
      let one = try truth(left, &store)
      return store.equal(one, try truth(right, &store))
    case .bitVector:
      var ways: [Term] = []
      let others = try cases(right, &store)
      for one in try cases(left, &store) {
        for other in others where other.pattern == one.pattern {
          ways.append(store.and(one.condition, other.condition))
        }
      }
      return store.or(ways)
    case .uninterpreted: return try sameElement(left, right, &store)
    }
  }

  private mutating func comparison(
    _ term: Term, _ operands: [Term], _ store: inout TermStore
  ) throws(TooWide) -> Term {
    let operation = store.operation(of: term)
    let width = store.width(of: operands[0])
    var ways: [Term] = []
    let others = try cases(operands[1], &store)
    for one in try cases(operands[0], &store) {
      for other in others {
        let inputs = [TermValue.bits(one.pattern, width: width), .bits(other.pattern, width: width)]
        if TermStore.compute(operation, inputs, .boolean, lowest: 0).isTrue {
          ways.append(store.and(one.condition, other.condition))
        }
      }
    }
    return store.or(ways)
  }

  // Bit-vectors.

  /// A bit-vector term's cases, ascending by pattern.
  mutating func cases(_ term: Term, _ store: inout TermStore) throws(TooWide) -> [Case] {
    if let known = casesOf[term] { return known }
    let result = try computedCases(term, &store)
    casesOf[term] = result
    return result
  }

  private mutating func computedCases(_ term: Term, _ store: inout TermStore) throws(TooWide) -> [Case] {
    let operands = Array(store.operands(of: term))
    switch store.operation(of: term) {
    case .constant:
      guard let value = store.constant(term) else { preconditionFailure("a constant without a value") }
      return [Case(pattern: value.unsigned, condition: store.boolean(true))]
    case .variable:
      guard let known = inputs[term] else { preconditionFailure("a bit-vector variable that was not declared") }
      return known
    case .apply:
      guard case .bits(let patterns, let predicates)? = functions[store.function(of: term)] else {
        preconditionFailure("a function of another kind")
      }
      var result: [Case] = []
      for (pattern, predicate) in zip(patterns, predicates) {
        let condition = try atElements(operands, &store) { store, elements in store.apply(predicate, elements) }
        result.append(Case(pattern: pattern, condition: condition))
      }
      return result
    case .ifThenElse:
      let condition = try truth(operands[0], &store)
      return chosen(condition, try cases(operands[1], &store), try cases(operands[2], &store), &store)
    case .not, .and, .or, .equal, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned,
      .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
      .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned,
      .extendSigned, .exists, .none:
      return try operatorCases(term, operands, &store)
    }
  }

  /// The cases of a choice.
  private func chosen(_ condition: Term, _ left: [Case], _ right: [Case], _ store: inout TermStore) -> [Case] {
    let one = Dictionary(uniqueKeysWithValues: left.map { ($0.pattern, $0.condition) })
    let other = Dictionary(uniqueKeysWithValues: right.map { ($0.pattern, $0.condition) })
    var result: [Case] = []
    for pattern in Set(one.keys).union(other.keys).sorted() {
      let never = store.boolean(false)
      let whole = store.ifThenElse(condition, one[pattern] ?? never, other[pattern] ?? never)
      if whole != never { result.append(Case(pattern: pattern, condition: whole)) }
    }
    return result
  }

  /// The cases of an operator over bit-vectors: every combination of its operands' patterns.
  private mutating func operatorCases(
    _ term: Term, _ operands: [Term], _ store: inout TermStore
  ) throws(TooWide) -> [Case] {
    let operation = store.operation(of: term)
    let lowest = operation == .extract ? store.lowestBit(of: term) : 0
    var combinations: [(inputs: [TermValue], condition: Term)] = [([], store.boolean(true))]
    for operand in operands {
      let width = store.width(of: operand)
      let cases = try cases(operand, &store)
      if combinations.count * cases.count > Self.limit { throw TooWide() }
      combinations = combinations.flatMap { combination in
        cases.map { one in
          let condition = store.and(combination.condition, one.condition)
          return (combination.inputs + [.bits(one.pattern, width: width)], condition)
        }
      }
    }
    var conditions: [UInt128: [Term]] = [:]
    for combination in combinations where store.constant(combination.condition) != .boolean(false) {
      let value = TermStore.compute(operation, combination.inputs, store.sort(of: term), lowest: lowest)
      conditions[value.unsigned, default: []].append(combination.condition)
    }
    return conditions.sorted { $0.key < $1.key }.map { Case(pattern: $0.key, condition: store.or($0.value)) }
  }

  // Elements.

  /// A predicate at elements that may be terms: each that is no variable becomes a quantified one.
  private mutating func atElements(
    _ elements: [Term], _ store: inout TermStore, _ predicate: (inout TermStore, [Term]) -> Term
  ) throws(TooWide) -> Term {
    var variables: [Term] = []
    var conditions: [Term] = []
    var quantified: [Term] = []
    for element in elements {
      if store.operation(of: element) == .variable {
        variables.append(element)
        continue
      }
      let variable = store.fresh(store.sort(of: element))
      conditions.append(try isElement(element, variable, &store))
      variables.append(variable)
      quantified.append(variable)
    }
    conditions.append(predicate(&store, variables))
    var result = store.and(conditions)
    for variable in quantified.reversed() { result = store.exists(variable, result) }
    return result
  }

  /// Whether two terms of an uninterpreted sort are the same element, or both undefined.
  private mutating func sameElement(_ left: Term, _ right: Term, _ store: inout TermStore) throws(TooWide) -> Term {
    if Self.isSimple(right, store) { return try isElement(left, right, &store) }
    if Self.isSimple(left, store) { return try isElement(right, left, &store) }
    guard case .uninterpreted(let sort) = store.sort(of: left) else { preconditionFailure("no element") }
    let variable = store.fresh(store.sort(of: left))
    let one = try isElement(left, variable, &store)
    let both = store.and(one, try isElement(right, variable, &store))
    let none = store.none(of: sort)
    let oneUndefined = try isElement(left, none, &store)
    let bothUndefined = store.and(oneUndefined, try isElement(right, none, &store))
    return store.or(store.exists(variable, both), bothUndefined)
  }

  private static func isSimple(_ term: Term, _ store: TermStore) -> Bool {
    store.operation(of: term) == .variable || store.operation(of: term) == .none
  }

  /// Whether a term of an uninterpreted sort is the element that a variable stands for, or `none`.
  mutating func isElement(_ term: Term, _ target: Term, _ store: inout TermStore) throws(TooWide) -> Term {
    let operands = Array(store.operands(of: term))
    let wantsNone = store.operation(of: target) == .none
    switch store.operation(of: term) {
    case .variable: return wantsNone ? store.boolean(false) : store.equal(term, target)
    case .none: return store.boolean(wantsNone)
    case .ifThenElse:
      let condition = try truth(operands[0], &store)
      let consequence = try isElement(operands[1], target, &store)
      return store.ifThenElse(condition, consequence, try isElement(operands[2], target, &store))
    case .apply:
      guard case .element(let predicate, let undefined)? = functions[store.function(of: term)] else {
        preconditionFailure("a function of another kind")
      }
      if wantsNone {
        guard let undefined else { return store.boolean(false) }
        return try atElements(operands, &store) { store, elements in store.apply(undefined, elements) }
      }
      return try atElements(operands, &store) { store, elements in store.apply(predicate, elements + [target]) }
    case .constant, .not, .and, .or, .equal, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
      .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
      .concatenate, .extendUnsigned, .extendSigned, .exists:
      preconditionFailure("no operator yields an element")
    }
  }
}
