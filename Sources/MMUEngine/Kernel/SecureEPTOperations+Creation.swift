/// Creation, initial image, finalisation: rows of the table of operations, one per micro-step.
extension Machine {
  /// The rows, in the order of a TD's life.
  static let creationOperations: [Operation] = [
    step(
      "td_create", [], ["TDX_SYS_SHUTDOWN"],
      "creates a TD with all vCPUs, the upper tables, an open guest_memfd and private memslots",
      source: "Linux vmx/tdx.c, __tdx_td_init, tdx_td_vcpu_init"
    ) { host, _ throws(Stop) in
      try host.createTD()
    },
    step(
      "init_mem_link_table", [.gfn, .pfn],
      [
        "TDX_OPERAND_BUSY", "TDX_EPT_ENTRY_STATE_INCORRECT", "TDX_EPT_WALK_FAILED", "TDX_PAGE_METADATA_INCORRECT",
        "TDX_SYS_SHUTDOWN",
      ],
      "KVM_TDX_INIT_MEM_REGION links a table of leaves made of page pfn",
      source: "Linux vmx/tdx.c, tdx_sept_link_private_spt"
    ) { host, arguments throws(Stop) in
      try host.linkInitialTable(arguments.gfn, arguments.pfn)
    },
    step(
      "init_mem_premap", [.gfn, .pfn], [],
      "6.16: KVM_TDX_INIT_MEM_REGION premaps a leaf in the mirror",
      source: "Linux 6.16 vmx/tdx.c, tdx_mem_page_record_premap_cnt"
    ) { host, arguments throws(Stop) in
      guard host.version.initialImage == .premapped else { throw .would("INIT_MEM_FREEZE") }
      try host.beginPopulation(arguments.gfn, arguments.pfn)
    },
    step(
      "TDH.MEM.PAGE.ADD", [.gfn, .pfn, .busy],
      [
        "TDX_OPERAND_BUSY", "TDX_EPT_ENTRY_STATE_INCORRECT", "TDX_EPT_WALK_FAILED", "TDX_PAGE_METADATA_INCORRECT",
        "TDX_OP_STATE_INCORRECT", "TDX_SYS_SHUTDOWN",
      ],
      "adds a page of the initial image; busy=1: another call holds the TDR",
      source: "TDX Module ABI spec, TDH.MEM.PAGE.ADD; Linux vmx/tdx.c, tdx_gmem_post_populate"
    ) { host, arguments throws(Stop) in
      try host.addPage(arguments.gfn, arguments.pfn, contended: arguments.integer("busy") != 0)
    },
    step(
      "init_mem_freeze", [.gfn, .pfn], [],
      "6.19, split: the leaf of a population is frozen, its page allocated",
      source: "Linux 6.19 vmx/tdx.c, tdx_mem_page_add"
    ) { host, arguments throws(Stop) in
      guard host.version.initialImage == .addedInInstall else { throw .would("INIT_MEM_PREMAP") }
      try host.beginPopulation(arguments.gfn, arguments.pfn)
    },
    step(
      "page_add_module", [.gfn, .pfn],
      [
        "TDX_OPERAND_BUSY", "TDX_EPT_ENTRY_STATE_INCORRECT", "TDX_EPT_WALK_FAILED", "TDX_PAGE_METADATA_INCORRECT",
        "TDX_OP_STATE_INCORRECT", "TDX_SYS_SHUTDOWN",
      ],
      "split: the module's PAGE.ADD alone",
      source: "TDX Module ABI spec, TDH.MEM.PAGE.ADD"
    ) { host, arguments throws(Stop) in
      try host.addPopulated(arguments.gfn, arguments.pfn, contended: false)
    },
    step(
      "init_mem_publish", [.gfn], [],
      "split: the kernel's end of a population",
      source: "Linux vmx/tdx.c, tdx_gmem_post_populate"
    ) { host, arguments throws(Stop) in
      try host.endPopulation(arguments.gfn)
    },
    step(
      "TDH.MR.EXTEND", [.gfn],
      [
        "TDX_EPT_ENTRY_STATE_INCORRECT", "TDX_EPT_WALK_FAILED", "TDX_OP_STATE_INCORRECT", "TDX_SYS_SHUTDOWN",
        "TDX_OPERAND_BUSY",
      ],
      "measures a page of the initial image",
      source: "TDX Module ABI spec, TDH.MR.EXTEND"
    ) { host, arguments throws(Stop) in
      try host.extendMeasurement(arguments.gfn)
    },
    step(
      "mr_extend_module", [.gfn],
      [
        "TDX_EPT_ENTRY_STATE_INCORRECT", "TDX_EPT_WALK_FAILED", "TDX_OP_STATE_INCORRECT", "TDX_SYS_SHUTDOWN",
        "TDX_OPERAND_BUSY",
      ],
      "split: the same",
      source: "TDX Module ABI spec, TDH.MR.EXTEND"
    ) { host, arguments throws(Stop) in
      try host.extendMeasurement(arguments.gfn)
    },
    step(
      "TDH.MR.FINALIZE", [], ["TDX_OPERAND_BUSY", "TDX_OP_STATE_INCORRECT", "TDX_NO_VCPUS", "TDX_SYS_SHUTDOWN"],
      "finalises the TD in the module and in KVM",
      source: "TDX Module ABI spec, TDH.MR.FINALIZE; Linux vmx/tdx.c, tdx_td_finalize"
    ) { host, _ throws(Stop) in
      try host.finalizeModule()
      try host.finalizeKernel()
    },
    step(
      "mr_finalize_module", [], ["TDX_OPERAND_BUSY", "TDX_OP_STATE_INCORRECT", "TDX_NO_VCPUS", "TDX_SYS_SHUTDOWN"],
      "split: the module's state",
      source: "TDX Module ABI spec, TDH.MR.FINALIZE"
    ) { host, _ throws(Stop) in
      try host.finalizeModule()
    },
    step(
      "mr_finalize_kvm", [], [],
      "split: KVM's state",
      source: "Linux vmx/tdx.c, tdx_td_finalize"
    ) { host, _ throws(Stop) in
      try host.finalizeKernel()
    },
  ]
}
