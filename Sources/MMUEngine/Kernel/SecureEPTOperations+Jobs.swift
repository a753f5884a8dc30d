/// Jobs and zaps: rows of the table of operations, one per micro-step.
extension Machine {
  /// The rows, in the order of a TD's life.
  static let jobOperations: [Operation] = [
    step(
      "punch_begin", [.gfn], [],
      "a hole punch begins (invalidate_lock)",
      source: "Linux virt/kvm/guest_memfd.c, kvm_gmem_punch_hole"
    ) { host, arguments throws(Stop) in
      try host.beginPunch(arguments.gfn)
    },
    step(
      "delete_begin", [.gfn], [],
      "deletion of a memslot begins; the slot is INVALID",
      source: "Linux virt/kvm/kvm_main.c, kvm_invalidate_memslot"
    ) { host, arguments throws(Stop) in
      try host.beginDeletion(arguments.gfn)
    },
    step(
      "convert_begin", [.gfn], [],
      "conversion to shared begins",
      source: "Linux virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes"
    ) { host, arguments throws(Stop) in
      try host.beginConversion(arguments.gfn)
    },
    step(
      "close_begin", [], [],
      "the last close of guest_memfd begins",
      source: "Linux virt/kvm/guest_memfd.c, kvm_gmem_release"
    ) { host, _ throws(Stop) in
      try host.beginClose()
    },
    step(
      "slot_create", [.gfn], [],
      "a memslot is created for a frame that has none",
      source: "Linux virt/kvm/kvm_main.c, kvm_set_memory_region"
    ) { host, arguments throws(Stop) in
      try host.createSlot(arguments.gfn)
    },
    step(
      "convert_to_private", [.gfn], [],
      "a shared frame becomes private",
      source: "Linux virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes"
    ) { host, arguments throws(Stop) in
      try host.convertToPrivate(arguments.gfn)
    },
    step(
      "job_lock", [], [],
      "the job takes mmu_lock for write",
      source: "Linux mmu/mmu.c, kvm_unmap_gfn_range"
    ) { host, _ throws(Stop) in
      try host.lockJob()
    },
    step(
      "zap_leaf", [.gfn], ["KVM_BUG_ON"],
      "the walk clears a present mirror leaf",
      source: "Linux mmu/tdp_mmu.c, tdp_mmu_zap_leafs, tdp_mmu_set_spte"
    ) { host, arguments throws(Stop) in
      try host.zapLeaf(arguments.gfn)
    },
    step(
      "zap_table", [.gfn], [],
      "deviations only: a table's mirror entry and the leaves below are cleared",
      source: "Linux mmu/tdp_mmu.c, handle_removed_pt"
    ) { host, arguments throws(Stop) in
      try host.zapTable(arguments.gfn)
    },
    step(
      "TDH.MEM.RANGE.BLOCK", [.gfn, .level],
      [
        "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_EPT_WALK_FAILED", "TDX_EPT_ENTRY_STATE_INCORRECT",
        "TDX_GPA_RANGE_ALREADY_BLOCKED", "TDX_SYS_SHUTDOWN",
      ],
      "the zap blocks its leaf (level 0) or table (level 1)",
      source: "TDX Module ABI spec, TDH.MEM.RANGE.BLOCK; Linux vmx/tdx.c, tdx_sept_zap_private_spte"
    ) { host, arguments throws(Stop) in
      try host.block(arguments.gfn, arguments.level)
    },
    step(
      "TDH.MEM.RANGE.UNBLOCK", [.gfn, .level],
      [
        "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_EPT_WALK_FAILED", "TDX_EPT_ENTRY_STATE_INCORRECT",
        "TDX_TLB_TRACKING_NOT_DONE", "TDX_SYS_SHUTDOWN",
      ],
      "deviations only: the zap unblocks its leaf",
      source: "TDX Module ABI spec, TDH.MEM.RANGE.UNBLOCK"
    ) { host, arguments throws(Stop) in
      try host.unblock(arguments.gfn, arguments.level)
    },
    step(
      "TDH.MEM.TRACK", [],
      ["TDX_OPERAND_BUSY", "TDX_PREVIOUS_TLB_EPOCH_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_SYS_SHUTDOWN"],
      "the zap starts a new TLB epoch",
      source: "TDX Module ABI spec, TDH.MEM.TRACK; Linux vmx/tdx.c, tdx_track"
    ) { host, _ throws(Stop) in
      try host.track()
    },
    step(
      "track_skipped", [], [],
      "the step instead of TRACK before the TD is runnable",
      source: "Linux vmx/tdx.c, tdx_track"
    ) { host, _ throws(Stop) in
      try host.skipTracking()
    },
    step(
      "kick", [], [],
      "the zap asks all vCPUs in the guest to exit",
      source: "Linux kvm_main.c, kvm_make_all_cpus_request"
    ) { host, _ throws(Stop) in
      try host.kick()
    },
    step(
      "free_early", [.gfn], [],
      "deviations only: the page is freed before PAGE.REMOVE",
      source: "no kernel"
    ) { host, arguments throws(Stop) in
      try host.freeEarly(arguments.gfn)
    },
    step(
      "TDH.MEM.PAGE.REMOVE", [.gfn, .level],
      [
        "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_EPT_WALK_FAILED", "TDX_EPT_ENTRY_STATE_INCORRECT",
        "TDX_GPA_RANGE_NOT_BLOCKED", "TDX_TLB_TRACKING_NOT_DONE", "TDX_SYS_SHUTDOWN",
      ],
      "the zap takes the page back",
      source: "TDX Module ABI spec, TDH.MEM.PAGE.REMOVE; Linux vmx/tdx.c, tdx_sept_drop_private_spte"
    ) { host, arguments throws(Stop) in
      try host.remove(arguments.gfn, arguments.level)
    },
    step(
      "TDH.MEM.SEPT.REMOVE", [.gfn, .level],
      [
        "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_EPT_WALK_FAILED", "TDX_EPT_ENTRY_STATE_INCORRECT",
        "TDX_GPA_RANGE_NOT_BLOCKED", "TDX_TLB_TRACKING_NOT_DONE", "TDX_EPT_PAGE_NOT_FREE", "TDX_SYS_SHUTDOWN",
      ],
      "deviations only: a table's page is taken back from the live TD, and freed",
      source: "TDX Module ABI spec, TDH.MEM.SEPT.REMOVE"
    ) { host, arguments throws(Stop) in
      try host.removeTable(arguments.gfn, arguments.level)
    },
    step(
      "TDH.PHYMEM.PAGE.WBINVD", [.gfn], ["TDX_OPERAND_BUSY", "TDX_PAGE_METADATA_INCORRECT", "TDX_SYS_SHUTDOWN"],
      "the zap writes the removed page back, clears it, and drops its reference (6.16)",
      source: "TDX Module ABI spec, TDH.PHYMEM.PAGE.WBINVD; Linux vmx/tdx.c, tdx_sept_drop_private_spte"
    ) { host, arguments throws(Stop) in
      try host.writeBack(arguments.gfn)
    },
    step(
      "kvm_bug_on", [.optionalVCPU], ["KVM_BUG_ON"],
      "the assertion after an unexpected refusal: of the job, or of a vCPU's fault",
      source: "Linux vmx/tdx.c, TDX_BUG_ON"
    ) { host, arguments throws(Stop) in
      if arguments.has("vcpu") { try host.bugOnFault(arguments.vcpu) } else { try host.bugOnZap() }
    },
    step(
      "job_unlock", [], [],
      "no present leaf is left in the range; mmu_lock is dropped",
      source: "Linux mmu/mmu.c"
    ) { host, _ throws(Stop) in
      try host.unlockJob()
    },
    step(
      "punch_truncate", [.gfn], [],
      "the page goes back to the allocator",
      source: "Linux virt/kvm/guest_memfd.c, kvm_gmem_punch_hole"
    ) { host, arguments throws(Stop) in
      try host.truncatePunched(arguments.gfn)
    },
    step(
      "convert_store", [.gfn], [],
      "the attribute becomes shared",
      source: "Linux virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes"
    ) { host, arguments throws(Stop) in
      try host.storeConversion(arguments.gfn)
    },
    step(
      "delete_finish", [.gfn], [],
      "the memslot is gone",
      source: "Linux virt/kvm/kvm_main.c, kvm_delete_memslot"
    ) { host, arguments throws(Stop) in
      try host.finishDeletion(arguments.gfn)
    },
    step(
      "close_truncate", [], [],
      "all pages of the file go back to the allocator",
      source: "Linux virt/kvm/guest_memfd.c, kvm_gmem_release"
    ) { host, _ throws(Stop) in
      try host.truncateClosed()
    },
    step(
      "invalidate_end", [], [],
      "the invalidation and its job end",
      source: "Linux mmu/mmu.c, kvm_mmu_invalidate_end"
    ) { host, _ throws(Stop) in
      try host.endInvalidation()
    },
  ]
}
