import Execution
import Logic
import MMUEngine
import Murphi
import TransitionSystems

/// Turns a fired rule into the machine's operations, and a state into the observables that the model predicts.
struct ActionDecoder: Sendable {
  private let model: TypedModel
  private let program: Program
  private let binding: ReplayBinding
  /// The table, by name.
  private let operations: [String: Operation]
  private let observables: [String: Observable]

  init(program: Program) {
    model = program.model
    self.program = program
    binding = ReplayBinding(model.directives.bindings)
    operations = Dictionary(Machine.operations.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    observables = Dictionary(Machine.observables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// An operation to perform, and the statuses that the model calls success.
  struct Request {
    let name: String
    let arguments: [PerformedArgument]
    let expected: [String]

    /// Whether a status is one of those.
    func expects(_ status: String) -> Bool { expected.isEmpty ? status == "SUCCESS" : expected.contains(status) }

    /// The statuses that the model calls success, in words.
    var expectation: String { expected.isEmpty ? "SUCCESS" : expected.joined(separator: " or ") }
  }

  /// What the model predicts of one observable.
  struct Prediction {
    let name: String
    /// `name[gfn=0x201]`, for messages.
    let label: String
    let indices: [String: Argument]
    let value: Argument
  }

  /// Why a trace cannot be put to the machine.
  struct NoCounterpart: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  /// Whether the model says anything at all about the machine.
  var isBound: Bool {
    !model.directives.observables.isEmpty
      || model.rules.contains { rule in
        !rule.operations.isEmpty || rule.name.map { operations[$0] != nil } ?? false
      }
  }

  /// The operations that lead to the start state.
  func setup(in start: State) throws(NoCounterpart) -> [Request] {
    var requests: [Request] = []
    for use in model.directives.setup {
      requests.append(
        try request(use) { (expression) throws(EnumerationLimit) in try program.evaluate(expression, on: start) })
    }
    return requests
  }

  /// The operations of the rule copy that fires in `state`; empty for an internal rule.
  func requests(for copy: Int, in state: State) throws(NoCounterpart) -> [Request] {
    let rule = model.rules[program.family(ofRule: copy).position]
    if rule.operations.isEmpty { return try implicit(rule, parameters: program.firing(rule: copy).parameters) }
    var requests: [Request] = []
    for use in rule.operations {
      requests.append(
        try request(use) { (expression) throws(EnumerationLimit) in
          try program.evaluate(expression, forRule: copy, on: state)
        })
    }
    return requests
  }

  /// A rule that is named after an operation: its parameters are the arguments.
  private func implicit(_ rule: Rule, parameters: [NamedValue]) throws(NoCounterpart) -> [Request] {
    guard let name = rule.name, operations[name] != nil else { return [] }
    var arguments: [PerformedArgument] = []
    for parameter in parameters {
      let value = try bound(parameter.value, of: "rule \"\(name)\", parameter \(parameter.name)")
      arguments.append(PerformedArgument(name: parameter.name, value: value))
    }
    return [Request(name: name, arguments: arguments, expected: [])]
  }

  private func request(
    _ use: OperationUse, evaluate: (Expression) throws(EnumerationLimit) -> Execution.Evaluation
  ) throws(NoCounterpart) -> Request {
    guard let operation = operations[use.name] else {
      throw NoCounterpart("the engine has no operation \(use.name); `kvmcheck engine` lists them")
    }
    for status in use.statuses where !operation.statuses.contains(status) {
      throw NoCounterpart("operation \(use.name) never returns \(status)")
    }
    var arguments: [PerformedArgument] = []
    for argument in use.arguments {
      let subject = "operation \(use.name), argument \(argument.name)"
      let value = try bound(
        try Self.value(subject) { () throws(EnumerationLimit) in try evaluate(argument.expression) }, of: subject)
      if let index = arguments.firstIndex(where: { $0.name == argument.name }) {
        arguments[index] = PerformedArgument(
          name: argument.name, value: try Self.sum(arguments[index].value, value, of: subject))
      } else {
        arguments.append(PerformedArgument(name: argument.name, value: value))
      }
    }
    return Request(name: use.name, arguments: arguments, expected: use.statuses)
  }

  /// Everything that the model predicts of the machine in a state.
  func predictions(in state: State) throws(NoCounterpart) -> [Prediction] {
    var predictions: [Prediction] = []
    for use in model.directives.observables {
      guard let observable = observables[use.name] else {
        throw NoCounterpart("the engine has no observable \(use.name); `kvmcheck engine` lists them")
      }
      let observed: [ObservedValue]
      do { observed = try program.evaluate(use, on: state) } catch {
        throw NoCounterpart("observable \(use.name): \(error)")
      }
      for element in observed { predictions.append(try prediction(use, observable, element)) }
    }
    return predictions
  }

  private func prediction(
    _ use: ObservableUse, _ observable: Observable, _ element: ObservedValue
  ) throws(NoCounterpart) -> Prediction {
    var indices: [String: Argument] = [:]
    for named in element.named {
      let subject = "observable \(use.name), index \(named.name)"
      let value = try bound(named.value, of: subject)
      let name = binding.object(of: named.value) ?? named.name
      indices[name] =
        try indices[name].map { (sum) throws(NoCounterpart) in try Self.sum(sum, value, of: subject) } ?? value
    }
    for parameter in observable.indices where indices[parameter.name] == nil {
      throw NoCounterpart("observable \(use.name) is indexed by \(parameter.name); the directive gives no such index")
    }
    let label = observable.indices.map { "\($0.name)=\(indices[$0.name]?.description ?? "")" }.joined(separator: " ")
    let value = try Self.value("observable \(use.name)") { () throws(EnumerationLimit) in element.value }
    return Prediction(
      name: use.name, label: label.isEmpty ? use.name : "\(use.name)[\(label)]", indices: indices,
      value: try bound(value, of: "observable \(use.name)"))
  }

  private func bound(_ value: Value, of subject: String) throws(NoCounterpart) -> Argument {
    do { return try binding.argument(for: value) } catch { throw NoCounterpart("\(subject): \(error.reason)") }
  }

  private static func value(
    _ subject: String, _ evaluate: () throws(EnumerationLimit) -> Execution.Evaluation
  ) throws(NoCounterpart) -> Value {
    let evaluation: Execution.Evaluation
    do { evaluation = try evaluate() } catch { throw NoCounterpart("\(subject): \(error)") }
    switch evaluation {
    case .value(let value): return value
    case .failed(let failure): throw NoCounterpart("\(subject): \(failure.message)")
    }
  }

  /// The sum of two bound values of one argument or index.
  private static func sum(_ first: Argument, _ second: Argument, of subject: String) throws(NoCounterpart) -> Argument {
    guard case .integer(let left) = first, case .integer(let right) = second else {
      throw NoCounterpart("\(subject): \(first) and \(second) cannot be summed")
    }
    return .integer(left + right)
  }
}
