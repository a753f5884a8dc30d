/// The life of the firmware's SNP part, from SNP_INIT_EX to SNP_SHUTDOWN_EX, and what that does to the RMP.
///
/// INIT makes every page the hypervisor's but those that are fixed and those that hold the RMP; it also takes pages that the
/// IOMMU writes. SHUTDOWN gives the latter back: they are RECLAIM, which the host may update, though PAGE_RECLAIM and every
/// other command are refused by then. What was made HV_FIXED stays so until the next INIT.
/// Abstraction: of INIT and SHUTDOWN only the forms that a page's state depends on.
/// Which pages INIT takes for the IOMMU no source at hand says; the caller names them (unverified).
/// Source: AMD-ASPFW sev_mcmd.c, sev_rmp.c (states and who moves them).

/// Whether SNP_INIT_EX has been there.
package enum SEVPlatformState: Hashable, Sendable {
  case uninitialised
  case initialised
}

/// Forms of commands that exist and that this firmware does not do: asked for, they are answered by name.
///
/// What they do, or what they are refused by, is in no source at hand.
package enum UnmodelledSEVCommand: String, Error, Hashable, Sendable, CaseIterable {
  /// The RMP as it is, not initialised again.
  case initialiseWithoutRMP = "SNP_INIT_EX without INIT_RMP"
  /// The IOMMU goes on with its pages.
  case shutDownWithoutIOMMU = "SNP_SHUTDOWN_EX without IOMMU_SNP_SHUTDOWN"
  case shutDownWithGuests = "SNP_SHUTDOWN_EX with guests"
  case shutDownWithDirtyASIDs = "SNP_SHUTDOWN_EX with ASIDs that were not flushed"
}

/// Why a command of the platform's life did nothing.
package enum SEVPlatformFailure: Error, Hashable, Sendable {
  case status(SEVStatus)
  case notModelled(UnmodelledSEVCommand)
}

/// What SNP_INIT_EX is told, or finds out by itself.
package struct SEVPlatformLayout: Hashable, Sendable {
  /// Ranges that are not DRAM, or reserved: HV_FIXED.
  package var fixed: [Range<UInt64>] = []
  /// The RMP's own pages: FIRMWARE.
  package var table: Range<UInt64> = 0..<0
  /// Pages that the IOMMU writes: FIRMWARE_IOMMU.
  package var iommu: [PFN] = []
  /// Whether the RMP is initialised (INIT_RMP).
  package var initialisesTable = true

  package init() {}
}

extension SEVFirmware {
  /// Firmware that nobody has initialised yet.
  package static func uninitialised(pages: Int) -> SEVFirmware {
    var firmware = SEVFirmware(pages: pages)
    firmware.platform = .uninitialised
    return firmware
  }

  /// Every command but INIT wants the platform initialised.
  ///
  /// The source says so of SNP_PAGE_RECLAIM; of the others it is inferred.
  func requireInitialised() throws(SEVStatus) {
    guard platform == .initialised else { throw .invalidPlatformState }
  }

  /// SNP_INIT_EX with the RMP's initialisation. A second one is refused (inferred).
  ///
  /// Requires: the layout lies in the RMP's range. Complexity: all pages.
  package mutating func initialise(_ layout: SEVPlatformLayout) throws(SEVPlatformFailure) {
    guard platform == .uninitialised else { throw .status(.invalidPlatformState) }
    guard layout.initialisesTable else { throw .notModelled(.initialiseWithoutRMP) }
    rmp.reset()
    for page in layout.fixed.joined() { rmp.firmware(PFN(page)) { $0.isImmutable = true } }
    for page in layout.table { take(PFN(page)) }
    for page in layout.iommu {
      take(page)
      rmp.firmware(page) {
        $0.gfn = GFN(1)
        $0.isIOMMU = true
      }
    }
    platform = .initialised
  }

  private mutating func take(_ page: PFN) {
    rmp.firmware(page) {
      $0.isAssigned = true
      $0.isImmutable = true
    }
  }

  /// SNP_SHUTDOWN_EX of the IOMMU's part too: FIRMWARE_IOMMU to RECLAIM; every other page stays what it is.
  package mutating func shutDown(withIOMMU: IOMMUShutdown = .included) throws(SEVPlatformFailure) {
    guard platform == .initialised else { throw .status(.invalidPlatformState) }
    guard withIOMMU == .included else { throw .notModelled(.shutDownWithoutIOMMU) }
    guard guests.isEmpty else { throw .notModelled(.shutDownWithGuests) }
    guard dirtyASIDs.isEmpty else { throw .notModelled(.shutDownWithDirtyASIDs) }
    for page in iommuPages {
      rmp.firmware(page) {
        $0.isImmutable = false
        $0.isIOMMU = false
        $0.gfn = GFN(0)
      }
    }
    platform = .uninitialised
  }

  /// Whether SNP_SHUTDOWN_EX ends the IOMMU's enforcement as well (IOMMU_SNP_SHUTDOWN).
  package enum IOMMUShutdown: Hashable, Sendable {
    case included
    case leftOut
  }

  /// FIRMWARE_IOMMU pages. Complexity: all pages.
  package var iommuPages: [PFN] {
    rmp.entries.indices.filter { rmp.entries[$0].state == .firmwareIOMMU }.map { PFN(UInt64($0)) }
  }
}

extension SNPHost {
  /// SNP_SHUTDOWN_EX; then the IOMMU's pages, which are RECLAIM, are updated to be the host's. What that refuses is leaked
  /// (from memory, UNVERIFIED).
  ///
  /// SNP_PAGE_RECLAIM is no way any more, and none is needed: nothing of them is immutable.
  package mutating func shutDown() throws(SEVPlatformFailure) {
    let pages = firmware.iommuPages
    try firmware.shutDown()
    for page in pages { makeShared(page) }
  }
}
