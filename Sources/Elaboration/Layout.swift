import Logic
import Murphi

/// Where the simple parts of a type lie when records and arrays are written out one part after the other.
///
/// A part is called a *leaf*. Fields lie in their order, elements in ascending order of the index. The elements of an array over
/// a scalarset whose size is left open are not written out: their leaf is a function of the element, so a leaf
/// has as many arguments as there are such arrays around it.
struct Layout: Hashable, Sendable {
  /// The scalarsets whose size is left open: the number of each one's uninterpreted sort, by declaration.
  let openSorts: [Int: Int]

  /// Every scalarset has its size.
  static let concrete = Layout(openSorts: [:])

  /// A simple part of a type.
  struct Shape: Hashable, Sendable {
    /// A simple type.
    let type: Type
    /// The sorts of the arguments, outermost array first.
    var arguments: [Int] = []
  }

  /// The number of the uninterpreted sort that stands for the type; nil for a type whose values are known.
  func openSort(of type: Type) -> Int? {
    switch type {
    case .scalarset(let scalarset): openSorts[scalarset.declaration]
    case .boolean, .range, .enumeration, .integer, .record, .array: nil
    }
  }

  /// The number of leaves.
  func size(of type: Type) -> Int {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer: 1
    case .record(let fields): fields.reduce(0) { $0 + size(of: $1.type) }
    case .array(let index, let element): count(of: index) * size(of: element)
    }
  }

  /// The number of leaves if it is at most `limit`, else nil.
  func size(of type: Type, upTo limit: Int) -> Int? {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer: return limit >= 1 ? 1 : nil
    case .record(let fields):
      var sum = 0
      for field in fields {
        guard let size = size(of: field.type, upTo: limit - sum) else { return nil }
        sum += size
      }
      return sum
    case .array(let index, let element):
      let count = count(of: index)
      guard count <= limit, let size = size(of: element, upTo: limit / count) else { return nil }
      return count * size
    }
  }

  /// The leaves, in order.
  func leaves(of type: Type) -> [Shape] {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer: return [Shape(type: type)]
    case .record(let fields): return fields.flatMap { leaves(of: $0.type) }
    case .array(let index, let element):
      let one = leaves(of: element)
      if let sort = openSort(of: index) {
        return one.map { Shape(type: $0.type, arguments: [sort] + $0.arguments) }
      }
      return (0..<count(of: index)).flatMap { _ in one }
    }
  }

  /// The names of the leaves as a designator would write them: `[page_1].owner`, `` for a simple type. An argument is `[]`.
  func suffixes(of type: Type) -> [String] {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer: return [""]
    case .record(let fields):
      return fields.flatMap { field in suffixes(of: field.type).map { ".\(field.name)\($0)" } }
    case .array(let index, let element):
      let one = suffixes(of: element)
      if openSort(of: index) != nil { return one.map { "[]\($0)" } }
      return Self.rawValues(of: index).flatMap { raw in one.map { "[\(Self.value(raw, of: index))]\($0)" } }
    }
  }

  /// The first leaf of a field.
  func offset(ofField position: Int, in fields: [RecordField]) -> Int {
    fields[..<position].reduce(0) { $0 + size(of: $1.type) }
  }

  /// The number of elements of an array that are written out: of the defined values of its index type, saturating at `Int.max`;
  /// 1 for a scalarset whose size is left open.
  func count(of index: Type) -> Int {
    if openSort(of: index) != nil { return 1 }
    return Self.count(of: index)
  }

  /// The number of defined values of a simple type, saturating at `Int.max`.
  static func count(of type: Type) -> Int {
    let values = rawValues(of: type)
    let (difference, overflow) = values.upperBound.subtractingReportingOverflow(values.lowerBound)
    return overflow || difference == Int.max ? Int.max : difference + 1
  }

  /// The raw values of a simple type. Requires: simple and storable.
  static func rawValues(of type: Type) -> ClosedRange<Int> {
    guard let values = type.rawValues else { preconditionFailure("a part or index of a type is not simple") }
    return values
  }

  /// A raw value as people read it. Requires: `raw` is a value of the simple type.
  static func value(_ raw: Int, of type: Type) -> Value {
    switch type {
    case .boolean: return .boolean(raw != 0)
    case .range, .integer: return .integer(raw)
    case .enumeration(let enumeration):
      return enumeration.members.indices.contains(raw) ? .member(enumeration.members[raw]) : .undefined
    case .scalarset(let scalarset): return .scalar(type: scalarset.name, index: raw)
    case .record, .array: preconditionFailure("a record or array has no raw value")
    }
  }
}
