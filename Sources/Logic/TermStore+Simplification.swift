/// The local rewrites. Each keeps the value under every assignment; none looks deeper than a fixed number of steps.
///
/// - any operator: constant operands are computed
/// - ∧ ∨: neutral and absorbing constants, repetitions, x with ¬x; short nested ones of the same kind are merged; operands are
///   put in ascending order (canonical)
/// - =: x = x; different constants; with true, false and with a negation; a choice between constants against a constant;
///   ascending order (canonical)
/// - if-then-else: decided or negated condition, equal branches, Boolean constants as branches, the same condition again in a
///   branch, a branch that repeats the other
/// - arithmetic: neutral and absorbing elements, x with itself, −−x, x − c as x + (−c), division by one, shifts by constants too large
/// - comparisons: x with itself, the least and the greatest value, and where the bits above a zero extension already decide
/// - extract: the whole, from constants, from an extraction, from an extension's or a concatenation's parts
///
/// Known limits: no distribution, no normal form for sums; two equal functions may still be two terms.
extension TermStore {
  /// How many branches an equality is pushed through.
  static let rewritingFuel = 64
  /// Nested connectives up to this many operands are merged into the outer one.
  private static let mergedOperands = 8

  /// The operands that matter, ascending; nil if the absorbing value (false for ∧, true for ∨) was found.
  mutating func simplifiedOperands(of operation: Operator, _ operands: [Term]) -> [Term]? {
    var flat: [Term] = []
    flat.reserveCapacity(operands.count)
    for operand in operands {
      if let value = constant(operand) {
        if value.isTrue == (operation == .or) { return nil }
      } else if self.operation(of: operand) == operation, self.operands(of: operand).count <= Self.mergedOperands {
        flat.append(contentsOf: self.operands(of: operand))
      } else {
        flat.append(operand)
      }
    }
    flat.sort()
    var unique: [Term] = []
    unique.reserveCapacity(flat.count)
    for operand in flat where unique.last != operand { unique.append(operand) }
    // A negation is made after what it negates, so the positive one lies before it.
    for (position, operand) in unique.enumerated() where self.operation(of: operand) == .not {
      if Self.contains(unique[..<position], firstOperand(of: operand)) { return nil }
    }
    return unique
  }

  /// Binary search in ascending terms.
  private static func contains(_ terms: ArraySlice<Term>, _ term: Term) -> Bool {
    var low = terms.startIndex
    var high = terms.endIndex
    while low < high {
      let middle = (low + high) / 2
      if terms[middle] < term { low = middle + 1 } else { high = middle }
    }
    return low < terms.endIndex && terms[low] == term
  }

  /// A simpler term for first = second; nil if there is none.
  mutating func simplifiedEqual(_ first: Term, _ second: Term, fuel: Int) -> Term? {
    if first == second { return boolean(true) }
    let left = constant(first)
    let right = constant(second)
    if left != nil, right != nil { return boolean(false) }
    if let left { return simplifiedEqual(second, with: first, value: left, fuel: fuel) }
    if let right { return simplifiedEqual(first, with: second, value: right, fuel: fuel) }
    if sort(of: first) == .boolean { return simplifiedEquivalence(first, second) }
    return nil
  }

  /// Two Boolean terms, one of which negates the other or both of which are negations.
  private mutating func simplifiedEquivalence(_ first: Term, _ second: Term) -> Term? {
    let firstNegated = operation(of: first) == .not
    let secondNegated = operation(of: second) == .not
    if firstNegated, firstOperand(of: first) == second { return boolean(false) }
    if secondNegated, firstOperand(of: second) == first { return boolean(false) }
    if firstNegated, secondNegated { return equal(firstOperand(of: first), firstOperand(of: second)) }
    return nil
  }

  /// term = a constant.
  private mutating func simplifiedEqual(_ term: Term, with other: Term, value: TermValue, fuel: Int) -> Term? {
    if case .boolean(let truth) = value { return truth ? term : not(term) }
    switch operation(of: term) {
    case .ifThenElse:
      return simplifiedChoice(term, with: other, value: value, fuel: fuel)
    case .extendUnsigned:
      let inner = firstOperand(of: term)
      let width = width(of: inner)
      if value.unsigned > BitPattern.mask(width) { return boolean(false) }
      let narrow = bits(value.unsigned, width: width)
      return simplifiedEqual(inner, narrow, fuel: fuel)
        ?? intern(.equal, .boolean, [min(inner, narrow), max(inner, narrow)])
    case .constant, .variable, .not, .and, .or, .equal, .negate, .add, .subtract, .multiply, .divideSigned,
      .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft,
      .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned,
      .extract, .concatenate, .extendSigned, .apply, .exists, .none:
      return nil
    }
  }

  /// (condition ? a : b) = constant, where a or b is itself constant.
  private mutating func simplifiedChoice(_ term: Term, with other: Term, value: TermValue, fuel: Int) -> Term? {
    guard fuel > 0 else { return nil }
    let parts = Array(operands(of: term))
    guard constant(parts[1]) != nil || constant(parts[2]) != nil else { return nil }
    let consequence = equal(parts[1], with: other, fuel: fuel - 1)
    let alternative = equal(parts[2], with: other, fuel: fuel - 1)
    return ifThenElse(parts[0], consequence, alternative)
  }

  /// Equality with a constant, with what is left of the fuel.
  private mutating func equal(_ term: Term, with other: Term, fuel: Int) -> Term {
    simplifiedEqual(term, other, fuel: fuel) ?? intern(.equal, .boolean, [min(term, other), max(term, other)])
  }

  /// A simpler term for condition ? consequence : alternative; nil if there is none.
  mutating func simplifiedIfThenElse(_ condition: Term, _ consequence: Term, _ alternative: Term) -> Term? {
    if let value = constant(condition) { return value.isTrue ? consequence : alternative }
    if consequence == alternative { return consequence }
    if operation(of: condition) == .not {
      return ifThenElse(firstOperand(of: condition), alternative, consequence)
    }
    if sort(of: consequence) == .boolean, let simpler = simplifiedBooleanChoice(condition, consequence, alternative) {
      return simpler
    }
    if operation(of: consequence) == .ifThenElse {
      let inner = Array(operands(of: consequence))
      if inner[0] == condition { return ifThenElse(condition, inner[1], alternative) }
    }
    if operation(of: alternative) == .ifThenElse {
      let inner = Array(operands(of: alternative))
      if inner[0] == condition { return ifThenElse(condition, consequence, inner[2]) }
      if inner[1] == consequence {
        let either = or(condition, inner[0])
        return ifThenElse(either, consequence, inner[2])
      }
    }
    return nil
  }

  /// A Boolean choice with a constant branch, or with the condition as a branch.
  private mutating func simplifiedBooleanChoice(
    _ condition: Term, _ consequence: Term, _ alternative: Term
  ) -> Term? {
    if let value = constant(consequence) {
      if value.isTrue { return or(condition, alternative) }
      let negated = not(condition)
      return and(negated, alternative)
    }
    if let value = constant(alternative) {
      if !value.isTrue { return and(condition, consequence) }
      let negated = not(condition)
      return or(negated, consequence)
    }
    if consequence == condition { return or(condition, alternative) }
    if alternative == condition { return and(condition, consequence) }
    return nil
  }
}
