import Checking
import Execution
import ExplicitState
import Interchange
import Logic
import Murphi
import Report
import SMT
import TransitionSystems

/// Why lemmas that prove something at the scope's sizes do not at larger ones: which of them is lost, by which rule, from which state,
/// and whether that state can be reached. So a reader sees whether the lemma speaks of numbers, or another one is missing.
struct LostProof: Sendable {
  private let instance: Instance
  private let effort: UInt32

  /// `effort` bounds each question in Z3's rlimit units; 0 means no limit.
  init(_ instance: Instance, effort: UInt32) {
    self.instance = instance
    self.effort = effort
  }

  /// How many states are visited in search of the state.
  private static let limit = 20_000

  /// By property, in lines, each to be read by itself: what happens with one element more of each scalarset whose size is a constant.
  func explanations(of properties: [PropertyID], from lemmas: [Certification.Lemma]) async throws -> [[String]] {
    let nothing = properties.map { _ in [String]() }
    let sizes = largerSizes
    if sizes.isEmpty { return nothing }
    let names = Set(sizes.map(\.name))
    let settings = instance.settings.filter { !names.contains($0.name) } + sizes
    let interrupter = Interrupter()
    let certification = Certification(
      instance.loaded.file, constants: settings, effort: effort, interrupter: interrupter)
    let found = try await withTaskCancellationHandler {
      try certification.counterexamplesToInduction(lemmas, of: properties)
    } onCancel: {
      interrupter.interrupt(because: .cancelled)
    }
    if Task.isCancelled { return nothing }
    let model = try instance.loaded.tree.check(constants: settings).model
    let place = "at " + sizes.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    var known: [InductionCounterexample: [String]] = [:]
    return try found.map { example in
      guard let example else { return ["\(place): no counterexample to its lemmas was found"] }
      if let lines = known[example] { return lines }
      let lines = ["\(place): \(example.obligation) does not follow"] + (try Self.explain(example, model))
      known[example] = lines
      return lines
    }
  }

  private static func explain(_ example: InductionCounterexample, _ model: TypedModel) throws -> [String] {
    let lemma = example.lemma.map { ["\($0.name): \($0.text)"] } ?? []
    guard let state = example.state else { return lemma }
    let parts = zip(model.variables, state).flatMap { NamedValue($0.name, $1).parts }
      .filter { $0.value != .undefined && $0.value != .boolean(false) }
    let words = parts.map { "\($0.name) = \($0.value)" }.joined(separator: ", ")
    let shown = words.isEmpty ? "everything is false or undefined" : words
    return lemma + ["in the state \(shown)", try reach(state, model)]
  }

  /// The sizes of scalarsets that are constants, each one more.
  private var largerSizes: [ConstantSetting] {
    let open = ScalarsetSizes(of: instance.loaded.tree).constants
    return instance.constants.compactMap { constant in
      guard open.contains(constant.name), let size = Int(constant.text) else { return nil }
      return ConstantSetting(name: constant.name, value: "\(size + 1)")
    }
  }

  /// Whether the state can be reached, in words.
  private static func reach(_ state: [Value], _ model: TypedModel) throws -> String {
    var search = StateGraphSearch(try Program(model: model), limit: limit)
    do throws(StateGraphSearch.Refusal) { try search.run() } catch {
      if search.graph.nodes.contains(where: { $0.values == state }) { return "that state is reachable" }
      switch error {
      case .tooManyStates(let states): return "that state is not among the first \(states.grouped) reachable ones"
      case .interrupted: return "whether that state is reachable is open: interrupted"
      }
    }
    let states = search.graph.nodes
    return states.contains { $0.values == state }
      ? "that state is reachable" : "that state is not reachable: it is none of \(states.count.grouped)"
  }
}
