/// Private memory of a TD: the mirror root's entries, and the Secure-EPT that is changed beside them.
///
/// An install under mmu_lock held for read goes NONPRESENT → FROZEN → SEAMCALL → PRESENT, or back: the exchange to FROZEN keeps
/// other faults away, and zaps hold mmu_lock for write. A leaf's removal under mmu_lock held for write clears the mirror first
/// and then runs BLOCK, TRACK, kick, REMOVE, WBINVD. A table goes at the VM's end only, after the HKID was released: RECLAIM.
/// What kernels differ in, the initial image, references on pages, and the hooks' place between write and event, is in `KernelVersion`,
/// and the hooks act on it.
/// Source: Linux 6.16 and 7.3 arch/x86/kvm/mmu/tdp_mmu.c, set_external_spte_present, remove_external_spte, handle_removed_pt.
extension TDPMMU {
  /// Whether a root's entries have counterparts in a Secure-EPT.
  func isHooked(_ root: TableID) -> Bool { secureEPT != nil && tables[root].role.isMirror }

  /// The first part of an install: the entry is FROZEN. False when somebody was faster.
  mutating func freeze(_ iterator: TDPIterator, for new: SPTE) -> Bool {
    if iterator.hasYielded || iterator.old == version.frozen { report(.atomicFrozen, "gfn \(iterator.gfn)") }
    if !lock.isHeld(.read) { report(.lockMode, "atomic change without mmu_lock") }
    if version.mirrorHooks == .perKind, !checkMirror(iterator, iterator.old, new) { return false }
    guard tables[iterator.location] == iterator.old else { return false }
    store(iterator.location, version.frozen)
    return true
  }

  /// The hook of an install: the counterpart of the new entry. Source: `set_external_spte_present`.
  ///
  /// A page that is added before the TD runs comes from an ioctl that holds slots_lock (Linux 6.19 `tdx_mem_page_add`).
  mutating func callHook(_ iterator: TDPIterator, for new: SPTE, vcpu: Int) -> HookResult {
    if version.mirrorHooks == .beforeEvent, !checkMirror(iterator, iterator.old, new) {
      _ = secureEPT?.bugOn("gfn \(iterator.frame.rawValue): no page for the table")
      return .failed
    }
    guard new.isTable(at: iterator.level) else {
      if version.initialImage == .addedInInstall, secureEPT?.vm?.isRunnable == false, isSlotsLockHeld == false {
        report(.pageAddSlotsLock, "gfn \(iterator.gfn)")
      }
      return secureEPT?.setLeaf(iterator.frame, iterator.level, new.pfn, vcpu: vcpu) ?? .failed
    }
    guard let page = tables.table(at: new).flatMap({ tables[$0].external }) else { return .failed }
    return secureEPT?.linkTable(iterator.frame, iterator.level, page, vcpu: vcpu) ?? .failed
  }

  /// KVM_TDX_INIT_MEM_REGION is about one page until `TDXHost.endImagePage`. Source: `tdx_vcpu_init_mem_region`.
  package mutating func beginImagePage(_ gfn: GFN, _ page: PFN) {
    beginPopulation(of: gfn)
    secureEPT?.beginImagePage(gfn, page)
  }

  /// The last part of an install: the new entry, or after a refusal the old one again, which nobody traces.
  ///
  /// Nobody else has written the entry meanwhile: it was FROZEN, and who zaps waits for mmu_lock. In 7.3 it stays so till the
  /// event is out.
  mutating func thaw(_ iterator: TDPIterator, to new: SPTE, after result: HookResult) -> ChangeAftermath? {
    guard result == .success else {
      store(iterator.location, iterator.old)
      return nil
    }
    let change = change(iterator, old: iterator.old, new: new, lock: .read)
    switch version.mirrorHooks {
    case .perKind:
      store(iterator.location, new)
      return ChangeAftermath(change)
    case .beforeEvent: return ChangeAftermath(thawing: change)
    }
  }

  /// Whether a change calls for the removal of a private leaf. A table's own entry does not. Source: `remove_external_spte`;
  /// Linux 7.3 `tdx_sept_set_private_spte`, which does not ask how mmu_lock is held before it asserts.
  func removesExternalLeaf(_ change: SPTEChange) -> Bool {
    guard change.lock == .write || version.mirrorHooks == .beforeEvent else { return false }
    return change.old.isLeaf(at: change.level) && isHooked(change.location.table)
  }

  /// A removed mirror table's counterpart goes; one that the module keeps is leaked. Source: `free_external_spt`.
  mutating func freeExternal(_ table: TableID) {
    guard isHooked(table), let page = tables[table].external else { return }
    let isKeyAssigned = secureEPT?.vm?.hkid != nil
    let isFreed = secureEPT?.freeTable(page) == true
    switch version.mirrorHooks {
    case .perKind:
      guard !isFreed else { return }
      report(.externalLeaked, "table \(table.rawValue), page \(page.rawValue)")
    case .beforeEvent:
      if isFreed { secureEPT?.releaseTable(page) }
      // While the HKID is assigned the module is not asked, and KVM_BUG_ON has said so.
      if !isFreed, !isKeyAssigned { report(.tableNotReclaimed, "table \(table.rawValue), page \(page.rawValue)") }
    }
    tables[table].external = nil
  }

  /// Where a mirror root and the Secure-EPT disagree; nil where they agree, or where KVM does not claim it.
  ///
  /// FROZEN entries may be either. Leaves without a counterpart are as many as are premapped (6.16). Not claimed while mmu_lock
  /// is held for write, after the HKID's release, and of a VM that is bugged.
  /// Complexity: 512 for each table.
  package func mirrorMismatch(_ root: TableID) -> String? {
    guard let host = secureEPT, let vm = host.vm, let domain = host.domain, vm.hkid != nil, !vm.isBugged,
      !lock.isWritten, domain.lifecycle == .keysConfigured
    else { return nil }
    var premapped = 0
    if let found = mismatch(root, domain.rootTable, host, &premapped) { return found }
    return premapped == vm.premappedCount ? nil : "\(premapped) leaves differ, \(vm.premappedCount) are premapped"
  }

  private func mismatch(_ table: TableID, _ page: PFN, _ host: borrowing TDXHost, _ premapped: inout Int) -> String? {
    let level = tables[table].level
    for index in 0..<512 {
      let mirror = tables[SPTELocation(table, index)]
      let entry = host.platform.readEntry(SecureEPTLocation(table: page, index: index))
      let place = "index \(index) of the table of gfn \(tables[table].gfn.rawValue), level \(level.rawValue)"
      if mirror == version.frozen { continue }
      guard mirror.isPresent else {
        if entry.state != .free { return "\(place): \(entry.state?.name ?? "?") without a mirror entry" }
        continue
      }
      if mirror.isLeaf(at: level) {
        switch entry.state {
        case .free: premapped += 1
        case .mapped, .pending: if entry.page != mirror.pfn { return "\(place): another page" }
        case .nonLeafMapped, .nonLeafBlocked, .blocked, .pendingBlocked, nil:
          return "\(place): \(entry.state?.name ?? "?") below a mirror leaf"
        }
        continue
      }
      guard let child = tables.table(at: mirror), entry.state == .nonLeafMapped, entry.page == tables[child].external
      else { return "\(place): \(entry.state?.name ?? "?") below a mirror table" }
      if let found = mismatch(child, entry.page, host, &premapped) { return found }
    }
    return nil
  }
}
