package import Logic

/// Random first-order formulas over two uninterpreted sorts, with predicates, a function between the sorts, and nested quantifiers;
/// and random finite structures to evaluate them in.
package struct RandomFormulas {
  /// Where the formulas are built.
  package var store: TermStore
  /// One free variable of each sort.
  package let elements: [Term]
  private let predicates: [FunctionSymbol]
  private let owner: FunctionSymbol
  private var generator: SeededGenerator

  package init(seed: UInt64, rewriting: TermStore.Rewriting) {
    store = TermStore(rewriting: rewriting)
    generator = SeededGenerator(seed: seed)
    let sorts = [Sort.uninterpreted(0), .uninterpreted(1)]
    var free: [Term] = []
    for sort in sorts { free.append(store.variable("free \(sort)", sort)) }
    elements = free
    predicates = [
      store.function("p", [sorts[0]], .boolean), store.function("q", [sorts[1]], .boolean),
      store.function("r", sorts, .boolean), store.function("s", [], .boolean),
    ]
    owner = store.function("owner", [sorts[0]], sorts[1])
  }

  /// A formula of at most this depth.
  package mutating func formula(depth: Int) -> Term { formula(depth: depth, scope: elements) }

  /// A formula of at most this depth under four quantifiers: the bound names of several levels are at stake at once.
  package mutating func prenex(depth: Int) -> Term {
    var variables: [Term] = []
    var universal: [Bool] = []
    for _ in 0..<4 {
      variables.append(store.fresh(.uninterpreted(Int.random(in: 0..<5, using: &generator) / 4)))
      universal.append(Int.random(in: 0..<4, using: &generator) == 0)
    }
    var term = formula(depth: depth, scope: elements + variables)
    for (variable, isUniversal) in zip(variables, universal) {
      term = isUniversal ? store.forall(variable, term) : store.exists(variable, term)
    }
    return term
  }

  /// A formula over the elements in scope. The same draws are made whatever the store rewrites.
  private mutating func formula(depth: Int, scope: [Term]) -> Term {
    switch depth == 0 ? Int.random(in: 0...1, using: &generator) : Int.random(in: 0...7, using: &generator) {
    case 0: return atom(scope)
    case 1: return equation(scope)
    case 2: return store.not(formula(depth: depth - 1, scope: scope))
    case 3: return store.and(formula(depth: depth - 1, scope: scope), formula(depth: depth - 1, scope: scope))
    case 4: return store.or(formula(depth: depth - 1, scope: scope), formula(depth: depth - 1, scope: scope))
    case 5:
      let condition = formula(depth: depth - 1, scope: scope)
      let consequence = formula(depth: depth - 1, scope: scope)
      return store.ifThenElse(condition, consequence, formula(depth: depth - 1, scope: scope))
    default:
      let variable = store.fresh(.uninterpreted(Int.random(in: 0...1, using: &generator)))
      let isUniversal = Bool.random(using: &generator)
      let body = formula(depth: depth - 1, scope: scope + [variable])
      return isUniversal ? store.forall(variable, body) : store.exists(variable, body)
    }
  }

  private mutating func atom(_ scope: [Term]) -> Term {
    let predicate = predicates[Int.random(in: 0..<predicates.count, using: &generator)]
    let arguments = store.signature(of: predicate).arguments.map { pick($0, scope) }
    return store.apply(predicate, arguments)
  }

  /// Two elements of one sort are equal; `owner` and `none` among them.
  private mutating func equation(_ scope: [Term]) -> Term {
    let sort = Int.random(in: 0...1, using: &generator)
    let left = pick(.uninterpreted(sort), scope)
    switch Int.random(in: 0...2, using: &generator) {
    case 0 where sort == 1:
      let argument = pick(.uninterpreted(0), scope)
      return store.equal(left, store.apply(owner, [argument]))
    case 1: return store.equal(left, store.none(of: sort))
    default: return store.equal(left, pick(.uninterpreted(sort), scope))
    }
  }

  private mutating func pick(_ sort: Sort, _ scope: [Term]) -> Term {
    let candidates = scope.filter { store.sort(of: $0) == sort }
    return candidates[Int.random(in: 0..<candidates.count, using: &generator)]
  }

  /// A structure with one to three elements per sort; `owner` may be undefined.
  package mutating func structure() -> Structure {
    let sizes = (0...1).map { _ in Int.random(in: 1...3, using: &generator) }
    var table: [[Int?]: TermValue] = [:]
    for first in 0..<sizes[0] {
      table[[0, first]] = .boolean(Bool.random(using: &generator))
      let owned = Int.random(in: -1..<sizes[1], using: &generator)
      table[[4, first]] = .element(owned < 0 ? nil : owned, sort: 1)
      for second in 0..<sizes[1] {
        table[[1, second]] = .boolean(Bool.random(using: &generator))
        table[[2, first, second]] = .boolean(Bool.random(using: &generator))
      }
    }
    table[[3]] = .boolean(Bool.random(using: &generator))
    let known = table
    return Structure(sizes: sizes) { function, arguments in
      guard let value = known[[Int(function.index)] + arguments] else { preconditionFailure("no such element") }
      return value
    }
  }

  /// Elements for the free variables.
  package mutating func assignment(in structure: Structure) -> [Term: TermValue] {
    var result: [Term: TermValue] = [:]
    for (sort, element) in elements.enumerated() {
      result[element] = .element(Int.random(in: 0..<structure.sizes[sort], using: &generator), sort: sort)
    }
    return result
  }
}
