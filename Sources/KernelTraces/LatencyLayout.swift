/// The latency layout of ftrace (`latency-format`) and of `trace-cmd report -l`: `comm-pid CPUflags time`, no brackets.
///
/// ftrace prints the time as whole microseconds since the trace's beginning and marks long pauses: `8592us : `, `8592us+: `;
/// trace-cmd prints seconds as ever.
enum LatencyLayout {
  /// The head of such a line and what follows its time; nil when it is none.
  static func head(_ line: TextCursor) -> (head: LineHead, rest: TextCursor)? {
    var dash = line.position
    // The task's name may hold dashes: the first that a number, a CPU, flags and a time follow.
    while let next = line.first(0x2D, from: dash) {
      dash = next + 1
      var cursor = line
      cursor.position = dash
      guard let digit = cursor.digit, digit < 10, let task = cursor.decimal(), let id = Int32(exactly: task),
        cursor.byte == 0x20
      else { continue }
      cursor.skipBlanks()
      guard let first = cursor.digit, first < 10, let number = cursor.decimal(), let cpu = Int32(exactly: number),
        takeFlags(&cursor), let time = time(&cursor)
      else { continue }
      return (LineHead(task: TaskID(id), cpu: cpu, time: time, name: 0..<0), cursor)
    }
    return nil
  }

  /// At least four of the letters, digits and dots that stand for interrupts, preemption and the like, then a blank.
  private static func takeFlags(_ cursor: inout TextCursor) -> Bool {
    let start = cursor.position
    while cursor.byte != 0x20, !cursor.isAtEnd {
      guard cursor.byte == 0x2E || cursor.byte == 0x23 || cursor.digit != nil else { return false }
      cursor.position += 1
    }
    return cursor.position - start >= 4 && !cursor.isAtEnd
  }

  /// Microseconds with their mark, or what the other layouts have. Unit of the result: nanoseconds.
  private static func time(_ cursor: inout TextCursor) -> UInt64? {
    cursor.skipBlanks()
    var attempt = cursor
    if attempt.digit ?? 10 < 10, let count = attempt.decimal(), attempt.take("us"), count < 1 << 50 {
      // A blank, or the mark of a long pause.
      if attempt.byte != 0x3A { attempt.position += 1 }
      guard attempt.take(":") else { return nil }
      cursor = attempt
      return UInt64(count) * 1000
    }
    return LineParser.time(&cursor)
  }
}
