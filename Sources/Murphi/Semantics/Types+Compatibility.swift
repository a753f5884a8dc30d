/// Whether values of two types may meet, as rumur sees it: structurally, after following names.
extension Type {
  /// The answer.
  enum Match: Sendable {
    case same
    /// Two scalarsets of one size: rumur lets them mix, though that is unsound under symmetry.
    case mixed(ScalarsetType, ScalarsetType)
    case different
  }

  /// Whether it is a range or the type of an integer expression.
  var isInteger: Bool {
    switch self {
    case .range, .integer: true
    case .boolean, .enumeration, .scalarset, .record, .array: false
    }
  }

  /// Whether a value of the other type may be stored here or compared with this: all integers may.
  func match(_ other: Type) -> Match {
    isInteger && other.isInteger ? .same : exactMatch(other)
  }

  /// The same with equal bounds of ranges: of parts of records and arrays, and of `var` parameters.
  func exactMatch(_ other: Type) -> Match {
    switch (self, other) {
    case (.boolean, .boolean), (.integer, .integer): return .same
    case (.range(let lower, let upper), .range(let otherLower, let otherUpper)):
      return lower == otherLower && upper == otherUpper ? .same : .different
    case (.enumeration(let left), .enumeration(let right)):
      return left.members == right.members ? .same : .different
    case (.scalarset(let left), .scalarset(let right)):
      if left.declaration == right.declaration { return .same }
      return left.size == right.size ? .mixed(left, right) : .different
    case (.record(let left), .record(let right)):
      guard left.map(\.name) == right.map(\.name) else { return .different }
      return Match.all(zip(left, right).map { $0.type.exactMatch($1.type) })
    case (.array(let index, let element), .array(let otherIndex, let otherElement)):
      return Match.all([index.exactMatch(otherIndex), element.exactMatch(otherElement)])
    case (.boolean, _), (.integer, _), (.range, _), (.enumeration, _), (.scalarset, _), (.record, _), (.array, _):
      return .different
    }
  }
}

extension Type.Match {
  /// The worst of several.
  fileprivate static func all(_ matches: [Type.Match]) -> Type.Match {
    var worst = Type.Match.same
    for match in matches {
      switch match {
      case .same: continue
      case .mixed: worst = match
      case .different: return .different
      }
    }
    return worst
  }
}

extension Type: CustomStringConvertible {
  /// How messages name the type.
  package var description: String {
    switch self {
    case .boolean: "a boolean"
    case .range(let lower, let upper): "an integer \(lower)..\(upper)"
    case .enumeration(let type): "an enum \(type.name.map { "`\($0)`" } ?? "{\(type.members.joined(separator: ", "))}")"
    case .scalarset(let type): "a scalarset `\(type.name)`"
    case .record: "a record"
    case .array: "an array"
    case .integer: "an integer"
    }
  }
}
