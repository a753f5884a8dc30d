import MMUEngine
import Testing

@Suite("An SNP guest under random schedules: nested faults, conversions, holes and the RMP in one machine")
struct SNPScheduleTests {
  private static let length = 3000

  private static func version(_ seed: UInt64) -> KernelVersion {
    [KernelVersion.linux616, .linux619, .linux73][Int(seed % 3)]
  }

  @Test(
    "schedules of the right kernels, also from the launch on: no check fires, and at the end nobody has a page",
    arguments: 0..<4)
  func rightKernel(batch: Int) throws {
    var counts: [SNPGuest.Event: Int] = [:]
    var conversions = 0
    var requests = 0
    for seed in 0..<250 {
      let schedule = MMUSchedule(seed: UInt64(batch * 250 + seed), length: Self.length)
      let start: SNPGuest.Start = seed % 4 < 2 ? .launching : .running
      var host = MMUHost(snp: Self.version(schedule.seed), seed: schedule.seed, start)
      for agent in schedule.agents { host.step(Int(agent)) }
      host.finish()
      #expect(host.collectChecks() == [], "seed \(schedule.seed)")
      // The ASID waits for a flush; after it the platform goes.
      var platform = try #require(host.snp?.host)
      #expect(platform.asids.reclaimable == [1])
      platform.firmware.hasWrittenBack = true
      try platform.firmware.flushDataFabric()
      try platform.shutDown()
      counts.merge(host.snp?.counts ?? [:], uniquingKeysWith: +)
      conversions += host.ioctl.conversions
      requests += host.ioctl.requests
    }
    for event in SNPGuest.Event.allCases { #expect(counts[event, default: 0] > 20, "\(event.rawValue)") }
    #expect(conversions > 500 && requests > 500)
  }

  /// Runs schedules until each of the checks was the first of one, two hundred at least; none reports anything else first.
  private func expect(_ expected: Set<String>, _ what: String, _ run: (MMUSchedule) -> ScheduleResult) {
    var missing = expected
    for seed in 0..<6000 as Range<UInt64> where seed < 200 || !missing.isEmpty {
      guard let first = run(MMUSchedule(seed: seed, length: Self.length)).checks.first else { continue }
      missing.remove(first.name)
      #expect(expected.contains(first.name), "\(what), seed \(seed): \(first.name), \(first.detail)")
    }
    #expect(missing == [], "\(what) is not reported by these in any schedule")
  }

  private static func expected(_ mistake: SNPFault) -> Set<String> {
    switch mistake {
    case .freedWithoutUpdate: [ReverseMapDamage.freedAssigned.rawValue]
    // What a TLB has is the guest's no more; what it has not is faulted for until the hole is there.
    case .updateBeforeZap: [ReverseMapDamage.foreignPage.rawValue, ReverseMapDamage.faultRepeats.rawValue]
    case .smashMissingAtFree: [ReverseMapDamage.updateOverlaps.rawValue]
    case .smashMissingAtFault, .prepareMissing: [ReverseMapDamage.faultRepeats.rawValue]
    case .splitByUpdate: [ReverseMapDamage.validationLost.rawValue]
    case .smashWithoutZap, .zapBeforeSmash, .levelUncapped, .holeNotWidened: [ReverseMapDamage.leafTooLarge.rawValue]
    case .imageCopiedLate: [ReverseMapDamage.hostWrite.rawValue]
    // It is never the guest's, and not the allocator's when the file loses it.
    case .imageNotReclaimed: [ReverseMapDamage.faultRepeats.rawValue, ReverseMapDamage.freedAssigned.rawValue]
    case .imageBesideHole: [ReverseMapDamage.freedAssigned.rawValue]
    case .imageWithoutSlotsLock: [KernelAssertion.populateSlotsLock.rawValue]
    case .vmsaNotMeasured: [ReverseMapDamage.vmsaMissing.rawValue]
    // It is immutable for good: the launch never ends, and RMPUPDATE refuses it when the vCPU goes.
    case .vmsaNotReclaimed: [ReverseMapDamage.pageLeaked.rawValue]
    case .vmsaFreedAssigned: [ReverseMapDamage.freedAssigned.rawValue]
    // What was unmapped is reached by TLBs alone.
    case .updateBeforeFlush: [ReverseMapDamage.foreignPage.rawValue]
    }
  }

  @Test("each mistake about the RMP is reported by its own checks and by no other", arguments: SNPFault.allCases)
  func mistake(_ mistake: SNPFault) {
    expect(Self.expected(mistake), mistake.rawValue) {
      $0.runSNP(Self.version($0.seed), $0.seed % 4 < 2 ? .launching : .running, mistakes: [mistake])
    }
  }

  private static let faults: [(InjectedFault, Set<String>)] = [
    (.zapWithoutFlush, [MMUDamage.staleTranslation.rawValue, ReverseMapDamage.foreignPage.rawValue]),
    // Pages of the old kind stay mapped: reached, mapped over, or faulted for in vain.
    (
      .conversionWithoutUnmap,
      [
        MMUDamage.staleTranslation.rawValue, ReverseMapDamage.faultRepeats.rawValue,
        KernelAssertion.spuriousFrame.rawValue,
      ]
    ),
    (.conversionNotWidened, [MMUDamage.staleTranslation.rawValue]),
    (
      .flushWithoutKick,
      [
        ReverseMapDamage.foreignPage.rawValue, MMUDamage.staleTranslation.rawValue, MMUDamage.dirtyPageLost.rawValue,
      ]
    ),
  ]

  @Test("and so are faults of the MMU that conversions and holes rest on", arguments: faults.map(\.0))
  func fault(_ fault: InjectedFault) throws {
    let expected = try #require(Self.faults.first { $0.0 == fault }?.1)
    expect(expected, fault.rawValue) { $0.runSNP(Self.version($0.seed), faults: [fault]) }
  }

  @Test("a schedule that reports a mistake shrinks, is stored as text, and reports the same again")
  func shrinking() throws {
    let name = try MMUSchedule.expectShrinking(seeds: 0..<200, length: Self.length) {
      $0.runSNP(.linux619, mistakes: [.smashWithoutZap])
    } silent: {
      $0.runSNP(.linux619)
    }
    #expect(name == ReverseMapDamage.leafTooLarge.rawValue)
  }

  /// Inferred from the sources: no real machine was seen.
  @Test("an MMIO entry of a memslot that was gone outlives the slot's return: the guest gets #VC, and KVM no exit")
  func outlivingMMIO() {
    var host = MMUHost(snp: .linux616, seed: 1)
    let root = host.mmu.makeRoot(RootRole(level: .page512G)).0
    let gfn = GFN(MMUHost.slots[1])
    var cache = MMIOCache()
    var fault = PageFault(FaultRequest(vcpu: 0, address: gfn.rawValue << 12, code: [.user]), root: root)
    while fault.result == nil {
      guard case .asks = fault.step(&host.mmu, &cache) else { continue }
      if fault.question == .slot { fault.answer(isDirtyTracked: false) } else { fault.answer(.noSlot) }
    }
    #expect(host.mmu.format.isMMIO(host.mmu.lookup(root, gfn).entry))
    // The slot comes: what zaps there are take present leaves, and a new generation is nothing that hardware looks at.
    host.mmu.beginSwap()
    host.mmu.endSwap(adding: 2)
    host.mmu.isSlotsLockHeld = true
    var walk = host.mmu.unmapping(.all, FrameRange(start: gfn.rawValue, end: gfn.rawValue + 512))
    while true { if case .finished = walk.step(&host.mmu) { break } }
    #expect(host.mmu.format.isMMIO(host.mmu.lookup(root, gfn).entry))
    #expect(host.collectChecks() == [])
  }

  @Test("a folio of the file is one where nothing else of its 2 MiB is; a hole leaves its other pages singly")
  func folio() {
    var memory = HostMemory()
    let folio = memory.touchPrivate(0x2005, limit: .page2M)
    #expect(folio.level == .page2M && folio.frame.rawValue & 511 == 5)
    let whole = FrameRange(start: 0x2000, end: 0x2200)
    let head = folio.frame.rawValue - 5
    #expect(memory.privateFrames(in: whole) == [head..<head + 512])
    #expect(memory.privateFrames(in: FrameRange(start: 0x2005, end: 0x2006)) == [head + 5..<head + 6])
    memory.punch(0x2005)
    #expect(memory.freed == [folio.frame] && memory.privatePage(0x2005) == nil)
    #expect(memory.privatePage(0x2006) == PFN(head + 6) && !memory.isPrivateFolio(0x2006))
    #expect(memory.privateFrames(in: whole).count == 511)
    #expect(memory.touchPrivate(0x2005, limit: .page2M).level == .page4K)
  }
}
