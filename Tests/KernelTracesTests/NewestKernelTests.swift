import Foundation
import KernelTraces
import MMUEngine
import Testing

/// Traces of Debian 7.3.4 that the engine was not built from: whole workloads, and races cut to what was wrong once.
@Suite("Recorded on Debian 7.3.4")
struct NewestKernelTests {
  static let workloads = [
    // COLD, PAGEOUT, clear_refs, MGLRU aging by hand.
    RecordedTrace(
      folder: "workloads-7.3", name: "aging", events: 772, allowed: [.cpuAccessedDirty: 3, .rangeInferred: 64]),
    // KVM_DIRTY_LOG_INITIALLY_SET: splits by KVM_CLEAR_DIRTY_LOG, recovery in place.
    RecordedTrace(folder: "workloads-7.3", name: "dirty-log-2m", events: 6387, allowed: [.rangeInferred: 1]),
    // A default VM on a guest_memfd that can be mapped: punch hole, DONTNEED, fork, pre-fault, close.
    RecordedTrace(
      folder: "workloads-7.3", name: "guest-memfd", events: 3107,
      allowed: [.faultEndedUnseen: 8, .prefaultInferred: 32, .rangeInferred: 7]),
    // madvise, mprotect, fork, collapse, pageout, mremap, munmap under 2 MiB pages.
    RecordedTrace(
      folder: "workloads-7.3", name: "notifier-2m", events: 1217, allowed: [.faultEndedUnseen: 16, .rangeInferred: 33]),
    // KVM_PRE_FAULT_MEMORY: also again, in a logged slot, and where there is no slot.
    RecordedTrace(
      folder: "workloads-7.3", name: "prefault", events: 3794,
      allowed: [.cpuAccessedDirty: 96, .generationInferred: 1, .prefaultInferred: 209, .rangeInferred: 3]),
    // Two vCPUs race with dirty logging, with probes.
    RecordedTrace(
      folder: "workloads-7.3", name: "race-dirty", events: 849,
      allowed: [.faultEndedUnseen: 7, .printedLate: 1, .rootIdentity: 1]),
    // Two vCPUs race with deletion and move of slots of 2 MiB pages.
    RecordedTrace(
      folder: "workloads-7.3", name: "race-targeted-2m", events: 4409,
      allowed: [.cpuAccessedDirty: 2, .generationInferred: 99, .printedLate: 5, .rangeInferred: 8, .readEarlier: 1]),
    // Read-only slots, their flags changed.
    RecordedTrace(
      folder: "workloads-7.3", name: "read-only", events: 1610, allowed: [.faultEndedUnseen: 6, .rangeInferred: 2]),
    // Six deletions and returns of a slot, its leaves zapped alone.
    RecordedTrace(folder: "workloads-7.3", name: "targeted", events: 669, allowed: [.rootIdentity: 1]),
  ]

  static let races = [
    // The entry below a new table is read before another vCPU links there; the exchange fails.
    RecordedTrace(
      folder: "races-7.3", name: "child-read-early", events: 12, allowed: [.faultEndedUnseen: 3, .readEarlier: 1]),
    // A fast fault is spurious since another vCPU has fixed the entry, which prints that later.
    RecordedTrace(
      folder: "races-7.3", name: "fast-fault-printed-late", events: 518, allowed: [.printedLate: 4, .rangeInferred: 5]),
    // fast_page_fault shows the entry as it is when the event is filled in, after later events' writes.
    RecordedTrace(
      folder: "races-7.3", name: "fast-fault-read-late", events: 238,
      allowed: [.faultEndedUnseen: 13, .printedLate: 3, .rangeInferred: 17, .readLater: 1]),
    // A huge page is made writable before the event of its recovery is out.
    RecordedTrace(
      folder: "races-7.3", name: "fix-under-recovery", events: 4600,
      allowed: [.generationInferred: 23, .rangeInferred: 9]),
    // The NX mitigation, its worker, and kdamond that ages without mmu_lock while huge pages come back.
    RecordedTrace(
      folder: "races-7.3", name: "nx-aging", events: 6067,
      allowed: [
        .faultEndedUnseen: 1, .formatInferred: 1, .gracePeriodInferred: 3, .prefaultInferred: 1, .printedLate: 1,
        .rangeInferred: 9,
      ]),
    // The RCU callback interrupts a vCPU in the middle of a fault.
    RecordedTrace(
      folder: "races-7.3", name: "rcu-callback", events: 1594,
      allowed: [.faultEndedUnseen: 1, .printedLate: 2, .readEarlier: 1, .rootIdentity: 1]),
    // The table that is recovered begins where one of 1 GiB does.
    RecordedTrace(
      folder: "races-7.3", name: "recovery-at-1g", events: 143,
      allowed: [.faultEndedUnseen: 1, .generationInferred: 2, .rangeInferred: 6]),
    // The second swap of a deletion does not begin before the slot is zapped.
    RecordedTrace(
      folder: "races-7.3", name: "second-swap", events: 3115,
      allowed: [.generationInferred: 2, .printedLate: 8, .readEarlier: 2, .rootIdentity: 1]),
    // One task runs two vCPUs in turn and makes the root of SMM's address space.
    RecordedTrace(folder: "races-7.3", name: "smm-in-turn", events: 51, allowed: [.roleInferred: 2]),
    // Dirty logging of a slot of SMM's address space, with probes that do not say which it is.
    RecordedTrace(folder: "races-7.3", name: "smm-slots", events: 82, allowed: [.roleInferred: 3]),
    // A notifier runs inside of a fault on an MMIO entry while memslots are being swapped.
    RecordedTrace(
      folder: "races-7.3", name: "swap-under-notifier", events: 840,
      allowed: [.faultEndedUnseen: 89, .generationInferred: 4, .printedLate: 20, .rangeInferred: 45]),
    // A vCPU that has not run since a fast zap still holds its invalid root.
    RecordedTrace(
      folder: "races-7.3", name: "vcpus-in-turn", events: 3745, allowed: [.generationInferred: 1, .rootIdentity: 2]),
    // The huge zero page replaces a table: that the host may not write shows behind 512 children.
    RecordedTrace(
      folder: "races-7.3", name: "zero-page-for-table", events: 1056,
      allowed: [.faultEndedUnseen: 566, .generationInferred: 2, .rangeInferred: 1]),
  ]

  @Test("every event, with no rule applied oftener than it must", arguments: workloads + races)
  func replayed(_ trace: RecordedTrace) throws {
    try trace.expectReplayed(kernel: .linux73)
  }

  @Test("clean by what any trace satisfies", arguments: workloads + races)
  func checked(_ trace: RecordedTrace) throws {
    try trace.expectClean(kernel: .linux73)
  }

  @Test("a value that fast_page_fault shows ahead must be written by a later event")
  func brokenPromise() throws {
    let lines = try ReplayTests.text("../races-7.3/fast-fault-read-late.trace.gz")
    let place = try #require(lines.lastIndex { $0.contains("old 0x8000000000000000 new 23c89e67") })
    var mutant = lines
    mutant[place] = mutant[place].replacing("new 23c89e67", with: "new 23c88e67")
    let report = try ReplayTests.replay(mutant, "7.3")
    #expect(report.difference?.line == place + 1)
    #expect(report.difference?.reason == "the entry never gets the value that the event shows")
  }

  @Test(
    "a probe is known by its function, whatever it is called; a return probe and one inside of the function are not")
  func probesByFunction() throws {
    let head = "a-1 [000] ..... 1.0: mine: "
    func content(_ text: String) throws -> TraceContent? { try TraceFixture.records(head + text + "\n").first?.content }
    #expect(try content("(kvm_tdp_mmu_recover_huge_pages+0x4/0x80 [kvm])") == .probe(.recoverHugePages))
    #expect(try content("(kvm_set_memslot+0x0/0x750 [kvm]) change=1") == .probe(.setMemslot(change: 1)))
    for text in [
      "(kvm_tdp_mmu_recover_huge_pages+0x58/0x80 [kvm])", "(kvm_set_memslot+0x0/0x750 [kvm])",
      "(kvm_vm_ioctl+0x4/0x80 [kvm] <- kvm_set_memslot)", "(schedule+0x4/0x80)", "(kvm_set_memslot",
    ] {
      #expect(try content(text) == .other(EventName(0)))
    }
  }
}
