import Logic
import TestSupport
import Testing

/// The reference semantics, held against arithmetic done here by other means.
@Suite struct EvaluationTests {
  /// A value of a fresh term over two constants, not rewritten.
  private func value(_ operation: Operator, _ first: Int, _ second: Int, width: Int) -> TermValue {
    var store = TermStore(rewriting: .off)
    let x = store.integer(first, width: width)
    let y = store.integer(second, width: width)
    let term = store.build(operation, [x, y])
    var evaluation = Evaluation(store, [:])
    return evaluation.value(of: term)
  }

  @Test(arguments: [
    (7, 2, 3, 1), (-7, 2, -3, -1), (7, -2, -3, 1), (-7, -2, 3, -1), (6, 3, 2, 0), (-6, 3, -2, 0), (0, 5, 0, 0),
    (-128, -1, -128, 0), (127, -128, 0, 127), (-128, 127, -1, -1),
  ])
  func divisionTruncates(dividend: Int, divisor: Int, quotient: Int, remainder: Int) {
    #expect(value(.divideSigned, dividend, divisor, width: 8).signed == Int128(quotient))
    #expect(value(.remainderSigned, dividend, divisor, width: 8).signed == Int128(remainder))
  }

  @Test func divisionByZeroIsAsInSMTLIB() {
    #expect(value(.divideSigned, 5, 0, width: 8).signed == -1)
    #expect(value(.divideSigned, -5, 0, width: 8).signed == 1)
    #expect(value(.remainderSigned, -5, 0, width: 8).signed == -5)
    #expect(value(.divideUnsigned, 5, 0, width: 8).unsigned == 255)
    #expect(value(.remainderUnsigned, 5, 0, width: 8).unsigned == 5)
  }

  @Test func shiftsBeyondTheWidth() {
    #expect(value(.shiftLeft, 1, 7, width: 8).unsigned == 128)
    #expect(value(.shiftLeft, 1, 8, width: 8).unsigned == 0)
    #expect(value(.shiftRightLogical, -1, 7, width: 8).unsigned == 1)
    #expect(value(.shiftRightLogical, -1, 200, width: 8).unsigned == 0)
    #expect(value(.shiftRightArithmetic, -2, 200, width: 8).signed == -1)
    #expect(value(.shiftRightArithmetic, 64, 3, width: 8).signed == 8)
  }

  @Test func productsOf64BitsAreExact() {
    #expect(value(.multiply, .max, .max, width: 128).signed == Int128(Int.max) * Int128(Int.max))
    #expect(value(.multiply, .min, .max, width: 128).signed == Int128(Int.min) * Int128(Int.max))
  }

  /// Every operator on every pair of 4-bit patterns against Swift's own arithmetic on wide integers.
  @Test func fourBitsExhaustively() {
    for first in -8..<8 {
      for second in -8..<8 {
        let low = (first + 16) % 16
        let other = (second + 16) % 16
        #expect(value(.add, first, second, width: 4).unsigned == UInt128((low + other) % 16))
        #expect(value(.subtract, first, second, width: 4).unsigned == UInt128((low + 16 - other) % 16))
        #expect(value(.multiply, first, second, width: 4).unsigned == UInt128((low * other) % 16))
        #expect(value(.bitXor, first, second, width: 4).unsigned == UInt128(low ^ other))
        #expect(value(.lessSigned, first, second, width: 4) == .boolean(first < second))
        #expect(value(.lessOrEqualSigned, first, second, width: 4) == .boolean(first <= second))
        #expect(value(.lessUnsigned, first, second, width: 4) == .boolean(low < other))
        #expect(value(.lessOrEqualUnsigned, first, second, width: 4) == .boolean(low <= other))
        if second != 0 {
          #expect(value(.divideSigned, first, second, width: 4).unsigned == UInt128((first / second + 16) % 16))
          #expect(value(.remainderSigned, first, second, width: 4).signed == Int128(first % second))
          #expect(value(.divideUnsigned, first, second, width: 4).unsigned == UInt128(low / other))
        }
      }
    }
  }

  @Test func resizing() {
    var store = TermStore(rewriting: .off)
    let x = store.bits(0b1010, width: 4)
    var evaluation = Evaluation(store, [:])
    expectSame(evaluation.value(of: x), .bits(10, width: 4))
    let wide = store.extendSigned(x, to: 8)
    let zero = store.extendUnsigned(x, to: 8)
    let both = store.concatenate(wide, x)
    let middle = store.extract(both, lowest: 2, count: 4)
    evaluation = Evaluation(store, [:])
    expectSame(evaluation.value(of: wide), .bits(0b1111_1010, width: 8))
    expectSame(evaluation.value(of: zero), .bits(0b1010, width: 8))
    expectSame(evaluation.value(of: both), .bits(0b1111_1010_1010, width: 12))
    expectSame(evaluation.value(of: middle), .bits(0b1010, width: 4))
  }

  /// A chain of 100,000 terms: evaluated, substituted, collected and printed without recursion.
  @Test func deepTerms() {
    var store = TermStore()
    let x = store.variable("x", .bitVector(width: 32))
    let y = store.variable("y", .bitVector(width: 32))
    var term = x
    for step in 0..<100_000 {
      term = step.isMultiple(of: 2) ? store.bitXor(term, y) : store.add(term, x)
    }
    let three = TermValue.bits(3, width: 32)
    var evaluation = Evaluation(store, [x: three, y: .bits(0, width: 32)])
    expectSame(evaluation.value(of: term), .bits(3 * 50_001, width: 32))
    let zero = store.bits(0, width: 32)
    var substitution = Substitution([y: zero])
    let replaced = substitution.apply(to: term, in: &store)
    expectSame(store.freeVariables(of: [replaced]), [x])
    var again = Evaluation(store, [x: three])
    expectSame(again.value(of: replaced), .bits(3 * 50_001, width: 32))
    let equation = store.equal(term, zero)
    #expect(SMTLIBPrinter.script(asserting: [equation], in: store).utf8.count > 1_000_000)
  }
}
