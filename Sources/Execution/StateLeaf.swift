package import Murphi

/// A simple part of a state: where its bits lie, and which indices lead to it. For passes that rearrange states.
package struct StateLeaf: Sendable {
  /// An index on the way from the variable to the part.
  package struct Index: Sendable {
    /// The scalarset that it is a value of, by `ScalarsetType.declaration`; nil for an index of another type.
    package let scalarset: Int?
    /// Which value, from 0.
    package let ordinal: Int
    /// How many leaves further the next value's counterpart of this leaf is.
    package let stride: Int
  }

  /// The part's type, a simple one.
  package let type: Type
  /// From the outermost to the innermost.
  package let indices: [Index]
  private let field: BitField

  fileprivate init(type: Type, indices: [Index], bit: Int) {
    self.type = type
    self.indices = indices
    field = BitField(bit: bit, width: type.width)
  }

  /// The stored bits: 0 for undefined, otherwise one more than the value's distance from the least one.
  package func read(_ words: UnsafePointer<UInt64>) -> UInt64 { field.read(words) }

  /// Replaces the stored bits.
  package func write(_ bits: UInt64, to words: UnsafeMutablePointer<UInt64>) { field.write(bits, to: words) }
}

extension Program {
  /// Every simple part of a state, in the order of variables, fields and elements.
  package var leaves: [StateLeaf] {
    var leaves: [StateLeaf] = []
    for (variable, offset) in zip(layout.variables, layout.offsets) {
      Self.append(variable.type, at: offset, below: [], to: &leaves)
    }
    return leaves
  }

  private static func append(_ type: Type, at bit: Int, below indices: [StateLeaf.Index], to leaves: inout [StateLeaf])
  {
    switch type {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      leaves.append(StateLeaf(type: type, indices: indices, bit: bit))
    case .record(let fields):
      for (position, field) in fields.enumerated() {
        append(field.type, at: bit + type.fieldOffset(position), below: indices, to: &leaves)
      }
    case .array(let index, let element):
      let stride = element.leafCount
      for ordinal in 0..<index.count {
        let step = StateLeaf.Index(scalarset: index.scalarsetDeclaration, ordinal: ordinal, stride: stride)
        append(element, at: bit + ordinal * element.width, below: indices + [step], to: &leaves)
      }
    }
  }
}

extension Type {
  /// How many simple parts a value has.
  fileprivate var leafCount: Int {
    switch self {
    case .boolean, .range, .enumeration, .scalarset, .integer: 1
    case .record(let fields): fields.reduce(0) { $0 + $1.type.leafCount }
    case .array(let index, let element): index.count * element.leafCount
    }
  }

  /// Which scalarset this is; nil for any other type.
  package var scalarsetDeclaration: Int? {
    guard case .scalarset(let type) = self else { return nil }
    return type.declaration
  }
}

extension BitField {
  /// The bits, at bit 0.
  fileprivate func read(_ words: UnsafePointer<UInt64>) -> UInt64 {
    let word = bit &>> 6
    let shift = UInt64(bit & 63)
    var bits = words[word] &>> shift
    if Int(shift) &+ width > 64 { bits |= words[word &+ 1] &<< (64 &- shift) }
    return width == 64 ? bits : bits & ((1 &<< UInt64(width)) &- 1)
  }

  /// Replaces the bits.
  fileprivate func write(_ bits: UInt64, to words: UnsafeMutablePointer<UInt64>) {
    let mask: UInt64 = width == 64 ? .max : (1 &<< UInt64(width)) &- 1
    let word = bit &>> 6
    let shift = UInt64(bit & 63)
    words[word] = words[word] & ~(mask &<< shift) | bits &<< shift
    guard Int(shift) &+ width > 64 else { return }
    words[word &+ 1] = words[word &+ 1] & ~(mask &>> (64 &- shift)) | bits &>> (64 &- shift)
  }
}
