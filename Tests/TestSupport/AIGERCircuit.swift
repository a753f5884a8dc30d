/// An AIGER 1.9 file read by other code than writes it, and run gate by gate, 64 assignments at a time.
package struct AIGERCircuit: Sendable {
  package struct Latch: Hashable, Sendable {
    package let next: Int
    package let reset: Bool
  }

  /// Why a file is not read.
  package struct Malformed: Error, Hashable {
    package let what: String
  }

  package private(set) var inputCount = 0
  package private(set) var latches: [Latch] = []
  package private(set) var outputs: [Int] = []
  package private(set) var bads: [Int] = []
  package private(set) var gates: [(Int, Int)] = []
  /// `i0`, `l2`, `b1` → name.
  package private(set) var symbols: [String: String] = [:]
  package private(set) var comments: [String] = []

  /// Reads either form. Throws: anything out of place.
  package init(_ bytes: [UInt8]) throws {
    var reader = ByteReader(bytes)
    let header = reader.words()
    guard header.count >= 6, header[0] == "aag" || header[0] == "aig" else { throw Malformed(what: "header") }
    let counts = header.dropFirst().compactMap { Int($0) }
    guard counts.count == header.count - 1, counts.dropFirst(6).allSatisfy({ $0 == 0 }) else {
      throw Malformed(what: "counts")
    }
    let isASCII = header[0] == "aag"
    inputCount = counts[1]
    guard counts[0] == counts[1] + counts[2] + counts[4] else { throw Malformed(what: "not reencoded") }
    if isASCII {
      for input in 1...max(1, inputCount) where input <= inputCount {
        guard reader.words() == ["\(2 * input)"] else { throw Malformed(what: "input \(input)") }
      }
    }
    for latch in 0..<counts[2] {
      var numbers = try reader.numbers()
      if isASCII {
        guard numbers.first == 2 * (inputCount + latch + 1) else { throw Malformed(what: "latch \(latch)") }
        numbers.removeFirst()
      }
      guard numbers.count == 1 || numbers.count == 2 && numbers[1] < 2 else { throw Malformed(what: "latch \(latch)") }
      latches.append(Latch(next: numbers[0], reset: numbers.count == 2 && numbers[1] == 1))
    }
    outputs = try (0..<counts[3]).map { _ in try reader.number() }
    bads = try (0..<(counts.count > 5 ? counts[5] : 0)).map { _ in try reader.number() }
    for gate in 0..<counts[4] {
      let literal = 2 * (inputCount + latches.count + gate + 1)
      let pair = isASCII ? try reader.gate(literal) : try reader.binaryGate(literal)
      guard pair.0 < literal, pair.1 <= pair.0 else { throw Malformed(what: "gate \(literal)") }
      gates.append(pair)
    }
    while let line = reader.line(), line != "c" {
      guard let blank = line.firstIndex(of: " ") else { throw Malformed(what: "symbol \(line)") }
      symbols[String(line[..<blank])] = String(line[line.index(after: blank)...])
    }
    while let line = reader.line() { comments.append(line) }
    let highest = 2 * counts[0] + 1
    guard (latches.map(\.next) + outputs + bads).allSatisfy({ (0...highest).contains($0) }) else {
      throw Malformed(what: "a literal that is not there")
    }
  }

  /// All nodes' values from inputs and latches: a bit per assignment.
  package func evaluate(inputs: [UInt64], latches: [UInt64]) -> [UInt64] {
    var nodes: [UInt64] = [0] + inputs + latches
    nodes.reserveCapacity(nodes.count + gates.count)
    for (left, right) in gates { nodes.append(Self.value(left, nodes) & Self.value(right, nodes)) }
    return nodes
  }

  /// A literal's value.
  package static func value(_ literal: Int, _ nodes: [UInt64]) -> UInt64 {
    literal & 1 == 1 ? ~nodes[literal >> 1] : nodes[literal >> 1]
  }

  /// The earliest time at which each bad output can be true; nil if never. Breadth first over everything reachable.
  ///
  /// Requires: at most 20 inputs. Returns nil if there are more states than `limit`.
  package func earliestTimes(limit: Int) -> [Int?]? {
    var earliest = [Int?](repeating: nil, count: bads.count)
    var seen: Set<[Bool]> = [latches.map(\.reset)]
    var level = [latches.map(\.reset)]
    var time = 0
    while !level.isEmpty {
      var next: [[Bool]] = []
      for state in level {
        for nodes in batches(from: state) {
          for (position, bad) in bads.enumerated() where earliest[position] == nil && Self.value(bad, nodes) != 0 {
            earliest[position] = time
          }
          for successor in successors(nodes) where seen.insert(successor).inserted { next.append(successor) }
        }
        if seen.count > limit { return nil }
      }
      level = next
      time += 1
    }
    return earliest
  }

  /// Every assignment of the inputs, 64 at a time.
  private func batches(from state: [Bool]) -> [[UInt64]] {
    let patterns: [UInt64] = [
      0xAAAA_AAAA_AAAA_AAAA, 0xCCCC_CCCC_CCCC_CCCC, 0xF0F0_F0F0_F0F0_F0F0, 0xFF00_FF00_FF00_FF00,
      0xFFFF_0000_FFFF_0000, 0xFFFF_FFFF_0000_0000,
    ]
    let latches = state.map { $0 ? UInt64.max : 0 }
    return (0..<1 << max(0, inputCount - 6)).map { high in
      let inputs = (0..<inputCount).map { input in
        input < 6 ? patterns[input] : high >> (input - 6) & 1 == 1 ? UInt64.max : 0
      }
      return evaluate(inputs: inputs, latches: latches)
    }
  }

  /// The different next states of a batch.
  private func successors(_ nodes: [UInt64]) -> Set<[Bool]> {
    let next = latches.map { Self.value($0.next, nodes) }
    return Set((0..<1 << min(6, inputCount)).map { lane in next.map { $0 >> UInt64(lane) & 1 == 1 } })
  }
}

/// Reads lines and numbers from bytes.
private struct ByteReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next line; nil at the end.
  mutating func line() -> String? {
    guard position < bytes.count else { return nil }
    let end = bytes[position...].firstIndex(of: 0x0A) ?? bytes.count
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  mutating func words() -> [String] { (line() ?? "").split(separator: " ").map(String.init) }

  mutating func numbers() throws -> [Int] {
    try words().map { word in
      guard let number = Int(word) else { throw AIGERCircuit.Malformed(what: "number \(word)") }
      return number
    }
  }

  mutating func number() throws -> Int {
    let numbers = try numbers()
    guard numbers.count == 1 else { throw AIGERCircuit.Malformed(what: "one number") }
    return numbers[0]
  }

  mutating func gate(_ literal: Int) throws -> (Int, Int) {
    let numbers = try numbers()
    guard numbers.count == 3, numbers[0] == literal else { throw AIGERCircuit.Malformed(what: "gate \(literal)") }
    return (numbers[1], numbers[2])
  }

  mutating func binaryGate(_ literal: Int) throws -> (Int, Int) {
    let left = literal - (try difference())
    return (left, left - (try difference()))
  }

  private mutating func difference() throws -> Int {
    var number = 0
    var shift = 0
    while true {
      guard position < bytes.count else { throw AIGERCircuit.Malformed(what: "end of gates") }
      let byte = bytes[position]
      position += 1
      number |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return number }
      shift += 7
    }
  }
}
