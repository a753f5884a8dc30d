package import Logic
package import TransitionSystems

/// A transition system as hardware people want it: registers that all change at every clock tick, free inputs, no guard.
///
/// AIGER and BTOR2 know no guarded rules, no undefined next state and one start. So here a tick *tries* the rule that the
/// inputs name, with the parameters that they name; a rule that cannot be taken leaves everything as it is. What is reachable,
/// and in how many steps, is as in `TransitionSystem`:
///
/// - **Choice.** `ChoiceCode` says how inputs name a rule and its parameters. Every code names one rule or none: no two fire at once.
/// - **Stuttering.** A tick that names no rule, or one that is disabled or dropped, keeps the state. So the step relation is total
///   without any constraint, and a state that nothing leaves can still be seen to be bad.
/// - **Assumptions** are not constraints either: in a state that is not admitted nothing fires and no property is looked at.
///   Readers that know no constraints (berkeley-abc's `pdr` takes them for properties unless told to `fold`) understand that, too.
/// - **Failures.** A run-time error takes a step in which the state stays. It is remembered for one tick in a register of its
///   property, so that it is seen after as many ticks as the run has transitions.
/// - **Start.** A single start state of constants becomes the registers' reset values. Otherwise the first tick chooses the start
///   state, by the same inputs, and a register says whether it has: a constant **offset** of one tick.
/// - **Domains** of the state's codes are established by every start and every update and need not be said; parameters outside their
///   domain name no rule.
///
/// So a property is violated by a run of d transitions iff `bad` can be true at tick d + offset, and not before for the least d.
package struct SynchronousSystem: Sendable {
  /// Something that remembers a value from one tick to the next.
  package struct Register: Hashable, Sendable {
    /// A variable of the store.
    package let term: Term
    package let reset: TermValue
    /// Over registers and inputs.
    package let next: Term
  }

  /// A property, as what must never be true.
  package struct Bad: Hashable, Sendable {
    package let property: PropertyID
    /// Over registers only.
    package let term: Term
    /// The register that remembers a failure of the step before; nil if no step can fail so.
    package let failure: Term?
  }

  /// Every term.
  package let store: TermStore
  /// Variables whose values a tick chooses freely.
  package let inputs: [Term]
  /// The state variables first, in the system's order.
  package let registers: [Register]
  /// In the order asked for.
  package let bads: [Bad]
  /// How many ticks a run takes beyond its transitions: 0 or 1.
  package let offset: Int
  /// What was made synchronous.
  let source: TransitionSystem
  /// How inputs name starts (empty if the offset is 0) and transitions.
  package let startCode: ChoiceCode
  package let code: ChoiceCode
  /// The inputs that they use: the rule's number, then the values by position; nil where there is nothing to choose.
  let digits: [Term?]
  /// Whether the start state has been chosen.
  let running: Term
  /// By transition: the tick takes it.
  let fires: [Term]

  /// Makes a system synchronous; `properties` are those to be looked at. Requires: symbolic ones (no deadlock, no cover).
  package init(_ system: TransitionSystem, deciding properties: [PropertyID]) {
    var builder = SynchronousBuilder(system)
    self = builder.build(deciding: properties)
  }

  init(_ builder: SynchronousBuilder, inputs: [Term], registers: [Register], bads: [Bad], fires: [Term]) {
    store = builder.store
    self.inputs = inputs
    self.registers = registers
    self.bads = bads
    offset = builder.resets == nil ? 1 : 0
    source = builder.system
    startCode = builder.startCode
    code = builder.code
    digits = builder.digits
    running = builder.running
    self.fires = fires
  }

  /// What some bad property depends on, now or later: terms, registers and inputs among them.
  var cone: Set<Term> {
    let next = Dictionary(uniqueKeysWithValues: registers.map { ($0.term, $0.next) })
    var seen: Set<Term> = []
    var pending = bads.map(\.term)
    while let term = pending.popLast() {
      guard seen.insert(term).inserted else { continue }
      pending.append(contentsOf: store.operands(of: term))
      if let next = next[term] { pending.append(next) }
    }
    return seen
  }
}
