/// The kernel's own assertions, as engine checks: what a right kernel never trips.
///
/// The raw value is the function and the macro as they stand in the kernel. The list is that of Linux 6.16's TDP MMU and of
/// its callers, and what 7.3 has added; what belongs to TDX's SEAMCALLs is in `SecureEPTObservables`. Left out is what the
/// engine's types keep by themselves: a level's range (`Level`); that RET_PF_INVALID never leaves the fault (`FaultResult` has no such case); that a
/// vCPU which gave its root back has none (`kvm_mmu_unload`: giving back and forgetting are one step here).
package enum KernelAssertion: String, Hashable, Sendable, CaseIterable {
  case putRootValid = "kvm_tdp_mmu_put_root: KVM_BUG_ON"
  case scheduledRootValid = "kvm_tdp_mmu_zap_invalidated_roots: KVM_BUG_ON"
  case invalidateRootsLock = "kvm_tdp_mmu_invalidate_roots: lockdep"
  case rootWalkLock = "for_each_tdp_mmu_root: lockdep"
  case zapRootUnreferenced = "tdp_mmu_zap_root: WARN_ON"
  case leafFrameChanged = "handle_changed_spte: BUG"
  case frameUnaligned = "handle_changed_spte: WARN_ON gfn"
  case nonpresentChange = "handle_changed_spte: WARN_ON nonpresent"
  case tableFrameChanged = "handle_changed_spte: WARN_ON pfn_changed"
  case exclusiveFrozen = "tdp_mmu_set_spte: WARN_ON frozen"
  case atomicFrozen = "__tdp_mmu_set_spte_atomic: WARN_ON frozen"
  case frozenForGood = "tdp_mmu_set_spte_atomic: KVM_MMU_WARN_ON frozen"
  case lockMode = "tdp_mmu_set_spte: lockdep"
  case writableWithoutHost = "check_spte_writable_invariants: WARN_ON host"
  case writableWithoutMMU = "check_spte_writable_invariants: WARN_ON mmu"
  case zapOrphan = "kvm_tdp_mmu_zap_sp: WARN_ON"
  case zapStillLinked = "kvm_tdp_mmu_zap_possible_nx_huge_page: WARN_ON"
  case mapLevel = "tdp_mmu_map_handle_target_level: WARN_ON level"
  case leafUnflushed = "tdp_mmu_map_handle_target_level: WARN_ON flush"
  case spuriousFrame = "tdp_mmu_map_handle_target_level: WARN_ON pfn"
  case mapUnaligned = "kvm_mmu_hugepage_adjust: VM_BUG_ON"
  case mapInvalidRoot = "kvm_tdp_mmu_map: KVM_MMU_WARN_ON root"
  case splitNotHuge = "make_small_spte: KVM_BUG_ON"
  case makeHuge = "make_huge_spte: KVM_BUG_ON"
  case iteratorRange = "tdp_iter_start: WARN_ON"
  case iteratorBehind = "tdp_mmu_iter_cond_resched: WARN_ON"
  case rootUnreferenced = "kvm_tdp_mmu_alloc_root: WARN_ON"
  case pagesLeft = "kvm_mmu_uninit_tdp_mmu: KVM_MMU_WARN_ON tdp_mmu_pages"
  case rootsLeft = "kvm_mmu_uninit_tdp_mmu: WARN_ON roots"
  case violationPossible = "kvm_tdp_mmu_write_spte: KVM_MMU_WARN_ON #VE"
  case ageInvalidRoot = "kvm_tdp_mmu_age_gfn_range: WARN_ON root"
  case agedMirror = "kvm_tdp_mmu_age_spte: WARN_ON mirror"
  case recoverDirtyTracked = "recover_huge_pages_range: WARN_ON dirty"
  case hugeDirtyTracked = "make_spte: WARN_ON level"
  case mirrorAtomic = "__tdp_mmu_set_spte_atomic: KVM_BUG_ON mirror"
  case mirrorReplaced = "set_external_spte_present: KVM_BUG_ON was_present"
  case externalMissing = "set_external_spte_present: KVM_BUG_ON external_spt"
  case externalMismatch = "get_external_spt: WARN_ON"
  case externalLeaked = "handle_removed_pt: WARN_ON external_spt"
  case mirrorExclusive = "tdp_mmu_set_spte: KVM_BUG_ON mirror"
  case mirrorRemovedShared = "handle_removed_pt: KVM_BUG_ON mirror"
  case mirrorRemovalLock = "tdx_sept_remove_leaf_spte: lockdep"
  case externalUnfit = "tdx_spte_to_sept_pt: KVM_BUG_ON"
  case externalKept = "tdp_mmu_free_sp_rcu_callback: WARN_ON external_spt"
  case tableNotReclaimed = "__tdx_reclaim_page: TDX_BUG_ON"
  case mirrorSplit = "kvm_tdp_mmu_map: KVM_BUG_ON mirror split"
  case frameAlias = "kvm_mmu_faultin_pfn: KVM_BUG_ON alias"
  case invalidationLock = "kvm_mmu_invalidate_begin: lockdep"
  case invalidationBalance = "kvm_mmu_invalidate_end: KVM_BUG_ON"
  case invalidationEmpty = "kvm_mmu_invalidate_end: WARN_ON range"
  case invalidationOutside = "kvm_mmu_invalidate_range_add: WARN_ON"
  case unmapUnprotected = "kvm_unmap_gfn_range: WARN_ON"
  case nestedGeneration = "kvm_swap_active_memslots: WARN_ON"
  case slotsLock = "kvm_mmu_zap_all_fast: lockdep slots_lock"
  case obsoletePagesSlotsLock = "kvm_zap_obsolete_pages: lockdep slots_lock"
  case populateSlotsLock = "kvm_gmem_populate: lockdep slots_lock"
  case pageAddSlotsLock = "tdx_mem_page_add: lockdep slots_lock"
  case attributesSlotsLock = "kvm_arch_post_set_memory_attributes: lockdep slots_lock"
  case attributesWithoutPrivate = "kvm_arch_pre_set_memory_attributes: WARN_ON"
  case bindingMismatch = "kvm_gmem_get_pfn: WARN_ON"
  case unbalancedNotifier = "kvm_destroy_vm: WARN_ON"
  case rootMissing = "kvm_mmu_page_fault: WARN_ON root.hpa"
  case generationTooWide = "generation_mmio_spte_mask: WARN_ON"
  case sharedRootLevel = "tdx_load_mmu_pgd: KVM_BUG_ON"
  case sharedFetch = "tdx_handle_ept_violation: KVM_BUG_ON"
  case attributeNotStored = "kvm_vm_set_mem_attributes: KVM_BUG_ON"
  case reservedPrivate = "kvm_mmu_page_fault: WARN_ON RSVD"

  /// The check with what happened.
  package func check(_ detail: String) -> EngineCheck { EngineCheck(rawValue, detail) }
}

/// Damage that no assertion of the kernel would notice at once, but that its rules exist to prevent.
package enum MMUDamage: String, Hashable, Sendable, CaseIterable {
  /// A walker or a paging-structure cache reads a table that was freed.
  case freedTableUsed = "use-after-free"
  /// A guest reaches a page that its host no longer gives to it.
  case staleTranslation = "stale-translation"
  /// A guest wrote to a logged page and neither log nor SPTE says so.
  case dirtyPageLost = "dirty-page-lost"
  /// An entry maps what the slot or the attribute no longer allows, after the call that said so has returned.
  case mappingLeft = "mapping-left"
  /// A guest got MMIO where memory is, or memory where none is.
  case staleMMIO = "stale-mmio"
  /// A table was linked in two places, or freed while linked.
  case treeBroken = "tree-broken"
  /// A guest has to accept a page again that nobody had a reason to take from it.
  case contentsLost = "contents-lost"
  /// An agent waits for ever.
  case stuck = "stuck"
  /// Module or firmware refuses what a right host is never refused when it makes a VM.
  case setUpRefused = "set-up-refused"

  /// What it means, for `kvmcheck engine`.
  package var summary: String {
    switch self {
    case .freedTableUsed: "a walker or a paging-structure cache reads a table that was freed"
    case .staleTranslation: "a guest reaches a page that its host no longer gives to it"
    case .dirtyPageLost: "a guest wrote to a logged page and neither log nor SPTE says so"
    case .mappingLeft: "an entry is left after the call that took its slot away has returned"
    case .staleMMIO: "a guest got MMIO where memory is"
    case .treeBroken: "a table is linked in two places or in none, or was freed while linked"
    case .contentsLost: "a TD has to accept a page again that nobody had a reason to take from it"
    case .stuck: "an agent waits for ever"
    case .setUpRefused: "module or firmware refuses what a right host is never refused when it makes a VM"
    }
  }

  /// The check with what happened.
  package func check(_ detail: String) -> EngineCheck { EngineCheck(rawValue, detail) }
}
