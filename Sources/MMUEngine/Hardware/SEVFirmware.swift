/// The firmware's commands on RMP pages and guests, and what KVM does with pages that come back.
///
/// Source: AMD-ASPFW sev_mcmd.c; Linux arch/x86/kvm/svm/sev.c, drivers/crypto/ccp/sev-dev.c.

/// Statuses of the commands that are modelled; the raw value is the firmware's.
package enum SEVStatus: UInt16, Error, Hashable, Sendable {
  case invalidPlatformState = 0x01
  case invalidGuestState = 0x02
  case invalidConfig = 0x03
  case inactive = 0x08
  case invalidAddress = 0x09
  case asidOwned = 0x0C
  case invalidASID = 0x0D
  case writeBackRequired = 0x0E
  case dataFabricFlushRequired = 0x0F
  case invalidGuest = 0x10
  case active = 0x12
  case invalidParameter = 0x16
  case invalidPageSize = 0x19
  case invalidPageState = 0x1A
  case invalidMetadataEntry = 0x1B
  case invalidPageOwner = 0x1C
}

/// What SNP_LAUNCH_UPDATE is told that a page is; the raw value is the firmware's.
package enum LaunchPageType: UInt8, Hashable, Sendable, CaseIterable {
  case normal = 1
  case vmsa = 2
  case zero = 3
  case unmeasured = 4
  case secrets = 5
  case cpuid = 6

  /// Whether a page of 2 MiB can be one.
  package var mayBeLarge: Bool {
    switch self {
    case .normal, .zero, .unmeasured: true
    case .vmsa, .secrets, .cpuid: false
    }
  }
}

/// Whether the firmware takes the contents of a CPUID page as they are. Contents themselves are not modelled.
package enum LaunchContents: Hashable, Sendable {
  case accepted
  /// The firmware writes what it would accept into the page, which stays PRE_GUEST and is not encrypted.
  case corrected
}

/// A guest as the firmware knows it.
package struct SEVGuest: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case initialised
    case launching
    case running
  }

  package var state = State.initialised
  /// Its ASID while it is active.
  package var asid: UInt16?
}

package struct SEVFirmware: Hashable, Sendable {
  package var rmp: ReverseMapTable
  /// Guests by their context page.
  package private(set) var guests: [PFN: SEVGuest] = [:]
  /// ASIDs whose caches have not been flushed since their last guest.
  package private(set) var dirtyASIDs: Set<UInt16> = []
  /// Pages that were swapped out, by the metadata entry that keeps them.
  package internal(set) var swapped: [MetadataEntry: SwappedPage] = [:]
  /// WBINVD has run everywhere since the last deactivation.
  package var hasWrittenBack = true

  /// What SNP_INIT_EX and SNP_SHUTDOWN_EX change; every other command wants it to be initialised.
  package internal(set) var platform = SEVPlatformState.initialised

  /// Firmware that is initialised, with an RMP that nobody has used; where it is about INIT itself: `uninitialised`.
  package init(pages: Int) { rmp = ReverseMapTable(pages: pages) }

  /// SNP_GCTX_CREATE: FIRMWARE to CONTEXT.
  package mutating func createContext(_ page: PFN) throws(SEVStatus) {
    try requireInitialised()
    let entry = rmp.entry(page)
    guard entry.size == .page4K else { throw .invalidPageSize }
    guard entry.state == .firmware else { throw .invalidPageState }
    rmp.firmware(page) { $0.isVMSA = true }
    guests[page] = SEVGuest()
  }

  /// SNP_LAUNCH_START.
  package mutating func startLaunch(_ context: PFN) throws(SEVStatus) {
    try requireInitialised()
    guard guest(context)?.state == .initialised else {
      throw guests[context] == nil ? .invalidGuest : .invalidGuestState
    }
    guests[context]?.state = .launching
  }

  /// SNP_ACTIVATE: no page may still carry the ASID, and its caches must be clean.
  ///
  /// That an ASID of 0 or beyond the highest is INVALID_ASID is unverified; that code has no other use here.
  package mutating func activate(_ context: PFN, _ asid: UInt16) throws(SEVStatus) {
    try requireInitialised()
    guard let guest = guest(context) else { throw .invalidGuest }
    guard guest.state != .initialised else { throw .invalidGuestState }
    guard guest.asid == nil else { throw .active }
    guard asid > 0, asid <= rmp.asidLimit else { throw .invalidASID }
    guard !guests.values.contains(where: { $0.asid == asid }) else { throw .asidOwned }
    guard !dirtyASIDs.contains(asid) else { throw .dataFabricFlushRequired }
    guard !rmp.entries.contains(where: { $0.isAssigned && $0.asid == asid }) else { throw .invalidConfig }
    guests[context]?.asid = asid
  }

  /// SNP_LAUNCH_UPDATE: PRE_GUEST to GUEST_VALID.
  ///
  /// `size` is the caller's; nil: as the page is. Only of a CPUID page are the contents looked at.
  package mutating func updateLaunch(
    _ context: PFN, _ page: PFN, as type: LaunchPageType = .normal, size: ReverseMapEntry.Size? = nil,
    contents: LaunchContents = .accepted
  ) throws(SEVStatus) {
    try requireInitialised()
    guard let guest = guest(context) else { throw .invalidGuest }
    guard guest.state == .launching else { throw .invalidGuestState }
    guard let asid = guest.asid else { throw .inactive }
    let entry = rmp.entry(page)
    guard entry.state == .preGuest else { throw .invalidPageState }
    guard entry.asid == asid else { throw .invalidPageOwner }
    guard size == nil || size == entry.size, entry.size == .page4K || type.mayBeLarge else { throw .invalidPageSize }
    guard type != .cpuid || contents == .accepted else { throw .invalidParameter }
    rmp.firmware(page) {
      $0.isImmutable = false
      $0.isValidated = true
      $0.isVMSA = type == .vmsa
    }
  }

  /// SNP_LAUNCH_FINISH.
  package mutating func finishLaunch(_ context: PFN) throws(SEVStatus) {
    try requireInitialised()
    guard guest(context)?.state == .launching else { throw guests[context] == nil ? .invalidGuest : .invalidGuestState }
    guests[context]?.state = .running
  }

  /// SNP_DECOMMISSION: CONTEXT to FIRMWARE; the guest's pages keep its ASID until the host updates them.
  package mutating func decommission(_ context: PFN) throws(SEVStatus) {
    try requireInitialised()
    guard let guest = guest(context) else { throw .invalidGuest }
    if let asid = guest.asid {
      dirtyASIDs.insert(asid)
      hasWrittenBack = false
    }
    guests[context] = nil
    // Nobody has the key of what was swapped out any more.
    swapped = swapped.filter { rmp.entry($0.key.page).gfn != GFN(context.rawValue) }
    rmp.firmware(context) { $0.isVMSA = false }
  }

  /// SNP_DF_FLUSH.
  package mutating func flushDataFabric() throws(SEVStatus) {
    try requireInitialised()
    guard hasWrittenBack else { throw .writeBackRequired }
    dirtyASIDs = []
  }

  /// SNP_PAGE_RECLAIM: immutable goes, nothing else.
  ///
  /// What it makes of a FIRMWARE_IOMMU page is unverified: here it refuses, for SNP_SHUTDOWN_EX gives those back.
  package mutating func reclaim(_ page: PFN, _ size: ReverseMapEntry.Size = .page4K) throws(SEVStatus) {
    try requireInitialised()
    let entry = rmp.entry(page)
    guard size == .page4K || page.rawValue & 511 == 0 else { throw .invalidAddress }
    guard entry.isImmutable else { return }
    guard entry.size == size else { throw .invalidPageSize }
    switch entry.state {
    case .context, .hypervisorFixed, .firmwareIOMMU: throw .invalidPageState
    case .hypervisor, .firmware, .metadata, .reclaim, .preGuest, .preSwap, .guestInvalid, .guestValid: break
    }
    rmp.firmware(page) { $0.isImmutable = false }
  }

  private func guest(_ context: PFN) -> SEVGuest? {
    rmp.entry(context).state == .context ? guests[context] : nil
  }
}

/// An instruction that the kernel tries again without end while it answers so: PSMASH FAIL_INUSE, RMPUPDATE FAIL_OVERLAP.
///
/// Who is expected to let go is the firmware, or another CPU in the middle of the same. Source: `snp_rmptable_psmash`, `rmpupdate`.
package struct ReverseMapSpin: Error, Hashable, Sendable {
  package let page: PFN
  package let failure: ReverseMapFailure

  package init(page: PFN, failure: ReverseMapFailure) {
    self.page = page
    self.failure = failure
  }
}

/// KVM's handling of a guest's pages, and the pages that it must never give away again.
package struct SNPHost: Hashable, Sendable {
  package var firmware: SEVFirmware
  /// `snp_leak_pages`.
  package private(set) var leaked: Set<PFN> = []
  /// ASIDs by kind of guest.
  package internal(set) var asids: SEVAddressSpaces

  package init(pages: Int, leastPlainASID: UInt16 = 100) {
    firmware = SEVFirmware(pages: pages)
    asids = SEVAddressSpaces(leastPlain: leastPlainASID, highest: firmware.rmp.asidLimit)
  }

  /// A private fault: the page becomes the guest's, unvalidated; one that is assigned already is left alone.
  ///
  /// Source: `sev_gmem_prepare`. Throws: RMPUPDATE refused (-EINVAL).
  package mutating func prepare(
    _ page: PFN, _ gfn: GFN, isHuge: Bool, asid: UInt16
  ) throws(ReverseMapFailure) -> ReverseMapEntry.Size {
    let found = firmware.rmp.entry(page)
    if found.isAssigned { return found.size }
    let size: ReverseMapEntry.Size =
      isHuge && page.rawValue & 511 == 0 && firmware.rmp.assignedPages(in: page) == 0 ? .page2M : .page4K
    try firmware.rmp.update(page, .guest(asid, gfn, size))
    return size
  }

  /// A nested fault with the RMP bit: a 2 MiB entry under a 4 KiB leaf is smashed, and 512 frames are zapped.
  ///
  /// Nil when there is nothing to do. When PSMASH refuses a page that is large still, KVM warns and zaps all the same; that it
  /// refuses because somebody else has smashed the page since it was looked at, and there is nothing to zap, cannot be here, where
  /// looking and smashing are one step. Throws: the page is in use by another CPU, and KVM tries again without end.
  /// Source: `sev_handle_rmp_fault`, `snp_rmptable_psmash`.
  package mutating func handleFault(_ page: PFN, _ gfn: GFN) throws(ReverseMapSpin) -> FrameRange? {
    let found = firmware.rmp.entry(page)
    guard found.isAssigned, found.size == .page2M else { return nil }
    _ = try smash(page)
    return FrameRange(start: gfn.rawValue, end: gfn.rawValue + 512)
  }

  /// PSMASH of the 2 MiB around a page; false when it refuses. Throws: FAIL_INUSE, which is tried again without end.
  private mutating func smash(_ page: PFN) throws(ReverseMapSpin) -> Bool {
    do throws(ReverseMapFailure) {
      try firmware.rmp.smash(PFN(page.rawValue & ~511))
      return true
    } catch {
      if error == .inUse { throw ReverseMapSpin(page: page, failure: error) }
      return false
    }
  }

  /// guest_memfd frees pages: they go back to the hypervisor, large entries smashed where only a part goes.
  ///
  /// Returns the pages that are still assigned, which every kernel that was read gives to the allocator all the same (it only warns).
  /// Throws: PSMASH of a page in use, or RMPUPDATE that finds an overlap, is tried again without end; what was freed before stays so,
  /// and going on is calling again. Source: `sev_gmem_invalidate`; Linux 7.3 `sev_gmem_make_shared`.
  package mutating func free(_ pages: Range<UInt64>) throws(ReverseMapSpin) -> [PFN] {
    var left: [PFN] = []
    var page = pages.lowerBound
    while page < pages.upperBound {
      let found = firmware.rmp.entry(PFN(page))
      let isWhole = found.size == .page2M && page & 511 == 0 && page + 512 <= pages.upperBound
      if found.isAssigned {
        if found.size == .page2M, !isWhole { _ = try smash(PFN(page)) }
        do throws(ReverseMapFailure) {
          try firmware.rmp.update(PFN(page), .shared(isWhole ? .page2M : .page4K))
        } catch {
          if error == .overlap { throw ReverseMapSpin(page: PFN(page), failure: error) }
          left.append(PFN(page))
        }
      }
      page += isWhole ? 512 : 1
    }
    return left
  }

  /// A firmware page goes back: reclaimed, then shared; what fails is leaked. Source: `snp_reclaim_pages`.
  package mutating func reclaimFirmwarePage(_ page: PFN) {
    do {
      try firmware.reclaim(page)
    } catch {
      leaked.insert(page)
      return
    }
    makeShared(page)
  }

  /// A page that nobody holds immutable becomes the host's; what RMPUPDATE refuses is leaked. Source: `kvm_rmp_make_shared`.
  @discardableResult
  mutating func makeShared(_ page: PFN) -> Bool {
    do { try firmware.rmp.update(page, .shared()) } catch {
      leaked.insert(page)
      return false
    }
    return true
  }

  /// The page is never given away again. Source: `snp_leak_pages`.
  mutating func leak(_ page: PFN) { leaked.insert(page) }
}
