package import Logic

/// Random well-sorted terms over a few variables, with constants at the ends of their ranges more often than not.
package struct RandomTerms {
  /// Where the terms are built.
  package var store: TermStore
  package private(set) var variables: [Term] = []
  private var generator: SeededGenerator
  /// Every term made so far, by sort.
  private var pool: [Sort: [Term]] = [:]
  private let widths: [Int]

  /// Two variables of each width and two Boolean ones.
  package init(seed: UInt64, widths: [Int], rewriting: TermStore.Rewriting) {
    store = TermStore(rewriting: rewriting)
    generator = SeededGenerator(seed: seed)
    self.widths = widths
    for sort in [Sort.boolean] + widths.map({ .bitVector(width: $0) }) {
      for name in ["x", "y"] { keep(store.variable("\(name) \(sort)", sort)) }
      variables = (pool.values.flatMap { $0 }).sorted()
    }
    for width in widths {
      for pattern in [0, 1, BitPattern.mask(width), BitPattern.mask(width - 1)] where pattern <= BitPattern.mask(width)
      {
        keep(store.bits(pattern, width: width))
      }
    }
    keep(store.boolean(true))
    keep(store.boolean(false))
  }

  private mutating func keep(_ term: Term) { pool[store.sort(of: term), default: []].append(term) }

  /// One more term, over terms made before; it joins them.
  package mutating func next() -> Term {
    let width = widths[Int.random(in: 0..<widths.count, using: &generator)]
    let sort = Sort.bitVector(width: width)
    let leaves: Set<Operator> = [.constant, .variable, .none]
    let operations = Operator.allCases.filter { !leaves.contains($0) && $0 != .apply && $0 != .exists }
    let operation = operations[Int.random(in: 0..<operations.count, using: &generator)]
    let term: Term
    switch operation {
    case .constant, .variable: preconditionFailure("leaves are made at the start")
    case .apply, .exists, .none: preconditionFailure("first-order terms are made by RandomFormulas")
    case .not: term = store.not(pick(.boolean))
    case .and, .or:
      term = store.build(operation, (0..<Int.random(in: 2...4, using: &generator)).map { _ in pick(.boolean) })
    case .equal:
      let chosen = Bool.random(using: &generator) ? sort : .boolean
      term = store.build(operation, [pick(chosen), pick(chosen)])
    case .ifThenElse:
      let chosen = Bool.random(using: &generator) ? sort : .boolean
      term = store.build(operation, [pick(.boolean), pick(chosen), pick(chosen)])
    case .negate, .bitNot: term = store.build(operation, [pick(sort)])
    case .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitAnd,
      .bitOr, .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned,
      .lessSigned, .lessOrEqualSigned:
      term = store.build(operation, [pick(sort), pick(sort)])
    case .extract, .concatenate, .extendUnsigned, .extendSigned: term = resized(operation, sort)
    }
    keep(term)
    return term
  }

  /// A term of another width.
  private mutating func resized(_ operation: Operator, _ sort: Sort) -> Term {
    let operand = pick(sort)
    let width = store.width(of: operand)
    if operation == .concatenate {
      let other = pick(.bitVector(width: widths[Int.random(in: 0..<widths.count, using: &generator)]))
      return width + store.width(of: other) > Sort.maximumWidth ? operand : store.concatenate(operand, other)
    }
    if operation == .extract {
      let lowest = Int.random(in: 0..<width, using: &generator)
      let count = Int.random(in: 1...(width - lowest), using: &generator)
      return store.extract(operand, lowest: lowest, count: count)
    }
    let wider = Int.random(in: width...min(Sort.maximumWidth, width + 9), using: &generator)
    return store.build(operation, [operand], width: wider)
  }

  /// A term of the sort, recent ones more often.
  private mutating func pick(_ sort: Sort) -> Term {
    let terms = pool[sort, default: []]
    let recent = max(0, terms.count - 12)
    let from = Bool.random(using: &generator) ? recent : 0
    return terms[Int.random(in: from..<terms.count, using: &generator)]
  }

  /// Random values for the variables; ends of ranges more often than not.
  package mutating func assignment() -> [Term: TermValue] {
    var result: [Term: TermValue] = [:]
    for variable in variables {
      switch store.sort(of: variable) {
      case .boolean: result[variable] = .boolean(Bool.random(using: &generator))
      case .bitVector(let width):
        let mask = BitPattern.mask(width)
        let high = UInt128(generator.next()) << 64
        let patterns = [0, 1, mask, mask >> 1, (mask >> 1) &+ 1, (high | UInt128(generator.next())) & mask]
        result[variable] = .bits(patterns[Int.random(in: 0..<patterns.count, using: &generator)] & mask, width: width)
      case .uninterpreted: preconditionFailure("elements are assigned by RandomFormulas")
      }
    }
    return result
  }
}
