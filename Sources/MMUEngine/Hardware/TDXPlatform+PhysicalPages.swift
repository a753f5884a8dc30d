/// Calls on physical pages: PAGE.RECLAIM, PAGE.WBINVD, CACHE.WB.
///
/// In TEARDOWN the Secure-EPT is dead and only the PAMT matters: RECLAIM never looks at an entry, and takes a TD's pages in
/// any order, its TDR last. WBINVD wants a page that is the host's again, so it comes after REMOVE or RECLAIM.
/// Source: TDX Module ABI spec, TDH.PHYMEM.PAGE.RECLAIM, TDH.PHYMEM.PAGE.WBINVD, TDH.PHYMEM.CACHE.WB.
extension TDXPlatform {
  /// The checks of TDH.PHYMEM.PAGE.WBINVD.
  func decodeWriteBackPage(_ address: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let page = HPA(address.frame.rawValue << 12)
    // The key bits are part of this operand, so only the alignment is checked on the whole of it.
    guard address.rawValue & 0xFFF == 0 else { throw Refusal(.operandInvalid, .rcx) }
    try checkAddress(page, .page4K, blame: .rcx)
    try acquire(.page(page.frame, .page4K), .shared, blame: .rcx, &decoded)
    guard pamt.isUnassigned(page.frame, .page4K) else { throw Refusal(.pageMetadataIncorrect, .rcx) }
  }

  /// The checks of TDH.PHYMEM.CACHE.WB.
  func decodeWriteBackCaches(_ start: WriteBackStart, _ decoded: inout DecodedCall) throws(Refusal) {
    try acquire(.keyOwnership, .shared, blame: .keyOwnershipTable, &decoded)
    let package = package(of: decoded.processor)
    switch start {
    case .fresh: guard !flushedKeys(on: package).isEmpty else { throw Refusal(.noHKIDReadyToWriteBack) }
    case .resumed: guard savedWriteBack[package] != nil else { throw Refusal(.writeBackResumeError) }
    }
  }

  /// TDH.PHYMEM.PAGE.RECLAIM: an assigned page of a TD in TEARDOWN; a TDR only when the TD has no other page.
  ///
  /// The owner's TDR is held shared: another LP may reclaim another page of the same TD at the same time.
  func decodeReclaim(_ address: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    try checkAddress(address, .page4K, blame: .rcx)
    let level = pamt.leafLevel(of: address.frame)
    try acquire(.page(address.frame.aligned(to: level), level), .exclusive, blame: .rcx, &decoded)
    let metadata = pamt.leaf(of: address.frame)
    decoded.level = level
    switch metadata.type {
    case .notAssigned, .reserved: throw Refusal(.pageMetadataIncorrect, .rcx)
    case .tdr:
      let domain = self.domain(address.frame)
      guard domain.lifecycle == .teardown else { throw Refusal(.lifecycleStateIncorrect) }
      guard domain.childCount == 0 || omissions.contains(.childCount) else { throw Refusal(.associatedPagesExist) }
    case .regular, .tdcx, .tdvpr, .secureEPT:
      guard address.isPlain(at: level) else { throw Refusal(.operandInvalid, .rcx) }
      guard let owner = metadata.owner else { preconditionFailure("assigned page without an owner") }
      try acquire(.page(owner, .page4K), .shared, blame: .tdr, &decoded)
      guard domain(owner).lifecycle == .teardown else { throw Refusal(.lifecycleStateIncorrect) }
    }
  }

  /// The keys that wait for this package's write-back.
  private func flushedKeys(on package: PackageID) -> Set<HKID> {
    Set(
      keys.compactMap { key, state in
        if case .flushed(let left) = state, left.contains(package) { key } else { nil }
      })
  }

  /// The effects of TDH.PHYMEM.PAGE.RECLAIM.
  mutating func performReclaimPage(_ address: HPA, _ decoded: DecodedCall) -> Completion {
    let type = pamt.leaf(of: address.frame).type
    unassign(address.frame, decoded.level)
    // A table's entries are dead, and what they counted with them.
    acceptedChunks = acceptedChunks.filter { $0.key.table != address.frame }
    switch type {
    case .tdr: domains[address.frame] = nil
    case .tdvpr: virtualProcessors[address.frame] = nil
    case .regular, .tdcx, .secureEPT, .notAssigned, .reserved: break
    }
    return Completion(page: address.frame, type: type)
  }

  /// The effects of TDH.PHYMEM.PAGE.WBINVD.
  mutating func performWriteBackPage(_ address: HPA, _ decoded: DecodedCall) {
    memory.writeBack(address.frame, address.keyID)
  }

  /// TDH.PHYMEM.CACHE.WB: writes back this package and crosses it off for the keys that were flushed when it started.
  ///
  /// A key that is flushed while the write-back goes on is not crossed off: its lines may have been passed already.
  mutating func writeBackCaches(on processor: LPID) throws(Refusal) -> Completion {
    let package = package(of: processor)
    let flushed = savedWriteBack[package] ?? flushedKeys(on: package)
    if processors[processor.rawValue].hasPendingInterrupt {
      processors[processor.rawValue].hasPendingInterrupt = false
      savedWriteBack[package] = flushed
      throw Refusal(.interruptedResumable)
    }
    savedWriteBack[package] = nil
    memory.writeBack(flushed, on: package)
    for key in flushed {
      if case .flushed(var left) = keys[key] {
        left.remove(package)
        keys[key] = .flushed(left)
      }
    }
    return Completion()
  }
}
