/// The bits of entries: EPT's or NPT's, with or without accessed/dirty bits, with an encryption bit, with MMIO caching.
///
/// A format is fixed at module load and the same for all VMs of a host, except for the value of MMIO entries (TDX VMs have
/// their own). Source: Linux 6.16 arch/x86/kvm/mmu/spte.c, kvm_mmu_reset_all_pte_masks, kvm_mmu_set_ept_masks.

/// What a leaf lets the guest do.
package struct Access: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let execute = Access(rawValue: 1)
  package static let write = Access(rawValue: 2)
  package static let user = Access(rawValue: 4)
  /// `ACC_ALL`.
  package static let all: Access = [.execute, .write, .user]
}

/// The format of a host's entries.
package struct SPTEFormat: Hashable, Sendable {
  /// Whose page tables.
  package enum Vendor: String, Hashable, Sendable {
    case ept = "EPT"
    case npt = "NPT"
  }

  package let vendor: Vendor
  /// Whether KVM uses the hardware's accessed and dirty bits (`kvm_ad_enabled`); else it tracks access by removing RWX.
  package var usesAccessedDirty: Bool
  /// The encryption bit that every entry for ordinary memory carries (`shadow_me_value`).
  package var encryption: UInt64 = 0
  /// `shadow_mmio_value` of the VM.
  package var mmioValue: UInt64
  /// `shadow_mmio_mask`.
  package var mmioMask: UInt64
  /// Memory type and IPAT bits of a leaf for ordinary memory (`get_mt_mask`).
  package var memoryType: UInt64
  /// Physical address bits that an L1TF-prone CPU wants set in nonpresent entries; 0 elsewhere.
  package var l1tfMask: UInt64 = 0
  /// Whether huge pages are never executable (`nx_huge_pages`).
  package var splitsExecutableHugePages = false
  /// Whether a bit of EPT entries says "readable" (bit 0), or nothing but suppress #VE is set for "present".
  package let present: UInt64

  /// NPT on a host that encrypts nothing; bit 51 is reserved and makes MMIO entries fault.
  package static let npt = SPTEFormat(
    vendor: .npt, usesAccessedDirty: true, mmioValue: 1 << 51 | 1, mmioMask: 1 << 51 | 1, memoryType: 0, present: 1)

  /// EPT with A/D bits and execute-only support; write-back, guest PAT ignored.
  package static let ept = SPTEFormat(
    vendor: .ept, usesAccessedDirty: true, mmioValue: 6, mmioMask: 7 | 1 << 63, memoryType: 6 << 3 | 1 << 6,
    present: 1 << 63)

  /// `shadow_user_mask`: readable by the guest.
  package var user: UInt64 { vendor == .ept ? 1 : 4 }
  /// `shadow_x_mask`; NPT has none.
  package var executable: UInt64 { vendor == .ept ? 4 : 0 }
  /// `shadow_nx_mask`; EPT has none.
  package var noExecute: UInt64 { vendor == .ept ? 0 : 1 << 63 }
  /// `shadow_accessed_mask`.
  package var accessed: UInt64 { !usesAccessedDirty ? 0 : vendor == .ept ? 1 << 8 : 1 << 5 }
  /// `shadow_dirty_mask`.
  package var dirty: UInt64 { !usesAccessedDirty ? 0 : vendor == .ept ? 1 << 9 : 1 << 6 }
  /// `shadow_host_writable_mask`: the host's own mapping is writable.
  package var hostWritable: UInt64 { vendor == .ept ? 1 << 57 : 1 << 9 }
  /// `shadow_mmu_writable_mask`: nothing but dirty logging or access tracking keeps the guest from writing.
  package var mmuWritable: UInt64 { vendor == .ept ? 1 << 58 : 1 << 10 }
  /// `SPTE_TDP_AD_DISABLED`, bits 53:52 = 1.
  package var accessedDirtyDisabled: UInt64 { usesAccessedDirty ? 0 : 1 << 52 }
  /// `shadow_acc_track_mask`: what is taken away from an entry that is not to be used unnoticed.
  package var accessTrack: UInt64 { usesAccessedDirty || vendor == .npt ? 0 : 7 }
  /// `shadow_mmio_access_mask`.
  package var mmioAccess: UInt64 { vendor == .ept ? 0 : 6 }

  /// Where the tracked-away R and X bits are kept. Source: `SHADOW_ACC_TRACK_SAVED_BITS_SHIFT`.
  private static let savedShift: UInt64 = 54
  private static let savedMask: UInt64 = 5

  /// `is_mmio_spte`.
  package func isMMIO(_ entry: SPTE) -> Bool { mmioMask != 0 && entry.rawValue & mmioMask == mmioValue }

  /// `is_executable_pte`.
  package func isExecutable(_ entry: SPTE) -> Bool { entry.rawValue & (executable | noExecute) == executable }

  /// `is_mmu_writable_spte`.
  package func isMMUWritable(_ entry: SPTE) -> Bool { entry.rawValue & mmuWritable != 0 }

  /// `is_access_track_spte`.
  package func isAccessTracked(_ entry: SPTE) -> Bool {
    accessTrack != 0 && entry.isPresent && entry.rawValue & accessTrack == 0
  }

  /// `mark_spte_for_access_track`.
  package func trackingAccess(_ entry: SPTE) -> SPTE {
    if usesAccessedDirty { return entry.clearing(accessed) }
    if accessTrack == 0 || isAccessTracked(entry) { return entry }
    let saved = (entry.rawValue & Self.savedMask) << Self.savedShift
    return entry.setting(saved).clearing(accessTrack)
  }

  /// `restore_acc_track_spte`.
  package func restoringAccess(_ entry: SPTE) -> SPTE {
    let saved = entry.rawValue >> Self.savedShift & Self.savedMask
    return entry.clearing(accessTrack | Self.savedMask << Self.savedShift).setting(saved)
  }

  /// `is_access_allowed`: whether the entry, as it is, lets the access through.
  package func allows(_ access: FaultAccess, _ entry: SPTE) -> Bool {
    switch access {
    case .execute: isExecutable(entry)
    case .write: entry.isWritable
    case .read: entry.rawValue & 1 != 0
    }
  }

  /// `spte_needs_atomic_update`: bits may change under the feet of whoever holds mmu_lock for write.
  package func isVolatile(_ entry: SPTE) -> Bool {
    (isMMUWritable(entry) && !entry.isWritable) || !usesAccessedDirty || entry.isWritable && entry.rawValue & dirty == 0
  }

  /// The A and D bits that a CPU may set by itself on a present leaf.
  package func bitsSetByCPU(_ entry: SPTE) -> UInt64 { accessed | (entry.isWritable ? dirty : 0) }
}

/// What the guest did that faulted.
package enum FaultAccess: Hashable, Sendable {
  case read
  case write
  case execute
}
