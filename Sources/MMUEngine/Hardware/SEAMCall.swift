/// The host's calls into the TDX module, with their operands as the registers carry them.
///
/// `tdr` and `page` are addresses, not frames, so that misaligned ones and ones with key bits can be handed in.
/// Source: TDX Module ABI spec, "Host-side (SEAMCALL) interface functions".
package enum SEAMCall: Hashable, Sendable {
  case manageCreate(tdr: HPA, key: HKID)
  case keyConfigure(tdr: HPA)
  case addControlPage(HPA, tdr: HPA)
  case manageInitialize(tdr: HPA)
  case createVCPU(HPA, tdr: HPA)
  case addVCPUPage(HPA, tdvpr: HPA)
  case initializeVCPU(HPA, version: Int)
  case flushVCPU(HPA)
  case flushDone(tdr: HPA)
  case freeKey(tdr: HPA)
  case reclaimKey(tdr: HPA)
  case extendMeasurement(PageInfo, tdr: HPA)
  case finalizeMeasurement(tdr: HPA)
  case addTable(PageInfo, tdr: HPA, page: HPA, existing: ExistingTable = .refused)
  case removeTable(PageInfo, tdr: HPA)
  case addPage(PageInfo, tdr: HPA, page: HPA, source: HPA)
  case augmentPage(PageInfo, tdr: HPA, page: HPA)
  case removePage(PageInfo, tdr: HPA)
  case block(PageInfo, tdr: HPA)
  case unblock(PageInfo, tdr: HPA)
  case track(tdr: HPA)
  case readEntry(PageInfo, tdr: HPA)
  case reclaimPage(HPA)
  case writeBackPage(HPA)
  case writeBackCaches(WriteBackStart)

  /// The specification's name.
  package var name: String {
    switch self {
    case .manageCreate: "TDH.MNG.CREATE"
    case .keyConfigure: "TDH.MNG.KEY.CONFIG"
    case .addControlPage: "TDH.MNG.ADDCX"
    case .manageInitialize: "TDH.MNG.INIT"
    case .createVCPU: "TDH.VP.CREATE"
    case .addVCPUPage: "TDH.VP.ADDCX"
    case .initializeVCPU: "TDH.VP.INIT"
    case .flushVCPU: "TDH.VP.FLUSH"
    case .flushDone: "TDH.MNG.VPFLUSHDONE"
    case .freeKey: "TDH.MNG.KEY.FREEID"
    case .reclaimKey: "TDH.MNG.KEY.RECLAIMID"
    case .extendMeasurement: "TDH.MR.EXTEND"
    case .finalizeMeasurement: "TDH.MR.FINALIZE"
    case .addTable: "TDH.MEM.SEPT.ADD"
    case .removeTable: "TDH.MEM.SEPT.REMOVE"
    case .addPage: "TDH.MEM.PAGE.ADD"
    case .augmentPage: "TDH.MEM.PAGE.AUG"
    case .removePage: "TDH.MEM.PAGE.REMOVE"
    case .block: "TDH.MEM.RANGE.BLOCK"
    case .unblock: "TDH.MEM.RANGE.UNBLOCK"
    case .track: "TDH.MEM.TRACK"
    case .readEntry: "TDH.MEM.SEPT.RD"
    case .reclaimPage: "TDH.PHYMEM.PAGE.RECLAIM"
    case .writeBackPage: "TDH.PHYMEM.PAGE.WBINVD"
    case .writeBackCaches: "TDH.PHYMEM.CACHE.WB"
    }
  }
}

/// What SEPT.ADD makes of a table that is there already.
package enum ExistingTable: Hashable, Sendable {
  /// Version 0, or no flag.
  case refused
  /// Version 1 with ALLOW_EXISTING: success, and the page is not used.
  case kept
}

/// Whether PHYMEM.CACHE.WB starts or goes on after an interruption.
package enum WriteBackStart: Hashable, Sendable {
  case fresh
  case resumed
}

/// What a successful call returns in registers.
package struct Completion: Hashable, Sendable {
  /// The page that the call handed back or spoke of (RCX).
  package var page: PFN?
  /// The page's type before (RECLAIM's RCX).
  package var type: PageType?
  /// SEPT.ADD found a table and did not use the page (bit 63 of the address that it returns).
  package var isUnused = false
  /// The entry that SEPT.RD read, as it lies there.
  package var entry: SecureEPTEntry?

  package init(page: PFN? = nil, type: PageType? = nil) {
    self.page = page
    self.type = type
  }
}

/// A call after decoding: all its checks have passed, and what they resolved is kept for `perform`.
package struct DecodedCall: Hashable, Sendable {
  package let call: SEAMCall
  /// The LP on which it runs.
  package let processor: LPID
  /// The locks that it holds from its checks to its end, in the order taken.
  package var locks: [LockRequest] = []
  /// The TDR page of the TD concerned; nil where there is none.
  package var domain: PFN?
  /// The Secure-EPT entry that it works on, and that entry's level.
  package var location: SecureEPTLocation?
  package var level: Level = .page4K
  /// Pages that the checks have read as tables, for the detection of late uses.
  package var touched: [PFN] = []

  package init(_ call: SEAMCall, on processor: LPID) {
    self.call = call
    self.processor = processor
  }

  /// The TD's TDR page. Requires: the checks have resolved one.
  package var tdr: PFN {
    guard let domain else { preconditionFailure("call without a TD performed on one") }
    return domain
  }

  /// The entry's place. Requires: the checks have walked to one.
  package var entry: SecureEPTLocation {
    guard let location else { preconditionFailure("call without an entry performed on one") }
    return location
  }
}
