/// Jobs that remove private leaves: their beginning, their locks, their own effect.
///
/// PUNCH holds the file's invalidate_lock, DELETE and CONVERT slots_lock, CLOSE both; in this scope one job runs at a time.
/// mmu_lock for write, from `lockJob` to `unlockJob`, excludes the faults; from begin to end the range is known as being
/// invalidated (or its slot as INVALID), which keeps faults away after the unlock too.
/// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_main.c; arch/x86/kvm/mmu/mmu.c.
extension TDXHost {
  /// What every job and slot change wants: no other one running, no population in progress.
  private func requireNoJob(_ vm: TDXVirtualMachine) throws(Stop) {
    guard vm.job == nil, vm.population == nil else { throw .wait }
  }

  /// fallocate(PUNCH_HOLE) on a frame that has a page. It works on a bugged VM too.
  ///
  /// It takes the file's invalidate_lock alone. FINALIZE, which takes slots_lock, runs beside it.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_punch_hole.
  mutating func beginPunch(_ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    guard vm.phase == .live, vm.isFileOpen, vm.page(at: gfn) != nil else { throw .refuse }
    try requireNoJob(vm)
    self.vm?.job = ZapJob(kind: .punchHole, target: gfn)
  }

  /// Deletion of a memslot: it becomes INVALID, and faults see that.
  ///
  /// synchronize_srcu then waits for faults that still have the old slot; `lockJob` stands for the end of that wait.
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_invalidate_memslot, kvm_swap_active_memslots.
  mutating func beginDeletion(_ gfn: GFN) throws(Stop) {
    let vm = try requireWorkingVM()
    guard vm.frames[gfn] == .isPrivate else { throw .refuse }
    try requireSlotsLock(vm)
    self.vm?.frames[gfn] = .invalid
    self.vm?.job = ZapJob(kind: .deleteSlot, target: gfn)
  }

  /// Conversion of a private frame to shared. The page stays in the file; userspace punches the hole afterwards.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes.
  mutating func beginConversion(_ gfn: GFN) throws(Stop) {
    let vm = try requireWorkingVM()
    guard vm.frames[gfn] == .isPrivate else { throw .refuse }
    try requireSlotsLock(vm)
    self.vm?.job = ZapJob(kind: .convert, target: gfn)
  }

  /// slots_lock, which a FINALIZE in two steps keeps in between.
  private func requireSlotsLock(_ vm: TDXVirtualMachine) throws(Stop) {
    try requireNoJob(vm)
    guard !vm.isFinalizing else { throw .wait }
  }

  /// Release of the file's last descriptor. The right kernel's VM is alive then: the file holds a reference on it.
  ///
  /// That reference is what orders the teardown: private leaves go here, while the HKID is assigned and REMOVE works.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_release, __kvm_gmem_create (kvm_get_kvm).
  mutating func beginClose() throws(Stop) {
    let vm = try requireVM()
    let isLate = policy.has(.hkidFirst) && vm.phase == .reclaim
    guard vm.phase == .live || isLate, vm.isFileOpen else { throw .refuse }
    try requireSlotsLock(vm)
    self.vm?.job = ZapJob(kind: .closeFile, target: nil)
  }

  /// A memslot for a frame that has none; it is bound to the file.
  mutating func createSlot(_ gfn: GFN) throws(Stop) {
    let vm = try requireWorkingVM()
    guard vm.isFileOpen, Self.allFrames.contains(gfn), vm.frames[gfn, default: .none] == .none else { throw .refuse }
    try requireSlotsLock(vm)
    self.vm?.frames[gfn] = .isPrivate
  }

  /// Conversion of a shared frame to private: only the shared tables are unmapped, which are not modelled.
  mutating func convertToPrivate(_ gfn: GFN) throws(Stop) {
    let vm = try requireWorkingVM()
    guard vm.frames[gfn] == .shared else { throw .refuse }
    try requireSlotsLock(vm)
    self.vm?.frames[gfn] = .isPrivate
  }

  /// mmu_lock for write; faults that hold it for read are waited for.
  ///
  /// From here on no mirror entry is FROZEN: a frozen one has an owner, and the owner holds the lock for read.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_invalidate_begin; kvm_main.c, kvm_handle_gfn_range.
  mutating func lockJob() throws(Stop) {
    let vm = try requireVM()
    guard let job = vm.job else { throw .refuse }
    guard job.step == .begun else { throw nextStep(of: job) }
    guard !vm.isReadLocked || policy.has(.zapShared) else { throw .wait }
    self.vm?.job?.step = .walking
  }

  /// The walk is through: no present leaf is left in the range.
  ///
  /// The tables stay. A frame of the range may be faulted in again only when its job is over.
  mutating func unlockJob() throws(Stop) {
    let vm = try requireVM()
    guard let job = vm.job else { throw .refuse }
    guard job.step == .walking, !hasWork(job, vm) else { throw nextStep(of: job) }
    guard !vm.awaitsExits else { throw .wait }
    self.vm?.job?.step = .unlocked
    reportMismatch()
  }

  /// Whether a present leaf is left in the job's range.
  private func hasWork(_ job: ZapJob, _ vm: TDXVirtualMachine) -> Bool {
    vm.mirror.presentLeaves(in: platform.memory).contains { job.covers($0, policy) }
  }

  /// What a job does next, as a refusal of something else.
  func nextStep(of job: ZapJob) -> Stop {
    guard let vm else { return .refuse }
    switch job.step {
    case .begun: return .would("JOB_LOCK")
    case .walking:
      guard hasWork(job, vm) else { return .would("JOB_UNLOCK") }
      return .would(zapsFromRoot(job) ? "ZAP_TABLE" : "ZAP_LEAF")
    case .leaf(_, _, let steps), .table(_, _, let steps):
      guard let first = steps.first else { preconditionFailure("job without a next step") }
      return .would(first == .track && !vm.isRunnable ? "TRACK_SKIPPED" : first.rawValue)
    case .unlocked: return .would(Self.effectName(of: job.kind))
    case .ending: return .would("INVALIDATE_END")
    }
  }

  /// The name of a job's own effect.
  private static func effectName(of kind: ZapKind) -> String {
    switch kind {
    case .punchHole: "PUNCH_TRUNCATE"
    case .deleteSlot: "DELETE_FINISH"
    case .convert: "CONVERT_STORE"
    case .closeFile: "CLOSE_TRUNCATE"
    }
  }

  /// The job, unlocked and of this kind, whose effect is due.
  private func requireEffect(_ kind: ZapKind, _ gfn: GFN?) throws(Stop) -> TDXVirtualMachine {
    let vm = try requireVM()
    guard let job = vm.job else { throw .refuse }
    guard job.step == .unlocked, job.kind == kind else { throw nextStep(of: job) }
    guard job.target == gfn else { throw .refuse }
    return vm
  }

  /// The hole: the page goes back to the allocator, unless a mapping still has a reference (6.16), which then never ends.
  ///
  /// Between the unlock and this, no fault can have mapped the page again: the invalidation is in progress till the end.
  /// Source: Linux 6.16 virt/kvm/guest_memfd.c, truncate_inode_pages_range in kvm_gmem_punch_hole.
  mutating func truncatePunched(_ gfn: GFN) throws(Stop) {
    let vm = try requireEffect(.punchHole, gfn)
    truncate(gfn, vm)
    self.vm?.job?.step = .ending
  }

  /// Gives one page of the file back.
  private mutating func truncate(_ gfn: GFN, _ vm: TDXVirtualMachine) {
    guard let page = vm.page(at: gfn) else { return }
    self.vm?.file[gfn] = nil
    if vm.pinned.contains(page) {
      platform.memory.leak(page)
    } else {
      release(page, vm.key)
    }
  }

  /// The attribute becomes shared; the page stays in the file.
  ///
  /// The store is without mmu_lock: the invalidation in progress keeps faults from using the old value.
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_set_mem_attributes.
  mutating func storeConversion(_ gfn: GFN) throws(Stop) {
    _ = try requireEffect(.convert, gfn)
    vm?.frames[gfn] = .shared
    vm?.job?.step = .ending
  }

  /// The slot is gone; the page stays in the file, and a new slot on the same frame will find it.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_delete_memslot; guest_memfd.c, kvm_gmem_unbind.
  mutating func finishDeletion(_ gfn: GFN) throws(Stop) {
    _ = try requireEffect(.deleteSlot, gfn)
    vm?.frames[gfn] = FrameState.none
    vm?.job = nil
  }

  /// The file's inode goes, and all its pages.
  mutating func truncateClosed() throws(Stop) {
    let vm = try requireEffect(.closeFile, nil)
    for gfn in vm.file.keys.sorted() { truncate(gfn, vm) }
    self.vm?.isFileOpen = false
    self.vm?.job = nil
  }

  /// `kvm_mmu_invalidate_end`: faults on the range may go on.
  mutating func endInvalidation() throws(Stop) {
    guard let job = try requireVM().job else { throw .refuse }
    guard job.step == .ending else { throw nextStep(of: job) }
    vm?.job = nil
  }
}
