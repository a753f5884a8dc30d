import Testing

@testable import MMUEngine

@Suite("The cost of zap policies")
struct ZapCostTests {
  private static let scenarios = ZapCost.Platform.allCases.flatMap { platform in
    ZapCost.Policy.allCases.flatMap { policy in
      [(Level.page4K, [512, 1024, 16_384 as UInt64]), (.page2M, [512, 4096, 262_144])].flatMap { level, sizes in
        sizes.flatMap { size in
          [size, size * 2].map {
            ZapCost.Scenario(platform, policy, slotPages: size, memoryPages: $0, level: level)
          }
        }
      }
    }
  }

  @Test("closed forms agree with runs at three sizes", arguments: scenarios)
  func closedForms(scenario: ZapCost.Scenario) {
    var measured = ZapCost.measured(scenario, vcpus: 4)
    measured.isComputed = true
    #expect(measured == ZapCost.computed(scenario, vcpus: 4))
  }

  @Test("1 TiB in 2 MiB leaves takes at most 64 bytes for each, and all of it goes")
  func terabyte() {
    let pages: UInt64 = 1 << 28
    var machine = ZapMachine(ZapCost.Scenario(.npt, .fast, slotPages: pages, memoryPages: pages, level: .page2M))
    #expect(machine.map(FrameRange(start: 0, end: pages)) == 524_288)
    #expect(machine.mmu.statistics.leavesMapped == 524_288)
    // Below the root two tables of 512 GiB, 1024 of 1 GiB.
    #expect(machine.mmu.tableCount == 2 + 1024)
    #expect(machine.mmu.tables.byteCount <= 64 * 524_288)
    machine.zap()
    #expect(machine.mmu.statistics.leavesZapped == 524_288)
    #expect(machine.mmu.tableCount == 0)
    #expect(machine.mmu.collectChecks() == [])
  }

  @Test("a deletion of 2 MiB in a VM of 4 MiB, counted by hand")
  func byHand() {
    let fast = ZapCost.measured(
      ZapCost.Scenario(.npt, .fast, slotPages: 512, memoryPages: 1024, level: .page4K), vcpus: 2)
    // 1024 leaves, 2 + 1 + 1 tables' entries, 4 tables of 512 entries frozen.
    #expect(fast.entryWrites == 1024 + 4 + 4 * 512)
    // Its roots are zapped with mmu_lock held for read.
    #expect(fast.exclusiveWrites == 0)
    #expect(fast.tablesFreed == 4)
    #expect(fast.refaults == 1024)
    // The TDX backend asserts that it is held for write.
    let mirror = ZapCost.measured(
      ZapCost.Scenario(.tdx, .fast, slotPages: 512, memoryPages: 1024, level: .page4K), vcpus: 2)
    #expect(mirror.exclusiveWrites == mirror.entryWrites && mirror.entryWrites == fast.entryWrites)
    let targeted = ZapCost.measured(
      ZapCost.Scenario(.tdx, .targeted, slotPages: 512, memoryPages: 1024, level: .page4K), vcpus: 2)
    #expect(targeted.entryWrites == 512)
    #expect(targeted.exclusiveWrites == 512)
    #expect(targeted.tablesFreed == 0)
    #expect(targeted.seamcalls == 4 * 512)
    #expect(targeted.interrupts == 2 * 512)
    #expect(targeted.refaults == 512)
  }
}
