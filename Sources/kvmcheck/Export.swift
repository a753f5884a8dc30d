import Elaboration
import Execution
import ExplicitState
import Interchange
import Murphi
import TransitionSystems

/// An instance in other tools' formats.
struct Export: Sendable {
  private let instance: Instance
  private let questions: [Question]
  /// The name of `--only`, where given.
  private let only: String?

  /// Throws: `UnknownName` for a property that the model does not have.
  init(_ instance: Instance, only: String?) throws {
    self.instance = instance
    self.only = only
    let all = Question.all(of: instance.model)
    questions = all.filter { only == nil || $0.name == only }
    if let only, questions.isEmpty { throw UnknownName(kind: "property", name: only, known: all.map(\.name)) }
  }

  /// The properties that terms can say. Throws: `UsageError` if the one of `--only` is none.
  private func symbolic() throws -> [Question] {
    let symbolic = questions.filter(\.isSymbolic)
    guard !symbolic.isEmpty else {
      throw UsageError("deadlock and covers are for explicit search, this format cannot say them: \(only ?? "")")
    }
    return symbolic
  }

  private var names: [PropertyID: String] {
    Dictionary(questions.map { ($0.property, $0.name) }, uniquingKeysWith: { first, _ in first })
  }

  /// What a property is called; nil if it is not exported.
  func name(of property: PropertyID) -> String? { names[property] }

  /// Which model, which instance of it.
  private var description: [String] {
    let constants = instance.constants.map { " \($0.name)=\($0.text)" }.joined()
    return [
      "\(instance.loaded.location.name), sha256 \(instance.loaded.sha256)",
      "scope \(instance.scope)" + (instance.variant.map { ", variant \($0.name)" } ?? "")
        + (constants.isEmpty ? "" : ", constants" + constants),
    ]
  }

  /// The instance as terms.
  private func system(_ rulesets: RulesetForm = .smaller) throws -> TransitionSystem {
    var options = ElaborationOptions()
    options.rulesets = rulesets
    do {
      return try Elaborator(instance.model, options: options).elaborate().system
    } catch {
      throw NotElaborated(path: instance.loaded.location.path, error: error)
    }
  }

  // Circuits.

  /// The instance as gates, with what its rulesets are written as: copies, or rules with symbolic parameters, whichever takes
  /// fewer gates. *Heuristic*: copies keep a latch's function local, which pdr rewards (1 to 3 times faster on the toy); but where
  /// they are many and alike, and gates with them, symbolic parameters win (vm-types: a quarter of the gates, half the time).
  func aigerFile() throws -> (file: AIGERFile, system: TransitionSystem) {
    let properties = try symbolic().map(\.property)
    let symbolic = try system(.symbolic)
    let file = AIGERFile(SynchronousSystem(symbolic, deciding: properties))
    let expanded: TransitionSystem
    do { expanded = try system(.expanded) } catch let error as NotElaborated where error.isTooLarge {
      return (file, symbolic)
    }
    let other = AIGERFile(SynchronousSystem(expanded, deciding: properties))
    return other.gateCount <= file.gateCount ? (other, expanded) : (file, symbolic)
  }

  func aiger(_ form: AIGERFile.Form) throws -> [UInt8] {
    try aigerFile().file.encoded(form, names: names, description: description)
  }

  /// The system of `aigerFile` as clauses.
  func horn() throws -> String {
    try HornFile(aigerFile().file.synchronous).text(names: names, description: description)
  }

  /// The instance as words.
  func btor2File() throws -> (file: BTOR2File, system: TransitionSystem) {
    let system = try system()
    return (BTOR2File(SynchronousSystem(system, deciding: try symbolic().map(\.property))), system)
  }

  func btor2() throws -> String { try btor2File().file.text(names: names, description: description) }

  // SMT-LIB.

  private func smtlib() throws -> SMTLIBFile {
    SMTLIBFile(try system(), deciding: try symbolic().map { ($0.property, $0.name) })
  }

  func unrolling(depth: Int) throws -> String { try smtlib().unrolling(depth: depth, description: description) }

  func induction(k: Int) throws -> String { try smtlib().induction(k: k, description: description) }

  // Murphi and pictures.

  /// The instance as a file of its own. Throws: `UsageError` where `--only` names something that is not at top level.
  func murphi() throws -> String {
    var property: Int?
    if let only {
      guard case .invariant(let position)? = questions.first?.property else {
        throw UsageError("Murphi keeps one invariant or assertion at top level, not \"\(only)\"")
      }
      property = position
    }
    let copy = ModelInstance(
      constants: instance.settings, variant: instance.variant, deadlock: instance.deadlock, property: property)
    return description.map { "-- \($0)\n" }.joined() + instance.loaded.tree.text(of: copy)
  }

  func dot(states: Int) throws -> String {
    var search = StateGraphSearch(try Program(model: instance.model), limit: states)
    let graph = try search.run()
    return DotFile.text(graph, name: instance.loaded.location.name, properties: names)
  }
}

/// A model that has no finite terms within the limits.
struct NotElaborated: Error, CustomStringConvertible {
  let path: String
  let error: ElaborationError

  var description: String { "\(path):\(error.location): \(error.message)" }

  /// Whether a limit was reached that another way of writing may not reach.
  var isTooLarge: Bool {
    switch error.reason {
    case .enumeration, .size: true
    case .unbounded, .cancelled, .asymmetric: false
    }
  }

  /// Whether more could be spent; else nobody knows a bound.
  var isLimit: Bool { isTooLarge || error.reason == .cancelled }
}
