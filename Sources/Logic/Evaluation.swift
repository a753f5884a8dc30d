/// What terms are worth under an assignment of their variables: the reference semantics of the term language.
///
/// The solver, the rewrites of the store and the lowering are all held against this file. It walks with a stack of its own, so
/// that a chain of a hundred thousand terms does not exhaust the machine's.
///
/// Values are kept per term, so that asking for many terms of one state costs each shared part once. First-order terms need a
/// structure beside the assignment: `StructureEvaluation`.
package struct Evaluation {
  private let store: TermStore
  private let assignment: [Term: TermValue]
  private var values: [Term: TermValue] = [:]

  /// An evaluation of a store's terms where each variable has its value in `assignment`.
  package init(_ store: TermStore, _ assignment: [Term: TermValue]) {
    self.store = store
    self.assignment = assignment
  }

  /// The term's value. Requires: every variable that occurs in it is assigned, in its sort; no function, no quantifier.
  package mutating func value(of term: Term) -> TermValue {
    if let known = values[term] { return known }
    var pending = [term]
    while let current = pending.last {
      if values[current] != nil {
        pending.removeLast()
        continue
      }
      let operands = store.operands(of: current)
      let missing = operands.filter { values[$0] == nil }
      if missing.isEmpty {
        values[current] = compute(current, operands)
        pending.removeLast()
      } else {
        pending.append(contentsOf: missing)
      }
    }
    guard let value = values[term] else { preconditionFailure("a term was left without a value") }
    return value
  }

  /// Whether a Boolean term is true.
  package mutating func isTrue(_ term: Term) -> Bool { value(of: term).isTrue }

  /// A term whose operands have values.
  private func compute(_ term: Term, _ operands: ArraySlice<Term>) -> TermValue {
    let sort = store.sort(of: term)
    switch store.operation(of: term) {
    case .constant:
      guard let value = store.constant(term) else { preconditionFailure("a constant without a value") }
      return value
    case .variable:
      guard let value = assignment[term] else {
        preconditionFailure("no value for variable \(store.name(term) ?? "?")")
      }
      precondition(value.sort == sort, "variable \(store.name(term) ?? "?") was given a value of another sort")
      return value
    case .apply, .exists, .none: preconditionFailure("a first-order term is evaluated in a structure")
    case .not, .and, .or, .equal, .ifThenElse, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
      .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
      .concatenate, .extendUnsigned, .extendSigned:
      let lowest = store.operation(of: term) == .extract ? store.lowestBit(of: term) : 0
      let inputs = operands.map { operand in
        guard let value = values[operand] else { preconditionFailure("an operand without a value") }
        return value
      }
      return TermStore.compute(store.operation(of: term), inputs, sort, lowest: lowest)
    }
  }
}

extension TermStore {
  /// A term's value under an assignment of its variables; for several terms of one assignment use `Evaluation`.
  package func value(of term: Term, under assignment: [Term: TermValue] = [:]) -> TermValue {
    var evaluation = Evaluation(self, assignment)
    return evaluation.value(of: term)
  }

  /// An operator's value from its operands' values. Requires: an operator with operands, of the right number and sorts.
  package static func compute(_ operation: Operator, _ operands: [TermValue], _ sort: Sort, lowest: Int) -> TermValue {
    switch operation {
    case .constant, .variable, .none: preconditionFailure("leaves are not computed")
    case .apply, .exists: preconditionFailure("a first-order term is evaluated in a structure")
    case .not: return .boolean(!operands[0].isTrue)
    case .and: return .boolean(operands.allSatisfy(\.isTrue))
    case .or: return .boolean(operands.contains(where: \.isTrue))
    case .equal: return .boolean(operands[0] == operands[1])
    case .ifThenElse: return operands[0].isTrue ? operands[1] : operands[2]
    case .lessUnsigned: return .boolean(operands[0].unsigned < operands[1].unsigned)
    case .lessOrEqualUnsigned: return .boolean(operands[0].unsigned <= operands[1].unsigned)
    case .lessSigned: return .boolean(operands[0].signed < operands[1].signed)
    case .lessOrEqualSigned: return .boolean(operands[0].signed <= operands[1].signed)
    case .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned,
      .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .extract, .concatenate,
      .extendUnsigned, .extendSigned:
      guard case .bitVector(let width) = sort else { preconditionFailure("\(operation) yields bits") }
      let pattern = pattern(operation, operands, width: width, lowest: lowest)
      return .bits(pattern & BitPattern.mask(width), width: width)
    }
  }

  /// The pattern that an operator on bit-vectors yields, before it is cut to the width.
  private static func pattern(_ operation: Operator, _ operands: [TermValue], width: Int, lowest: Int) -> UInt128 {
    let first = operands[0].unsigned
    let second = operands.count > 1 ? operands[1].unsigned : 0
    switch operation {
    case .negate: return 0 &- first
    case .add: return first &+ second
    case .subtract: return first &- second
    case .multiply: return first &* second
    case .divideSigned: return signedQuotient(operands[0].signed, operands[1].signed)
    case .remainderSigned: return signedRemainder(operands[0].signed, operands[1].signed)
    case .divideUnsigned: return second == 0 ? .max : first / second
    case .remainderUnsigned: return second == 0 ? first : first % second
    case .bitNot: return ~first
    case .bitAnd: return first & second
    case .bitOr: return first | second
    case .bitXor: return first ^ second
    case .shiftLeft: return second >= UInt128(width) ? 0 : first << second
    case .shiftRightLogical: return second >= UInt128(width) ? 0 : first >> second
    case .shiftRightArithmetic:
      return UInt128(bitPattern: operands[0].signed >> Int128(min(second, UInt128(width - 1))))
    case .extract: return first >> UInt128(lowest)
    case .concatenate:
      guard case .bits(_, let low) = operands[1] else { preconditionFailure("concatenate joins bits") }
      return first << UInt128(low) | second
    case .extendUnsigned: return first
    case .extendSigned: return UInt128(bitPattern: operands[0].signed)
    case .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned,
      .lessOrEqualSigned, .apply, .exists, .none:
      preconditionFailure("\(operation) yields no bits of its own")
    }
  }

  /// Truncating division, with SMT-LIB's answer for zero; the one overflow wraps.
  private static func signedQuotient(_ dividend: Int128, _ divisor: Int128) -> UInt128 {
    if divisor == 0 { return dividend < 0 ? 1 : .max }
    return UInt128(bitPattern: dividend.dividedReportingOverflow(by: divisor).partialValue)
  }

  /// The remainder of truncating division; by zero the dividend.
  private static func signedRemainder(_ dividend: Int128, _ divisor: Int128) -> UInt128 {
    if divisor == 0 { return UInt128(bitPattern: dividend) }
    return UInt128(bitPattern: dividend.remainderReportingOverflow(dividingBy: divisor).partialValue)
  }
}
