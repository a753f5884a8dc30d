package import Execution
import Glibc
import Murphi
import TransitionSystems

/// Exhaustive breadth-first search over packed states, in the order of work of rumur's single-threaded verifier.
///
/// For each start state, then for each state in the order found, for each rule copy in file order: guard and body; count
/// the firing; note progress; drop the successor if an assumption is false; look it up; if new, check the invariants, store
/// it, count covers. After all copies: deadlock. Invariants are functions of the state, so checking them only on new states
/// finds the same as rumur's check of every successor.
///
/// - *Required*: levels are complete before the next begins, so the first run found to a violation is a shortest one.
/// - *Canonical*: among the shortest, that of the first parent in order of discovery and its first copy.
/// - Unless it stops at the first violation, the search goes on through violating states: every property is decided for
///   itself. A firing that fails has no successor; a state on which a property's evaluation fails is stored, and violates it.
/// - A cancelled task ends the search, also inside a firing or an evaluation that takes long: what came of the batch is dropped.
/// - With `SearchOptions.symmetry` every state is replaced by its orbit's canonical form before it is looked up; all counts are then
///   of orbits, and rules fired are counted in the canonical states. Traces are real runs: along the orbits, state by state.
/// - Parents are stored (4 bytes a state), rules are not: a trace re-fires the parent's copies until one gives the state.
package final class BreadthFirstSearch {
  let program: Program
  let interpreter: Interpreter
  let options: SearchOptions
  private let symmetry: Symmetry?
  let set: StateSet
  let buffer: SuccessorBuffer
  /// The copies that the constants do not switch off, in file order.
  private let active: UnsafeMutablePointer<ActiveCopy>
  /// Those of them that one test may disable together.
  private let groups: UnsafeMutablePointer<RuleGroup>
  private let groupCount: Int
  /// Whether a false guard may have changed the working state.
  private let reloads: Bool
  /// By rule, by position in the model.
  let fired: UnsafeMutablePointer<Int>
  /// The number of the first state of each level; the last entry is the end of the last complete level.
  var levels: [Int] = [0]
  var witnesses: [Witness] = []
  /// Failures of the batch, for those properties that were not yet violated when it was generated.
  var failures: [RunTimeFailure?] = []
  /// Properties that must still be decided before the search may stop early; nil if it may not.
  var undecided: Set<PropertyID>?
  var limit: LimitReason?
  var isStopped = false

  /// A copy of a rule.
  struct ActiveCopy {
    let rule: Int32
    let copy: Int32
  }

  /// A violation and how to get there.
  struct Witness {
    /// The last step's origin.
    enum Origin {
      case startstate(copy: Int)
      case rule(copy: Int, parent: Int)
      /// No further step: a stored state.
      case stored(Int)
    }
    let property: PropertyID
    let origin: Origin
    /// The last state, unless it is stored.
    let state: State?
    let failure: RunTimeFailure?
    /// The last state and how it fails; nil if it is stored.
    var end: (state: State, failure: RunTimeFailure?)? { state.map { ($0, failure) } }
  }

  /// States whose successors are computed before any is looked up.
  private static let batch = 16

  package init(_ program: Program, options: SearchOptions) {
    self.program = program
    self.options = options
    symmetry = options.symmetry.isEmpty ? nil : Symmetry(program, scalarsets: options.symmetry)
    interpreter = Interpreter(program, stopping: .whenCancelled)
    set = StateSet(stateWords: program.stateWords)
    buffer = SuccessorBuffer(stateWords: program.stateWords)
    reloads = program.functionsMayWrite
    let rules = interpreter.rules
    let copies = program.activeCopies.map { copy in
      let rule = rules.position(ofCopy: copy)
      return ActiveCopy(rule: Int32(truncatingIfNeeded: rule), copy: Int32(truncatingIfNeeded: copy))
    }
    active = .allocate(capacity: max(1, copies.count))
    active.initialize(from: copies, count: copies.count)
    let tests = program.ruleGroups
    groupCount = tests.count
    groups = .allocate(capacity: max(1, groupCount))
    groups.initialize(from: tests, count: groupCount)
    fired = .allocate(capacity: program.rules.count)
    fired.initialize(repeating: 0, count: program.rules.count)
    if case .whenDecided(let properties) = options.stop { undecided = Set(properties) }
  }

  deinit {
    fired.deallocate()
    active.deallocate()
    groups.deallocate()
  }

  /// What a state is stored as.
  func representative(of state: State) -> State { symmetry?.canonical(state) ?? state }

  /// Firings of all rules, those to old states included.
  var rulesFired: Int { program.rules.indices.reduce(0) { $0 + fired[$1] } }

  /// Searches until all is visited, decided, or a limit is reached.
  package func run() -> SearchReport {
    startAll()
    levels.append(set.count)
    while !isStopped && levels[levels.count - 2] < levels[levels.count - 1] {
      expandLevel()
      if !isStopped { levels.append(set.count) }
    }
    return makeReport()
  }

  /// Runs the start states.
  private func startAll() {
    for copy in 0..<program.startstateCopies where !isStopped {
      let origin = Witness.Origin.startstate(copy: copy)
      switch interpreter.runStartstate(copy) {
      case .success:
        symmetry?.canonicalize(interpreter.words)
        interpreter.state.words.withUnsafeBufferPointer { words in
          if let first = words.baseAddress { visit(first, origin, parent: 0, hash: nil) }
        }
      case .failure: recordFailure(origin, state: interpreter.state)
      case .negative, .dropped: break
      case .stopped: stop(.interrupted)
      }
    }
  }

  /// Expands the states of the last level.
  private func expandLevel() {
    var next = levels[levels.count - 2]
    let end = levels[levels.count - 1]
    while next < end && !isStopped {
      if Task.isCancelled { return stop(.interrupted) }
      let last = min(next + Self.batch, end)
      buffer.removeAll()
      failures.removeAll(keepingCapacity: true)
      for number in next..<last where !isStopped { generate(number) }
      absorb()
      next = last
    }
  }

  /// Computes a state's successors.
  private func generate(_ number: Int) {
    let state = UnsafePointer(set.state(number))
    let parent = UInt32(truncatingIfNeeded: number)
    var progress = Progress.none
    interpreter.load(state)
    for number in 0..<groupCount where !groups[number].isDisabled(in: state) {
      if isStopped { return }
      for position in groups[number].first..<groups[number].end { fire(active[position], state, parent, &progress) }
    }
    let progressed =
      switch options.deadlock {
      case .stuttering: progress == .changed
      case .stuck: progress != .none
      case .off: true
      }
    buffer.append(
      .init(kind: progressed ? .progressed : .stuck, rule: 0, copy: 0, parent: parent, hash: 0), state)
  }

  /// What the rules of a state could do so far.
  private enum Progress: Comparable {
    case none
    case fired
    case changed
  }

  /// Fires a copy in the loaded state, and loads it again if the firing may have changed it.
  @inline(__always)
  private func fire(
    _ candidate: ActiveCopy, _ state: UnsafePointer<UInt64>, _ parent: UInt32, _ progress: inout Progress
  ) {
    switch interpreter.runRule(Int(candidate.copy)) {
    case .negative:
      if !reloads { return }
    case .success:
      let words = UnsafePointer(interpreter.words)
      let same = memcmp(words, state, set.stateWords &* 8) == 0
      if !same, let symmetry { symmetry.canonicalize(interpreter.words) }
      let hash = same ? 0 : set.hash(words)
      if !same { set.prefetch(hash) }
      progress = same ? max(progress, .fired) : .changed
      let kind: SuccessorBuffer.Kind = same ? .stutter : .successor
      buffer.append(.init(kind: kind, rule: candidate.rule, copy: candidate.copy, parent: parent, hash: hash), words)
    case .failure:
      noteFailure(candidate, parent: parent)
    case .dropped:
      break
    case .stopped:
      stop(.interrupted)
    }
    interpreter.load(state)
  }
}
