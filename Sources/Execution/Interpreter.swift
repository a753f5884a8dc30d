import Diagnostics
import Logic
import Murphi
package import TransitionSystems

/// Runs a program: start states, rules, properties, single expressions. The reference semantics of Murphi, errors included.
///
/// Not `Sendable`: one per task. Working memory holds one state; `load` sets it, a rule changes it in place, and whoever
/// searches reads the successor from `words`. `StepResult` and the functions that take a `State` are the safe door.
package final class Interpreter {
  package let program: Program
  private let machine: Machine
  private let memory: UnsafeMutablePointer<UInt64>
  private let stateWords: Int
  /// The copies of each kind, numbered as the program's families number them.
  package let startstates: CopyTable
  package let rules: CopyTable
  package let properties: CopyTable
  package let assumptions: CopyTable
  package let covers: CopyTable
  /// How often each cover was hit, and which implications had a true left side, since the interpreter was made.
  package var coverCounts: [Int] { (0..<program.model.covers.count).map { machine.covers[$0] } }
  package var triggered: [Bool] { program.implications.indices.map { machine.implications[$0] } }

  package init(_ program: Program, stopping: Stopping = .never) {
    self.program = program
    machine = Machine(code: program.code, stateWords: program.stateWords, stopping: stopping)
    memory = machine.memory
    stateWords = program.stateWords
    startstates = CopyTable(program.startstates)
    rules = CopyTable(program.rules)
    properties = CopyTable(program.properties)
    assumptions = CopyTable(program.assumptions)
    covers = CopyTable(program.covers)
  }

  // The fast door: pointers and copies' numbers.

  /// The working state. After a rule or start state succeeded: the successor; after a failure: as far as the body came.
  package var words: UnsafeMutablePointer<UInt64> { memory }

  /// Sets the working state.
  @inline(__always)
  package func load(_ state: UnsafePointer<UInt64>) {
    memory.update(from: state, count: stateWords)
  }

  /// Runs a copy of a rule on the working state: guard, then body. After `.negative` the state is unchanged unless
  /// `Program.functionsMayWrite`.
  package func runRule(_ copy: Int) -> Outcome { rules.run(copy, on: machine) }

  /// Evaluates a copy of a property, assumption or cover on the working state, which it may spoil if
  /// `Program.functionsMayWrite`.
  package func run(_ copy: Int, of table: CopyTable) -> Outcome { table.run(copy, on: machine) }

  /// Runs a copy of a start state on the all-undefined state.
  package func runStartstate(_ copy: Int) -> Outcome {
    memory.update(repeating: 0, count: stateWords)
    return startstates.run(copy, on: machine)
  }

  /// Evaluates a property's copies on the working state, in order, until one does not hold or fails. Of a cover every copy is
  /// evaluated, hit or not: it is negative nowhere.
  package func check(_ family: Family) -> Outcome {
    let saved = program.functionsMayWrite ? state : nil
    let table = table(of: family.kind)
    defer { if let saved { load(saved) } }
    for ordinal in 0..<family.count {
      if let saved { load(saved) }
      switch table.run(family.first + ordinal, on: machine) {
      case .success, .dropped: continue
      case .negative where family.kind == .cover: continue
      case .negative: return .negative
      case .failure: return .failure
      case .stopped: return .stopped
      }
    }
    return .success
  }

  /// The copies of a kind.
  private func table(of kind: Family.Kind) -> CopyTable {
    switch kind {
    case .startstate: startstates
    case .rule: rules
    case .property: properties
    case .assumption: assumptions
    case .cover: covers
    }
  }

  /// Counts a hit of a top-level cover.
  package func countCover(_ position: Int) { machine.covers[position] += 1 }

  /// What went wrong in the last run that failed.
  package var failure: RunTimeFailure { machine.failure(of: program.code, file: program.model.file) }

  /// Which property the last run that failed violates. Cheap.
  package var failedProperty: PropertyID {
    program.code.sites[machine.failed[0]]?.property ?? .runTimeErrors
  }

  /// The working state as a value.
  package var state: State { State(words: (0..<program.stateWords).map { machine.memory[$0] }) }
}

/// What came of firing a copy of a rule or start state.
package enum StepResult: Hashable, Sendable {
  case successor(State)
  /// The guard is false.
  case disabled
  /// An `assume` statement was false.
  case dropped
  /// A run-time error, with the state as far as the body came.
  case failed(RunTimeFailure, partial: State)
  /// The task was cancelled before it was known.
  case stopped
}

/// What came of a property.
package enum PropertyResult: Hashable, Sendable {
  case holds
  case violated
  case failed(RunTimeFailure)
  /// The task was cancelled before it was known.
  case stopped
}

extension Interpreter {
  /// Fires a copy of a rule.
  package func fire(_ copy: Int, on state: State) -> StepResult {
    load(state)
    machine.renewPatience()
    return result(of: runRule(copy))
  }

  /// Runs a copy of a start state.
  package func start(_ copy: Int) -> StepResult {
    machine.renewPatience()
    return result(of: runStartstate(copy))
  }

  /// Whether all copies of a property hold.
  package func check(_ family: Family, on state: State) -> PropertyResult {
    load(state)
    machine.renewPatience()
    switch check(family) {
    case .success, .dropped: return .holds
    case .negative: return .violated
    case .failure: return .failed(failure)
    case .stopped: return .stopped
    }
  }

  /// Whether a state satisfies every assumption.
  package func checkAssumptions(on state: State) -> PropertyResult {
    for family in program.assumptions {
      let result = check(family, on: state)
      if result != .holds { return result }
    }
    return .holds
  }

  /// Sets the working state.
  package func load(_ state: State) {
    precondition(state.words.count == program.stateWords, "a state of another program")
    for (position, word) in state.words.enumerated() { machine.memory[position] = word }
  }

  /// What a run left behind.
  private func result(of outcome: Outcome) -> StepResult {
    switch outcome {
    case .success: .successor(state)
    case .negative: .disabled
    case .dropped: .dropped
    case .failure: .failed(failure, partial: state)
    case .stopped: .stopped
    }
  }
}

extension Machine {
  /// What went wrong in the last run that failed.
  func failure(of code: Code, file: SourceFile) -> RunTimeFailure {
    guard let site = code.sites[failed[0]] else { preconditionFailure("an instruction that can fail has a site") }
    return site.failure(value: site.register.map { registers[failed[1] + $0] }, file: file)
  }
}
