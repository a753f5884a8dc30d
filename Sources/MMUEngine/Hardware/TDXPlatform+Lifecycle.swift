/// TDs from creation to teardown: TDH.MNG.*, and the measurement calls that end their building.
///
/// TD_HKID_ASSIGNED → (KEY.CONFIG on every package) → TD_KEYS_CONFIGURED → (VPFLUSHDONE) → TD_BLOCKED → (KEY.FREEID) →
/// TD_TEARDOWN. All of these hold the TDR exclusively, which excludes every vCPU in the guest and every MEM.* call.
/// Source: TDX Module ABI spec, TDH.MNG.*, TDH.MR.*; TDX module 1.5.01, TDR lifecycle.
extension TDXPlatform {
  /// The checks of TDH.MNG.KEY.CONFIG.
  func decodeKeyConfigure(_ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openForLifecycle(tdr, .rcx, &decoded)
    guard !domain.isFatal else { throw Refusal(.fatal) }
    guard domain.lifecycle == .keyAssigned else { throw Refusal(.lifecycleStateIncorrect) }
    guard !domain.keyedPackages.contains(package(of: decoded.processor)) else { throw Refusal(.keyConfigured) }
  }

  /// The checks of TDH.MNG.ADDCX.
  func decodeAddControlPage(_ page: HPA, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openForLifecycle(tdr, .rdx, &decoded)
    guard !domain.isFatal else { throw Refusal(.fatal) }
    guard domain.lifecycle == .keysConfigured else { throw Refusal(.keysNotConfigured) }
    try requireState([.uninitialized], of: domain, &decoded)
    guard domain.controlPages.count < TrustDomain.controlPageCount else { throw Refusal(.tdcxNumberIncorrect) }
    try openUnassigned(page, blame: .rcx, &decoded)
  }

  /// The checks of TDH.MNG.INIT.
  func decodeManageInitialize(_ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .exclusive, blame: .rcx, &decoded)
    try requireState([.uninitialized], of: domain, &decoded)
  }

  /// The checks of TDH.MNG.KEY.FREEID.
  func decodeFreeKey(_ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openForLifecycle(tdr, .rcx, &decoded)
    try acquire(.keyOwnership, .exclusive, blame: .keyOwnershipTable, &decoded)
    guard domain.lifecycle == .blocked else { throw Refusal(.lifecycleStateIncorrect) }
    guard keys[domain.key] == .flushed([]) else { throw Refusal(.writeBackNotComplete) }
  }

  /// TDH.MNG.CREATE: the page unassigned, the key identifier in range and free.
  ///
  /// Two TDs can never share a key identifier: the key ownership table is held exclusively.
  func decodeCreate(_ tdr: HPA, _ key: HKID, _ decoded: inout DecodedCall) throws(Refusal) {
    try openUnassigned(tdr, blame: .rcx, &decoded)
    guard key > .global, key.rawValue < size.keys else { throw Refusal(.operandInvalid, .rdx) }
    try acquire(.keyOwnership, .exclusive, blame: .keyOwnershipTable, &decoded)
    guard keys[key, default: .free] == .free else { throw Refusal(.hkidNotFree) }
    decoded.domain = tdr.frame
  }

  /// TDH.MNG.VPFLUSHDONE: a live TD none of whose vCPUs is associated with an LP any more.
  ///
  /// An association says that an LP may hold the vCPU's state or the TD's translations, dirty lines included.
  func decodeFlushDone(_ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openForLifecycle(tdr, .rcx, &decoded)
    try acquire(.keyOwnership, .exclusive, blame: .keyOwnershipTable, &decoded)
    switch domain.lifecycle {
    case .keyAssigned, .keysConfigured: break
    case .blocked, .teardown: throw Refusal(.lifecycleStateIncorrect)
    }
    guard domain.associatedCount == 0 else { throw Refusal(.flushNotDone) }
  }

  /// The TDR, exclusively, without any demand on the TD's state.
  private func openForLifecycle(
    _ tdr: HPA, _ operand: OperandID, _ decoded: inout DecodedCall
  ) throws(Refusal) -> TrustDomain {
    try open(tdr, as: .tdr, .exclusive, blame: operand, &decoded)
    decoded.domain = tdr.frame
    return domain(tdr.frame)
  }

  /// The effects of TDH.MNG.CREATE: the TDR page is written with the module's global key.
  mutating func performCreate(_ key: HKID, _ decoded: DecodedCall) {
    keys[key] = .assigned
    pamt[decoded.tdr, .page4K] = PageMetadata(type: .tdr)
    domains[decoded.tdr] = TrustDomain(key: key, topLevel: size.topLevel)
    memory.dirty(decoded.tdr, .global)
  }

  /// The effects of TDH.MNG.KEY.CONFIG; the last package makes the TD usable.
  mutating func performKeyConfigure(_ decoded: DecodedCall) {
    let package = package(of: decoded.processor)
    domains[decoded.tdr]?.keyedPackages.insert(package)
    if domain(decoded.tdr).keyedPackages.count == size.packages {
      domains[decoded.tdr]?.lifecycle = .keysConfigured
    }
  }

  /// The effects of TDH.MNG.ADDCX; the fourth page becomes the Secure-EPT root and is filled with free entries.
  mutating func performAddControlPage(_ page: PFN, _ decoded: DecodedCall) {
    assign(page, .tdcx, to: decoded.tdr)
    domains[decoded.tdr]?.controlPages.append(page)
    let isRoot = domain(decoded.tdr).controlPages.count == 4
    memory.fill(page, with: isRoot ? SecureEPTEntry.free.rawValue : 0)
    memory.dirty(page, domain(decoded.tdr).key)
  }

  /// The effects of TDH.MNG.INIT. The epoch starts at 1, so that BEPOCH 0 says "never blocked".
  mutating func performManageInitialize(_ decoded: DecodedCall) {
    domains[decoded.tdr]?.operationState = .initialized
    domains[decoded.tdr]?.epoch = 1
  }

  /// The effects of TDH.MNG.VPFLUSHDONE: from here on no Secure-EPT operation is possible.
  mutating func performFlushDone(_ decoded: DecodedCall) {
    domains[decoded.tdr]?.lifecycle = .blocked
    keys[domain(decoded.tdr).key] = .flushed(Set(packages))
  }

  /// The effects of TDH.MNG.KEY.FREEID: the identifier may serve another TD.
  mutating func performFreeKey(_ decoded: DecodedCall) {
    keys[domain(decoded.tdr).key] = nil
    domains[decoded.tdr]?.lifecycle = .teardown
  }

  // TDH.MR.*: the TDR exclusively, OP_STATE INITIALIZED, then a mapped page or an initialised vCPU.
  // Abstraction: EXTEND of a page that is not mapped is refused as PAGE.* are, with EPT_ENTRY_STATE_INCORRECT.

  /// The checks of TDH.MR.EXTEND.
  func decodeExtendMeasurement(_ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .exclusive, blame: .rdx, &decoded)
    try requireState([.initialized], of: domain, &decoded)
    let entry = try openEntry(info, .page4K ... .page4K, tree: nil, of: domain, &decoded)
    guard entry.state == .mapped else { throw Refusal(.entryStateIncorrect, .rcx) }
  }

  /// The checks of TDH.MR.FINALIZE.
  func decodeFinalizeMeasurement(_ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .exclusive, blame: .rcx, &decoded)
    try requireState([.initialized], of: domain, &decoded)
    guard domain.hasReadyVCPU else { throw Refusal(.noVirtualProcessors) }
  }

  /// The effects of TDH.MR.EXTEND.
  mutating func performExtendMeasurement(_ info: PageInfo, _ decoded: DecodedCall) {
    domains[decoded.tdr]?.measure([16, info.rawValue])
  }

  /// The effects of TDH.MR.FINALIZE.
  mutating func performFinalizeMeasurement(_ decoded: DecodedCall) {
    domains[decoded.tdr]?.measure([17])
    domains[decoded.tdr]?.operationState = .runnable
  }
}
