package import Execution
package import Murphi
package import TransitionSystems

/// How much a simulation runs.
package struct SimulationOptions: Sendable {
  /// How many runs, each from a start state of its own choice.
  package var runs: Int
  /// At most so many steps a run.
  package var steps: Int
  /// Where random choices begin.
  package var seed: UInt64
  /// States and bytes that may be kept.
  package var budget: Budget
  package var deadlock: DeadlockMode
  /// Stop at a violation of this property only; nil: of any.
  package var only: PropertyID?

  package init(
    runs: Int, steps: Int, seed: UInt64, budget: Budget = Budget(), deadlock: DeadlockMode, only: PropertyID? = nil
  ) {
    self.runs = runs
    self.steps = steps
    self.seed = seed
    self.budget = budget
    self.deadlock = deadlock
    self.only = only
  }
}

/// What a simulation met.
package struct SimulationReport: Sendable {
  /// Runs begun, the one that a violation or limit ended included.
  package var runs = 0
  /// Different states visited, in all runs together.
  package var states = 0
  /// Steps taken; by rule, by position in the model.
  package var rulesFired = 0
  package var fired: [Int]
  package let ruleNames: [String]
  /// Steps of the longest run.
  package var longestRun = 0
  /// Runs that ended in a deadlock.
  package var deadlocks = 0
  /// The violation that ended the simulation; without one the first deadlock.
  package var violation: Violation?
  /// Why it ended before its last run; nil if a violation was found or all is done.
  package var limit: LimitReason?
}

/// Random runs: what can be looked at of a model that nobody can search to the end.
///
/// A run begins in a start state and takes steps until it is long enough or nothing leaves its state. Among the rule copies that
/// change the state one is chosen with equal chances; a firing that changes nothing gets nobody further and is not taken. A run's
/// states are checked as a search checks them; the first violated property, and the first firing or evaluation that fails, ends
/// the simulation. Nothing follows from its finding none. Where one property is asked about, the others are not looked at: a firing that
/// fails for another one leads nowhere, as in a search.
///
/// - *Canonical*: copies are tried in an order drawn anew for every step; those that fail count where they are met.
/// - The trace is the run without its detours: where it came back to a state, what lay between is left out. It need not be shortest.
/// - Deadlock is judged as in a search: by every copy of every rule.
package struct RandomSimulation {
  private let program: Program
  private let interpreter: Interpreter
  private let options: SimulationOptions
  private let visited: StateSet
  /// The copies that the constants do not switch off; the order of the last step.
  private var copies: [Int]
  private var starts: [Int]
  private var generator: SeededGenerator
  private var report: SimulationReport
  private var path: Path

  package init(_ program: Program, options: SimulationOptions) {
    self.program = program
    self.options = options
    interpreter = Interpreter(program, stopping: .whenCancelled)
    visited = StateSet(stateWords: program.stateWords)
    copies = program.activeCopies
    starts = Array(0..<program.startstateCopies)
    generator = SeededGenerator(seed: options.seed)
    let names = program.rules.map { program.model.rules[$0.position].displayName(.rule) }
    report = SimulationReport(fired: names.map { _ in 0 }, ruleNames: names)
    path = Path()
  }

  /// The states of a run, each once.
  private struct Path {
    var steps: [(firing: Firing, state: State)] = []
    var numbers: [State: Int] = [:]

    /// Goes on to a state; where it was before, back to it.
    mutating func append(_ firing: Firing, _ state: State) {
      if let known = numbers[state] {
        for step in steps[(known + 1)...] { numbers[step.state] = nil }
        steps.removeSubrange((known + 1)...)
      } else {
        numbers[state] = steps.count
        steps.append((firing, state))
      }
    }
  }

  /// Runs until a violation, a limit, or the last run's end.
  package mutating func run() -> SimulationReport {
    while report.runs < options.runs, !isOver { runOnce() }
    report.states = visited.count
    report.rulesFired = report.fired.reduce(0, +)
    return report
  }

  /// Whether a violation or limit was met: a deadlock ends its run only.
  private var isOver: Bool {
    report.limit != nil || report.violation.map { $0.property != .deadlock } ?? false
  }

  /// One run.
  private mutating func runOnce() {
    report.runs += 1
    path = Path()
    if Task.isCancelled {
      report.limit = .interrupted
      return
    }
    guard var state = begin() else { return }
    var length = 0
    while length < options.steps, !isOver {
      if Task.isCancelled {
        report.limit = .interrupted
        return
      }
      guard let next = step(from: state) else { break }
      state = next
      length += 1
      report.longestRun = max(report.longestRun, length)
    }
  }

  /// The first state: of the start states that every assumption admits one by chance. Nil if there is none, or it is over.
  private mutating func begin() -> State? {
    starts.shuffle(using: &generator)
    for copy in starts {
      let firing = program.firing(startstate: copy)
      switch interpreter.start(copy) {
      case .disabled, .dropped: continue
      case .stopped:
        report.limit = .interrupted
        return nil
      case .failed(let failure, let partial):
        if violate(failure.property, firing, partial, failure) { return nil }
      case .successor(let state):
        if let admitted = enter(state, firing) { return admitted }
        if isOver { return nil }
      }
    }
    return nil
  }

  /// The next state; nil at a deadlock, or where it is over.
  private mutating func step(from state: State) -> State? {
    copies.shuffle(using: &generator)
    var isStuck = true
    for copy in copies {
      switch interpreter.fire(copy, on: state) {
      case .disabled, .dropped: continue
      case .stopped:
        report.limit = .interrupted
        return nil
      case .failed(let failure, let partial):
        if violate(failure.property, program.firing(rule: copy), partial, failure) { return nil }
      case .successor(let next):
        if next != state || options.deadlock == .stuck { isStuck = false }
        if next == state { continue }
        let firing = program.firing(rule: copy)
        if let admitted = enter(next, firing) {
          report.fired[firing.index] += 1
          return admitted
        }
        if isOver { return nil }
      }
    }
    if isStuck, options.deadlock != .off { meetDeadlock() }
    return nil
  }

  /// Goes on to a state that every assumption admits, and checks it. Nil if it is not admitted.
  private mutating func enter(_ state: State, _ firing: Firing) -> State? {
    switch interpreter.checkAssumptions(on: state) {
    case .violated: return nil
    case .stopped:
      report.limit = .interrupted
      return nil
    case .failed(let failure):
      if !violate(failure.property, firing, state, failure) { return nil }
    case .holds:
      path.append(firing, state)
      if remember(state) { checkProperties(of: state) }
    }
    return state
  }

  /// Keeps a state. Returns: whether it is new, and so to be checked.
  private mutating func remember(_ state: State) -> Bool {
    state.words.withUnsafeBufferPointer { words in
      guard let first = words.baseAddress else { return false }
      let hash = visited.hash(first)
      if visited.contains(first, hash: hash) { return false }
      if visited.count >= min(options.budget.states, StateSet.capacity) {
        report.limit = .states(visited.count)
      } else if visited.bytesForOneMore > options.budget.bytes {
        report.limit = .memory
      } else {
        _ = visited.insert(first, hash: hash, parent: 0)
        return true
      }
      return false
    }
  }

  /// Checks the invariants and evaluates the covers in a new state, which is the end of the path.
  private mutating func checkProperties(of state: State) {
    for family in program.properties {
      switch interpreter.check(family, on: state) {
      case .holds: continue
      case .violated: if violate(.invariant(family.position), nil) { return }
      // What cannot be evaluated does not hold either; that counts where it alone is asked about.
      case .failed(let failure):
        if violate(failure.property, failure) || violate(.invariant(family.position), failure) { return }
      case .stopped:
        report.limit = .interrupted
        return
      }
    }
    for family in program.covers {
      switch interpreter.check(family, on: state) {
      case .holds, .violated: continue
      case .failed(let failure): if violate(failure.property, failure) { return }
      case .stopped:
        report.limit = .interrupted
        return
      }
    }
  }

  /// A step that fails, or leads to a state whose assumptions cannot be evaluated. Returns: whether that was asked about.
  private mutating func violate(
    _ property: PropertyID, _ firing: Firing, _ state: State, _ failure: RunTimeFailure
  ) -> Bool {
    guard isAskedAbout(property) else { return false }
    path.steps.append((firing, state))
    return violate(property, failure)
  }

  /// The path ends in a violation. Returns: whether that was asked about.
  private mutating func violate(_ property: PropertyID, _ failure: RunTimeFailure?) -> Bool {
    guard isAskedAbout(property) else { return false }
    report.violation = Violation(property: property, trace: trace(failure))
    return true
  }

  private func isAskedAbout(_ property: PropertyID) -> Bool { options.only.map { $0 == property } ?? true }

  private mutating func meetDeadlock() {
    report.deadlocks += 1
    if report.violation == nil, isAskedAbout(.deadlock) {
      report.violation = Violation(property: .deadlock, trace: trace(nil))
    }
  }

  /// The path as named values.
  private func trace(_ failure: RunTimeFailure?) -> Trace {
    let steps = path.steps.map { TraceStep(firing: $0.firing, values: program.values(of: $0.state)) }
    return Trace(variables: program.model.variables.map(\.name), steps: steps, failure: failure)
  }
}
