/// What models compare with the engine after every micro-step, as far as the Secure-EPT is concerned.
extension Machine {
  /// The rows: kernel, module, vCPUs.
  package static let secureEPTObservables: [Observable] = kernelObservables + moduleObservables + vcpuObservables

  /// A row that reads the host.
  private static func row(
    _ name: String, _ indices: [Parameter], _ value: ArgumentKind, _ summary: String,
    _ read: @escaping @Sendable (TDXHost, CheckedArguments) -> Argument
  ) -> Observable {
    Observable(name, indices: indices, value: value, summary: summary) {
      (machine: borrowing Machine, given: [String: Argument]) throws(OperationError) -> Argument in
      let arguments = try CheckedArguments(name, indices, given)
      let host = machine.tdx
      try arguments.requireObjects(of: host)
      return read(host, arguments)
    }
  }

  /// The states of a mirror entry.
  private static let spteStates = ArgumentKind.symbol(["NONPRESENT", "FROZEN", "PRESENT"])

  /// The states of a Secure-EPT entry, as models spell them.
  private static let entryStates = ArgumentKind.symbol(SecureEPTState.allCases.map(\.observedName))

  /// Mirror, file, slots, allocator, flags.
  private static let kernelObservables: [Observable] = [
    row("mirror_spte", [.gfn], spteStates, "the mirror's leaf entry") { host, at in
      .symbol(host.mirror(at.gfn).state.rawValue)
    },
    row("mirror_table_spte", [.gfn], spteStates, "the mirror's entry for a table of leaves") { host, at in
      .symbol(host.mirror(at.gfn, .page2M).state.rawValue)
    },
    row("gmem_page", [.gfn, .pfn], .boolean, "whether the file has this page for the frame") { host, at in
      .boolean(host.vm?.page(at: at.gfn) == at.pfn)
    },
    row("table_page", [.gfn, .pfn], .boolean, "whether this is the external_spt of the table, linked or frozen") {
      host, at in .boolean(host.externalTable(at.gfn) == at.pfn)
    },
    row("page_free", [.pfn], .boolean, "whether the page is on the free list") { host, at in
      .boolean(host.platform.memory.isFree(at.pfn))
    },
    row("page_pinned", [.pfn], .boolean, "6.16: whether a mapping holds a reference") { host, at in
      .boolean(host.vm?.pinned.contains(at.pfn) ?? false)
    },
    row("slot_state", [.gfn], .symbol(["R_PRIVATE", "R_SHARED", "R_INVALID", "R_NONE"]), "slot and attribute") {
      host, at in .symbol((host.vm?.frames[at.gfn] ?? FrameState.none).rawValue)
    },
    row("kvm_runnable", [], .boolean, "KVM's state of the TD is RUNNABLE") { host, _ in
      .boolean(host.vm?.isRunnable ?? false)
    },
    row("wait_for_sept_zap", [], .boolean, "entries are barred for a second try") { host, _ in
      .boolean(host.isZapRetrying)
    },
    row("vm_bugged", [], .boolean, "a KVM_BUG_ON was hit") { host, _ in .boolean(host.vm?.isBugged ?? false) },
    row("hkid_assigned", [], .boolean, "KVM has the HKID") { host, _ in .boolean(host.vm?.hkid != nil) },
    row("mmu_write_locked", [], .boolean, "a job holds mmu_lock for write") { host, _ in
      .boolean(host.vm?.isWriteLocked == true && !host.policy.has(.zapShared))
    },
    row("gmem_open", [], .boolean, "guest_memfd is open") { host, _ in .boolean(host.vm?.isFileOpen ?? false) },
  ]

  /// Secure-EPT, PAMT, TD.
  private static let moduleObservables: [Observable] = [
    row("sept_state", [.gfn], entryStates, "the Secure-EPT leaf entry; SEPT_FREE unless keys are configured") {
      host, at in .symbol((host.entry(at.gfn, .page4K)?.state ?? .free).observedName)
    },
    row("sept_table_state", [.gfn], entryStates, "the Secure-EPT entry for a table; SEPT_FREE likewise") { host, at in
      .symbol((host.entry(at.gfn, .page2M)?.state ?? .free).observedName)
    },
    row("sept_maps", [.gfn, .pfn], .boolean, "whether the leaf entry points to this page") { host, at in
      guard let entry = host.entry(at.gfn, .page4K), entry.state?.isLeaf == true else { return .boolean(false) }
      return .boolean(entry.page == at.pfn)
    },
    row("pamt", [.pfn], .symbol(["PT_NDA", "PT_REG", "PT_EPT"]), "the page's type") { host, at in
      .symbol("PT_\(host.platform.pamt.leaf(of: at.pfn).type.name)")
    },
    row("page_dirty", [.pfn], .boolean, "some cache has dirty lines of a private HKID") { host, at in
      .boolean(!host.platform.memory.frame(at.pfn).dirty.isEmpty)
    },
    row("block_age", [.gfn], .integer(of: "epochs"), "min(2, TD_EPOCH - BEPOCH) of a blocked leaf, else 2") {
      host, at in .integer(host.blockAge(at.gfn))
    },
    row(
      "td_lifecycle", [], .symbol(["TD_NONE", "TD_HKID_ASSIGNED", "TD_KEYS_CONFIGURED", "TD_BLOCKED", "TD_TEARDOWN"]),
      "the TDR's lifecycle state"
    ) { host, _ in .symbol(host.domain?.lifecycle.name ?? "TD_NONE") },
    row("op_state", [], .symbol(["OP_NONE", "OP_INITIALIZED", "OP_RUNNABLE"]), "OP_STATE; OP_NONE in TEARDOWN") {
      host, _ in .symbol(host.operationStateName)
    },
  ]

  /// vCPUs.
  private static let vcpuObservables: [Observable] = [
    row(
      "vcpu_mode", [.vcpu],
      .symbol([
        "V_OUT", "V_ENTERING", "V_GUEST", "V_ACCEPTING", "V_TABLE_FROZEN", "V_TABLE_ADDED", "V_LEAF_FROZEN",
        "V_LEAF_AUGED", "V_REFUSED",
      ]), "where the vCPU is"
    ) { host, at in .symbol(host.modeName(at.vcpu)) },
    row("vcpu_behind", [.vcpu], .boolean, "not associated, or VCPU_EPOCH is not TD_EPOCH") { host, at in
      guard let vcpu = host.moduleVCPU(at.vcpu), vcpu.association != nil else { return .boolean(true) }
      return .boolean(vcpu.epoch != host.domain?.epoch)
    },
    row("vcpu_associated", [.vcpu], .boolean, "some LP may hold the vCPU's state") { host, at in
      .boolean(host.moduleVCPU(at.vcpu)?.association != nil)
    },
    row("exit_requested", [.vcpu], .boolean, "kicked, and not out since") { host, at in
      guard let vm = host.vm, at.vcpu < vm.vcpus.count else { return .boolean(false) }
      return .boolean(vm.vcpus[at.vcpu].exitRequested)
    },
    row("tlb", [.vcpu, .pfn], .boolean, "in the guest with a cached translation to or through the page") { host, at in
      .boolean(host.isReachable(at.pfn, by: at.vcpu))
    },
  ]
}

extension SecureEPTState {
  /// The name in models, where FREE would clash.
  var observedName: String { self == .free ? "SEPT_FREE" : name }
}

extension TDXHost {
  /// An entry as it lies in its table, blocked tables above included; nil when there is none or the TD is no longer live.
  func entry(_ gfn: GFN, _ level: Level) -> SecureEPTEntry? {
    guard let domain, domain.lifecycle == .keysConfigured else { return nil }
    var current = domain.topLevel
    var table = domain.rootTable
    while true {
      let entry = platform.readEntry(SecureEPTLocation(table: table, index: gfn.index(at: current)))
      if current == level { return entry }
      guard entry.state == .nonLeafMapped || entry.state == .nonLeafBlocked, platform.memory.contains(entry.page),
        let below = current.below
      else { return nil }
      (table, current) = (entry.page, below)
    }
  }

  /// The Secure-EPT page of a table, linked or being linked.
  func externalTable(_ gfn: GFN) -> PFN? {
    guard let vm else { return nil }
    for thread in vm.vcpus {
      switch thread.fault {
      case .tableFrozen(gfn, let shadow), .tableAdded(gfn, let shadow): return shadow.external
      case .tableFrozen, .tableAdded, .idle, .leafFrozen, .leafAugmented, .refused: continue
      }
    }
    if case .table(gfn, let page, _) = vm.job?.step { return page }
    return vm.mirror.shadowPage(gfn, linkedAt: .page2M, in: platform.memory)?.external ?? vm.givenUpTables[gfn]
  }

  /// How many epochs ago a blocked leaf was blocked, 2 for more; 2 for any other.
  func blockAge(_ gfn: GFN) -> Int {
    guard let domain, let entry = entry(gfn, .page4K), entry.state == .blocked || entry.state == .pendingBlocked else {
      return 2
    }
    return min(2, Int(domain.epoch - platform.pamt[entry.page, .page4K].blockEpoch))
  }

  /// OP_STATE in models' spelling.
  var operationStateName: String {
    guard let domain, domain.lifecycle != .teardown else { return "OP_NONE" }
    return switch domain.operationState {
    case .uninitialized: "OP_NONE"
    case .initialized: "OP_INITIALIZED"
    case .runnable: "OP_RUNNABLE"
    }
  }

  /// The module's view of a vCPU; nil without a TD.
  func moduleVCPU(_ vcpu: Int) -> VirtualProcessor? {
    guard let vm, vcpu < vm.vcpus.count else { return nil }
    return platform.virtualProcessors[vm.vcpus[vcpu].tdvpr]
  }

  /// Where a vCPU is, in models' spelling: its thread in the kernel first, then the module's view.
  func modeName(_ vcpu: Int) -> String {
    guard let vm, vcpu < vm.vcpus.count else { return "V_OUT" }
    switch vm.vcpus[vcpu].fault {
    case .idle: break
    case .tableFrozen: return "V_TABLE_FROZEN"
    case .tableAdded: return "V_TABLE_ADDED"
    case .leafFrozen: return "V_LEAF_FROZEN"
    case .leafAugmented: return "V_LEAF_AUGED"
    case .refused: return "V_REFUSED"
    }
    return switch mode(of: vm.vcpus[vcpu]) {
    case .out: "V_OUT"
    case .entering: "V_ENTERING"
    case .guest: "V_GUEST"
    case .walked, .accepting: "V_ACCEPTING"
    }
  }

  /// Whether a vCPU in the guest has a cached translation to or through the page.
  func isReachable(_ page: PFN, by vcpu: Int) -> Bool {
    guard let vm, let module = moduleVCPU(vcpu), module.mode.usesTranslations, let processor = module.association else {
      return false
    }
    return platform.processors[processor.rawValue].reachable(vm.tdr).contains(page)
  }
}
