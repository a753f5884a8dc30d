package import Logic
package import TransitionSystems

/// A synchronous system word by word in BTOR2 (Niemetz, Preiner, Wolf, Biere, "BTOR2, BtorMC and Boolector 3.0", CAV 2018).
///
/// - A state per register, with its reset value as `init`; an input per input; a `bad` per property; no `constraint`.
/// - Boolean terms are bit-vectors of width 1. Every operator of `Operator` has one of BTOR2's with the same meaning.
/// - States and inputs that no bad property depends on are left out.
/// - Symbols may hold no blanks there: a blank in a property's name is written `_`. Comments say what the numbers of choices mean.
///
/// Lines are numbered in the order of writing; the same system gives the same bytes.
package struct BTOR2File: Sendable {
  /// What is written.
  package let synchronous: SynchronousSystem
  /// In the order of the file: what a witness counts.
  package let inputs: [Term]
  package let states: [SynchronousSystem.Register]

  package init(_ synchronous: SynchronousSystem) {
    self.synchronous = synchronous
    let needed = synchronous.cone
    inputs = synchronous.inputs.filter(needed.contains)
    states = synchronous.registers.filter { needed.contains($0.term) }
  }

  /// The file's text. `description` goes into comments, a line each.
  package func text(names: [PropertyID: String], description: [String]) -> String {
    var writer = BTOR2Writer(store: synchronous.store)
    for line in description + synchronous.explanation { writer.comment(line) }
    for state in states { writer.prepare(reset: state.reset) }
    for input in inputs { writer.declare(input, "input") }
    for state in states {
      writer.declare(state.term, "state")
      writer.initialise(state)
    }
    for state in states { writer.update(state) }
    for bad in synchronous.bads { writer.bad(bad, named: names[bad.property] ?? bad.property.text) }
    return writer.text
  }
}
