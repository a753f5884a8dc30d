/// SNP_INIT_EX, SNP_SHUTDOWN_EX and the host's ASIDs: what each changes, and both sides of every refusal.
import MMUEngine
import Testing

@Suite("The SEV firmware's platform and the host's ASIDs")
struct SEVPlatformTests {
  private static let context = PFN(1)

  /// Fixed pages 8 and 9, the RMP in pages 16 to 19, IOMMU pages 32 and 33.
  private static let layout: SEVPlatformLayout = {
    var layout = SEVPlatformLayout()
    layout.fixed = [8..<10]
    layout.table = 16..<20
    layout.iommu = [PFN(32), PFN(33)]
    return layout
  }()

  private func makeFirmware() throws -> SEVFirmware {
    var firmware = SEVFirmware.uninitialised(pages: 1024)
    try firmware.initialise(Self.layout)
    return firmware
  }

  /// What a command answers, and that it changed nothing if that is a refusal.
  private func status(
    _ firmware: SEVFirmware, _ command: (inout SEVFirmware) throws(SEVStatus) -> Void
  ) -> SEVStatus? {
    var after = firmware
    do throws(SEVStatus) { try command(&after) } catch {
      #expect(after == firmware)
      return error
    }
    return nil
  }

  @Test("INIT: fixed pages, the RMP's own, the IOMMU's; all others are the hypervisor's, whatever they were")
  func initialise() throws {
    var firmware = SEVFirmware.uninitialised(pages: 1024)
    try firmware.rmp.update(PFN(40), .guest(5, GFN(40)))
    try firmware.rmp.update(PFN(41), .firmware)
    try firmware.rmp.update(PFN(512), .guest(5, GFN(512), .page2M))
    try firmware.initialise(Self.layout)
    for page in 0..<1024 as Range<UInt64> {
      let expected: ReverseMapState
      switch page {
      case 8, 9: expected = .hypervisorFixed
      case 16..<20: expected = .firmware
      case 32, 33: expected = .firmwareIOMMU
      default: expected = .hypervisor
      }
      #expect(firmware.rmp.entry(PFN(page)).state == expected, "page \(page)")
    }
  }

  @Test("INIT is once, and initialises the RMP")
  func initialiseRefusals() throws {
    var firmware = SEVFirmware.uninitialised(pages: 1024)
    var kept = Self.layout
    kept.initialisesTable = false
    let before = firmware
    #expect(throws: SEVPlatformFailure.notModelled(.initialiseWithoutRMP)) { try firmware.initialise(kept) }
    #expect(firmware == before)
    try firmware.initialise(Self.layout)
    let initialised = firmware
    #expect(throws: SEVPlatformFailure.status(.invalidPlatformState)) { try firmware.initialise(Self.layout) }
    #expect(firmware == initialised)
    try firmware.shutDown()
    try firmware.initialise(Self.layout)
    #expect(firmware == initialised)
  }

  @Test("before INIT and after SHUTDOWN every command is refused, and by nothing else than in between")
  func states() throws {
    let initialised = try makeFirmware()
    var ended = initialised
    try ended.shutDown()
    // No guest and no page of the firmware's: what an initialised platform says to each.
    let entry = MetadataEntry(PFN(50), 0)
    let commands: [(SEVStatus?, (inout SEVFirmware) throws(SEVStatus) -> Void)] = [
      (.invalidPageState, { (firmware) throws(SEVStatus) in try firmware.createContext(Self.context) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.startLaunch(Self.context) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.activate(Self.context, 5) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.updateLaunch(Self.context, PFN(51)) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.finishLaunch(Self.context) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.decommission(Self.context) }),
      (nil, { (firmware) throws(SEVStatus) in try firmware.flushDataFabric() }),
      (nil, { (firmware) throws(SEVStatus) in try firmware.reclaim(PFN(51)) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.initializeMetadata(Self.context, PFN(50)) }),
      (
        .invalidGuest,
        { (firmware) throws(SEVStatus) in try firmware.swapOut(Self.context, PFN(51), to: PFN(52), entry) }
      ),
      (
        .invalidGuest,
        { (firmware) throws(SEVStatus) in try firmware.swapOutMetadata(Self.context, PFN(50), to: PFN(52)) }
      ),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.swapIn(Self.context, PFN(51), entry) }),
      (.invalidGuest, { (firmware) throws(SEVStatus) in try firmware.move(Self.context, PFN(51), to: PFN(52)) }),
      (.invalidPageState, { (firmware) throws(SEVStatus) in try firmware.unsmash(PFN(512)) }),
      (.invalidPageState, { (firmware) throws(SEVStatus) in try firmware.fix(PFN(51)) }),
    ]
    for (index, (expected, command)) in commands.enumerated() {
      #expect(status(initialised, command) == expected, "command \(index)")
      #expect(status(ended, command) == .invalidPlatformState, "command \(index)")
      #expect(status(.uninitialised(pages: 1024), command) == .invalidPlatformState, "command \(index)")
    }
  }

  @Test("the IOMMU's pages are nobody's to take until SHUTDOWN; then the host may, without PAGE_RECLAIM")
  func iommu() throws {
    var firmware = try makeFirmware()
    #expect(firmware.iommuPages == [PFN(32), PFN(33)])
    #expect(throws: ReverseMapFailure.permission) { try firmware.rmp.update(PFN(32), .shared()) }
    #expect(status(firmware) { (firmware) throws(SEVStatus) in try firmware.reclaim(PFN(32)) } == .invalidPageState)
    try firmware.shutDown()
    #expect(firmware.iommuPages == [])
    #expect(firmware.rmp.entry(PFN(32)).state == .reclaim)
    #expect(status(firmware) { (firmware) throws(SEVStatus) in try firmware.reclaim(PFN(32)) } == .invalidPlatformState)
    try firmware.rmp.update(PFN(32), .shared())
    #expect(firmware.rmp.entry(PFN(32)).state == .hypervisor)
    // What was fixed, and what the RMP itself is in, stays until the next INIT.
    #expect(throws: ReverseMapFailure.permission) { try firmware.rmp.update(PFN(8), .shared()) }
    #expect(throws: ReverseMapFailure.permission) { try firmware.rmp.update(PFN(16), .shared()) }
    try firmware.initialise(SEVPlatformLayout())
    try firmware.rmp.update(PFN(8), .shared())
    #expect(firmware.rmp.entry(PFN(16)).state == .hypervisor)
  }

  @Test("the host's shutdown: every IOMMU page is its own again; one that microcode holds is leaked")
  func hostShutdown() throws {
    for isLocked in [false, true] {
      var host = SNPHost(pages: 1024)
      host.firmware = try makeFirmware()
      host.firmware.rmp.firmware(PFN(33)) { $0.isLocked = isLocked }
      try host.shutDown()
      #expect(host.firmware.rmp.entry(PFN(32)).state == .hypervisor)
      #expect(host.firmware.rmp.entry(PFN(33)).state == (isLocked ? .reclaim : .hypervisor))
      #expect(host.leaked == (isLocked ? [PFN(33)] : []))
      #expect(throws: SEVPlatformFailure.status(.invalidPlatformState)) { try host.shutDown() }
    }
  }

  @Test("SHUTDOWN: of an initialised platform and with the IOMMU's part; with guests or dirty ASIDs it is not modelled")
  func shutdownRefusals() throws {
    var fresh = SEVFirmware.uninitialised(pages: 1024)
    #expect(throws: SEVPlatformFailure.status(.invalidPlatformState)) { try fresh.shutDown() }
    var host = SNPHost(pages: 1024)
    #expect(throws: SEVPlatformFailure.notModelled(.shutDownWithoutIOMMU)) {
      try host.firmware.shutDown(withIOMMU: .leftOut)
    }
    let asid = try host.createGuest(Self.context)
    #expect(throws: SEVPlatformFailure.notModelled(.shutDownWithGuests)) { try host.shutDown() }
    host.destroyGuest(Self.context, asid)
    let before = host
    #expect(throws: SEVPlatformFailure.notModelled(.shutDownWithDirtyASIDs)) { try host.shutDown() }
    #expect(host == before)
    host.firmware.hasWrittenBack = true
    try host.firmware.flushDataFabric()
    try host.shutDown()
    #expect(host.firmware.platform == .uninitialised)
  }

  @Test("ranges: below the least plain ASID for encrypted state, from it on for plain SEV; a range may be empty")
  func ranges() {
    let usual = SEVAddressSpaces(leastPlain: 4, highest: 9)
    #expect(usual.range(.encryptedState) == 1...3)
    #expect(usual.range(.plain) == 4...9)
    #expect(SEVAddressSpaces(leastPlain: 1, highest: 9).range(.encryptedState) == nil)
    #expect(SEVAddressSpaces(leastPlain: 1, highest: 9).range(.plain) == 1...9)
    #expect(SEVAddressSpaces(leastPlain: 10, highest: 9).range(.plain) == nil)
    #expect(SEVAddressSpaces(leastPlain: 10, highest: 9).range(.encryptedState) == 1...9)
  }

  @Test("a kind without ASIDs is refused as such, one whose ASIDs are all in use as busy, whatever the other kind has")
  func exhaustion() throws {
    var none = SNPHost(pages: 64, leastPlainASID: 1)
    #expect(throws: SEVGuestFailure.noRange) { try none.takeASID(.encryptedState) }
    #expect(try none.takeASID(.plain) == 1)
    var host = SNPHost(pages: 64, leastPlainASID: 3)
    #expect(try host.takeASID(.encryptedState) == 1)
    #expect(try host.takeASID(.encryptedState) == 2)
    #expect(throws: SEVGuestFailure.exhausted) { try host.takeASID(.encryptedState) }
    #expect(try host.takeASID(.plain) == 3)
  }

  @Test("an ASID serves again after WBINVD and DF_FLUSH, and those come when the range has no other")
  func reuse() throws {
    var host = SNPHost(pages: 64, leastPlainASID: 3)
    #expect(try host.createGuest(PFN(1)) == 1)
    host.destroyGuest(PFN(1), 1)
    #expect(host.asids.reclaimable == [1] && host.firmware.dirtyASIDs == [1] && !host.firmware.hasWrittenBack)
    #expect(host.firmware.rmp.entry(PFN(1)).state == .hypervisor)
    // A free one is taken first; nothing is flushed for it.
    #expect(try host.createGuest(PFN(2)) == 2)
    #expect(host.firmware.dirtyASIDs == [1])
    #expect(try host.createGuest(PFN(3)) == 1)
    #expect(host.firmware.dirtyASIDs == [] && host.asids.reclaimable == [])
    #expect(host.asids.taken == [1, 2])
    #expect(throws: SEVGuestFailure.exhausted) { try host.createGuest(PFN(4)) }
  }

  @Test("without the flush the firmware refuses the ASID, without WBINVD the flush; with both it does not")
  func unflushed() throws {
    var host = SNPHost(pages: 64)
    host.destroyGuest(PFN(1), try host.createGuest(PFN(1)))
    try host.firmware.rmp.update(PFN(2), .firmware)
    try host.firmware.createContext(PFN(2))
    try host.firmware.startLaunch(PFN(2))
    let activate = { (firmware: inout SEVFirmware) throws(SEVStatus) in try firmware.activate(PFN(2), 1) }
    #expect(status(host.firmware, activate) == .dataFabricFlushRequired)
    #expect(
      status(host.firmware) { (firmware) throws(SEVStatus) in try firmware.flushDataFabric() } == .writeBackRequired)
    host.firmware.hasWrittenBack = true
    try host.firmware.flushDataFabric()
    #expect(status(host.firmware, activate) == nil)
    #expect(status(host.firmware) { (firmware) throws(SEVStatus) in try firmware.activate(PFN(2), 0) } == .invalidASID)
    let beyond = host.firmware.rmp.asidLimit + 1
    #expect(
      status(host.firmware) { (firmware) throws(SEVStatus) in try firmware.activate(PFN(2), beyond) } == .invalidASID)
    #expect(
      status(host.firmware) { (firmware) throws(SEVStatus) in try firmware.activate(PFN(2), beyond - 1) } == nil)
  }

  @Test("a guest that cannot be made gives back what it had; an ASID with pages of a dead guest is not activated")
  func creationFails() throws {
    var host = SNPHost(pages: 64)
    try host.firmware.rmp.update(PFN(7), .firmware)
    #expect(throws: SEVGuestFailure.update(.permission)) { try host.createGuest(PFN(7)) }
    #expect(host.asids.reclaimable == [1])
    try host.firmware.rmp.update(PFN(9), .guest(2, GFN(9)))
    #expect(throws: SEVGuestFailure.firmware(.invalidConfig)) { try host.createGuest(PFN(8)) }
    #expect(host.firmware.rmp.entry(PFN(8)).state == .hypervisor && host.firmware.guests.isEmpty)
    #expect(host.asids.reclaimable == [1, 2])
    #expect(try host.createGuest(PFN(8)) == 3)
  }

  @Test("a guest that is not decommissioned costs its context page and its ASID; the ASID never serves again")
  func decommissionFails() throws {
    var host = SNPHost(pages: 64, leastPlainASID: 2)
    #expect(try host.createGuest(PFN(1)) == 1)
    // The page is no context any more, which only damage could bring about.
    host.firmware.rmp.firmware(PFN(1)) { $0.isVMSA = false }
    host.destroyGuest(PFN(1), 1)
    #expect(host.leaked == [PFN(1)])
    #expect(host.asids.taken == [1] && host.asids.reclaimable == [])
    #expect(throws: SEVGuestFailure.exhausted) { try host.createGuest(PFN(2)) }
  }
}
