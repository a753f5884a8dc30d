/// Builders of first-order terms: functions of elements, and quantifiers over uninterpreted sorts.
///
/// A quantified variable is chosen by the number of quantifiers within its scope, so formulas that differ in the names of bound
/// variables only are one term, and no inner quantifier ever binds what an outer one has bound. Bound variables never
/// leave their quantifier: code that works below one opens it with a variable of its own and binds that again.
///
/// Rewrites, each equality-preserving on every structure whose sorts have an element:
/// - a quantifier over nothing that depends on it disappears;
/// - it moves into disjunctions, and past the conjuncts and conditions that do not depend on it;
/// - ∃x (x = e ∧ φ(x)), e without x, is φ(e).
extension TermStore {
  /// What a function takes and yields.
  package struct Signature: Hashable, Sendable {
    /// Uninterpreted sorts; of the predicates of Horn clauses, any.
    package let arguments: [Sort]
    package let result: Sort
  }

  /// The function of this name, declared if there is none. Requires: every use of a name has the same signature.
  package mutating func function(_ name: String, _ arguments: [Sort], _ result: Sort) -> FunctionSymbol {
    let signature = Signature(arguments: arguments, result: result)
    if let number = functionNumbers[name] {
      precondition(signatures[Int(number)] == signature, "function \(name) exists with another signature")
      return FunctionSymbol(index: number)
    }
    let number = UInt32(functionNames.count)
    functionNumbers[name] = number
    functionNames.append(name)
    signatures.append(signature)
    return FunctionSymbol(index: number)
  }

  /// A function's name.
  package func name(of function: FunctionSymbol) -> String { functionNames[Int(function.index)] }

  /// What a function takes and yields.
  package func signature(of function: FunctionSymbol) -> Signature { signatures[Int(function.index)] }

  /// The function that the term applies. Requires: `operation(of:)` is `apply`.
  package func function(of term: Term) -> FunctionSymbol {
    precondition(operation(of: term) == .apply, "only an application has a function")
    return FunctionSymbol(index: nodes[Int(term.index)].payload)
  }

  /// The function's value at some elements.
  package mutating func apply(_ function: FunctionSymbol, _ arguments: [Term]) -> Term {
    let signature = signatures[Int(function.index)]
    precondition(arguments.count == signature.arguments.count, "\(name(of: function)): wrong number of arguments")
    for (argument, sort) in zip(arguments, signature.arguments) { require(argument, sort, name(of: function)) }
    return intern(.apply, signature.result, payload: function.index, arguments)
  }

  /// The undefined value of a scalarset's variables.
  package mutating func none(of sort: Int) -> Term { intern(.none, .uninterpreted(sort), []) }

  /// A variable that occurs nowhere yet.
  package mutating func fresh(_ sort: Sort) -> Term {
    freshVariables += 1
    return variable("!\(freshVariables)", sort)
  }

  /// Whether a variable occurs in a term, bound or not.
  package func occurs(_ variable: Term, in term: Term) -> Bool {
    var pending = [term]
    var seen: Set<Term> = [term]
    while let current = pending.popLast() {
      if current == variable { return true }
      // Operands lie before what they are operands of.
      for operand in operands(of: current) where operand >= variable && seen.insert(operand).inserted {
        pending.append(operand)
      }
    }
    return false
  }

  /// ∃ variable. body. Requires: a variable of an uninterpreted sort that is bound nowhere.
  package mutating func exists(_ variable: Term, _ body: Term) -> Term {
    require(body, .boolean, "exists")
    if !occurs(variable, in: body) { return body }
    guard rewriting == .local else { return bind(variable, body) }
    switch operation(of: body) {
    case .or:
      let parts = Array(operands(of: body)).map { exists(variable, $0) }
      return or(parts)
    case .ifThenElse:
      let parts = Array(operands(of: body))
      if !occurs(variable, in: parts[0]) {
        let consequence = exists(variable, parts[1])
        let alternative = exists(variable, parts[2])
        return ifThenElse(parts[0], consequence, alternative)
      }
    case .and, .not, .equal, .constant, .variable, .apply, .exists, .none, .negate, .add, .subtract, .multiply,
      .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor,
      .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned,
      .lessOrEqualSigned, .extract, .concatenate, .extendUnsigned, .extendSigned:
      break
    }
    return existsConjunction(variable, conjuncts(of: body))
  }

  /// ∀ variable. body
  package mutating func forall(_ variable: Term, _ body: Term) -> Term {
    let negated = not(body)
    let counterexample = exists(variable, negated)
    return not(counterexample)
  }

  /// The conjuncts of a term: operands of ∧, and negated operands of a negated ∨.
  package mutating func conjuncts(of term: Term) -> [Term] {
    if operation(of: term) == .and { return Array(operands(of: term)) }
    if operation(of: term) == .not, operation(of: firstOperand(of: term)) == .or {
      return Array(operands(of: firstOperand(of: term))).map { not($0) }
    }
    return [term]
  }

  /// ∃ over a conjunction: what does not depend on the variable comes out; an equation for it is solved.
  private mutating func existsConjunction(_ variable: Term, _ parts: [Term]) -> Term {
    var outside: [Term] = []
    var inside: [Term] = []
    for part in parts {
      if occurs(variable, in: part) { inside.append(part) } else { outside.append(part) }
    }
    for (position, part) in inside.enumerated() {
      guard let solution = solution(for: variable, of: part) else { continue }
      inside.remove(at: position)
      var replacing = Substitution([variable: solution])
      let rest = inside.map { replacing.apply(to: $0, in: &self) }
      // An equation with a `none` is never solved by an element.
      let exists = operation(of: solution) == .variable ? boolean(true) : isElement(solution)
      return and(outside + rest + [exists])
    }
    if outside.isEmpty && inside.count == parts.count {
      let body = and(inside)
      return bind(variable, body)
    }
    let body = and(inside)
    let rest = exists(variable, body)
    return and(outside + [rest])
  }

  /// Whether a term of an uninterpreted sort is an element and not `none`.
  package mutating func isElement(_ term: Term) -> Term {
    guard case .uninterpreted(let sort) = self.sort(of: term) else { preconditionFailure("an element was expected") }
    let none = none(of: sort)
    return notEqual(term, none)
  }

  /// e, where the part is variable = e and e does not contain it.
  private func solution(for variable: Term, of part: Term) -> Term? {
    guard operation(of: part) == .equal else { return nil }
    let sides = Array(operands(of: part))
    for (one, other) in [(sides[0], sides[1]), (sides[1], sides[0])]
    where one == variable && !occurs(variable, in: other) {
      return other
    }
    return nil
  }

  /// Makes the quantifier.
  ///
  /// Its variable's number is one more than the height of its body, so that quantifiers further out have greater ones. (required: else one
  /// of them could capture it) Renaming may simplify the body and so lower its height; then the number follows.
  private mutating func bind(_ variable: Term, _ body: Term) -> Term {
    let sort = sort(of: variable)
    var (named, body) = (variable, body)
    while true {
      let height = Int(binderHeights[Int(body.index)]) + 1
      let bound = self.variable("?\(height) \(sort)", sort)
      if named == bound { break }
      var renaming = Substitution([named: bound])
      body = renaming.apply(to: body, in: &self)
      named = bound
    }
    return occurs(named, in: body) ? intern(.exists, .boolean, [named, body]) : body
  }

  /// The body of a quantified term with an element in place of the bound variable. Requires: `operation(of:)` is `exists`.
  package mutating func opened(_ term: Term, with element: Term) -> Term {
    precondition(operation(of: term) == .exists, "only a quantifier is opened")
    let parts = Array(operands(of: term))
    require(element, sort(of: parts[0]), "opened")
    var renaming = Substitution([parts[0]: element])
    return renaming.apply(to: parts[1], in: &self)
  }

  /// The sort that a quantified term ranges over. Requires: `operation(of:)` is `exists`.
  package func quantifiedSort(of term: Term) -> Sort {
    precondition(operation(of: term) == .exists, "only a quantifier ranges over a sort")
    return sort(of: firstOperand(of: term))
  }

  /// The variables that occur in some of the terms and are not bound there; ascending.
  package func unboundVariables(of terms: some Sequence<Term>) -> [Term] {
    freeVariables(of: terms).filter { variable in
      guard let name = name(variable) else { return false }
      return !name.hasPrefix("?")
    }
  }
}
