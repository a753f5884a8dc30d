/// Probes whose names are the user's own: the function that they are set on says what they are.
enum ProbedFunction {
  /// The kind of a probe whose text begins with `(function+0x4/0x30 [kvm])`; nil for a return probe, for one that is not at the
  /// function's beginning, and for functions that say nothing here.
  static func kind(_ start: TextCursor) -> EventKind? {
    var cursor = start
    guard cursor.take("(") else { return nil }
    let first = cursor.position
    guard cursor.seek("+0x") else { return nil }
    let name = cursor.text(first..<cursor.position - 3)
    // Behind `endbr64` a function begins at 4.
    guard let offset = cursor.hex(), offset == 0 || offset == 4 else { return nil }
    return kinds[name]
  }

  /// Functions by name. Source: Linux 6.12 and 7.3 arch/x86/kvm/mmu/tdp_mmu.c, mmu.c, virt/kvm/kvm_main.c.
  private static let kinds: [String: EventKind] = [
    "kvm_mmu_init_tdp_mmu": .initTDP, "kvm_mmu_uninit_tdp_mmu": .uninitTDP, "kvm_set_memslot": .setMemslot,
    "kvm_arch_flush_shadow_memslot": .flushShadowMemslot, "kvm_tdp_mmu_invalidate_all_roots": .invalidateAllRoots,
    "kvm_tdp_mmu_invalidate_roots": .invalidateRoots, "kvm_tdp_mmu_zap_invalidated_roots": .zapInvalidatedRoots,
    "tdp_mmu_zap_root": .zapRoot, "__tdp_mmu_zap_root": .zapRootLevel, "kvm_tdp_mmu_put_root": .putRoot,
    "kvm_mmu_load": .mmuLoad, "kvm_mmu_unload": .mmuUnload, "kvm_tdp_mmu_alloc_root": .allocRoot,
    "kvm_unmap_gfn_range": .unmapGFN, "kvm_tdp_mmu_unmap_gfn_range": .unmapGFNRange, "tdp_mmu_zap_leafs": .zapLeafs,
    "kvm_flush_remote_tlbs": .flushTLBs, "kvm_flush_remote_tlbs_range": .flushTLBsRange,
    "kvm_flush_remote_tlbs_memslot": .flushTLBsMemslot, "kvm_tdp_mmu_try_split_huge_pages": .trySplit,
    "kvm_tdp_mmu_wrprot_slot": .wrprotSlot, "kvm_tdp_mmu_clear_dirty_pt_masked": .clearDirtyMasked,
    "kvm_tdp_mmu_zap_collapsible_sptes": .zapCollapsible, "kvm_tdp_mmu_recover_huge_pages": .recoverHugePages,
    "kvm_arch_pre_set_memory_attributes": .archPreSetAttributes,
    "kvm_arch_post_set_memory_attributes": .archPostSetAttributes, "kvm_gmem_invalidate_begin": .gmemInvalidateBegin,
    "kvm_destroy_vm": .destroyVM, "kvm_mmu_notifier_release": .mnRelease, "kvm_tdp_mmu_zap_all": .zapAll,
    "__kvm_gmem_invalidate_begin": .gmemInvalidateBegin, "__kvm_gmem_invalidate_start": .gmemInvalidateBegin,
    "tdp_mmu_free_sp_rcu_callback": .freeSPRCU,
  ]
}
