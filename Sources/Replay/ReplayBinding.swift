import Logic
import MMUEngine
import Murphi

/// How a model's values become the machine's: scalarset values through `bind`, enumeration members by name, the rest as they are.
struct ReplayBinding: Sendable {
  /// By the scalarset's name.
  private let bindings: [String: ScalarsetBinding]

  init(_ bindings: [ScalarsetBinding]) {
    self.bindings = Dictionary(bindings.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The machine's counterpart of a value. Throws: there is none, and why.
  func argument(for value: Value) throws(Unbound) -> Argument {
    switch value {
    case .boolean(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .member(let name): return .symbol(name)
    case .scalar(let type, let index):
      guard let binding = bindings[type] else {
        throw Unbound("no `bind \(type)` says which engine objects its values are")
      }
      return .integer(binding.base + index * binding.step)
    case .undefined: throw Unbound("the value is undefined in the model")
    case .record, .array: throw Unbound("a record or array has no counterpart")
    }
  }

  /// What kind of engine object a scalarset's value is bound to; nil for other values.
  func object(of value: Value) -> String? {
    guard case .scalar(let type, _) = value else { return nil }
    return bindings[type]?.object
  }

  /// Why a value has no counterpart.
  struct Unbound: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }
}
