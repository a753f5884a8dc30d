/// Entries of the mirror page table, with KVM's real bits for EPT.
///
/// The mirror is ordinary TDP MMU memory that no hardware walks: KVM's own copy of the Secure-EPT, which it can only change
/// by SEAMCALLs. An entry goes NONPRESENT → FROZEN → PRESENT under mmu_lock held for read (the freezing cmpxchg excludes
/// other faults, and zaps hold the lock for write), and PRESENT → NONPRESENT under mmu_lock held for write.
/// Source: Linux 6.16 arch/x86/kvm/mmu/spte.h, tdp_mmu.c.

/// What a mirror entry is at present.
package enum SPTEState: String, Hashable, Sendable {
  case nonpresent = "NONPRESENT"
  case frozen = "FROZEN"
  case present = "PRESENT"
}

/// What a mirror entry looks like: RWX, write-back, host- and MMU-writable, and never IPAT. Source: `tdx_sept_set_private_spte`.
extension SPTE {
  /// A thread is in the middle of an update of several steps (`FROZEN_SPTE`); nobody else may touch the entry.
  package static let frozen = KernelVersion.linux616.frozen

  /// A 4 KiB leaf: RWX, write-back, accessed, dirty, host- and MMU-writable.
  package static func leaf(_ page: PFN) -> SPTE { SPTE(rawValue: page.rawValue << 12 | 0x8600_0000_0000_0B37) }

  /// A pointer to a table: RWX, accessed, present.
  package static func table(_ page: PFN) -> SPTE { SPTE(rawValue: page.rawValue << 12 | 0x8000_0000_0000_0907) }

  /// The state that the bits say: FROZEN is one value in each kernel, and no other entry's in any; PRESENT is bit 11.
  package var state: SPTEState {
    if self == .frozen || self == KernelVersion.linux73.frozen { return .frozen }
    return isPresent ? .present : .nonpresent
  }

  /// The frame that a present entry points to.
  package var page: PFN { pfn }
}

/// A change of one mirror entry: the only way in which one is ever written (`handle_changed_spte` and its callers).
package struct MirrorChange: Hashable, Sendable {
  package let gfn: GFN
  /// The level of the entry: 4K for a leaf, 2M for a pointer to a table of leaves.
  package let level: Level
  package let new: SPTE
  package let lock: MMULockMode
}

/// A table of the mirror and the Secure-EPT page that belongs to it (`struct kvm_mmu_page`).
package struct ShadowPage: Hashable, Sendable {
  /// The kernel's own page with 512 SPTEs (`spt`).
  package let table: PFN
  /// The page given to the module as the matching Secure-EPT table (`external_spt`); nil for the root.
  package let external: PFN?
  /// The first frame that it translates.
  package let gfn: GFN
  /// The level of its entries (`role.level`).
  package let level: Level
}
