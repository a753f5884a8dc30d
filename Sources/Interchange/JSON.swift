package import Foundation

/// A JSON value whose objects are not known in advance (an ITF state has a key per variable).
///
/// Decoded by Foundation's coder, written by `JSONWriter`: members in the order in which they were given, which Foundation's
/// encoder does not keep.
package enum JSON: Hashable, Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  /// A number with a fraction: seconds, bytes per state.
  case decimal(Double)
  case string(String)
  case array([JSON])
  case object(Members)

  /// The member of an object; nil if this is no object or has no such key.
  package subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  /// The text of a string; nil for anything else.
  package var text: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  /// The elements of an array; nil for anything else.
  package var elements: [JSON]? {
    guard case .array(let values) = self else { return nil }
    return values
  }
}

extension JSON {
  /// The members of an object, in order. Two are equal if they have the same values under the same keys, in whatever order.
  package struct Members: Hashable, Sendable, ExpressibleByDictionaryLiteral, Sequence {
    /// In the order in which they were added.
    package private(set) var keys: [String]
    private var values: [String: JSON]

    package init() { (keys, values) = ([], [:]) }

    package init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }

    /// In the order of a sequence; of two with one key the first place and the last value count.
    package init(_ elements: some Sequence<(String, JSON)>) {
      self.init()
      for (key, value) in elements { self[key] = value }
    }

    /// A member's value; setting nil removes it, setting a new one adds it at the end.
    package subscript(key: String) -> JSON? {
      get { values[key] }
      set {
        if newValue == nil { keys.removeAll { $0 == key } } else if values[key] == nil { keys.append(key) }
        values[key] = newValue
      }
    }

    package func makeIterator() -> some IteratorProtocol<(String, JSON)> {
      keys.lazy.compactMap { key in values[key].map { (key, $0) } }.makeIterator()
    }

    package static func == (left: Members, right: Members) -> Bool { left.values == right.values }

    package func hash(into hasher: inout Hasher) { hasher.combine(values) }
  }

  /// The value as UTF-8 text, ending in a line feed: the same members in the same order give the same bytes.
  package func encoded() -> Data {
    var writer = JSONWriter()
    writer.write(self, indent: 0)
    return Data((writer.text + "\n").utf8)
  }
}

/// Writes JSON for scripts and people: a line per element, two blanks per level, members in their order.
private struct JSONWriter {
  private(set) var text = ""

  /// Writes a value whose first line is indented already.
  mutating func write(_ json: JSON, indent: Int) {
    switch json {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .decimal(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): write(value)
    case .array(let elements):
      write(elements, between: ("[", "]"), indent: indent) { writer, element in
        writer.write(element, indent: indent + 1)
      }
    case .object(let members):
      write(Array(members), between: ("{", "}"), indent: indent) { writer, member in
        writer.write(member.0)
        writer.text += " : "
        writer.write(member.1, indent: indent + 1)
      }
    }
  }

  /// Writes a list, a line per element.
  private mutating func write<Element>(
    _ elements: [Element], between brackets: (String, String), indent: Int,
    _ write: (inout JSONWriter, Element) -> Void
  ) {
    text += brackets.0
    for (position, element) in elements.enumerated() {
      text += (position == 0 ? "\n" : ",\n") + String(repeating: "  ", count: indent + 1)
      write(&self, element)
    }
    if !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
    text += brackets.1
  }

  /// Writes a string with the escapes that RFC 8259 demands.
  private mutating func write(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      case _: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

extension JSON: Decodable {
  /// A key that is whatever the object says.
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: Key.self) {
      var members = Members()
      for key in container.allKeys { members[key.stringValue] = try container.decode(JSON.self, forKey: key) }
      self = .object(members)
    } else if var container = try? decoder.unkeyedContainer() {
      var elements: [JSON] = []
      while !container.isAtEnd { elements.append(try container.decode(JSON.self)) }
      self = .array(elements)
    } else {
      self = try Self.scalar(decoder.singleValueContainer())
    }
  }

  /// Null, a truth value, a number or a string; anything else is an error that names its place.
  private static func scalar(_ container: any SingleValueDecodingContainer) throws -> JSON {
    if container.decodeNil() { return .null }
    if let value = try? container.decode(Bool.self) { return .boolean(value) }
    if let value = try? container.decode(Int.self) { return .integer(value) }
    if let value = try? container.decode(Double.self) { return .decimal(value) }
    return .string(try container.decode(String.self))
  }
}
