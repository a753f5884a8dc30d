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

  /// Names of inputs, latches and bad outputs.
  ///
  /// berkeley-abc refuses files in which two share a name, a bad output and a latch for instance; and it calls the function of a
  /// latch `NAME_in`, which nothing else may be called either. So a Boolean latch that has such a neighbour is its bit 0, `b:0`, and
  /// a property whose name is taken is followed by what it is. Nobody reads them back: witnesses go by position.
  private func symbols(_ names: [PropertyID: String]) -> String {
    let inputs = inputs.map { $0.flatMap(name) ?? "#unused input" }
    var latches = latches.map { $0.bit.flatMap(name) ?? "#unused latch" }
    var taken = Set(inputs + latches)
    for (position, name) in latches.enumerated() where taken.contains(Self.function(of: name)) {
      latches[position] = name + ":0"
    }
    taken.formUnion(latches)
    taken.formUnion(latches.map(Self.function))
    let bads = synchronous.bads.map { bad in
      var name = Self.oneLine(names[bad.property] ?? bad.property.text)
      while !taken.insert(name).inserted { name += " (\(bad.property.text))" }
      return name
    }
    let lines = [("i", inputs), ("l", latches), ("b", bads)].flatMap { kind, names in
      names.enumerated().map { "\(kind)\($0) \($1)\n" }
    }
    return lines.joined()
  }

  /// What berkeley-abc calls a latch's function.
  private static func function(of latch: String) -> String { latch + "_in" }

  /// `linked[table_0]`, `step:2`
  private func name(of bit: Bit) -> String? {
    guard let name = synchronous.store.name(bit.term) else { return nil }
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
