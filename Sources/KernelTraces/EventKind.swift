/// The events and probes that are understood, by name. Names are compared by hash and length; unknown ones are interned.
enum EventKind: String, CaseIterable {
  case spteChanged = "kvm_tdp_mmu_spte_changed"
  case prepareZapPage = "kvm_mmu_prepare_zap_page"
  case zapAllFast = "kvm_mmu_zap_all_fast"
  case setSPTE = "kvm_mmu_set_spte"
  case getPage = "kvm_mmu_get_page"
  case requested = "kvm_mmu_spte_requested"
  case fastPageFault = "fast_page_fault"
  case splitHugePage = "kvm_mmu_split_huge_page"
  case markMMIO = "mark_mmio_spte"
  case checkMMIO = "check_mmio_spte"
  case handleMMIO = "handle_mmio_page_fault"
  case pageFault = "kvm_page_fault"
  case entry = "kvm_entry"
  case exit = "kvm_exit"
  case userspaceExit = "kvm_userspace_exit"
  case unmapRange = "kvm_unmap_hva_range"
  case age = "kvm_age_hva"
  case testAge = "kvm_test_age_hva"
  case syncPage = "kvm_mmu_sync_page"
  case unsyncPage = "kvm_mmu_unsync_page"
  case pagetableWalk = "kvm_mmu_pagetable_walk"
  case pagingElement = "kvm_mmu_paging_element"
  case setAccessedBit = "kvm_mmu_set_accessed_bit"
  case setDirtyBit = "kvm_mmu_set_dirty_bit"
  case walkerError = "kvm_mmu_walker_error"

  case initTDP = "init_tdp"
  case setMemslot = "set_memslot"
  case flushShadowMemslot = "flush_shadow_memslot"
  case zapAllFastProbe = "zap_all_fast"
  case invalidateAllRoots = "invalidate_all_roots"
  case invalidateRoots = "invalidate_roots"
  case zapInvalidatedRoots = "zap_invalidated_roots"
  case zapRoot = "zap_root"
  case zapRootLevel = "zap_root_level"
  case putRoot = "put_root"
  case mmuLoad = "mmu_load"
  case allocRoot = "alloc_root"
  case unmapGFN = "unmap_gfn"
  case unmapGFNRange = "unmap_gfn_range"
  case zapLeafs = "zap_leafs"
  case flushTLBs = "flush_tlbs"
  case flushTLBsRange = "flush_tlbs_range"
  case flushTLBsMemslot = "flush_tlbs_memslot"
  case trySplit = "try_split"
  case wrprotSlot = "wrprot_slot"
  case clearDirtyMasked = "clear_dirty_masked"
  case zapCollapsible = "zap_collapsible"
  case recoverHugePages = "recover_huge_pages"
  case archPreSetAttributes = "arch_pre_set_attr"
  case archPostSetAttributes = "arch_post_set_attr"
  case gmemInvalidateBegin = "gmem_inval_begin"
  case destroyVM = "destroy_vm"
  case mnRelease = "mn_release"
  case zapAll = "zap_all"
  case uninitTDP = "uninit_tdp"
  case mmuUnload = "mmu_unload"
  case freeRoots = "free_roots"
  case freeObsoleteRoots = "free_obsolete_roots"
  case freeSPRCU = "free_sp_rcu"

  /// The kind with this hash of its name; nil when there is none.
  static func named(hash: UInt64) -> EventKind? {
    var slot = Int(truncatingIfNeeded: hash & 255)
    while let (known, kind) = slots[slot] {
      if known == hash { return kind }
      slot = (slot + 1) & 255
    }
    return nil
  }

  /// A hash table with open addressing, for a look-up that costs a few instructions; a quarter full.
  private static let slots: [(hash: UInt64, kind: EventKind)?] = {
    var slots = [(hash: UInt64, kind: EventKind)?](repeating: nil, count: 256)
    for kind in allCases {
      let hash = hash(kind.rawValue.utf8)
      var slot = Int(truncatingIfNeeded: hash & 255)
      while slots[slot] != nil { slot = (slot + 1) & 255 }
      slots[slot] = (hash, kind)
    }
    return slots
  }()

  /// FNV-1a over the name's bytes.
  static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return value
  }
}
