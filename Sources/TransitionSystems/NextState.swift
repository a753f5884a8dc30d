package import Logic

/// Conditions on the state after a step, as conditions on the state before it: substitution of what predicates become.
///
/// pre(φ) = φ with each predicate P(e) replaced by what the rule makes of P at e. Quantifiers are opened, so that elements of the
/// rule are never confused with bound ones.
package struct NextState {
  /// What each updated predicate becomes, by predicate.
  private let updates: [FunctionSymbol: Updated]
  private var results: [Term: Term] = [:]

  /// A predicate's new truth, and the variables for its arguments there.
  private struct Updated {
    let arguments: [Term]
    let truth: Term
  }

  /// After a rule of the system.
  package init(after rule: ParameterizedRule, of system: ParameterizedSystem) {
    self.init(rule.updates, system)
  }

  /// At a start state of the system.
  package init(at start: ParameterizedStart, of system: ParameterizedSystem) {
    self.init(start.values, system)
  }

  private init(_ changes: [FunctionUpdate], _ system: ParameterizedSystem) {
    var updates: [FunctionSymbol: Updated] = [:]
    for change in changes {
      let function = system.functions[change.function]
      for (position, predicate) in function.predicates.enumerated() {
        let isElement = position == 0 && function.result != nil
        let arguments = isElement ? function.arguments + [function.result].compactMap { $0 } : function.arguments
        updates[predicate] = Updated(arguments: arguments, truth: change.predicates[position])
      }
    }
    self.updates = updates
  }

  /// The condition on the state before. Requires: always the same store, or that store grown; a term of the system.
  package mutating func before(_ term: Term, in store: inout TermStore) -> Term {
    if let known = results[term] { return known }
    let result: Term
    switch store.operation(of: term) {
    case .apply: result = replaced(term, in: &store)
    case .exists:
      let variable = store.fresh(store.quantifiedSort(of: term))
      let body = before(store.opened(term, with: variable), in: &store)
      result = store.exists(variable, body)
    case .variable, .constant, .none: result = term
    case .not, .and, .or, .equal, .ifThenElse, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
      .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
      .concatenate, .extendUnsigned, .extendSigned:
      let operands = Array(store.operands(of: term))
      var inputs: [Term] = []
      for operand in operands { inputs.append(before(operand, in: &store)) }
      result = inputs == operands ? term : store.rebuild(term, inputs)
    }
    results[term] = result
    return result
  }

  private func replaced(_ term: Term, in store: inout TermStore) -> Term {
    guard let update = updates[store.function(of: term)] else { return term }
    let elements = Array(store.operands(of: term))
    var substitution = Substitution(Dictionary(uniqueKeysWithValues: zip(update.arguments, elements)))
    return substitution.apply(to: update.truth, in: &store)
  }
}
