/// Recordings of real kernels as trace-cmd, perf and ftrace's option `fields` print them.
import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("Layouts of real tools")
struct LayoutTests {
  static let traces = [
    // The plugin leaves the frame out where a table goes, and prints 7.3's roles by 6.12's layout.
    RecordedTrace(
      folder: "layouts", name: "6.12.95-trace-cmd", events: 1132,
      allowed: [.cpuAccessedDirty: 2, .generationInferred: 2, .rangeInferred: 11]),
    RecordedTrace(
      folder: "layouts", name: "6.12.95-trace-cmd-fields", events: 1132,
      allowed: [.cpuAccessedDirty: 2, .generationInferred: 2, .rangeInferred: 11]),
    RecordedTrace(
      folder: "layouts", name: "7.3.4-trace-cmd", events: 1129, allowed: [.generationInferred: 2, .rangeInferred: 11]),
    RecordedTrace(
      folder: "layouts", name: "7.3.4-trace-cmd-fields", events: 1129,
      allowed: [.generationInferred: 2, .rangeInferred: 11]),
    RecordedTrace(
      folder: "layouts", name: "7.3.4-perf", events: 1129, allowed: [.generationInferred: 2, .rangeInferred: 11]),
    RecordedTrace(folder: "layouts", name: "7.3.4-ftrace-fields", events: 93, allowed: [.rangeInferred: 2]),
  ]

  @Test("every event, of the kernel that is inferred", arguments: traces)
  func replayed(_ trace: RecordedTrace) throws {
    try trace.expectReplayed()
    let kernel = trace.name.hasPrefix("7.3") ? "7.3" : "6.12"
    #expect(try Conformance.kernel(of: trace.path).kernel.name == kernel)
  }

  @Test("clean by what any trace satisfies", arguments: traces)
  func checked(_ trace: RecordedTrace) throws { try trace.expectClean() }

  @Test("with the kvm plugin and without it a recording is the same, event for event", arguments: ["6.12.95", "7.3.4"])
  func plugin(kernel: String) throws {
    let found = try ["trace-cmd", "trace-cmd-fields"].map { layout in
      try TraceFixture.records(
        path: RecordedTrace(folder: "layouts", name: "\(kernel)-\(layout)", events: 0, allowed: [:]).path)
    }
    // The plugin does not print an exit's vCPU.
    let events = found.map { records in
      records.map { record in
        var record = record
        if case .exit(_, let reason) = record.content { record.content = .exit(vcpu: nil, reason) }
        return record
      }
    }
    #expect(events[0] == events[1])
  }

  private static let head = "a-1 [000] 1.0: "
  private static func change(_ gfn: String, _ level: Int, _ old: String, task: String = "a-1") -> String {
    "\(task) [000] 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn \(gfn) level \(level) old_spte \(old) "
      + "new_spte 8000000000000000"
  }
  private static let table = "c000827"
  private static let leaf = "d000e67"
  private static let none = "8000000000000001"
  private static func removal(_ level: Int, _ kernel: String, task: String = "a-1") -> String {
    let role = kernel == "7.3" ? "wux invalid !pae !nxe wp smep" : "wux !pae nxe wp"
    return "\(task) [000] 1.0: kvm_mmu_prepare_zap_page: \(level) q0 direct \(role) root 0 sync"
  }

  /// Stands for a frame that nothing tells.
  private static let untold = UInt64.max

  /// The frames of the removals in a text, by line.
  private static func frames(_ lines: [String]) throws -> [Int: UInt64] {
    let records = try TraceFixture.records(lines.joined(separator: "\n") + "\n")
    #expect(records.map(\.line) == Array(1...lines.count))
    var found: [Int: UInt64] = [:]
    for record in records {
      switch record.content {
      case .mmu(.prepareZapPage(let page)): found[record.line] = page.gfn.rawValue
      case .otherMMU: found[record.line] = untold
      default: continue
      }
    }
    return found
  }

  @Test("7.3: the next change of an entry tells the frames of all tables that are on their way out")
  func childrenFirst() throws {
    let lines = [
      Self.removal(3, "7.3"), Self.removal(2, "7.3"), Self.removal(1, "7.3", task: "b-2"), Self.removal(1, "7.3"),
      Self.change("40a05", 1, Self.leaf), Self.change("80c00", 2, Self.table, task: "b-2"), Self.removal(1, "7.3"),
      Self.change("40c00", 2, Self.table), Self.removal(1, "7.3"), Self.removal(2, "7.3", task: "b-2"),
    ]
    #expect(
      try Self.frames(lines) == [
        1: 0, 2: 0x40000, 3: 0x80C00, 4: 0x40A00, 7: 0x40C00, 9: Self.untold, 10: Self.untold,
      ])
  }

  @Test("7.3: a change above the table's own entry tells nothing")
  func above() throws {
    #expect(try Self.frames([Self.removal(1, "7.3"), Self.change("0", 3, Self.table)]) == [1: Self.untold])
  }

  @Test("6.12: the last change of the task tells the frame, if it is the table's own entry's")
  func entryFirst() throws {
    let get = Self.head + "kvm_mmu_get_page: new sp gfn 0 4 q0 direct wux !pae nxe wp root 0 sync"
    let lines = [
      get, Self.removal(1, "6.12"), Self.change("40c00", 2, Self.table), Self.change("0", 3, Self.table, task: "b-2"),
      Self.removal(1, "6.12"), Self.removal(1, "6.12"), Self.removal(2, "6.12", task: "b-2"),
      Self.change("40c00", 2, "e00ee7"), Self.removal(1, "6.12"), Self.change("40c00", 3, Self.table),
      Self.removal(1, "6.12"),
    ]
    #expect(
      try Self.frames(lines) == [
        2: Self.untold, 5: 0x40C00, 6: Self.untold, 7: 0, 9: Self.untold, 11: Self.untold,
      ])
  }

  @Test("a removal that nothing explains holds back 4096 records and no more")
  func neverExplained() throws {
    let others = (0..<5000).map { _ in "b-2 [000] 1.0: kvm_entry: vcpu 0" }
    let frames = try Self.frames([Self.removal(1, "7.3")] + others + [Self.change("40c00", 2, Self.table)])
    #expect(frames == [1: Self.untold])
  }
}
