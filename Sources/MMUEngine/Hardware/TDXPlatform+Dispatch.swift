/// Which checks and which effects belong to which call.
extension TDXPlatform {
  /// All checks of a call, in the order of the specification; nothing changes.
  func decode(_ decoded: inout DecodedCall) throws(Refusal) {
    switch decoded.call {
    case .manageCreate(let tdr, let key): try decodeCreate(tdr, key, &decoded)
    case .keyConfigure(let tdr): try decodeKeyConfigure(tdr, &decoded)
    case .addControlPage(let page, let tdr): try decodeAddControlPage(page, tdr, &decoded)
    case .manageInitialize(let tdr): try decodeManageInitialize(tdr, &decoded)
    case .flushDone(let tdr): try decodeFlushDone(tdr, &decoded)
    case .freeKey(let tdr): try decodeFreeKey(tdr, &decoded)
    case .reclaimKey: break
    case .extendMeasurement(let info, let tdr): try decodeExtendMeasurement(info, tdr, &decoded)
    case .finalizeMeasurement(let tdr): try decodeFinalizeMeasurement(tdr, &decoded)
    case .addTable(let info, let tdr, let page, let existing):
      try decodeAddTable(info, tdr, page, existing, &decoded)
    case .addPage(let info, let tdr, let page, let source): try decodeAddPage(info, tdr, page, source, &decoded)
    case .augmentPage(let info, let tdr, let page): try decodeAugmentPage(info, tdr, page, &decoded)
    case .removePage(let info, let tdr): try decodeRemovePage(info, tdr, &decoded)
    case .removeTable(let info, let tdr): try decodeRemoveTable(info, tdr, &decoded)
    case .block(let info, let tdr): try decodeBlock(info, tdr, &decoded)
    case .unblock(let info, let tdr): try decodeUnblock(info, tdr, &decoded)
    case .track(let tdr): try decodeTrack(tdr, &decoded)
    case .readEntry(let info, let tdr): try decodeReadEntry(info, tdr, &decoded)
    case .reclaimPage(let address): try decodeReclaim(address, &decoded)
    case .writeBackPage(let address): try decodeWriteBackPage(address, &decoded)
    case .writeBackCaches(let start): try decodeWriteBackCaches(start, &decoded)
    case .createVCPU(let page, let tdr): try decodeCreateVCPU(page, tdr, &decoded)
    case .addVCPUPage(let page, let tdvpr): try decodeAddVCPUPage(page, tdvpr, &decoded)
    case .initializeVCPU(let page, let version): try decodeInitializeVCPU(page, version, &decoded)
    case .flushVCPU(let page): try decodeFlushVCPU(page, &decoded)
    }
  }

  /// All effects of a decoded call. Throws: only PHYMEM.CACHE.WB's INTERRUPTED_RESUMABLE, which has effects of its own.
  mutating func perform(_ decoded: DecodedCall) throws(Refusal) -> Completion {
    switch decoded.call {
    case .manageCreate(_, let key): performCreate(key, decoded)
    case .keyConfigure: performKeyConfigure(decoded)
    case .addControlPage(let page, _): performAddControlPage(page.frame, decoded)
    case .manageInitialize: performManageInitialize(decoded)
    case .flushDone: performFlushDone(decoded)
    case .freeKey: performFreeKey(decoded)
    case .reclaimKey: break
    case .extendMeasurement(let info, _): performExtendMeasurement(info, decoded)
    case .finalizeMeasurement: performFinalizeMeasurement(decoded)
    case .addTable(_, _, let page, _): return performAddTable(page, decoded)
    case .addPage(let info, _, let page, _): performAddPage(info, page, decoded)
    case .augmentPage(_, _, let page): performAugmentPage(page, decoded)
    case .removePage, .removeTable: return performRemoval(decoded)
    case .block: performBlock(decoded)
    case .unblock: performUnblock(decoded)
    case .track: performTrack(decoded)
    case .readEntry: return performReadEntry(decoded)
    case .reclaimPage(let address): return performReclaimPage(address, decoded)
    case .writeBackPage(let address): performWriteBackPage(address, decoded)
    case .writeBackCaches: return try writeBackCaches(on: decoded.processor)
    case .createVCPU(let page, _): performCreateVCPU(page, decoded)
    case .addVCPUPage(let page, let tdvpr): performAddVCPUPage(page.frame, tdvpr.frame, decoded)
    case .initializeVCPU(let page, _): performInitializeVCPU(page, decoded)
    case .flushVCPU(let page): performFlushVCPU(page, decoded)
    }
    return Completion()
  }
}
