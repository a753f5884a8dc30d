import Foundation
import KernelTraces
import MMUEngine

enum Workloads {
  /// A VM of 1 TiB in 2 MiB pages: built by faults, then zapped from the root.
  static func terabyte() -> Measurement {
    Measurement.of("terabyte") {
      var mmu = TDPMMU(.linux612, .npt)
      let root = mmu.makeRoot(RootRole(level: .page512G)).0
      var cache = MMIOCache()
      for block in 0..<UInt64(1 << 19) {
        var fault = PageFault(FaultRequest(vcpu: 0, address: block << 21, code: [.write, .user]), root: root)
        while fault.result == nil {
          guard case .asks = fault.step(&mmu, &cache) else { continue }
          if fault.question == .slot {
            fault.answer(isDirtyTracked: false)
          } else {
            fault.answer(.page(PFN(block << 9), isWritable: true, limit: .page2M))
          }
        }
      }
      let leaves = mmu.statistics.leavesMapped
      let bytes = mmu.tables.byteCount
      var zap = FastZap()
      while true { if case .finished = zap.step(&mmu) { break } }
      return [
        "leaves": leaves, "bytesPerLeafTimes100": bytes * 100 / leaves, "zapped": mmu.statistics.leavesZapped,
        "tablesFreed": mmu.statistics.tablesFreed,
      ]
    }
  }

  /// A recorded trace, repeated to a tenth of a million lines, to a million, and to `most` if that is more: speed, and memory
  /// independent of length.
  static func replay(_ path: String, most: Int) throws -> [Measurement] {
    try ([100_000, 1_000_000] + (most > 1_000_000 ? [most] : [])).map { length in
      let file = try repeated(path, lines: length)
      let bytes = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
      let measurement = try Measurement.of("replay-\(length)") {
        let report = try Conformance.replay(path: file, kernel: .linux612)
        return [
          "bytes": bytes, "lines": report.lines, "compared": report.compared, "matched": report.matched,
        ]
      }
      try FileManager.default.removeItem(atPath: file)
      return measurement
    }
  }

  /// A line, taken apart at its time's seconds.
  private struct TimedLine {
    let before: Substring
    let seconds: Int
    let after: Substring

    /// Nil for a line without a time.
    init?(_ line: Substring) {
      guard let time = line.range(of: #"\d+\.\d+: "#, options: .regularExpression),
        let point = line[time].firstIndex(of: "."), let seconds = Int(line[time.lowerBound..<point])
      else { return nil }
      before = line[..<time.lowerBound]
      self.seconds = seconds
      after = line[point...]
    }
  }

  /// Writes the trace over and over, each time a hundred seconds later.
  private static func repeated(_ path: String, lines count: Int) throws -> String {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap(TimedLine.init)
    let out = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)").path
    guard FileManager.default.createFile(atPath: out, contents: nil), let handle = FileHandle(forWritingAtPath: out)
    else {
      throw TraceError(line: 0, "\(out): cannot be written")
    }
    for round in 0..<(count + lines.count - 1) / lines.count {
      var chunk = ""
      for line in lines {
        chunk += line.before
        chunk += String(line.seconds + round * 100)
        chunk += line.after
        chunk += "\n"
      }
      try handle.write(contentsOf: Data(chunk.utf8))
    }
    try handle.close()
    return out
  }
}
