import MMUEngine
import Testing

@Suite("A TD with both halves of its memory under random schedules of one machine")
struct WholeTrustDomainScheduleTests {
  private static let length = 3000

  private static func version(_ seed: UInt64) -> KernelVersion {
    [KernelVersion.linux616, .linux619, .linux73][Int(seed % 3)]
  }

  @Test(
    "schedules of the right kernels: no check fires, mirror and Secure-EPT agree, every frame of the module comes back",
    arguments: 0..<4)
  func rightKernel(batch: Int) {
    var conversions = 0
    var requests = 0
    var accepts = 0
    var mapped = 0
    for seed in 0..<100 {
      let schedule = MMUSchedule(seed: UInt64(batch * 100 + seed), length: Self.length)
      var host = MMUHost(trustDomain: Self.version(schedule.seed), seed: schedule.seed)
      for agent in schedule.agents { host.step(Int(agent)) }
      host.finish()
      #expect(host.collectChecks() == [], "seed \(schedule.seed)")
      #expect(host.moduleFramesInUse == 0, "seed \(schedule.seed)")
      conversions += host.ioctl.conversions
      requests += host.ioctl.requests
      accepts += host.accepts
      mapped += host.mmu.statistics.leavesMapped
    }
    #expect(conversions > 200 && requests > 200)
    // Private leaves are accepted once each; what is mapped beyond them is shared.
    #expect(accepts > 200 && mapped > 2 * accepts)
  }

  @Test("TDs that are being built, beside the notifier and holes: image pages, FINALIZE, then vCPUs", arguments: 0..<2)
  func building(batch: Int) {
    var added = 0
    var finalized = 0
    var accepts = 0
    var refused: [KernelVersion.PreparedImagePage: Int] = [:]
    for seed in 0..<40 {
      let schedule = MMUSchedule(seed: UInt64(batch * 40 + seed), length: Self.length)
      var host = MMUHost(trustDomain: Self.version(schedule.seed), seed: schedule.seed, .building)
      #expect(!host.isRunnable)
      for agent in schedule.agents { host.step(Int(agent)) }
      if host.isRunnable { finalized += 1 }
      host.finish()
      #expect(host.collectChecks() == [], "seed \(schedule.seed)")
      #expect(host.moduleFramesInUse == 0, "seed \(schedule.seed)")
      added += host.building.added
      refused[host.mmu.version.preparedImagePage, default: 0] += host.building.refused
      accepts += host.accepts
    }
    #expect(added > 40 && finalized > 20 && accepts > 20)
    #expect(refused[.refused] == 0 && refused[.taken, default: 0] > 0)
  }

  /// The first check of a result, with the status that the module answered.
  private static func name(_ result: ScheduleResult) -> String? {
    guard let first = result.checks.first else { return nil }
    let status = first.detail.split(separator: " ").last { $0.hasPrefix("TDX_") }
    return status.map { "\(first.name) \($0)" } ?? first.name
  }

  /// Runs schedules until each of the checks was the first of one, a hundred at least; none reports anything else first.
  private func expect(_ expected: Set<String>, _ what: String, _ run: (MMUSchedule) -> ScheduleResult) {
    var missing = expected
    for seed in 0..<3000 as Range<UInt64> where seed < 100 || !missing.isEmpty {
      guard let name = Self.name(run(MMUSchedule(seed: seed, length: Self.length))) else { continue }
      missing.remove(name)
      #expect(expected.contains(name), "\(what), seed \(seed): \(name)")
    }
    #expect(missing == [], "\(what) is not reported by these in any schedule")
  }

  private static let deviations: [(Set<KernelPolicy.Deviation>, Set<String>)] = [
    ([.noTrack], ["KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"]),
    ([.noKick], ["KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"]),
    ([.trackBeforeBlock], ["KVM_BUG_ON TDX_TLB_TRACKING_NOT_DONE"]),
    ([.unblockBeforeRemove], ["KVM_BUG_ON TDX_GPA_RANGE_NOT_BLOCKED"]),
    ([.busyRetryWithoutKick], ["KVM_BUG_ON TDX_OPERAND_BUSY"]),
    ([.noTrack, .noKick, .moduleNoTracking], ["page-freed-dirty", MMUDamage.staleTranslation.rawValue]),
  ]

  @Test("deviations in the private half are reported by their own checks and by no other", arguments: deviations)
  func deviation(_ deviations: Set<KernelPolicy.Deviation>, _ expected: Set<String>) {
    let what = deviations.map(\.rawValue).sorted().joined(separator: "+")
    expect(expected, what) { $0.runWholeTrustDomain(Self.version($0.seed), deviations: deviations) }
  }

  private static let stale = MMUDamage.staleTranslation.rawValue

  private static let faults: [(InjectedFault, Set<String>)] = [
    (.zapWithoutFlush, [stale]),
    (.conversionWithoutUnmap, [stale]),
    (.fastFaultIgnoresMMUWritable, [stale]),
    (.writeProtectWithoutFlush, [MMUDamage.dirtyPageLost.rawValue]),
    (.flushWithoutKick, [stale, MMUDamage.dirtyPageLost.rawValue]),
    (.notifierLocksForRead, [KernelAssertion.invalidationLock.rawValue]),
    // A hole that leaves the module its pages, and a file that closes so.
    (
      .filterInverted, [stale, MMUDamage.contentsLost.rawValue, "page-freed-while-owned", "hkid-freed-early"]
    ),
  ]

  @Test("and so are faults in what the halves share: conversions, filters, flushes, the log", arguments: faults)
  func fault(_ fault: InjectedFault, _ expected: Set<String>) {
    expect(expected, fault.rawValue) { $0.runWholeTrustDomain(Self.version($0.seed), faults: [fault]) }
  }

  @Test("a schedule that reports a fault shrinks, is stored as text, and reports the same again")
  func shrinking() throws {
    let name = try MMUSchedule.expectShrinking(seeds: 0..<200, length: Self.length) {
      $0.runWholeTrustDomain(.linux619, faults: [.conversionWithoutUnmap])
    } silent: {
      $0.runWholeTrustDomain(.linux619)
    }
    #expect(name == MMUDamage.staleTranslation.rawValue)
  }
}
