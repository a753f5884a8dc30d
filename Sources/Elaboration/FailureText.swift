import Diagnostics
import Murphi

/// What failures are called. Where `Execution` names the value that was wrong, nothing is named here: a term has none.
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
  static func index(_ index: Expression, in file: SourceFile) -> String {
    "index is out of range: `\(file.text(index.range))`"
  }

  /// A value that its place cannot hold.
  static func write(_ place: Place, in file: SourceFile) -> String {
    "write of out-of-range value into `\(file.text(place.range))`"
  }

  /// A value that its parameter cannot hold.
  static func argument(_ parameter: Int, of function: Function) -> String {
    "call of \(function.name) with an out-of-range value for \(function.locals[parameter].name)"
  }

  /// A function's body that ends without a value.
  static func noReturn(_ function: Function) -> String {
    "the end of function \(function.name) is reached without a return"
  }

  /// A failed `assert` statement.
  static func assertion(_ site: Site) -> String { site.name ?? "assertion failed" }

  /// A loop that would not move.
  static let zeroStep = "the step of the loop is 0"

  /// A loop that would move away from its end.
  static let wrongDirection = "the step of the loop leads away from its end"
}
