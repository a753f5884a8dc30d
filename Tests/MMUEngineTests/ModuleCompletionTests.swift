/// Calls and parts of calls that KVM does not use, which the module has all the same.
import MMUEngine
import Testing

@Suite("The module beyond what KVM asks for: SEPT.RD, ALLOW_EXISTING, VP.ADDCX, KEY.RECLAIMID, an interrupted ACCEPT")
struct ModuleCompletionTests {
  @Test("SEPT.RD shows an entry of any state and level, and changes nothing", arguments: SecureEPTState.allCases)
  func read(_ state: SecureEPTState) throws {
    var fixture = try PlatformFixture(running: true)
    try fixture.plant(state)
    let before = fixture.platform
    let found = try fixture.platform.execute(.readEntry(fixture.info, tdr: fixture.tdr.address)).entry
    #expect(found?.state == state)
    #expect(found == fixture.platform.readEntry(fixture.entry))
    let above = try fixture.platform.execute(.readEntry(PageInfo(GFN(0), .page1G), tdr: fixture.tdr.address)).entry
    #expect(above?.state == .nonLeafMapped && above?.page == fixture.directory)
    #expect(fixture.platform == before)
  }

  @Test("SEPT.RD is refused as every call on an entry is")
  func readRefused() throws {
    var fixture = try PlatformFixture(running: true)
    let tdr = fixture.tdr.address
    let before = fixture.platform
    #expect(fixture.status(.readEntry(PageInfo(GFN(1), .page2M), tdr: tdr)) == "TDX_OPERAND_INVALID|rcx")
    #expect(fixture.status(.readEntry(PageInfo(GFN(0), .page4K), tdr: tdr)) == "TDX_EPT_WALK_FAILED|rcx")
    #expect(fixture.status(.readEntry(fixture.info, tdr: fixture.page.address)) == "TDX_PAGE_METADATA_INCORRECT|rdx")
    try fixture.platform.beginEntry(fixture.vcpus[0], on: LPID(0), .active)
    #expect(fixture.status(.readEntry(fixture.info, tdr: tdr)) == "TDX_OPERAND_BUSY|secureEPTTree")
    fixture.platform.endEntry(fixture.vcpus[0])
    fixture.platform.exit(fixture.vcpus[0])
    #expect(
      fixture.platform.pamt == before.pamt && fixture.domain.childCount == before.domains[fixture.tdr]?.childCount)
  }

  @Test("SEPT.ADD with ALLOW_EXISTING takes a mapped table for success", arguments: SecureEPTState.allCases)
  func existing(_ state: SecureEPTState) throws {
    var fixture = try PlatformFixture(running: true)
    try fixture.plant(state)
    let spare = PFN(0x1201)
    let before = fixture.platform
    let call = SEAMCall.addTable(fixture.info, tdr: fixture.tdr.address, page: spare.address, existing: .kept)
    switch state {
    case .free:
      let result = try fixture.platform.execute(call)
      #expect(!result.isUnused && fixture.platform.pamt.leaf(of: spare).type == .secureEPT)
    case .nonLeafMapped:
      let result = try fixture.platform.execute(call)
      #expect(result.isUnused && result.page == spare)
      #expect(fixture.platform == before)
    case .nonLeafBlocked, .mapped, .blocked, .pending, .pendingBlocked:
      #expect(fixture.status(call) == "TDX_EPT_ENTRY_STATE_INCORRECT|rcx")
      #expect(fixture.platform == before)
    }
  }

  @Test("a vCPU has all its pages before VP.INIT, and no more")
  func vcpuPages() throws {
    var fixture = try PlatformFixture(running: false, vcpuPages: 2)
    let tdr = fixture.tdr.address
    let children = fixture.domain.childCount
    let vcpu = PFN(0x812)
    let pages = [PFN(0x850), PFN(0x851), PFN(0x852)]
    #expect(fixture.status(.createVCPU(vcpu.address, tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.initializeVCPU(vcpu.address, version: 1)) == "TDX_TDCX_NUM_INCORRECT")
    for page in pages.prefix(2) {
      #expect(fixture.status(.addVCPUPage(page.address, tdvpr: vcpu.address)) == "SUCCESS")
      #expect(fixture.platform.pamt.leaf(of: page).type == .tdcx)
    }
    #expect(fixture.domain.childCount == children + 3)
    let before = fixture.platform
    #expect(fixture.status(.addVCPUPage(pages[2].address, tdvpr: vcpu.address)) == "TDX_TDCX_NUM_INCORRECT")
    #expect(
      fixture.status(.addVCPUPage(pages[2].address, tdvpr: pages[2].address)) == "TDX_PAGE_METADATA_INCORRECT|rdx")
    #expect(fixture.platform == before)
    #expect(fixture.status(.initializeVCPU(vcpu.address, version: 1)) == "SUCCESS")
    #expect(fixture.status(.addVCPUPage(pages[2].address, tdvpr: vcpu.address)) == "TDX_VCPU_STATE_INCORRECT")
  }

  @Test("KVM gives the pages of its vCPUs back with them")
  func vcpuPagesOfKernel() {
    var size = PlatformSize.scenario
    size.vcpuPages = 5
    var host = TDXHost.trustDomain(for: .linux73, size: size)
    #expect(host.vm?.vcpus.map(\.pages.count) == [5, 5, 5, 5])
    let isFinal = host.finalize()
    #expect(isFinal)
    host.releaseKey()
    host.destroyDomain()
    #expect(host.platform.memory.collectChecks() == [])
    let memory = host.platform.memory
    #expect(memory.allPages.allSatisfy { memory.isFree($0) })
  }

  @Test("KEY.RECLAIMID succeeds and does nothing")
  func reclaimKey() throws {
    var fixture = try PlatformFixture(running: true)
    let before = fixture.platform
    #expect(fixture.status(.reclaimKey(tdr: fixture.tdr.address)) == "SUCCESS")
    #expect(fixture.platform == before)
  }

  /// A pending page of 2 MiB with something in it, of which an ACCEPT that was interrupted has zeroed 100 times 4 KiB.
  private func interrupted() throws -> PlatformFixture {
    var fixture = try PlatformFixture(running: true)
    try fixture.plant(.pending)
    for offset in 0..<512 { fixture.platform.memory.fill(fixture.block.advanced(by: offset), with: 7) }
    let vcpu = fixture.vcpus[0]
    try fixture.platform.enter(vcpu, on: LPID(0))
    for chunks in [40, 60] {
      if chunks == 60 { try fixture.platform.enter(vcpu, on: LPID(0)) }
      #expect(try fixture.platform.walkToAccept(vcpu, GFN(0), .page2M) == .proceeds)
      #expect(try fixture.platform.lockToAccept(vcpu) == .proceeds)
      fixture.platform.interruptAccept(vcpu, after: chunks)
    }
    return fixture
  }

  /// What the first word of each 4 KiB is; the block's pages from one to the next.
  private func words(_ fixture: PlatformFixture) -> [UInt64] {
    (0..<512).map { fixture.platform.memory.read(fixture.block.advanced(by: $0), 0) }
  }

  @Test("an ACCEPT of 2 MiB that is interrupted leaves the entry pending, unlocked, and goes on where it was")
  func interruptedAccept() throws {
    var fixture = try interrupted()
    #expect(words(fixture) == Array(repeating: 0, count: 100) + Array(repeating: 7, count: 412))
    let entry = fixture.platform.readEntry(fixture.entry)
    #expect(entry.state == .pending && !entry.isLocked && entry.page == fixture.block)
    #expect(fixture.platform.virtualProcessors[fixture.vcpus[0]]?.mode == .out)
    #expect(fixture.platform.acceptedChunks == [fixture.entry: 100])
    // What is done is not done again.
    fixture.platform.memory.fill(fixture.block, with: 9)
    try fixture.platform.enter(fixture.vcpus[1], on: LPID(1))
    #expect(try fixture.accept(fixture.vcpus[1], GFN(0), .page2M) == "SUCCESS")
    #expect(words(fixture) == [9] + Array(repeating: 0, count: 511))
    #expect(fixture.platform.readEntry(fixture.entry).state == .mapped)
    #expect(fixture.platform.acceptedChunks == [:])
  }

  @Test("RANGE.BLOCK forgets what an ACCEPT has done: after UNBLOCK all of the page is zeroed")
  func blockedBetween() throws {
    var fixture = try interrupted()
    let tdr = fixture.tdr.address
    #expect(fixture.status(.block(fixture.info, tdr: tdr)) == "SUCCESS")
    #expect(fixture.platform.acceptedChunks == [:])
    #expect(fixture.status(.track(tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.unblock(fixture.info, tdr: tdr)) == "SUCCESS")
    fixture.platform.memory.fill(fixture.block, with: 9)
    try fixture.platform.enter(fixture.vcpus[1], on: LPID(1))
    #expect(try fixture.accept(fixture.vcpus[1], GFN(0), .page2M) == "SUCCESS")
    #expect(words(fixture) == Array(repeating: 0, count: 512))
  }

  @Test("a page that goes takes the count with it")
  func removedBetween() throws {
    var fixture = try interrupted()
    let tdr = fixture.tdr.address
    #expect(fixture.status(.block(fixture.info, tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.track(tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.removePage(fixture.info, tdr: tdr)) == "SUCCESS")
    #expect(fixture.status(.augmentPage(fixture.info, tdr: tdr, page: fixture.block.address)) == "SUCCESS")
    #expect(fixture.platform.acceptedChunks == [:])
  }
}
