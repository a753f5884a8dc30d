/// Builds terms of one store in another, through that store's builders.
///
/// Variables and functions keep their names. Quantifiers are opened and bound anew, so that they get the other store's names.
package struct Transcription {
  private var source: TermStore
  private var results: [Term: Term] = [:]

  package init(from source: TermStore) { self.source = source }

  /// The term as the target builds it. Requires: always the same target, or that target grown.
  package mutating func transcribe(_ term: Term, to target: inout TermStore) -> Term {
    for part in source.subterms(of: [term]) where results[part] == nil {
      results[part] = built(part, in: &target)
    }
    guard let result = results[term] else { preconditionFailure("a term was left out") }
    return result
  }

  private func built(_ term: Term, in target: inout TermStore) -> Term {
    if let value = source.constant(term) { return target.constant(value) }
    if let name = source.name(term) { return target.variable(name, source.sort(of: term)) }
    let operands = source.operands(of: term).map { operand in
      guard let result = results[operand] else { preconditionFailure("an operand was left out") }
      return result
    }
    switch source.operation(of: term) {
    case .none:
      guard case .uninterpreted(let sort) = source.sort(of: term) else { preconditionFailure("none of no sort") }
      return target.none(of: sort)
    case .apply:
      let function = source.function(of: term)
      let signature = source.signature(of: function)
      let other = target.function(source.name(of: function), signature.arguments, signature.result)
      return target.apply(other, operands)
    case .exists, .not, .and, .or, .equal, .ifThenElse, .negate, .add, .subtract, .multiply, .divideSigned,
      .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft,
      .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned,
      .extract, .concatenate, .extendUnsigned, .extendSigned, .constant, .variable:
      let lowest = source.operation(of: term) == .extract ? source.lowestBit(of: term) : 0
      var width = 0
      if case .bitVector(let bits) = source.sort(of: term) { width = bits }
      return target.build(source.operation(of: term), operands, lowest: lowest, width: width)
    }
  }
}
