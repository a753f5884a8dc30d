import CIntrinsics
import Glibc

/// The exact set of visited states, and the states themselves in the order in which they were found.
///
/// - States lie in an arena of chunks that never move; a state's number is its position, so a level of a breadth-first
///   search is a range of numbers. Beside each lies the number of the state it was first reached from.
/// - The hash table is open-addressed with linear probing; the slot comes from the hash's top bits. One-word states are
///   stored in the slots themselves (one cache miss per look-up). Wider ones have their number in the low 32 bits and the
///   hash's low 32 bits above, so that all but one in 2^32 unequal states are told apart without touching the arena; the
///   arena decides, so the set stays exact.
/// - *Heuristic*: load at most 0.7, doubling, rebuilt by walking the arena; huge pages for the table, a third of the time of
///   random look-ups; a prefetch when the hash is known, a batch before the look-up.
///
/// Safety: all pointers belong to the object, are used by one task at a time and freed in `deinit`; slots are masked by the
/// table's size, numbers are below `count`.
final class StateSet {
  /// Words of a state.
  let stateWords: Int
  /// States in the set.
  private(set) var count = 0
  private var slots: UnsafeMutablePointer<UInt64>
  private var slotBits: Int
  /// Of one-word states: whether the state 0, which no slot can hold, is in the set, and its number.
  private var holdsZero = false
  private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
  private var parents: UnsafeMutablePointer<UnsafeMutablePointer<UInt32>>
  private var chunkCount = 0
  private var chunkCapacity = 64

  /// States per chunk.
  private static let chunkStates = 1 << chunkBits
  private static let chunkBits = 15
  /// The most states that a set can hold.
  static let capacity = Int(UInt32.max) - 1

  init(stateWords: Int) {
    self.stateWords = stateWords
    slotBits = 14
    slots = Self.allocateSlots(bits: slotBits)
    chunks = .allocate(capacity: chunkCapacity)
    parents = .allocate(capacity: chunkCapacity)
  }

  deinit {
    free(slots)
    for chunk in 0..<chunkCount {
      chunks[chunk].deallocate()
      parents[chunk].deallocate()
    }
    chunks.deallocate()
    parents.deallocate()
  }

  /// Bytes that the set takes for its states, parents and table.
  var bytes: Int { count * (stateWords * 8 + 4) + 8 << slotBits }

  /// What `bytes` will be when one more state is in the set: its table may have to double first.
  var bytesForOneMore: Int {
    let isFull = (count + 1) * 10 > 7 << slotBits
    return (count + 1) * (stateWords * 8 + 4) + 8 << (isFull ? slotBits + 1 : slotBits)
  }

  /// A state, by number.
  @inline(__always)
  func state(_ number: Int) -> UnsafeMutablePointer<UInt64> {
    chunks[number &>> Self.chunkBits] + (number & (Self.chunkStates &- 1)) &* stateWords
  }

  /// The state that a state was first reached from.
  func parent(of number: Int) -> Int {
    Int(parents[number &>> Self.chunkBits][number & (Self.chunkStates &- 1)])
  }

  /// The hash of a state.
  @inline(__always)
  func hash(_ state: UnsafePointer<UInt64>) -> UInt64 {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    for word in 0..<stateWords {
      let product = (hash ^ state[word]).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      hash = product.high ^ product.low &+ 0x2545_F491_4F6C_DD1D
    }
    hash ^= hash &>> 32
    return hash &* 0xA24B_AED4_963E_E407
  }

  /// Asks for the cache line where a look-up of this hash begins.
  @inline(__always)
  func prefetch(_ hash: UInt64) {
    kvmcheck_prefetch(slots + Int(truncatingIfNeeded: hash &>> UInt64(64 &- slotBits)))
  }

  /// Whether a state is in the set.
  @inline(__always)
  func contains(_ state: UnsafePointer<UInt64>, hash: UInt64) -> Bool {
    stateWords == 1 ? containsWord(state[0], hash) : containsWide(state, hash)
  }

  /// Whether a one-word state is in the set.
  @inline(__always)
  private func containsWord(_ word: UInt64, _ hash: UInt64) -> Bool {
    guard word != 0 else { return holdsZero }
    let mask = 1 &<< slotBits &- 1
    var slot = Int(truncatingIfNeeded: hash &>> UInt64(64 &- slotBits))
    while true {
      let found = slots[slot]
      if found == word { return true }
      if found == 0 { return false }
      slot = (slot &+ 1) & mask
    }
  }

  /// Whether a wide state is in the set.
  private func containsWide(_ state: UnsafePointer<UInt64>, _ hash: UInt64) -> Bool {
    let mask = (1 &<< slotBits) &- 1
    let tag = hash &<< 32
    var slot = Int(truncatingIfNeeded: hash &>> UInt64(64 &- slotBits))
    while true {
      let found = slots[slot]
      if found == 0 { return false }
      if found & ~0xFFFF_FFFF == tag {
        let other = self.state(Int(truncatingIfNeeded: found & 0xFFFF_FFFF) &- 1)
        if memcmp(other, state, stateWords &* 8) == 0 { return true }
      }
      slot = (slot &+ 1) & mask
    }
  }

  /// Adds a state that is not in the set. Returns its number.
  func insert(_ state: UnsafePointer<UInt64>, hash: UInt64, parent: Int) -> Int {
    if (count + 1) * 10 > 7 << slotBits { grow() }
    let number = count
    let (chunk, position) = (number >> Self.chunkBits, number & (Self.chunkStates - 1))
    if chunk == chunkCount { addChunk() }
    (chunks[chunk] + position * stateWords).update(from: state, count: stateWords)
    parents[chunk][position] = UInt32(truncatingIfNeeded: parent)
    count += 1
    place(state, hash, number)
    return number
  }

  /// Puts a state's entry into the first free slot.
  private func place(_ state: UnsafePointer<UInt64>, _ hash: UInt64, _ number: Int) {
    let entry = stateWords == 1 ? state[0] : hash &<< 32 | UInt64(number + 1)
    guard entry != 0 else {
      holdsZero = true
      return
    }
    let mask = (1 &<< slotBits) &- 1
    var slot = Int(truncatingIfNeeded: hash &>> UInt64(64 &- slotBits))
    while slots[slot] != 0 { slot = (slot &+ 1) & mask }
    slots[slot] = entry
  }

  /// Doubles the table.
  private func grow() {
    free(slots)
    slotBits += 1
    slots = Self.allocateSlots(bits: slotBits)
    for number in 0..<count { place(state(number), hash(state(number)), number) }
  }

  /// Adds room for states.
  private func addChunk() {
    if chunkCount == chunkCapacity {
      let (oldChunks, oldParents) = (chunks, parents)
      chunks = .allocate(capacity: 2 * chunkCapacity)
      parents = .allocate(capacity: 2 * chunkCapacity)
      chunks.moveInitialize(from: oldChunks, count: chunkCount)
      parents.moveInitialize(from: oldParents, count: chunkCount)
      oldChunks.deallocate()
      oldParents.deallocate()
      chunkCapacity *= 2
    }
    (chunks + chunkCount).initialize(to: .allocate(capacity: Self.chunkStates * stateWords))
    (parents + chunkCount).initialize(to: .allocate(capacity: Self.chunkStates))
    chunkCount += 1
  }

  /// An empty table; in huge pages where it fills some.
  private static func allocateSlots(bits: Int) -> UnsafeMutablePointer<UInt64> {
    let bytes = 8 << bits
    var memory: UnsafeMutableRawPointer?
    let huge = 1 << 21
    guard posix_memalign(&memory, bytes >= huge ? huge : 4096, bytes) == 0, let memory else {
      preconditionFailure("out of memory for \(bytes) bytes of a hash table")
    }
    if bytes >= huge { madvise(memory, bytes, MADV_HUGEPAGE) }
    memset(memory, 0, bytes)
    return memory.bindMemory(to: UInt64.self, capacity: 1 << bits)
  }
}
