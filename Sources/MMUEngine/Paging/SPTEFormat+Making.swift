/// How entries are made. Source: Linux 6.12, 6.16 and 7.3 arch/x86/kvm/mmu/spte.c, make_spte and its neighbours.

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
      rawValue: SPTE.presentBit | page.rawValue << 12 | present | readable | SPTE.writableBit | user | executable
        | encryption | (usesAccessedDirty ? accessed : accessedDirtyDisabled))
  }

  /// A leaf. Source: `make_spte`.
  package func leaf(_ request: LeafRequest, _ grant: KernelVersion.DirtyGrant) -> SPTE {
    var bits = SPTE.presentBit | accessedDirtyDisabled | present | readable | memoryType | encryption
    bits |= request.pfn.rawValue << 12
    if !hidesLeavesFromUsers { bits |= user }
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
    let entry = SPTE(rawValue: bits)
    return splitsExecutableHugePages ? modified(entry, setting: executable, clearing: noExecute) : entry
  }

  /// The huge page of `level` that a small page belongs to. Source: `make_huge_spte`.
  package func huge(_ small: SPTE, _ level: Level) -> SPTE {
    let entry = SPTE(rawValue: (small.rawValue | SPTE.sizeBit) & ~((level.pages - 1) << 12))
    return splitsExecutableHugePages ? modified(entry, setting: noExecute, clearing: executable) : entry
  }

  /// Rights change; of an entry whose access is tracked, those that are kept aside. Source: `modify_spte_protections`.
  private func modified(_ entry: SPTE, setting: UInt64, clearing: UInt64) -> SPTE {
    guard isAccessTracked(entry) else { return entry.setting(setting).clearing(clearing) }
    return trackingAccess(restoringAccess(entry).setting(setting).clearing(clearing))
  }

  /// An entry that makes the access come back as MMIO, as long as memslots have this generation.
  ///
  /// Source: `make_mmio_spte`, `generation_mmio_spte_mask`.
  package func mmio(_ gfn: GFN, generation: UInt64, access: Access) -> SPTE {
    let address = gfn.rawValue << 12
    var bits = mmioValue | UInt64(access.rawValue) & mmioAccess | address | l1tfMask
    bits |= (generation & lowGeneration) << 3 | (generation >> layout.generationLowBits & 0x7FF) << 52
    bits |= (address & l1tfMask) << 5
    return SPTE(rawValue: bits)
  }

  /// The generation in an MMIO entry. Source: `get_mmio_spte_generation`.
  package func mmioGeneration(_ entry: SPTE) -> UInt64 {
    entry.rawValue >> 3 & lowGeneration | (entry.rawValue >> 52 & 0x7FF) << layout.generationLowBits
  }

  /// The bits of an MMIO entry that its generation lies in.
  package var generationBits: UInt64 { lowGeneration << 3 | 0x7FF << 52 }

  private var lowGeneration: UInt64 { 1 << layout.generationLowBits - 1 }

  /// The frame in an MMIO entry. Source: `get_mmio_spte_gfn`.
  package func mmioFrame(_ entry: SPTE) -> GFN {
    let low = entry.rawValue & SPTE.addressMask & ~mmioValue & ~l1tfMask & ~(l1tfMask << 5)
    return GFN((low | entry.rawValue >> 5 & l1tfMask) >> 12)
  }
}
