/// The successors of a batch of states, in the order in which rumur would meet them.
///
/// Generating and looking up alternate in batches, so that the table's cache lines are on their way while further successors
/// are computed. The order of the events, and with it every count and every trace, is the same as one at a time.
///
/// A class with pointers, because a struct stored in the search would pay an exclusivity check per event.
final class SuccessorBuffer {
  /// What happened.
  enum Kind: UInt8 {
    /// A rule led to another state.
    case successor
    /// A rule changed nothing.
    case stutter
    /// A rule failed; the words are the state as far as its body came.
    case failure
    /// All rules of a state were tried, and some made progress / none did.
    case progressed, stuck
  }

  /// One event.
  struct Event {
    let kind: Kind
    let rule: Int32
    let copy: Int32
    /// The state that the rule was fired in, by number.
    let parent: UInt32
    /// The successor's hash; of a failure: its position among the batch's.
    let hash: UInt64
  }

  private(set) var count = 0
  private let stateWords: Int
  private var capacity = 1 << 10
  private var events: UnsafeMutablePointer<Event>
  private var words: UnsafeMutablePointer<UInt64>

  init(stateWords: Int) {
    self.stateWords = stateWords
    events = .allocate(capacity: capacity)
    words = .allocate(capacity: capacity * stateWords)
  }

  deinit {
    events.deallocate()
    words.deallocate()
  }

  /// An event, by position.
  subscript(position: Int) -> Event { events[position] }

  /// The state of an event.
  func state(_ position: Int) -> UnsafeMutablePointer<UInt64> { words + position &* stateWords }

  /// Adds an event with a state.
  @inline(__always)
  func append(_ event: Event, _ state: UnsafePointer<UInt64>) {
    if count == capacity { grow() }
    (events + count).initialize(to: event)
    (words + count &* stateWords).update(from: state, count: stateWords)
    count &+= 1
  }

  /// Empties the buffer.
  func removeAll() { count = 0 }

  /// Doubles the room.
  private func grow() {
    let (oldEvents, oldWords) = (events, words)
    events = .allocate(capacity: 2 * capacity)
    words = .allocate(capacity: 2 * capacity * stateWords)
    events.moveInitialize(from: oldEvents, count: count)
    words.moveInitialize(from: oldWords, count: count * stateWords)
    oldEvents.deallocate()
    oldWords.deallocate()
    capacity *= 2
  }
}
