/// Simultaneous replacement of variables by terms: time-stamping, next-state conditions, instantiation.
///
/// Simultaneous: what is put in is not searched again, so x ↦ y, y ↦ x swaps. Results are kept per term, so that a set of terms
/// with shared parts costs each part once; the walk has a stack of its own.
///
/// Below a quantifier nothing is captured: bound variables are chosen by depth, so those within what is put in could be the
/// quantifier's own. A quantifier into which another could be put is therefore opened with a fresh variable and bound anew.
package struct Substitution {
  private let replacements: [Term: Term]
  /// Results of a small substitution: most are asked about one short term of a store of hundreds of thousands.
  private var few: [Term: Term] = [:]
  /// Results by the position of the source term, once there are many.
  private var many: [Term?] = []
  /// From here on a table by position is worth its size.
  private static let mostFew = 256

  /// Replaces each key by its value. Requires: keys are variables, each with a replacement of its own sort; no replacement
  /// is a bound variable.
  package init(_ replacements: [Term: Term]) {
    self.replacements = replacements
  }

  /// The term with the replacements done, built in `store`.
  ///
  /// Requires: always the same store (or that store grown) and terms of it.
  package mutating func apply(to term: Term, in store: inout TermStore) -> Term {
    if let known = result(of: term) { return known }
    var pending = [term]
    while let current = pending.last {
      if result(of: current) != nil {
        pending.removeLast()
        continue
      }
      let operands = Array(store.operands(of: current))  // A slice would keep the store from growing in place.
      let missing = operands.filter { result(of: $0) == nil }
      if store.operation(of: current) == .exists, bringsQuantifiers(store) {
        let variable = store.fresh(store.quantifiedSort(of: current))
        let body = apply(to: store.opened(current, with: variable), in: &store)
        record(store.exists(variable, body), for: current)
        continue
      }
      guard missing.isEmpty else {
        pending.append(contentsOf: missing)
        continue
      }
      record(replaced(current, operands, in: &store), for: current)
      pending.removeLast()
    }
    guard let result = result(of: term) else { preconditionFailure("a term was left without a result") }
    return result
  }

  /// A term whose operands have results.
  private func replaced(_ term: Term, _ operands: [Term], in store: inout TermStore) -> Term {
    if operands.isEmpty {
      guard let replacement = replacements[term] else { return term }
      store.require(replacement, store.sort(of: term), "substitution")
      return replacement
    }
    let inputs = operands.map { operand in
      guard let result = result(of: operand) else { preconditionFailure("an operand without a result") }
      return result
    }
    return inputs.elementsEqual(operands) ? term : store.rebuild(term, inputs)
  }

  /// Whether some replacement contains a quantifier.
  private func bringsQuantifiers(_ store: TermStore) -> Bool {
    replacements.values.contains { store.binderHeights[Int($0.index)] > 0 }
  }

  private func result(of term: Term) -> Term? {
    if many.isEmpty { return few[term] }
    return Int(term.index) < many.count ? many[Int(term.index)] : nil
  }

  private mutating func record(_ result: Term, for term: Term) {
    if many.isEmpty, few.count < Self.mostFew {
      few[term] = result
      return
    }
    for (source, image) in few { place(image, for: source) }
    few = [:]
    place(result, for: term)
  }

  private mutating func place(_ result: Term, for term: Term) {
    let position = Int(term.index)
    if position >= many.count {
      many.append(contentsOf: repeatElement(nil, count: max(position + 1 - many.count, many.count)))
    }
    many[position] = result
  }
}

extension TermStore {
  /// The same operator over other operands of the same sorts, rewritten as by the builders.
  package mutating func rebuild(_ term: Term, _ operands: [Term]) -> Term {
    let operation = operation(of: term)
    if operation == .apply { return apply(function(of: term), operands) }
    switch sort(of: term) {
    case .boolean, .uninterpreted: return build(operation, operands)
    case .bitVector(let width):
      return build(operation, operands, lowest: operation == .extract ? lowestBit(of: term) : 0, width: width)
    }
  }

  /// An operator over operands, by the builder of its name. Requires: an operator with operands, and no application.
  ///
  /// `lowest` counts for an extraction, `width` (of the result) for an extraction or extension.
  package mutating func build(_ operation: Operator, _ operands: [Term], lowest: Int = 0, width: Int = 0) -> Term {
    switch operation {
    case .constant, .variable, .none: preconditionFailure("leaves are not built from operands")
    case .apply: preconditionFailure("an application is built with its function")
    case .exists: return exists(operands[0], operands[1])
    case .not: return not(operands[0])
    case .and: return and(operands)
    case .or: return or(operands)
    case .equal: return equal(operands[0], operands[1])
    case .ifThenElse: return ifThenElse(operands[0], operands[1], operands[2])
    case .negate: return negate(operands[0])
    case .bitNot: return bitNot(operands[0])
    case .add: return add(operands[0], operands[1])
    case .subtract: return subtract(operands[0], operands[1])
    case .multiply: return multiply(operands[0], operands[1])
    case .divideSigned: return divideSigned(operands[0], operands[1])
    case .remainderSigned: return remainderSigned(operands[0], operands[1])
    case .divideUnsigned: return divideUnsigned(operands[0], operands[1])
    case .remainderUnsigned: return remainderUnsigned(operands[0], operands[1])
    case .bitAnd: return bitAnd(operands[0], operands[1])
    case .bitOr: return bitOr(operands[0], operands[1])
    case .bitXor: return bitXor(operands[0], operands[1])
    case .shiftLeft: return shiftLeft(operands[0], operands[1])
    case .shiftRightLogical: return shiftRightLogical(operands[0], operands[1])
    case .shiftRightArithmetic: return shiftRightArithmetic(operands[0], operands[1])
    case .lessUnsigned: return lessUnsigned(operands[0], operands[1])
    case .lessOrEqualUnsigned: return lessOrEqualUnsigned(operands[0], operands[1])
    case .lessSigned: return lessSigned(operands[0], operands[1])
    case .lessOrEqualSigned: return lessOrEqualSigned(operands[0], operands[1])
    case .extract: return extract(operands[0], lowest: lowest, count: width)
    case .concatenate: return concatenate(operands[0], operands[1])
    case .extendUnsigned: return extendUnsigned(operands[0], to: width)
    case .extendSigned: return extendSigned(operands[0], to: width)
    }
  }

  /// Every term that occurs in some of the given ones, these included; ascending, so operands come first.
  package func subterms(of terms: some Sequence<Term>) -> [Term] {
    var pending = Array(terms)
    var seen = Set(pending)
    while let current = pending.popLast() {
      for operand in operands(of: current) where seen.insert(operand).inserted { pending.append(operand) }
    }
    return seen.sorted()
  }

  /// The variables that occur in some of the terms; ascending.
  package func freeVariables(of terms: some Sequence<Term>) -> [Term] {
    subterms(of: terms).filter { operation(of: $0) == .variable }
  }
}
