import Logic
import MMUEngine
package import Murphi

/// How a model's values become the machine's: scalarset values through `bind`, enumeration members by name, the rest as is.
package struct ReplayBinding: Sendable {
  /// By the scalarset's name.
  private let bindings: [String: ScalarsetBinding]

  package init(_ bindings: [ScalarsetBinding]) {
    self.bindings = Dictionary(bindings.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The machine's counterpart of a value; nil (with the reason) if there is none.
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
    case .record, .array: throw Unbound("a record or array is no argument")
    }
  }

  /// The sum of the bound values of an argument that is given several times; a single one as it is.
  func sum(_ values: [Argument]) throws(Unbound) -> Argument {
    guard values.count > 1 else { return values[0] }
    var total = 0
    for value in values {
      guard case .integer(let number) = value else {
        throw Unbound("\(value) is no number, yet given with others to be summed")
      }
      total += number
    }
    return .integer(total)
  }

  /// Why a value has no counterpart.
  struct Unbound: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }
}
