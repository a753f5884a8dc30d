import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("The engine does what recorded kernels did")
struct ReplayTests {
  /// Kernel by the file's prefix.
  static func kernel(of name: String) -> String {
    name.hasPrefix("7.3") ? "7.3" : name.contains("prove") ? "6.12-prove" : "6.12"
  }

  @Test("every recorded trace, every event", arguments: TraceFixture.names)
  func recorded(name: String) throws {
    let report = try Conformance.replay(path: TraceFixture.folder.appending(path: name).path, kernel: nil)
    #expect(report.difference == nil)
    #expect(report.checks.isEmpty)
    #expect(report.kernel.name == Self.kernel(of: name))
    #expect(report.matched == report.compared)
    #expect(report.compared == report.kvmmmu)
    #expect(Set(report.allowed.keys).isSubset(of: [.cpuAccessedDirty, .rootIdentity]))
  }

  @Test("without the probes' group as well", arguments: TraceFixture.names)
  func withoutProbes(name: String) throws {
    let text = try Self.text(name).filter(Self.isOfKernel)
    let report = try Self.replay(text, Self.kernel(of: name))
    #expect(report.difference == nil)
    #expect(report.checks.isEmpty)
    #expect(report.matched == report.compared)
    #expect(!report.untold.isEmpty)
  }

  @Test("another kernel's order of zapping is a difference at the first event that shows it")
  func wrongKernel() throws {
    let lines = try Self.text("6.12.95-prove-s2-4k.trace.gz")
    let report = try Self.replay(lines, "6.12")
    #expect(report.difference?.line == 957)
    #expect(report.difference?.reason == "another entry changes")
    #expect(report.difference?.steps == ["kvm_set_memslot", "kvm_mmu_zap_all_fast"])
  }

  /// Lines of a recorded trace.
  static func text(_ name: String) throws -> [String] {
    let url = TraceFixture.folder.appending(path: name)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-dc", url.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
  }

  /// Whether a line is an event of the groups kvm and kvmmmu.
  static func isOfKernel(_ line: String) -> Bool {
    ["kvm_", "fast_page_fault", "mark_mmio_spte", "check_mmio_spte", "handle_mmio"].contains {
      line.contains(": \($0)")
    }
  }

  static func replay(_ lines: [String], _ kernel: String?) throws -> ReplayReport {
    let version = KernelVersion.traced.first { $0.name == kernel }
    return try TraceFixture.withFile(Data((lines.joined(separator: "\n") + "\n").utf8)) {
      try Conformance.replay(path: $0, kernel: version)
    }
  }
}

@Suite("A trace that was tampered with is a difference")
struct ReplayMutationTests {
  private static let names = ["6.12.95-s2-4k.trace.gz", "7.3.4-s3-4k.trace.gz", "6.12.95-s6-2m.trace.gz"]
  private static let compared = TraceEvent.names

  private static func positions(_ lines: [String]) -> [Int] {
    lines.indices.filter { index in compared.contains { lines[index].contains(": \($0): ") } }
  }

  /// Every seventeenth compared event of a file.
  private static func sample(_ lines: [String]) -> [Int] {
    positions(lines).enumerated().filter { $0.offset % 97 == 13 }.map(\.element)
  }

  @Test("a compared event left out", arguments: names)
  func removed(name: String) throws {
    let lines = try ReplayTests.text(name)
    for position in Self.sample(lines) {
      var mutant = lines
      mutant.remove(at: position)
      let report = try ReplayTests.replay(mutant, ReplayTests.kernel(of: name))
      #expect(report.difference != nil, "line \(position + 1) left out: \(lines[position])")
    }
  }

  @Test("one hexadecimal digit of a new value changed", arguments: names)
  func changed(name: String) throws {
    let lines = try ReplayTests.text(name)
    for position in Self.sample(lines) where lines[position].contains("new_spte") {
      var mutant = lines
      var line = Array(lines[position])
      let last = line.count - 1
      line[last] = line[last] == "8" ? "9" : "8"
      mutant[position] = String(line)
      let report = try ReplayTests.replay(mutant, ReplayTests.kernel(of: name))
      #expect(report.difference != nil, "line \(position + 1) changed: \(lines[position])")
    }
  }

  @Test("two neighbouring events exchanged", arguments: names)
  func exchanged(name: String) throws {
    let lines = try ReplayTests.text(name)
    let positions = Self.positions(lines)
    for (offset, position) in positions.enumerated() where offset % 97 == 13 && offset + 1 < positions.count {
      let next = positions[offset + 1]
      guard next == position + 1 else { continue }
      var mutant = lines
      mutant[position] = Self.body(lines[next], at: lines[position])
      mutant[next] = Self.body(lines[position], at: lines[next])
      let report = try ReplayTests.replay(mutant, ReplayTests.kernel(of: name))
      #expect(report.difference != nil, "lines \(position + 1) and \(next + 1) exchanged: \(lines[position])")
    }
  }

  /// One line's event under another's task and time.
  private static func body(_ line: String, at head: String) -> String {
    guard let event = line.range(of: ": "), let own = head.range(of: ": ") else { return line }
    return String(head[..<own.upperBound]) + line[event.upperBound...]
  }
}
