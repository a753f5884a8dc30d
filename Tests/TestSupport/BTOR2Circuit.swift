import Logic

/// A BTOR2 file read and run by other code than writes it: the operators that our files use, on words of at most 128 bits.
package struct BTOR2Circuit: Sendable {
  /// Why a file is not read.
  package struct Malformed: Error, Hashable {
    package let line: String
  }

  /// A line: its keyword and what follows.
  private struct Line: Sendable {
    let keyword: String
    let width: Int
    let arguments: [Int]
    let constant: UInt128
  }

  private var lines: [Int: Line] = [:]
  private var order: [Int] = []
  private var widths: [Int: Int] = [:]
  /// The lines of inputs and states, in the order of the file, with their symbols.
  package private(set) var inputs: [(line: Int, symbol: String)] = []
  package private(set) var states: [(line: Int, symbol: String)] = []
  private var inits: [Int: Int] = [:]
  private var nexts: [Int: Int] = [:]
  package private(set) var bads: [(line: Int, symbol: String)] = []

  /// Reads a text. Throws: a line that is out of place, or refers to what is not there.
  package init(_ text: String) throws {
    for line in text.split(separator: "\n") where !line.hasPrefix(";") {
      try read(line.split(separator: " ").map(String.init), String(line))
    }
    let complete = states.allSatisfy { inits[$0.line] != nil && nexts[$0.line] != nil }
    guard complete else { throw Malformed(line: "a state without init or next") }
  }

  private mutating func read(_ words: [String], _ text: String) throws {
    guard words.count >= 3, let number = Int(words[0]), number > (order.last ?? 0) else { throw Malformed(line: text) }
    order.append(number)
    let numbers = words.dropFirst(2).map { Int($0) }
    switch words[1] {
    case "sort":
      guard words.count == 4, words[2] == "bitvec", let width = Int(words[3]), (1...128).contains(width) else {
        throw Malformed(line: text)
      }
      widths[number] = width
    case "init", "next":
      guard words.count == 5, let state = numbers[1], let value = numbers[2],
        let width = numbers[0].flatMap({ widths[$0] }),
        lines[state]?.keyword == "state", lines[state]?.width == width, lines[value]?.width == width,
        words[1] == "next" || value < state
      else { throw Malformed(line: text) }
      if words[1] == "init" { inits[state] = value } else { nexts[state] = value }
    case "bad":
      guard let line = numbers[0], lines[line]?.width == 1, words.count <= 4 else { throw Malformed(line: text) }
      bads.append((line, words.count == 4 ? words[3] : ""))
    case "input", "state":
      guard let width = numbers[0].flatMap({ widths[$0] }), words.count <= 4 else { throw Malformed(line: text) }
      lines[number] = Line(keyword: words[1], width: width, arguments: [], constant: 0)
      let symbol = words.count == 4 ? words[3] : ""
      if words[1] == "input" { inputs.append((number, symbol)) } else { states.append((number, symbol)) }
    case "const":
      guard let width = numbers[0].flatMap({ widths[$0] }), words.count == 4, words[3].utf8.count == width,
        let value = UInt128(words[3], radix: 2)
      else { throw Malformed(line: text) }
      lines[number] = Line(keyword: "const", width: width, arguments: [], constant: value)
    case _: try readOperator(number, words, numbers, text)
    }
  }

  private mutating func readOperator(_ number: Int, _ words: [String], _ numbers: [Int?], _ text: String) throws {
    let arguments = numbers.dropFirst().compactMap { $0 }
    guard let width = numbers[0].flatMap({ widths[$0] }), arguments.count == numbers.count - 1 else {
      throw Malformed(line: text)
    }
    let isIndexed = ["slice", "uext", "sext"].contains(words[1])
    let operands = isIndexed ? Array(arguments.prefix(1)) : arguments
    let inputs = operands.compactMap { lines[$0]?.width }
    guard inputs.count == operands.count, Self.fits(words[1], width, inputs, Array(arguments.dropFirst())) else {
      throw Malformed(line: text)
    }
    lines[number] = Line(keyword: words[1], width: width, arguments: arguments, constant: 0)
  }

  /// Whether an operator's operands have the widths that it needs.
  private static func fits(_ keyword: String, _ width: Int, _ inputs: [Int], _ indices: [Int]) -> Bool {
    switch keyword {
    case "not", "neg": inputs == [width]
    case "and", "or", "xor", "add", "sub", "mul", "udiv", "urem", "sdiv", "srem", "sll", "srl", "sra":
      inputs == [width, width]
    case "eq", "ult", "ulte", "slt", "slte": width == 1 && inputs.count == 2 && inputs[0] == inputs[1]
    case "ite": inputs == [1, width, width]
    case "concat": inputs.count == 2 && inputs[0] + inputs[1] == width
    case "slice":
      indices.count == 2 && indices[0] < inputs[0] && indices[0] - indices[1] + 1 == width && indices[1] >= 0
    case "uext", "sext": indices.count == 1 && inputs[0] + indices[0] == width
    case _: false
    }
  }

  /// The states at time 0, in the order of the file.
  package var reset: [UInt128] { states.map { state in inits[state.line].flatMap { lines[$0]?.constant } ?? 0 } }

  /// The width of an input, by position.
  package func inputWidth(_ position: Int) -> Int { lines[inputs[position].line]?.width ?? 0 }

  /// Which bads are true, and the next states.
  package func step(states values: [UInt128], inputs given: [UInt128]) -> (bads: [Bool], next: [UInt128]) {
    var results: [Int: UInt128] = [:]
    for (state, value) in zip(states, values) { results[state.line] = value }
    for (input, value) in zip(inputs, given) { results[input.line] = value }
    for number in order where results[number] == nil {
      if let line = lines[number] { results[number] = value(line, results) }
    }
    let next = states.map { state in nexts[state.line].flatMap { results[$0] } ?? 0 }
    return (bads.map { results[$0.line] == 1 }, next)
  }

  /// A line's value from those before it; the operators as the BTOR2 paper defines them.
  private func value(_ line: Line, _ results: [Int: UInt128]) -> UInt128 {
    if line.keyword == "const" { return line.constant }
    let first = results[line.arguments[0]] ?? 0
    let width = lines[line.arguments[0]]?.width ?? 0
    if ["slice", "uext", "sext"].contains(line.keyword) {
      let pattern = line.keyword == "slice" ? first >> UInt128(line.arguments[2]) : extended(first, width, line.keyword)
      return pattern & BitPattern.mask(line.width)
    }
    let rest = line.arguments.dropFirst().map { results[$0] ?? 0 }
    let pattern: UInt128
    switch line.keyword {
    case "not": pattern = ~first
    case "neg": pattern = ~first &+ 1
    case "ite": pattern = first == 1 ? rest[0] : rest[1]
    case "concat":
      let lowWidth = lines[line.arguments[1]]?.width ?? 0
      pattern = first << UInt128(lowWidth) | rest[0]
    case _: pattern = binary(line.keyword, first, rest[0], width)
    }
    return pattern & BitPattern.mask(line.width)
  }

  private func extended(_ value: UInt128, _ width: Int, _ keyword: String) -> UInt128 {
    keyword == "sext" && value >> UInt128(width - 1) == 1 ? value | ~BitPattern.mask(width) : value
  }

  private func binary(_ keyword: String, _ first: UInt128, _ second: UInt128, _ width: Int) -> UInt128 {
    let signedFirst = Int128(bitPattern: extended(first, width, "sext"))
    let signedSecond = Int128(bitPattern: extended(second, width, "sext"))
    switch keyword {
    case "and": return first & second
    case "or": return first | second
    case "xor": return first ^ second
    case "add": return first &+ second
    case "sub": return first &- second
    case "mul": return first &* second
    case "udiv": return second == 0 ? .max : first / second
    case "urem": return second == 0 ? first : first % second
    case "sdiv":
      if second == 0 { return signedFirst < 0 ? 1 : .max }
      return UInt128(bitPattern: signedFirst.dividedReportingOverflow(by: signedSecond).partialValue)
    case "srem":
      if second == 0 { return first }
      return UInt128(bitPattern: signedFirst.remainderReportingOverflow(dividingBy: signedSecond).partialValue)
    case "sll": return second >= UInt128(width) ? 0 : first << second
    case "srl": return second >= UInt128(width) ? 0 : first >> second
    case "sra": return UInt128(bitPattern: signedFirst >> Int128(min(second, UInt128(width - 1))))
    case "eq": return first == second ? 1 : 0
    case "ult": return first < second ? 1 : 0
    case "ulte": return first <= second ? 1 : 0
    case "slt": return signedFirst < signedSecond ? 1 : 0
    case "slte": return signedFirst <= signedSecond ? 1 : 0
    case _: preconditionFailure("an operator that was let in: \(keyword)")
    }
  }
}
