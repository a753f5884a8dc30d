/// What memslot calls, notifiers and attribute changes owe the MMU: the invalidation protocol, the generation, slots_lock.
///
/// The kernel asserts each side of these bargains where it relies on it, and so does the engine.
/// Source: Linux 6.16 virt/kvm/kvm_main.c; the function is at each declaration.
extension TDPMMU {
  /// Begins an invalidation: faults on what it is about start over until its end. Source: `kvm_mmu_invalidate_begin`.
  package mutating func beginInvalidation() {
    if !lock.isHeld(.write) { report(.invalidationLock, "mmu_lock not held for write") }
    invalidation.begin()
  }

  /// Widens the range of the invalidation in progress. Source: `kvm_mmu_invalidate_range_add`.
  package mutating func addInvalidated(_ range: FrameRange) {
    if invalidation.inProgress <= 0 { report(.invalidationOutside, "frame \(range.start)") }
    invalidation.add(range)
  }

  /// Ends an invalidation; as many end as have begun, and each has said which frames it was about.
  ///
  /// Source: `kvm_mmu_invalidate_end`.
  package mutating func endInvalidation() {
    invalidation.end()
    let left = invalidation.inProgress
    if left < 0 { report(.invalidationBalance, "\(left) in progress") }
    if invalidation.range == nil { report(.invalidationEmpty, "no range was added") }
  }

  /// The roots that map frames of a kind; with one tree for both kinds the kind makes no difference.
  ///
  /// Source: `kvm_gfn_range_filter_to_root_types`.
  package func rootTypes(mapping kind: AttributeChange.Kind) -> RootTypes {
    let isMirror = directBits != 0 && (kind == .private) != has(.filterInverted)
    return [.invalid, isMirror ? .mirror : .direct]
  }

  /// The walk that takes a range's leaves away on behalf of its owner.
  ///
  /// Who interferes: a fault that resolved its page before. An invalidation in progress sends it back; a slot that goes for
  /// good is INVALID to later faults and SRCU has waited for earlier ones, which slots_lock stands for.
  /// Source: `kvm_unmap_gfn_range`.
  package mutating func unmapping(
    _ types: RootTypes, _ range: FrameRange, lock: MMULockMode = .write, locks: Bool = true
  ) -> RootsWalk {
    if invalidation.inProgress <= 0, isSlotsLockHeld == false {
      report(.unmapUnprotected, "frame \(range.start): neither an invalidation in progress nor slots_lock")
    }
    return RootsWalk(.zapLeaves, types, range, lock: lock, locks: locks)
  }

  /// The walk that looks which of a range's pages were accessed since the last one. Nobody is made to flush for it.
  ///
  /// Who interferes, where it is lockless: everybody; the walker is a reader of RCU. Source: Linux 6.12 `kvm_tdp_mmu_handle_gfn`;
  /// 7.3 `__kvm_tdp_mmu_age_gfn_range`.
  package func aging(_ range: FrameRange, in space: AddressSpace? = nil) -> RootsWalk {
    var types = version.agedRoots
    types.remove(.mirror)
    return RootsWalk(
      .age, types, space: space, range, lock: version.agingLock ?? .read, locks: version.agingLock != nil)
  }

  /// Contents of userspace's go into a page of the file, which is to be mapped at a frame of a memslot.
  ///
  /// Who interferes: whoever deletes the memslot or converts the frame; slots_lock excludes both. Source: `kvm_gmem_populate`.
  package mutating func beginPopulation(of gfn: GFN) {
    if isSlotsLockHeld == false { report(.populateSlotsLock, "gfn \(gfn.rawValue) populated without slots_lock") }
  }

  /// A swap of memslots begins: MMIO entries of any generation are stale until its end.
  ///
  /// Abstraction: both address spaces are swapped. Source: `kvm_swap_active_memslots`.
  package mutating func beginSwap() {
    if generations.contains(where: { $0 & generationInProgress != 0 }) {
      report(.nestedGeneration, "a swap begins inside of another")
    }
    for space in generations.indices { generations[space] |= generationInProgress }
  }

  /// The generation that a vCPU's remembered MMIO access belongs to. Source: `vcpu_match_mmio_gen`.
  package func cacheGeneration(_ space: AddressSpace) -> UInt64 {
    switch version.mmioCacheGeneration {
    case .ofNormalSpace: generations[Int(AddressSpace.normal.rawValue)]
    case .ofOwnSpace: generations[Int(space.rawValue)]
    }
  }

  /// Whether the end of this swap brings a generation back that MMIO entries may have from long ago: everything is zapped first.
  ///
  /// Who interferes: nobody can check an MMIO entry meanwhile, the generation being in progress. Source:
  /// `kvm_mmu_invalidate_mmio_sptes`.
  package func wrapsGeneration(adding spaces: UInt64) -> Bool {
    generations.contains { ($0 & ~generationInProgress + spaces) & format.generationMask & ~(spaces - 1) == 0 }
  }

  /// A swap ends; `spaces` is how many address spaces share the numbers of generations.
  package mutating func endSwap(adding spaces: UInt64) {
    for space in generations.indices {
      generations[space] = (generations[space] & ~generationInProgress) + spaces
    }
  }
}
