import Logic
import TransitionSystems

extension AIGERFile {
  /// Reads a witness for this file: AIGER 1.9's, or what berkeley-abc's `write_cex -a` writes.
  ///
  /// ```
  /// 1            property violated; abc leaves these two lines out
  /// b0           which one
  /// 0010         the latches at the start
  /// 011          the inputs, a line per time
  /// .            the end; abc writes `# DONE` behind the last line instead
  /// ```
  /// An `x` means that either value does; 0 is taken. Lines that begin with `c` or `u` are comments or other claims. Throws: what is not so, with its line.
  package func witness(_ text: String) throws(WitnessError) -> Witness {
    var reader = AIGERWitnessReader(text)
    let property = try reader.property(among: synchronous.bads)
    try reader.checkLatches(latches.map(\.reset))
    let lines = try reader.inputLines(width: inputs.count)
    guard !lines.isEmpty else { throw WitnessError(line: reader.lastLine, "no inputs: expected a line for each time") }
    return Witness(property: property, ticks: lines.map(tick))
  }

  /// The values of a line, all others zero.
  private func tick(_ bits: [Bool]) -> SynchronousSystem.Tick {
    var patterns: [Term: UInt128] = [:]
    for (bit, value) in zip(inputs, bits) where value {
      if let bit { patterns[bit.term, default: 0] |= 1 << UInt128(bit.index) }
    }
    return synchronous.tick(patterns)
  }
}

extension SynchronousSystem {
  /// Values for all inputs from patterns; those that are not given are zero.
  func tick(_ patterns: [Term: UInt128]) -> Tick {
    var tick: Tick = [:]
    for input in inputs {
      let pattern = patterns[input] ?? 0
      switch store.sort(of: input) {
      case .boolean: tick[input] = .boolean(pattern != 0)
      case .bitVector(let width): tick[input] = .bits(pattern, width: width)
      case .uninterpreted: preconditionFailure("an input of an uninterpreted sort")
      }
    }
    return tick
  }
}

/// The lines of an AIGER witness, read from the first to the last.
private struct AIGERWitnessReader {
  private var lines: ArraySlice<(number: Int, text: String)>
  /// The last line that was looked at.
  private(set) var lastLine = 1
  /// Whether abc's mark of the end was seen.
  private var isDone = false

  init(_ text: String) {
    var numbered: [(number: Int, text: String)] = []
    for (position, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = line.trimmingBlanks
      if line.hasPrefix("c") || line.hasPrefix("u") { continue }
      numbered.append((position + 1, line))
    }
    if numbered.last?.text == "" { numbered.removeLast() }
    lines = numbered[...]
  }

  /// The first two lines, where they are there.
  mutating func property(among bads: [SynchronousSystem.Bad]) throws(WitnessError) -> PropertyID? {
    guard let first = lines.first else { throw WitnessError(line: nil, "empty: expected a witness") }
    let second = lines.dropFirst().first
    guard let second, first.text.count == 1, second.text.hasPrefix("b") || second.text.hasPrefix("j") else {
      return nil
    }
    guard first.text == "1" else {
      throw WitnessError(line: first.number, "found \(first.text), expected 1: a property that is violated")
    }
    lines.removeFirst(2)
    lastLine = second.number
    guard second.text.hasPrefix("b"), let index = Int(second.text.dropFirst()), bads.indices.contains(index) else {
      throw WitnessError(line: second.number, "found \(second.text), expected b0 … b\(bads.count - 1)")
    }
    return bads[index].property
  }

  /// The latches must be as they are reset.
  mutating func checkLatches(_ resets: [Bool]) throws(WitnessError) {
    guard let line = next() else { throw WitnessError(line: nil, "truncated: expected the latches at the start") }
    let bits = try Self.bits(of: line, count: resets.count, "latches")
    for (position, (bit, reset)) in zip(bits, resets).enumerated() where bit != nil && bit != reset {
      throw WitnessError(line: line.number, "latch \(position) starts with \(reset ? 1 : 0), not \(reset ? 0 : 1)")
    }
  }

  /// The lines up to the end, which must be there.
  mutating func inputLines(width: Int) throws(WitnessError) -> [[Bool]] {
    var result: [[Bool]] = []
    while !isDone {
      guard let line = next() else {
        throw WitnessError(line: nil, "truncated: expected a line of inputs, or . at the end")
      }
      if line.text == "." { break }
      result.append(try Self.bits(of: line, count: width, "inputs").map { $0 ?? false })
    }
    if let more = lines.first { throw WitnessError(line: more.number, "found \(more.text) behind the end") }
    return result
  }

  /// The next line, without abc's mark.
  private mutating func next() -> (number: Int, text: String)? {
    guard let line = lines.popFirst() else { return nil }
    lastLine = line.number
    guard line.text.hasSuffix("# DONE") else { return line }
    isDone = true
    return (line.number, line.text.dropLast(6).trimmingBlanks)
  }

  /// The bits of a line; nil for an x.
  private static func bits(
    of line: (number: Int, text: String), count: Int, _ what: String
  ) throws(WitnessError) -> [Bool?] {
    var bits: [Bool?] = []
    for character in line.text {
      switch character {
      case "0": bits.append(false)
      case "1": bits.append(true)
      case "x": bits.append(nil)
      default: throw WitnessError(line: line.number, "found \(line.text), expected \(count) \(what) as 0, 1 or x")
      }
    }
    guard bits.count == count else {
      throw WitnessError(line: line.number, "found \(bits.count) bits, expected \(count) \(what)")
    }
    return bits
  }
}
