import Logic

/// Boolean terms as straight-line code over machine words: each bit of a word is another state, so one run evaluates the terms in 64
/// states per word.
struct WordProgram {
  private enum Operation {
    case constant(Bool)
    /// The word of a variable, by its position.
    case variable(Int)
    case not(Int)
    case and(Range<Int>)
    case or(Range<Int>)
    case choice(Int, Int, Int)
    case equal(Int, Int)
  }

  private var operations: [Operation] = []
  /// Operands of ∧ and ∨, as positions of operations.
  private var pool: [Int] = []
  /// By term: the operation that yields it.
  private var positions: [Term: Int] = [:]

  /// Code for some terms over some variables; other variables stand for the terms that define them.
  init(_ terms: [Term], over variables: [Term], defining definitions: [Term: Term], _ store: TermStore) {
    for (position, variable) in variables.enumerated() {
      positions[variable] = operations.count
      operations.append(.variable(position))
    }
    for term in terms { compile(term, definitions, store) }
  }

  /// Where a term's words begin in the result of `run`, in units of the number of words.
  func position(of term: Term) -> Int {
    guard let position = positions[term] else { preconditionFailure("a term that was not compiled") }
    return position
  }

  private mutating func compile(_ term: Term, _ definitions: [Term: Term], _ store: TermStore) {
    var pending = [term]
    while let next = pending.last {
      if positions[next] != nil {
        pending.removeLast()
        continue
      }
      let operands = definitions[next].map { [$0] } ?? Array(store.operands(of: next))
      let missing = operands.filter { positions[$0] == nil }
      guard missing.isEmpty else {
        pending.append(contentsOf: missing)
        continue
      }
      pending.removeLast()
      let inputs = operands.compactMap { positions[$0] }
      if definitions[next] != nil {
        positions[next] = inputs[0]
      } else {
        positions[next] = operations.count
        operations.append(operation(next, inputs, store))
      }
    }
  }

  private mutating func operation(_ term: Term, _ inputs: [Int], _ store: TermStore) -> Operation {
    switch store.operation(of: term) {
    case .constant: return .constant(store.constant(term) == .boolean(true))
    case .not: return .not(inputs[0])
    case .and: return .and(pooled(inputs))
    case .or: return .or(pooled(inputs))
    case .ifThenElse: return .choice(inputs[0], inputs[1], inputs[2])
    case .equal: return .equal(inputs[0], inputs[1])
    case .variable: preconditionFailure("a variable without words: \(store.name(term) ?? "?")")
    case .apply, .exists, .none, .negate, .add, .subtract, .multiply, .divideSigned, .remainderSigned,
      .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned, .extract,
      .concatenate, .extendUnsigned, .extendSigned:
      preconditionFailure("a ground condition is Boolean")
    }
  }

  private mutating func pooled(_ inputs: [Int]) -> Range<Int> {
    let start = pool.count
    pool.append(contentsOf: inputs)
    return start..<pool.count
  }

  /// Evaluates everything. `words` holds `count` words per variable, in the order of the variables.
  func run(_ words: [UInt64], count: Int) -> [UInt64] {
    var values = [UInt64](repeating: 0, count: operations.count * count)
    for (position, operation) in operations.enumerated() {
      let base = position * count
      switch operation {
      case .constant(let truth):
        if truth { for word in 0..<count { values[base + word] = .max } }
      case .variable(let variable):
        for word in 0..<count { values[base + word] = words[variable * count + word] }
      case .not(let input):
        for word in 0..<count { values[base + word] = ~values[input * count + word] }
      case .and(let range):
        for word in 0..<count {
          var result = UInt64.max
          for operand in range { result &= values[pool[operand] * count + word] }
          values[base + word] = result
        }
      case .or(let range):
        for word in 0..<count {
          var result: UInt64 = 0
          for operand in range { result |= values[pool[operand] * count + word] }
          values[base + word] = result
        }
      case .choice(let condition, let one, let other):
        for word in 0..<count {
          let mask = values[condition * count + word]
          values[base + word] = mask & values[one * count + word] | ~mask & values[other * count + word]
        }
      case .equal(let one, let other):
        for word in 0..<count { values[base + word] = ~(values[one * count + word] ^ values[other * count + word]) }
      }
    }
    return values
  }
}
