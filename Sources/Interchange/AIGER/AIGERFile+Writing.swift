import Logic
package import TransitionSystems

extension AIGERFile {
  /// The two forms of the format.
  package enum Form: Hashable, Sendable {
    /// `aag`: numbers as text, for people.
    case ascii
    /// `aig`: gates as differences in bytes; what most readers want.
    case binary
  }

  /// The file's bytes. `description` goes into the comments, a line each.
  package func encoded(_ form: Form, names: [PropertyID: String], description: [String]) -> [UInt8] {
    var bytes = Array(header(form).utf8)
    for (position, latch) in latches.enumerated() {
      var words: [UInt32] = form == .ascii ? [literal(ofLatch: position)] : []
      words.append(latch.next)
      if latch.reset { words.append(1) }
      bytes += Array((words.map { "\($0)" }.joined(separator: " ") + "\n").utf8)
    }
    for bad in bads { bytes += Array("\(bad)\n".utf8) }
    for (position, gate) in gates.enumerated() {
      let literal = literal(ofGate: position)
      switch form {
      case .ascii: bytes += Array("\(literal) \(gate.left) \(gate.right)\n".utf8)
      case .binary:
        Self.append(literal - gate.left, to: &bytes)
        Self.append(gate.left - gate.right, to: &bytes)
      }
    }
    return bytes + Array((symbols(names) + comments(description)).utf8)
  }

  /// `M I L O A B`, and in ASCII the inputs.
  private func header(_ form: Form) -> String {
    let highest = inputs.count + latches.count + gates.count
    let counts = [highest, inputs.count, latches.count, 0, gates.count, bads.count]
    let first = (form == .ascii ? "aag " : "aig ") + counts.map { "\($0)" }.joined(separator: " ") + "\n"
    return form == .binary ? first : first + inputs.indices.map { "\(2 * ($0 + 1))\n" }.joined()
  }

  private func literal(ofLatch position: Int) -> UInt32 { UInt32(2 * (inputs.count + position + 1)) }

  private func literal(ofGate position: Int) -> UInt32 {
    UInt32(2 * (inputs.count + latches.count + position + 1))
  }

  /// Seven bits a byte, the lowest first; the highest bit says that more follow.
  private static func append(_ difference: UInt32, to bytes: inout [UInt8]) {
    var rest = difference
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Names of inputs, latches and bad outputs. No two are equal: berkeley-abc refuses such files.
  private func symbols(_ names: [PropertyID: String]) -> String {
    var lines: [String] = []
    for (position, bit) in inputs.enumerated() { lines.append("i\(position) \(name(of: bit) ?? "#unused input")") }
    for (position, latch) in latches.enumerated() {
      lines.append("l\(position) \(name(of: latch.bit) ?? "#unused latch")")
    }
    var taken: Set<String> = []
    for (position, bad) in synchronous.bads.enumerated() {
      var name = Self.oneLine(names[bad.property] ?? bad.property.text)
      if !taken.insert(name).inserted { name += " (\(bad.property.text))" }
      lines.append("b\(position) \(name)")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// `linked[table_0]`, `step:2`; nil for what is not used.
  private func name(of bit: Bit?) -> String? {
    guard let bit, let name = synchronous.store.name(bit.term) else { return nil }
    return synchronous.store.sort(of: bit.term) == .boolean ? name : "\(name):\(bit.index)"
  }

  private func comments(_ description: [String]) -> String {
    let lines = description + synchronous.explanation
    return "c\n" + lines.map { Self.oneLine($0) + "\n" }.joined()
  }

  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }
}
