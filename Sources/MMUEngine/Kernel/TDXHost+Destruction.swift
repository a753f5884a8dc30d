/// The destruction of a VM: HKID, tables, control pages, the TDR last.
///
/// Every descriptor is closed, so nothing runs beside it; the file's release has removed all private leaves while the HKID
/// was still assigned. From VPFLUSHDONE on the Secure-EPT is dead; its pages come back by RECLAIM, leaf tables first.
///
/// A refusal never stops the destruction where it is met: VP.FLUSH, VPFLUSHDONE, KEY.FREEID and the TDR's WBINVD assert,
/// CACHE.WB and RECLAIM warn, and KVM goes on with the next vCPU, package or page. What follows is the module's: a vCPU that
/// is still associated or a cache that is not written back keeps the HKID, and with it everything; a page that is not
/// reclaimed keeps the TDR.
/// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_destroy_vm; arch/x86/kvm/vmx/tdx.c, tdx_mmu_release_hkid, tdx_vm_destroy.
extension TDXHost {
  /// The last reference goes. A file that is still open holds one.
  ///
  /// vCPU descriptors are closed too, so no thread of the VM is left: from here on the destruction runs alone.
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_put_kvm, kvm_destroy_vm.
  mutating func releaseVM() throws(Stop) {
    let vm = try requireVM()
    guard vm.phase == .live else { throw nextDestruction(vm) }
    guard vm.job == nil, vm.population == nil, !vm.isFinalizing else { throw .wait }
    for index in vm.vcpus.indices { _ = try requireIdle(index) }
    guard !vm.isFileOpen || policy.has(.hkidFirst) else { throw .would("CLOSE_GMEM") }
    self.vm?.phase = .flush
  }

  /// What the destruction does next, as a refusal of something else.
  private func nextDestruction(_ vm: TDXVirtualMachine) -> Stop {
    switch vm.phase {
    case _ where vm.hasPendingBug: .would("KVM_BUG_ON")
    case .live: .would("VM_RELEASE")
    case .flush: .would(hasAssociations(vm) ? "VP_FLUSH" : "VPFLUSHDONE")
    case .writeBack: .would(isWriteBackOver(vm) ? "KEY_FREEID" : "CACHE_WB")
    case .reclaim where vm.isFileOpen: .would("CLOSE_GMEM")
    case .reclaim: .would(vm.mirror.leafTables.isEmpty ? "RECLAIM_DIRECTORY" : "RECLAIM_TABLE")
    case .controlPages: .would("RECLAIM_TDCS")
    case .rootPage: .would("RECLAIM_TDR")
    case .rootWriteBack: .would("WBINVD_TDR")
    case .leaked: .refuse
    }
  }

  /// Whether some vCPU that KVM has not been to is still associated with its LP.
  private func hasAssociations(_ vm: TDXVirtualMachine) -> Bool {
    vm.vcpus.enumerated().contains { index, thread in
      platform.virtualProcessors[thread.tdvpr]?.association != nil && !vm.unflushedVCPUs.contains(index)
    }
  }

  /// Whether KVM has been to every package.
  private func isWriteBackOver(_ vm: TDXVirtualMachine) -> Bool {
    vm.writtenBackPackages.union(vm.failedPackages).count == platform.size.packages
  }

  /// The VM in this phase, or what the destruction does next.
  private func require(_ phase: DestructionPhase) throws(Stop) -> TDXVirtualMachine {
    let vm = try requireVM()
    guard vm.phase == phase, !vm.hasPendingBug else { throw nextDestruction(vm) }
    return vm
  }

  /// TDH.VP.FLUSH on the vCPU's own LP; "not associated" is as good.
  ///
  /// The LP may still hold the TD's translations and the vCPU's state; after the flush it holds neither. After any other
  /// refusal KVM asserts, yet takes the vCPU to be off its LP and never comes back to it.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_flush_vp_on_cpu, tdx_flush_vp.
  mutating func flushVCPU(_ vcpu: Int) throws(Stop) {
    let vm = try require(.flush)
    guard !vm.unflushedVCPUs.contains(vcpu) else { throw nextDestruction(vm) }
    let call = SEAMCall.flushVCPU(vm.vcpus[vcpu].tdvpr.address)
    do { try seamcall(call, on: platform.size.processor(ofVCPU: vcpu)) } catch {
      if case .module(let refusal) = error, refusal.code != .vcpuNotAssociated {
        self.vm?.unflushedVCPUs.insert(vcpu)
        self.vm?.hasPendingBug = true
      }
      throw error
    }
  }

  /// TDH.MNG.VPFLUSHDONE, after every vCPU has been flushed.
  ///
  /// The module takes the TDR exclusively: a vCPU in the guest would make this busy, but there is none.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_mmu_release_hkid.
  mutating func finishFlushes() throws(Stop) {
    let vm = try require(.flush)
    guard !hasAssociations(vm) else { throw nextDestruction(vm) }
    try releasing(.flushDone(tdr: tdr(vm)))
    self.vm?.phase = .writeBack
  }

  /// TDH.PHYMEM.CACHE.WB on one LP of a package; an interruption is resumed by the next call there.
  ///
  /// Each package has caches of its own, and each must write back before the key may serve another TD: a line written
  /// back later would be encrypted with a key that is no longer this TD's. A failure is a warning, and the package's bit stays.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, smp_func_do_phymem_cache_wb.
  mutating func writeBackCaches(_ package: PackageID, interrupted: Bool) throws(Stop) {
    let vm = try require(.writeBack)
    guard !vm.failedPackages.contains(package) else { throw nextDestruction(vm) }
    let processor = platform.size.hostProcessor(package)
    platform.processors[processor.rawValue].hasPendingInterrupt = interrupted
    defer { platform.processors[processor.rawValue].hasPendingInterrupt = false }
    let start: WriteBackStart = vm.interruptedPackages.contains(package) ? .resumed : .fresh
    do {
      try seamcall(.writeBackCaches(start), on: processor)
    } catch {
      guard case .module(let refusal) = error else { throw error }
      if refusal.code == .interruptedResumable {
        self.vm?.interruptedPackages.insert(package)
      } else if refusal.code == .noHKIDReadyToWriteBack {
        self.vm?.writtenBackPackages.insert(package)
      } else {
        self.vm?.failedPackages.insert(package)
      }
      throw error
    }
    self.vm?.interruptedPackages.remove(package)
    self.vm?.writtenBackPackages.insert(package)
  }

  /// TDH.MNG.KEY.FREEID, after every package; from here on `is_hkid_assigned` is false.
  ///
  /// What must have happened before: all private leaves are gone. Later removals would find a dead tree.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_mmu_release_hkid, tdx_hkid_free.
  mutating func freeKey() throws(Stop) {
    let vm = try require(.writeBack)
    guard isWriteBackOver(vm) else { throw nextDestruction(vm) }
    try releasing(.freeKey(tdr: tdr(vm)))
    if let page = platform.memory.allPages.first(where: { isPrivatePage($0, vm) }) {
      platform.memory.report("hkid-freed-early", "page \(page.rawValue) is still a private page of the TD")
    }
    self.vm?.hkid = nil
    self.vm?.isRunnable = false
    self.vm?.phase = .reclaim
  }

  /// Whether the PAMT gives the page to the TD as a private one.
  private func isPrivatePage(_ page: PFN, _ vm: TDXVirtualMachine) -> Bool {
    let metadata = platform.pamt.leaf(of: page)
    return metadata.type == .regular && metadata.owner == vm.tdr
  }

  /// A SEAMCALL without which the HKID stays assigned: its refusal leaks everything.
  ///
  /// FLUSHVP_NOT_DONE is taken quietly, any other refusal is followed by KVM_BUG_ON.
  private mutating func releasing(_ call: SEAMCall) throws(Stop) {
    do { try seamcall(call) } catch {
      vm?.phase = .leaked
      if case .module(let refusal) = error { vm?.hasPendingBug = refusal.code != .flushNotDone }
      throw error
    }
  }

  /// `tdx_sept_free_private_spt` for a table of leaves: RECLAIM its page, clear it, free it.
  ///
  /// It is called for each table when the mirror's root is zapped, under mmu_lock held for write, children first. A leaf
  /// that is still present would be removed on the way, which the assertion on the HKID forbids by now.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, handle_removed_pt; vmx/tdx.c, tdx_sept_free_private_spt.
  mutating func reclaimTable(_ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    let isEarly = policy.has(.tablesFirst) && (vm.phase == .flush || vm.phase == .writeBack)
    guard vm.phase == .reclaim || isEarly else { throw nextDestruction(vm) }
    guard !vm.isFileOpen || isEarly, vm.job == nil else { throw .would("CLOSE_GMEM") }
    guard Self.tables.contains(gfn),
      let shadow = vm.mirror.shadowPage(gfn, linkedAt: .page2M, in: platform.memory), let external = shadow.external
    else { throw .refuse }
    if let leaf = vm.mirror.presentLeaves(in: platform.memory).first(where: { $0.aligned(to: .page2M) == gfn }) {
      setMirror(leaf, .page4K, .nonpresent, .write)
      throw bugOn("gfn \(leaf.rawValue): private SPTE removed with its table, after the HKID was released")
    }
    if vm.hkid != nil, !policy.has(.noHKIDAssertion) {
      throw bugOn("gfn \(gfn.rawValue): Secure-EPT table freed while the HKID is assigned")
    }
    unlink(shadow)
    self.vm?.givenUpTables[gfn] = external
    try reclaim(external, vm)
    self.vm?.givenUpTables[gfn] = nil
  }

  /// Reclaims a page, clears and frees it; leaks it when the module refuses.
  ///
  /// A page that the module has not given back must never reach the allocator; leaking it is always safe.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_reclaim_page.
  private mutating func reclaim(_ page: PFN, _ vm: TDXVirtualMachine) throws(Stop) {
    let isTable = platform.pamt.leaf(of: page).type == .secureEPT
    let survivors = isTable ? pagesMapped(through: page, vm) : []
    do { try seamcall(.reclaimPage(page.address)) } catch {
      platform.memory.leak(page)
      throw error
    }
    reportSurvivors(survivors.filter { platform.pamt.leaf(of: $0).type != .notAssigned }, of: page)
    platform.memory.fill(page, with: 0)
    release(page, vm.key)
  }

  /// Reclaims pages one after another; one that the module keeps is leaked, and the rest go on. Throws: the first refusal.
  private mutating func reclaim(_ pages: [PFN], _ vm: TDXVirtualMachine) throws(Stop) {
    var first: Stop?
    for page in pages {
      do throws(Stop) { try reclaim(page, vm) } catch { first = first ?? error }
    }
    if let first { throw first }
  }

  /// The tables above, from the lowest up, and the mirror's root.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, kvm_mmu_uninit_tdp_mmu, kvm_tdp_mmu_zap_invalidated_roots.
  mutating func reclaimDirectory() throws(Stop) {
    let vm = try require(.reclaim)
    guard !vm.isFileOpen, vm.job == nil, vm.mirror.leafTables.isEmpty else { throw nextDestruction(vm) }
    let shadows = vm.mirror.shadowPages.values.sorted { $0.level < $1.level }
    for shadow in shadows { unlink(shadow) }
    platform.memory.free(vm.mirror.root)
    self.vm?.phase = .controlPages
    try reclaim(shadows.compactMap(\.external), vm)
  }

  /// TDVPR and TDCS pages.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_free, tdx_reclaim_td_control_pages.
  mutating func reclaimControlPages() throws(Stop) {
    let vm = try require(.controlPages)
    self.vm?.phase = .rootPage
    try reclaim(vm.vcpus.flatMap { $0.pages + [$0.tdvpr] } + vm.controlPages, vm)
  }

  /// The TDR, last.
  ///
  /// The PAMT names the TDR as the owner of every other page, so the module keeps it until it has no other page.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_reclaim_td_control_pages.
  mutating func reclaimRoot() throws(Stop) {
    let isEarly = policy.has(.tdrFirst) && vm?.phase == .reclaim
    let vm = try require(isEarly ? .reclaim : .rootPage)
    let children = domain?.childCount ?? 0
    do { try seamcall(.reclaimPage(vm.tdr.address)) } catch {
      self.vm?.phase = .leaked
      throw error
    }
    if children > 0 {
      platform.memory.report("tdr-reclaimed-early", "the TDR went back while the TD had \(children) pages")
    }
    self.vm?.phase = .rootWriteBack
  }

  /// The TDR was written with the module's global key, which CACHE.WB does not cover. A refusal asserts, and leaks the TDR.
  mutating func writeBackRoot() throws(Stop) {
    let vm = try require(.rootWriteBack)
    do { try seamcall(.writeBackPage(vm.tdr.address.with(key: .global))) } catch {
      platform.memory.leak(vm.tdr)
      self.vm?.phase = .leaked
      self.vm?.hasPendingBug = true
      throw error
    }
    platform.memory.fill(vm.tdr, with: 0)
    release(vm.tdr, .global)
    self.vm = nil
  }
}
