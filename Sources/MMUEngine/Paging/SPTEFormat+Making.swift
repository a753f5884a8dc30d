/// How entries are made. Source: Linux 6.16 arch/x86/kvm/mmu/spte.c, make_spte and its neighbours.

/// What a leaf is made from.
package struct LeafRequest: Hashable, Sendable {
  /// First frame of the page, aligned to the level.
  package var pfn: PFN
  package var level: Level
  /// Whether the host's own mapping is writable (`map_writable`).
  package var isHostWritable: Bool
  /// What stands there now.
  package var old: SPTE
  /// Not caused by an access: the accessed bit stays clear.
  package var isPrefetch = false
  /// The frame is write-tracked: no W, whatever the host allows.
  package var isWriteTracked = false

  package init(pfn: PFN, level: Level, isHostWritable: Bool, old: SPTE) {
    self.pfn = pfn
    self.level = level
    self.isHostWritable = isHostWritable
    self.old = old
  }
}

extension SPTEFormat {
  /// A pointer to a table. Source: `make_nonleaf_spte`.
  package func table(_ page: PFN) -> SPTE {
    SPTE(
      rawValue: SPTE.presentBit | page.rawValue << 12 | present | SPTE.writableBit | user | executable | encryption
        | (usesAccessedDirty ? accessed : accessedDirtyDisabled))
  }

  /// A leaf. Source: `make_spte`.
  package func leaf(_ request: LeafRequest, _ grant: KernelVersion.DirtyGrant) -> SPTE {
    var bits = SPTE.presentBit | accessedDirtyDisabled | present | user | memoryType | encryption
    bits |= request.pfn.rawValue << 12
    if !request.isPrefetch { bits |= accessed }
    bits |= request.level > .page4K && splitsExecutableHugePages ? noExecute : executable
    if request.level > .page4K { bits |= SPTE.sizeBit }
    if request.isHostWritable { bits |= hostWritable }
    if request.isHostWritable && !request.isWriteTracked {
      bits |= SPTE.writableBit | mmuWritable
      let skipsDirty =
        grant == .unlessOldWritableLeaf && request.old.isLast(at: request.level) && request.old.isWritable
      if !skipsDirty { bits |= dirty }
    }
    let entry = SPTE(rawValue: bits)
    return request.isPrefetch ? trackingAccess(entry) : entry
  }

  /// The entry for part `index` of a huge page that is split. Source: `make_small_spte`.
  package func small(_ huge: SPTE, childLevel: Level, index: Int) -> SPTE {
    var bits = huge.rawValue | (UInt64(index) * childLevel.pages) << 12
    guard childLevel == .page4K else { return SPTE(rawValue: bits) }
    bits &= ~SPTE.sizeBit
    if splitsExecutableHugePages { bits = bits & ~noExecute | executable }
    return SPTE(rawValue: bits)
  }

  /// The huge page of `level` that a small page belongs to. Source: `make_huge_spte`.
  package func huge(_ small: SPTE, _ level: Level) -> SPTE {
    var bits = (small.rawValue | SPTE.sizeBit) & ~((level.pages - 1) << 12)
    if splitsExecutableHugePages { bits = bits & ~executable | noExecute }
    return SPTE(rawValue: bits)
  }

  /// An entry that makes the access come back as MMIO, as long as memslots have this generation.
  ///
  /// Source: `make_mmio_spte`, `generation_mmio_spte_mask`.
  package func mmio(_ gfn: GFN, generation: UInt64, access: Access) -> SPTE {
    let address = gfn.rawValue << 12
    var bits = mmioValue | UInt64(access.rawValue) & mmioAccess | address | l1tfMask
    bits |= (generation & 0xFF) << 3 | (generation >> 8 & 0x7FF) << 52
    bits |= (address & l1tfMask) << 5
    return SPTE(rawValue: bits)
  }

  /// The generation in an MMIO entry. Source: `get_mmio_spte_generation`.
  package static func mmioGeneration(_ entry: SPTE) -> UInt64 {
    entry.rawValue >> 3 & 0xFF | (entry.rawValue >> 52 & 0x7FF) << 8
  }

  /// The frame in an MMIO entry. Source: `get_mmio_spte_gfn`.
  package func mmioFrame(_ entry: SPTE) -> GFN {
    let low = entry.rawValue & SPTE.addressMask & ~mmioValue & ~l1tfMask & ~(l1tfMask << 5)
    return GFN((low | entry.rawValue >> 5 & l1tfMask) >> 12)
  }
}
