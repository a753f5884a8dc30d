import MMUEngine
import Testing

@Suite("The SEV firmware's commands that move pages of a guest")
struct SEVFirmwarePagesTests {
  private static let context = PFN(1)
  private static let metadata = PFN(2)
  private static let target = PFN(3)
  private static let entry = MetadataEntry(metadata, 0)

  /// A running guest with ASID 5, a metadata page, a firmware page, and pages 16 and 17, validated, at frames of their number.
  private func makeFirmware() throws -> SEVFirmware {
    var firmware = SEVFirmware(pages: 2048)
    for page in [Self.context, Self.metadata, Self.target] { try firmware.rmp.update(page, .firmware) }
    try firmware.createContext(Self.context)
    #expect(throws: SEVStatus.invalidGuestState) { try firmware.initializeMetadata(Self.context, Self.metadata) }
    try firmware.startLaunch(Self.context)
    try firmware.activate(Self.context, 5)
    try firmware.finishLaunch(Self.context)
    try firmware.initializeMetadata(Self.context, Self.metadata)
    #expect(firmware.rmp.entry(Self.metadata).state == .metadata)
    for page in [PFN(16), PFN(17)] {
      try firmware.rmp.update(page, .guest(5, GFN(page.rawValue)))
      #expect(firmware.rmp.validate(page, GFN(page.rawValue), .page4K, true, asid: 5) == .ok)
    }
    return firmware
  }

  /// The host makes a page immutable without changing anything else.
  private func freeze(_ firmware: inout SEVFirmware, _ page: PFN, at gfn: GFN) throws {
    try firmware.rmp.update(page, .guest(5, gfn, isImmutable: true))
  }

  @Test(
    "out and in again: GUEST_VALID, PRE_SWAP, PRE_GUEST; then PRE_GUEST, PRE_SWAP, GUEST_VALID; the entry serves once")
  func swap() throws {
    var firmware = try makeFirmware()
    let adjusted = VMPLAdjustment(target: 2, permissions: .read)
    #expect(firmware.rmp.adjust(PFN(16), GFN(16), .page4K, adjusted, by: 0, asid: 5) == .ok)
    #expect(throws: SEVStatus.invalidPageState) {
      try firmware.swapOut(Self.context, PFN(16), to: Self.target, Self.entry)
    }
    try freeze(&firmware, PFN(16), at: GFN(16))
    #expect(firmware.rmp.entry(PFN(16)).state == .preSwap)
    try firmware.swapOut(Self.context, PFN(16), to: Self.target, Self.entry)
    #expect(firmware.rmp.entry(PFN(16)).state == .preGuest)
    try firmware.reclaim(PFN(16))
    try firmware.rmp.update(PFN(16), .shared())
    #expect(firmware.rmp.entry(PFN(16)).state == .hypervisor)
    // Another page at the same address.
    try freeze(&firmware, PFN(20), at: GFN(16))
    try firmware.swapIn(Self.context, PFN(20), Self.entry)
    #expect(firmware.rmp.entry(PFN(20)).state == .preSwap)
    #expect(firmware.rmp.entry(PFN(20)).permissions == [.all, [], .read, []])
    try firmware.reclaim(PFN(20))
    #expect(firmware.rmp.access(PFN(20), GFN(16), .page4K, asid: 5) == .ok)
    try freeze(&firmware, PFN(21), at: GFN(16))
    #expect(throws: SEVStatus.invalidMetadataEntry) { try firmware.swapIn(Self.context, PFN(21), Self.entry) }
  }

  @Test("a page that was not validated when it went is not when it comes back")
  func swapUnvalidated() throws {
    var firmware = try makeFirmware()
    try freeze(&firmware, PFN(18), at: GFN(18))
    try firmware.swapOut(Self.context, PFN(18), to: Self.target, Self.entry)
    try firmware.swapIn(Self.context, PFN(18), Self.entry)
    #expect(firmware.rmp.entry(PFN(18)).state == .preGuest)
    try firmware.reclaim(PFN(18))
    #expect(firmware.rmp.entry(PFN(18)).state == .guestInvalid)
  }

  @Test("swapping refuses and changes nothing: guest, state, owner, metadata, address, size")
  func swapRefusals() throws {
    var firmware = try makeFirmware()
    try freeze(&firmware, PFN(16), at: GFN(16))
    try firmware.rmp.update(PFN(30), .guest(6, GFN(30), isImmutable: true))
    try freeze(&firmware, PFN(31), at: GFN(99))
    let before = firmware
    func out(_ page: PFN, _ target: PFN = Self.target, _ entry: MetadataEntry = Self.entry) throws {
      try firmware.swapOut(Self.context, page, to: target, entry)
    }
    #expect(throws: SEVStatus.invalidGuest) {
      try firmware.swapOut(PFN(9), PFN(16), to: Self.target, Self.entry)
    }
    #expect(throws: SEVStatus.invalidPageState) { try out(PFN(17)) }
    #expect(throws: SEVStatus.invalidPageOwner) { try out(PFN(30)) }
    #expect(throws: SEVStatus.invalidPageState) { try out(PFN(16), PFN(40)) }
    #expect(throws: SEVStatus.invalidPageState) { try out(PFN(16), Self.target, MetadataEntry(PFN(40), 0)) }
    #expect(firmware == before)
    try out(PFN(16))
    try freeze(&firmware, PFN(18), at: GFN(18))
    let swapped = firmware
    #expect(throws: SEVStatus.invalidMetadataEntry) { try out(PFN(18)) }
    #expect(throws: SEVStatus.invalidMetadataEntry) { try firmware.swapIn(Self.context, PFN(31), Self.entry) }
    #expect(throws: SEVStatus.invalidMetadataEntry) {
      try firmware.swapIn(Self.context, PFN(16), MetadataEntry(Self.metadata, 1))
    }
    #expect(throws: SEVStatus.invalidPageOwner) { try firmware.swapIn(Self.context, PFN(30), Self.entry) }
    #expect(throws: SEVStatus.invalidPageState) { try firmware.swapIn(Self.context, PFN(17), Self.entry) }
    #expect(firmware == swapped)
    try firmware.rmp.update(PFN(512), .guest(5, GFN(16), .page2M, isImmutable: true))
    #expect(throws: SEVStatus.invalidPageSize) { try firmware.swapIn(Self.context, PFN(512), Self.entry) }
  }

  @Test("metadata: swapped out it is the firmware's; reclaimed it is the host's; what it kept is gone with its guest")
  func metadataPages() throws {
    var firmware = try makeFirmware()
    #expect(throws: SEVStatus.invalidPageState) {
      try firmware.swapOutMetadata(Self.context, PFN(16), to: Self.target)
    }
    var other = firmware
    try other.swapOutMetadata(Self.context, Self.metadata, to: Self.target)
    #expect(other.rmp.entry(Self.metadata).state == .firmware)
    other = firmware
    try other.reclaim(Self.metadata)
    #expect(other.rmp.entry(Self.metadata).state == .reclaim)
    try freeze(&firmware, PFN(16), at: GFN(16))
    try firmware.swapOut(Self.context, PFN(16), to: Self.target, Self.entry)
    #expect(firmware.swapped.count == 1)
    try firmware.decommission(Self.context)
    #expect(firmware.swapped == [:])
  }

  @Test("a move takes address, validation and masks along; the source keeps its owner and nothing else")
  func move() throws {
    var firmware = try makeFirmware()
    try freeze(&firmware, PFN(16), at: GFN(16))
    #expect(throws: SEVStatus.invalidPageState) { try firmware.move(Self.context, PFN(16), to: PFN(17)) }
    #expect(throws: SEVStatus.invalidPageState) { try firmware.move(Self.context, PFN(16), to: PFN(16)) }
    try firmware.rmp.update(PFN(30), .guest(6, GFN(30), isImmutable: true))
    #expect(throws: SEVStatus.invalidPageOwner) { try firmware.move(Self.context, PFN(16), to: PFN(30)) }
    try firmware.rmp.update(PFN(512), .guest(5, GFN(512), .page2M, isImmutable: true))
    #expect(throws: SEVStatus.invalidPageSize) { try firmware.move(Self.context, PFN(16), to: PFN(512)) }
    try freeze(&firmware, PFN(20), at: GFN(20))
    try firmware.move(Self.context, PFN(16), to: PFN(20))
    #expect(firmware.rmp.entry(PFN(20)).state == .guestValid)
    #expect(firmware.rmp.access(PFN(20), GFN(16), .page4K, asid: 5) == .ok)
    #expect(firmware.rmp.access(PFN(20), GFN(20), .page4K, asid: 5) == .nestedPageFault)
    #expect(firmware.rmp.entry(PFN(16)).state == .guestInvalid)
    #expect(firmware.rmp.access(PFN(16), GFN(16), .page4K, asid: 5) == .notValidated)
  }

  @Test("512 pages of one kind become one, and only those; PSMASH takes that back")
  func unsmash() throws {
    var firmware = try makeFirmware()
    try firmware.rmp.update(PFN(512), .guest(5, GFN(0x1000), .page2M))
    #expect(firmware.rmp.validate(PFN(512), GFN(0x1000), .page2M, true, asid: 5) == .ok)
    try firmware.rmp.smash(PFN(512))
    let smashed = firmware.rmp
    #expect(throws: SEVStatus.invalidPageState) { try firmware.unsmash(PFN(512)) }
    for offset in 0..<512 {
      try freeze(&firmware, PFN(512).advanced(by: offset), at: GFN(UInt64(0x1000 + offset)))
    }
    let frozen = firmware
    #expect(throws: SEVStatus.invalidAddress) { try firmware.unsmash(PFN(513)) }
    // One page of another state, then of another address.
    try firmware.reclaim(PFN(700))
    #expect(throws: SEVStatus.invalidPageState) { try firmware.unsmash(PFN(512)) }
    try firmware.rmp.update(PFN(700), .guest(5, GFN(9), isImmutable: true))
    #expect(throws: SEVStatus.invalidPageState) { try firmware.unsmash(PFN(512)) }
    firmware = frozen
    try firmware.unsmash(PFN(512))
    #expect(firmware.rmp.entry(PFN(700)).size == .page2M)
    #expect(firmware.rmp.entry(PFN(700)).state == .preSwap)
    try firmware.reclaim(PFN(512), .page2M)
    #expect(firmware.rmp.access(PFN(700), GFN(0x10BC), .page2M, asid: 5) == .ok)
    try firmware.rmp.smash(PFN(512))
    #expect(firmware.rmp == smashed)
  }

  @Test("a page that is fixed is nobody's to take: not the host's, not by reclaim")
  func fixed() throws {
    var firmware = try makeFirmware()
    #expect(throws: SEVStatus.invalidPageState) { try firmware.fix(PFN(16)) }
    try firmware.fix(Self.target)
    #expect(firmware.rmp.entry(Self.target).state == .hypervisorFixed)
    #expect(throws: ReverseMapFailure.permission) { try firmware.rmp.update(Self.target, .shared()) }
    #expect(throws: SEVStatus.invalidPageState) { try firmware.reclaim(Self.target) }
  }
}
