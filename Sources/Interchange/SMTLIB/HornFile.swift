import Logic
package import TransitionSystems

/// A synchronous system as constrained Horn clauses: SMT-LIB 2, logic HORN, for Z3's Spacer and its like.
///
/// One predicate, `reachable`, over the registers that some property depends on, and three clauses: the reset values are
/// reachable; so is what a tick makes of a reachable state, whatever the inputs; and from a reachable state that is bad, for any of
/// the properties, false follows. `sat` is a proof of all (what `reachable` stands for is an inductive invariant), `unsat` a violation.
///
/// One clause for all properties: where the condition of one is false from the start ("no run-time error" of a model without any), a
/// clause of its own makes the preprocessing of Z3 4.8.12 (`fp.xform.slice` with `fp.xform.tail_simplifier_pve`) lose what is needed,
/// and it answers `unsat` for what holds.
///
/// *Heuristic*: one clause for all rules. With a clause per rule, Spacer of Z3 4.8.12 takes 4 to 18 times as long on the systems of
/// `Benchmarks/`; registers as bits (its option `fp.xform.bit_blast`) took 8.6 s instead
/// of 3.7 s on page-owners, the one system on which they were tried in this form.
package struct HornFile: Sendable {
  private let synchronous: SynchronousSystem

  package init(_ synchronous: SynchronousSystem) { self.synchronous = synchronous }

  /// The script. `description` goes into comments, a line each.
  package func text(names: [PropertyID: String], description: [String]) -> String {
    let bads = synchronous.bads.map { names[$0.property] ?? $0.property.text }
    let answer = "sat: " + bads.map { "\"\($0)\"" }.joined(separator: ", ") + " hold in every reachable state"
    let lines = description + synchronous.explanation + [answer]
    var store = synchronous.store
    let clauses = clauses(in: &store)
    return lines.map { "; " + Self.line($0) + "\n" }.joined() + SMTLIBPrinter.script(clauses: clauses, in: store)
  }

  private func clauses(in store: inout TermStore) -> [SMTLIBPrinter.Clause] {
    let cone = synchronous.cone
    let registers = synchronous.registers.filter { cone.contains($0.term) }
    let reachable = store.function("reachable", registers.map { store.sort(of: $0.term) }, .boolean)
    let always = store.boolean(true)
    let resets = registers.map { store.constant($0.reset) }
    let reset = store.apply(reachable, resets)
    let here = store.apply(reachable, registers.map(\.term))
    let next = store.apply(reachable, registers.map(\.next))
    let bad = store.or(synchronous.bads.map(\.term))
    return [
      SMTLIBPrinter.Clause("reset", premise: nil, condition: always, conclusion: reset),
      SMTLIBPrinter.Clause("tick", premise: here, condition: always, conclusion: next),
      SMTLIBPrinter.Clause("bad", premise: here, condition: bad, conclusion: nil),
    ]
  }

  /// Words as one line of a comment.
  private static func line(_ words: String) -> String { String(words.map { $0.isNewline ? " " : $0 }) }
}
