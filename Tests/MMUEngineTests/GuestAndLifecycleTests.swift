/// vCPUs, their TLBs, the lifecycle of a TD, and the allocator's poison.
import MMUEngine
import Testing

@Suite struct GuestAndLifecycleTests {
  /// A running TD whose page at gfn 1 vCPU 0 has accepted; it is in the guest on LP 0.
  private func accepted() throws -> PlatformFixture {
    var fixture = try PlatformFixture(running: true)
    try fixture.augmentSmallPage()
    try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
    #expect(try fixture.accept(fixture.vcpus[0]) == "SUCCESS")
    #expect(fixture.platform.access(fixture.vcpus[0], GFN(1)) == .completed(fixture.block))
    return fixture
  }

  @Test func pendingPageIsNotAccessible() throws {
    var fixture = try PlatformFixture(running: true)
    try fixture.augmentSmallPage()
    try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
    #expect(fixture.platform.access(fixture.vcpus[0], GFN(1)) == .exit(pending: true))
    #expect(fixture.platform.virtualProcessors[fixture.vcpus[0]]?.mode == .out)
    try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
    #expect(fixture.platform.access(fixture.vcpus[0], GFN(2)) == .exit(pending: false))
  }

  @Test func translationsOutliveTheBlockUntilTheNextEpochsEntry() throws {
    var fixture = try accepted()
    let vcpu = fixture.vcpus[0]
    try fixture.platform.execute(.block(PageInfo(GFN(1), .page4K), tdr: fixture.tdr.address))
    #expect(fixture.platform.access(vcpu, GFN(1)) == .completed(fixture.block))
    fixture.platform.exit(vcpu)
    try fixture.platform.enter(vcpu, on: LPID(0))
    // Same epoch: nothing was flushed.
    #expect(fixture.platform.access(vcpu, GFN(1)) == .completed(fixture.block))
    try fixture.platform.execute(.track(tdr: fixture.tdr.address))
    fixture.platform.exit(vcpu)
    #expect(fixture.platform.processors[0].reachable(fixture.tdr).contains(fixture.block))
    try fixture.platform.enter(vcpu, on: LPID(0))
    #expect(fixture.platform.processors[0].reachable(fixture.tdr) == [])
    #expect(fixture.platform.access(vcpu, GFN(1)) == .exit(pending: false))
  }

  @Test func anotherVCPUOfTheTDOnTheSameProcessorFlushes() throws {
    var fixture = try accepted()
    fixture.platform.exit(fixture.vcpus[0])
    try fixture.platform.enter(fixture.vcpus[1], on: LPID(0))
    #expect(fixture.platform.processors[0].reachable(fixture.tdr) == [])
  }

  @Test func aVCPUMovesOnlyAfterAFlush() throws {
    var fixture = try accepted()
    let vcpu = fixture.vcpus[0]
    fixture.platform.exit(vcpu)
    #expect(throws: Refusal(.vcpuAssociated)) { try fixture.platform.enter(vcpu, on: LPID(1)) }
    #expect(fixture.status(.flushVCPU(vcpu.address), on: LPID(1)) == "TDX_VCPU_NOT_ASSOCIATED")
    #expect(fixture.status(.flushDone(tdr: fixture.tdr.address)) == "TDX_FLUSHVP_NOT_DONE")
    #expect(fixture.status(.flushVCPU(vcpu.address), on: LPID(0)) == "SUCCESS")
    try fixture.platform.enter(vcpu, on: LPID(1))
    #expect(fixture.domain.associatedCount == 1)
  }

  @Test func useOfAFreedPageShowsBothStacks() throws {
    var fixture = try accepted()
    fixture.platform.memory.steps.names = ["punch hole", "free"]
    fixture.platform.memory.free(fixture.block)
    fixture.platform.memory.steps.names = ["guest"]
    #expect(fixture.platform.access(fixture.vcpus[0], GFN(1)) == .completed(fixture.block))
    let checks = fixture.platform.memory.collectChecks()
    #expect(checks.map(\.name) == ["use-after-free"])
    #expect(checks.first?.detail.contains("in [guest], freed by [punch hole > free]") == true)
    #expect(fixture.platform.memory.read(fixture.block, 3) == PhysicalMemory.poison)
    // A freed table is met by the walker, and by a call's walk.
    fixture.platform.memory.free(fixture.page)
    _ = fixture.status(.block(PageInfo(GFN(1), .page4K), tdr: fixture.tdr.address))
    #expect(fixture.platform.memory.collectChecks().map(\.name) == ["use-after-free"])
    fixture.platform.memory.free(fixture.page)
    #expect(fixture.platform.memory.collectChecks().map(\.name) == ["double-free"])
  }

  @Test func teardownGoesInOrder() throws {
    var fixture = try PlatformFixture(running: false, packages: 2)
    let tdr = fixture.tdr.address
    let (first, second) = (
      fixture.platform.size.hostProcessor(PackageID(0)), fixture.platform.size.hostProcessor(PackageID(1))
    )
    try fixture.augmentSmallPage()
    let add = SEAMCall.addPage(PageInfo(GFN(2), .page4K), tdr: tdr, page: PFN(0x1201).address, source: HPA(0))
    #expect(fixture.status(add) == "SUCCESS")
    #expect(fixture.status(.reclaimPage(fixture.block.address)) == "TDX_LIFECYCLE_STATE_INCORRECT")
    #expect(fixture.status(.freeKey(tdr: tdr)) == "TDX_LIFECYCLE_STATE_INCORRECT")
    #expect(fixture.status(.writeBackCaches(.fresh), on: first) == "TDX_NO_HKID_READY_TO_WBCACHE")
    #expect(fixture.status(.flushDone(tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.flushDone(tdr: tdr)) == "TDX_LIFECYCLE_STATE_INCORRECT")
    #expect(fixture.status(.track(tdr: tdr)) == "TDX_TD_KEYS_NOT_CONFIGURED")
    #expect(fixture.status(.writeBackCaches(.resumed), on: first) == "TDX_WBCACHE_RESUME_ERROR")
    fixture.platform.processors[first.rawValue].hasPendingInterrupt = true
    #expect(fixture.status(.writeBackCaches(.fresh), on: first) == "TDX_INTERRUPTED_RESUMABLE")
    #expect(fixture.status(.writeBackCaches(.resumed), on: first) == "SUCCESS")
    #expect(fixture.status(.freeKey(tdr: tdr)) == "TDX_WBCACHE_NOT_COMPLETE")
    #expect(fixture.platform.memory.isDirty(PFN(0x1201), fixture.key))
    #expect(fixture.status(.writeBackCaches(.fresh), on: second) == "SUCCESS")
    #expect(!fixture.platform.memory.isDirty(PFN(0x1201), fixture.key))
    #expect(fixture.status(.freeKey(tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.reclaimPage(tdr)) == "TDX_TD_ASSOCIATED_PAGES_EXIST")
    #expect(fixture.status(.writeBackPage(fixture.block.address)) == "TDX_PAGE_METADATA_INCORRECT|rcx")
    for page in fixture.platform.memory.allPages where fixture.platform.pamt.leaf(of: page).owner == fixture.tdr {
      #expect(fixture.status(.reclaimPage(page.address)) == "SUCCESS")
    }
    #expect(fixture.status(.reclaimPage(fixture.block.address)) == "TDX_PAGE_METADATA_INCORRECT|rcx")
    #expect(fixture.domain.childCount == 0)
    #expect(fixture.status(.reclaimPage(tdr)) == "SUCCESS")
    #expect(fixture.platform.memory.isDirty(fixture.tdr, .global))
    #expect(fixture.status(.writeBackPage(tdr.with(key: .global))) == "SUCCESS")
    #expect(!fixture.platform.memory.isDirty(fixture.tdr, .global))
    #expect(fixture.platform.domains.isEmpty && fixture.platform.keys.isEmpty && fixture.platform.locks.isIdle)
  }

  @Test func creationGoesInOrder() throws {
    var platform = TDXPlatform()
    let tdr = PFN(0x800).address
    func status(_ call: SEAMCall) -> String {
      do {
        try platform.execute(call)
        return "SUCCESS"
      } catch { return PlatformFixture.text(error) }
    }
    #expect(status(.manageCreate(tdr: tdr, key: HKID(1))) == "TDX_OPERAND_INVALID|rdx")
    #expect(status(.manageCreate(tdr: tdr, key: HKID(2))) == "SUCCESS")
    #expect(status(.manageCreate(tdr: PFN(0x801).address, key: HKID(2))) == "TDX_HKID_NOT_FREE")
    #expect(status(.manageCreate(tdr: tdr, key: HKID(3))) == "TDX_PAGE_METADATA_INCORRECT|rcx")
    #expect(status(.addControlPage(PFN(0x801).address, tdr: tdr)) == "TDX_TD_KEYS_NOT_CONFIGURED")
    #expect(status(.keyConfigure(tdr: tdr)) == "SUCCESS")
    #expect(status(.keyConfigure(tdr: tdr)) == "TDX_LIFECYCLE_STATE_INCORRECT")
    #expect(status(.manageInitialize(tdr: tdr)) == "TDX_TDCS_NOT_ALLOCATED")
    for frame in 0x801..<0x807 { #expect(status(.addControlPage(PFN(UInt64(frame)).address, tdr: tdr)) == "SUCCESS") }
    #expect(status(.addControlPage(PFN(0x807).address, tdr: tdr)) == "TDX_TDCX_NUM_INCORRECT")
    #expect(status(.createVCPU(PFN(0x808).address, tdr: tdr)) == "TDX_OP_STATE_INCORRECT")
    #expect(status(.manageInitialize(tdr: tdr)) == "SUCCESS")
    #expect(status(.manageInitialize(tdr: tdr)) == "TDX_OP_STATE_INCORRECT")
    #expect(status(.createVCPU(PFN(0x808).address, tdr: tdr)) == "SUCCESS")
    #expect(status(.finalizeMeasurement(tdr: tdr)) == "TDX_NO_VCPUS")
    #expect(throws: Refusal(.operationStateIncorrect)) { try platform.enter(PFN(0x808), on: LPID(0)) }
    #expect(status(.initializeVCPU(PFN(0x808).address, version: 0)) == "SUCCESS")
    #expect(status(.finalizeMeasurement(tdr: tdr)) == "SUCCESS")
    #expect(status(.finalizeMeasurement(tdr: tdr)) == "TDX_OP_STATE_INCORRECT")
    #expect(platform.domains[PFN(0x800)]?.epoch == 1)
  }
}
