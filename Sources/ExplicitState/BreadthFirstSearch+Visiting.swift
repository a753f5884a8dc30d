import Execution
import Murphi
import TransitionSystems

/// What happens to successors, in rumur's order.
extension BreadthFirstSearch {
  /// Looks up and stores the successors of a batch.
  func absorb() {
    for position in 0..<buffer.count {
      if isStopped { return }
      let event = buffer[position]
      let state = UnsafePointer(buffer.state(position))
      switch event.kind {
      case .successor:
        fired[Int(event.rule)] &+= 1
        if set.contains(state, hash: event.hash) { continue }
        let parent = Int(event.parent)
        visit(state, .rule(copy: Int(event.copy), parent: parent), parent: parent, hash: event.hash)
      case .stutter:
        fired[Int(event.rule)] &+= 1
      case .failure:
        guard let failure = failures[Int(event.hash)] else { continue }
        let origin = Witness.Origin.rule(copy: Int(event.copy), parent: Int(event.parent))
        record(failure.property, origin, state: copy(state), failure: failure)
      case .progressed:
        break
      case .stuck:
        record(.deadlock, .stored(Int(event.parent)), state: nil, failure: nil)
      }
    }
  }

  /// A firing failed: remembers why, if that is news.
  func noteFailure(_ candidate: ActiveCopy, parent: UInt32) {
    let isNews = !isViolated(interpreter.failedProperty)
    let event = SuccessorBuffer.Event(
      kind: .failure, rule: candidate.rule, copy: candidate.copy, parent: parent, hash: UInt64(failures.count))
    failures.append(isNews ? interpreter.failure : nil)
    buffer.append(event, UnsafePointer(interpreter.words))
  }

  /// A state that may be new: assumptions, invariants, storing, covers. The words must outlive the call.
  func visit(_ state: UnsafePointer<UInt64>, _ origin: Witness.Origin, parent: Int, hash: UInt64?) {
    let hash = hash ?? set.hash(state)
    if set.contains(state, hash: hash) { return }
    interpreter.load(state)
    guard satisfiesAssumptions(state, origin) else { return }
    checkInvariants(state, origin)
    if isStopped { return }
    guard hasRoom() else { return }
    _ = set.insert(state, hash: hash, parent: parent)
    if interpreter.covers.count > 0 { countCovers(state, origin) }
  }

  /// Whether every assumption holds in a state.
  private func satisfiesAssumptions(_ state: UnsafePointer<UInt64>, _ origin: Witness.Origin) -> Bool {
    let table = interpreter.assumptions
    for number in 0..<table.count {
      if program.functionsMayWrite { interpreter.load(state) }
      switch interpreter.run(number, of: table) {
      case .success, .dropped: continue
      case .negative: return false
      case .failure:
        let failure = interpreter.failure
        record(failure.property, origin, state: copy(state), failure: failure)
        return false
      case .stopped:
        stop(.interrupted)
        return false
      }
    }
    return true
  }

  /// Checks the copies of every invariant in a new state, in order; of each invariant only until one copy does not hold or
  /// fails, as `Interpreter.check` does.
  private func checkInvariants(_ state: UnsafePointer<UInt64>, _ origin: Witness.Origin) {
    let (table, reloads) = (interpreter.properties, program.functionsMayWrite)
    var decided = -1
    for number in 0..<table.count where table.position(ofCopy: number) != decided {
      if reloads { interpreter.load(state) }
      switch interpreter.run(number, of: table) {
      case .success, .dropped:
        continue
      case .negative:
        decided = table.position(ofCopy: number)
        record(.invariant(decided), origin, state: copy(state), failure: nil)
      case .failure:
        decided = table.position(ofCopy: number)
        recordEvaluation(of: .invariant(decided), failing: interpreter.failedProperty, origin, state)
      case .stopped:
        stop(.interrupted)
      }
      if isStopped { return }
    }
  }

  /// The evaluation of an invariant failed in a state: that violates the failure's property, and the invariant does not hold
  /// where it has no value.
  private func recordEvaluation(
    of invariant: PropertyID, failing property: PropertyID, _ origin: Witness.Origin,
    _ state: UnsafePointer<UInt64>
  ) {
    guard !isViolated(property) || !isViolated(invariant) else { return }
    let failure = interpreter.failure
    record(property, origin, state: copy(state), failure: failure)
    if isStopped { return }
    record(invariant, origin, state: copy(state), failure: failure)
  }

  /// Counts the hits of top-level covers in a new state. One whose evaluation fails is a run-time error, as rumur has it.
  private func countCovers(_ state: UnsafePointer<UInt64>, _ origin: Witness.Origin) {
    let table = interpreter.covers
    for number in 0..<table.count {
      interpreter.load(state)
      let outcome = interpreter.run(number, of: table)
      switch outcome {
      case .negative, .dropped: continue
      case .stopped: return stop(.interrupted)
      case .failure:
        let property = interpreter.failedProperty
        if !isViolated(property) { record(property, origin, state: copy(state), failure: interpreter.failure) }
        if isStopped { return }
      case .success:
        let position = table.position(ofCopy: number)
        interpreter.countCover(position)
        decide(.cover(position))
      }
    }
  }

  /// Whether the budget allows one more state.
  private func hasRoom() -> Bool {
    if set.count >= min(options.budget.states, StateSet.capacity) {
      stop(.states(min(options.budget.states, StateSet.capacity)))
    } else if set.bytesForOneMore > options.budget.bytes {
      stop(.memory)
    }
    return !isStopped
  }

  /// Ends the search at a limit.
  func stop(_ reason: LimitReason) {
    limit = reason
    isStopped = true
  }

  /// Whether a property is known to be violated.
  func isViolated(_ property: PropertyID) -> Bool { witnesses.contains { $0.property == property } }

  /// A start state failed.
  func recordFailure(_ origin: Witness.Origin, state: State) {
    let failure = interpreter.failure
    record(failure.property, origin, state: state, failure: failure)
  }

  /// Notes the first violation of a property, and stops if that is what was asked for.
  func record(_ property: PropertyID, _ origin: Witness.Origin, state: State?, failure: RunTimeFailure?) {
    guard !isViolated(property) else { return }
    witnesses.append(Witness(property: property, origin: origin, state: state, failure: failure))
    if options.stop == .atFirstViolation { isStopped = true }
    decide(property)
  }

  /// A property is decided; the search stops when it was the last one asked for.
  private func decide(_ property: PropertyID) {
    guard undecided?.remove(property) != nil else { return }
    if undecided?.isEmpty ?? false { isStopped = true }
  }

  /// A state of its own.
  private func copy(_ words: UnsafePointer<UInt64>) -> State {
    State(words: Array(UnsafeBufferPointer(start: words, count: set.stateWords)))
  }
}
