/// Invariants of kernel and module that hold after every micro-step of the right kernel, executable.
///
/// They are run after every operation when a machine is asked to (`checksInvariants`); tests ask. The letters are those of
/// the list of candidate invariants from which they come; each says what keeps it.
/// Complexity: the number of page frames plus 512 per Secure-EPT table.
extension TDXHost {
  /// Everything that does not hold, as engine checks named `invariant`.
  package func checkInvariants() -> [EngineCheck] {
    guard let vm, let domain else { return checkFreePages(nil) }
    let entries = liveEntries(domain)
    return checkOwnership(entries, vm) + checkCounts(domain, vm) + checkFreePages(vm) + checkMirror(vm)
      + checkTables(entries, domain)
  }

  /// An entry of the live tree with its place in guest memory.
  private struct LiveEntry {
    let gfn: GFN
    let level: Level
    let entry: SecureEPTEntry
  }

  /// A violated invariant.
  private func violated(_ name: String, _ detail: String) -> EngineCheck {
    EngineCheck("invariant", "\(name): \(detail)")
  }

  /// Every entry that is not free, reached through mapped and blocked tables; none when the TD is not live.
  ///
  /// Blocked tables are walked too: the module cannot reach what is below them, but it is still the TD's.
  private func liveEntries(_ domain: TrustDomain) -> [LiveEntry] {
    guard domain.lifecycle == .keysConfigured, domain.controlPages.count > 3 else { return [] }
    var found: [LiveEntry] = []
    var pending: [(table: PFN, gfn: GFN, level: Level)] = [(domain.rootTable, GFN(0), domain.topLevel)]
    while let (table, base, level) = pending.popLast() {
      for index in 0..<512 {
        let entry = platform.readEntry(SecureEPTLocation(table: table, index: index))
        guard entry.state != .free else { continue }
        let gfn = GFN(base.rawValue + UInt64(index) * level.pages)
        found.append(LiveEntry(gfn: gfn, level: level, entry: entry))
        guard let state = entry.state, !state.isLeaf, let below = level.below else { continue }
        pending.append((entry.page, gfn, below))
      }
    }
    return found
  }

  /// T1, T2, T3: what an entry points to is assigned to this TD in the right role, and to one entry only.
  ///
  /// Who could break it: two additions of one page side by side. Each takes the page's PAMT entry exclusively.
  ///
  /// Kept by the module: every page is taken from PT_NDA, and REMOVE frees the entry before the page.
  private func checkOwnership(_ entries: [LiveEntry], _ vm: TDXVirtualMachine) -> [EngineCheck] {
    var seen: Set<PFN> = []
    var failures: [EngineCheck] = []
    for live in entries {
      guard let state = live.entry.state, platform.memory.contains(live.entry.page) else {
        failures.append(violated("S-EPT entry is valid", "gfn \(live.gfn.rawValue) at \(live.level)"))
        continue
      }
      let metadata = platform.pamt[live.entry.page, state.isLeaf ? live.level : .page4K]
      let expected: PageType = state.isLeaf ? .regular : .secureEPT
      if metadata.type != expected || metadata.owner != vm.tdr {
        failures.append(violated("PAMT agrees with S-EPT", "gfn \(live.gfn.rawValue): PT_\(metadata.type.name)"))
      }
      if !seen.insert(live.entry.page).inserted {
        failures.append(violated("one entry per page", "page \(live.entry.page.rawValue)"))
      }
    }
    return failures
  }

  /// T4, T7, T10, T14: CHLDCNT, REFCOUNT by parity, associations; no vCPU in the guest of a TD that may not run.
  ///
  /// Who could break it: an exit that counts the wrong parity because TRACK came in between; VCPU_EPOCH is kept per vCPU.
  private func checkCounts(_ domain: TrustDomain, _ vm: TDXVirtualMachine) -> [EngineCheck] {
    var failures: [EngineCheck] = []
    if platform.pamt.childCount(of: vm.tdr) != domain.childCount {
      failures.append(violated("CHLDCNT counts the TD's pages", "\(domain.childCount)"))
    }
    let vcpus = vm.vcpus.compactMap { platform.virtualProcessors[$0.tdvpr] }
    let inside = vcpus.filter { $0.mode.usesTranslations }
    for parity in 0..<2 where Int(domain.references[parity]) != inside.count(where: { $0.epoch & 1 == parity }) {
      failures.append(violated("REFCOUNT counts vCPUs by parity", "\(domain.references)"))
    }
    if vcpus.count(where: { $0.association != nil }) != domain.associatedCount {
      failures.append(violated("NUM_ASSOC_VCPUS counts associations", "\(domain.associatedCount)"))
    }
    if !inside.isEmpty, domain.operationState != .runnable || domain.lifecycle != .keysConfigured {
      failures.append(violated("only a runnable TD has vCPUs in the guest", domain.lifecycle.name))
    }
    if inside.contains(where: { $0.epoch != domain.epoch && $0.epoch + 1 != domain.epoch }) {
      failures.append(violated("vCPUs in the guest are in the last two epochs", "\(domain.epoch)"))
    }
    return failures
  }

  /// T17 and T6: a free page is the host's, clean, and out of every running guest's reach. Kept by the kernel's order.
  ///
  /// Who could break it: a zap that frees before REMOVE and WBINVD, or before the kicked vCPUs have flushed.
  private func checkFreePages(_ vm: TDXVirtualMachine?) -> [EngineCheck] {
    var failures: [EngineCheck] = []
    for page in platform.memory.allPages where platform.memory.isFree(page) {
      if platform.pamt.leaf(of: page).type != .notAssigned {
        failures.append(violated("a free page belongs to no TD", "page \(page.rawValue)"))
      }
      if !platform.memory.frame(page).dirty.isEmpty {
        failures.append(violated("a free page has no dirty lines", "page \(page.rawValue)"))
      }
    }
    for stale in staleTranslations {
      failures.append(violated("no vCPU in the guest reaches a free page", "page \(stale.page.rawValue)"))
    }
    return failures
  }

  /// T18: outside frozen and write-locked windows, mirror leaf present if and only if the Secure-EPT entry is not free.
  ///
  /// Not claimed for a bugged VM, nor for as many leaves as 6.16 counts as premapped.
  /// Who could break it: a fault between the two writes; mmu_lock and FROZEN keep the pair together.
  private func checkMirror(_ vm: TDXVirtualMachine) -> [EngineCheck] {
    guard !vm.isWriteLocked, vm.population == nil else { return [] }
    guard let mismatch = mirrorMismatch else { return [] }
    return [violated("mirror and S-EPT agree", mismatch)]
  }

  /// Where mirror and Secure-EPT disagree, locks aside; nil when they agree, or where KVM no longer claims it.
  var mirrorMismatch: String? {
    guard let vm, let domain, domain.lifecycle == .keysConfigured, vm.hkid != nil, !vm.isBugged else { return nil }
    let leaves = Self.allFrames.count { disagrees($0, .page4K, [.mapped, .pending]) }
    if leaves != vm.premappedCount { return "\(leaves) leaves differ, \(vm.premappedCount) are premapped" }
    let tables = Self.tables.count { disagrees($0, .page2M, [.nonLeafMapped]) }
    return tables == 0 ? nil : "\(tables) table entries differ"
  }

  /// Whether an entry that is not frozen is present without one of these states, or nonpresent without being free.
  private func disagrees(_ gfn: GFN, _ level: Level, _ states: Set<SecureEPTState>) -> Bool {
    let state = entry(gfn, level)?.state ?? .free
    return switch mirror(gfn, level).state {
    case .frozen: false
    case .present: !states.contains(state)
    case .nonpresent: state != .free
    }
  }

  /// Reports a disagreement; for the steps that give a lock up.
  mutating func reportMismatch() {
    guard let mismatch = mirrorMismatch else { return }
    platform.memory.report("mirror-sept-mismatch", mismatch)
  }

  /// T13 and the locks: below what is not free there are tables only; nobody holds a lock who is not in the guest.
  private func checkTables(_ entries: [LiveEntry], _ domain: TrustDomain) -> [EngineCheck] {
    var failures: [EngineCheck] = []
    for live in entries where live.entry.state?.isLeaf == false && live.level == .page4K {
      failures.append(violated("leaf tables have leaves only", "gfn \(live.gfn.rawValue)"))
    }
    let isQuiet = platform.inFlight.isEmpty && !platform.virtualProcessors.values.contains { $0.mode.usesTranslations }
    if isQuiet, !platform.locks.isIdle || entries.contains(where: { $0.entry.isLocked }) {
      failures.append(violated("locks have holders", "TD_EPOCH \(domain.epoch)"))
    }
    return failures
  }
}
