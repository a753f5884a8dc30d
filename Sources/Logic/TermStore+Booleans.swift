/// Builders of Boolean terms, of `ifThenElse` and of equality. Each checks sorts, rewrites (see `TermStore+Simplification`) and
/// interns.
extension TermStore {
  /// ¬term
  package mutating func not(_ term: Term) -> Term {
    require(term, .boolean, "not")
    if rewriting == .local {
      if let value = constant(term) { return boolean(!value.isTrue) }
      if operation(of: term) == .not { return firstOperand(of: term) }
    }
    return intern(.not, .boolean, [term])
  }

  /// The conjunction; true for none.
  package mutating func and(_ terms: some Sequence<Term>) -> Term { connective(.and, terms) }

  /// Both.
  package mutating func and(_ first: Term, _ second: Term) -> Term { connective(.and, [first, second]) }

  /// The disjunction; false for none.
  package mutating func or(_ terms: some Sequence<Term>) -> Term { connective(.or, terms) }

  /// One or both.
  package mutating func or(_ first: Term, _ second: Term) -> Term { connective(.or, [first, second]) }

  /// ¬premise ∨ conclusion
  package mutating func implies(_ premise: Term, _ conclusion: Term) -> Term {
    let negated = not(premise)
    return or(negated, conclusion)
  }

  /// Exactly one of two Boolean terms.
  package mutating func exclusiveOr(_ first: Term, _ second: Term) -> Term {
    require(first, .boolean, "exclusiveOr")
    let same = equal(first, second)
    return not(same)
  }

  /// first = second, of any one sort. For Boolean terms: if and only if.
  package mutating func equal(_ first: Term, _ second: Term) -> Term {
    require(second, sort(of: first), "equal")
    guard rewriting == .local else { return intern(.equal, .boolean, [first, second]) }
    if let simpler = simplifiedEqual(first, second, fuel: Self.rewritingFuel) { return simpler }
    return intern(.equal, .boolean, [min(first, second), max(first, second)])
  }

  /// first ≠ second
  package mutating func notEqual(_ first: Term, _ second: Term) -> Term {
    let same = equal(first, second)
    return not(same)
  }

  /// The value of `consequence` where `condition` is true, else that of `alternative`; of any one sort.
  package mutating func ifThenElse(_ condition: Term, _ consequence: Term, _ alternative: Term) -> Term {
    require(condition, .boolean, "ifThenElse")
    let sort = sort(of: consequence)
    require(alternative, sort, "ifThenElse")
    if rewriting == .local, let simpler = simplifiedIfThenElse(condition, consequence, alternative) {
      return simpler
    }
    return intern(.ifThenElse, sort, [condition, consequence, alternative])
  }

  /// A conjunction or disjunction.
  private mutating func connective(_ operation: Operator, _ terms: some Sequence<Term>) -> Term {
    var operands = Array(terms)
    for operand in operands { require(operand, .boolean, "\(operation)") }
    if rewriting == .local {
      guard let simpler = simplifiedOperands(of: operation, operands) else { return boolean(operation == .or) }
      operands = simpler
    }
    if operands.isEmpty { return boolean(operation == .and) }
    if operands.count == 1 { return operands[0] }
    return intern(operation, .boolean, operands)
  }

  /// Stops the program when a term has not the sort that a builder needs.
  func require(_ term: Term, _ sort: Sort, _ builder: @autoclosure () -> String) {
    precondition(self.sort(of: term) == sort, "\(builder()): expected \(sort), found \(self.sort(of: term))")
  }

  /// The first operand. Requires: there is one.
  func firstOperand(of term: Term) -> Term { operandPool[Int(nodes[Int(term.index)].start)] }
}
