import Logic

/// Terms as circuits: each becomes one literal per bit, the lowest first; a Boolean term has one.
///
/// Every operator of `Operator` is built from its definition in `Logic/Evaluation`; the tests hold the two against each other.
/// Results are kept per term, so that shared parts cost once; the walk follows positions, so that nothing recurses.
struct BitBlaster {
  typealias Literal = AndInverterGraph.Literal

  private(set) var graph = AndInverterGraph()
  private let store: TermStore
  private var bits: [Term: [Literal]] = [:]

  init(_ store: TermStore) { self.store = store }

  /// Makes leaves for a variable, the lowest bit first. Requires: before it is used.
  mutating func declare(_ variable: Term) -> [Literal] {
    let literals = (0..<Self.width(store.sort(of: variable))).map { _ in graph.leaf() }
    bits[variable] = literals
    return literals
  }

  /// The bits of a sort.
  static func width(_ sort: Sort) -> Int {
    switch sort {
    case .boolean: 1
    case .bitVector(let width): width
    case .uninterpreted: preconditionFailure("an uninterpreted sort has no bits")
    }
  }

  /// The literals of a term. Requires: its variables are declared.
  mutating func literals(of term: Term) -> [Literal] {
    var pending = [term]
    while let current = pending.last {
      if bits[current] != nil {
        pending.removeLast()
        continue
      }
      let missing = store.operands(of: current).filter { bits[$0] == nil }
      if missing.isEmpty {
        bits[current] = circuit(of: current)
        pending.removeLast()
      } else {
        pending.append(contentsOf: missing)
      }
    }
    return known(term)
  }

  private func known(_ term: Term) -> [Literal] {
    guard let literals = bits[term] else { preconditionFailure("a term without bits") }
    return literals
  }

  /// A term whose operands have literals.
  private mutating func circuit(of term: Term) -> [Literal] {
    if let value = store.constant(term) { return Self.literals(of: value) }
    let inputs = store.operands(of: term).map { known($0) }
    switch store.operation(of: term) {
    case .constant, .variable:
      preconditionFailure("variable \(store.name(term) ?? "?") was not declared")
    case .apply, .exists, .none: preconditionFailure("a first-order term has no bits")
    case .not, .bitNot: return inputs[0].map { !$0 }
    case .and: return [graph.and(inputs.map { $0[0] })]
    case .or: return [graph.or(inputs.map { $0[0] })]
    case .equal: return [equal(inputs[0], inputs[1])]
    case .ifThenElse: return choose(inputs[0][0], inputs[1], inputs[2])
    case .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned:
      return arithmetic(store.operation(of: term), inputs)
    case .bitAnd: return zip(inputs[0], inputs[1]).map { graph.and($0, $1) }
    case .bitOr: return zip(inputs[0], inputs[1]).map { graph.or($0, $1) }
    case .bitXor: return zip(inputs[0], inputs[1]).map { graph.exclusiveOr($0, $1) }
    case .shiftLeft: return shiftedUp(inputs[0], by: inputs[1])
    case .shiftRightLogical: return shiftedDown(inputs[0], by: inputs[1], filling: .isFalse)
    case .shiftRightArithmetic: return shiftedDown(inputs[0], by: inputs[1], filling: inputs[0][inputs[0].count - 1])
    case .lessUnsigned: return [less(inputs[0], inputs[1])]
    case .lessOrEqualUnsigned: return [!less(inputs[1], inputs[0])]
    case .lessSigned: return [less(biased(inputs[0]), biased(inputs[1]))]
    case .lessOrEqualSigned: return [!less(biased(inputs[1]), biased(inputs[0]))]
    case .extract:
      let lowest = store.lowestBit(of: term)
      return Array(inputs[0][lowest..<lowest + store.width(of: term)])
    case .concatenate: return inputs[1] + inputs[0]
    case .extendUnsigned: return extended(inputs[0], to: store.width(of: term), with: .isFalse)
    case .extendSigned: return extended(inputs[0], to: store.width(of: term), with: inputs[0][inputs[0].count - 1])
    }
  }

  private static func literals(of value: TermValue) -> [Literal] {
    (0..<width(value.sort)).map { value.unsigned >> UInt128($0) & 1 == 1 ? .isTrue : .isFalse }
  }

  private func extended(_ number: [Literal], to width: Int, with filling: Literal) -> [Literal] {
    number + [Literal](repeating: filling, count: width - number.count)
  }

  /// Two's complement with the order of numbers without sign.
  private func biased(_ number: [Literal]) -> [Literal] {
    number.dropLast() + [!number[number.count - 1]]
  }

  private mutating func arithmetic(_ operation: Operator, _ inputs: [[Literal]]) -> [Literal] {
    switch operation {
    case .negate: return graph.negated(inputs[0])
    case .add: return graph.sum(inputs[0], inputs[1], carry: .isFalse)
    case .subtract: return graph.sum(inputs[0], inputs[1].map { !$0 }, carry: .isTrue)
    case .multiply: return graph.product(inputs[0], inputs[1])
    case .divideUnsigned: return graph.divided(inputs[0], by: inputs[1]).quotient
    case .remainderUnsigned: return graph.divided(inputs[0], by: inputs[1]).remainder
    case .divideSigned: return graph.dividedSigned(inputs[0], by: inputs[1]).quotient
    case .remainderSigned: return graph.dividedSigned(inputs[0], by: inputs[1]).remainder
    case .constant, .variable, .not, .and, .or, .equal, .ifThenElse, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft,
      .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned,
      .extract, .concatenate, .extendUnsigned, .extendSigned, .apply, .exists, .none:
      preconditionFailure("\(operation) is no arithmetic")
    }
  }

  private mutating func equal(_ first: [Literal], _ second: [Literal]) -> Literal {
    graph.and(zip(first, second).map { graph.equal($0, $1) })
  }

  private mutating func choose(_ condition: Literal, _ first: [Literal], _ second: [Literal]) -> [Literal] {
    zip(first, second).map { graph.choose(condition, $0, $1) }
  }

  /// first < second, without sign: from the lowest bit up, the highest difference decides.
  private mutating func less(_ first: [Literal], _ second: [Literal]) -> Literal {
    var result = Literal.isFalse
    for (one, other) in zip(first, second) {
      let differ = graph.exclusiveOr(one, other)
      result = graph.choose(differ, other, result)
    }
    return result
  }

  /// Shifted by each bit of the distance in turn; by the width or more, everything is filling.
  private mutating func shiftedDown(
    _ number: [Literal], by distance: [Literal], filling: Literal
  ) -> [Literal] {
    var result = number
    var tooFar = Literal.isFalse
    for (position, bit) in distance.enumerated() {
      guard position < Int.bitWidth - 2, 1 << position < number.count else {
        tooFar = graph.or(tooFar, bit)
        continue
      }
      let shifted = Array(result.dropFirst(1 << position)) + [Literal](repeating: filling, count: 1 << position)
      result = choose(bit, shifted, result)
    }
    return result.map { graph.choose(tooFar, filling, $0) }
  }

  private mutating func shiftedUp(_ number: [Literal], by distance: [Literal]) -> [Literal] {
    shiftedDown(number.reversed(), by: distance, filling: .isFalse).reversed()
  }
}
