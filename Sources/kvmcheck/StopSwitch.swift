import Dispatch
import Foundation
import Synchronization

/// Why the command has to end early. Set once, by a signal or the clock; the first reason counts.
final class StopSwitch: Sendable {
  enum Reason: Int, Sendable {
    case none = 0
    case interrupted = 1
    case time = 2
    case memory = 3
  }

  private let state = Atomic<Int>(0)

  /// Where signals, the clock and the memory limit are looked after. *Required* to be a queue of our own: on Linux the global ones share their
  /// threads, one per core, with tasks, and searches on every core would keep all three waiting until one of them has finished.
  private static let queue = DispatchQueue(label: "kvmcheck.stop")

  /// The first reason given; `.none` while the command may go on.
  var reason: Reason { Reason(rawValue: state.load(ordering: .acquiring)) ?? .none }

  /// Records the reason unless there is one already.
  func stop(_ reason: Reason) {
    _ = state.compareExchange(expected: 0, desired: reason.rawValue, ordering: .acquiringAndReleasing)
  }

  /// Runs `work` as a task that SIGINT, SIGTERM, the time limit and the memory limit cancel. What is known by then is printed by
  /// `work` itself.
  func running<Result: Sendable>(
    timeout: Double?, memory: Int?, _ work: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let (canceller, sources) = watchSignals()
    let isOver = memory.map(Self.isExceeded) ?? false
    if isOver { stop(.memory) }
    let task = Task {
      if isOver { withUnsafeCurrentTask { $0?.cancel() } }
      return try await work()
    }
    canceller.aim { task.cancel() }
    let clock = timeout.map { startTimer(seconds: $0, cancelling: task) }
    let watch = memory.map { watchMemory(bytes: $0, cancelling: task) }
    defer {
      clock?.cancel()
      watch?.cancel()
      for source in sources { source.cancel() }
    }
    return try await task.value
  }

  /// Watches SIGINT and SIGTERM, and returns when the kernel delivers them to us: a signal that comes before that would be lost.
  private func watchSignals() -> (Canceller, [any DispatchSourceSignal]) {
    let canceller = Canceller()
    let registered = DispatchSemaphore(value: 0)
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: Self.queue)
      source.setRegistrationHandler { registered.signal() }
      source.setEventHandler {
        self.stop(.interrupted)
        canceller.cancel()
      }
      source.resume()
      return source
    }
    for _ in sources { registered.wait() }
    return (canceller, sources)
  }

  /// Stops the command when the time is over.
  private func startTimer<Result: Sendable>(
    seconds: Double, cancelling task: Task<Result, any Error>
  ) -> any DispatchSourceTimer {
    let timer = DispatchSource.makeTimerSource(queue: Self.queue)
    timer.schedule(deadline: .now() + seconds)
    timer.setEventHandler {
      self.stop(.time)
      task.cancel()
    }
    timer.resume()
    return timer
  }

  /// Compares what the process has in memory with the limit, now and then every few milliseconds.
  private func watchMemory<Result: Sendable>(
    bytes limit: Int, cancelling task: Task<Result, any Error>
  ) -> any DispatchSourceTimer {
    let timer = DispatchSource.makeTimerSource(queue: Self.queue)
    timer.schedule(deadline: .now(), repeating: .milliseconds(5))
    timer.setEventHandler {
      guard Self.isExceeded(limit) else { return }
      self.stop(.memory)
      task.cancel()
    }
    timer.resume()
    return timer
  }

  /// Whether the process has more in memory than this now.
  private static func isExceeded(_ limit: Int) -> Bool { ResidentMemory.bytes().map { $0 > limit } ?? false }
}

/// What the kernel says of this process.
enum ResidentMemory {
  /// Bytes of the process that lie in memory now; nil where there is no /proc.
  static func bytes() -> Int? {
    let file = open("/proc/self/statm", O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 128)
    let count = read(file, &text, text.count)
    guard count > 0 else { return nil }
    let fields = String(decoding: text[..<count], as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(getpagesize())
  }
}

/// What a signal cancels, known only after signals are watched already.
private final class Canceller: Sendable {
  private let state = Mutex<(isCancelled: Bool, action: (@Sendable () -> Void)?)>((false, nil))

  /// Sets what to cancel; does it at once if a signal came before.
  func aim(_ action: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      state.action = action
      return state.isCancelled
    }
    if isLate { action() }
  }

  func cancel() {
    let action = state.withLock { state in
      state.isCancelled = true
      return state.action
    }
    action?()
  }
}
