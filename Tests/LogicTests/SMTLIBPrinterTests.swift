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

  @Test func clausesShareByLets() {
    var store = TermStore()
    let x = store.variable("x", .bitVector(width: 8))
    let odd = store.variable("odd", .boolean)
    let reachable = store.function("reachable", [.bitVector(width: 8), .boolean], .boolean)
    let here = store.apply(reachable, [x, odd])
    let zero = store.bits(0, width: 8)
    let start = store.apply(reachable, [zero, store.boolean(false)])
    let next = store.add(x, store.bits(2, width: 8))
    let moved = store.apply(reachable, [next, store.not(odd)])
    let small = store.lessUnsigned(next, store.bits(200, width: 8))
    let clauses = [
      SMTLIBPrinter.Clause("start", premise: nil, condition: store.boolean(true), conclusion: start),
      SMTLIBPrinter.Clause("step", premise: here, condition: small, conclusion: moved),
      SMTLIBPrinter.Clause("bad", premise: here, condition: odd, conclusion: nil),
    ]
    #expect(
      SMTLIBPrinter.script(clauses: clauses, in: store) == """
        (set-logic HORN)
        (declare-fun |reachable| ((_ BitVec 8) Bool) Bool)
        ; start
        (assert (=> (and true) (|reachable| (_ bv0 8) false)))
        ; step
        (assert (forall ((|x| (_ BitVec 8)) (|odd| Bool))
        (let ((!7 (bvadd |x| (_ bv2 8))))
        (=> (and (|reachable| |x| |odd|) (bvult !7 (_ bv200 8))) (|reachable| !7 (not |odd|))))))
        ; bad
        (assert (forall ((|x| (_ BitVec 8)) (|odd| Bool))
        (=> (and (|reachable| |x| |odd|) |odd|) false)))
        (check-sat)

        """)
  }
}
