/// The hooks by which the TDP MMU changes a Secure-EPT beside its mirror: link, set, remove, free (`kvm_x86_ops`, `*_external_spt*`).
///
/// A `TDPMMU` with a TD keeps the mirror itself, in its ordinary tables, and this host's own `MirrorTable` stays an empty root.
/// What the two have in common is here once: the module, the program of a removal with its second try, premapped leaves, pins,
/// and the destruction. Each step that can be seen from outside is one SEAMCALL.
/// 7.3 has one hook for all changes of an entry, `set_external_spte`, and calls the functions below from it.
/// Source: Linux 6.16, 6.19 and 7.3 arch/x86/kvm/vmx/tdx.c, tdx_sept_*; the function is at each declaration.

/// What a hook of an install comes to.
package enum HookResult: Hashable, Sendable {
  case success
  /// -EBUSY: the guest faults again.
  case busy
  /// -EIO, after a KVM_BUG_ON: the VM is dead.
  case failed
}

/// What a micro-step of a removal came to.
package enum RemovalProgress: Hashable, Sendable {
  case stepped
  /// A kicked vCPU has not left the guest yet.
  case waits
  case done
  /// The removal is over, and the module has kept the page; KVM_BUG_ON was hit.
  case failed
}

extension TDXHost {
  /// A TD with its vCPUs and without any Secure-EPT table but the root; it is not runnable yet.
  ///
  /// `deviations` are those of the kernel and the module; the form of the kernel is added to them.
  package static func trustDomain(
    for version: KernelVersion, deviations: Set<KernelPolicy.Deviation> = [], size: PlatformSize = .scenario
  ) -> TDXHost {
    let form: KernelPolicy.Deviation = version.initialImage == .premapped ? .linux616 : .linux619
    var host = TDXHost(policy: KernelPolicy(deviations.union([form])), size: size, version: version)
    do { try host.createDomain() } catch { preconditionFailure("a TD could not be made on an empty machine: \(error)") }
    return host
  }

  /// KVM_TDX_FINALIZE_VM. False: premapped leaves are left (6.16), or the module refuses.
  package mutating func finalize() -> Bool {
    do throws(Stop) {
      try finalizeModule()
      try finalizeKernel()
      return true
    } catch { return false }
  }

  /// A page for a mirror table's counterpart.
  mutating func allocateTable() -> PFN { platform.memory.allocate(.pool, for: "S-EPT table") }

  /// TDH.MEM.SEPT.ADD below the entry for `gfn` at `level`. Source: `tdx_sept_link_private_spt`.
  mutating func linkTable(_ gfn: GFN, _ level: Level, _ page: PFN, vcpu: Int) -> HookResult {
    guard let vm else { return .failed }
    return install(.addTable(PageInfo(gfn, level), tdr: tdr(vm), page: page.address), vcpu)
  }

  /// A private leaf is set: PAGE.AUG while the TD runs; before that a premapped leaf (6.16) or PAGE.ADD (6.19).
  ///
  /// A mapping holds a reference on its page in kernels where it does, and lets go of it when the module refuses.
  /// Source: `tdx_sept_set_private_spte`, `tdx_mem_page_aug`, `tdx_mem_page_record_premap_cnt`; Linux 6.19 `tdx_mem_page_add`.
  mutating func setLeaf(_ gfn: GFN, _ level: Level, _ page: PFN, vcpu: Int) -> HookResult {
    guard let vm else { return .failed }
    guard level == .page4K else { return fail("gfn \(gfn.rawValue): private leaf of level \(level.rawValue)") }
    let isPinned = vm.pinned.contains(page)
    pin(page)
    let result: HookResult
    if vm.isRunnable {
      result = install(.augmentPage(PageInfo(gfn, level), tdr: tdr(vm), page: page.address), vcpu)
    } else if version.initialImage == .premapped {
      self.vm?.premappedCount += 1
      return .success
    } else if vm.population?.gfn == gfn {
      let call = SEAMCall.addPage(PageInfo(gfn, level), tdr: tdr(vm), page: page.address, source: HPA(0))
      result = install(call, vcpu)
    } else {
      result = fail("gfn \(gfn.rawValue): private page without a source before the TD runs")
    }
    if result != .success, !isPinned { self.vm?.pinned.remove(page) }
    return result
  }

  /// KVM_TDX_INIT_MEM_REGION is about one page until `endImagePage`.
  package mutating func beginImagePage(_ gfn: GFN, _ page: PFN) { vm?.population = Population(gfn: gfn, page: page) }

  /// The end of a page of the initial image: 6.16 adds the premapped page now, 6.19 did so as it was mapped.
  ///
  /// A refusal leaves the leaf premapped. Source: Linux 6.16 `tdx_gmem_post_populate`.
  package mutating func endImagePage() -> HookResult {
    guard let vm, let population = vm.population else { return .failed }
    self.vm?.population = nil
    guard version.initialImage == .premapped else { return .success }
    let info = PageInfo(population.gfn, .page4K)
    do throws(Stop) {
      try seamcall(.addPage(info, tdr: tdr(vm), page: population.page.address, source: HPA(0)))
    } catch { return Self.isBusy(error) ? .busy : .failed }
    self.vm?.premappedCount -= 1
    return .success
  }

  private mutating func install(_ call: SEAMCall, _ vcpu: Int) -> HookResult {
    do throws(Stop) {
      try seamcall(call, on: platform.size.processor(ofVCPU: vcpu))
      return .success
    } catch {
      guard case .module(let refusal) = error, !Self.isBusy(error) else { return .busy }
      return fail("\(call.name): \(refusal.code.name)")
    }
  }

  private mutating func fail(_ what: String) -> HookResult {
    reportBug(what)
    return .failed
  }

  /// KVM_BUG_ON, as an engine check.
  mutating func reportBug(_ what: String) {
    _ = bugOn(what)
    platform.memory.report("KVM_BUG_ON", what)
  }

  /// The removal of a private leaf begins; the mirror's entry is empty already. mmu_lock is held for write till its end.
  ///
  /// Source: `tdx_sept_remove_private_spte`.
  mutating func beginRemoval(_ gfn: GFN, _ page: PFN) {
    if vm?.hkid == nil, !policy.has(.noHKIDAssertion) {
      return reportBug("gfn \(gfn.rawValue): private SPTE removed after the HKID was released")
    }
    var job = ZapJob(kind: .punchHole, target: gfn)
    job.step = .leaf(gfn, page, job.leafProgram(policy))
    vm?.job = job
  }

  /// The next micro-step of the removal: BLOCK, TRACK, kick, REMOVE, WBINVD, or what a refusal makes of them.
  mutating func stepRemoval() -> RemovalProgress {
    guard case .leaf(let gfn, _, let steps)? = vm?.job?.step, let next = steps.first else {
      defer { vm?.job = nil }
      return vm?.job?.isGivenUp == false ? .done : .failed
    }
    do throws(Stop) {
      switch next {
      case .block: try block(gfn, .page4K)
      case .track: if vm?.isRunnable == true { try track() } else { try skipTracking() }
      case .kick: try kick()
      case .unblock: try unblock(gfn, .page4K)
      case .freeEarly: try freeEarly(gfn)
      case .remove: try remove(gfn, .page4K)
      case .writeBack: try writeBack(gfn)
      case .bugOn: try bugOnZap()
      case .removeTable: preconditionFailure("a table among the steps of a leaf")
      }
    } catch {
      switch error {
      case .would: return .waits
      case .module(let refusal): vm?.lastRefusal = refusal.code
      case .bug(let what):
        platform.memory.report("KVM_BUG_ON", "\(what): \(vm?.lastRefusal?.name ?? "-")")
      }
    }
    return .stepped
  }

  /// A removed mirror table's counterpart: RECLAIM and clearing; false when the page has to be leaked.
  ///
  /// The page goes to the allocator with the table, after a grace period; in 7.3 at once, for nobody can read it any more.
  /// Source: `tdx_sept_free_private_spt`.
  mutating func freeTable(_ page: PFN) -> Bool {
    guard let vm else { return false }
    if vm.hkid != nil, !policy.has(.noHKIDAssertion) {
      reportBug("table \(page.rawValue): Secure-EPT table freed while the HKID is assigned")
      platform.memory.leak(page)
      return false
    }
    let survivors = pagesMapped(through: page, vm)
    do throws(Stop) { try seamcall(.reclaimPage(page.address)) } catch {
      platform.memory.leak(page)
      return false
    }
    // What the module has refused to give back before is leaked, and no harm comes of it.
    let left = survivors.filter {
      platform.pamt.leaf(of: $0).type != .notAssigned && platform.memory.frame($0).use != .leaked
    }
    reportSurvivors(left, of: page)
    platform.memory.fill(page, with: 0)
    return true
  }

  /// A page that the module does not have goes back to the allocator.
  mutating func releaseTable(_ page: PFN) {
    if let key = vm?.key { release(page, key) }
  }

  /// A page of the guest_memfd.
  package mutating func allocatePrivatePage() -> PFN { platform.memory.allocate(.pool, for: "gmem") }

  /// The file gives a page back; one that a mapping still has a reference on leaks (6.16).
  package mutating func freePrivatePage(_ page: PFN) {
    guard let vm else { return }
    if vm.pinned.contains(page) { platform.memory.leak(page) } else { release(page, vm.key) }
  }

  /// Everything up to the HKID's release, after the file is closed and all vCPUs are out. Source: `tdx_mmu_release_hkid`.
  package mutating func releaseKey() {
    vm?.isFileOpen = false
    destroy { (host) throws(Stop) in
      try host.releaseVM()
      for vcpu in 0..<host.platform.size.vcpus where host.isAssociated(vcpu) { try host.flushVCPU(vcpu) }
      try host.finishFlushes()
      for package in host.platform.packages { try host.writeBackCaches(package, interrupted: false) }
      try host.freeKey()
    }
  }

  /// The control pages, after all tables. Source: `tdx_vm_destroy`.
  package mutating func destroyDomain() {
    destroy { (host) throws(Stop) in
      try host.reclaimDirectory()
      try host.reclaimControlPages()
      try host.reclaimRoot()
      try host.writeBackRoot()
    }
  }

  private func isAssociated(_ vcpu: Int) -> Bool {
    guard let vm else { return false }
    return platform.virtualProcessors[vm.vcpus[vcpu].tdvpr]?.association != nil
  }

  /// Runs a part of the destruction; where it stops is reported.
  private mutating func destroy(_ body: (inout TDXHost) throws(Stop) -> Void) {
    do throws(Stop) { try body(&self) } catch { platform.memory.report("KVM_BUG_ON", "destruction stopped: \(error)") }
  }
}
