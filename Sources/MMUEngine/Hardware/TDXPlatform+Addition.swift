/// Calls that put a page into the Secure-EPT: SEPT.ADD, PAGE.ADD, PAGE.AUG.
///
/// Two of them on different entries run side by side (tree lock shared); RANGE.BLOCK and SEPT.REMOVE exclude them (tree lock
/// exclusive), so the table that a walk has reached stays linked until the call ends. PAGE.ADD takes no tree lock: it holds
/// the TDR exclusively, which excludes every other call on the TD.
/// Source: TDX Module ABI spec, TDH.MEM.SEPT.ADD, TDH.MEM.PAGE.ADD, TDH.MEM.PAGE.AUG.
extension TDXPlatform {
  /// The checks of TDH.MEM.SEPT.ADD.
  func decodeAddTable(_ info: PageInfo, _ tdr: HPA, _ page: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    let entry = try openEntry(info, .page2M ... .page256T, tree: .shared, of: domain, &decoded)
    guard entry.state == .free else { throw Refusal(.entryStateIncorrect, .rcx) }
    try openUnassigned(page, blame: .r8, &decoded)
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
  mutating func performAddTable(_ page: HPA, _ decoded: DecodedCall) {
    memory.fill(page.frame, with: SecureEPTEntry.free.rawValue)
    link(page.frame, .nonLeafMapped, .secureEPT, .page4K, decoded)
    memory.dirty(page.frame, domain(decoded.tdr).key)
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
