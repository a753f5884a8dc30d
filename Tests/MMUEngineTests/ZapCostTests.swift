import MMUEngine
import Testing

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

  @Test("a deletion of 2 MiB in a VM of 4 MiB, counted by hand")
  func byHand() {
    let fast = ZapCost.measured(
      ZapCost.Scenario(.npt, .fast, slotPages: 512, memoryPages: 1024, level: .page4K), vcpus: 2)
    // 1024 leaves, 2 + 1 + 1 tables' entries, 4 tables of 512 entries frozen.
    #expect(fast.entryWrites == 1024 + 4 + 4 * 512)
    #expect(fast.tablesFreed == 4)
    #expect(fast.refaults == 1024)
    let targeted = ZapCost.measured(
      ZapCost.Scenario(.tdx, .targeted, slotPages: 512, memoryPages: 1024, level: .page4K), vcpus: 2)
    #expect(targeted.entryWrites == 512)
    #expect(targeted.tablesFreed == 0)
    #expect(targeted.seamcalls == 4 * 512)
    #expect(targeted.interrupts == 2 * 512)
    #expect(targeted.refaults == 512)
  }
}
