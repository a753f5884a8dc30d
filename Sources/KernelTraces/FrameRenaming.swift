/// Which frame of the traced machine each table of the engine has, and which hashed pointer each entry: two bijections.
///
/// A pair is made at the first event that shows it and must hold as long as the table lives. A frame or pointer that is
/// claimed twice is a difference. One exception: the kernel prints 32 bits of a pointer's hash, so that of many thousand
/// entries two may have the same one, and about as many may as chance makes.
import MMUEngine

struct FrameRenaming {
  /// Trace's frame by table; 0 is none.
  private var frameByTable: [UInt64] = []
  private var tableByFrame: [UInt64: TableID] = [:]
  /// Physical address in the trace by hashed pointer, and back.
  private var addressByPointer: [UInt64: UInt64] = [:]
  private var pointerByAddress: [UInt64: UInt64] = [:]
  /// Addresses whose pointer was another's already.
  private var collided: Set<UInt64> = []
  /// How many pairs were made so far, and how many pointers were another's.
  private var pairs: UInt64 = 0
  private var collisions: UInt64 = 0
  /// What was changed since `begin`, so that it can be taken back.
  private var changes: [Change] = []
  private var isRecording = false

  private enum Change {
    case bound(TableID, UInt64)
    case released(TableID, UInt64)
    case paired(pointer: UInt64, address: UInt64)
    case parted(pointer: UInt64, address: UInt64)
    case collided(pointer: UInt64, address: UInt64)
    case partedCollided(pointer: UInt64, address: UInt64)
  }

  /// Begins to remember changes.
  mutating func begin() {
    changes = []
    isRecording = true
  }

  /// Ends that; the changes stay.
  mutating func end() {
    changes = []
    isRecording = false
  }

  /// Takes back what was changed since `begin`.
  mutating func takeBack() {
    while let change = changes.popLast() {
      switch change {
      case .bound(let table, let frame):
        frameByTable[Int(table.rawValue)] = 0
        tableByFrame[frame] = nil
      case .released(let table, let frame):
        frameByTable[Int(table.rawValue)] = frame
        tableByFrame[frame] = table
      case .paired(let pointer, let address):
        pairs -= 1
        addressByPointer[pointer] = nil
        pointerByAddress[address] = nil
      case .parted(let pointer, let address):
        addressByPointer[pointer] = address
        pointerByAddress[address] = pointer
      case .collided(_, let address):
        pointerByAddress[address] = nil
        collided.remove(address)
        pairs -= 1
        collisions -= 1
      case .partedCollided(let pointer, let address):
        pointerByAddress[address] = pointer
        collided.insert(address)
      }
    }
  }

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
    if isRecording { changes.append(.bound(table, frame)) }
  }

  /// Forgets a table that was freed, and the pointers of its entries.
  mutating func release(_ table: TableID) {
    guard let frame = frame(of: table) else { return }
    frameByTable[Int(table.rawValue)] = 0
    tableByFrame[frame] = nil
    if isRecording { changes.append(.released(table, frame)) }
    guard !pointerByAddress.isEmpty else { return }
    for index in 0..<512 {
      let address = frame << 12 | UInt64(index) << 3
      guard let pointer = pointerByAddress.removeValue(forKey: address) else { continue }
      if collided.remove(address) != nil {
        if isRecording { changes.append(.partedCollided(pointer: pointer, address: address)) }
      } else {
        addressByPointer[pointer] = nil
        if isRecording { changes.append(.parted(pointer: pointer, address: address)) }
      }
    }
  }

  /// The hashed pointer of the entry at an address of the trace; nil when none was shown.
  func pointer(of address: UInt64?) -> UInt64? { address.flatMap { pointerByAddress[$0] } }

  /// What an entry's pointer says.
  enum Pairing {
    case same
    /// The pointer is another entry's, by chance.
    case collision
    case different
  }

  /// Whether a hashed pointer names this address, and no other pointer does; pairs them at first sight.
  mutating func pair(pointer: UInt64, address: UInt64) -> Pairing {
    if let back = pointerByAddress[address] {
      return back == pointer && (collided.contains(address) || addressByPointer[pointer] == address)
        ? .same : .different
    }
    let isCollision = addressByPointer[pointer] != nil
    guard !isCollision || mayCollide(pointer) else { return .different }
    pairs += 1
    pointerByAddress[address] = pointer
    if isCollision {
      collisions += 1
      collided.insert(address)
    } else {
      addressByPointer[pointer] = address
    }
    if isRecording {
      changes.append(
        isCollision ? .collided(pointer: pointer, address: address) : .paired(pointer: pointer, address: address))
    }
    return isCollision ? .collision : .same
  }

  /// Whether one more collision is nothing out of the ordinary: where a few in a thousand traces of this length have one, the
  /// first; then as many as twice what is to be expected.
  private func mayCollide(_ pointer: UInt64) -> Bool {
    let chances = pairs * UInt64(pointerByAddress.count)
    return pointer >> 32 == 0 && chances >= 1 << 24 && collisions <= chances >> 31
  }
}
