import Logic
import TestSupport
import Testing

@Suite struct SMTLIBPrinterTests {
  @Test func sharedPartsAreNamed() {
    var store = TermStore()
    let x = store.variable("x[0]", .bitVector(width: 8))
    let y = store.variable("y", .bitVector(width: 8))
    let sum = store.add(x, y)
    let less = store.lessSigned(sum, store.bits(200, width: 8))
    let odd = store.equal(store.extract(sum, lowest: 0, count: 1), store.bits(1, width: 1))
    #expect(
      SMTLIBPrinter.script(asserting: [less, store.not(odd)], in: store) == """
        (set-logic QF_BV)
        (declare-const |x[0]| (_ BitVec 8))
        (declare-const |y| (_ BitVec 8))
        (define-fun !2 () (_ BitVec 8) (bvadd |x[0]| |y|))
        (assert (bvslt !2 (_ bv200 8)))
        (assert (not (= ((_ extract 0 0) !2) (_ bv1 1))))
        (check-sat)

        """)
  }
}
