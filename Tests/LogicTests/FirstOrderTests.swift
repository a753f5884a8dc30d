import Logic
import TestSupport
import Testing

/// Functions and quantifiers: canonical forms, rewrites, substitution without capture.
@Suite("first-order terms")
struct FirstOrderTests {
  /// Two sorts, a predicate on each, a relation, and a function between them.
  struct Vocabulary {
    var store = TermStore()
    let table = Sort.uninterpreted(0)
    let page = Sort.uninterpreted(1)
    let linked: FunctionSymbol
    let free: FunctionSymbol
    let maps: FunctionSymbol
    let owner: FunctionSymbol

    init() {
      linked = store.function("linked", [table], .boolean)
      free = store.function("free", [page], .boolean)
      maps = store.function("maps", [table, page], .boolean)
      owner = store.function("owner", [page], table)
    }
  }

  @Test("formulas that differ in bound names are one term")
  func alphaEquivalence() {
    var v = Vocabulary()
    let one = v.store.fresh(v.table)
    let other = v.store.fresh(v.table)
    let first = v.store.exists(one, v.store.apply(v.linked, [one]))
    let second = v.store.exists(other, v.store.apply(v.linked, [other]))
    #expect(first == second)
    #expect(v.store.unboundVariables(of: [first]).isEmpty)
  }

  @Test("a body that renaming makes flatter captures nothing")
  func flatter() {
    var v = Vocabulary()
    let (a, b, c) = (v.store.fresh(v.table), v.store.fresh(v.table), v.store.fresh(v.table))
    let some = v.store.exists(c, v.store.apply(v.linked, [c]))
    let apart = [v.store.notEqual(a, b), v.store.notEqual(a, c), v.store.notEqual(b, c)]
    let premises = v.store.and(apart + [some])
    let nested = v.store.not(v.store.or(v.store.not(premises), v.store.not(v.store.apply(v.linked, [c]))))
    let flat = v.store.and(apart + [some, v.store.apply(v.linked, [c])])
    func closed(_ body: Term) -> Term { [c, b, a].reduce(body) { v.store.exists($1, $0) } }
    let (one, other) = (closed(nested), closed(flat))
    for size in 1...4 {
      let structure = Structure(sizes: [size, 1]) { _, _ in .boolean(true) }
      for term in [one, other] {
        var evaluation = StructureEvaluation(v.store, in: structure, [:])
        #expect(evaluation.isTrue(term) == (size >= 3), "\(size) elements")
      }
    }
  }

  @Test("a quantifier moves past what does not depend on it")
  func scope() {
    var v = Vocabulary()
    let t = v.store.fresh(v.table)
    let p = v.store.variable("p", v.page)
    let both = v.store.and(v.store.apply(v.free, [p]), v.store.apply(v.linked, [t]))
    let linkedSome = v.store.exists(t, v.store.apply(v.linked, [t]))
    #expect(v.store.exists(t, both) == v.store.and(v.store.apply(v.free, [p]), linkedSome))
    let either = v.store.or(v.store.apply(v.free, [p]), v.store.apply(v.linked, [t]))
    #expect(v.store.exists(t, either) == v.store.or(v.store.apply(v.free, [p]), linkedSome))
    let neither = v.store.not(either)
    let unlinkedSome = v.store.exists(t, v.store.not(v.store.apply(v.linked, [t])))
    #expect(v.store.exists(t, neither) == v.store.and(v.store.not(v.store.apply(v.free, [p])), unlinkedSome))
  }

  @Test("a quantifier over nothing disappears")
  func vacuousQuantifier() {
    var v = Vocabulary()
    let t = v.store.fresh(v.table)
    let p = v.store.variable("p", v.page)
    let free = v.store.apply(v.free, [p])
    #expect(v.store.exists(t, free) == free)
    #expect(v.store.forall(t, free) == free)
  }

  @Test("an equation for the bound variable is solved, undefined solutions aside")
  func onePoint() {
    var v = Vocabulary()
    let t = v.store.fresh(v.table)
    let u = v.store.variable("u", v.table)
    let p = v.store.variable("p", v.page)
    let linked = v.store.apply(v.linked, [t])
    let same = v.store.equal(t, u)
    #expect(v.store.exists(t, v.store.and(same, linked)) == v.store.apply(v.linked, [u]))
    let owned = v.store.equal(t, v.store.apply(v.owner, [p]))
    let owner = v.store.apply(v.owner, [p])
    let expected = v.store.and(v.store.apply(v.linked, [owner]), v.store.isElement(owner))
    #expect(v.store.exists(t, v.store.and(owned, linked)) == expected)
    #expect(v.store.exists(t, v.store.equal(t, v.store.none(of: 0))) == v.store.boolean(false))
  }

  @Test("substitution below a quantifier captures nothing")
  func noCapture() {
    var v = Vocabulary()
    let t = v.store.fresh(v.table)
    let p = v.store.variable("p", v.page)
    let condition = v.store.variable("c", .boolean)
    // ∃t. maps(t, p) ∧ (c ∨ linked(t)), with c := ∃t. linked(t), whose bound variable would be the outer one's.
    let inner = v.store.or(condition, v.store.apply(v.linked, [t]))
    let formula = v.store.exists(t, v.store.and(v.store.apply(v.maps, [t, p]), inner))
    let u = v.store.fresh(v.table)
    let some = v.store.exists(u, v.store.apply(v.linked, [u]))
    var substitution = Substitution([condition: some])
    let result = substitution.apply(to: formula, in: &v.store)
    for mapsAt in [0, 1] {
      for linkedAt in [Int?.none, 0, 1] {
        let store = v.store
        let structure = Structure(sizes: [2, 1]) { function, arguments in
          switch store.name(of: function) {
          case "linked": .boolean(arguments[0] == linkedAt)
          case "maps": .boolean(arguments[0] == mapsAt)
          default: .boolean(false)
          }
        }
        var evaluation = StructureEvaluation(v.store, in: structure, [p: .element(0, sort: 1)])
        #expect(evaluation.isTrue(result) == (linkedAt != nil), "maps at \(mapsAt), linked at \(linkedAt ?? -1)")
      }
    }
  }

  @Test("opening and binding again gives the same term")
  func openAndBind() {
    var v = Vocabulary()
    let t = v.store.fresh(v.table)
    let p = v.store.fresh(v.page)
    let inner = v.store.exists(p, v.store.and(v.store.apply(v.maps, [t, p]), v.store.apply(v.free, [p])))
    let formula = v.store.exists(t, v.store.and(v.store.apply(v.linked, [t]), inner))
    let u = v.store.fresh(v.table)
    let opened = v.store.opened(formula, with: u)
    #expect(v.store.unboundVariables(of: [opened]) == [u])
    #expect(v.store.exists(u, opened) == formula)
  }

  @Test("rewriting changes no value in any structure", arguments: 0..<UInt64(60))
  func rewritingKeepsMeaning(seed: UInt64) {
    var rewritten = RandomFormulas(seed: seed, rewriting: .local)
    var plain = RandomFormulas(seed: seed, rewriting: .off)
    for number in 0..<40 {
      let one = number % 2 == 0 ? rewritten.formula(depth: 5) : rewritten.prenex(depth: 4)
      let other = number % 2 == 0 ? plain.formula(depth: 5) : plain.prenex(depth: 4)
      let structure = rewritten.structure()
      _ = plain.structure()
      let assignment = rewritten.assignment(in: structure)
      _ = plain.assignment(in: structure)
      var left = StructureEvaluation(rewritten.store, in: structure, assignment)
      var right = StructureEvaluation(plain.store, in: structure, assignment)
      #expect(left.isTrue(one) == right.isTrue(other), "seed \(seed)")
    }
  }

  @Test("the text declares sorts and functions, and shared parts take bound variables as parameters")
  func text() {
    var v = Vocabulary()
    let t = v.store.fresh(v.table)
    let p = v.store.variable("p", v.page)
    let maps = v.store.apply(v.maps, [t, p])
    let shared = v.store.and(maps, v.store.apply(v.linked, [t]))
    let s = v.store.fresh(v.table)
    let differ = v.store.exclusiveOr(v.store.apply(v.linked, [s]), shared)
    let formula = v.store.exists(t, v.store.exists(s, v.store.and(v.store.or(maps, differ), differ)))
    let script = SMTLIBPrinter.script(asserting: [formula], in: v.store, sortNames: ["table", "page"])
    #expect(
      script == """
        (set-logic UF)
        (declare-sort |table| 0)
        (declare-sort |page| 0)
        (declare-fun |linked| (|table|) Bool)
        (declare-fun |maps| (|table| |page|) Bool)
        (declare-const |p| |page|)
        (define-fun !20 ((|?2 S0| |table|)) Bool (|maps| |?2 S0| |p|))
        (define-fun !23 ((|?1 S0| |table|) (|?2 S0| |table|)) Bool \
        (not (= (|linked| |?1 S0|) (and (|linked| |?2 S0|) (!20 |?2 S0|)))))
        (assert (exists ((|?2 S0| |table|)) (exists ((|?1 S0| |table|)) \
        (and (!23 |?1 S0| |?2 S0|) (or (!20 |?2 S0|) (!23 |?1 S0| |?2 S0|))))))
        (check-sat)

        """)
  }
}
