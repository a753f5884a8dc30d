/// Calls that cut a range off and bring it back: RANGE.BLOCK, RANGE.UNBLOCK, MEM.TRACK.
///
/// BLOCK writes the entry first and samples TD_EPOCH after: a TRACK in between only makes the sample later, hence stricter.
/// TRACK demands that nobody is left in the epoch before the current one, so that two epochs at most are alive and two
/// counters by parity suffice. It neither waits nor flushes: the host has to kick the vCPUs, which flush when they enter.
/// Source: TDX Module ABI spec, TDH.MEM.RANGE.BLOCK, TDH.MEM.RANGE.UNBLOCK, TDH.MEM.TRACK.
extension TDXPlatform {
  /// The checks of TDH.MEM.RANGE.BLOCK.
  func decodeBlock(_ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let entry = try openForBlocking(info, tdr, &decoded)
    if entry.state?.isBlocked == true { throw Refusal(.rangeAlreadyBlocked, .rcx) }
    guard entry.state?.whenBlocked != nil else { throw Refusal(.entryStateIncorrect, .rcx) }
  }

  /// The checks of TDH.MEM.RANGE.UNBLOCK.
  func decodeUnblock(_ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let entry = try openForBlocking(info, tdr, &decoded)
    guard entry.state?.whenUnblocked != nil else { throw Refusal(.entryStateIncorrect, .rcx) }
    let domain = self.domain(decoded.tdr)
    let level = metadataLevel(entry, decoded.level)
    // Why tracked: otherwise a vCPU could use the entry from before the block beside what the host has changed since.
    guard !domain.operationState.requiresTracking || isTracked(entry.page, level, of: domain) else {
      throw Refusal(.trackingNotDone, .secureEPTTree)
    }
  }

  /// The checks of TDH.MEM.TRACK.
  func decodeTrack(_ tdr: HPA, _ decoded: inout DecodedCall) throws(Refusal) {
    let domain = try openDomain(tdr, .shared, blame: .rcx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    try acquire(.epoch(decoded.tdr), .exclusive, blame: .epoch, &decoded)
    guard domain.references[Int(1 - domain.epoch & 1)] == 0 else { throw Refusal(.previousTLBEpochBusy) }
  }

  /// The common part of BLOCK and UNBLOCK: any level, tree lock exclusive.
  private func openForBlocking(
    _ info: PageInfo, _ tdr: HPA, _ decoded: inout DecodedCall
  ) throws(Refusal) -> SecureEPTEntry {
    let domain = try openDomain(tdr, .shared, blame: .rdx, &decoded)
    try requireState([.initialized, .runnable], of: domain, &decoded)
    return try openEntry(info, .page4K ... .page256T, tree: .exclusive, of: domain, &decoded)
  }

  /// The effects of TDH.MEM.RANGE.BLOCK.
  mutating func performBlock(_ decoded: DecodedCall) {
    let entry = readEntry(decoded.entry)
    acceptedChunks[decoded.entry] = nil
    change(entry, to: entry.state?.whenBlocked, decoded)
    pamt[entry.page, metadataLevel(entry, decoded.level)].blockEpoch = domain(decoded.tdr).epoch
  }

  /// The effects of TDH.MEM.RANGE.UNBLOCK.
  mutating func performUnblock(_ decoded: DecodedCall) {
    let entry = readEntry(decoded.entry)
    change(entry, to: entry.state?.whenUnblocked, decoded)
  }

  /// The effects of TDH.MEM.TRACK.
  mutating func performTrack(_ decoded: DecodedCall) {
    domains[decoded.tdr]?.epoch += 1
  }

  /// Writes the same page in another state. Requires: the checks have found that there is one.
  private mutating func change(_ entry: SecureEPTEntry, to state: SecureEPTState?, _ decoded: DecodedCall) {
    guard let state else { preconditionFailure("state changed that has no successor") }
    writeEntry(decoded.entry, entry.with(state: state), key: domain(decoded.tdr).key)
  }
}
