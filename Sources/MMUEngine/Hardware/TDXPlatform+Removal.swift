/// Calls that take a page out of the Secure-EPT: PAGE.REMOVE and SEPT.REMOVE.
///
/// What they must exclude is a vCPU in the guest that still uses the page: through its TLB, its paging-structure caches, or
/// as a walker (ACCEPT takes no tree lock). All three are readers of the TD's epoch, so "blocked, and tracked since" is the
/// one check that covers them. SEPT.REMOVE takes the tree lock exclusively, so that the scan of 512 entries is stable
/// against PAGE.AUG and SEPT.ADD below.
/// Source: TDX Module ABI spec, TDH.MEM.PAGE.REMOVE, TDH.MEM.SEPT.REMOVE.
extension TDXPlatform {
  /// The checks of TDH.MEM.PAGE.REMOVE.
  func decodeRemovePage(_ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    let entry = try openEntry(info, .page4K ... .page1G, tree: .shared, of: domain, &decoded)
    guard entry.state?.isLeaf == true else { throw Refusal(.entryStateIncorrect, .rcx) }
    try acquire(.page(entry.page, decoded.level), .exclusive, blame: .rcx, &decoded)
    try requireTracked(entry, entry.page, decoded.level, of: domain)
  }

  /// The checks of TDH.MEM.SEPT.REMOVE.
  func decodeRemoveTable(_ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    let entry = try openEntry(info, .page2M ... .page256T, tree: .exclusive, of: domain, &decoded)
    switch entry.state {
    case .nonLeafMapped, .nonLeafBlocked: break
    case .free, .mapped, .blocked, .pending, .pendingBlocked, nil: throw Refusal(.entryStateIncorrect, .rcx)
    }
    try acquire(.page(entry.page, .page4K), .exclusive, blame: .rcx, &decoded)
    try requireTracked(entry, entry.page, .page4K, of: domain)
    decoded.touched.append(entry.page)
    guard omissions.contains(.emptyTableScan) || isEmptyTable(entry.page) else {
      throw Refusal(.tablePageNotFree, .rcx)
    }
  }

  /// The effects of both: the entry free, the page the host's. Its content stays and its cache lines stay dirty.
  ///
  /// The entry is freed before the page: nobody can walk to a page that is the host's again.
  mutating func performRemoval(_ decoded: DecodedCall) -> Completion {
    let entry = readEntry(decoded.entry)
    let level = metadataLevel(entry, decoded.level)
    if case .removeTable = decoded.call, !isEmptyTable(entry.page) {
      memory.report(
        "sept-removed-nonempty", "table \(entry.page.rawValue): SEPT.REMOVE succeeded on entries that are not free")
    }
    acceptedChunks[decoded.entry] = nil
    writeEntry(decoded.entry, .free, key: domain(decoded.tdr).key)
    unassign(entry.page, level)
    return Completion(page: entry.page)
  }

  /// Whether all 512 entries of a table are free.
  package func isEmptyTable(_ table: PFN) -> Bool {
    (0..<512).allSatisfy { readEntry(SecureEPTLocation(table: table, index: $0)).state == .free }
  }
}
