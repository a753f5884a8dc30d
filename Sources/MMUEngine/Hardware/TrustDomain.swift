/// What the module keeps about a TD and its vCPUs: the TDR, the TDCS and the TDVPS, as far as memory management goes.
///
/// Real modules keep this in the private pages that the host donates. Here the pages are donated and tracked by the PAMT,
/// while the contents are these values; only Secure-EPT tables live in the pages themselves.
/// Source: TDX module 1.5.01, TDR, TDCS, TDVPS.

/// TDR.LIFECYCLE_STATE; the raw values are the module's.
package enum TDLifecycle: UInt8, Hashable, Sendable {
  case keyAssigned = 0
  case keysConfigured = 1
  case blocked = 2
  case teardown = 3

  /// The specification's spelling.
  package var name: String {
    switch self {
    case .keyAssigned: "TD_HKID_ASSIGNED"
    case .keysConfigured: "TD_KEYS_CONFIGURED"
    case .blocked: "TD_BLOCKED"
    case .teardown: "TD_TEARDOWN"
    }
  }
}

/// TDCS.OP_STATE; the raw values are the module's. Abstraction: migration's states are left out.
package enum OperationState: UInt8, Hashable, Sendable {
  case uninitialized = 0
  case initialized = 1
  case runnable = 2

  /// Whether blocking and tracking are required: exactly where VP.ENTER is allowed.
  package var requiresTracking: Bool {
    switch self {
    case .runnable: true
    case .uninitialized, .initialized: false
    }
  }
}

/// A TD.
package struct TrustDomain: Hashable, Sendable {
  package let key: HKID
  /// The level of the entries in the root table: 512G with four levels of tables, 256T with five.
  package let topLevel: Level
  package var lifecycle: TDLifecycle = .keyAssigned
  /// Sticky: no call but teardown works any more.
  package var isFatal = false
  /// Packages on which the key has been configured.
  package var keyedPackages: Set<PackageID> = []
  /// TDCS pages in the order in which they were added; the fourth is the Secure-EPT root.
  package var controlPages: [PFN] = []
  package var operationState: OperationState = .uninitialized
  /// TD_EPOCH: 1 from MNG.INIT on, incremented by MEM.TRACK.
  package var epoch: UInt64 = 0
  /// How many vCPUs are in the guest (or entering) with an epoch of this parity. Epoch and counts are one atomic unit.
  package var references: [UInt16] = [0, 0]
  /// CHLDCNT: 4 KiB pages that the PAMT gives to this TD, the TDR excepted.
  package var childCount: UInt64 = 0
  /// NUM_ASSOC_VCPUS: vCPUs that some LP may hold state of.
  package var associatedCount = 0
  /// Whether a vCPU has been initialised, which MR.FINALIZE wants.
  package var hasReadyVCPU = false
  /// A digest of what was added and extended, in order; stands for MRTD.
  package var measurement: UInt64 = 0

  package init(key: HKID, topLevel: Level) {
    self.key = key
    self.topLevel = topLevel
  }

  /// How many TDCS pages a TD needs.
  package static let controlPageCount = 6

  /// The root table's page. Requires: at least four TDCS pages.
  package var rootTable: PFN { controlPages[3] }

  /// Whether the frame is a private address of this TD: its SHARED bit and all above are clear.
  package func isPrivate(_ gfn: GFN) -> Bool { gfn.rawValue >> (topLevel == .page256T ? 39 : 35) == 0 }

  /// Folds an event into the measurement (FNV-1a; the real one is SHA-384).
  package mutating func measure(_ words: [UInt64]) {
    for word in words { measurement = (measurement ^ word) &* 0x0000_0100_0000_01B3 }
  }

  /// Whether no vCPU in the guest can hold a translation from before `blockEpoch`'s block.
  ///
  /// One TRACK since the block and nobody left of the block's epoch; or two TRACKs, the second of which wanted the same.
  /// Source: TDX module 1.5.01, is_tlb_tracked.
  package func isTracked(_ blockEpoch: UInt64) -> Bool {
    if blockEpoch + 1 == epoch { return references[Int(blockEpoch & 1)] == 0 }
    return blockEpoch + 1 < epoch
  }
}

/// TDVPS.STATE; the raw values are the module's.
package enum VCPUState: UInt8, Hashable, Sendable {
  case uninitialized = 0
  case ready = 2
}

/// Where a vCPU is, seen from the module.
package enum VCPUMode: Hashable, Sendable {
  /// Not in the guest; its LP may still hold translations.
  case out
  /// VP.ENTER has sampled the epoch and not reached the guest yet.
  case entering
  /// Guest code runs.
  case guest
  /// TDG.MEM.PAGE.ACCEPT has walked to this entry and not locked it yet.
  case walked(SecureEPTLocation, GFN, Level)
  /// TDG.MEM.PAGE.ACCEPT holds this entry's lock.
  case accepting(SecureEPTLocation, GFN, Level)

  /// Whether translations of the LP may be used: guest code or the module on its behalf runs.
  package var usesTranslations: Bool {
    switch self {
    case .out: false
    case .entering, .guest, .walked, .accepting: true
    }
  }
}

/// A vCPU of a TD.
package struct VirtualProcessor: Hashable, Sendable {
  /// Its TD's TDR page.
  package let domain: PFN
  package var state: VCPUState = .uninitialized
  /// TDVPS pages behind the first, in the order in which they were added.
  package var pages: [PFN] = []
  /// ASSOC_LPID: the LP that may hold this vCPU's state; nil when none.
  package var association: LPID?
  /// VCPU_EPOCH: TD_EPOCH as its last entry sampled it.
  package var epoch: UInt64 = 0
  package var mode: VCPUMode = .out
}
