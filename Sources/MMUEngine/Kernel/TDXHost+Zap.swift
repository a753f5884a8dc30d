/// The removal of one private leaf: the mirror first, then BLOCK, TRACK, kick, REMOVE, WBINVD, clearing.
///
/// All of it runs under mmu_lock held for write. What can still be in the way is in the module: a vCPU that enters under
/// zero-step mitigation holds the tree lock, a guest's ACCEPT an entry lock, VP.ENTER the epoch lock. A busy call is tried
/// once more with all vCPUs out and barred; nobody is left then who could hold a lock.
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_remove_private_spte, tdx_track, tdx_no_vcpus_enter_start.
extension TDXHost {
  /// Whether this job takes whole tables out, as a deviating kernel does.
  func zapsFromRoot(_ job: ZapJob) -> Bool {
    job.kind == .deleteSlot && (policy.has(.zapRoot) || policy.has(.zapRootBlocked))
  }

  /// The walk meets a present leaf of the range and clears it.
  ///
  /// The mirror is cleared before the Secure-EPT is touched: whoever looks at the mirror in between would see a page gone that
  /// the guest still uses. mmu_lock, held for write until the leaf is done, is what keeps everybody from looking. If a SEAMCALL
  /// fails later, the mirror stays empty and the module keeps the page; that is why the VM is declared dead then.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, tdp_mmu_zap_leafs, tdp_mmu_set_spte, remove_external_spte.
  mutating func zapLeaf(_ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    guard let job = vm.job else { throw .refuse }
    guard job.step == .walking, !zapsFromRoot(job) else { throw nextStep(of: job) }
    let old = mirror(gfn)
    guard job.covers(gfn, policy), old.state == .present else { throw nextStep(of: job) }
    guard !vm.awaitsExits else { throw .wait }
    // __tdp_mmu_set_spte_atomic asserts before it writes: the entry stays as it is.
    if policy.has(.zapShared) { throw bugOn("gfn \(gfn.rawValue): mirror SPTE zapped with mmu_lock held for read") }
    setMirror(gfn, .page4K, .nonpresent, .write)
    if vm.hkid == nil, !policy.has(.noHKIDAssertion) {
      throw bugOn("gfn \(gfn.rawValue): private SPTE removed after the HKID was released")
    }
    self.vm?.job?.isGivenUp = false
    self.vm?.job?.step = .leaf(gfn, old.page, job.leafProgram(policy))
  }

  /// A deviating kernel clears a table's entry, and with it every leaf below, as `handle_removed_pt` does.
  ///
  /// On VMX and NPT that is how a root goes: tables are the kernel's memory and one flush ends all use of them. Here a table
  /// is a page of the module's, and nothing below it can be reached once it is blocked, so the module refuses.
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, tdp_mmu_zap_root, handle_removed_pt.
  mutating func zapTable(_ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    guard let job = vm.job else { throw .refuse }
    guard job.step == .walking, zapsFromRoot(job), let target = job.target else { throw nextStep(of: job) }
    guard target.aligned(to: .page2M) == gfn,
      let shadow = vm.mirror.shadowPage(gfn, linkedAt: .page2M, in: platform.memory), let external = shadow.external
    else { throw .refuse }
    guard !vm.awaitsExits else { throw .wait }
    for leaf in vm.mirror.presentLeaves(in: platform.memory) where leaf.aligned(to: .page2M) == gfn {
      setMirror(leaf, .page4K, .nonpresent, .write)
    }
    unlink(shadow)
    self.vm?.job?.step = .table(gfn, external, ZapJob.tableProgram(policy))
  }

  /// Clears a table's entry in the mirror and frees the kernel's own page of it.
  mutating func unlink(_ shadow: ShadowPage) {
    var level = shadow.level
    if let above = Level(rawValue: shadow.level.rawValue + 1) { level = above }
    setMirror(shadow.gfn, level, .nonpresent, .write)
    vm?.mirror.shadowPages[shadow.table] = nil
    platform.memory.free(shadow.table)
  }

  /// Checks that `step` on this entry is what the job does now, and that the vCPUs that it has kicked are out.
  ///
  /// `kvm_make_all_cpus_request` waits for the IPIs to be answered; here the waiting is a step that cannot be taken yet, so
  /// that a schedule decides when each vCPU leaves.
  private func require(_ step: LeafStep, _ gfn: GFN?, _ level: Level?) throws(Stop) -> ZapJob {
    let vm = try requireVM()
    guard let job = vm.job else { throw .refuse }
    let current: (GFN, Level, [LeafStep])
    switch job.step {
    case .leaf(let leaf, _, let steps): current = (leaf, .page4K, steps)
    case .table(let table, _, let steps): current = (table, .page2M, steps)
    case .begun, .walking, .unlocked, .ending: throw nextStep(of: job)
    }
    guard current.2.first == step, gfn == nil || gfn == current.0, level == nil || level == current.1 else {
      throw nextStep(of: job)
    }
    switch step {
    case .writeBack, .bugOn: break
    case .block, .track, .kick, .unblock, .freeEarly, .remove, .removeTable: guard !vm.awaitsExits else { throw .wait }
    }
    return job
  }

  /// The current step is done; after the last one the walk goes on.
  private mutating func advance() {
    vm?.isRetrying = false
    switch vm?.job?.step {
    case .leaf(let gfn, let page, let steps):
      vm?.job?.step = steps.count > 1 ? .leaf(gfn, page, Array(steps.dropFirst())) : .walking
    case .table(let gfn, let page, let steps):
      vm?.job?.step = steps.count > 1 ? .table(gfn, page, Array(steps.dropFirst())) : .walking
    case .begun, .walking, .unlocked, .ending, nil: preconditionFailure("no step of a zap to end")
    }
  }

  /// Issues a SEAMCALL of the zap. Busy for the first time: bar entries, kick, stay. Anything else: KVM_BUG_ON comes next.
  ///
  /// Who can hold a lock that the call wants: a vCPU between the two parts of an entry (tree, epoch), or in ACCEPT (entry).
  /// Both are in the guest to the kernel, so after the kick nobody holds one, and `wait_for_sept_zap` keeps it so.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_no_vcpus_enter_start; Linux 6.19, tdh_do_no_vcpus.
  @discardableResult
  private mutating func zapCall(_ call: SEAMCall) throws(Stop) -> Completion {
    do {
      let completion = try seamcall(call)
      advance()
      return completion
    } catch {
      if Self.isBusy(error), vm?.isRetrying == false {
        vm?.isRetrying = true
        if !policy.has(.busyRetryWithoutKick) { kickAll() }
      } else {
        vm?.isRetrying = false
        abandon()
      }
      throw error
    }
  }

  /// KVM_BUG_ON comes next, and nothing after it: but for TRACK, whose assertion does not return (tdx_track).
  private mutating func abandon() {
    func rest(_ steps: [LeafStep]) -> [LeafStep] {
      steps.first == .track ? [.bugOn] + steps.dropFirst() : [.bugOn]
    }
    if remainingSteps.first != .track { vm?.job?.isGivenUp = true }
    switch vm?.job?.step {
    case .leaf(let gfn, let page, let steps): vm?.job?.step = .leaf(gfn, page, rest(steps))
    case .table(let gfn, let page, let steps):
      vm?.givenUpTables[gfn] = page
      vm?.job?.step = .table(gfn, page, rest(steps))
    case .begun, .walking, .unlocked, .ending, nil: preconditionFailure("no step of a zap to give up")
    }
  }

  /// TDH.MEM.RANGE.BLOCK. 6.16: a premapped leaf has no Secure-EPT entry, and that refusal ends its removal.
  ///
  /// The kernel cannot tell which leaves are premapped; it concludes so from the refusal, from the TD's state and from the
  /// counter being above zero, and decrements the counter.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_zap_private_spte, tdx_is_sept_zap_err_due_to_premap.
  mutating func block(_ gfn: GFN, _ level: Level) throws(Stop) {
    let job = try require(.block, gfn, level)
    let vm = try requireVM()
    do {
      try zapCall(.block(PageInfo(gfn, level), tdr: tdr(vm)))
    } catch {
      guard case .module(let refusal) = error, refusal.code == .entryStateIncorrect, !vm.isRunnable,
        vm.premappedCount > 0, case .leaf(_, let page, _) = job.step
      else { throw error }
      self.vm?.premappedCount -= 1
      self.vm?.pinned.remove(page)
      self.vm?.job?.step = .walking
      throw error
    }
  }

  /// TDH.MEM.RANGE.UNBLOCK, which no KVM calls.
  mutating func unblock(_ gfn: GFN, _ level: Level) throws(Stop) {
    _ = try require(.unblock, gfn, level)
    let vm = try requireVM()
    try zapCall(.unblock(PageInfo(gfn, level), tdr: tdr(vm)))
  }

  /// TDH.MEM.TRACK; nothing to track before the TD is runnable as KVM sees it.
  ///
  /// TRACK and kick come in pairs under mmu_lock held for write: two TRACKs without a kick between them would find the
  /// previous epoch still in use (PREVIOUS_TLB_EPOCH_BUSY), which is not "busy" to the kernel but a bug.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_track.
  mutating func track() throws(Stop) {
    let job = try require(.track, nil, nil)
    let vm = try requireVM()
    guard vm.isRunnable else { throw nextStep(of: job) }
    try zapCall(.track(tdr: tdr(vm)))
  }

  /// The step instead of TRACK while KVM's state is not RUNNABLE: `tdx_track` returns at its head, and the kick at its end is left out with it.
  ///
  /// What excludes a vCPU that entered in between: nothing but the state itself. FINALIZE takes no mmu_lock, so it can come
  /// between this step and REMOVE, which then finds a TD that requires tracking.
  mutating func skipTracking() throws(Stop) {
    let job = try require(.track, nil, nil)
    guard try !requireVM().isRunnable else { throw nextStep(of: job) }
    advance()
    if remainingSteps.first == .kick { advance() }
  }

  /// What is left of the removal that is under way; nothing between leaves.
  private var remainingSteps: [LeafStep] {
    switch vm?.job?.step {
    case .leaf(_, _, let steps), .table(_, _, let steps): steps
    case .begun, .walking, .unlocked, .ending, nil: []
    }
  }

  /// All vCPUs in the guest are told to exit; the next SEAMCALL waits until they have.
  ///
  /// The kick flushes nothing: it makes the old epoch's count fall to zero, and the vCPUs flush when they enter again.
  mutating func kick() throws(Stop) {
    _ = try require(.kick, nil, nil)
    kickAll()
    advance()
  }

  /// A deviating kernel gives the page back before the module has.
  mutating func freeEarly(_ gfn: GFN) throws(Stop) {
    let job = try require(.freeEarly, gfn, nil)
    let vm = try requireVM()
    guard case .leaf(_, let page, _) = job.step else { throw .refuse }
    self.vm?.file[gfn] = nil
    advance()
    release(page, vm.key)
  }

  /// TDH.MEM.PAGE.REMOVE; a leaf of another slot than the one being deleted is a loss for the guest.
  ///
  /// The contents go with it: if the page is added again it is pending, and the guest has to accept it, zeroed.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_drop_private_spte.
  mutating func remove(_ gfn: GFN, _ level: Level) throws(Stop) {
    let job = try require(.remove, gfn, level)
    let vm = try requireVM()
    try zapCall(.removePage(PageInfo(gfn, level), tdr: tdr(vm)))
    if job.kind == .deleteSlot, job.target != gfn {
      platform.memory.report("slot-page-lost", "gfn \(gfn.rawValue) lost its page to the deletion of another slot")
    }
  }

  /// TDH.PHYMEM.PAGE.WBINVD, the clearing with HKID 0, and the release of the mapping's reference (6.16).
  ///
  /// The order is forced: WBINVD wants the page back from the TD, and a dirty line written back after the clearing would
  /// overwrite it under the old key, which the next owner meets as a machine check.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_drop_private_spte, tdx_clear_page.
  mutating func writeBack(_ gfn: GFN) throws(Stop) {
    let job = try require(.writeBack, gfn, nil)
    let vm = try requireVM()
    guard case .leaf(_, let page, _) = job.step else { throw .refuse }
    try zapCall(.writeBackPage(page.address.with(key: vm.key)))
    platform.memory.use(page, by: "tdx_clear_page")
    platform.memory.fill(page, with: 0)
    self.vm?.pinned.remove(page)
  }

  /// TDH.MEM.SEPT.REMOVE, which no KVM calls; on success the page is written back and freed.
  mutating func removeTable(_ gfn: GFN, _ level: Level) throws(Stop) {
    let job = try require(.removeTable, gfn, level)
    let vm = try requireVM()
    guard case .table(_, let page, _) = job.step else { throw .refuse }
    let survivors = pagesMapped(through: page, vm)
    try zapCall(.removeTable(PageInfo(gfn, level), tdr: tdr(vm)))
    self.vm?.givenUpTables[gfn] = nil
    reportSurvivors(survivors, of: page)
    do { try seamcall(.writeBackPage(page.address.with(key: vm.key))) } catch { platform.memory.leak(page) }
    if platform.memory.frame(page).use != .leaked { release(page, vm.key) }
    for frame in Self.allFrames where frame.aligned(to: .page2M) == gfn && frame != job.target {
      guard let lost = vm.page(at: frame), survivors.contains(lost) else { continue }
      platform.memory.report("slot-page-lost", "gfn \(frame.rawValue) lost its page to the deletion of another slot")
    }
  }

  /// The KVM_BUG_ON that follows a refusal: the leaf is given up, and 6.16 keeps its reference, so that it leaks.
  mutating func bugOnZap() throws(Stop) {
    let vm = try requireVM()
    if vm.hasPendingBug {
      self.vm?.hasPendingBug = false
      throw bugOn("a SEAMCALL of the destruction was refused")
    }
    _ = try require(.bugOn, nil, nil)
    advance()
    throw bugOn("a SEAMCALL of the zap was refused")
  }

  /// Every page that a Secure-EPT table's entries point to and that the module has not given back.
  ///
  /// The entries are read from the table's page although the tree may be dead by then: RECLAIM does not clear it.
  func pagesMapped(through table: PFN, _ vm: TDXVirtualMachine) -> [PFN] {
    (0..<512).compactMap { index in
      let entry = platform.readEntry(SecureEPTLocation(table: table, index: index))
      guard let state = entry.state, state != .free, platform.memory.contains(entry.page) else { return nil }
      let metadata = platform.pamt.leaf(of: entry.page)
      return metadata.owner == vm.tdr ? entry.page : nil
    }
  }

  /// Reports pages that outlive the table through which they were mapped.
  mutating func reportSurvivors(_ pages: [PFN], of table: PFN) {
    guard let first = pages.first else { return }
    platform.memory.report(
      "table-freed-before-leaves",
      "table \(table.rawValue) went back while page \(first.rawValue), mapped through it, is still the TD's")
  }
}
