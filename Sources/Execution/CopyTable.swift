/// Where the code of each copy begins, and its parameters if the code is shared: what a hot loop needs of families.
package final class CopyTable {
  /// How many copies there are.
  package let count: Int
  private let entries: UnsafeMutablePointer<Entry>
  private let parameters: UnsafeMutablePointer<Int>

  /// A copy.
  struct Entry {
    let code: Int32
    /// The position of what it is a copy of.
    let position: Int32
    /// Where its parameters begin, after their number; −1 if the code is its own.
    let parameters: Int32
  }

  init(_ families: [Family]) {
    var entries: [Entry] = []
    var values: [Int] = []
    for family in families {
      let isSpecialised = family.entries.count == family.count
      for ordinal in 0..<family.count {
        let code = Int32(truncatingIfNeeded: family.entries[isSpecialised ? ordinal : 0])
        let position = Int32(truncatingIfNeeded: family.position)
        let start = isSpecialised ? -1 : Int32(truncatingIfNeeded: values.count)
        entries.append(Entry(code: code, position: position, parameters: start))
        if !isSpecialised { values += [family.parameters.count] + family.parameters(ofCopy: ordinal) }
      }
    }
    count = entries.count
    self.entries = .allocate(capacity: max(1, count))
    self.entries.initialize(from: entries, count: count)
    parameters = .allocate(capacity: max(1, values.count))
    parameters.initialize(from: values, count: values.count)
  }

  deinit {
    entries.deallocate()
    parameters.deallocate()
  }

  /// The position, in the model, of what a copy is a copy of.
  package func position(ofCopy copy: Int) -> Int { Int(entries[copy].position) }

  /// Runs a copy.
  func run(_ copy: Int, on machine: Machine) -> Outcome {
    let entry = entries[copy]
    if entry.parameters >= 0 {
      let values = parameters + Int(entry.parameters)
      for position in 0..<values[0] { machine.registers[position + 1] = values[position + 1] }
    }
    return machine.run(from: Int(entry.code))
  }
}
