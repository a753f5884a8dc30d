package import Execution
import Murphi
package import TransitionSystems

/// Visits every reachable state of a small model and keeps every step: for drawings, not for deciding.
///
/// The order and the counts are `BreadthFirstSearch`'s; the states are plain values, and nothing is packed or hurried.
package struct StateGraphSearch {
  /// Why there is no graph.
  package enum Refusal: Error, Hashable, Sendable {
    /// There are more states than this.
    case tooManyStates(Int)
    case interrupted
  }

  private let program: Program
  private let interpreter: Interpreter
  private let deadlock: DeadlockMode
  private let limit: Int
  /// What was visited so far: everything once `run` has returned.
  package private(set) var graph: StateGraph
  private var states: [State] = []
  private var numbers: [State: Int] = [:]

  /// At most `limit` states.
  package init(_ program: Program, limit: Int) {
    self.program = program
    self.limit = limit
    interpreter = Interpreter(program, stopping: .whenCancelled)
    deadlock = program.model.directives.deadlock
    graph = StateGraph(variables: program.model.variables.map(\.name))
  }

  /// The graph of everything that is reachable. Throws: it is too large, or the task was cancelled.
  @discardableResult
  package mutating func run() throws(Refusal) -> StateGraph {
    for copy in 0..<program.startstateCopies {
      _ = try follow(interpreter.start(copy), of: program.firing(startstate: copy), from: nil)
    }
    var next = 0
    while next < states.count {
      if Task.isCancelled { throw .interrupted }
      try expand(next)
      next += 1
    }
    return graph
  }

  /// Fires every rule from a state.
  private mutating func expand(_ number: Int) throws(Refusal) {
    var isStuck = true
    for copy in 0..<program.ruleCopies {
      let result = interpreter.fire(copy, on: states[number])
      let moved = try follow(result, of: program.firing(rule: copy), from: number)
      if let moved, deadlock == .stuck || moved != states[number] { isStuck = false }
    }
    if isStuck, deadlock != .off { graph.nodes[number].violated.append(.deadlock) }
  }

  /// Adds what came of a firing. Returns: the state that it leads to, admitted or not.
  private mutating func follow(
    _ result: StepResult, of firing: Firing, from source: Int?
  ) throws(Refusal) -> State? {
    switch result {
    case .disabled, .dropped: return nil
    case .stopped: throw .interrupted
    case .failed(let failure, _):
      graph.edges.append(StateGraph.Edge(source: source, firing: firing, target: .failure(failure)))
      return nil
    case .successor(let state):
      switch interpreter.checkAssumptions(on: state) {
      case .violated: break
      case .stopped: throw .interrupted
      case .failed(let failure):
        graph.edges.append(StateGraph.Edge(source: source, firing: firing, target: .failure(failure)))
      case .holds:
        let number = try visit(state)
        graph.edges.append(StateGraph.Edge(source: source, firing: firing, target: .node(number)))
      }
      return state
    }
  }

  /// The number of a state, new or not.
  private mutating func visit(_ state: State) throws(Refusal) -> Int {
    if let known = numbers[state] { return known }
    guard states.count < limit else { throw .tooManyStates(limit) }
    var violated: [PropertyID] = []
    for (position, family) in program.properties.enumerated() {
      switch interpreter.check(family, on: state) {
      case .holds: continue
      case .violated: violated.append(.invariant(position))
      case .stopped: throw .interrupted
      case .failed(let failure): violated += [.invariant(position), failure.property]
      }
    }
    for family in program.covers {
      switch interpreter.check(family, on: state) {
      case .holds, .violated: continue
      case .stopped: throw .interrupted
      case .failed(let failure): violated.append(failure.property)
      }
    }
    numbers[state] = states.count
    states.append(state)
    graph.nodes.append(StateGraph.Node(values: program.values(of: state), violated: violated))
    return states.count - 1
  }
}
