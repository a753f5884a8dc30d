import Synchronization

/// Bytes that several tasks may append to.
final class Accumulated: Sendable {
  private let storage = Mutex<[UInt8]>([])

  var value: [UInt8] { storage.withLock { $0 } }

  func append(_ more: [UInt8]) { storage.withLock { $0 += more } }
}
