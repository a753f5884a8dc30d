import Logic
import TestSupport
import Testing

@Suite struct SubstitutionTests {
  @Test func replacementIsSimultaneous() {
    var store = TermStore()
    let x = store.variable("x", .bitVector(width: 8))
    let y = store.variable("y", .bitVector(width: 8))
    var swap = Substitution([x: y, y: x])
    let difference = store.subtract(x, y)
    expectSame(swap.apply(to: difference, in: &store), store.subtract(y, x))
    let less = store.lessUnsigned(x, x)
    #expect(swap.apply(to: less, in: &store) == less)
  }

  @Test func unchangedTermsStayTheSame() {
    var store = TermStore()
    let x = store.variable("x", .boolean)
    let y = store.variable("y", .boolean)
    let z = store.variable("z", .boolean)
    var substitution = Substitution([z: x])
    let pair = store.or(x, y)
    let count = store.count
    #expect(substitution.apply(to: pair, in: &store) == pair)
    #expect(store.count == count)
  }

  @Test func anotherSortStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var store = TermStore()
      let x = store.variable("x", .boolean)
      let y = store.variable("y", .bitVector(width: 1))
      let term = store.not(x)
      var substitution = Substitution([x: y])
      _ = substitution.apply(to: term, in: &store)
    }
  }

  /// Substituting values is evaluating: t[x ↦ v] is the constant that t is worth where x is v.
  @Test(arguments: [11, 12, 13] as [UInt64])
  func substitutingValuesEvaluates(seed: UInt64) {
    var terms = RandomTerms(seed: seed, widths: [1, 5, 64, 128], rewriting: .local)
    let built = (0..<200).map { _ in terms.next() }
    let assignment = terms.assignment()
    var evaluation = Evaluation(terms.store, assignment)
    var replacements: [Term: Term] = [:]
    for variable in terms.variables {
      guard let value = assignment[variable] else { continue }
      replacements[variable] = terms.store.constant(value)
    }
    var substitution = Substitution(replacements)
    for term in built {
      let constant = substitution.apply(to: term, in: &terms.store)
      expectSame(terms.store.constant(constant), evaluation.value(of: term))
    }
  }
}
