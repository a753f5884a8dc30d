/// Reads a trace line by line: ftrace's `trace` file, `trace-cmd report`, `perf script`.
///
/// The three differ in what stands before the event's name:
///   ftrace     `comm-pid [(tgid)] [cpu] flags time: event: text`
///   trace-cmd  `comm-pid [cpu] [flags] time: event: text`, header lines `cpus=N`, `version = N`
///   perf       `comm pid[/tid] [cpu] time: [period] group:event: text`, call chains indented below
///   latency    `comm-pid cpuflags time: event: text`, ftrace's and trace-cmd's
/// A line that is none of these is an error with its number; so are lost events and a clock that goes backwards, because
/// nothing that follows could be trusted. Memory is the buffer, whatever the trace's length.
import Glibc
package import MMUEngine

/// Events that a trace has as fields and not as text.
package struct RawEvents: Hashable, Sendable {
  /// The line of the first.
  package let line: Int
  package let count: Int
}

package struct TraceReader: ~Copyable {
  private var file: TraceFile
  private var buffer = [UInt8](repeating: 0, count: 1 << 20)
  private var start = 0
  private var end = 0
  private var hasEnded = false
  /// Where in the buffer the first NUL byte lies; nil as long as none was read.
  private var firstNUL: Int?
  /// The line read last, from 1.
  package private(set) var line = 0
  private var lastTime: UInt64 = 0
  private var lastTimedLine = 0
  /// Whether the trace has shown that it is out of order, or lacks events.
  private var isDisordered = false
  /// Whether the line read last has no end: the file's last one, which may be cut off anywhere.
  package private(set) var isLastCutOff = false
  /// How the trace spells access rights; nil until an event has shown it.
  package private(set) var accessNames: KernelVersion.AccessNames?
  /// Events that were decoded from their fields, as the tool that printed the trace had no text for them.
  package private(set) var raw: RawEvents?
  /// Completes removals that libtraceevent's plugin has printed.
  private var completion = FrameCompletion()
  /// Whether the event read last lacks its frame.
  private var lacksFrame = false
  /// The names of events that are not compared, in the order of first appearance.
  package private(set) var names: [String] = []

  package init(_ file: consuming TraceFile) { self.file = file }

  /// Bytes behind the last gzip stream that are no part of the trace, as far as it has been read.
  package var garbage: Int { file.garbage }

  /// Whether reading was stopped: the task was cancelled.
  package var isStopped: Bool { file.isStopped }

  /// The next event; nil at the end. Throws: the line cannot be understood.
  package mutating func next() throws(TraceError) -> TraceRecord? {
    while true {
      if var record = completion.takeFirst() {
        // Nothing has told its frame.
        if record.content == .otherMMU(EventName(-1)) {
          record.content.name(intern(EventKind.prepareZapPage.rawValue))
        }
        return record
      }
      guard let record = try read() else {
        guard completion.isHolding else { return nil }
        completion.giveUp()
        continue
      }
      if !completion.isNeeded { return record }
      completion.take(record, lacksFrame: lacksFrame)
    }
  }

  /// Whether what follows within so many records is out of order, or lost: then what was read so far may be, too.
  package mutating func disorder(within count: Int) -> TraceError? {
    for _ in 0..<count {
      do throws(TraceError) {
        guard try next() != nil else { return nil }
      } catch {
        return isDisordered ? error : nil
      }
    }
    return nil
  }

  /// The next line with an event, which may still lack its frame.
  private mutating func read() throws(TraceError) -> TraceRecord? {
    while let range = try nextLine() {
      line += 1
      let record = try parse(range)
      if let firstNUL, range.contains(firstNUL) {
        throw TraceError(line: line, "a NUL byte is in this line: the trace is corrupt")
      }
      guard let record else { continue }
      if record.time < lastTime {
        isDisordered = true
        throw TraceError(
          line: line, "time goes back behind line \(lastTimedLine): the trace has been reordered")
      }
      lastTime = record.time
      lastTimedLine = line
      return record
    }
    return nil
  }

  /// Takes one line apart; nil for lines without an event.
  private mutating func parse(_ range: Range<Int>) throws(TraceError) -> TraceRecord? {
    let number = line
    var unknown: String?
    var notes = EventNotes()
    var isRaw = false
    var lost: String?
    var record = try buffer.withUnsafeBufferPointer { bytes throws(TraceError) -> TraceRecord? in
      switch try LineParser.parse(bytes, range, line: number) {
      case .nothing: return nil
      case .lost(let text):
        lost = text
        return nil
      case .event(let head, var cursor):
        let kind = EventKind.named(hash: EventKind.hash(UnsafeBufferPointer(rebasing: bytes[head.name])))
        var content = TraceContent.other(EventName(-1))
        if let kind {
          let found = try Self.content(kind, &cursor, &notes, line: number, isRaw: &isRaw)
          try Self.refuseOldKernel(found, line: number)
          content = found
        }
        if kind == nil, cursor.byte == 0x28, let probe = probe(bytes, head.name, cursor) { content = probe }
        if case .other = content { unknown = cursor.text(head.name) }
        if case .otherMMU = content { unknown = cursor.text(head.name) }
        if case .userspaceExit = content { unknown = cursor.text(head.name) }
        return TraceRecord(line: number, task: head.task, cpu: head.cpu, time: head.time, content: content)
      }
    }
    if let lost {
      isDisordered = true
      throw TraceError(line: number, "the recorder lost events here: \(lost)")
    }
    if accessNames == nil { accessNames = notes.accessNames }
    lacksFrame = notes.lacksFrame
    if notes.isFromPlugin, !completion.isNeeded, let names = notes.accessNames {
      completion = FrameCompletion(names)
    }
    if isRaw { raw = RawEvents(line: raw?.line ?? number, count: (raw?.count ?? 0) + 1) }
    if let unknown { record?.content.name(intern(unknown)) }
    return record
  }

  /// What a probe of another name says, by the function that it is set on; nil when it is none that is known.
  @inline(never)
  private func probe(
    _ bytes: UnsafeBufferPointer<UInt8>, _ name: Range<Int>, _ cursor: TextCursor
  ) -> TraceContent? {
    var cursor = cursor
    guard let kind = ProbedFunction.kind(cursor) else { return nil }
    var notes = EventNotes()
    return EventParser.content(kind, &cursor, &notes)
  }

  /// What an event of a known kind says. Throws: its text, or the fields that stand for it, cannot be understood.
  @inline(__always)
  private static func content(
    _ kind: EventKind, _ cursor: inout TextCursor, _ notes: inout EventNotes, line: Int, isRaw: inout Bool
  ) throws(TraceError) -> TraceContent {
    let start = cursor
    if let found = EventParser.content(kind, &cursor, &notes) { return found }
    isRaw = true
    return try fields(kind, start, &notes, line: line, broken: cursor)
  }

  @inline(never)
  private static func fields(
    _ kind: EventKind, _ text: TextCursor, _ notes: inout EventNotes, line: Int, broken: TextCursor
  ) throws(TraceError) -> TraceContent {
    var cursor = text
    let form = RawFieldParser.form(&cursor)
    if let form, form != .raw, let found = RawFieldParser.content(kind, cursor, &notes) { return found }
    let reason =
      switch form {
      case nil: "not understood, cut off or corrupt: \(broken.rest)"
      case .failed:
        "came without its text ([FAILED TO PARSE]), and its fields do not say enough:\(cursor.rest); print the trace where "
          + "trace-cmd has its kvm plugin (trace-cmd list -P), or take ftrace's own text"
      case .ftrace: "came as fields (ftrace's option fields), and they do not say enough:\(cursor.rest)"
      case .raw: "came as fields in bases that are not told: print the trace without -R, -r or -n: \(text.rest)"
      }
    throw TraceError(line: line, "\(kind.rawValue) \(reason)")
  }

  /// Older kernels than those that are known have another value for an entry without a page: a table that is linked shows it.
  private static func refuseOldKernel(_ content: TraceContent, line: Int) throws(TraceError) {
    guard case .mmu(.spteChanged(_, _, let level, let old, let new)) = content, old.rawValue == 0,
      level > .page4K, new.isTable(at: level)
    else { return }
    let known = KernelVersion.traced.map(\.name).joined(separator: ", ")
    throw TraceError(
      line: line, "an empty entry is 0 and not 8000000000000000: a kernel older than those that are known (\(known))")
  }

  /// How many names are kept apart; those beyond share one, so that a trace cannot fill the memory with them.
  private static let nameLimit = 256

  private mutating func intern(_ name: String) -> EventName {
    if let index = names.firstIndex(of: name) { return EventName(Int32(index)) }
    if names.count > Self.nameLimit { return EventName(Int32(Self.nameLimit)) }
    names.append(names.count == Self.nameLimit ? "(further names)" : name)
    return EventName(Int32(names.count - 1))
  }

  /// The bytes of the next line without its end; nil when there are no more.
  private mutating func nextLine() throws(TraceError) -> Range<Int>? {
    var scanned = start
    while true {
      if let newline = find(0x0A, from: scanned, to: end) {
        defer { start = newline + 1 }
        return start..<newline
      }
      scanned = end
      if hasEnded {
        guard start < end, !isStopped else { return nil }
        defer { start = end }
        isLastCutOff = true
        return start..<end
      }
      try refill()
      scanned = start
    }
  }

  /// Where a byte stands first in a part of the buffer.
  private func find(_ byte: Int32, from: Int, to end: Int) -> Int? {
    guard from < end else { return nil }
    return buffer.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, let found = memchr(base + from, byte, end - from) else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  /// Moves what is left to the front and reads on.
  private mutating func refill() throws(TraceError) {
    if start > 0 {
      buffer.withUnsafeMutableBytes { bytes in
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      }
      end -= start
      firstNUL = firstNUL.map { $0 - start }
      start = 0
    }
    guard end < buffer.count else { throw TraceError(line: line + 1, "the line is longer than \(buffer.count) bytes") }
    let count = try file.read(into: &buffer, at: end, line: line + 1)
    if firstNUL == nil { firstNUL = find(0, from: end, to: end + count) }
    end += count
    if count == 0 { hasEnded = true }
  }
}

extension TraceContent {
  /// Puts the interned name in.
  fileprivate mutating func name(_ name: EventName) {
    switch self {
    case .other: self = .other(name)
    case .otherMMU: self = .otherMMU(name)
    case .userspaceExit: self = .userspaceExit(name)
    default: break
    }
  }
}
