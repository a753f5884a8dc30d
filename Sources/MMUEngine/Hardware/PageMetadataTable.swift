/// The physical address metadata table (PAMT): whom each page of host memory serves, and when it was last blocked.
///
/// There are three arrays, for 4 KiB, 2 MiB and 1 GiB; a walk from above ends at the first entry that holds a private page
/// (PT_REG) of that size. Every SEAMCALL that takes a page wants it PT_NDA at the right size, which is why one page is in at
/// most one role and in at most one Secure-EPT entry.
/// Source: TDX module 1.5.01, PAMT (tdx-module `pamt_manager`); locks are in `LockTable`.

/// What the module uses a page for (PT_*); the raw values are the module's.
package enum PageType: UInt8, Hashable, Sendable {
  /// Not assigned: the host's.
  case notAssigned = 0
  /// A hole that never becomes usable.
  case reserved = 1
  /// A private page of a TD.
  case regular = 3
  /// A TD's root page.
  case tdr = 4
  /// A page of a TD's control structure.
  case tdcx = 5
  /// A vCPU's root page.
  case tdvpr = 6
  /// A Secure-EPT table.
  case secureEPT = 8

  /// The name in the specification's spelling, without the prefix `PT_`.
  package var name: String {
    switch self {
    case .notAssigned: "NDA"
    case .reserved: "RSVD"
    case .regular: "REG"
    case .tdr: "TDR"
    case .tdcx: "TDCX"
    case .tdvpr: "TDVPR"
    case .secureEPT: "EPT"
    }
  }
}

/// One entry of the PAMT.
package struct PageMetadata: Hashable, Sendable {
  package var type: PageType
  /// The TDR page of the TD that owns it; nil for a TDR itself and for a page of nobody.
  package var owner: PFN?
  /// TD_EPOCH when the entry that maps it was last blocked; 0 when it never was since it was added.
  ///
  /// It survives the page's return to the host and is reset when the page is added again.
  package var blockEpoch: UInt64

  package init(type: PageType = .notAssigned, owner: PFN? = nil, blockEpoch: UInt64 = 0) {
    self.type = type
    self.owner = owner
    self.blockEpoch = blockEpoch
  }
}

/// The three arrays.
package struct PageMetadataTable: Hashable, Sendable {
  /// By level 4K, 2M and 1G, then by frame number divided by the level's size; missing entries are not assigned.
  private var arrays: [Level: [UInt64: PageMetadata]] = [.page4K: [:], .page2M: [:], .page1G: [:]]

  package init() {}

  /// The entry of `page` at `level`. Requires: `level` is at most 1 GiB.
  package subscript(page: PFN, level: Level) -> PageMetadata {
    get { arrays[level]?[page.rawValue / level.pages] ?? PageMetadata() }
    set { arrays[level, default: [:]][page.rawValue / level.pages] = newValue }
  }

  /// Where a walk for `page` ends: at the largest private page that contains it, else at 4 KiB.
  package func leafLevel(of page: PFN) -> Level {
    for level in [Level.page1G, .page2M] where self[page, level].type == .regular { return level }
    return .page4K
  }

  /// The metadata that a walk for `page` ends at.
  package func leaf(of page: PFN) -> PageMetadata { self[page, leafLevel(of: page)] }

  /// Whether nothing at all is assigned in the block of `level` at `page`, larger pages around it included.
  package func isUnassigned(_ page: PFN, _ level: Level) -> Bool {
    guard leafLevel(of: page) <= level, self[page, level].type == .notAssigned else { return false }
    guard level > .page4K else { return true }
    return !(arrays[.page4K] ?? [:]).contains { frame, metadata in
      PFN(frame).aligned(to: level) == page && metadata.type != .notAssigned
    }
  }

  /// The owners and types of all 4 KiB frames that some TD holds, larger pages counted once per frame they span.
  package func childCount(of tdr: PFN) -> UInt64 {
    arrays.reduce(0) { sum, array in
      sum + array.key.pages * UInt64(array.value.values.count { $0.owner == tdr })
    }
  }
}
