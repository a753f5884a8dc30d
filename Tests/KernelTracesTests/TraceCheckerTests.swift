import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("What any trace satisfies")
struct TraceCheckerTests {
  @Test("every recorded trace is clean, with all rules applied that it allows", arguments: TraceFixture.names)
  func recorded(name: String) throws {
    let report = try Conformance.check(path: TraceFixture.folder.appending(path: name).path, kernel: nil)
    #expect(report.violations == [])
    #expect(report.notCheckable.isEmpty)
    #expect(report.applied[.continuity] ?? 0 > 0)
  }

  @Test("without probes two rules are not checkable, and nothing else changes", arguments: TraceFixture.names)
  func withoutProbes(name: String) throws {
    let report = try Self.check(try ReplayTests.text(name).filter(ReplayTests.isOfKernel), ReplayTests.kernel(of: name))
    #expect(report.violations == [])
    #expect(report.notCheckable.map(\.rule) == [.flush, .invalidRoot])
  }

  private static let head = "a-1 [000] .... 1.0: "
  private static let root =
    head + "kvm_mmu_get_page: sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 sync new"
  private static func change(_ gfn: String, _ level: Int, _ old: String, _ new: String) -> String {
    head + "kvm_tdp_mmu_spte_changed: as id 0 gfn \(gfn) level \(level) old_spte \(old) new_spte \(new)"
  }
  private static let none = "8000000000000000"
  private static let frozen = "80000000000005a0"
  /// A tree down to one leaf at gfn 0.
  private static let tree = [
    root, change("0", 4, none, "a000827"), change("0", 3, none, "b000827"), change("0", 2, none, "c000827"),
    change("0", 1, none, "d000e67"),
  ]

  @Test(
    "each rule is broken by one line",
    arguments: [
      (change("0", 1, "d001e67", none), TraceRule.continuity),
      (change("1", 2, none, "e000827"), .alignment),
      (change("0", 5, none, "e000827"), .alignment),
      (change("0", 1, "d000e67", "e000e67"), .samePage),
      (change("0", 1, "d000e67", frozen), .frozen),
      (change("1", 1, none, "e000c67"), .writable),
      (change("1", 1, none, "e000a67"), .writable),
      (change("40000", 3, none, "b000827"), .frameUse),
      (head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct wux nxe ad root 0 sync", .removal),
      (head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 200 l1 8-byte q0 direct wux nxe ad root 0 sync", .removal),
      (head + "kvm_mmu_set_spte: gfn 0 spte d000e67 (rwxu) level 1 at c008000", .address),
      (head + "kvm_mmu_set_spte: gfn 0 spte d000e67 (rwxu) level 1 at c000008", .address),
      (change("200", 1, none, "e000e67"), .parent),
    ])
  func broken(line: String, rule: TraceRule) throws {
    let report = try Self.check(Self.tree + [line], "6.12")
    #expect(report.violations.map(\.rule) == [rule])
  }

  @Test("accessed and dirty may come by themselves, nothing else may")
  func cpuBits() throws {
    let lines = Self.tree + [Self.change("1", 1, Self.none, "e000e07"), Self.change("1", 1, "e000e67", Self.none)]
    #expect(try Self.check(lines, "6.12").violations == [])
    let broken = Self.tree + [Self.change("1", 1, Self.none, "e000e67"), Self.change("1", 1, "e000e07", Self.none)]
    #expect(try Self.check(broken, "6.12").violations.map(\.rule) == [.continuity])
  }

  @Test("a removed table takes no new entry; its children are frozen after their parent's event")
  func removed() throws {
    let gone = Self.tree + [Self.change("0", 2, "c000827", Self.none)]
    #expect(try Self.check(gone + [Self.change("0", 1, "d000e67", Self.frozen)], "6.12").violations == [])
    let late = try Self.check(gone + [Self.change("1", 1, Self.none, "e000e67")], "6.12")
    #expect(late.violations.map(\.rule) == [.parent])
  }

  @Test("with probes, zapped leaves that are never flushed are a violation")
  func flush() throws {
    let zap = [
      Self.head + "zap_leafs: (f) root=0x1 start=0x0 end=0x1", Self.change("0", 1, "d000e67", Self.none),
      Self.head + "put_root: (f) root=0x1",
    ]
    let entry = [Self.head + "kvm_entry: vcpu 0, rip 0x0"]
    let flush = [Self.head + "flush_tlbs: (f)"]
    #expect(try Self.check(Self.tree + zap + flush + entry, "6.12").violations == [])
    #expect(try Self.check(Self.tree + zap + entry, "6.12").violations.map(\.rule) == [.flush])
  }

  private static func check(_ lines: [String], _ kernel: String) throws -> TraceCheckReport {
    let version = KernelVersion.traced.first { $0.name == kernel }
    return try TraceFixture.withFile(Data((lines.joined(separator: "\n") + "\n").utf8)) {
      try Conformance.check(path: $0, kernel: version)
    }
  }
}
