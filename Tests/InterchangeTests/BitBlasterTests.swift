import Logic
import TestSupport
import Testing

@testable import Interchange

/// Every operator as a circuit, against the reference semantics.
@Suite struct BitBlasterTests {
  /// Compares a term over variables with its circuit, under up to 64 assignments at once.
  private func compare(_ term: Term, _ store: TermStore, _ assignments: [[Term: TermValue]], _ comment: Comment) {
    let variables = store.freeVariables(of: [term])
    var blaster = BitBlaster(store)
    let leaves = variables.map { blaster.declare($0) }
    let literals = blaster.literals(of: term)
    for start in stride(from: 0, to: assignments.count, by: 64) {
      let batch = assignments[start..<min(start + 64, assignments.count)]
      var patterns: [Int: UInt64] = [:]
      for (lane, assignment) in batch.enumerated() {
        for (variable, literals) in zip(variables, leaves) {
          let value = assignment[variable]?.unsigned ?? 0
          for (position, literal) in literals.enumerated() where value >> UInt128(position) & 1 == 1 {
            patterns[literal.node, default: 0] |= 1 << UInt64(lane)
          }
        }
      }
      let simulation = GraphSimulation(blaster.graph, leaves: patterns)
      for (lane, assignment) in batch.enumerated() {
        let expected = store.value(of: term, under: assignment).unsigned
        let found = simulation.pattern(literals, at: lane)
        if found != expected { Issue.record("\(comment) \(assignment): \(found), expected \(expected)") }
      }
    }
  }

  /// Every value of some variables.
  private func everything(_ variables: [Term], _ store: TermStore) -> [[Term: TermValue]] {
    variables.reduce([[:]]) { assignments, variable in
      let values: [TermValue]
      switch store.sort(of: variable) {
      case .boolean: values = [.boolean(false), .boolean(true)]
      case .bitVector(let width): values = (0..<UInt128(1) << UInt128(width)).map { .bits($0, width: width) }
      case .uninterpreted: values = []
      }
      return assignments.flatMap { assignment in
        values.map { value in assignment.merging([variable: value]) { first, _ in first } }
      }
    }
  }

  private static let binary: [Operator] = [
    .add, .subtract, .multiply, .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitAnd, .bitOr,
    .bitXor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned,
    .lessOrEqualSigned, .equal, .concatenate,
  ]

  @Test(arguments: binary, 1...5)
  func twoNumbers(operation: Operator, width: Int) {
    var store = TermStore(rewriting: .off)
    let x = store.variable("x", .bitVector(width: width))
    let y = store.variable("y", .bitVector(width: width))
    compare(store.build(operation, [x, y]), store, everything([x, y], store), "\(operation) \(width)")
    compare(store.build(operation, [x, x]), store, everything([x], store), "\(operation) \(width) x x")
    let one = store.bits(1, width: width)
    compare(store.build(operation, [x, one]), store, everything([x], store), "\(operation) \(width) x 1")
    let zero = store.bits(0, width: width)
    compare(store.build(operation, [x, zero]), store, everything([x], store), "\(operation) \(width) x 0")
  }

  @Test(arguments: 1...6)
  func oneNumber(width: Int) {
    var store = TermStore(rewriting: .off)
    let x = store.variable("x", .bitVector(width: width))
    let all = everything([x], store)
    for operation in [Operator.negate, .bitNot] {
      compare(store.build(operation, [x]), store, all, "\(operation) \(width)")
    }
    for wider in width...width + 3 {
      compare(store.extendUnsigned(x, to: wider), store, all, "zeros \(width) \(wider)")
      compare(store.extendSigned(x, to: wider), store, all, "signs \(width) \(wider)")
    }
    for lowest in 0..<width {
      for count in 1...width - lowest {
        compare(store.extract(x, lowest: lowest, count: count), store, all, "\(count) from \(lowest) of \(width)")
      }
    }
  }

  @Test func truthValues() {
    var store = TermStore(rewriting: .off)
    let variables = ["a", "b", "c", "d"].map { store.variable($0, .boolean) }
    let all = everything(variables, store)
    for operation in [Operator.and, .or] {
      for count in 2...4 {
        compare(store.build(operation, Array(variables.prefix(count))), store, all, "\(operation) \(count)")
      }
    }
    compare(store.not(variables[0]), store, all, "not")
    compare(store.equal(variables[0], variables[1]), store, all, "equal")
    compare(store.ifThenElse(variables[0], variables[1], variables[2]), store, all, "ifThenElse")
    compare(store.boolean(true), store, [[:]], "true")
    compare(store.boolean(false), store, [[:]], "false")
  }

  @Test func choiceOfNumbers() {
    var store = TermStore(rewriting: .off)
    let condition = store.variable("c", .boolean)
    let x = store.variable("x", .bitVector(width: 3))
    let y = store.variable("y", .bitVector(width: 3))
    compare(store.ifThenElse(condition, x, y), store, everything([condition, x, y], store), "ifThenElse")
  }

  /// Random terms of wide numbers, ends of ranges more often than not.
  @Test(arguments: UInt64(1)...8)
  func wideNumbers(seed: UInt64) {
    var terms = RandomTerms(seed: seed, widths: [1, 7, 33, 64, 128], rewriting: .off)
    let assignments = (0..<64).map { _ in terms.assignment() }
    for _ in 0..<40 {
      let term = terms.next()
      compare(term, terms.store, assignments, "seed \(seed): \(terms.store.operation(of: term))")
    }
  }

  @Test(arguments: binary, [63, 64, 65, 128])
  func everyOperatorWide(operation: Operator, width: Int) {
    guard operation != .concatenate || 2 * width <= Sort.maximumWidth else { return }
    var store = TermStore(rewriting: .off)
    let x = store.variable("x", .bitVector(width: width))
    let y = store.variable("y", .bitVector(width: width))
    var generator = SeededGenerator(seed: UInt64(width))
    let mask = BitPattern.mask(width)
    var values: [UInt128] = [0, 1, 2, mask, mask - 1, mask >> 1, (mask >> 1) + 1]
    for _ in 0..<3 { values.append((UInt128(generator.next()) << 64 | UInt128(generator.next())) & mask) }
    let pairs = values.flatMap { first in
      values.map { second in [x: TermValue.bits(first, width: width), y: .bits(second, width: width)] }
    }
    compare(store.build(operation, [x, y]), store, pairs, "\(operation) \(width)")
  }
}
