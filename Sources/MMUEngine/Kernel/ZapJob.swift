/// An ioctl, fallocate or release that removes private leaves, and the order of its micro-steps.
///
/// One leaf at a time: clear the mirror, BLOCK, TRACK, kick, REMOVE, WBINVD. Each deviation is one named change of that
/// order, in `leafProgram`; nothing else decides what the kernel does next.
/// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_sept_remove_private_spte; virt/kvm/guest_memfd.c; kvm_main.c.

/// Why leaves are removed.
package enum ZapKind: Hashable, Sendable {
  case punchHole
  case deleteSlot
  case convert
  case closeFile

  /// The kernel's function, for stacks of micro-steps.
  package var name: String {
    switch self {
    case .punchHole: "kvm_gmem_punch_hole"
    case .deleteSlot: "kvm_set_memslot(DELETE)"
    case .convert: "kvm_vm_set_mem_attributes"
    case .closeFile: "kvm_gmem_release"
    }
  }
}

/// A micro-step on one leaf or one table; the raw value is how the kernel names it when it would do it instead.
package enum LeafStep: String, Hashable, Sendable {
  case block = "BLOCK"
  case track = "TRACK"
  case kick = "KICK"
  case unblock = "UNBLOCK"
  case freeEarly = "FREE_EARLY"
  case remove = "REMOVE"
  case writeBack = "WBINVD"
  case removeTable = "SEPT_REMOVE"
  case bugOn = "KVM_BUG_ON"

  /// Whether the step is a SEAMCALL.
  package var isSEAMCall: Bool {
    switch self {
    case .block, .track, .unblock, .remove, .writeBack, .removeTable: true
    case .kick, .freeEarly, .bugOn: false
    }
  }
}

/// Where a job stands.
package enum JobStep: Hashable, Sendable {
  /// Its first locks are taken, mmu_lock is not.
  case begun
  /// mmu_lock write: looking for the next leaf.
  case walking
  /// mmu_lock write: these steps are left for the current leaf, which mapped this page.
  case leaf(GFN, PFN, [LeafStep])
  /// mmu_lock write: these steps are left for the current table and its Secure-EPT page (deviations only).
  case table(GFN, PFN, [LeafStep])
  /// mmu_lock dropped: the job's own effect comes next.
  case unlocked
  /// The effect is through, the invalidation is to end.
  case ending
}

/// A job.
package struct ZapJob: Hashable, Sendable {
  package let kind: ZapKind
  /// The frame that was named; nil for the whole file.
  package let target: GFN?
  package var step: JobStep = .begun
  /// A SEAMCALL of the current leaf was refused for good: what it maps stays the module's.
  package var isGivenUp = false

  /// Whether mmu_lock is held for write.
  package var holdsMMULock: Bool {
    switch step {
    case .begun, .unlocked, .ending: false
    case .walking, .leaf, .table: true
    }
  }

  /// Whether a frame is in the range whose leaves go.
  ///
  /// Deleting a slot of a TDX VM takes the slot's leaves only (`kvm_memslot_flush_zap_all` is false for the type).
  /// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_arch_flush_shadow_memslot.
  package func covers(_ gfn: GFN, _ policy: KernelPolicy) -> Bool {
    if kind == .deleteSlot, policy.has(.zapAllOnDelete) { return true }
    return target == nil || target == gfn
  }

  /// The current leaf's frame; nil between leaves.
  package var currentLeaf: GFN? {
    if case .leaf(let gfn, _, _) = step { gfn } else { nil }
  }

  /// The micro-steps for a leaf after its mirror entry has been cleared.
  ///
  /// BLOCK before TRACK, because BEPOCH must be older than the epoch that TRACK starts; TRACK before the kick, because only
  /// an entry after TRACK flushes; the kick before REMOVE, because the old epoch's count must be zero; WBINVD after
  /// REMOVE, because the module wants the page to be the host's. Each deviation drops or swaps one of these.
  package func leafProgram(_ policy: KernelPolicy) -> [LeafStep] {
    var steps: [LeafStep] = policy.has(.trackBeforeBlock) ? [.track, .block] : [.block, .track]
    if policy.has(.noTrack) { steps.removeAll { $0 == .track } }
    if !policy.has(.noKick) { steps.append(.kick) }
    if kind == .deleteSlot, policy.has(.blockOnly) { return steps }
    if policy.has(.unblockBeforeRemove) { steps.append(.unblock) }
    if kind == .punchHole, policy.has(.freeBeforeRemove) { steps.append(.freeEarly) }
    return steps + [.remove, .writeBack]
  }

  /// The micro-steps for a table that a deviating kernel takes out from the root.
  ///
  /// The same reasons hold for a table; what the module checks in addition is that its 512 entries are free.
  package static func tableProgram(_ policy: KernelPolicy) -> [LeafStep] {
    policy.has(.zapRootBlocked) ? [.block, .track, .kick, .removeTable] : [.removeTable]
  }
}
