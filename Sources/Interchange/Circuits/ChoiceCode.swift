package import Logic
package import TransitionSystems

/// How inputs name one of several transitions (or starts): a number for the rule, and one for each of its parameters.
///
/// Copies of an expanded rule differ in the parameters alone, so `fill v=1 t=0 l=1` is the rule's number and the values 1, 0, 1:
/// all rules share the decoders, and a person can read a witness. Parameters that are variables already stay what they are.
/// A rule ignores the values at positions that it has no parameter for; numbers and values that mean nothing name nothing.
package struct ChoiceCode: Sendable {
  /// A transition or start, as far as naming it goes.
  struct Candidate {
    let rule: RuleReference
    let parameters: [Parameter]
  }

  /// What a rule's number stands for.
  package struct Entry: Sendable {
    package let rule: RuleReference
    package let parameters: [Values]
  }

  /// What the numbers of a parameter stand for.
  package struct Values: Sendable {
    package let name: String
    /// In the order of their numbers; nil for a parameter that is a variable.
    package let values: [Value]?
    /// That variable.
    package let variable: Term?
  }

  /// By number.
  package let entries: [Entry]
  /// By candidate: the rule's number, then that of each parameter; nil where a variable says it.
  let codes: [[Int?]]
  /// By position in a code: how many bits it needs.
  let widths: [Int]

  /// Numbers rules in their order, and the values of each parameter in theirs.
  init(_ candidates: [Candidate]) {
    let groups = Self.groups(of: candidates)
    var codes = [[Int?]](repeating: [], count: candidates.count)
    var entries: [Entry] = []
    for (number, group) in groups.enumerated() {
      let parameters = candidates[group[0]].parameters.indices.map { index in
        Self.values(at: index, of: group.map { candidates[$0] })
      }
      entries.append(Entry(rule: candidates[group[0]].rule, parameters: parameters))
      for position in group {
        codes[position] = [number] + zip(candidates[position].parameters, parameters).map { Self.code(of: $0, in: $1) }
      }
    }
    self.codes = codes
    self.entries = entries
    let length = codes.map(\.count).max() ?? 0
    widths = (0..<length).map { index in
      Self.width(of: codes.compactMap { $0.count > index ? $0[index] : nil }.max() ?? 0)
    }
  }

  /// The candidates of each rule. Those that nothing tells apart become rules of their own.
  private static func groups(of candidates: [Candidate]) -> [[Int]] {
    struct Copy: Hashable {
      let rule: Int
      let values: [Value?]
    }
    var occurrences: [Copy: Int] = [:]
    var numbers: [[Int]: Int] = [:]
    var groups: [[Int]] = []
    for (position, candidate) in candidates.enumerated() {
      let copy = Copy(rule: candidate.rule.index, values: candidate.parameters.map(\.fixedValue))
      let occurrence = occurrences[copy, default: 0]
      occurrences[copy] = occurrence + 1
      let key = [candidate.rule.index, occurrence]
      if let number = numbers[key] {
        groups[number].append(position)
      } else {
        numbers[key] = groups.count
        groups.append([position])
      }
    }
    return groups
  }

  /// The fixed values of one parameter: a scalarset's by index, others in the order of the copies.
  private static func values(at index: Int, of copies: [Candidate]) -> Values {
    let name = copies[0].parameters[index].name
    var values: [Value] = []
    for copy in copies {
      guard let value = copy.parameters[index].fixedValue else {
        return Values(name: name, values: nil, variable: copy.parameters[index].variable)
      }
      if !values.contains(value) { values.append(value) }
    }
    return Values(name: name, values: inOrder(values), variable: nil)
  }

  /// Elements of a scalarset by their index; others as they are.
  private static func inOrder(_ values: [Value]) -> [Value] {
    let numbered = values.compactMap { value -> (index: Int, value: Value)? in
      if case .scalar(_, let index) = value { (index, value) } else { nil }
    }
    return numbered.count < values.count ? values : numbered.sorted { $0.index < $1.index }.map(\.value)
  }

  private static func code(of parameter: Parameter, in values: Values) -> Int? {
    parameter.fixedValue.flatMap { value in values.values?.firstIndex(of: value) }
  }

  /// Bits that hold a number; none for 0.
  private static func width(of number: Int) -> Int { Int.bitWidth - number.leadingZeroBitCount }
}

extension Parameter {
  /// The value of an expanded parameter; nil for a variable.
  fileprivate var fixedValue: Value? {
    if case .fixed(let value) = decoding, variable == nil { return value }
    return nil
  }
}
