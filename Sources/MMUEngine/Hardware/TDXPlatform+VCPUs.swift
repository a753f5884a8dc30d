/// vCPUs as the host manages them: VP.CREATE, VP.ADDCX, VP.INIT, VP.FLUSH.
///
/// A vCPU is associated with the LP that it entered on; its state and its TD's translations may be cached there until
/// VP.FLUSH. The TDVPR, taken exclusively, excludes a vCPU that is in the guest, for VP.ENTER holds it shared all the time.
/// How many pages a TDVPS has behind its first is the platform's size; where that is 0, VP.ADDCX has nothing to add.
/// Abstraction: VP.INIT does not associate. The status for a wrong number of those pages is that of the TDCS (unverified).
/// Source: TDX Module ABI spec, TDH.VP.CREATE, TDH.VP.ADDCX, TDH.VP.INIT, TDH.VP.FLUSH.
extension TDXPlatform {
  /// The checks of TDH.VP.CREATE.
  func decodeCreateVCPU(_ page: HPA, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized], of: domain, &decoded)
    try openUnassigned(page, blame: .rcx, &decoded)
  }

  /// The checks of TDH.VP.ADDCX.
  func decodeAddVCPUPage(_ page: HPA, _ tdvpr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let vcpu = try openVCPU(tdvpr, blame: .rdx, tdr: .shared, &decoded)
    try requireState([.initialized], of: domain(vcpu.domain), &decoded)
    guard vcpu.state == .uninitialized else { throw Refusal(.vcpuStateIncorrect) }
    guard vcpu.pages.count < size.vcpuPages else { throw Refusal(.tdcxNumberIncorrect) }
    try openUnassigned(page, blame: .rcx, &decoded)
  }

  /// The checks of TDH.VP.INIT.
  func decodeInitializeVCPU(_ page: HPA, _ version: Int, _ decoded: inout DecodedCall) throws(Refusal) {
    // Version 1 and later take the TDR exclusively (Linux 94428e3ba325): two at a time meet, and one is busy.
    let isExclusive = version > 0 && !omissions.contains(.exclusiveVPInit)
    let vcpu = try openVCPU(page, blame: .rcx, tdr: isExclusive ? .exclusive : .shared, &decoded)
    try requireState([.initialized], of: domain(vcpu.domain), &decoded)
    guard vcpu.state == .uninitialized else { throw Refusal(.vcpuStateIncorrect) }
    guard vcpu.pages.count == size.vcpuPages else { throw Refusal(.tdcxNumberIncorrect) }
  }

  /// The checks of TDH.VP.FLUSH.
  func decodeFlushVCPU(_ page: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let vcpu = try openVCPU(page, blame: .rcx, tdr: .shared, &decoded)
    guard vcpu.association == decoded.processor else { throw Refusal(.vcpuNotAssociated) }
  }

  /// The TDVPR exclusively, and its TD.
  private func openVCPU(
    _ page: HPA, blame operand: OperandID, tdr mode: LockMode, _ decoded: inout DecodedCall
  ) throws(Refusal) -> VirtualProcessor {
    try open(page, as: .tdvpr, .exclusive, blame: operand, &decoded)
    let vcpu = virtualProcessor(page.frame)
    try acquire(.page(vcpu.domain, .page4K), mode, blame: .tdr, &decoded)
    decoded.domain = vcpu.domain
    try requireManaged(domain(vcpu.domain))
    return vcpu
  }

  /// The effects of TDH.VP.CREATE.
  mutating func performCreateVCPU(_ page: HPA, _ decoded: DecodedCall) {
    assign(page.frame, .tdvpr, to: decoded.tdr)
    virtualProcessors[page.frame] = VirtualProcessor(domain: decoded.tdr)
    memory.dirty(page.frame, domain(decoded.tdr).key)
  }

  /// The effects of TDH.VP.ADDCX: one more page of the TD's control structures.
  mutating func performAddVCPUPage(_ page: PFN, _ tdvpr: PFN, _ decoded: DecodedCall) {
    assign(page, .tdcx, to: decoded.tdr)
    memory.fill(page, with: 0)
    memory.dirty(page, domain(decoded.tdr).key)
    virtualProcessors[tdvpr]?.pages.append(page)
  }

  /// The effects of TDH.VP.INIT.
  mutating func performInitializeVCPU(_ page: HPA, _ decoded: DecodedCall) {
    virtualProcessors[page.frame]?.state = .ready
    domains[decoded.tdr]?.hasReadyVCPU = true
  }

  /// The effects of TDH.VP.FLUSH.
  mutating func performFlushVCPU(_ page: HPA, _ decoded: DecodedCall) {
    processors[decoded.processor.rawValue].invalidate(decoded.tdr)
    processors[decoded.processor.rawValue].lastVCPU = nil
    virtualProcessors[page.frame]?.association = nil
    domains[decoded.tdr]?.associatedCount -= 1
  }
}
