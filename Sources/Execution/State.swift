package import Logic
package import Murphi

/// One concrete state of a model, packed: every simple part of every variable in as few bits as it needs.
///
/// Two states of one program are equal exactly if every part is, undefined parts included.
package struct State: Hashable, Sendable {
  /// The packed words; `Program.stateWords` of them.
  package var words: [UInt64]

  package init(words: [UInt64]) { self.words = words }
}

/// Reads and writes fields at any bit of a sequence of words.
struct BitField {
  let bit: Int
  let width: Int

  /// The bits, at bit 0.
  func read(_ words: [UInt64]) -> UInt64 {
    let word = bit >> 6
    let shift = UInt64(bit & 63)
    var bits = words[word] >> shift
    if Int(shift) + width > 64 { bits |= words[word + 1] << (64 - shift) }
    return width == 64 ? bits : bits & ((1 << UInt64(width)) - 1)
  }

  /// Replaces the bits.
  func write(_ bits: UInt64, to words: inout [UInt64]) {
    let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
    let word = bit >> 6
    let shift = UInt64(bit & 63)
    words[word] = words[word] & ~(mask << shift) | bits << shift
    guard Int(shift) + width > 64 else { return }
    words[word + 1] = words[word + 1] & ~(mask >> (64 - shift)) | bits >> (64 - shift)
  }
}

extension Layout {
  /// The values of all variables, in file order.
  func values(of state: State) -> [Value] {
    zip(variables, offsets).map { $0.type.value(in: state.words, at: $1) }
  }

  /// The state in which the variables have these values; nil if a value is not of its variable's type.
  func state(_ values: [Value]) -> State? {
    guard values.count == variables.count else { return nil }
    var words = [UInt64](repeating: 0, count: self.words)
    for ((variable, offset), value) in zip(zip(variables, offsets), values) {
      guard variable.type.write(value, to: &words, at: offset) else { return nil }
    }
    return State(words: words)
  }
}

extension Type {
  /// The named value of a raw one.
  package func value(raw: Int) -> Value {
    switch self {
    case .boolean: .boolean(raw != 0)
    case .range, .integer: .integer(raw)
    case .enumeration(let type):
      type.members.indices.contains(raw) ? .member(type.members[raw]) : .undefined
    case .scalarset(let type): .scalar(type: type.name, index: raw)
    case .record, .array: preconditionFailure("only a simple type has raw values")
    }
  }

  /// The raw value of a named one; nil if it is undefined or not of this type.
  package func raw(_ value: Value) -> Int? {
    let raw: Int?
    switch (self, value) {
    case (.boolean, .boolean(let flag)): raw = flag ? 1 : 0
    case (.range, .integer(let number)): raw = number
    case (.integer, .integer(let number)): return number
    case (.enumeration(let type), .member(let name)): raw = type.members.firstIndex(of: name)
    case (.scalarset(let type), .scalar(let name, let index)): raw = name == type.name ? index : nil
    case (.boolean, _), (.range, _), (.enumeration, _), (.scalarset, _), (.integer, _), (.record, _), (.array, _):
      raw = nil
    }
    guard let raw, let values = rawValues, values.contains(raw) else { return nil }
    return raw
  }

  /// Decodes what lies at a bit.
  func value(in words: [UInt64], at bit: Int) -> Value {
    switch self {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      let bits = BitField(bit: bit, width: encoding.width).read(words)
      return encoding.decode(bits).map(value(raw:)) ?? .undefined
    case .record(let fields):
      return .record(
        fields.enumerated().map { position, field in
          NamedValue(field.name, field.type.value(in: words, at: bit + fieldOffset(position)))
        })
    case .array(let index, let element):
      let width = element.width
      let lower = index.encoding.lower
      return .array(
        (0..<index.count).map {
          IndexedValue(index.value(raw: lower + $0), element.value(in: words, at: bit + $0 * width))
        })
    }
  }

  /// Encodes a value; false if it is not of this type.
  func write(_ value: Value, to words: inout [UInt64], at bit: Int) -> Bool {
    switch self {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      if value == .undefined { return true }
      guard let raw = raw(value) else { return false }
      BitField(bit: bit, width: encoding.width).write(encoding.encode(raw), to: &words)
      return true
    case .record(let fields):
      guard case .record(let parts) = value, parts.map(\.name) == fields.map(\.name) else { return false }
      return parts.enumerated().allSatisfy { position, part in
        fields[position].type.write(part.value, to: &words, at: bit + fieldOffset(position))
      }
    case .array(let index, let element):
      guard case .array(let parts) = value, parts.count == index.count else { return false }
      let lower = index.encoding.lower
      return parts.enumerated().allSatisfy { position, part in
        index.raw(part.index) == lower + position
          && element.write(part.value, to: &words, at: bit + position * element.width)
      }
    }
  }
}
