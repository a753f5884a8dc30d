/// A logical processor: its TLB, its paging-structure caches, and the vCPU that it ran last.
///
/// The hardware tags translations with the TD, not with the vCPU; that is why VP.ENTER flushes when another vCPU of the
/// same TD ran here last. Nothing is flushed at an exit: an LP out of the guest may hold stale lines, which nobody uses.
/// Source: TDX module 1.5.01, VP.ENTER and VP.FLUSH; Intel SDM vol. 3, "Caching translation information".

/// What a cached line translates: a block of a TD's private addresses.
package struct TranslationTag: Hashable, Sendable {
  /// The TDR page of the TD.
  package let domain: PFN
  /// The first frame of the block.
  package let gfn: GFN
  /// The level of the entry that the line was filled from.
  package let level: Level
}

/// One processor.
package struct LogicalProcessor: Hashable, Sendable {
  package let package: PackageID
  /// The TDVPR page of the vCPU that entered here last; nil after VP.FLUSH.
  package var lastVCPU: PFN?
  /// TLB: blocks to the first frame of the page that they map.
  package var translations: [TranslationTag: PFN] = [:]
  /// Paging-structure caches: blocks to the table that translates inside them.
  package var structures: [TranslationTag: PFN] = [:]
  /// Whether an interrupt waits; long calls stop for it.
  package var hasPendingInterrupt = false

  package init(package: PackageID) { self.package = package }

  /// INVEPT for one TD: drops its translations and paging-structure lines here.
  package mutating func invalidate(_ domain: PFN) {
    translations = translations.filter { $0.key.domain != domain }
    structures = structures.filter { $0.key.domain != domain }
  }

  /// Every page that a cached line of the TD leads to or through, in order.
  package func reachable(_ domain: PFN) -> [PFN] {
    let pages = translations.filter { $0.key.domain == domain }.values
    let tables = structures.filter { $0.key.domain == domain }.values
    return Set(pages).union(tables).sorted()
  }
}
