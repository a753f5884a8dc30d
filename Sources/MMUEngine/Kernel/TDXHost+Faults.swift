/// The private fault path: freeze the mirror entry, issue the SEAMCALL, publish.
///
/// mmu_lock is held for read from the freezing to the publication: zaps, which hold it for write, are excluded; another
/// fault on the same entry finds it FROZEN and retries. A busy SEAMCALL restores the entry and the fault is tried again.
/// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, kvm_tdp_mmu_map, set_external_spte_present; vmx/tdx.c, tdx_mem_page_aug.
extension TDXHost {
  /// A vCPU's thread that is in the kernel and idle, or what it would do instead.
  ///
  /// A thread has one program counter: while a fault is in progress it neither enters nor starts another one.
  func requireIdle(_ vcpu: Int) throws(Stop) -> VCPUThread {
    let vm = try requireVM()
    let thread = vm.vcpus[vcpu]
    switch thread.fault {
    case .idle: break
    case .tableFrozen: throw .would("SEPT_ADD")
    case .tableAdded: throw .would("FAULT_PUBLISH_TABLE")
    case .leafFrozen: throw .would("PAGE_AUG")
    case .leafAugmented: throw .would("FAULT_PUBLISH_LEAF")
    case .refused: throw .would("KVM_BUG_ON")
    }
    switch mode(of: thread) {
    case .out: return thread
    case .entering: throw .would("VP_ENTER_END")
    case .guest, .walked: throw .would("VCPU_EXIT")
    case .accepting: throw .would("ACCEPT_END")
    }
  }

  /// Whether a private fault on the frame gets as far as mmu_lock: slot, attribute, file, no invalidation in progress.
  ///
  /// A job interferes through all of these: it makes the slot INVALID or announces the range before it takes mmu_lock, so a
  /// fault that has read slot and pfn before is sent back when it has the lock (`is_page_fault_stale`).
  /// Abstraction: the snapshot of the invalidation sequence is not kept; reading and locking are one step here.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_mmu_faultin_pfn, mmu_invalidate_retry_gfn.
  private func requireFaultable(_ gfn: GFN, _ vm: TDXVirtualMachine) throws(Stop) {
    guard vm.isRunnable, vm.isFileOpen else { throw .refuse }
    switch vm.frames[gfn] ?? .none {
    case .isPrivate: break
    case .invalid: throw .wait
    case .shared, .none: throw .refuse
    }
    guard !vm.isWriteLocked else { throw .wait }
    if let job = vm.job, job.covers(gfn, policy) { throw .wait }
  }

  /// The fault finds no table: a page of the pool becomes the Secure-EPT table, the entry is frozen.
  ///
  /// Another fault on the same table may have been first: it finds the entry FROZEN and is tried again.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, kvm_tdp_mmu_map, tdp_mmu_link_sp, set_external_spte_present.
  mutating func freezeTable(_ vcpu: Int, _ gfn: GFN, _ page: PFN) throws(Stop) {
    _ = try requireIdle(vcpu)
    let vm = try requireWorkingVM()
    guard Self.tables.contains(gfn) else { throw .refuse }
    var stop: Stop? = .refuse
    for offset in 0..<Self.leavesPerTable where stop != nil {
      do {
        try requireFaultable(GFN(gfn.rawValue + offset), vm)
        stop = nil
      } catch { if error == .wait { stop = error } }
    }
    if let stop { throw stop }
    switch mirror(gfn, .page2M).state {
    case .nonpresent: break
    case .frozen: throw .wait
    case .present: throw .would("FAULT_FREEZE_LEAF")
    }
    guard isFree(page) else { throw .refuse }
    platform.memory.take(page, for: "S-EPT table")
    let table = MirrorTable.makeTable(in: &platform.memory)
    setMirror(gfn, .page2M, .frozen, .read)
    let shadow = ShadowPage(table: table, external: page, gfn: gfn, level: .page4K)
    self.vm?.vcpus[vcpu].fault = .tableFrozen(gfn, shadow)
  }

  /// TDH.MEM.SEPT.ADD. Busy: the entry is restored, the pages go back, the fault starts again.
  ///
  /// The tree lock is taken shared, so only a vCPU entering under zero-step mitigation (or a BLOCK, which mmu_lock excludes)
  /// is in the way.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_link_private_spt; TDX Module ABI spec, TDH.MEM.SEPT.ADD.
  mutating func addTable(_ vcpu: Int, _ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    guard case .tableFrozen(gfn, let shadow) = vm.vcpus[vcpu].fault, let external = shadow.external else {
      _ = try requireIdle(vcpu)
      throw .would("FAULT_FREEZE_TABLE")
    }
    do {
      let call = SEAMCall.addTable(PageInfo(gfn, .page2M), tdr: tdr(vm), page: external.address)
      try seamcall(call, on: platform.size.processor(ofVCPU: vcpu))
    } catch {
      setMirror(gfn, .page2M, .nonpresent, .read)
      release(external, vm.key)
      platform.memory.free(shadow.table)
      self.vm?.vcpus[vcpu].fault = Self.isBusy(error) ? .idle : .refused
      throw error
    }
    self.vm?.vcpus[vcpu].fault = .tableAdded(gfn, shadow)
  }

  /// The table's entry becomes present; the fault goes on from the root.
  ///
  /// Publishing comes after the SEAMCALL: whoever sees the entry present may rely on the module's table being there.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, __tdp_mmu_set_spte_atomic.
  mutating func publishTable(_ vcpu: Int, _ gfn: GFN) throws(Stop) {
    guard case .tableAdded(gfn, let shadow) = try requireVM().vcpus[vcpu].fault else {
      _ = try requireIdle(vcpu)
      throw .would("FAULT_FREEZE_TABLE")
    }
    link(shadow, at: .page2M)
    vm?.vcpus[vcpu].fault = .idle
    reportMismatch()
  }

  /// The fault has the file's page, allocated now if need be, and freezes the leaf. 6.16 takes a reference on the page.
  ///
  /// The reference is what makes a failed removal leak the page: truncation drops the file's own, and this one stays.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_get_pfn; arch/x86/kvm/vmx/tdx.c, tdx_sept_set_private_spte.
  mutating func freezeLeaf(_ vcpu: Int, _ gfn: GFN, _ page: PFN) throws(Stop) {
    _ = try requireIdle(vcpu)
    let vm = try requireWorkingVM()
    try requireFaultable(gfn, vm)
    switch mirror(gfn, .page2M).state {
    case .present: break
    case .frozen: throw .wait
    case .nonpresent: throw .would("FAULT_FREEZE_TABLE")
    }
    switch mirror(gfn).state {
    case .nonpresent: break
    case .frozen: throw .wait
    case .present: throw .would("VP_ENTER")
    }
    if let existing = vm.page(at: gfn) {
      guard existing == page else { throw .refuse }
    } else {
      guard isFree(page) else { throw .refuse }
      platform.memory.take(page, for: "gmem")
    }
    self.vm?.file[gfn] = FilePage(page: page, isPrepared: true)
    pin(page)
    setMirror(gfn, .page4K, .frozen, .read)
    self.vm?.vcpus[vcpu].fault = .leafFrozen(gfn, page)
  }

  /// TDH.MEM.PAGE.AUG. Any refusal restores the entry and the pin; a hard one makes KVM_BUG_ON the next step.
  ///
  /// A guest's ACCEPT cannot be in the way: it locks entries that are pending, and this one is free until the call.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_mem_page_aug; TDX Module ABI spec, TDH.MEM.PAGE.AUG.
  mutating func augmentPage(_ vcpu: Int, _ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    guard case .leafFrozen(gfn, let page) = vm.vcpus[vcpu].fault else {
      _ = try requireIdle(vcpu)
      throw .would("FAULT_FREEZE_LEAF")
    }
    do {
      let call = SEAMCall.augmentPage(PageInfo(gfn, .page4K), tdr: tdr(vm), page: page.address)
      try seamcall(call, on: platform.size.processor(ofVCPU: vcpu))
    } catch {
      setMirror(gfn, .page4K, .nonpresent, .read)
      self.vm?.pinned.remove(page)
      self.vm?.vcpus[vcpu].fault = Self.isBusy(error) ? .idle : .refused
      throw error
    }
    self.vm?.vcpus[vcpu].fault = .leafAugmented(gfn, page)
  }

  /// The leaf becomes present. The guest may have accepted it by now: the module's entry was there before the kernel's.
  mutating func publishLeaf(_ vcpu: Int, _ gfn: GFN) throws(Stop) {
    guard case .leafAugmented(gfn, let page) = try requireVM().vcpus[vcpu].fault else {
      _ = try requireIdle(vcpu)
      throw .would("FAULT_FREEZE_LEAF")
    }
    setMirror(gfn, .page4K, .leaf(page), .read)
    vm?.vcpus[vcpu].fault = .idle
    reportMismatch()
  }

  /// The KVM_BUG_ON that follows a hard refusal in the fault path.
  mutating func bugOnFault(_ vcpu: Int) throws(Stop) {
    guard try requireVM().vcpus[vcpu].fault == .refused else {
      _ = try requireIdle(vcpu)
      throw .refuse
    }
    vm?.vcpus[vcpu].fault = .idle
    throw bugOn("a SEAMCALL of vCPU \(vcpu)'s fault was refused for good")
  }

  /// `tdx_operand_busy`: only this status; PREVIOUS_TLB_EPOCH_BUSY is not busy to the kernel.
  static func isBusy(_ stop: Stop) -> Bool {
    if case .module(let refusal) = stop { refusal.code == .operandBusy } else { false }
  }
}
