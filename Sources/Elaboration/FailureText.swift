import Diagnostics
import Murphi

/// What failures are called: in `Execution`'s words, but where it names the value that was wrong, nothing is named here, because
/// a term has many.
enum FailureText {
  /// Reading what was never assigned.
  static func undefined(_ place: Place, in file: SourceFile) -> String {
    "read of undefined value: `\(file.text(place.range))`"
  }

  /// A zero divisor.
  static func zeroDivisor(_ operation: ArithmeticOperator, _ divisor: Expression, in file: SourceFile) -> String {
    "\(operation == .divide ? "division" : "remainder") by zero: `\(file.text(divisor.range))`"
  }

  /// An index that no element has.
  static func index(_ index: Expression, outside type: Type, in file: SourceFile) -> String {
    "index is outside \(name(type)): `\(file.text(index.range))`"
  }

  /// A value that its place cannot hold.
  static func write(_ place: Place, in file: SourceFile) -> String {
    "value is outside \(name(place.type)) of `\(file.text(place.range))`"
  }

  /// A value that its parameter cannot hold.
  static func argument(_ parameter: Local) -> String {
    "argument is outside \(name(parameter.type)) of parameter `\(parameter.name)`"
  }

  /// A function's body that ends without a value.
  static func noReturn(_ function: Function) -> String {
    "function `\(function.name)` ends without returning a value"
  }

  /// A failed `assert` statement.
  static func assertion(_ site: Site, _ condition: Expression, in file: SourceFile) -> String {
    "assertion failed: \(site.name ?? "`\(file.text(condition.range))`")"
  }

  /// A loop that would not move.
  static let zeroStep = "the step of a loop is 0"

  /// A loop that would move away from its end.
  static let wrongDirection = "the step of a loop goes in the wrong direction"

  /// A type in a few characters.
  private static func name(_ type: Type) -> String {
    switch type {
    case .boolean: "boolean"
    case .range(let lower, let upper): "\(lower)..\(upper)"
    case .enumeration(let type): type.name ?? "enum"
    case .scalarset(let type): type.name
    case .record: "record"
    case .array: "array"
    case .integer: "integer"
    }
  }
}
