/// A finite structure: how many elements each uninterpreted sort has, and what the functions are at them.
package struct Structure {
  /// By sort number; every sort that is quantified over has at least one element.
  package let sizes: [Int]
  /// A function's value at elements, counted from 0; nil is `none`. In the function's result sort.
  package let value: (FunctionSymbol, [Int?]) -> TermValue

  package init(sizes: [Int], value: @escaping (FunctionSymbol, [Int?]) -> TermValue) {
    self.sizes = sizes
    self.value = value
  }
}

/// What first-order terms are worth in a structure under an assignment: the reference semantics of quantifiers and functions.
///
/// A quantifier's body is evaluated anew for each element; everything else is computed as `Evaluation` does, each shared part
/// once per assignment. Nothing here is fast, and quantifiers recurse as deep as they nest.
package struct StructureEvaluation {
  private let store: TermStore
  private let structure: Structure
  private var assignment: [Term: TermValue]
  private var values: [Term: TermValue] = [:]

  /// An evaluation of a store's terms. Requires: every variable that is bound nowhere is assigned.
  package init(_ store: TermStore, in structure: Structure, _ assignment: [Term: TermValue] = [:]) {
    self.store = store
    self.structure = structure
    self.assignment = assignment
  }

  /// The term's value.
  package mutating func value(of term: Term) -> TermValue {
    if let known = values[term] { return known }
    let result = compute(term)
    values[term] = result
    return result
  }

  /// Whether a Boolean term is true.
  package mutating func isTrue(_ term: Term) -> Bool { value(of: term).isTrue }

  private mutating func compute(_ term: Term) -> TermValue {
    let operands = Array(store.operands(of: term))
    switch store.operation(of: term) {
    case .constant:
      guard let value = store.constant(term) else { preconditionFailure("a constant without a value") }
      return value
    case .variable:
      guard let value = assignment[term] else {
        preconditionFailure("no value for variable \(store.name(term) ?? "?")")
      }
      return value
    case .none:
      guard case .uninterpreted(let sort) = store.sort(of: term) else { preconditionFailure("none of no sort") }
      return .element(nil, sort: sort)
    case .apply:
      let arguments = operands.map { operand -> Int? in
        guard case .element(let index, _) = value(of: operand) else { preconditionFailure("an argument is no element") }
        return index
      }
      return structure.value(store.function(of: term), arguments)
    case .exists: return .boolean(someElement(satisfies: term, variable: operands[0], body: operands[1]))
    case .and: return .boolean(operands.allSatisfy { isTrue($0) })
    case .or: return .boolean(operands.contains { isTrue($0) })
    case .ifThenElse: return value(of: isTrue(operands[0]) ? operands[1] : operands[2])
    case .not, .equal, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned,
      .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
      .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned,
      .extendSigned:
      let inputs = operands.map { value(of: $0) }
      let lowest = store.operation(of: term) == .extract ? store.lowestBit(of: term) : 0
      return TermStore.compute(store.operation(of: term), inputs, store.sort(of: term), lowest: lowest)
    }
  }

  private func someElement(satisfies term: Term, variable: Term, body: Term) -> Bool {
    guard case .uninterpreted(let sort) = store.sort(of: variable) else {
      preconditionFailure("a quantifier over no uninterpreted sort")
    }
    return (0..<structure.sizes[sort]).contains { element in
      var extended = assignment
      extended[variable] = .element(element, sort: sort)
      var inner = StructureEvaluation(store, in: structure, extended)
      return inner.isTrue(body)
    }
  }
}
