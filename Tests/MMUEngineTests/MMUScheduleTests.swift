import MMUEngine
import Testing

@Suite("The TDP MMU under random schedules: two vCPUs, an ioctl thread, a notifier, the NX recovery worker, RCU")
struct MMUScheduleTests {
  private static let length = 3000

  @Test("ten thousand schedules of the right kernel, no check fires", arguments: 0..<10)
  func rightKernel(batch: Int) {
    for seed in 0..<1000 {
      let schedule = MMUSchedule(seed: UInt64(batch * 1000 + seed), length: Self.length)
      let result = schedule.run(seed % 2 == 0 ? .linux612 : .linux73)
      #expect(result.checks == [], "seed \(schedule.seed), after \(result.steps) micro-steps")
    }
  }

  @Test("VMs with NX huge pages, with private memory, with both and with neither; their agents come to their ends")
  func features() {
    var rounds = 0
    var kept = 0
    var conversions = 0
    var kinds: Set<HostFeatures> = []
    for seed in 0..<200 as Range<UInt64> {
      let schedule = MMUSchedule(seed: seed, length: Self.length)
      kinds.insert(schedule.features)
      var host = MMUHost(.linux619, seed: seed, features: schedule.features)
      for agent in schedule.agents { host.step(Int(agent)) }
      if !schedule.features.contains(.hugePageMitigation) { #expect(host.worker.rounds == 0) }
      if !schedule.features.contains(.privateMemory) { #expect(host.ioctl.conversions == 0) }
      rounds += host.worker.rounds
      kept += host.worker.tablesKept
      conversions += host.ioctl.conversions
    }
    #expect(kinds == [[], .hugePageMitigation, .privateMemory, [.hugePageMitigation, .privateMemory]])
    #expect(rounds > 1000)
    // Tables of slots that are logged: only there are huge pages that the worker must leave split.
    #expect(kept > 0)
    #expect(conversions > 150)
  }

  private static let faults = InjectedFault.allCases.filter { !InjectedFault.ofTrustDomains.contains($0) }

  @Test("twenty-four single-line faults")
  func count() { #expect(Self.faults.count == 24) }

  /// The checks that a fault is reported by; whichever comes first depends on the schedule.
  private static func expected(_ fault: InjectedFault) -> Set<String> {
    func names(_ damage: [MMUDamage], _ assertions: [KernelAssertion] = []) -> Set<String> {
      Set(damage.map(\.rawValue) + assertions.map(\.rawValue))
    }
    switch fault {
    case .zapWithoutFlush, .fastFaultIgnoresMMUWritable, .slotNotInvalidated, .conversionNotWidened:
      return names([.staleTranslation])
    case .deletionWithoutZap: return names([.staleTranslation], [.spuriousFrame])
    case .staleCheckSkipped, .snapshotAfterPage, .invalidationEndsEarly, .conversionWithoutUnmap:
      return names([.staleTranslation], [.leafFrameChanged, .spuriousFrame])
    case .obsoleteRootUsed: return names([], [.mapInvalidRoot])
    case .rootNotScheduled: return names([.mappingLeft], [.rootsLeft])
    case .zapRootPassMissing: return names([.mappingLeft, .treeBroken])
    // A table that two agents have removed: each waits for the other's FROZEN.
    case .exchangeIgnoresOthers: return names([.treeBroken, .stuck], [.pagesLeft])
    case .generationUnchecked, .generationNotBumped: return names([.staleMMIO])
    case .hugePageWhileLogging: return names([], [.hugeDirtyTracked])
    case .writeProtectWithoutFlush, .logClearedUnprotected: return names([.dirtyPageLost])
    case .notifierLocksForRead: return names([], [.invalidationLock])
    case .noSRCUWait: return names([.staleTranslation, .dirtyPageLost, .staleMMIO])
    case .loadWithoutFlush, .recoveryWithoutFlush: return names([.freedTableUsed, .staleTranslation])
    case .rootPutTwice: return names([.freedTableUsed])
    case .flushWithoutKick: return names([.staleTranslation, .dirtyPageLost, .freedTableUsed])
    case .filterInverted: return []
    }
  }

  @Test("each single-line fault is reported by its own checks and by no other", arguments: faults)
  func fault(_ fault: InjectedFault) {
    let expected = Self.expected(fault)
    var missing = expected
    // As many schedules as it takes to see each check, two hundred at least.
    for seed in 0..<4000 where seed < 200 || !missing.isEmpty {
      let schedule = MMUSchedule(seed: UInt64(seed), length: Self.length)
      let result = schedule.run(seed % 2 == 0 ? .linux612 : .linux73, faults: [fault])
      guard let first = result.checks.first else { continue }
      missing.remove(first.name)
      #expect(expected.contains(first.name), "\(fault.rawValue), seed \(seed): \(first.name), \(first.detail)")
    }
    #expect(missing == [], "\(fault.rawValue) is not reported by these in any schedule")
  }

  @Test("a schedule that reports a fault shrinks, is stored as text, and reports the same again")
  func shrinking() throws {
    try MMUSchedule.expectShrinking(seeds: 0..<4000, length: Self.length) {
      $0.run(.linux612, faults: [.zapWithoutFlush])
    } silent: {
      $0.run(.linux612)
    }
  }
}
