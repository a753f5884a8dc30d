/// A concrete value as people read it: never packed, never numbered.
///
/// Shared as plain data by everything that runs, decides, replays or prints a model; each packs for itself.
package indirect enum Value: Hashable, Sendable {
  /// The extra value of every simple type: nothing was assigned yet.
  case undefined
  case boolean(Bool)
  case integer(Int)
  /// A member of an enumeration, by its name.
  case member(String)
  /// A value of a scalarset: the type's name and an index from 0.
  case scalar(type: String, index: Int)
  /// The fields in the order of the declaration.
  case record([NamedValue])
  /// The elements in ascending order of the index.
  case array([IndexedValue])
}

/// A record's field, a rule's parameter or a model's variable, with its value.
package struct NamedValue: Hashable, Sendable {
  package let name: String
  package let value: Value

  package init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }
}

/// An array's element.
package struct IndexedValue: Hashable, Sendable {
  package let index: Value
  package let value: Value

  package init(_ index: Value, _ value: Value) {
    self.index = index
    self.value = value
  }
}

extension Value: CustomStringConvertible {
  /// The text of a simple value as a trace shows it; records and arrays are bracketed.
  package var description: String {
    switch self {
    case .undefined: "undefined"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .member(let name): name
    case .scalar(let type, let index): "\(type)_\(index)"
    case .record(let fields): "{" + fields.map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "}"
    case .array(let elements): "[" + elements.map { "\($0.index): \($0.value)" }.joined(separator: ", ") + "]"
    }
  }
}
