import Diagnostics
import Logic
import Murphi
import TransitionSystems

/// Runs guards, bodies and properties on terms instead of values (King, "Symbolic execution and program testing", 1976, with
/// states joined after every branch instead of one run per path).
///
/// - A state is `path` and `memory`. A branch runs on a copy whose path is narrowed; afterwards the two are joined by
///   `ifThenElse` on the branch's condition. *Required*: whatever changes memory happens on the branch's copy only.
/// - A failure does not narrow the path: it is recorded as an `Ending` with the condition under which it happens, and the run
///   goes on as if it had not. The first ending in the order of recording is the one that counts, because recording order is
///   evaluation order on every path, and different paths exclude each other. After a failure any value may be wrong; nobody looks.
/// - A failure or a `return` that always happens makes the path false; nothing more is executed on it. That is what ends the
///   unrolling of `while` and of recursion: their conditions become constant, or they are refused.
/// - A place's indices become candidates, one per possible value, so that an element is selected and stored by guarded `ifThenElse`;
///   no term ever stands for an element that does not exist.
///
/// Known limits: conditions on the path are not used to simplify terms below it; passes whose end only a solver would see are refused.
struct SymbolicExecutor {
  let model: TypedModel
  let layout: Layout
  let limits: ElaborationLimits
  var store: TermStore
  var state: SymbolicState
  var frames: [Frame] = []
  var endings: [Ending] = []
  /// What the passes of the loops over open scalarsets that are being executed read and write, outermost first.
  var effects: [LoopEffects] = []
  /// Expressions and statements that may still be executed.
  private var remainingSteps: Int

  init(model: TypedModel, layout: Layout = .concrete, store: TermStore, limits: ElaborationLimits) {
    self.model = model
    self.layout = layout
    self.limits = limits
    self.store = store
    remainingSteps = limits.steps
    let start = self.store.boolean(true)
    state = SymbolicState(path: start, memory: [])
  }

  /// Begins a rule, startstate or property on a memory of state variables.
  mutating func begin(_ memory: [Scalar], locals: [Local]) {
    let always = store.boolean(true)
    state = SymbolicState(path: always, memory: memory)
    endings = []
    frames = []
    effects = []
    enter(locals, context: always, returning: nil)
  }

  /// Whether no run gets here.
  var isDead: Bool { store.truth(state.path) == false }

  /// The innermost active call.
  var frame: Frame {
    get { frames[frames.count - 1] }
    set { frames[frames.count - 1] = newValue }
  }

  /// Counts a step. Throws: when the limit is passed.
  mutating func step(at range: SourceRange) throws(ElaborationError) {
    remainingSteps -= 1
    if remainingSteps & 255 == 0, Task.isCancelled { throw refusal(.cancelled, at: range) }
    if remainingSteps < 0 || store.count > limits.terms {
      throw refusal(.size(limit: remainingSteps < 0 ? limits.steps : limits.terms), at: range)
    }
  }

  /// An error that points at a construct.
  func refusal(_ reason: ElaborationError.Reason, at range: SourceRange) -> ElaborationError {
    ElaborationError(reason: reason, range: range, location: location(range))
  }

  /// `line:column` of a range's start.
  func location(_ range: SourceRange) -> String {
    let position = model.file.position(of: range.start)
    return "\(position.line):\(position.column)"
  }

  /// Records that runs that get here fail where the condition holds.
  mutating func fail(
    where condition: Term, _ message: String, at range: SourceRange, property: PropertyID = .runTimeErrors
  ) {
    end(
      where: condition, RunTimeFailure(property: property, message: message, location: location(range)))
  }

  /// Records that runs that get here end where the condition holds.
  mutating func end(where condition: Term, _ report: RunTimeFailure?) {
    let full = store.and(store.and(frame.context, state.path), condition)
    if store.truth(full) != false { endings.append(Ending(report: report, condition: full)) }
    if store.truth(condition) == true { state.path = store.boolean(false) }
  }

  /// The state after a branch: `then` where the condition holds, else `other`. `path` is the one before the branch.
  mutating func join(
    _ condition: Term, _ then: SymbolicState, _ other: SymbolicState, before path: Term
  ) -> SymbolicState {
    if store.truth(then.path) == false { return other }
    if store.truth(other.path) == false { return then }
    let refuted = store.not(condition)
    let isWhole = then.path == store.and(path, condition) && other.path == store.and(path, refuted)
    var joined = then
    joined.path = isWhole ? path : store.or(then.path, other.path)
    if then.memory == other.memory { return joined }
    for position in joined.memory.indices where then.memory[position] != other.memory[position] {
      joined.memory[position] = store.choose(condition, then.memory[position], other.memory[position])
    }
    return joined
  }

  /// Narrows the path to the runs where the condition holds.
  mutating func narrow(to condition: Term) {
    state.path = store.and(state.path, condition)
  }

  /// Opens a call: its locals get leaves behind those in use, all undefined.
  mutating func enter(_ locals: [Local], context: Term, returning type: Type?) {
    var bindings: [Frame.Binding] = []
    for local in locals {
      switch local.kind {
      case .reference: bindings.append(.unbound)
      case .variable, .value, .parameter:
        bindings.append(.slots(state.memory.count))
        for leaf in layout.leaves(of: local.type) { state.memory.append(store.undefined(leaf.type, in: layout)) }
      }
    }
    frames.append(Frame(locals: locals, bindings: bindings, context: context, returnType: type))
  }

  /// Joins the ways out of the innermost call and closes it.
  ///
  /// Returns: the state and the value's leaves; nil if no run comes out. The state's path is relative to the call.
  mutating func leave() -> Frame.Exit? {
    let exits = frames.removeLast().exits
    guard let last = exits.last else { return nil }
    var state = last.state
    var value = last.value
    for exit in exits.dropLast().reversed() {
      let condition = exit.state.path
      for position in state.memory.indices where exit.state.memory[position] != state.memory[position] {
        state.memory[position] = store.choose(condition, exit.state.memory[position], state.memory[position])
      }
      value = zip(exit.value, value).map { store.choose(condition, $0, $1) }
      state.path = store.or(condition, state.path)
    }
    return Frame.Exit(state: state, value: value)
  }

  /// Puts leaves into a local that has some of its own.
  mutating func set(_ local: Int, to leaves: [Scalar]) {
    guard case .slots(let base) = frame.bindings[local] else {
      preconditionFailure("a local that stands for a place is given a value")
    }
    for (offset, leaf) in leaves.enumerated() { state.memory[base + offset] = leaf }
  }

  /// A defined scalar.
  mutating func defined(_ payload: Payload) -> Scalar {
    Scalar(defined: store.boolean(true), payload: payload)
  }
}
