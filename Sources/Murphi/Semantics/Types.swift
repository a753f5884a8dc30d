/// The types of a checked model. Names are resolved; ends of ranges and sizes are numbers.
package indirect enum Type: Hashable, Sendable {
  case boolean
  /// Integers from `lower` to `upper`, both included. Ends lie within ±2^62.
  case range(lower: Int, upper: Int)
  case enumeration(EnumerationType)
  case scalarset(ScalarsetType)
  case record([RecordField])
  case array(index: Type, element: Type)
  /// Only of expressions: an integer whose possible values `Expression.interval` bounds.
  case integer

  /// Whether values are single (boolean, range, enumeration, scalarset, integer).
  package var isSimple: Bool {
    switch self {
    case .boolean, .range, .enumeration, .scalarset, .integer: true
    case .record, .array: false
    }
  }

  /// The defined values of a simple storable type are the raw integers of this interval; nil for other types.
  ///
  /// Booleans are 0 and 1; enumeration members and scalarset values count from 0; integers are themselves. For a type without values
  /// 0 stands where something must: nothing ever holds it.
  package var rawValues: ClosedRange<Int>? {
    switch self {
    case .boolean: 0...1
    case .range(let lower, let upper): lower...upper
    case .enumeration(let type): 0...max(0, type.members.count - 1)
    case .scalarset(let type): 0...(type.size - 1)
    case .record, .array, .integer: nil
    }
  }
}

extension Type {
  /// Whether a simple type has a defined value; `enum {}` has none: a variable of it is undefined for ever, whatever is done to it.
  package var hasValues: Bool {
    switch self {
    case .enumeration(let type): !type.members.isEmpty
    case .boolean, .range, .scalarset, .record, .array, .integer: true
    }
  }
}

/// An enumeration: members in the order written; there may be none.
package struct EnumerationType: Hashable, Sendable {
  /// The first name given to it; nil for an anonymous one.
  package let name: String?
  package let members: [String]

  package init(name: String?, members: [String]) {
    self.name = name
    self.members = members
  }
}

/// A scalarset: opaque, interchangeable values.
package struct ScalarsetType: Hashable, Sendable {
  /// The name of the declaration; anonymous ones are called `scalarset` and their position.
  package let name: String
  package let size: Int
  /// Which declaration this is: two of the same size are two types, though rumur lets them mix.
  package let declaration: Int

  package init(name: String, size: Int, declaration: Int) {
    self.name = name
    self.size = size
    self.declaration = declaration
  }
}

/// A record's field.
package struct RecordField: Hashable, Sendable {
  package let name: String
  package let type: Type

  package init(name: String, type: Type) {
    self.name = name
    self.type = type
  }
}
