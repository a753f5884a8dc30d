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

enum LineParser {
  /// What a line is.
  enum Line {
    case event(LineHead, TextCursor)
    /// A comment, a header, an empty line, a line of a call chain.
    case none
    /// The recorder lost events.
    case lost(String)
  }

  /// Reads a line's head. Throws: it is no line of a trace.
  static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, line: Int
  ) throws(TraceError) -> Line {
    var cursor = TextCursor(bytes, range)
    if cursor.end > cursor.position, bytes[cursor.end - 1] == 0x0D { cursor.end -= 1 }
    let first = cursor.byte
    if first == 0x23 || cursor.isAtEnd { return .none }
    guard let bracket = cpuBracket(cursor) else { return try withoutCPU(cursor, line) }
    var head = LineHead(task: TaskID(0), cpu: bracket.cpu, time: 0, name: 0..<0)
    guard let task = task(bytes, range.lowerBound..<bracket.open) else {
      throw TraceError(line: line, "no task before the CPU: \(cursor.rest.prefix(80))")
    }
    head.task = task
    cursor.position = bracket.close + 1
    guard let time = time(&cursor) else {
      throw TraceError(line: line, "no time after the CPU: \(cursor.rest.prefix(80))")
    }
    head.time = time
    cursor.skipBlanks()
    guard let name = name(&cursor) else {
      throw TraceError(line: line, "no event's name, the line is cut off or corrupt: \(cursor.rest.prefix(80))")
    }
    head.name = name
    cursor.skipBlanks()
    return .event(head, cursor)
  }

  /// Lines without `[cpu]`: headers, lost events, call chains.
  private static func withoutCPU(_ start: TextCursor, _ line: Int) throws(TraceError) -> Line {
    var cursor = start
    cursor.skipBlanks()
    if cursor.isAtEnd { return .none }
    if cursor.take("CPU:") || cursor.take("CPU ") {
      return cursor.seek("LOST") ? .lost(start.rest) : .none
    }
    if cursor.take("cpus=") || cursor.take("version = ") { return .none }
    // A call chain of perf or of ftrace's stacktrace option.
    if start.byte == 0x09 || cursor.take("=>") || cursor.take("<stack trace>") || cursor.take("ffffffff") {
      return .none
    }
    throw TraceError(line: line, "not a line of a trace: \(cursor.rest.prefix(80))")
  }

  /// The first ` [digits]` of the line.
  private static func cpuBracket(_ start: TextCursor) -> (open: Int, close: Int, cpu: Int32)? {
    var index = start.position
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

  /// Passes flags, reads `seconds.fraction:`. Unit of the result: nanoseconds.
  private static func time(_ cursor: inout TextCursor) -> UInt64? {
    for _ in 0..<3 {
      cursor.skipBlanks()
      var attempt = cursor
      if let time = timeHere(&attempt) {
        cursor = attempt
        return time
      }
      while !cursor.isAtEnd, cursor.byte != 0x20 { cursor.position += 1 }
    }
    return nil
  }

  private static func timeHere(_ cursor: inout TextCursor) -> UInt64? {
    guard cursor.byte >= 0x30, cursor.byte <= 0x39, let seconds = cursor.decimal(), cursor.byte == 0x2E else {
      return nil
    }
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
      guard byte == 0x5F || byte == 0x2E || byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
      else {
        return nil
      }
      cursor.position += 1
    }
    return nil
  }
}
