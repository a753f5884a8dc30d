/// The checks that many calls share, in the order in which the module makes them; the first that fails decides.
///
/// 1. the TDR: address, coverage, lock, type; 2. fatal, lifecycle, control pages; 3. OP_STATE; 4. level and address;
/// 5. tree lock; 6. walk; 7. entry lock; then what the call itself wants. Locks that a check takes are collected in the
/// decoded call, so that a refusal has nothing to give back.
/// Source: TDX module 1.5.01, common prologue of the MEM.* calls.
extension TDXPlatform {
  /// Collects a lock, or refuses as busy and blames `operand`.
  func acquire(
    _ name: LockName, _ mode: LockMode, blame operand: OperandID, _ decoded: inout DecodedCall
  ) throws(Refusal) {
    let request = LockRequest(name: name, mode: mode)
    guard admits(request) else { throw Refusal(.operandBusy, operand) }
    decoded.locks.append(request)
  }

  /// Checks an address operand: on a boundary, without key bits, below the physical width, covered by a PAMT.
  func checkAddress(_ address: HPA, _ level: Level, blame operand: OperandID) throws(Refusal) {
    guard address.isPlain(at: level) else { throw Refusal(.operandInvalid, operand) }
    let last = address.frame.advanced(by: Int(level.pages) - 1)
    guard memory.contains(address.frame), memory.contains(last) else {
      throw Refusal(.operandAddressRangeError, operand)
    }
  }

  /// Step 1 for an existing control page (TDR, TDVPR): address, coverage, lock, type.
  func open(
    _ address: HPA, as type: PageType, _ mode: LockMode, blame operand: OperandID, _ decoded: inout DecodedCall
  ) throws(Refusal) {
    try checkAddress(address, .page4K, blame: operand)
    try acquire(.page(address.frame, .page4K), mode, blame: operand, &decoded)
    guard pamt.leaf(of: address.frame).type == type else { throw Refusal(.pageMetadataIncorrect, operand) }
  }

  /// Checks a page that a call is to add: address, PAMT locks from the largest size down, nothing assigned.
  ///
  /// Why unassigned suffices for safety: a page with this type is in no Secure-EPT entry of any TD.
  func openUnassigned(
    _ address: HPA, _ level: Level = .page4K, blame operand: OperandID, _ decoded: inout DecodedCall
  ) throws(Refusal) {
    try checkAddress(address, level, blame: operand)
    let page = address.frame
    for larger in [Level.page1G, .page2M] where larger > level {
      try acquire(.page(page.aligned(to: larger), larger), .shared, blame: operand, &decoded)
    }
    try acquire(.page(page, level), .exclusive, blame: operand, &decoded)
    guard pamt.isUnassigned(page, level) else { throw Refusal(.pageMetadataIncorrect, operand) }
  }

  /// Steps 1 and 2: the TDR, and a TD whose memory may be managed.
  ///
  /// The TDR's lock keeps the TD's lifecycle and OP_STATE as they are until the call ends: who changes them wants it
  /// exclusively. Source: TDX module 1.5.01, check_lock_and_map_explicit_tdr.
  func openDomain(
    _ tdr: HPA, _ mode: LockMode, blame operand: OperandID, _ decoded: inout DecodedCall
  ) throws(Refusal) -> TrustDomain {
    try open(tdr, as: .tdr, mode, blame: operand, &decoded)
    decoded.domain = tdr.frame
    let domain = self.domain(tdr.frame)
    try requireManaged(domain)
    return domain
  }

  /// Step 2: not fatal, keys configured, all control pages there.
  ///
  /// From TD_BLOCKED on no Secure-EPT operation is possible any more.
  func requireManaged(_ domain: TrustDomain) throws(Refusal) {
    guard !domain.isFatal else { throw Refusal(.fatal) }
    guard domain.lifecycle == .keysConfigured else { throw Refusal(.keysNotConfigured) }
    guard domain.controlPages.count >= TrustDomain.controlPageCount else { throw Refusal(.tdcsNotAllocated) }
  }

  /// Step 3: OP_STATE, shared, and one of those in which the call is allowed.
  ///
  /// Source: TDX module 1.5.01, table of leaf functions and operation states.
  func requireState(
    _ allowed: Set<OperationState>, of domain: TrustDomain, _ decoded: inout DecodedCall
  ) throws(Refusal) {
    try acquire(.operationState(decoded.tdr), .shared, blame: .operationState, &decoded)
    guard allowed.contains(domain.operationState) else { throw Refusal(.operationStateIncorrect) }
  }

  /// Steps 4 to 7: the page-info operand, the tree lock, the walk and the entry lock.
  ///
  /// A guest's ACCEPT may hold the entry; then the host-priority bit is set, and guests stand back until the host has had
  /// its turn. Source: TDX module 1.5.01, sept_lock_acquire_host.
  func openEntry(
    _ info: PageInfo, _ levels: ClosedRange<Level>, tree: LockMode?, of domain: TrustDomain,
    _ decoded: inout DecodedCall
  ) throws(Refusal) -> SecureEPTEntry {
    guard info.isWellFormed, let level = info.level, levels.contains(level), level <= domain.topLevel else {
      throw Refusal(.operandInvalid, .rcx)
    }
    guard domain.isPrivate(info.gfn) else { throw Refusal(.operandInvalid, .rcx) }
    if let tree { try acquire(.tree(decoded.tdr), tree, blame: .secureEPTTree, &decoded) }
    let location = try walk(info.gfn, to: level, of: domain, touching: &decoded.touched)
    decoded.location = location
    decoded.level = level
    do {
      try acquire(.entry(location), .exclusive, blame: .rcx, &decoded)
    } catch {
      var busy = error
      busy.priority = location
      throw busy
    }
    return readEntry(location)
  }

  /// Step 6: from the root down to the entry at `level`. Every entry above must be a mapped non-leaf.
  ///
  /// Nothing below a blocked entry can be reached: a subtree is taken down leaves first, or not at all.
  func walk(
    _ gfn: GFN, to level: Level, of domain: TrustDomain, touching touched: inout [PFN]
  ) throws(Refusal) -> SecureEPTLocation {
    var current = domain.topLevel
    var location = SecureEPTLocation(table: domain.rootTable, index: gfn.index(at: current))
    touched.append(location.table)
    while current > level, let below = current.below {
      let entry = readEntry(location)
      guard entry.state == .nonLeafMapped, memory.contains(entry.page) else {
        var refusal = Refusal(.walkFailed, .rcx)
        refusal.walk = WalkStop(level: current, state: entry.state)
        throw refusal
      }
      current = below
      location = SecureEPTLocation(table: entry.page, index: gfn.index(at: current))
      touched.append(location.table)
    }
    return location
  }

  /// Step 10: where tracking is required, the entry must be blocked and no vCPU may hold what it was before.
  ///
  /// `page` is what the entry points to, at the level whose PAMT entry has its BEPOCH.
  func requireTracked(
    _ entry: SecureEPTEntry, _ page: PFN, _ level: Level, of domain: TrustDomain
  ) throws(Refusal) {
    guard domain.operationState.requiresTracking else { return }
    guard entry.state?.isBlocked == true else { throw Refusal(.rangeNotBlocked, .rcx) }
    guard isTracked(page, level, of: domain) else { throw Refusal(.trackingNotDone, .rcx) }
  }

  /// Whether the block of this page is tracked, or the module has been made not to ask.
  func isTracked(_ page: PFN, _ level: Level, of domain: TrustDomain) -> Bool {
    omissions.contains(.tracking) || domain.isTracked(pamt[page, level].blockEpoch)
  }

  /// A TD by its TDR page. Requires: the page is a TDR.
  ///
  /// The module maps the TDR and TDCS pages instead; here they are a value.
  func domain(_ tdr: PFN) -> TrustDomain {
    guard let domain = domains[tdr] else { preconditionFailure("PAMT names a TDR that no TD has") }
    return domain
  }

  /// A vCPU by its TDVPR page. Requires: the page is a TDVPR.
  func virtualProcessor(_ page: PFN) -> VirtualProcessor {
    guard let vcpu = virtualProcessors[page] else { preconditionFailure("PAMT names a TDVPR that no vCPU has") }
    return vcpu
  }

  /// The level of the PAMT entry for what an entry points to: a leaf's own size, 4 KiB for a table.
  func metadataLevel(_ entry: SecureEPTEntry, _ level: Level) -> Level {
    entry.state?.isLeaf == true ? level : .page4K
  }

  /// Gives a page to a TD: type, owner, BEPOCH 0, and the TD's count of pages.
  ///
  /// BEPOCH is reset because the page has not been blocked in its new role; 0 counts as tracked.
  mutating func assign(_ page: PFN, _ type: PageType, _ level: Level = .page4K, to tdr: PFN) {
    pamt[page, level] = PageMetadata(type: type, owner: tdr)
    domains[tdr]?.childCount += level.pages
  }

  /// Takes a page from its TD; BEPOCH stays as it was, the content and the caches too.
  ///
  /// The host must not give the page away before it has written the TD's lines back.
  mutating func unassign(_ page: PFN, _ level: Level = .page4K) {
    if let owner = pamt[page, level].owner { domains[owner]?.childCount -= level.pages }
    pamt[page, level].type = .notAssigned
    pamt[page, level].owner = nil
  }
}
