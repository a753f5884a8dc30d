/// The firmware's commands that move a guest's pages: out to the host as ciphertext and in again, to another page, into a larger one.
///
/// KVM uses none of them; they are there since a reverse map table may be in any state that they lead to.
/// Abstraction: contents are not modelled, and neither are root metadata and the authentication of entries; an entry that was
/// written by a swap out can be used once. Checks whose place in the order the source does not tell come in the order state,
/// owner, size.
/// Source: AMD-ASPFW sev_mcmd.c, snp_mcmd_page_*.

/// What a metadata entry keeps of a page that was swapped out.
package struct SwappedPage: Hashable, Sendable {
  package let gfn: GFN
  package let size: ReverseMapEntry.Size
  package let isValidated: Bool
  package let isVMSA: Bool
  package let permissions: [VMPLPermissions]
}

/// An entry of a metadata page.
package struct MetadataEntry: Hashable, Sendable {
  package let page: PFN
  package let index: Int

  package init(_ page: PFN, _ index: Int) {
    self.page = page
    self.index = index
  }
}

extension SEVFirmware {
  /// SNP_MD_INIT: FIRMWARE to METADATA of a guest that is launching or running.
  package mutating func initializeMetadata(_ context: PFN, _ page: PFN) throws(SEVStatus) {
    let guest = try requireGuest(context)
    guard guest.state != .initialised else { throw .invalidGuestState }
    guard rmp.entry(page).size == .page4K else { throw .invalidPageSize }
    guard rmp.entry(page).state == .firmware else { throw .invalidPageState }
    rmp.firmware(page) { $0.gfn = GFN(context.rawValue) }
    swapped = swapped.filter { $0.key.page != page }
  }

  /// SNP_PAGE_SWAP_OUT: the ciphertext goes to `target`, what the RMP says to `entry`; the page is PRE_GUEST afterwards.
  package mutating func swapOut(
    _ context: PFN, _ page: PFN, to target: PFN, _ entry: MetadataEntry
  ) throws(SEVStatus) {
    let guest = try requireGuest(context)
    let found = rmp.entry(page)
    guard found.state == .preSwap || found.state == .preGuest else { throw .invalidPageState }
    try requireOwner(found, guest)
    guard rmp.entry(target).state == .firmware else { throw .invalidPageState }
    try requireMetadata(entry.page, of: context)
    guard swapped[entry] == nil else { throw .invalidMetadataEntry }
    swapped[entry] = SwappedPage(
      gfn: found.gfn, size: found.size, isValidated: found.isValidated, isVMSA: found.isVMSA,
      permissions: found.permissions)
    rmp.firmware(page) {
      $0.isValidated = false
      $0.isVMSA = false
    }
  }

  /// SNP_PAGE_SWAP_OUT of a metadata page: METADATA to FIRMWARE. Its entries can be used again only after its return.
  package mutating func swapOutMetadata(_ context: PFN, _ page: PFN, to target: PFN) throws(SEVStatus) {
    _ = try requireGuest(context)
    try requireMetadata(page, of: context)
    guard rmp.entry(target).state == .firmware else { throw .invalidPageState }
    rmp.firmware(page) { $0.gfn = GFN(0) }
  }

  /// SNP_PAGE_SWAP_IN: PRE_GUEST to PRE_SWAP if the page was validated when it went; reclaim makes that GUEST_VALID.
  ///
  /// That the page must lie where the entry says is unverified; without it a host could choose the address.
  package mutating func swapIn(_ context: PFN, _ page: PFN, _ entry: MetadataEntry) throws(SEVStatus) {
    let guest = try requireGuest(context)
    let found = rmp.entry(page)
    guard found.state == .preGuest else { throw .invalidPageState }
    try requireOwner(found, guest)
    try requireMetadata(entry.page, of: context)
    guard let record = swapped[entry], record.gfn == found.gfn else { throw .invalidMetadataEntry }
    guard record.size == found.size else { throw .invalidPageSize }
    swapped[entry] = nil
    rmp.firmware(page) {
      $0.isValidated = record.isValidated
      $0.isVMSA = record.isVMSA
      $0.permissions = record.permissions
    }
  }

  /// SNP_PAGE_MOVE: the target is the guest's page from here on, and the source one that was never validated.
  package mutating func move(_ context: PFN, _ source: PFN, to target: PFN) throws(SEVStatus) {
    let guest = try requireGuest(context)
    let (found, other) = (rmp.entry(source), rmp.entry(target))
    guard found.state == .preSwap || found.state == .preGuest, other.state == .preGuest, source != target else {
      throw .invalidPageState
    }
    try requireOwner(found, guest)
    try requireOwner(other, guest)
    guard found.size == other.size else { throw .invalidPageSize }
    rmp.firmware(target) {
      $0.isImmutable = false
      $0.isValidated = found.isValidated
      $0.isVMSA = found.isVMSA
      $0.permissions = found.permissions
      $0.gfn = found.gfn
    }
    rmp.firmware(source) {
      $0.isImmutable = false
      $0.isValidated = false
      $0.isVMSA = false
    }
  }

  /// SNP_PAGE_UNSMASH: 512 immutable pages of one kind and consecutive addresses become one of 2 MiB.
  ///
  /// Abstraction: entries behind the first are unassigned here; the firmware leaves them assigned to nobody, and nothing reads
  /// them (`ReverseMapTable.entry`).
  package mutating func unsmash(_ page: PFN) throws(SEVStatus) {
    try requireInitialised()
    guard page.rawValue & 511 == 0, rmp.contains(page.advanced(by: 511)) else { throw .invalidAddress }
    let first = rmp.entries[Int(page.rawValue)]
    guard first.isAssigned, first.isImmutable, !first.isVMSA, first.asid > 0, first.size == .page4K,
      first.gfn.rawValue & 511 == 0
    else { throw .invalidPageState }
    for offset in 1..<512 {
      var expected = first
      expected.gfn = GFN(first.gfn.rawValue + UInt64(offset))
      guard rmp.entries[Int(page.rawValue) + offset] == expected else { throw .invalidPageState }
    }
    for offset in 1..<512 { rmp.firmware(page.advanced(by: offset)) { $0 = ReverseMapEntry() } }
    rmp.firmware(page) { $0.size = .page2M }
  }

  /// SNP_PAGE_SET_STATE: FIRMWARE to HV_FIXED, until the next INIT.
  package mutating func fix(_ page: PFN) throws(SEVStatus) {
    try requireInitialised()
    guard rmp.entry(page).state == .firmware else { throw .invalidPageState }
    rmp.firmware(page) { $0.isAssigned = false }
  }

  private func requireGuest(_ context: PFN) throws(SEVStatus) -> SEVGuest {
    try requireInitialised()
    guard rmp.entry(context).state == .context, let guest = guests[context] else { throw .invalidGuest }
    return guest
  }

  private func requireOwner(_ entry: ReverseMapEntry, _ guest: SEVGuest) throws(SEVStatus) {
    guard let asid = guest.asid else { throw .inactive }
    guard entry.asid == asid else { throw .invalidPageOwner }
  }

  private func requireMetadata(_ page: PFN, of context: PFN) throws(SEVStatus) {
    let found = rmp.entry(page)
    guard found.state == .metadata else { throw .invalidPageState }
    guard found.gfn == GFN(context.rawValue) else { throw .invalidPageOwner }
  }
}
