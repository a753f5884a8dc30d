import Logic
import SMT
import TestSupport
import Testing

/// The evaluator and Z3 mean the same by every operator.
@Suite struct EvaluatorAgreementTests {
  /// For random terms t and assignments a, Z3 must refute "the variables are as in a, and t is not worth what we say".
  @Test(arguments: [21, 22, 23, 24] as [UInt64], [TermStore.Rewriting.off, .local])
  func randomTerms(seed: UInt64, rewriting: TermStore.Rewriting) throws {
    var terms = RandomTerms(seed: seed, widths: [1, 3, 8, 33], rewriting: rewriting)
    let built = (0..<60).map { _ in terms.next() }
    let assignments = (0..<3).map { _ in terms.assignment() }
    let variables = terms.variables
    var session = try SMTSession(terms.store)
    for assignment in assignments {
      var evaluation = Evaluation(session.store, assignment)
      let values = built.map { evaluation.value(of: $0) }
      let facts = variables.map { variable in
        guard let value = assignment[variable] else { return session.store.boolean(true) }
        return session.store.equal(variable, session.store.constant(value))
      }
      for (term, value) in zip(built, values) {
        let differs = session.store.notEqual(term, session.store.constant(value))
        let answer = try session.scoped { session throws(SMTError) in
          for fact in facts { try session.assert(fact) }
          try session.assert(differs)
          return try session.check()
        }
        #expect(answer == .unsatisfiable(core: []), "seed \(seed), term \(term.index)")
      }
    }
  }

  /// Division and remainder at both signs and zero, by a query with everything open but the operands.
  @Test(arguments: [-8, -7, -1, 0, 1, 3, 7], [-8, -3, -1, 0, 1, 2, 7])
  func division(dividend: Int, divisor: Int) throws {
    var session = try SMTSession(TermStore(rewriting: .off))
    let x = session.store.integer(dividend, width: 4)
    let y = session.store.integer(divisor, width: 4)
    for operation in [Operator.divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned] {
      let term = session.store.build(operation, [x, y])
      guard case .satisfiable(let model) = try session.check(reading: [term]) else {
        Issue.record("\(operation) has no value")
        continue
      }
      #expect(model.value(of: term) == session.store.value(of: term))
    }
  }
}
