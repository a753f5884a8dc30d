/// Creation of a TD, and its initial image.
///
/// The ioctls of this phase hold kvm->lock, slots_lock and, for memory, the file's invalidate_lock, so no job runs beside
/// them; vCPUs do not run before FINALIZE. What can run beside FINALIZE is a hole punch, which takes only the invalidate_lock.
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, __tdx_td_init, tdx_vcpu_init_mem_region, tdx_td_finalize.
extension TDXHost {
  /// KVM_CREATE_VM, KVM_TDX_INIT_VM, KVM_CREATE_VCPU and KVM_TDX_INIT_VCPU for all vCPUs, the file, all slots private.
  ///
  /// One step: nothing but kvm->lock is contended here, and what two INIT_VCPU do to each other is a matter of the module's
  /// two-step calls (bug TDX-INITVCPU-TDR), which tests drive directly.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, __tdx_td_init, tdx_td_vcpu_init.
  mutating func createTD() throws(Stop) {
    try createDomain()
    guard let vm else { throw .refuse }
    try linkDirectory(vm.tdr)
    for gfn in Self.allFrames { self.vm?.frames[gfn] = .isPrivate }
  }

  /// The TD and its vCPUs, without a Secure-EPT table but the root, which is one of its control pages.
  mutating func createDomain() throws(Stop) {
    guard vm == nil else { throw .refuse }
    guard let key = (2..<platform.size.keys).map(HKID.init).first(where: { platform.keys[$0] == nil }) else {
      throw .refuse
    }
    let tdr = platform.memory.allocate(.control, for: "TDR")
    let mirror = MirrorTable(topLevel: platform.size.topLevel, in: &platform.memory)
    vm = TDXVirtualMachine(version: version, tdr: tdr, hkid: key, key: key, mirror: mirror)
    try seamcall(.manageCreate(tdr: tdr.address, key: key))
    for package in platform.packages {
      try seamcall(.keyConfigure(tdr: tdr.address), on: platform.size.hostProcessor(package))
    }
    for _ in 0..<TrustDomain.controlPageCount {
      let page = platform.memory.allocate(.control, for: "TDCS")
      vm?.controlPages.append(page)
      try seamcall(.addControlPage(page.address, tdr: tdr.address))
    }
    try seamcall(.manageInitialize(tdr: tdr.address))
    try createVCPUs(tdr)
  }

  /// All vCPUs, one after the other: each INIT of a later version wants the TDR exclusively.
  private mutating func createVCPUs(_ tdr: PFN) throws(Stop) {
    for index in 0..<platform.size.vcpus {
      let page = platform.memory.allocate(.control, for: "TDVPR")
      vm?.vcpus.append(VCPUThread(tdvpr: page))
      let processor = platform.size.processor(ofVCPU: index)
      try seamcall(.createVCPU(page.address, tdr: tdr.address), on: processor)
      for _ in 0..<platform.size.vcpuPages {
        let further = platform.memory.allocate(.control, for: "TDCX")
        try seamcall(.addVCPUPage(further.address, tdvpr: page.address), on: processor)
        vm?.vcpus[index].pages.append(further)
      }
      try seamcall(.initializeVCPU(page.address, version: 1), on: processor)
    }
  }

  /// The tables above the ones with leaves, which all frames of the scope share.
  private mutating func linkDirectory(_ tdr: PFN) throws(Stop) {
    var level = platform.size.topLevel
    while level > .page2M, let below = level.below {
      let external = platform.memory.allocate(.control, for: "S-EPT directory")
      try seamcall(.addTable(PageInfo(GFN(0), level), tdr: tdr.address, page: external.address))
      let table = MirrorTable.makeTable(in: &platform.memory)
      link(ShadowPage(table: table, external: external, gfn: GFN(0), level: below), at: level)
      level = below
    }
  }

  /// Makes a table's entry present, through FROZEN, and remembers the table.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, tdp_mmu_link_sp.
  mutating func link(_ page: ShadowPage, at level: Level) {
    if mirror(page.gfn, level).state == .nonpresent { setMirror(page.gfn, level, .frozen, .read) }
    setMirror(page.gfn, level, .table(page.table), .read)
    vm?.mirror.shadowPages[page.table] = page
  }

  /// The VM before FINALIZE, with no other ioctl in the way.
  ///
  /// The ioctl holds slots_lock and the file's invalidate_lock, so every job waits for it and it waits for every job.
  private func requirePopulatable() throws(Stop) -> TDXVirtualMachine {
    let vm = try requireWorkingVM()
    guard !vm.isRunnable, vm.isFileOpen else { throw .refuse }
    guard vm.job == nil, !vm.isFinalizing else { throw .wait }
    return vm
  }

  /// KVM_TDX_INIT_MEM_REGION's walk meets a missing table: freeze, SEPT.ADD, publish, in one step.
  ///
  /// Nobody can see the steps in between: faults are refused before FINALIZE, and zaps wait for mmu_lock.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_gmem_post_populate, tdx_sept_link_private_spt.
  mutating func linkInitialTable(_ gfn: GFN, _ page: PFN) throws(Stop) {
    let vm = try requirePopulatable()
    guard vm.population == nil else { throw .would("PAGE_ADD") }
    guard Self.tables.contains(gfn), mirror(gfn, .page2M).state == .nonpresent, isFree(page) else { throw .refuse }
    platform.memory.take(page, for: "S-EPT table")
    do {
      try seamcall(.addTable(PageInfo(gfn, .page2M), tdr: tdr(vm), page: page.address))
    } catch {
      release(page, vm.key)
      throw error
    }
    let table = MirrorTable.makeTable(in: &platform.memory)
    link(ShadowPage(table: table, external: page, gfn: gfn, level: .page4K), at: .page2M)
  }

  /// Whether the page exists in the pool and is free.
  func isFree(_ page: PFN) -> Bool { platform.memory.contains(page) && platform.memory.isFree(page) }

  /// First half of a population: the file's page, and the mirror leaf: premapped in 6.16, frozen in 6.19.
  ///
  /// A page that already holds the image is refused (-EEXIST); one that a busy PAGE.ADD has left is taken again.
  /// In 6.16 the mirror leaf is present from here on without a Secure-EPT entry, and only a counter remembers that.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_mem_page_record_premap_cnt; Linux 6.19, tdx_mem_page_add.
  mutating func beginPopulation(_ gfn: GFN, _ page: PFN) throws(Stop) {
    let vm = try requirePopulatable()
    guard vm.population == nil else { throw .would("PAGE_ADD") }
    guard mirror(gfn, .page2M).state == .present else { throw .would("INIT_MEM_LINK_TABLE") }
    guard vm.frames[gfn] == .isPrivate else { throw .refuse }
    if let existing = vm.file[gfn] {
      guard existing.page == page, !existing.isPrepared else { throw .refuse }
    } else {
      guard isFree(page) else { throw .refuse }
    }
    let isMapped = mirror(gfn).state == .present
    guard !isMapped || version.initialImage == .premapped else { throw .refuse }
    if vm.file[gfn] == nil {
      platform.memory.take(page, for: "gmem")
      self.vm?.file[gfn] = FilePage(page: page)
    }
    if !isMapped { setMirror(gfn, .page4K, .frozen, .read) }
    if !isMapped, version.initialImage == .premapped {
      setMirror(gfn, .page4K, .leaf(page), .read)
      pin(page)
      self.vm?.premappedCount += 1
    }
    self.vm?.population = Population(gfn: gfn, page: page)
  }

  /// The module's PAGE.ADD of a population. Busy: 6.16 leaves the premapped leaf, 6.19 unfreezes; the ioctl ends.
  ///
  /// PAGE.ADD wants the TDR exclusively, so any call that holds it shared makes this busy (bug TDX-LOCKS).
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_gmem_post_populate; TDX Module ABI spec, TDH.MEM.PAGE.ADD.
  mutating func addPopulated(_ gfn: GFN, _ page: PFN, contended: Bool) throws(Stop) {
    let vm = try requireWorkingVM()
    guard let population = vm.population, population.gfn == gfn, population.page == page else { throw .refuse }
    guard !population.isAdded else { throw .would("INIT_MEM_PUBLISH") }
    let reader = LockRequest(name: .page(vm.tdr, .page4K), mode: .shared)
    if contended { platform.take(reader) }
    defer { if contended { platform.release(reader) } }
    do {
      let source = HPA(0)
      try seamcall(.addPage(PageInfo(gfn, .page4K), tdr: tdr(vm), page: page.address, source: source))
    } catch {
      if version.initialImage == .addedInInstall { setMirror(gfn, .page4K, .nonpresent, .read) }
      self.vm?.population = nil
      throw error
    }
    self.vm?.population?.isAdded = true
  }

  /// Last half of a population: the mirror leaf is published (6.19) or no longer counted as premapped (6.16).
  mutating func endPopulation(_ gfn: GFN) throws(Stop) {
    let vm = try requireVM()
    guard let population = vm.population, population.gfn == gfn else { throw .refuse }
    guard population.isAdded else { throw .would("PAGE_ADD") }
    switch version.initialImage {
    case .premapped: self.vm?.premappedCount -= 1
    case .addedInInstall: setMirror(gfn, .page4K, .leaf(population.page), .read)
    }
    self.vm?.file[gfn]?.isPrepared = true
    self.vm?.population = nil
  }

  /// TDH.MEM.PAGE.ADD as one step: all of a population (6.19), or what follows the premapping (6.16).
  mutating func addPage(_ gfn: GFN, _ page: PFN, contended: Bool) throws(Stop) {
    if version.initialImage == .addedInInstall {
      try beginPopulation(gfn, page)
    } else if try requireVM().population == nil {
      throw .would("INIT_MEM_PREMAP")
    }
    try addPopulated(gfn, page, contended: contended)
    try endPopulation(gfn)
  }

  /// TDH.MR.EXTEND of a page that has been added; whether before or after its publication makes no difference to either.
  mutating func extendMeasurement(_ gfn: GFN) throws(Stop) {
    let vm = try requirePopulatable()
    let isAdded = vm.population.map { $0.gfn == gfn && $0.isAdded } ?? (mirror(gfn).state == .present)
    guard isAdded else { throw .refuse }
    try seamcall(.extendMeasurement(PageInfo(gfn, .page4K), tdr: tdr(vm)))
  }

  /// TDH.MR.FINALIZE: from here on vCPUs may enter. 6.16 refuses while premapped leaves are left.
  ///
  /// It holds slots_lock, hence no DELETE, CONVERT or CLOSE beside it; but neither the invalidate_lock nor mmu_lock, so a
  /// hole punch may be anywhere in its zap. Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_finalize.
  mutating func finalizeModule() throws(Stop) {
    let vm = try requireWorkingVM()
    guard !vm.isRunnable, !vm.isFinalizing, vm.premappedCount == 0 else { throw .refuse }
    guard vm.population == nil, vm.job == nil || vm.job?.kind == .punchHole else { throw .wait }
    try seamcall(.finalizeMeasurement(tdr: tdr(vm)))
    self.vm?.isFinalizing = true
  }

  /// KVM's own state follows the module's: until then zaps skip TRACK and no vCPU enters.
  ///
  /// Between the two states a zap finds a module that wants tracking and a kernel that skips it.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_finalize (state, then pre_fault_allowed).
  mutating func finalizeKernel() throws(Stop) {
    guard try requireVM().isFinalizing else { throw .would("MR_FINALIZE") }
    vm?.isFinalizing = false
    vm?.isRunnable = true
  }
}
