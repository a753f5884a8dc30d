/// Consecutive rule copies whose guards begin with the same test of one field: while that is false none of them is enabled,
/// and a search passes over them together.
///
/// Exact: an undefined field disables nothing, so every copy then fails for itself.
package struct RuleGroup: Sendable {
  /// The copies, as positions in `Program.activeCopies`.
  package let first: Int
  package let end: Int
  /// The field, its mask 0 if there is no common test.
  private let word: Int
  private let shift: UInt64
  private let mask: UInt64
  private let bits: UInt64
  /// Whether the copies are disabled when the field has these bits, or when it has others.
  private let disabledWhenEqual: Bool

  /// Whether the guards of all copies are false in a state.
  @inline(__always)
  package func isDisabled(in state: UnsafePointer<UInt64>) -> Bool {
    let field = state[word] &>> shift & mask
    return field != 0 && (field == bits) == disabledWhenEqual
  }

  /// Copies whose code begins with this instruction.
  fileprivate init(_ copies: Range<Int>, beginning test: Instruction?) {
    first = copies.lowerBound
    end = copies.upperBound
    word = Int(test?.b ?? 0)
    shift = UInt64(test?.shift ?? 0)
    mask = UInt64(bitPattern: Int64(test?.j ?? 0))
    bits = UInt64(bitPattern: Int64(test?.k ?? 0))
    disabledWhenEqual = test?.operation == .jumpIfFieldEqual
  }
}

extension Program {
  /// The numbers of all rule copies that the constants do not switch off, in file order.
  package var activeCopies: [Int] {
    rules.flatMap { family in
      (0..<family.count).filter { !family.disabled.contains($0) }.map { family.first + $0 }
    }
  }

  /// The active copies, grouped.
  package var ruleGroups: [RuleGroup] {
    var groups: [RuleGroup] = []
    var (start, common): (Int, Instruction?) = (0, nil)
    let copies = activeCopies
    for (position, copy) in copies.enumerated() {
      let family = family(ofRule: copy)
      let test = leadingTest(family, copy - family.first)
      if position > start && !Self.isSame(test, common) {
        groups.append(RuleGroup(start..<position, beginning: common))
        start = position
      }
      common = test
    }
    if start < copies.count { groups.append(RuleGroup(start..<copies.count, beginning: common)) }
    return groups
  }

  /// The first instruction of a copy, if it tests a field and ends the run when the guard is false.
  private func leadingTest(_ family: Family, _ ordinal: Int) -> Instruction? {
    let entry = family.entries[family.entries.count == family.count ? ordinal : 0]
    let first = code.instructions[entry]
    guard first.operation == .jumpIfFieldEqual || first.operation == .jumpIfFieldNotEqual else { return nil }
    let target = code.instructions[Int(first.c)]
    return target.operation == .finish && target.k == Outcome.negative.rawValue ? first : nil
  }

  /// Whether two leading tests are the same but for where they jump to.
  private static func isSame(_ first: Instruction?, _ second: Instruction?) -> Bool {
    guard let first, let second else { return first == nil && second == nil }
    return first.operation == second.operation && first.b == second.b && first.shift == second.shift
      && first.j == second.j && first.k == second.k
  }
}
