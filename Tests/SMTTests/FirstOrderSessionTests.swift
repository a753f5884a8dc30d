import Logic
import SMT
import Testing

/// What Z3 is told of functions and quantifiers, by facts with a known answer.
@Suite("first-order sessions")
struct FirstOrderSessionTests {
  /// A relation between two sorts.
  struct Vocabulary {
    var store = TermStore()
    let table = Sort.uninterpreted(0)
    let page = Sort.uninterpreted(1)
    let maps: FunctionSymbol

    init() { maps = store.function("maps", [table, page], .boolean) }

    /// Some table maps every page, or every page is mapped by some table.
    mutating func oneForAll() -> Term {
      let t = store.fresh(table)
      let p = store.fresh(page)
      return store.exists(t, store.forall(p, store.apply(maps, [t, p])))
    }

    mutating func eachHasOne() -> Term {
      let t = store.fresh(table)
      let p = store.fresh(page)
      return store.forall(p, store.exists(t, store.apply(maps, [t, p])))
    }
  }

  private func isSatisfiable(_ terms: [Term], _ store: TermStore) throws -> Bool? {
    var session = try SMTSession(store, kind: .standard)
    for term in terms { try session.assert(term) }
    switch try session.check(effort: 10_000_000) {
    case .satisfiable: return true
    case .unsatisfiable: return false
    case .unknown: return nil
    }
  }

  @Test("∃∀ implies ∀∃, and not the other way round")
  func quantifierOrder() throws {
    var v = Vocabulary()
    let strong = v.oneForAll()
    let weak = v.eachHasOne()
    #expect(try isSatisfiable([strong, v.store.not(weak)], v.store) == false)
    #expect(try isSatisfiable([weak, v.store.not(strong)], v.store) == true)
  }

  @Test("elements of a sort may be equal, those of a predicate and its complement are not")
  func equality() throws {
    var v = Vocabulary()
    let pages = ["p", "q"].map { v.store.variable($0, v.page) }
    let t = v.store.variable("t", v.table)
    let first = v.store.apply(v.maps, [t, pages[0]])
    let second = v.store.not(v.store.apply(v.maps, [t, pages[1]]))
    let same = v.store.equal(pages[0], pages[1])
    #expect(try isSatisfiable([same], v.store) == true)
    #expect(try isSatisfiable([first, second], v.store) == true)
    #expect(try isSatisfiable([first, second, same], v.store) == false)
  }

  @Test("a scope ends for quantified assertions too")
  func scopes() throws {
    var v = Vocabulary()
    let all = v.store.not(v.eachHasOne())
    let some = v.oneForAll()
    var session = try SMTSession(v.store, kind: .standard)
    try session.assert(some)
    let inside = try session.scoped { session throws(SMTError) in
      try session.assert(all)
      return try session.check(effort: 10_000_000)
    }
    #expect(inside == .unsatisfiable(core: []))
    #expect(try session.check(effort: 10_000_000) == .satisfiable(.empty))
  }
}
