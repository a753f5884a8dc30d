/// Destruction: rows of the table of operations, one per micro-step.
extension Machine {
  /// The rows, in the order of a TD's life.
  static let destructionOperations: [Operation] = [
    step(
      "vm_release", [], [],
      "the last reference to the VM goes",
      source: "Linux virt/kvm/kvm_main.c, kvm_destroy_vm"
    ) { host, _ throws(Stop) in
      try host.releaseVM()
    },
    step(
      "TDH.VP.FLUSH", [.vcpu],
      ["TDX_VCPU_NOT_ASSOCIATED", "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_SYS_SHUTDOWN"],
      "a vCPU is flushed from its LP",
      source: "TDX Module ABI spec, TDH.VP.FLUSH; Linux vmx/tdx.c, tdx_flush_vp_on_cpu"
    ) { host, arguments throws(Stop) in
      try host.flushVCPU(arguments.vcpu)
    },
    step(
      "TDH.MNG.VPFLUSHDONE", [],
      ["TDX_FLUSHVP_NOT_DONE", "TDX_OPERAND_BUSY", "TDX_LIFECYCLE_STATE_INCORRECT", "TDX_SYS_SHUTDOWN"],
      "all vCPUs are flushed; the TD is blocked",
      source: "TDX Module ABI spec, TDH.MNG.VPFLUSHDONE; Linux vmx/tdx.c, tdx_mmu_release_hkid"
    ) { host, _ throws(Stop) in
      try host.finishFlushes()
    },
    step(
      "TDH.PHYMEM.CACHE.WB", [.package, .interrupt],
      [
        "TDX_INTERRUPTED_RESUMABLE", "TDX_NO_HKID_READY_TO_WBCACHE", "TDX_WBCACHE_RESUME_ERROR", "TDX_OPERAND_BUSY",
        "TDX_SYS_SHUTDOWN",
      ],
      "a package writes its caches back; interrupt=1: it is interrupted",
      source: "TDX Module ABI spec, TDH.PHYMEM.CACHE.WB; Linux vmx/tdx.c, smp_func_do_phymem_cache_wb"
    ) { host, arguments throws(Stop) in
      try host.writeBackCaches(arguments.package, interrupted: arguments.integer("interrupt") != 0)
    },
    step(
      "TDH.MNG.KEY.FREEID", [],
      ["TDX_WBCACHE_NOT_COMPLETE", "TDX_LIFECYCLE_STATE_INCORRECT", "TDX_OPERAND_BUSY", "TDX_SYS_SHUTDOWN"],
      "the HKID is released",
      source: "TDX Module ABI spec, TDH.MNG.KEY.FREEID; Linux vmx/tdx.c, tdx_mmu_release_hkid"
    ) { host, _ throws(Stop) in
      try host.freeKey()
    },
    step(
      "reclaim_table", [.gfn],
      [
        "TDX_LIFECYCLE_STATE_INCORRECT", "TDX_PAGE_METADATA_INCORRECT", "TDX_OPERAND_BUSY", "TDX_SYS_SHUTDOWN",
        "KVM_BUG_ON",
      ],
      "a table of leaves is reclaimed, cleared and freed",
      source: "TDX Module ABI spec, TDH.PHYMEM.PAGE.RECLAIM; Linux vmx/tdx.c, tdx_sept_free_private_spt"
    ) { host, arguments throws(Stop) in
      try host.reclaimTable(arguments.gfn)
    },
    step(
      "reclaim_directory", [],
      ["TDX_LIFECYCLE_STATE_INCORRECT", "TDX_PAGE_METADATA_INCORRECT", "TDX_OPERAND_BUSY", "TDX_SYS_SHUTDOWN"],
      "the tables above are reclaimed",
      source: "Linux mmu/tdp_mmu.c, kvm_mmu_uninit_tdp_mmu"
    ) { host, _ throws(Stop) in
      try host.reclaimDirectory()
    },
    step(
      "reclaim_tdcs", [],
      ["TDX_LIFECYCLE_STATE_INCORRECT", "TDX_PAGE_METADATA_INCORRECT", "TDX_OPERAND_BUSY", "TDX_SYS_SHUTDOWN"],
      "TDCS and TDVPR pages are reclaimed",
      source: "Linux vmx/tdx.c, tdx_reclaim_td_control_pages"
    ) { host, _ throws(Stop) in
      try host.reclaimControlPages()
    },
    step(
      "reclaim_tdr", [],
      [
        "TDX_LIFECYCLE_STATE_INCORRECT", "TDX_TD_ASSOCIATED_PAGES_EXIST", "TDX_PAGE_METADATA_INCORRECT",
        "TDX_OPERAND_BUSY", "TDX_SYS_SHUTDOWN",
      ],
      "the TDR is reclaimed",
      source: "Linux vmx/tdx.c, tdx_reclaim_td_control_pages"
    ) { host, _ throws(Stop) in
      try host.reclaimRoot()
    },
    step(
      "wbinvd_tdr", [], ["TDX_PAGE_METADATA_INCORRECT", "TDX_OPERAND_BUSY", "TDX_SYS_SHUTDOWN"],
      "the TDR is written back and freed; no TD is left",
      source: "Linux vmx/tdx.c, tdx_reclaim_td_control_pages"
    ) { host, _ throws(Stop) in
      try host.writeBackRoot()
    },
    step(
      "inject_seamcall_failure", [.after], [],
      "a SEAMCALL answers TDX_SYS_SHUTDOWN and does nothing: the next one, or the one after so many",
      source: "the environment's choice"
    ) { host, arguments throws(Stop) in
      guard arguments.integer("after") >= 0 else { throw .refuse }
      host.platform.callsBeforeFailure = arguments.integer("after")
    },
  ]
}
