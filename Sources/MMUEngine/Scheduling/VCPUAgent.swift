/// A vCPU's thread and the hardware under it: requests, root, entry, accesses through the TLB, faults.
///
/// Source: Linux 6.16 arch/x86/kvm/x86.c, vcpu_enter_guest; mmu.c, kvm_mmu_reload.
package struct VCPUAgent: Sendable {
  let number: Int
  var root: TableID?
  /// A TD's; it is loaded first and stays until the VM goes.
  var mirrorRoot: TableID?
  /// The one of system management mode while the vCPU is in it.
  var space = AddressSpace.normal
  var cache = MMIOCache()
  var tlb = TranslationCache()
  var isInGuest = false
  /// `KVM_REQ_TLB_FLUSH`.
  var mustFlush = false
  /// `KVM_REQ_MMU_FREE_OBSOLETE_ROOTS`.
  var mustReload = false
  /// An IPI is on its way; the sender waits for the exit.
  var isKicked = false
  var fault: PageFault?
  /// The slot of the faulting frame as it was looked up, and when.
  var faultSlot = MMUHost.SlotState.absent
  var faultEpoch = 0
  /// The access that is being tried.
  var access: (gfn: UInt64, kind: FaultAccess)?
  /// Whether the guest means a page of its own: the C-bit of an SNP guest, no shared bit of a TD.
  ///
  /// What has no such bit takes every access for what the attribute says.
  var isPrivate = false
  /// KVM's answer to a nested fault with the RMP bit.
  var split: ReverseMapFault?
  /// How many of those there were since an access went through.
  var splits = 0

  /// Whether the thread is inside of an SRCU read section: from the exit to the end of what KVM makes of it.
  var isInKernel: Bool { fault != nil || split != nil }

  init(_ number: Int) { self.number = number }
}

extension MMUHost {
  mutating func stepVCPU(_ number: Int) {
    if vcpus[number].fault != nil { return stepFault(number) }
    if vcpus[number].split != nil { return stepSplit(number) }
    if isTrustDomain { return stepTrustDomain(number) }
    if !vcpus[number].isInGuest { return isEnding ? () : enter(number) }
    if vcpus[number].isKicked || isEnding {
      vcpus[number].isInGuest = false
      vcpus[number].isKicked = false
      return
    }
    accessGuest(number)
  }

  /// Serves requests, loads a root, enters. The last look at the requests and the entry are one step.
  mutating func enter(_ number: Int) {
    if snp?.isLaunched == false || isTrustDomain && !isRunnable { return }
    if usesSystemManagement, choices.below(16) == 0 { return changeMode(number) }
    if let root = vcpus[number].root, vcpus[number].mustReload, mmu.tables[root].isInvalid {
      mmu.putRoot(root)
      vcpus[number].root = nil
    }
    vcpus[number].mustReload = false
    if vcpus[number].root == nil { return load(number) }
    if vcpus[number].mustFlush {
      vcpus[number].mustFlush = false
      vcpus[number].tlb.flush()
    }
    if isTrustDomain { return beginEntry(number) }
    if snp != nil { checkVMSA(number) }
    vcpus[number].isInGuest = true
    record(number, .entry(vcpu: number))
  }

  /// An SMI or RSM: the root's reference goes; that of the other space is loaded at the next entry.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/smm.c, kvm_smm_changed; mmu.c, kvm_mmu_reset_context.
  private mutating func changeMode(_ number: Int) {
    if let root = vcpus[number].root { mmu.putRoot(root) }
    vcpus[number].root = nil
    vcpus[number].space = vcpus[number].space == .normal ? .systemManagement : .normal
  }

  /// `kvm_mmu_load`; its unconditional flush is what lets zaps of invalid roots skip theirs.
  private mutating func load(_ number: Int) {
    guard mmu.lock.acquire(.read) else { return }
    loadMirror(number)
    let role = RootRole(level: .page512G, space: vcpus[number].space)
    if let root = mmu.findRoot(role) {
      vcpus[number].root = root
    } else {
      let (root, event) = mmu.makeRoot(role)
      vcpus[number].root = root
      record(number, .mmu(event))
    }
    mmu.lock.release(.read)
    if mmu.directBits != 0, let root = vcpus[number].root { mmu.loadShared(root) }
    if !mmu.has(.loadWithoutFlush) { vcpus[number].tlb.flush() }
  }

  /// The guest touches a page: by its TLB, else by a walk, else it faults.
  mutating func accessGuest(_ number: Int) {
    if saysKind, vcpus[number].access == nil { chooseAccess(number) }
    if vcpus[number].access == nil {
      let slot = choices.below(8) == 0 ? 1 - choices.below(2) : choices.below(2)
      let gfn = Self.slots[slot] + UInt64(choices.below(Int(Self.pagesPerSlot)))
      let isFetch = features.contains(.hugePageMitigation) && choices.below(3) == 0
      vcpus[number].access = (gfn, isFetch ? .execute : choices.below(3) > 0 ? .write : .read)
    }
    guard let (gfn, kind) = vcpus[number].access else { return }
    if isTrustDomain, vcpus[number].isPrivate { return accessPrivate(number, gfn) }
    let address = vcpus[number].isPrivate ? gfn | Self.encryptionFrame : gfn
    if let hit = vcpus[number].tlb.translations[address], hit.allows(kind) {
      return use(number, gfn, kind, hit.frame)
    }
    vcpus[number].tlb.translations[address] = nil
    walk(number, gfn, kind)
  }

  /// An access goes through.
  mutating func use(_ number: Int, _ gfn: UInt64, _ kind: FaultAccess, _ frame: PFN) {
    vcpus[number].access = nil
    vcpus[number].splits = 0
    let isWrite = kind == .write
    if isForeign(number, gfn, frame) { return report(.foreignPage, number, gfn) }
    let isPrivate = memory.isPrivate(frame)
    if memory.freed.contains(frame) {
      mmu.report(.staleTranslation, "vCPU \(number) reaches freed frame \(frame.rawValue) at gfn \(gfn)")
    }
    if let slot = Self.slot(of: gfn), slots[slot] == .absent {
      mmu.report(.staleTranslation, "vCPU \(number) reaches a deleted slot at gfn \(gfn)")
    }
    if isPrivate != attributes.isPrivate(GFN(gfn)) {
      mmu.report(.staleTranslation, "vCPU \(number) reaches a page of the other kind at gfn \(gfn)")
    }
    if isWrite, !isPrivate, memory.isReadOnly(gfn), !memory.freed.contains(frame) {
      mmu.report(.staleTranslation, "vCPU \(number) writes gfn \(gfn), which the host maps read-only")
    }
    let isBeingMarked = vcpus.contains { $0.fault?.request.gfn.rawValue == gfn }
    if isWrite, armed.contains(gfn), !dirty.contains(gfn), !isBeingMarked {
      mmu.report(.dirtyPageLost, "vCPU \(number) writes gfn \(gfn)")
    }
  }

  /// The hardware's walk: from a cached table if there is one, else from the root. Accessed and dirty are set on the way.
  private mutating func walk(_ number: Int, _ gfn: UInt64, _ kind: FaultAccess) {
    guard let root = vcpus[number].root else { return beginFault(number, gfn, kind, .nonpresent, false) }
    var location: SPTELocation
    var level: Level
    if let cached = vcpus[number].tlb.tables[gfn >> 9] {
      let page = mmu.tables[cached.table]
      if page.life == .free || page.serial != cached.serial {
        mmu.report(.freedTableUsed, "vCPU \(number) walks through a freed table at gfn \(gfn)")
        vcpus[number].tlb.tables[gfn >> 9] = nil
        return
      }
      location = SPTELocation(cached.table, GFN(gfn).index(at: .page4K))
      level = .page4K
    } else {
      if mmu.tables[root].life == .free { mmu.report(.freedTableUsed, "vCPU \(number) walks a freed root") }
      let found = mmu.lookup(root, GFN(gfn))
      location = found.location
      level = found.level
      if level == .page4K {
        vcpus[number].tlb.tables[gfn >> 9] = TranslationCache.CachedTable(
          table: location.table, serial: mmu.tables[location.table].serial)
      }
    }
    let entry = mmu.tables[location]
    let isMapped = entry.isLeaf(at: level)
    if saysKind, !entry.isPresent, mmu.format.isMMIO(entry) { return emulate(number) }
    guard isMapped, mmu.format.allows(kind, entry) else {
      return beginFault(number, gfn, kind, entry, isMapped)
    }
    let bits = mmu.format.accessed | (kind == .write ? mmu.format.dirty : 0)
    if entry.rawValue & bits != bits { mmu.tables[location] = entry.setting(bits) }
    let frame = PFN(entry.pfn.rawValue + (gfn & (level.pages - 1)))
    if snp != nil { return finishWalk(number, entry, frame, level) }
    vcpus[number].tlb.translations[gfn] = TranslationCache.Translation(
      frame: frame, isWritable: entry.isWritable, isExecutable: mmu.format.isExecutable(entry))
    use(number, gfn, kind, frame)
  }

  /// The exit. From here to the next entry the thread is an SRCU reader.
  mutating func beginFault(_ number: Int, _ gfn: UInt64, _ kind: FaultAccess, _ entry: SPTE, _ isMapped: Bool) {
    leaveGuest(number)
    var code: FaultCode = [.user]
    if kind == .write { code.insert(.write) }
    if kind == .execute { code.insert(.fetch) }
    if isMapped { code.insert(.present) }
    if mmu.format.isMMIO(entry), !entry.isPresent { code.insert(.reserved) }
    var request = FaultRequest(vcpu: number, space: vcpus[number].space, address: gfn << 12, code: code)
    if mmu.directBits != 0 {
      // A TD's guest reaches these slots through the shared half.
      let qualification: UInt64 = (kind == .write ? 2 : 1) | (isMapped ? 8 : 0)
      guard
        let violation = mmu.violation(
          vcpu: number, address: (gfn | mmu.directBits) << 12, qualification: qualification)
      else { return }
      request = violation
    }
    // Where no bit says it, the attribute is what an access is taken for (kvm_mmu_page_fault).
    let isPrivate = saysKind ? vcpus[number].isPrivate : attributes.isPrivate(GFN(gfn))
    if isPrivate, !code.contains(.reserved) { request.code.insert(.private) }
    vcpus[number].fault = PageFault(request, root: vcpus[number].root ?? .none)
    vcpus[number].faultEpoch = slotEpoch
    record(number, .fault(vcpu: number, address: gfn << 12, code: code.rawValue))
  }

  private mutating func stepFault(_ number: Int) {
    var cache = vcpus[number].cache
    guard let step = vcpus[number].fault?.step(&mmu, &cache) else { return }
    vcpus[number].cache = cache
    switch step {
    case .event(let event):
      record(number, .mmu(event))
      noteWritable(event, number)
    case .silent, .blocked, .kick: return
    case .flush:
      // The flush comes inside the RCU section: everybody in the guest is out before the fault goes on.
      requestFlush()
      for index in vcpus.indices {
        vcpus[index].tlb.flush()
        vcpus[index].isKicked = false
      }
    case .asks: answer(number)
    case .finished: finishFault(number)
    }
  }

  /// What becomes writable in a logged slot is marked in the log. Source: `fast_pf_fix_direct_spte`, `make_spte`.
  private mutating func noteWritable(_ event: TraceEvent, _ number: Int) {
    guard let fault = vcpus[number].fault, fault.isDirtyTracked else { return }
    switch event {
    case .fastPageFault(let fast) where fast.isFixed: dirty.insert(fault.request.gfn.rawValue)
    case .setSPTE(_, _, let entry, _) where entry.isWritable: dirty.insert(fault.request.gfn.rawValue)
    default: return
    }
  }

  /// The slot, then the host's page: each is looked at when it is asked for, and so is the attribute.
  ///
  /// Source: `kvm_mmu_faultin_pfn`, `kvm_mmu_faultin_pfn_private`.
  private mutating func answer(_ number: Int) {
    guard let fault = vcpus[number].fault, let slot = Self.slot(of: fault.request.gfn.rawValue) else { return }
    let gfn = fault.request.gfn
    let isPrivate = fault.request.code.contains(.private)
    let isMismatched = attributes.isPrivate(gfn) != isPrivate
    if fault.question == .slot {
      vcpus[number].faultSlot = slots[slot]
      vcpus[number].fault?.answer(isDirtyTracked: isLogged[slot], isMismatched: isMismatched)
      return
    }
    if isMismatched { return vcpus[number].fault?.answer(.exit) ?? () }
    switch vcpus[number].faultSlot {
    case .absent: vcpus[number].fault?.answer(isPrivate ? .exit : .noSlot)
    case .invalid: vcpus[number].fault?.answer(.invalidSlot)
    case .present where isPrivate && hasFile(slot):
      let page = privatePage(gfn)
      vcpus[number].fault?.answer(page)
    case .present where isPrivate: vcpus[number].fault?.answer(.exit)
    case .present:
      let host = memory.touch(fault.request.gfn.rawValue)
      vcpus[number].fault?.answer(
        .page(host.mapping.frame, isWritable: host.mapping.isWritable, limit: host.level))
    }
  }

  /// The result. What became writable in a logged slot is marked dirty; a read-only page is copied by the host.
  private mutating func finishFault(_ number: Int) {
    guard let fault = vcpus[number].fault, let result = fault.result else { return }
    vcpus[number].fault = nil
    var last = fault
    if let event = last.takeMMIOEvent(mmu.format) { record(number, .mmu(event)) }
    let gfn = fault.request.gfn.rawValue
    checkTree()
    checkLeafSizes()
    if fault.request.code.contains(.private) {
      checkMirror()
      if isTrustDomain, mmu.retriesInPlace(result, choices.event(events), slot: slots[1]) {
        return beginPrivateFault(number, gfn)
      }
    }
    // Out to userspace with -EFAULT, which does something else first.
    if result == .exit { leave(number, fault) }
    if result != .exit, fault.request.code.contains(.reverseMap) { beginSplit(number, fault.request.gfn) }
    if result == .emulate {
      if let slot = Self.slot(of: gfn), slots[slot] == .present, vcpus[number].faultEpoch == slotEpoch {
        mmu.report(.staleMMIO, "vCPU \(number) gets MMIO at gfn \(gfn), where a slot is")
      }
      vcpus[number].access = nil
    }
  }

  /// Every linked table is reached from exactly one place. Looked at while nobody holds mmu_lock.
  private mutating func checkTree() {
    guard mmu.lock.readers == 0, !mmu.lock.isWritten, !ioctl.isWalking else { return }
    let reached = mmu.roots.reduce(0) { $0 + mmu.reachableTables($1) }
    let linked = mmu.tableCount
    if reached != linked { mmu.report(.treeBroken, "\(linked) tables linked, \(reached) reached") }
  }
}

extension TDPMMU {
  /// How many tables hang below one. Complexity: 512 for each.
  package func reachableTables(_ table: TableID) -> Int {
    let level = tables[table].level
    guard level > .page4K else { return 0 }
    var count = 0
    for index in 0..<512 {
      let entry = tables[SPTELocation(table, index)]
      guard entry.isTable(at: level), let child = tables.table(at: entry) else { continue }
      count += 1 + reachableTables(child)
    }
    return count
  }
}
