import Synchronization

/// Text that several tasks may append to.
final class Accumulated: Sendable {
  private let storage = Mutex("")

  var value: String { storage.withLock { $0 } }

  func append(_ more: String) { storage.withLock { $0 += more } }
}
