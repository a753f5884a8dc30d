/// Calls that put a page into the Secure-EPT: SEPT.ADD, PAGE.ADD, PAGE.AUG; and SEPT.RD, which reads an entry.
///
/// Two of them on different entries run side by side (tree lock shared); RANGE.BLOCK and SEPT.REMOVE exclude them (tree lock
/// exclusive), so the table that a walk has reached stays linked until the call ends. PAGE.ADD takes no tree lock: it holds
/// the TDR exclusively, which excludes every other call on the TD.
/// Source: TDX Module ABI spec, TDH.MEM.SEPT.ADD, TDH.MEM.PAGE.ADD, TDH.MEM.PAGE.AUG.
extension TDXPlatform {
  /// The checks of TDH.MEM.SEPT.ADD.
  ///
  /// Version 1 may be told to take a table that is there for success. That the page which it does not use is checked all the same is
  /// unverified.
  func decodeAddTable(
    _ info: PageInfo, _ tdr: HPA, _ page: HPA, _ existing: ExistingTable, _ decoded: inout DecodedCall
  ) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    let entry = try openEntry(info, .page2M ... .page256T, tree: .shared, of: domain, &decoded)
    let isThere = entry.state == .nonLeafMapped && existing == .kept
    guard entry.state == .free || isThere else { throw Refusal(.entryStateIncorrect, .rcx) }
    try openUnassigned(page, blame: .r8, &decoded)
  }

  /// The checks of TDH.MEM.SEPT.RD: any level, any entry, whatever TD it is that has been initialised.
  ///
  /// The OP_STATEs in which it is allowed, and that it takes the entry's lock as other calls on an entry do, are unverified.
  func decodeReadEntry(_ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    _ = try openEntry(info, .page4K ... .page256T, tree: .shared, of: domain, &decoded)
  }

  /// The checks of TDH.MEM.PAGE.ADD.
  func decodeAddPage(
    _ info: PageInfo, _ tdr: HPA, _ page: HPA, _ source: HPA, _ decoded: inout DecodedCall
  ) throws(Refusal) {
    let domain = try openDomain(tdr, .exclusive, blame: .rdx, &decoded)
    try requireState([.initialized], of: domain, &decoded)
    let entry = try openEntry(info, .page4K ... .page4K, tree: nil, of: domain, &decoded)
    guard entry.state == .free else { throw Refusal(.entryStateIncorrect, .rcx) }
    try openUnassigned(page, blame: .r8, &decoded)
    guard source.isPlain(at: .page4K) else { throw Refusal(.operandInvalid, .r9) }
  }

  /// The checks of TDH.MEM.PAGE.AUG.
  func decodeAugmentPage(_ info: PageInfo, _ tdr: HPA, _ page: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    let entry = try openEntry(info, .page4K ... .page2M, tree: .shared, of: domain, &decoded)
    guard entry.state == .free else { throw Refusal(.entryStateIncorrect, .rcx) }
    try openUnassigned(page, decoded.level, blame: .r8, &decoded)
  }

  /// The effects of TDH.MEM.SEPT.ADD.
  mutating func performAddTable(_ page: HPA, _ decoded: DecodedCall) -> Completion {
    guard readEntry(decoded.entry).state == .free else {
      var completion = Completion(page: page.frame)
      completion.isUnused = true
      return completion
    }
    memory.fill(page.frame, with: SecureEPTEntry.free.rawValue)
    link(page.frame, .nonLeafMapped, .secureEPT, .page4K, decoded)
    memory.dirty(page.frame, domain(decoded.tdr).key)
    return Completion()
  }

  /// The result of TDH.MEM.SEPT.RD. The lock bit that it would see is its own.
  func performReadEntry(_ decoded: DecodedCall) -> Completion {
    var completion = Completion()
    completion.entry = readEntry(decoded.entry)
    return completion
  }

  /// The effects of TDH.MEM.PAGE.ADD.
  mutating func performAddPage(_ info: PageInfo, _ page: HPA, _ decoded: DecodedCall) {
    link(page.frame, .mapped, .regular, .page4K, decoded)
    memory.dirty(page.frame, domain(decoded.tdr).key)
    domains[decoded.tdr]?.measure([2, info.rawValue])
  }

  /// The effects of TDH.MEM.PAGE.AUG.
  mutating func performAugmentPage(_ page: HPA, _ decoded: DecodedCall) {
    // The page is not initialised: its lines stay as the host left them until the guest accepts it.
    link(page.frame, .pending, .regular, decoded.level, decoded)
  }

  /// Writes the entry and gives the page to the TD.
  private mutating func link(
    _ page: PFN, _ state: SecureEPTState, _ type: PageType, _ level: Level, _ decoded: DecodedCall
  ) {
    let entry = SecureEPTEntry(state, page: page)
    writeEntry(decoded.entry, entry, key: domain(decoded.tdr).key)
    assign(page, type, level, to: decoded.tdr)
  }
}
