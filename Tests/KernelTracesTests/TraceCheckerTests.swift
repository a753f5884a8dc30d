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

  @Test("a VM's next root, and the next VM, are checked in full; beside another VM what no event has shown is given")
  func lateBeginningEnds() throws {
    let entry = Self.head + "kvm_entry: vcpu 0, rip 0x0"
    let wrong = Self.change("0", 1, "d001e67", Self.none)
    let misplaced = Self.change("1", 2, Self.none, "e000827")
    let late = [entry] + Self.tree + [wrong, misplaced]
    #expect(try Self.check(late, "6.12").violations.map(\.rule) == [.alignment, .continuity])
    let probes = ["uninit_tdp: (f)", "init_tdp: (f)"].map { Self.head + $0 }
    let next = [entry, wrong] + probes + Self.tree + [wrong]
    let report = try Self.check(next, "6.12")
    #expect(report.violations.map(\.rule) == [.continuity])
    #expect(report.notCheckable.map(\.rule) == [.invalidRoot])
    // Another VM begins while the first one may still be there.
    #expect(try Self.check([entry] + probes.dropFirst() + Self.tree + [wrong], "6.12").violations == [])
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

  @Test("with probes, nothing becomes present in a root after its invalidation; before, it may")
  func invalidRoot() throws {
    let invalidate = [Self.head + "invalidate_roots: (kvm_tdp_mmu_invalidate_roots+0x0/0x100)"]
    let late = [Self.change("1", 1, Self.none, "e000e67")]
    #expect(try Self.check(Self.tree + late + invalidate, "6.12").violations == [])
    let report = try Self.check(Self.tree + invalidate + late, "6.12")
    #expect(report.violations.map(\.rule) == [.invalidRoot])
  }

  /// Two VMs' trees with the same leaf frame number: the second VM's task is 2, its frames begin with 1.
  private static let other = [
    two(root), two(change("0", 4, none, "1a000827")), two(change("0", 3, none, "1b000827")),
    two(change("0", 2, none, "1c000827")), two(change("0", 1, none, "d000e67")),
  ]
  private static func two(_ line: String) -> String { "b-2" + line.dropFirst(3) }
  /// Whatever the second task had to print, it has.
  private static let otherInGuest = two(head) + "kvm_entry: vcpu 1, rip 0x0"

  @Test("two trees: entries of a removed table are frozen though the live one's have the same value")
  func twoTrees() throws {
    let gone = Self.tree + Self.other + [Self.change("0", 2, "c000827", Self.none)]
    let lines = gone + [Self.change("1", 1, Self.none, Self.frozen), Self.change("0", 1, "d000e67", Self.frozen)]
    #expect(try Self.check(lines, "6.12").violations == [])
    // Each entry goes once: the second time it would be the live tree's.
    let twice = lines + [Self.change("1", 1, Self.none, Self.frozen)]
    #expect(try Self.check(twice, "6.12").violations.map(\.rule) == [.frozen])
  }

  @Test("two trees: a leaf taken for the other tree's is put right by what follows, a third one is a violation")
  func exchanged() throws {
    // Task 2 zaps the leaf of its own tree; then its table goes, and the entry is frozen.
    let zap = [Self.change("0", 1, "d000e67", Self.none), Self.change("0", 2, "1c000827", Self.none)]
    let lines = Self.tree + Self.other + zap + [Self.change("0", 1, Self.none, Self.frozen)]
    #expect(try Self.check(lines, "6.12").violations == [])
    let after = lines + [Self.change("0", 1, "d000e67", Self.none), Self.change("0", 1, "d000e67", Self.none)]
    let report = try Self.check(after + [Self.otherInGuest], "6.12")
    #expect(report.violations.map(\.rule) == [.continuity])
    #expect(report.violations.map(\.line) == [after.count])
  }

  @Test("two trees: an entry's address decides in which one it was set")
  func address() throws {
    let late = Self.tree + Self.other + [Self.change("1", 1, Self.none, "e000e67")]
    func set(_ frame: String) -> String {
      Self.head + "kvm_mmu_set_spte: gfn 1 spte e000e67 (rwxu) level 1 at " + frame + "008"
    }
    for frame in ["c000", "1c000"] {
      #expect(try Self.check(late + [set(frame)], "6.12").violations == [], "at \(frame)")
    }
    let both = late + [set("c000"), set("1c000"), Self.otherInGuest]
    #expect(try Self.check(both, "6.12").violations.map(\.rule) == [.address])
  }

  @Test("a fast zap takes down a tree from before the trace while the new root fills")
  func fastZapBesideNewRoot() throws {
    let begin = [
      Self.head + "kvm_entry: vcpu 0, rip 0x0", Self.head + "kvm_mmu_zap_all_fast: kvm-mmu-valid-gen 0 used_pages 0",
    ]
    let lines = begin + Self.other + [Self.change("1", 1, "e000e67", Self.none), Self.otherInGuest]
    #expect(try Self.check(lines, "6.12").violations == [])
  }

  @Test("SMM's root is another space's: nothing of it is taken for the normal one's")
  func addressSpaces() throws {
    let second =
      [Self.root]
      + Self.tree.dropFirst().map {
        $0.replacingOccurrences(of: "as id 0", with: "as id 1").replacingOccurrences(
          of: "new_spte ", with: "new_spte 1")
      }
    let smm = second.map { $0.replacingOccurrences(of: "new_spte 1\(Self.none)", with: "new_spte \(Self.none)") }
    let lines = Self.tree + smm + [Self.change("0", 2, "c000827", Self.none)]
    #expect(try Self.check(lines + [Self.change("1", 1, Self.none, Self.frozen)], "6.12").violations == [])
    let live = Self.change("1", 1, Self.none, Self.frozen).replacingOccurrences(of: "as id 0", with: "as id 1")
    #expect(try Self.check(lines + [live], "6.12").violations.map(\.rule) == [.frozen])
  }

  /// The normal tree and SMM's, with the same leaf write-protected in both.
  private static func twoSpaces() -> [String] {
    let second = other.map {
      $0.replacingOccurrences(of: "as id 0", with: "as id 1").replacingOccurrences(
        of: "new_spte 1d000e67", with: "new_spte d000e67")
    }
    let protect = change("0", 1, "d000e67", "d000e65")
    return tree + second + [protect, protect.replacingOccurrences(of: "as id 0", with: "as id 1")]
  }
  private static func fastFault(_ old: String, _ new: String) -> String {
    two(head) + "fast_page_fault: vcpu 0 gva 0 error_code P|W|U sptep 00000000aa old 0x\(old) new \(new) "
      + "spurious 0 fixed 1"
  }

  @Test("a fast fault tells no address space: the other space's entry is not taken for it for good", arguments: [0, 1])
  func fastFaultInEitherSpace(space: Int) throws {
    let announce = Self.head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct rwux nxe ad root 0 sync"
    let frozen = "80000000000001a0"
    let zapped = [Self.change("0", 1, "d000e67", Self.none), announce, Self.change("0", 1, Self.none, frozen)]
    let end = zapped + [Self.change("1", 1, Self.none, frozen), Self.change("0", 2, "c000827", Self.none)]
    let own = end.map { line in
      guard space == 1 else { return line }
      return line.replacingOccurrences(of: "as id 0", with: "as id 1").replacingOccurrences(of: "c000", with: "1c000")
    }
    let lines = Self.twoSpaces() + [Self.fastFault("d000e65", "d000e67")] + own
    #expect(try Self.check(lines, "7.3").violations == [])
    // The other entry has not been fixed: the same once more is a violation.
    let foreign = zapped[0].replacingOccurrences(of: "as id 0", with: "as id \(1 - space)")
    let report = try Self.check(lines + [foreign, Self.otherInGuest], "7.3")
    #expect(report.violations.map(\.rule) == [.continuity])
    #expect(report.violations.map(\.line) == [lines.count + 1])
  }

  @Test("a fast fault's new value is read late: what was written is W, whatever stands there now")
  func fastFaultReadLate() throws {
    let protected = Self.tree + [Self.change("0", 1, "d000e67", "d000e65")]
    let zap = Self.change("0", 1, "d000e67", Self.none)
    // The zap is printed first, as its CPU was faster to print.
    let late = protected + [zap, Self.fastFault("d000e65", Self.none)]
    #expect(try Self.check(late, "6.12").violations == [])
    let never = try Self.check(protected + [zap], "6.12")
    #expect(never.violations.map(\.rule) == [.continuity])
  }

  @Test("a table that goes is announced before its own entry's event: what follows from that entry waits for it")
  func underRemoval() throws {
    let announce = Self.head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct rwux nxe ad root 0 sync"
    let children = (0..<512).map { index in
      Self.change(String(index, radix: 16), 1, index == 0 ? "d000e67" : Self.none, "80000000000001a0")
    }
    let huge = Self.change("0", 2, "c000827", "200ee7")
    let split = Self.two(Self.change("0", 2, "200ee7", "e000827"))
    let lines = Self.tree + [announce, split] + children
    #expect(try Self.check(lines + [huge], "7.3").violations == [])
    // Whoever announced has gone on without the entry's event: nothing explains the split any more.
    let gone = try Self.check(lines + [Self.head + "kvm_entry: vcpu 0, rip 0x0"], "7.3")
    #expect(gone.violations.map(\.rule) == [.continuity])
  }

  @Test("a fast fault fixes the huge page that has come in a table's place, before that one's event is printed")
  func fixUnderRemoval() throws {
    let announce = Self.head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct rwux nxe ad root 0 sync"
    let children = (0..<512).map { index in
      Self.change(String(index, radix: 16), 1, index == 0 ? "d000e67" : Self.none, "80000000000001a0")
    }
    let recovered = children + [Self.change("0", 2, "c000827", "200ee5"), Self.change("0", 2, "200ee7", Self.none)]
    let lines = Self.tree + [announce, Self.fastFault("200ee5", "200ee7")] + recovered
    #expect(try Self.check(lines, "7.3").violations == [])
    let unfixed = try Self.check(Self.tree + [announce] + recovered, "7.3")
    #expect(unfixed.violations.map(\.rule) == [.continuity])
    #expect(unfixed.violations.map(\.line) == [Self.tree.count + 515])
  }

  @Test("what explains an event may be printed 4096 events later, but not by a task that has printed something since")
  func muchLater() throws {
    // Task 2 has written none to leaf, which task 1 takes away; then task 1 does other things.
    let fault = Self.two(Self.head) + "kvm_page_fault: vcpu 1 rip 0x0 address 0x1000 error_code 0x7"
    let zap = Self.change("1", 1, "e000e67", Self.none)
    let write = Self.two(Self.change("1", 1, Self.none, "e000e67"))
    func others(_ count: Int) -> [String] {
      (0..<count).map {
        $0 % 2 == 0 ? Self.change("2", 1, Self.none, "f000e67") : Self.change("2", 1, "f000e67", Self.none)
      }
    }
    let begin = Self.tree + [fault, zap]
    #expect(try Self.check(begin + others(4000) + [write], "6.12").violations == [])
    for lines in [begin + others(5000) + [write], begin + [Self.otherInGuest] + others(500) + [write]] {
      let report = try Self.check(lines, "6.12")
      #expect(report.violations.map(\.line).first == begin.count)
    }
    // At the end it may be cut off; not if the task is in the guest.
    let cut = try Self.check(begin + others(10), "6.12")
    #expect(cut.violations == [])
    #expect(cut.cutOff == 1)
    let whole = try Self.check(begin + [Self.otherInGuest] + others(10), "6.12")
    #expect(whole.violations.map(\.line) == [begin.count])
    #expect(whole.cutOff == 0)
  }

  @Test("a VM's end makes its own roots invalid, not those of a VM beside it")
  func endOfOneVM() throws {
    func probe(_ text: String) -> String { Self.head + text }
    let end = ["uninit_tdp: (f)", "invalidate_roots: (f) types=0x6", "zap_invalidated_roots: (f)"].map(probe)
    let late = [Self.two(Self.change("1", 1, Self.none, "e000e67"))]
    let machines = [probe("init_tdp: (f)")] + Self.tree + [probe("init_tdp: (f)")] + Self.other
    #expect(try Self.check(machines + end + late, "6.12").violations == [])
    // Something else makes roots invalid: the only ones that are left.
    let again = [probe("set_memslot: (f) change=1"), probe("invalidate_roots: (f) types=0x2")]
    #expect(try Self.check(machines + end + again + late, "6.12").violations.map(\.rule) == [.invalidRoot])
  }

  @Test("a table goes inside of one that goes, in one of two trees: its entry is the outer one's", arguments: [0, 1])
  func nestedRemovals(space: Int) throws {
    let frozen = "80000000000001a0"
    func announce(_ level: Int) -> String {
      Self.head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l\(level) 8-byte q0 direct rwux nxe ad root 0 sync"
    }
    let removal = [
      announce(2), announce(1), Self.change("0", 1, "d000e65", frozen), Self.change("1", 1, Self.none, frozen),
      Self.change("0", 2, "c000827", frozen), Self.change("200", 2, Self.none, frozen),
      Self.change("0", 3, "b000827", Self.none),
    ].map { line in
      guard space == 1 else { return line }
      return ["b000827", "c000827"].reduce(line.replacingOccurrences(of: "as id 0", with: "as id 1")) {
        $0.replacingOccurrences(of: $1, with: "1" + $1)
      }
    }
    #expect(try Self.check(Self.twoSpaces() + removal, "7.3").violations == [])
  }

  @Test("an entry that is set may show a change that is printed later; nothing else")
  func setReadLate() throws {
    let leaf = Self.tree + [Self.change("1", 1, Self.none, "e000e67")]
    let set = Self.head + "kvm_mmu_set_spte: gfn 1 spte e000e65 (rwxu) level 1 at c000008"
    let protect = Self.two(Self.change("1", 1, "e000e67", "e000e65"))
    #expect(try Self.check(leaf + [set, protect], "6.12").violations == [])
    #expect(try Self.check(leaf + [set], "6.12").violations.map(\.rule) == [.address])
  }

  @Test("kernels that announce a table first: the values of its entries tell which of two trees' it is")
  func announced() throws {
    let announce = Self.head + "kvm_mmu_prepare_zap_page: sp gen 0 gfn 0 l1 8-byte q0 direct rwux nxe ad root 0 sync"
    let frozen = "80000000000001a0"
    let set = Self.two(Self.head) + "kvm_mmu_set_spte: gfn 2 spte e000e67 (rwxu) level 1 at 1c000010"
    let differing = Self.tree + Self.other + [Self.two(Self.change("2", 1, Self.none, "e000e67")), set]
    let children = [
      Self.change("0", 1, "d000e67", frozen), Self.change("1", 1, Self.none, frozen),
      Self.change("2", 1, Self.none, frozen),
    ]
    for frame in ["c000", "1c000"] {
      let end = Self.change("0", 2, frame + "827", Self.none)
      let second = frame == "c000" ? Self.change("2", 1, Self.none, frozen) : Self.change("2", 1, "e000e67", frozen)
      let lines = differing + [announce] + children.dropLast() + [second, end]
      #expect(try Self.check(lines, "7.3").violations == [], "table \(frame)")
    }
    let wrong = differing + [announce] + children + [Self.change("0", 2, "1c000827", Self.none)]
    #expect(try Self.check(wrong, "7.3").violationCount > 0)
    let none = differing + [announce, Self.change("3", 1, "f000e67", frozen)]
    #expect(try Self.check(none, "7.3").violations.map(\.rule) == [.continuity])
  }

  @Test("roots of five levels")
  func fiveLevels() throws {
    let root = Self.root.replacingOccurrences(of: " l4 ", with: " l5 ")
    let lines = [root, Self.change("0", 5, Self.none, "9000827")] + Self.tree.dropFirst()
    #expect(try Self.check(lines, "6.12").violations == [])
    let wrong = try Self.check(lines + [Self.change("0", 5, "8000827", Self.none)], "6.12")
    #expect(wrong.violations.map(\.rule) == [.continuity])
  }

  @Test("an event printed after one that follows from it is no violation; one that nothing explains is")
  func printedLate() throws {
    let late =
      Self.tree + [Self.two(Self.change("1", 1, "e000e67", Self.none)), Self.change("1", 1, Self.none, "e000e67")]
    #expect(try Self.check(late, "6.12").violations == [])
    let wrong =
      Self.tree + [Self.two(Self.change("1", 1, "e000e67", Self.none)), Self.change("1", 1, Self.none, "f000e67")]
    #expect(try Self.check(wrong, "6.12").violations.map(\.rule) == [.continuity])
  }

  @Test("a recorded VM beside a copy of itself with other tasks and frames", arguments: TraceFixture.names)
  func interleaved(name: String) throws {
    let lines = try ReplayTests.text(name).filter(ReplayTests.isOfKernel)
    let both = lines.flatMap { line -> [String] in [line, Self.moved(line)] }
    let report = try Self.check(both, ReplayTests.kernel(of: name))
    #expect(report.violations == [])
  }

  /// The same line of another VM: task + 1000, table frames moved.
  private static func moved(_ line: String) -> String {
    var words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    let task = words.firstIndex { !$0.isEmpty }
    for index in words.indices {
      let word = words[index]
      if index == task, let dash = word.lastIndex(of: "-") {
        words[index] = word[...dash] + "9" + word[word.index(after: dash)...]
      } else if index > 0, words[index - 1].hasSuffix("_spte"), word.hasSuffix("827") {
        words[index] = "5" + pad(word.dropLast(3)) + "827"
      } else if index > 0, words[index - 1] == "at" {
        words[index] = "5" + pad(word.dropLast(3)) + word.suffix(3)
      }
    }
    return words.joined(separator: " ")
  }

  private static func pad(_ frame: Substring) -> String { String(repeating: "0", count: 6 - frame.count) + frame }

  static func check(_ lines: [String], _ kernel: String?) throws -> TraceCheckReport {
    let version = KernelVersion.traced.first { $0.name == kernel }
    return try TraceFixture.withFile(Data((lines.joined(separator: "\n") + "\n").utf8)) {
      try Conformance.check(path: $0, kernel: version)
    }
  }
}
