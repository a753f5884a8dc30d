import Logic
import TransitionSystems

extension BTOR2File {
  /// Reads a witness for this file, as btormc writes it.
  ///
  /// ```
  /// sat
  /// b0                  which property
  /// #0                  the states at time 0: here they all have an init, so there is nothing to choose
  /// 3 0110 step#0       optional
  /// @0                  the inputs at time 0
  /// 0 01 #rule@0        by position, in binary; those that are not named are zero
  /// @1
  /// .
  /// ```
  /// An `x` means that either value does; 0 is taken. States at later times are other tools' comments and not read.
  /// Throws: what is not so, with its line.
  package func witness(_ text: String) throws(WitnessError) -> Witness {
    var reader = BTOR2WitnessReader(file: self)
    for (position, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let words = line.split(separator: ";", omittingEmptySubsequences: false)[0].split(separator: " ").map(String.init)
      if words.isEmpty { continue }
      try reader.read(words, WitnessLine(number: position + 1))
    }
    return try reader.finish()
  }
}

/// A line's number, and the refusals that name it.
private struct WitnessLine {
  let number: Int

  func refusal(_ message: String) -> WitnessError { WitnessError(line: number, message) }
}

/// Reads the lines one by one.
private struct BTOR2WitnessReader {
  let file: BTOR2File
  private var property: PropertyID?
  private var ticks: [[Term: UInt128]] = []
  private var part = Part.start

  /// What comes next.
  private enum Part: Hashable {
    case start
    case property
    case frames
    case states(time: Int)
    case inputs
    case end
  }

  init(file: BTOR2File) { self.file = file }

  mutating func read(_ words: [String], _ line: WitnessLine) throws(WitnessError) {
    switch part {
    case .start:
      guard words == ["sat"] else { throw line.refusal("found \(words[0]), expected sat") }
      part = .property
    case .property: try readProperty(words, line)
    case .frames, .states, .inputs: try readFrames(words, line)
    case .end: throw line.refusal("found \(words[0]) behind the end")
    }
  }

  /// The whole. Throws: the end is missing, or nothing was in it.
  func finish() throws(WitnessError) -> Witness {
    guard part == .end else { throw WitnessError(line: nil, "truncated: expected . at the end") }
    guard !ticks.isEmpty else { throw WitnessError(line: nil, "no inputs: expected @0") }
    return Witness(property: property, ticks: ticks.map { file.synchronous.tick($0) })
  }

  private mutating func readProperty(_ words: [String], _ line: WitnessLine) throws(WitnessError) {
    let bads = file.synchronous.bads
    guard words.count == 1, words[0].hasPrefix("b"), let index = Int(words[0].dropFirst()), bads.indices.contains(index)
    else { throw line.refusal("found \(words.joined(separator: " ")), expected b0 … b\(bads.count - 1)") }
    property = bads[index].property
    part = .frames
  }

  private mutating func readFrames(_ words: [String], _ line: WitnessLine) throws(WitnessError) {
    let first = words[0]
    if first == "." {
      part = .end
    } else if first.hasPrefix("@") {
      guard Int(first.dropFirst()) == ticks.count else {
        throw line.refusal("found \(first), expected @\(ticks.count)")
      }
      ticks.append([:])
      part = .inputs
    } else if first.hasPrefix("#") {
      guard let time = Int(first.dropFirst()), time == ticks.count else {
        throw line.refusal("found \(first), expected #\(ticks.count) or @\(ticks.count)")
      }
      part = .states(time: time)
    } else {
      try readAssignment(words, line)
    }
  }

  /// `position bits [symbol]`
  private mutating func readAssignment(_ words: [String], _ line: WitnessLine) throws(WitnessError) {
    guard words.count >= 2, let position = Int(words[0]) else {
      throw line.refusal("found \(words.joined(separator: " ")), expected a position and bits")
    }
    switch part {
    case .inputs:
      guard file.inputs.indices.contains(position) else {
        throw line.refusal("input \(position): the file has \(file.inputs.count)")
      }
      let input = file.inputs[position]
      ticks[ticks.count - 1][input] = try pattern(words[1], of: input, line).ones
    case .states(let time):
      guard file.states.indices.contains(position) else {
        throw line.refusal("state \(position): the file has \(file.states.count)")
      }
      let state = file.states[position]
      let (ones, unknown) = try pattern(words[1], of: state.term, line)
      if time == 0, ones & ~unknown != state.reset.unsigned & ~unknown {
        throw line.refusal("state \(position) starts with another value")
      }
    case .start, .property, .frames, .end:
      throw line.refusal("found \(words[0]), expected #0 or @0")
    }
  }

  /// Bits, the highest first: which are 1, and which are x.
  private func pattern(
    _ digits: String, of term: Term, _ line: WitnessLine
  ) throws(WitnessError) -> (ones: UInt128, unknown: UInt128) {
    let width = BitBlaster.width(file.synchronous.store.sort(of: term))
    guard digits.utf8.count == width, digits.allSatisfy({ "01x".contains($0) }) else {
      throw line.refusal("found \(digits), expected \(width) bits")
    }
    var ones: UInt128 = 0
    var unknown: UInt128 = 0
    for digit in digits {
      ones = ones << 1 | (digit == "1" ? 1 : 0)
      unknown = unknown << 1 | (digit == "x" ? 1 : 0)
    }
    return (ones, unknown)
  }
}
