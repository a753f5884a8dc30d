/// Builders of bit-vector terms and comparisons. Two operands always have one width; SMT-LIB's meaning throughout.
extension TermStore {
  /// −term, modulo 2^width
  package mutating func negate(_ term: Term) -> Term { unary(.negate, term) }
  /// Every bit flipped.
  package mutating func bitNot(_ term: Term) -> Term { unary(.bitNot, term) }

  /// Sum, modulo 2^width
  package mutating func add(_ first: Term, _ second: Term) -> Term { binary(.add, first, second) }
  /// Difference, modulo 2^width
  package mutating func subtract(_ first: Term, _ second: Term) -> Term { binary(.subtract, first, second) }
  /// Product, modulo 2^width
  package mutating func multiply(_ first: Term, _ second: Term) -> Term { binary(.multiply, first, second) }
  /// Quotient in two's complement, truncated toward zero; see `Operator.divideSigned` for zero.
  package mutating func divideSigned(_ first: Term, _ second: Term) -> Term { binary(.divideSigned, first, second) }
  /// What truncating division leaves; its sign is the dividend's.
  package mutating func remainderSigned(_ first: Term, _ second: Term) -> Term {
    binary(.remainderSigned, first, second)
  }
  /// Quotient without sign.
  package mutating func divideUnsigned(_ first: Term, _ second: Term) -> Term {
    binary(.divideUnsigned, first, second)
  }
  /// Remainder without sign.
  package mutating func remainderUnsigned(_ first: Term, _ second: Term) -> Term {
    binary(.remainderUnsigned, first, second)
  }
  /// Bits set in both.
  package mutating func bitAnd(_ first: Term, _ second: Term) -> Term { binary(.bitAnd, first, second) }
  /// Bits set in one or both.
  package mutating func bitOr(_ first: Term, _ second: Term) -> Term { binary(.bitOr, first, second) }
  /// Bits set in exactly one.
  package mutating func bitXor(_ first: Term, _ second: Term) -> Term { binary(.bitXor, first, second) }
  /// first · 2^second, the distance read without sign
  package mutating func shiftLeft(_ first: Term, _ second: Term) -> Term { binary(.shiftLeft, first, second) }
  /// Shifted down by a distance read without sign; zeros come in.
  package mutating func shiftRightLogical(_ first: Term, _ second: Term) -> Term {
    binary(.shiftRightLogical, first, second)
  }
  /// Shifted down by a distance read without sign; copies of the sign come in.
  package mutating func shiftRightArithmetic(_ first: Term, _ second: Term) -> Term {
    binary(.shiftRightArithmetic, first, second)
  }

  /// first < second, without sign
  package mutating func lessUnsigned(_ first: Term, _ second: Term) -> Term { comparison(.lessUnsigned, first, second) }
  /// first ≤ second, without sign
  package mutating func lessOrEqualUnsigned(_ first: Term, _ second: Term) -> Term {
    comparison(.lessOrEqualUnsigned, first, second)
  }
  /// first < second, in two's complement
  package mutating func lessSigned(_ first: Term, _ second: Term) -> Term { comparison(.lessSigned, first, second) }
  /// first ≤ second, in two's complement
  package mutating func lessOrEqualSigned(_ first: Term, _ second: Term) -> Term {
    comparison(.lessOrEqualSigned, first, second)
  }

  /// `count` bits from bit `lowest` up. Requires: the term has them.
  package mutating func extract(_ term: Term, lowest: Int, count: Int) -> Term {
    let width = width(of: term)
    precondition(lowest >= 0 && count >= 1 && lowest + count <= width, "extract: bits that are not there")
    if rewriting == .local, let simpler = simplifiedExtract(term, lowest: lowest, count: count) { return simpler }
    return intern(.extract, .bitVector(width: count), payload: UInt32(lowest), [term])
  }

  /// `high` above `low`. Requires: at most 128 bits together.
  package mutating func concatenate(_ high: Term, _ low: Term) -> Term {
    let sort = Sort.bitVector(width: width(of: high) + width(of: low))
    if rewriting == .local, let left = constant(high), let right = constant(low) {
      return constant(Self.compute(.concatenate, [left, right], sort, lowest: 0))
    }
    return intern(.concatenate, sort, [high, low])
  }

  /// The same number without sign in `width` bits. Requires: no narrower than the term.
  package mutating func extendUnsigned(_ term: Term, to width: Int) -> Term { extend(.extendUnsigned, term, to: width) }

  /// The same number in two's complement in `width` bits. Requires: no narrower than the term.
  package mutating func extendSigned(_ term: Term, to width: Int) -> Term { extend(.extendSigned, term, to: width) }

  private mutating func extend(_ operation: Operator, _ term: Term, to width: Int) -> Term {
    let present = self.width(of: term)
    precondition(width >= present, "\(operation): from \(present) to \(width) bits")
    if width == present { return term }
    if rewriting == .local {
      if let value = constant(term) {
        return constant(Self.compute(operation, [value], .bitVector(width: width), lowest: 0))
      }
      if self.operation(of: term) == operation {
        return extend(operation, firstOperand(of: term), to: width)
      }
    }
    return intern(operation, .bitVector(width: width), [term])
  }

  private mutating func unary(_ operation: Operator, _ term: Term) -> Term {
    let width = width(of: term)
    if rewriting == .local {
      if let value = constant(term) {
        return constant(Self.compute(operation, [value], .bitVector(width: width), lowest: 0))
      }
      if self.operation(of: term) == operation { return firstOperand(of: term) }
    }
    return intern(operation, .bitVector(width: width), [term])
  }

  private mutating func binary(_ operation: Operator, _ first: Term, _ second: Term) -> Term {
    let sort = Sort.bitVector(width: width(of: first))
    require(second, sort, "\(operation)")
    guard rewriting == .local else { return intern(operation, sort, [first, second]) }
    if let simpler = simplifiedArithmetic(operation, first, second) { return simpler }
    if operation.isCommutative { return intern(operation, sort, [min(first, second), max(first, second)]) }
    return intern(operation, sort, [first, second])
  }

  private mutating func comparison(_ operation: Operator, _ first: Term, _ second: Term) -> Term {
    require(second, .bitVector(width: width(of: first)), "\(operation)")
    if rewriting == .local, let simpler = simplifiedComparison(operation, first, second) { return simpler }
    return intern(operation, .boolean, [first, second])
  }
}

extension Operator {
  /// Whether the order of two operands does not matter.
  package var isCommutative: Bool {
    switch self {
    case .and, .or, .equal, .add, .multiply, .bitAnd, .bitOr, .bitXor: true
    case .constant, .variable, .not, .ifThenElse, .negate, .subtract, .divideSigned, .remainderSigned, .divideUnsigned,
      .remainderUnsigned, .bitNot, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned,
      .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned, .extendSigned,
      .apply, .exists, .none:
      false
    }
  }
}
