/// The local rewrites of bit-vector operators; `TermStore+Simplification` lists them all.
extension TermStore {
  /// A simpler term for an operator on two bit-vectors; nil if there is none.
  mutating func simplifiedArithmetic(_ operation: Operator, _ first: Term, _ second: Term) -> Term? {
    let sort = sort(of: first)
    let left = constant(first)
    let right = constant(second)
    if let left, let right { return constant(Self.compute(operation, [left, right], sort, lowest: 0)) }
    if let right { return simplified(operation, first, byConstant: right.unsigned) }
    if let left, operation.isCommutative { return simplified(operation, second, byConstant: left.unsigned) }
    if first == second { return simplifiedWithItself(operation, first) }
    return nil
  }

  /// An operator whose second operand (or, if it commutes, either) is a constant.
  private mutating func simplified(_ operation: Operator, _ term: Term, byConstant pattern: UInt128) -> Term? {
    let width = width(of: term)
    let all = BitPattern.mask(width)
    switch operation {
    case .add, .bitXor: return pattern == 0 ? term : nil
    case .bitOr:
      if pattern == 0 { return term }
      return pattern == all ? bits(all, width: width) : nil
    case .bitAnd:
      if pattern == all { return term }
      return pattern == 0 ? bits(0, width: width) : nil
    case .subtract:
      if pattern == 0 { return term }
      let opposite = bits((0 &- pattern) & all, width: width)
      return add(term, opposite)
    case .multiply:
      if pattern == 1 { return term }
      return pattern == 0 ? bits(0, width: width) : nil
    case .divideUnsigned: return pattern == 1 ? term : nil
    case .divideSigned: return pattern == 1 && width > 1 ? term : nil
    case .remainderUnsigned: return pattern == 1 ? bits(0, width: width) : nil
    case .remainderSigned: return pattern == 1 && width > 1 ? bits(0, width: width) : nil
    case .shiftLeft, .shiftRightLogical:
      if pattern == 0 { return term }
      return pattern >= UInt128(width) ? bits(0, width: width) : nil
    case .shiftRightArithmetic: return pattern == 0 ? term : nil
    case .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .negate, .bitNot, .lessUnsigned,
      .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned, .extendSigned,
      .apply, .exists, .none:
      return nil
    }
  }

  /// An operator both of whose operands are the same term.
  private mutating func simplifiedWithItself(_ operation: Operator, _ term: Term) -> Term? {
    switch operation {
    case .subtract, .bitXor, .remainderSigned, .remainderUnsigned: return bits(0, width: width(of: term))
    case .bitAnd, .bitOr: return term
    case .add, .multiply, .divideSigned, .divideUnsigned, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
      .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .negate, .bitNot, .lessUnsigned,
      .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned, .extendSigned,
      .apply, .exists, .none:
      return nil
    }
  }

  /// A simpler term for a comparison; nil if there is none.
  mutating func simplifiedComparison(_ operation: Operator, _ first: Term, _ second: Term) -> Term? {
    let orEqual = operation == .lessOrEqualUnsigned || operation == .lessOrEqualSigned
    if first == second { return boolean(orEqual) }
    if let left = constant(first), let right = constant(second) {
      return constant(Self.compute(operation, [left, right], .boolean, lowest: 0))
    }
    let isSigned = operation == .lessSigned || operation == .lessOrEqualSigned
    guard isSigned || width(of: first) < 128 else { return nil }
    let left = interval(of: first, signed: isSigned)
    let right = interval(of: second, signed: isSigned)
    if orEqual ? left.upperBound <= right.lowerBound : left.upperBound < right.lowerBound { return boolean(true) }
    if orEqual ? left.lowerBound > right.upperBound : left.lowerBound >= right.upperBound { return boolean(false) }
    return nil
  }

  /// Bounds of a term's value from its outermost operator alone. Requires: they fit, that is, `signed` or fewer than 128 bits.
  private func interval(of term: Term, signed: Bool) -> ClosedRange<Int128> {
    let width = width(of: term)
    if let value = constant(term) {
      let number = signed ? value.signed : Int128(value.unsigned)
      return number...number
    }
    if operation(of: term) == .extendUnsigned {
      return 0...Int128(BitPattern.mask(self.width(of: firstOperand(of: term))))
    }
    if !signed { return 0...Int128(BitPattern.mask(width)) }
    let meaningful = operation(of: term) == .extendSigned ? self.width(of: firstOperand(of: term)) : width
    let greatest = Int128(BitPattern.mask(meaningful - 1))
    return (-greatest - 1)...greatest
  }

  /// A simpler term for an extraction; nil if there is none.
  mutating func simplifiedExtract(_ term: Term, lowest: Int, count: Int) -> Term? {
    if count == width(of: term) { return term }
    if let value = constant(term) {
      return constant(Self.compute(.extract, [value], .bitVector(width: count), lowest: lowest))
    }
    switch operation(of: term) {
    case .extract:
      return extract(firstOperand(of: term), lowest: lowest + lowestBit(of: term), count: count)
    case .extendUnsigned, .extendSigned:
      let inner = firstOperand(of: term)
      if lowest + count <= width(of: inner) { return extract(inner, lowest: lowest, count: count) }
      if lowest >= width(of: inner), operation(of: term) == .extendUnsigned { return bits(0, width: count) }
      return nil
    case .concatenate:
      let parts = Array(operands(of: term))
      let low = width(of: parts[1])
      if lowest + count <= low { return extract(parts[1], lowest: lowest, count: count) }
      return lowest >= low ? extract(parts[0], lowest: lowest - low, count: count) : nil
    case .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .negate, .add, .subtract, .multiply,
      .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor,
      .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned,
      .lessOrEqualSigned, .apply, .exists, .none:
      return nil
    }
  }
}
