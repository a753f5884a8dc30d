/// vCPUs, guests and faults: rows of the table of operations, one per micro-step.
extension Machine {
  /// The rows, in the order of a TD's life.
  static let vcpuOperations: [Operation] = [
    step(
      "TDH.VP.ENTER", [.vcpu],
      [
        "TDX_OPERAND_BUSY", "TDX_VCPU_ASSOCIATED", "TDX_VCPU_STATE_INCORRECT", "TDX_OP_STATE_INCORRECT",
        "TDX_TD_KEYS_NOT_CONFIGURED",
      ],
      "a vCPU enters the guest",
      source: "TDX Module ABI spec, TDH.VP.ENTER; Linux vmx/tdx.c, tdx_vcpu_run"
    ) { host, arguments throws(Stop) in
      try host.enter(arguments.vcpu)
    },
    step(
      "vp_enter_begin", [.vcpu],
      [
        "TDX_OPERAND_BUSY", "TDX_VCPU_ASSOCIATED", "TDX_VCPU_STATE_INCORRECT", "TDX_OP_STATE_INCORRECT",
        "TDX_TD_KEYS_NOT_CONFIGURED",
      ],
      "a vCPU enters under zero-step mitigation: holds the tree lock until vp_enter_end",
      source: "TDX module 1.5.01, TDH.VP.ENTER"
    ) { host, arguments throws(Stop) in
      try host.beginEntry(arguments.vcpu, .active)
    },
    step(
      "vp_enter_end", [.vcpu], [],
      "the rest of that entry",
      source: "TDX module 1.5.01, TDH.VP.ENTER"
    ) { host, arguments throws(Stop) in
      try host.endEntry(arguments.vcpu)
    },
    step(
      "vcpu_exit", [.vcpu], [],
      "a TD exit from guest code",
      source: "TDX module 1.5.01, TD exit"
    ) { host, arguments throws(Stop) in
      try host.exit(arguments.vcpu)
    },
    step(
      "guest_touch_all", [], [],
      "every vCPU in the guest touches every private page that it can reach",
      source: "Intel SDM vol. 3, EPT"
    ) { host, _ throws(Stop) in
      host.touchAll()
    },
    step(
      "accept_begin", [.vcpu, .gfn], ["TDX_OPERAND_BUSY", "TDX_PAGE_ALREADY_ACCEPTED", "TDX_PAGE_SIZE_MISMATCH"],
      "TDG.MEM.PAGE.ACCEPT walks and locks the entry",
      source: "TDX Module ABI spec, TDG.MEM.PAGE.ACCEPT"
    ) { host, arguments throws(Stop) in
      try host.beginAccept(arguments.vcpu, arguments.gfn)
    },
    step(
      "accept_end", [.vcpu, .gfn], [],
      "TDG.MEM.PAGE.ACCEPT zeroes the page and maps it",
      source: "TDX Module ABI spec, TDG.MEM.PAGE.ACCEPT"
    ) { host, arguments throws(Stop) in
      try host.endAccept(arguments.vcpu, arguments.gfn)
    },
    step(
      "fault_freeze_table", [.vcpu, .gfn, .pfn], [],
      "a fault freezes the entry of a missing table",
      source: "Linux mmu/tdp_mmu.c, kvm_tdp_mmu_map, set_external_spte_present"
    ) { host, arguments throws(Stop) in
      try host.freezeTable(arguments.vcpu, arguments.gfn, arguments.pfn)
    },
    step(
      "TDH.MEM.SEPT.ADD", [.vcpu, .gfn],
      [
        "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_EPT_WALK_FAILED", "TDX_EPT_ENTRY_STATE_INCORRECT",
        "TDX_PAGE_METADATA_INCORRECT", "TDX_SYS_SHUTDOWN",
      ],
      "the fault gives the table's page to the module",
      source: "TDX Module ABI spec, TDH.MEM.SEPT.ADD; Linux vmx/tdx.c, tdx_sept_link_private_spt"
    ) { host, arguments throws(Stop) in
      try host.addTable(arguments.vcpu, arguments.gfn)
    },
    step(
      "fault_publish_table", [.vcpu, .gfn], [],
      "the table's entry becomes present",
      source: "Linux mmu/tdp_mmu.c, __tdp_mmu_set_spte_atomic"
    ) { host, arguments throws(Stop) in
      try host.publishTable(arguments.vcpu, arguments.gfn)
    },
    step(
      "fault_freeze_leaf", [.vcpu, .gfn, .pfn], [],
      "a fault freezes the leaf's entry for the file's page pfn",
      source: "Linux mmu/tdp_mmu.c, tdp_mmu_map_handle_target_level"
    ) { host, arguments throws(Stop) in
      try host.freezeLeaf(arguments.vcpu, arguments.gfn, arguments.pfn)
    },
    step(
      "TDH.MEM.PAGE.AUG", [.vcpu, .gfn],
      [
        "TDX_OPERAND_BUSY", "TDX_TD_KEYS_NOT_CONFIGURED", "TDX_EPT_WALK_FAILED", "TDX_EPT_ENTRY_STATE_INCORRECT",
        "TDX_PAGE_METADATA_INCORRECT", "TDX_SYS_SHUTDOWN",
      ],
      "the fault adds the page, pending acceptance",
      source: "TDX Module ABI spec, TDH.MEM.PAGE.AUG; Linux vmx/tdx.c, tdx_mem_page_aug"
    ) { host, arguments throws(Stop) in
      try host.augmentPage(arguments.vcpu, arguments.gfn)
    },
    step(
      "fault_publish_leaf", [.vcpu, .gfn], [],
      "the leaf's entry becomes present",
      source: "Linux mmu/tdp_mmu.c, __tdp_mmu_set_spte_atomic"
    ) { host, arguments throws(Stop) in
      try host.publishLeaf(arguments.vcpu, arguments.gfn)
    },
  ]
}
