/// The checks of SEAMCALLs beside the state of the entry: operands, lifecycle, locks, walks, epochs; and their order.
import MMUEngine
import Testing

@Suite struct SEAMCallCheckTests {
  @Test func statusesHaveTheirNumbers() {
    #expect(TDXStatusCode.operandBusy.rawValue == 0x8000_0200_0000_0000)
    #expect(TDXStatusCode.previousTLBEpochBusy.rawValue == 0x8000_0201_0000_0000)
    #expect(TDXStatusCode.trackingNotDone.rawValue == 0xC000_0B08_0000_0000)
    #expect(TDXStatusCode.rangeNotBlocked.rawValue == 0xC000_0B06_0000_0000)
    #expect(TDXStatusCode.tablePageNotFree.rawValue == 0xC000_0B0E_0000_0000)
    #expect(TDXStatusCode.keysNotConfigured.rawValue == 0x8000_0810_0000_0000)
    #expect(Refusal(.operandBusy, .secureEPTTree).rax == 0x8000_0200_0000_0092)
    #expect(Refusal(.entryStateIncorrect, .rcx).rax == 0xC000_0B0D_0000_0001)
    #expect(Set(TDXStatusCode.allCases.map(\.name)).count == TDXStatusCode.allCases.count)
  }

  @Test func entriesEncodeTheirStates() {
    #expect(SecureEPTEntry.free.rawValue == 0x80E0_0000_0000_0000)
    #expect(SecureEPTEntry(.nonLeafMapped, page: PFN(0x1234)).rawValue == 0x8000_0000_0123_4007)
    #expect(SecureEPTEntry(.mapped, page: PFN(0x1234)).rawValue == 0x8000_0000_0123_40F7)
    #expect(SecureEPTEntry(.pendingBlocked, page: PFN(0x1234)).rawValue == 0x8180_0000_0123_40F0)
    for state in SecureEPTState.allCases {
      var entry = SecureEPTEntry(state, page: PFN(0x1234))
      entry.isLocked = true
      entry.hasHostPriority = true
      #expect(entry.state == state)
      #expect(entry.with(state: .blocked).isLocked && entry.with(state: .blocked).hasHostPriority)
    }
    #expect(SecureEPTEntry(rawValue: PhysicalMemory.poison).state == nil)
  }

  /// Every refusal here must leave the platform as it was.
  private func refuse(
    _ fixture: inout PlatformFixture, _ call: SEAMCall, _ status: String, _ location: SourceLocation = #_sourceLocation
  ) {
    let before = fixture.platform
    #expect(fixture.status(call) == status, sourceLocation: location)
    #expect(fixture.platform == before, sourceLocation: location)
  }

  @Test func firstFailingCheckDecides() throws {
    var fixture = try PlatformFixture(running: false)
    let tdr = fixture.tdr.address
    let bad = PageInfo(rawValue: 0x8)
    // 1: the TDR's address before everything else, its coverage, its type.
    refuse(&fixture, .block(bad, tdr: HPA(tdr.rawValue + 8)), "TDX_OPERAND_INVALID|rdx")
    refuse(&fixture, .block(bad, tdr: tdr.with(key: HKID(2))), "TDX_OPERAND_INVALID|rdx")
    refuse(&fixture, .block(bad, tdr: PFN(5).address), "TDX_OPERAND_ADDR_RANGE_ERROR|rdx")
    refuse(&fixture, .block(bad, tdr: fixture.page.address), "TDX_PAGE_METADATA_INCORRECT|rdx")
    // 2: fatal before the lifecycle, that before the control pages.
    var dead = fixture
    dead.platform.domains[fixture.tdr]?.lifecycle = .blocked
    dead.platform.domains[fixture.tdr]?.controlPages = []
    refuse(&dead, .block(bad, tdr: tdr), "TDX_TD_KEYS_NOT_CONFIGURED")
    dead.platform.domains[fixture.tdr]?.isFatal = true
    refuse(&dead, .block(bad, tdr: tdr), "TDX_TD_FATAL")
    dead.platform.domains[fixture.tdr]?.isFatal = false
    dead.platform.domains[fixture.tdr]?.lifecycle = .keysConfigured
    refuse(&dead, .block(bad, tdr: tdr), "TDX_TDCS_NOT_ALLOCATED")
    // 3 before 4: OP_STATE before the page-info operand.
    var young = fixture
    young.platform.domains[fixture.tdr]?.operationState = .uninitialized
    refuse(&young, .block(bad, tdr: tdr), "TDX_OP_STATE_INCORRECT")
    // 4: reserved bits, alignment, level, a shared address.
    for info in [bad, PageInfo(rawValue: 0x1001), PageInfo(rawValue: 5), PageInfo(GFN(1 << 35), .page4K)] {
      refuse(&fixture, .block(info, tdr: tdr), "TDX_OPERAND_INVALID|rcx")
    }
    refuse(&fixture, .addTable(PageInfo(GFN(0), .page4K), tdr: tdr, page: HPA(1)), "TDX_OPERAND_INVALID|rcx")
    // 6: the walk before the state; 8: the state before the page operand.
    refuse(&fixture, .block(PageInfo(GFN(0), .page4K), tdr: tdr), "TDX_EPT_WALK_FAILED|rcx")
    refuse(&fixture, .addTable(PageInfo(GFN(0), .page1G), tdr: tdr, page: HPA(1)), "TDX_EPT_ENTRY_STATE_INCORRECT|rcx")
    refuse(&fixture, .addTable(fixture.info, tdr: tdr, page: HPA(1)), "TDX_OPERAND_INVALID|r8")
    refuse(&fixture, .addTable(fixture.info, tdr: tdr, page: fixture.tdr.address), "TDX_PAGE_METADATA_INCORRECT|r8")
    let unaligned = fixture.block.advanced(by: 1).address
    refuse(&fixture, .augmentPage(fixture.info, tdr: tdr, page: unaligned), "TDX_OPERAND_INVALID|r8")
  }

  @Test func aPageIsInOneRoleAtATime() throws {
    var fixture = try PlatformFixture(running: false)
    let tdr = fixture.tdr.address
    try fixture.platform.execute(.augmentPage(fixture.info, tdr: tdr, page: fixture.block.address))
    // Inside a 2 MiB page nothing can be added; nor can a 2 MiB page be added around a small one.
    let inside = fixture.block.advanced(by: 7).address
    refuse(&fixture, .createVCPU(inside, tdr: tdr), "TDX_PAGE_METADATA_INCORRECT|rcx")
    var other = try PlatformFixture(running: false)
    try other.platform.execute(.createVCPU(inside, tdr: tdr))
    refuse(
      &other, .augmentPage(other.info, tdr: tdr, page: other.block.address), "TDX_PAGE_METADATA_INCORRECT|r8")
    #expect(other.platform.pamt.childCount(of: other.tdr) == other.domain.childCount)
  }

  @Test func busyNamesTheLock() throws {
    var fixture = try PlatformFixture(running: true)
    let tdr = fixture.tdr.address
    try fixture.augmentSmallPage()
    let small = PageInfo(GFN(1), .page4K)
    // A SEAMCALL between its two steps keeps the tree shared: another addition passes, BLOCK does not.
    try fixture.platform.begin(.addTable(PageInfo(GFN(512), .page2M), tdr: tdr, page: PFN(0x1201).address), on: LPID(0))
    refuse(&fixture, .block(small, tdr: tdr), "TDX_OPERAND_BUSY|secureEPTTree")
    refuse(
      &fixture, .addTable(PageInfo(GFN(1024), .page2M), tdr: tdr, page: PFN(0x1201).address), "TDX_OPERAND_BUSY|r8")
    #expect(fixture.status(.addTable(PageInfo(GFN(1024), .page2M), tdr: tdr, page: PFN(0x1202).address)) == "SUCCESS")
    try fixture.platform.end(on: LPID(0))
    // A vCPU in the guest holds TDR and TDVPR.
    try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
    refuse(&fixture, .flushVCPU(fixture.vcpus[0].address), "TDX_OPERAND_BUSY|rcx")
    refuse(&fixture, .initializeVCPU(fixture.vcpus[1].address, version: 1), "TDX_OPERAND_BUSY|tdr")
    refuse(&fixture, .flushDone(tdr: tdr), "TDX_OPERAND_BUSY|rcx")
    // An entry under zero-step mitigation holds tree and epoch.
    try fixture.platform.beginEntry(fixture.vcpus[1], on: LPID(1), .active)
    refuse(&fixture, .block(small, tdr: tdr), "TDX_OPERAND_BUSY|secureEPTTree")
    refuse(&fixture, .track(tdr: tdr), "TDX_OPERAND_BUSY|epoch")
    fixture.platform.endEntry(fixture.vcpus[1])
    fixture.platform.exit(fixture.vcpus[1])
    fixture.platform.exit(fixture.vcpus[0])
    #expect(fixture.platform.locks.isIdle)
  }

  @Test func refusalAtAGuestsEntryLockAsksForPriority() throws {
    var fixture = try PlatformFixture(running: true)
    try fixture.augmentSmallPage()
    let vcpu = fixture.vcpus[0]
    let call = SEAMCall.block(PageInfo(GFN(1), .page4K), tdr: fixture.tdr.address)
    try fixture.platform.enter(vcpu, on: LPID(0))
    #expect(try fixture.platform.walkToAccept(vcpu, GFN(1), .page4K) == .proceeds)
    #expect(try fixture.platform.lockToAccept(vcpu) == .proceeds)
    let location = SecureEPTLocation(table: fixture.page, index: 1)
    var after = fixture.platform
    var entry = after.readEntry(location)
    entry.hasHostPriority = true
    after.memory.write(location.table, location.index, entry.rawValue)
    #expect(fixture.status(call) == "TDX_OPERAND_BUSY|rcx")
    #expect(fixture.platform == after)
    fixture.platform.commitAccept(vcpu)
    // Until the host has had its turn, guest calls on the entry stand back.
    #expect(try fixture.accept(vcpu) == "TDX_OPERAND_BUSY_HOST_PRIORITY|rcx")
    #expect(fixture.status(call) == "SUCCESS")
    #expect(fixture.platform.readEntry(location).hasHostPriority == false)
  }

  @Test func twoInitialisationsOfVCPUsMeet() throws {
    var fixture = try PlatformFixture(running: false)
    for frame in [PFN(0x1201), PFN(0x1202)] {
      try fixture.platform.execute(.createVCPU(frame.address, tdr: fixture.tdr.address))
    }
    try fixture.platform.begin(.initializeVCPU(PFN(0x1201).address, version: 1), on: LPID(0))
    refuse(&fixture, .initializeVCPU(PFN(0x1202).address, version: 1), "TDX_OPERAND_BUSY|tdr")
    try fixture.platform.end(on: LPID(0))
    // Version 0 takes the TDR shared.
    try fixture.platform.begin(
      .block(PageInfo(GFN(0), .page1G), tdr: fixture.tdr.address), on: LPID(0))
    #expect(fixture.status(.initializeVCPU(PFN(0x1202).address, version: 0)) == "SUCCESS")
    try fixture.platform.end(on: LPID(0))
    refuse(&fixture, .initializeVCPU(PFN(0x1202).address, version: 0), "TDX_VCPU_STATE_INCORRECT")
  }

  @Test func nothingBelowABlockedTableIsReached() throws {
    var fixture = try PlatformFixture(running: true)
    let tdr = fixture.tdr.address
    try fixture.augmentSmallPage()
    let small = PageInfo(GFN(1), .page4K)
    try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
    // ACCEPT has walked before the table is blocked, and commits below it (E11).
    #expect(try fixture.platform.walkToAccept(fixture.vcpus[0], GFN(1), .page4K) == .proceeds)
    try fixture.platform.execute(.block(fixture.info, tdr: tdr))
    for call: SEAMCall in [.block(small, tdr: tdr), .removePage(small, tdr: tdr), .unblock(small, tdr: tdr)] {
      refuse(&fixture, call, "TDX_EPT_WALK_FAILED|rcx")
    }
    #expect(try fixture.platform.lockToAccept(fixture.vcpus[0]) == .proceeds)
    fixture.platform.commitAccept(fixture.vcpus[0])
    #expect(fixture.platform.readEntry(SecureEPTLocation(table: fixture.page, index: 1)).state == .mapped)
    try fixture.platform.execute(.track(tdr: tdr))
    refuse(&fixture, .removeTable(fixture.info, tdr: tdr), "TDX_TLB_TRACKING_NOT_DONE|rcx")
    fixture.platform.exit(fixture.vcpus[0])
    refuse(&fixture, .removeTable(fixture.info, tdr: tdr), "TDX_EPT_PAGE_NOT_FREE|rcx")
  }

  @Test func reblockingTakesTheNewEpoch() throws {
    var fixture = try PlatformFixture(running: true)
    let tdr = fixture.tdr.address
    try fixture.augmentSmallPage()
    let small = PageInfo(GFN(1), .page4K)
    for _ in 0..<2 {
      try fixture.platform.execute(.block(small, tdr: tdr))
      refuse(&fixture, .unblock(small, tdr: tdr), "TDX_TLB_TRACKING_NOT_DONE|secureEPTTree")
      try fixture.platform.execute(.track(tdr: tdr))
      try fixture.platform.execute(.unblock(small, tdr: tdr))
    }
    #expect(fixture.platform.pamt[fixture.block, .page4K].blockEpoch == 2)
    #expect(fixture.domain.epoch == 3)
  }
}

@Suite struct UnmodelledSEAMCallTests {
  @Test(arguments: [
    ("TDH.MEM.PAGE.PROMOTE", OperationError.notModelled(.promote)),
    ("TDH.MEM.PAGE.DEMOTE", .notModelled(.demote)),
    ("TDH.MEM.PAGE.RELOCATE", .notModelled(.relocate)),
    ("TDH.EXPORT.BLOCKW", .notModelled(.migration("TDH.EXPORT.BLOCKW"))),
    ("TDH.MEM.PAGE.FLY", .unknownOperation("TDH.MEM.PAGE.FLY")),
  ])
  func isNamedAsSuch(_ name: String, _ error: OperationError) {
    var machine = Machine(policy: .right)
    let before = machine.tdx
    #expect(throws: error) { try machine.perform(name) }
    #expect(machine.tdx == before)
  }
}
