/// Which frame of the traced machine each table of the engine has, and which hashed pointer each entry: two bijections.
///
/// A pair is made at the first event that shows it and must hold as long as the table lives. A frame or pointer that is
/// claimed twice is a difference.
import MMUEngine

struct FrameRenaming {
  /// Trace's frame by table; 0 is none.
  private var frameByTable: [UInt64] = []
  private var tableByFrame: [UInt64: TableID] = [:]
  /// Physical address in the trace by hashed pointer, and back.
  private var addressByPointer: [UInt64: UInt64] = [:]
  private var pointerByAddress: [UInt64: UInt64] = [:]

  /// The trace's frame of a table; nil when none was shown.
  func frame(of table: TableID) -> UInt64? {
    let index = Int(table.rawValue)
    guard index < frameByTable.count, frameByTable[index] != 0 else { return nil }
    return frameByTable[index]
  }

  /// The table that has this frame.
  func table(at frame: UInt64) -> TableID? { tableByFrame[frame] }

  /// Pairs a table with a frame. Requires: neither has a partner.
  mutating func bind(_ table: TableID, _ frame: UInt64) {
    let index = Int(table.rawValue)
    while frameByTable.count <= index { frameByTable.append(0) }
    frameByTable[index] = frame
    tableByFrame[frame] = table
  }

  /// Forgets a table that was freed, and the pointers of its entries.
  mutating func release(_ table: TableID) {
    guard let frame = frame(of: table) else { return }
    frameByTable[Int(table.rawValue)] = 0
    tableByFrame[frame] = nil
    guard !pointerByAddress.isEmpty else { return }
    for index in 0..<512 {
      if let pointer = pointerByAddress.removeValue(forKey: frame << 12 | UInt64(index) << 3) {
        addressByPointer[pointer] = nil
      }
    }
  }

  /// Whether a hashed pointer names this address, and no other pointer does; pairs them at first sight.
  mutating func pair(pointer: UInt64, address: UInt64) -> Bool {
    switch (addressByPointer[pointer], pointerByAddress[address]) {
    case (nil, nil):
      addressByPointer[pointer] = address
      pointerByAddress[address] = pointer
      return true
    case (let known?, let back?): return known == address && back == pointer
    case (nil, _?), (_?, nil): return false
    }
  }
}
