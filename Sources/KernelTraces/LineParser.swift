/// What stands before an event's text: task, CPU, time, name; in any of the three layouts.
import MMUEngine

/// A line, taken apart as far as its event's name.
struct LineHead {
  var task: TaskID
  var cpu: Int32
  var time: UInt64
  /// Where the event's name stands, its group left out.
  var name: Range<Int>
}

/// What every line of the usual layout goes through is inlined there: a tenth of a replay's time.
enum LineParser {
  /// What a line is.
  enum Line {
    case event(LineHead, TextCursor)
    /// A comment, a header, an empty line, a line of a call chain.
    case nothing
    /// The recorder lost events.
    case lost(String)
  }

  /// Reads a line's head. Throws: it is no line of a trace.
  static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, line: Int
  ) throws(TraceError) -> Line {
    var cursor = TextCursor(bytes, range)
    if cursor.end > cursor.position, bytes[cursor.end - 1] == 0x0D { cursor.end -= 1 }
    if cursor.byte == 0x23 { return comment(cursor) }
    if cursor.isAtEnd { return .nothing }
    // Nearly every line is of the usual layout, and its first bracket is the CPU's.
    if let bracket = cpuBracket(cursor, from: cursor.position),
      let task = task(bytes, range.lowerBound..<bracket.open)
    {
      var text = cursor
      text.position = bracket.close + 1
      if let time = time(&text),
        let event = event(LineHead(task: task, cpu: bracket.cpu, time: time, name: 0..<0), &text)
      {
        return event
      }
    }
    return try unusual(bytes, cursor, line: line)
  }

  /// A line whose first bracket is not the CPU's: it is in a task's name, or there is none, or the line is no line of a trace.
  @inline(never)
  private static func unusual(
    _ bytes: UnsafeBufferPointer<UInt8>, _ cursor: TextCursor, line: Int
  ) throws(TraceError) -> Line {
    // The first bracket with a task before and a time behind it is the CPU's.
    var from = cursor.position
    var reason: String?
    while let bracket = cpuBracket(cursor, from: from) {
      from = bracket.close
      var text = cursor
      text.position = bracket.close + 1
      guard let task = task(bytes, cursor.position..<bracket.open) else {
        reason = reason ?? "no task before the CPU: \(cursor.rest)"
        continue
      }
      guard let time = time(&text) else {
        reason = reason ?? "no time after the CPU: \(cursor.rest)"
        continue
      }
      if let event = event(LineHead(task: task, cpu: bracket.cpu, time: time, name: 0..<0), &text) { return event }
      reason = reason ?? "no event's name, the line is cut off or corrupt: \(text.rest)"
    }
    if var latency = LatencyLayout.head(cursor), let event = event(latency.head, &latency.rest) { return event }
    if let found = withoutCPU(cursor) { return found }
    if var perf = withoutBracket(bytes, cursor), let event = event(perf.head, &perf.rest) { return event }
    if isNumbers(cursor) {
      throw TraceError(
        line: line, "ftrace's option raw, hex or bin is on, so that events have no text: switch it off: \(cursor.rest)")
    }
    if line == 1, let tool = recorder(cursor) {
      throw TraceError(line: 1, "this is a recording, not yet text: print it with \(tool)")
    }
    if line == 1, let tool = unpacker(cursor) {
      throw TraceError(line: 1, "this is compressed, and not by gzip: unpack it with \(tool)")
    }
    throw TraceError(line: line, reason ?? "not a line of a trace: \(cursor.rest)")
  }

  /// `comm pid[/tid] time:`, what perf prints without its field `cpu`: the first time with a task before it.
  private static func withoutBracket(
    _ bytes: UnsafeBufferPointer<UInt8>, _ line: TextCursor
  ) -> (head: LineHead, rest: TextCursor)? {
    var cursor = line
    while cursor.skipWord() {
      let end = cursor.position
      var rest = cursor
      rest.skipBlanks()
      guard let time = timeHere(&rest), let task = task(bytes, line.position..<end) else { continue }
      return (LineHead(task: task, cpu: -1, time: time, name: 0..<0), rest)
    }
    return nil
  }

  /// Whether a line has numbers where the others have a task, a CPU, a time and an event's name.
  private static func isNumbers(_ line: TextCursor) -> Bool {
    var cursor = line
    if cursor.seek("type: "), cursor.unsigned() != nil, cursor.isAtEnd { return true }
    cursor = line
    guard cursor.unsigned() != nil, cursor.take(" "), cursor.unsigned() != nil, cursor.take(" ") else { return false }
    return cursor.unsigned() != nil && cursor.take(" # ")
  }

  /// What prints the recording that begins like this as text; nil when it is none that is known.
  private static func recorder(_ start: TextCursor) -> StaticString? {
    var cursor = start
    if cursor.take("PERFILE2") { return "perf script" }
    return cursor.take("\u{17}\u{8}Dtracing") ? "trace-cmd report" : nil
  }

  /// What unpacks a file that begins like this; nil when it is none that is known.
  private static func unpacker(_ start: TextCursor) -> StaticString? {
    func begins(_ bytes: [UInt8]) -> Bool {
      start.end - start.position >= bytes.count && bytes.indices.allSatisfy { start[start.position + $0] == bytes[$0] }
    }
    if begins([0xFD, 0x37, 0x7A, 0x58, 0x5A]) { return "xz -d" }
    if begins([0x28, 0xB5, 0x2F, 0xFD]) { return "zstd -d" }
    return begins([0x42, 0x5A, 0x68]) ? "bzip2 -d" : nil
  }

  /// What stands behind the time: an event's name and its text, or what a tracer prints that is no event; nil when it is
  /// neither, and the cursor is where it broke off.
  @inline(__always)
  private static func event(_ head: LineHead, _ cursor: inout TextCursor) -> Line? {
    var head = head
    cursor.skipBlanks()
    let start = cursor
    if let name = name(&cursor) {
      head.name = name
      cursor.skipBlanks()
      return .event(head, cursor)
    }
    return behindNumber(head, start) ?? withoutName(start)
  }

  /// `perf script -F +period` has the period before the name, `trace-cmd report --ts-diff` the time since the last event: `(+12)`.
  @inline(never)
  private static func behindNumber(_ head: LineHead, _ start: TextCursor) -> Line? {
    var head = head
    var cursor = start
    if cursor.take("(+") {
      guard cursor.unsigned() != nil, cursor.take(")") else { return nil }
    } else {
      guard cursor.decimal() != nil, cursor.byte == 0x20 else { return nil }
    }
    cursor.skipBlanks()
    guard let name = name(&cursor) else { return nil }
    head.name = name
    cursor.skipBlanks()
    return .event(head, cursor)
  }

  /// Entries of a trace that are no events: the function tracer's, stack traces, system calls, perf's own records.
  private static func withoutName(_ start: TextCursor) -> Line? {
    var cursor = start
    if cursor.take("PERF_RECORD_LOST") { return .lost(start.rest) }
    if cursor.take("PERF_RECORD_") || cursor.take("<stack trace>") || cursor.take("<user stack trace>") {
      return .nothing
    }
    // A marker, with ftrace's option `fields`.
    if cursor.take("UNKNOWN TYPE ") { return .nothing }
    // ftrace prints `sys_ioctl(fd: b, …)` and `sys_ioctl -> 0x0`, and the function tracer `callee <-caller`.
    if cursor.take("sys_") { return .nothing }
    return isLetter(cursor.byte) && cursor.seek(" <-") ? .nothing : nil
  }

  /// A comment: nothing, unless it says that the recorder's buffer ran over. ftrace marks where each CPU's buffer begins only then.
  private static func comment(_ start: TextCursor) -> Line {
    var cursor = start
    if cursor.take("##### CPU ") { return cursor.seek("buffer started") ? .lost(start.rest) : .nothing }
    guard cursor.seek("entries-in-buffer/entries-written:") || cursor.take("# latency: ") && cursor.seek(", #"),
      let kept = cursor.decimal(), cursor.take("/"),
      let written = cursor.decimal(), kept < written
    else { return .nothing }
    return .lost(start.rest)
  }

  /// Lines without `[cpu]`: headers, lost events, call chains. Nil: it is none of these.
  private static func withoutCPU(_ start: TextCursor) -> Line? {
    var cursor = start
    cursor.skipBlanks()
    if cursor.isAtEnd { return .nothing }
    if cursor.take("CPU:") || cursor.take("CPU ") {
      var text = cursor
      // ftrace: `CPU:3 [LOST 12 EVENTS]`; trace-cmd: `CPU:3 [12 EVENTS DROPPED]`.
      return cursor.seek("LOST") || text.seek("DROPPED") ? .lost(start.rest) : .nothing
    }
    if cursor.take("cpus=") || cursor.take("version = ") { return .nothing }
    // What perf prints of its own records that belong to no task.
    if cursor.take("PERF_RECORD_LOST") { return .lost(start.rest) }
    if cursor.take("PERF_RECORD_") { return .nothing }
    // A call chain of perf or of ftrace's stacktrace option.
    if start.byte == 0x09 || cursor.take("=>") || cursor.take("<stack trace>") || cursor.take("ffffffff") {
      return .nothing
    }
    return nil
  }

  /// The next ` [digits]` of the line.
  private static func cpuBracket(_ start: TextCursor, from: Int) -> (open: Int, close: Int, cpu: Int32)? {
    var index = from
    while let bracket = start.first(0x5B, from: index) {
      index = bracket
      if index > start.position, start[index - 1] == 0x20 || start[index - 1] == 0x09 {
        var cpu: Int32 = 0
        var digit = index + 1
        while digit < start.end, digit < index + 6, start[digit] >= 0x30, start[digit] <= 0x39 {
          cpu = cpu * 10 + Int32(start[digit] - 0x30)
          digit += 1
        }
        if digit > index + 1, digit < start.end, start[digit] == 0x5D { return (index, digit, cpu) }
      }
      index += 1
    }
    return nil
  }

  /// The thread's number at the end of `comm-pid`, `comm-pid (tgid)`, `comm pid` or `comm pid/tid`.
  private static func task(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> TaskID? {
    var end = range.upperBound
    while end > range.lowerBound, bytes[end - 1] == 0x20 { end -= 1 }
    if end > range.lowerBound, bytes[end - 1] == 0x29 {
      while end > range.lowerBound, bytes[end - 1] != 0x28 { end -= 1 }
      end -= 1
      while end > range.lowerBound, bytes[end - 1] == 0x20 { end -= 1 }
    }
    var start = end
    var value: Int32 = 0
    while start > range.lowerBound, bytes[start - 1] >= 0x30, bytes[start - 1] <= 0x39 { start -= 1 }
    guard start < end, end - start < 10, start > range.lowerBound else { return nil }
    for index in start..<end { value = value * 10 + Int32(bytes[index] - 0x30) }
    return TaskID(value)
  }

  /// Passes flags, reads `seconds.fraction:`. Unit of the result: nanoseconds, or ticks.
  static func time(_ cursor: inout TextCursor) -> UInt64? {
    for _ in 0..<3 {
      cursor.skipBlanks()
      var attempt = cursor
      if let time = timeHere(&attempt) {
        cursor = attempt
        return time
      }
      // Flags hold no bracket: this one was in a task's name, and the CPU's follows.
      if cursor.byte == 0x5B { return nil }
      while !cursor.isAtEnd, cursor.byte != 0x20 { cursor.position += 1 }
    }
    return nil
  }

  /// `seconds.fraction:`, or the ticks of a clock that has no seconds (`tsc`, `counter`): a number and a colon.
  @inline(__always)
  private static func timeHere(_ cursor: inout TextCursor) -> UInt64? {
    guard cursor.byte >= 0x30, cursor.byte <= 0x39, let seconds = cursor.decimal() else { return nil }
    if cursor.byte == 0x3A {
      cursor.position += 1
      return UInt64(seconds)
    }
    guard cursor.byte == 0x2E else { return nil }
    cursor.position += 1
    var fraction: UInt64 = 0
    var digits = 0
    while cursor.byte >= 0x30, cursor.byte <= 0x39, digits < 9 {
      fraction = fraction * 10 + UInt64(cursor.byte - 0x30)
      digits += 1
      cursor.position += 1
    }
    guard digits > 0, cursor.byte == 0x3A, seconds < 1 << 32 else { return nil }
    cursor.position += 1
    while digits < 9 {
      fraction *= 10
      digits += 1
    }
    return UInt64(seconds) * 1_000_000_000 + fraction
  }

  /// `name:` or `group:name:`; returns where the name stands.
  @inline(__always)
  private static func name(_ cursor: inout TextCursor) -> Range<Int>? {
    var start = cursor.position
    while !cursor.isAtEnd {
      let byte = cursor.byte
      if byte == 0x3A {
        let end = cursor.position
        guard end > start else { return nil }
        cursor.position += 1
        if cursor.isAtEnd || cursor.byte == 0x20 { return start..<end }
        start = cursor.position
        continue
      }
      guard byte == 0x5F || byte == 0x2E || byte >= 0x30 && byte <= 0x39 || isLetter(byte) else { return nil }
      cursor.position += 1
    }
    return nil
  }

  private static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A }
}
