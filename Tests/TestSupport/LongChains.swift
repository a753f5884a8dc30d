import Foundation

/// Flat text of any length: each shape is a model that no level of nesting explains.
package enum LongChain: String, CaseIterable, Sendable, CustomStringConvertible {
  case and = "&"
  case or = "|"
  case andAnd = "&&"
  case orOr = "||"
  case bitXor = "^"
  case bitAnd = "& on integers"
  case sum = "+"
  case difference = "-"
  case sumAndDifference = "+ -"
  case product = "*"
  case quotient = "/"
  case remainder = "%"
  case shifts = "<< >>"
  case disjunctionOfConjunctions = "& |"
  case elsif
  case cases
  case caseValues = "case values"

  package var description: String { rawValue }

  /// A model with two variables, a rule and an invariant, in which this many parts follow each other.
  package func model(_ count: Int) -> String {
    """
    var x: 0..3; b: boolean;
    startstate begin x := 1; b := true; end;
    \(rule(count))
    invariant \(invariant(count));
    """
  }

  /// The rule.
  private func rule(_ count: Int) -> String {
    switch self {
    case .elsif:
      let branches = Self.joined(count, " elsif ") { "x = \($0 % 3) & (b | x > 0) then x := \(($0 * 7 + 1) % 4)" }
      return "rule begin if \(branches) else b := !b; x := 0; end; end;"
    case .cases:
      let cases = Self.joined(count, " ") { "case \($0 % 3): x := \(($0 + 1) % 4);" }
      return "rule begin switch x \(cases) else x := 0; end; end;"
    case .caseValues:
      return "rule begin switch x case \(Self.joined(count, ", ") { "\($0 % 3)" }): x := x + 1; else x := 0; end; end;"
    case .and, .or:
      return "rule \(expression(count)) ==> begin x := (x + 1) % 4; end;"
    case .andAnd, .orOr, .disjunctionOfConjunctions:
      return "rule begin b := \(expression(count)); x := (x + 1) % 4; end;"
    case .bitXor, .bitAnd, .sum, .difference, .sumAndDifference, .product, .quotient, .remainder, .shifts:
      return "rule begin x := ((\(expression(count))) % 4 + 4) % 4; end;"
    }
  }

  /// The invariant: a chain again for a few.
  private func invariant(_ count: Int) -> String {
    switch self {
    case .andAnd, .orOr: expression(count)
    case .difference: "(\(expression(count))) != 2"
    case .and, .or, .bitXor, .bitAnd, .sum, .sumAndDifference, .product, .quotient, .remainder, .shifts, .elsif,
      .cases, .caseValues, .disjunctionOfConjunctions:
      "x != 2"
    }
  }

  /// The chain.
  private func expression(_ count: Int) -> String {
    switch self {
    case .and: Self.joined(count, " & ") { "x != \(4 + $0 % 3)" } + " & x < 3"
    case .or: Self.joined(count, " | ") { "x = \(4 + $0 % 3)" } + " | x < 3"
    case .andAnd: Self.joined(count, " && ") { "(b || x != \($0 % 3))" }
    case .orOr: Self.joined(count, " || ") { "(b && x = \($0 % 3))" }
    case .bitXor: Self.joined(count, " ^ ") { $0 % 2 == 0 ? "x" : "\($0 % 5)" }
    case .bitAnd: "x" + Self.joined(count, "") { " & \(3 + 4 * $0)" }
    case .sum: Self.joined(count, " + ") { $0 % 3 == 0 ? "x" : "\($0 % 5)" }
    case .difference: Self.joined(count, " - ") { $0 % 3 == 0 ? "x" : "\($0 % 5)" }
    case .sumAndDifference: Self.joined(count, "") { $0 % 2 == 0 ? " + x" : " - \($0 % 3)" }
    case .product: "x" + Self.joined(count, "") { $0 % 2_500 == 0 ? " * 3" : " * 1" }
    case .quotient: "100 * x" + Self.joined(count, "") { $0 % 2_500 == 0 ? " / 3" : " / 1" }
    case .remainder: "x + 9" + Self.joined(count, "") { " + 0 % \(1 + $0)" } + Self.joined(count, "") { _ in " % 13" }
    case .shifts: "x" + Self.joined(count, "") { $0 % 2 == 0 ? " << 1" : " >> 1" }
    case .disjunctionOfConjunctions: Self.joined(count, " | ") { "b & x = \($0 % 3)" }
    case .elsif, .cases, .caseValues: "true"
    }
  }

  /// Parts with a separator.
  private static func joined(_ count: Int, _ separator: String, _ part: (Int) -> String) -> String {
    (0..<count).map(part).joined(separator: separator)
  }
}

/// Runs a part of a test on a thread with 512 KiB of stack, which is less than any thread of a task has.
package func onSmallStack<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
  await withCheckedContinuation { continuation in
    let thread = Thread { continuation.resume(returning: work()) }
    thread.stackSize = 512 << 10
    thread.start()
  }
}
