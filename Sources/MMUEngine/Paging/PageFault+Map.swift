/// The second half of a fault: the walk to the entry, tables on the way, the entry itself. mmu_lock is held for read.
///
/// Who interferes: other faults, zaps of invalid roots, dirty logging's shared walks. Every write is an exchange against the
/// value that was read; whoever loses gives its table back and lets the guest fault again.
/// Source: Linux 6.16 arch/x86/kvm/mmu/tdp_mmu.c, kvm_tdp_mmu_map, tdp_mmu_map_handle_target_level.
extension PageFault {
  /// The size, the event, then one entry of the walk after another.
  mutating func walk(_ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return beginWalk(&mmu) }
    guard iterator.isInside else {
      phase = .unlock(.retry)
      return .silent
    }
    adjustForNX(iterator, mmu)
    let old = iterator.old
    if old == mmu.version.frozen {
      phase = .unlock(.retry)
    } else if iterator.level == goal {
      phase = .target
    } else if old.isTable(at: iterator.level) {
      self.iterator?.next(mmu.tables)
    } else {
      guard let (table, event) = mmu.makeChild(of: iterator.location, gfn: iterator.frame) else { return .silent }
      if mmu.tables[root].role.isMirror, old.isPresent { mmu.report(.mirrorSplit, "gfn \(iterator.gfn)") }
      mmu.tables[table].forbidsHugePage = isHugePageDisallowed(mmu)
      mmu.tables[table].isForFetch = request.code.contains(.fetch)
      phase = .link(table)
      return .event(event)
    }
    return .silent
  }

  /// How large the page is to be. Source: `kvm_mmu_hugepage_adjust`.
  private mutating func beginWalk(_ mmu: inout TDPMMU) -> MicroStep {
    if mmu.tables[root].isInvalid { mmu.report(.mapInvalidRoot, "gfn \(request.gfn.rawValue)") }
    var pfn: UInt64 = 1 << 63
    if case .page(let frame, _, let limit) = page {
      pfn = frame.rawValue
      wanted = isDirtyTracked && !mmu.has(.hugePageWhileLogging) ? .page4K : min(limit, .page1G)
      while mmu.mixed.contains(request.gfn, wanted), let below = wanted.below { wanted = below }
      goal = isHugePageDisallowed(mmu) ? .page4K : wanted
      let mask = goal.pages - 1
      if request.gfn.rawValue & mask != pfn & mask { mmu.report(.mapUnaligned, "gfn \(request.gfn.rawValue)") }
    }
    phase = .start
    return .event(.requested(request.gfn, pfn: pfn, goal))
  }

  /// The root's entry is read after the event.
  mutating func startWalk(_ mmu: inout TDPMMU) -> MicroStep {
    let bits = mmu.tables[root].role.isMirror ? 0 : mmu.directBits
    iterator = TDPIterator(
      mmu.tables, root: root, minimum: .page4K, start: request.gfn.rawValue, end: request.gfn.rawValue + 1,
      directBits: bits)
    mmu.check(start: iterator)
    phase = .walk
    return walk(&mmu)
  }

  /// The NX mitigation splits whatever is executed, a page that is small anyway included. Source: `fault->huge_page_disallowed`
  /// in `kvm_mmu_hugepage_adjust`.
  private func isHugePageDisallowed(_ mmu: borrowing TDPMMU) -> Bool {
    mmu.format.splitsExecutableHugePages && request.code.contains(.fetch)
  }

  /// A table that the NX mitigation put here keeps the huge page away. Source: `disallowed_hugepage_adjust`.
  private mutating func adjustForNX(_ iterator: TDPIterator, _ mmu: borrowing TDPMMU) {
    guard mmu.format.splitsExecutableHugePages, iterator.level > .page4K, iterator.level == goal,
      iterator.old.isTable(at: iterator.level), let table = mmu.tables.table(at: iterator.old),
      mmu.tables[table].forbidsHugePage, let below = goal.below
    else { return }
    goal = below
  }

  /// Links the new table, filled with the parts of the huge page that stood here, or empty. Source: `tdp_mmu_link_sp`.
  mutating func link(_ table: TableID, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    let huge = iterator.old.isPresent ? iterator.old : nil
    if let huge { mmu.fill(table, splitting: huge) }
    if mmu.isHooked(root) { return freeze(for: mmu.format.table(mmu.tables.frame(table)), linking: table, &mmu) }
    guard let change = mmu.exchange(iterator, for: mmu.format.table(mmu.tables.frame(table))) else {
      if let huge {
        phase = .splitFailed(huge, table)
      } else {
        mmu.freeUnlinked(table)
        phase = .unlock(.retry)
      }
      return .silent
    }
    mmu.adopt(table)
    aftermath = ChangeAftermath(change)
    phase = .linked(table, wasHuge: huge)
    return .silent
  }

  /// The link's event, the split's event; then down into the new table.
  mutating func traceLinked(_ table: TableID, _ huge: SPTE?, _ mmu: inout TDPMMU) -> MicroStep {
    if let event = aftermath?.next(&mmu) { return .event(event) }
    guard let iterator else { return .finished }
    aftermath = nil
    phase = .walk
    if mmu.tables[table].forbidsHugePage, wanted >= iterator.level { mmu.possibleNXHugePages.append(table) }
    self.iterator?.next(mmu.tables)
    guard let huge else { return .silent }
    return .event(.splitHugePage(iterator.frame, iterator.level, huge, errno: 0))
  }

  /// Somebody else was faster; the event says so, the guest faults again.
  mutating func traceSplitFailure(_ huge: SPTE, _ table: TableID, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    mmu.freeUnlinked(table)
    phase = .unlock(.retry)
    return .event(.splitHugePage(iterator.frame, iterator.level, huge, errno: -16))
  }

  /// The entry for the page itself.
  mutating func install(_ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    guard mmu.tables[iterator.location.table].level == goal else {
      mmu.report(.mapLevel, "gfn \(request.gfn.rawValue): the table is not of level \(goal.rawValue)")
      phase = .unlock(.retry)
      return .silent
    }
    let old = iterator.old
    if mmu.version.spuriousFault == .returnAtOnce, old.isLeaf(at: iterator.level),
      request.isPrefetch || mmu.format.allows(request.code.access, old)
    {
      // A fault without a slot may meet a leaf, made through a slot that came meanwhile. The kernel warns of its frame, too;
      // but nobody has done wrong, so that it is no check here.
      if case .page(let pfn, _, _) = page, pfn.aligned(to: goal).rawValue != old.pfn.rawValue & ~(mmu.encryptionFrame) {
        mmu.report(.spuriousFrame, "gfn \(request.gfn.rawValue)")
      }
      phase = .unlock(.spurious)
      return .silent
    }
    let new = entry(replacing: old, &mmu)
    if new.isPresent, goal > .page4K, isDirtyTracked, new.isWritable { mmu.report(.hugeDirtyTracked, "") }
    if new.isPresent, losesWritable(old, new, mmu) { mmu.report(.leafUnflushed, "gfn \(request.gfn.rawValue)") }
    if new == old {
      phase = .traceInstalled(new)
      return .silent
    }
    if mmu.isHooked(root) { return freeze(for: new, linking: nil, &mmu) }
    guard let change = mmu.exchange(iterator, for: new) else {
      phase = .unlock(.retry)
      return .silent
    }
    aftermath = ChangeAftermath(change)
    phase = .installed(new, old: old)
    return .silent
  }

  /// Whether TLBs may let writes through that the MMU no longer allows. Source: Linux 7.3 `leaf_spte_change_needs_tlb_flush`.
  private func losesWritable(_ old: SPTE, _ new: SPTE, _ mmu: borrowing TDPMMU) -> Bool {
    old.isLeaf(at: goal) && mmu.format.isMMUWritable(old) && !(new.isPresent && mmu.format.isMMUWritable(new))
  }

  /// A private entry is FROZEN, unless somebody was faster; the SEAMCALL is the next step. Source: `set_external_spte_present`.
  private mutating func freeze(for new: SPTE, linking table: TableID?, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    if mmu.freeze(iterator, for: new) {
      phase = .hook(new, linking: table)
    } else {
      giveUp(table, &mmu)
    }
    return .silent
  }

  /// The module's own entry.
  mutating func callHook(_ new: SPTE, linking table: TableID?, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    phase = .thaw(new, linking: table, mmu.callHook(iterator, for: new, vcpu: request.vcpu))
    return .silent
  }

  /// The new entry, or the old one again; then as after an exchange.
  mutating func thaw(_ new: SPTE, linking table: TableID?, _ result: HookResult, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    guard let aftermath = mmu.thaw(iterator, to: new, after: result) else {
      giveUp(table, &mmu)
      return .silent
    }
    self.aftermath = aftermath
    if let table {
      mmu.adopt(table)
      phase = .linked(table, wasHuge: nil)
    } else {
      phase = .installed(new, old: iterator.old)
    }
    return .silent
  }

  /// The guest faults again; a table that was not linked goes back.
  private mutating func giveUp(_ table: TableID?, _ mmu: inout TDPMMU) {
    if let table { mmu.freeUnlinked(table) }
    phase = .unlock(.retry)
  }

  /// What is to stand in the entry.
  private func entry(replacing old: SPTE, _ mmu: inout TDPMMU) -> SPTE {
    guard case .page(let pfn, let isWritable, _) = page else {
      return mmu.mmioEntry(
        request.gfn, generation: mmu.generations[Int(request.space.rawValue)] & mmu.format.generationMask,
        access: mmu.format.roleAccess)
    }
    var leaf = LeafRequest(pfn: pfn.aligned(to: goal), level: goal, isHostWritable: isWritable, old: old)
    leaf.isPrefetch = request.isPrefetch
    return mmu.format.leaf(leaf, mmu.version.dirtyGrant)
  }

  /// Makes the entry anew that was written before all was known of the host's page. Where a table goes for a huge page, its
  /// children's events may come before the entry's, which is the first to show whether the host may write.
  package mutating func remake(_ mmu: inout TDPMMU) {
    guard case .installed(let written, let old) = phase, let iterator, mmu.tables[iterator.location] == written else {
      return
    }
    let new = entry(replacing: old, &mmu)
    guard new != written, aftermath?.replace(written, by: new) == true else { return }
    mmu.store(iterator.location, new)
    phase = .installed(new, old: old)
  }

  /// The change's events; then TLBs are flushed if a table went, because it may be cached, and in some kernels if a writable leaf
  /// did. Source: `tdp_mmu_map_handle_target_level`.
  mutating func finishInstall(_ new: SPTE, _ old: SPTE, _ mmu: inout TDPMMU) -> MicroStep {
    if aftermath?.isSpinning(mmu) == true { return .blocked }
    if let event = aftermath?.next(&mmu) { return .event(event) }
    guard let iterator else { return .finished }
    aftermath = nil
    phase = .traceInstalled(new)
    let isLeafFlushed = mmu.version.leafFlush == .whenWritableLost && losesWritable(old, new, mmu)
    guard old.isTable(at: iterator.level) || isLeafFlushed else { return .silent }
    return .flush(FrameRange(start: iterator.gfn, end: iterator.gfn + iterator.level.pages))
  }

  mutating func traceInstalled(_ new: SPTE, _ mmu: inout TDPMMU) -> MicroStep {
    guard let iterator else { return .finished }
    let address = mmu.tables.address(iterator.location)
    if mmu.format.isMMIO(new), !new.isPresent {
      phase = .unlock(.emulate)
      return .event(
        .markMMIO(
          iterator.frame, pointer: address, access: UInt8(new.rawValue & mmu.version.accessMask),
          generation: mmu.format.mmioGeneration(new)))
    }
    phase = .unlock(.fixed)
    return .event(.setSPTE(iterator.frame, iterator.level, mmu.tables[iterator.location], address: address))
  }
}

extension TDPMMU {
  /// An MMIO entry; a generation with more bits than it has room for would come back as another one.
  ///
  /// Source: `make_mmio_spte`, `generation_mmio_spte_mask`.
  package mutating func mmioEntry(_ gfn: GFN, generation: UInt64, access: Access) -> SPTE {
    if generation > format.generationMask { report(.generationTooWide, "generation \(generation)") }
    return format.mmio(gfn, generation: generation, access: access)
  }

  /// The encryption bit as a bit of a frame number.
  var encryptionFrame: UInt64 { format.encryption >> 12 }
}
