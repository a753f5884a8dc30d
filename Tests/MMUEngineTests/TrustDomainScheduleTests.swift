import MMUEngine
import Testing

@Suite("A TD's private memory under random schedules: two vCPUs on the module, a thread that takes leaves away")
struct TrustDomainScheduleTests {
  private static let length = 3000

  private static func version(_ seed: UInt64) -> KernelVersion {
    [KernelVersion.linux616, .linux619, .linux73][Int(seed % 3)]
  }

  @Test(
    "schedules of the right kernels: no check fires, mirror and Secure-EPT agree, every page comes back",
    arguments: 0..<5)
  func rightKernel(batch: Int) {
    var mapped = 0
    var zapped = 0
    for seed in 0..<100 {
      let schedule = MMUSchedule(seed: UInt64(batch * 100 + seed), length: Self.length)
      var host = TrustDomainHost(Self.version(schedule.seed), seed: schedule.seed)
      for agent in schedule.agents { host.step(Int(agent)) }
      host.finish()
      #expect(host.mmu.collectChecks() == [], "seed \(schedule.seed)")
      #expect(host.framesInUse == 0, "seed \(schedule.seed)")
      mapped += host.statistics.leavesMapped
      zapped += host.statistics.leavesZapped
    }
    #expect(mapped > 500 && mapped == zapped)
  }

  @Test(
    "TDs that are being built: image pages, holes, conversions and deletions before FINALIZE, then vCPUs",
    arguments: 0..<2)
  func building(batch: Int) {
    var imagePages = 0
    var finalized = 0
    var leftUnfinished = 0
    var refused: [KernelVersion.PreparedImagePage: Int] = [:]
    for seed in 0..<100 {
      let schedule = MMUSchedule(seed: UInt64(batch * 100 + seed), length: Self.length)
      var host = TrustDomainHost(Self.version(schedule.seed), seed: schedule.seed, .building)
      #expect(!host.isRunnable)
      for agent in schedule.agents { host.step(Int(agent)) }
      if host.isRunnable { finalized += 1 } else { leftUnfinished += 1 }
      host.finish()
      #expect(host.collectChecks() == [], "seed \(schedule.seed)")
      #expect(host.framesInUse == 0, "seed \(schedule.seed)")
      #expect(host.statistics.leavesMapped == host.statistics.leavesZapped)
      imagePages += host.imagePages
      refused[host.mmu.version.preparedImagePage, default: 0] += host.refusedImagePages
    }
    #expect(imagePages > 100)
    // 7.3 does not look at the file: a page that is still mapped is refused by the fault, one that was unmapped is added again.
    #expect(refused[.refused] == 0 && refused[.taken, default: 0] > 0)
    #expect(finalized > 50)
    // A short schedule ends before FINALIZE; such a TD goes as well as any.
    for seed in 0..<20 as Range<UInt64> {
      let schedule = MMUSchedule(seed: seed, length: 40)
      var host = TrustDomainHost(.linux616, seed: seed, .building)
      for agent in schedule.agents { host.step(Int(agent)) }
      if !host.isRunnable { leftUnfinished += 1 }
      host.finish()
      #expect(host.collectChecks() == [], "seed \(seed)")
      #expect(host.framesInUse == 0, "seed \(seed)")
    }
    #expect(leftUnfinished > 0)
  }

  @Test("a guest without events that faults on a slot that is going: 6.16 deletes the slot never, others do")
  func retryInPlace() {
    var stuck: [String: Int] = [:]
    for version in [KernelVersion.linux616, .linux619, .linux73] {
      for seed in 0..<20 as Range<UInt64> {
        let schedule = MMUSchedule(seed: seed, length: 800)
        var host = TrustDomainHost(version, seed: seed)
        host.events = .never
        let result = schedule.run(host)
        for check in result.checks { stuck["\(version.name) \(check.name)", default: 0] += 1 }
      }
    }
    #expect(Set(stuck.keys) == ["6.16 \(MMUDamage.stuck.rawValue)"])
  }

  private static let tracking = "KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"

  /// The first check of a result, with the status that the module answered.
  private static func name(_ result: ScheduleResult) -> String? {
    guard let first = result.checks.first else { return nil }
    let status = first.detail.split(separator: " ").last { $0.hasPrefix("TDX_") }
    return status.map { "\(first.name) \($0)" } ?? first.name
  }

  @Test(
    "FINALIZE beside a hole punch, as kernels let it: REMOVE finds a TD that wants tracking, and nothing else goes wrong"
  )
  func finalizeDuringPunch() {
    var seen: [String: Int] = [:]
    for seed in 0..<200 as Range<UInt64> {
      let schedule = MMUSchedule(seed: seed, length: 600)
      let version = Self.version(seed)
      if let name = Self.name(schedule.runTrustDomain(version, .buildingUnordered)) { seen[name, default: 0] += 1 }
      #expect(schedule.runTrustDomain(version, .building).checks == [], "seed \(seed)")
    }
    #expect(Set(seen.keys) == [Self.tracking])
  }

  @Test("a TD's schedule that reports something shrinks, is stored as text, and reports the same again")
  func shrinking() throws {
    try MMUSchedule.expectShrinking(seeds: 0..<100, length: Self.length) {
      $0.runTrustDomain(.linux619, deviations: [.noTrack])
    } silent: {
      $0.runTrustDomain(.linux619)
    }
  }

  /// What a deviation is reported by: the check, and the status that the module answered.
  private static let expected: [(KernelPolicy.Deviation, Set<String>)] = [
    (.noTrack, ["KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"]),
    (.noKick, ["KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"]),
    (.trackBeforeBlock, ["KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"]),
    (.unblockBeforeRemove, ["KVM_BUG_ON TDX_GPA_RANGE_NOT_BLOCKED"]),
    (.busyRetryWithoutKick, ["KVM_BUG_ON TDX_OPERAND_BUSY"]),
    (.zapShared, [KernelAssertion.mirrorAtomic.rawValue, KernelAssertion.mirrorRemovalLock.rawValue]),
  ]

  @Test("each deviation is reported by its own check and by no other", arguments: expected.map(\.0))
  func deviation(_ deviation: KernelPolicy.Deviation) throws {
    let expected = try #require(Self.expected.first { $0.0 == deviation }?.1)
    var seen: Set<String> = []
    for seed in 0..<100 as Range<UInt64> {
      let schedule = MMUSchedule(seed: seed, length: Self.length)
      let result = schedule.runTrustDomain(Self.version(seed), deviations: [deviation])
      if let name = Self.name(result) { seen.insert(name) }
    }
    #expect(seen == expected)
  }

  @Test("without TRACK and with a module that does not ask for it, a guest reaches a freed page")
  func moduleWithoutTracking() {
    var names: Set<String> = []
    for seed in 0..<100 as Range<UInt64> {
      let schedule = MMUSchedule(seed: seed, length: Self.length)
      let result = schedule.runTrustDomain(.linux619, deviations: [.noTrack, .noKick, .moduleNoTracking])
      if let first = result.checks.first { names.insert(first.name) }
    }
    #expect(names == ["page-freed-dirty", MMUDamage.staleTranslation.rawValue])
  }
}
