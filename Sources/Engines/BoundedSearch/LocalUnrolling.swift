import Logic
import TransitionSystems

/// An unrolling from the start that follows only some of the state variables: the *revealed* ones.
///
/// A variable that is not revealed may have any value in any state but the first; a transition that writes no revealed variable
/// is not there, and a step in which none of the others fires changes nothing. So every run of the system is one here, though with
/// steps that do nothing, and of the runs here some are none. Revealing only ever adds constraints.
///
/// Once all variables are revealed a step that changes nothing is forbidden: a shortest run has none, rules without an effect
/// included.
///
/// - A transition fires at a step by a Boolean of its own, at most one at a step: by a chain of "one of those before fires", which
///   transitions that come later lengthen.
/// - What becomes of a variable is one implication per transition that writes it, and a frame condition. One `ifThenElse` over all
///   of them would hide from unit propagation that a value forces a choice.
struct LocalUnrolling {
  private let system: TransitionSystem
  /// The copies of states and parameters, and the start.
  var copies: Unrolling
  /// By variable: the transitions that write it, and what becomes of it.
  private let writers: [[Writer]]
  /// By variable.
  private(set) var isRevealed: [Bool]
  /// In the order in which they were revealed.
  private(set) var revealed: [Int] = []
  /// The transitions that write a revealed variable, in the order in which they came.
  private(set) var transitions: [Int] = []
  private var isPresent: [Bool]
  /// How many steps there are.
  private(set) var length = 0
  /// By step: what is true if one of the transitions fires.
  private var fired: [Term] = []

  /// What a transition makes of a variable.
  private struct Writer {
    let transition: Int
    let value: Term
  }

  init(_ system: TransitionSystem) {
    self.system = system
    copies = Unrolling(system, encoding: .selector)
    var writers = [[Writer]](repeating: [], count: system.variables.count)
    for (position, transition) in system.transitions.enumerated() {
      for update in transition.updates {
        writers[update.variable].append(Writer(transition: position, value: update.value))
      }
    }
    self.writers = writers
    isRevealed = [Bool](repeating: false, count: system.variables.count)
    isPresent = [Bool](repeating: false, count: system.transitions.count)
  }

  /// That a transition fires at a step.
  func fires(_ transition: Int, at step: Int, in store: inout TermStore) -> Term {
    store.variable("!fires \(transition)@\(step)", .boolean)
  }

  /// Whether every variable is revealed.
  var followsAll: Bool { revealed.count == isRevealed.count }

  /// What becomes of a variable by the transitions that write it.
  func values(of variable: Int) -> [Term] { writers[variable].map(\.value) }

  /// Makes the path one step longer. Returns: what is true of the step.
  mutating func lengthen(in store: inout TermStore) -> [Term] {
    let step = length
    length += 1
    fired.append(store.boolean(false))
    var constraints: [Term] = []
    for transition in transitions { constraints += firing(transition, at: step, in: &store) }
    for variable in revealed { constraints.append(change(of: variable, at: step, in: &store)) }
    if followsAll { constraints.append(oneFires(at: step, in: &store)) }
    return constraints
  }

  /// Follows some more variables. Returns: what is true of the steps that are there.
  mutating func reveal(_ variables: [Int], in store: inout TermStore) -> [Term] {
    var constraints: [Term] = []
    let followedAll = followsAll
    for variable in variables where !isRevealed[variable] {
      isRevealed[variable] = true
      revealed.append(variable)
      for writer in writers[variable] where !isPresent[writer.transition] {
        isPresent[writer.transition] = true
        transitions.append(writer.transition)
        for step in 0..<length { constraints += firing(writer.transition, at: step, in: &store) }
      }
      for step in 0..<length { constraints.append(change(of: variable, at: step, in: &store)) }
    }
    if followsAll, !followedAll {
      for step in 0..<length { constraints.append(oneFires(at: step, in: &store)) }
    }
    return constraints
  }

  /// One of the transitions that are there fires.
  private func oneFires(at step: Int, in store: inout TermStore) -> Term {
    let choices = transitions.map { fires($0, at: step, in: &store) }
    return store.or(choices)
  }

  /// fires(t) → enabled(t), and not with one of those before.
  private mutating func firing(_ transition: Int, at step: Int, in store: inout TermStore) -> [Term] {
    let fires = fires(transition, at: step, in: &store)
    let enabled = copies.stamp(system.transitions[transition].isEnabled(in: &store), at: step, in: &store)
    let before = fired[step]
    let both = store.and(before, fires)
    let either = store.or(before, fires)
    let now = store.variable("!fired \(transition)@\(step)", .boolean)
    fired[step] = now
    return [store.implies(fires, enabled), store.not(both), store.implies(either, now)]
  }

  /// A transition that writes the variable and fires gives it its value; if none fires it keeps its own.
  private mutating func change(of variable: Int, at step: Int, in store: inout TermStore) -> Term {
    let before = copies.state(step, in: &store)[variable]
    let after = copies.state(step + 1, in: &store)[variable]
    var parts: [Term] = []
    var reasons = [store.equal(after, before)]
    for writer in writers[variable] {
      let fires = fires(writer.transition, at: step, in: &store)
      let value = copies.stamp(writer.value, at: step, in: &store)
      parts.append(store.implies(fires, store.equal(after, value)))
      reasons.append(fires)
    }
    parts.append(store.or(reasons))
    return store.and(parts)
  }
}
