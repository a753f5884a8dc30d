/// The bits of entries: EPT's or NPT's, with or without accessed/dirty bits, with an encryption bit, with MMIO caching.
///
/// A format is fixed at module load and the same for all VMs of a host, except for the value of MMIO entries (TDX VMs have
/// their own). Source: Linux 6.12, 6.16 and 7.3 arch/x86/kvm/mmu/spte.c, kvm_mmu_reset_all_pte_masks, kvm_mmu_set_ept_masks.

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

  /// Where entries keep what is software's: it has moved about. `KernelVersion` says which kernel has which.
  package struct Layout: Hashable, Sendable {
    /// `EPT_SPTE_HOST_WRITABLE`; NPT's has stayed.
    package let hostWritable: UInt64
    /// `EPT_SPTE_MMU_WRITABLE`; NPT's has stayed.
    package let mmuWritable: UInt64
    /// `SPTE_TDP_AD_DISABLED`.
    package let accessedDirtyDisabled: UInt64
    /// `shadow_xu_mask` of EPT; 0 where the kernel does not know it.
    package let userExecutable: UInt64
    /// `SHADOW_ACC_TRACK_SAVED_BITS_SHIFT`: how far up tracked-away bits are kept.
    package let trackedShift: UInt64
    /// `MMIO_SPTE_GEN_LOW_BITS`: how many bits of a generation lie from bit 3 up; the other eleven lie from bit 52 up.
    package let generationLowBits: UInt64
    /// Whether entries have A and D where the hardware does not set them.
    package let keepsAccessedDirty: Bool
  }

  package let vendor: Vendor
  package var layout = Layout.linux612
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
  /// Whether leaves are the guest kernel's alone, so that its user mode's fetches alone trap (GMET): NPT since Linux 7.3. Source:
  /// `kvm_calc_tdp_mmu_root_page_role`.
  package var hidesLeavesFromUsers = false
  /// Whether a bit of EPT entries says "readable" (bit 0), or nothing but suppress #VE is set for "present".
  package let present: UInt64

  /// NPT on a host that encrypts nothing; bit 51 is reserved and makes MMIO entries fault.
  package static let npt = SPTEFormat(
    vendor: .npt, usesAccessedDirty: true, mmioValue: 1 << 51 | 1, mmioMask: 1 << 51 | 1, memoryType: 0, present: 1)

  /// EPT with A/D bits and execute-only support; write-back, guest PAT ignored.
  package static let ept = SPTEFormat(
    vendor: .ept, usesAccessedDirty: true, mmioValue: 6, mmioMask: 7 | 1 << 63, memoryType: 6 << 3 | 1 << 6,
    present: 1 << 63)

  /// The format as this kernel lays it out.
  package func laidOut(by version: KernelVersion) -> SPTEFormat {
    var format = self
    format.layout = version.entryLayout
    return format
  }

  /// Readable by the guest: bit 0 with both vendors.
  package var readable: UInt64 { 1 }
  /// `shadow_user_mask`: of NPT's pages those that the guest's user mode may use, which it takes every access for; EPT has none.
  package var user: UInt64 { vendor == .ept ? 0 : 4 }
  /// `shadow_x_mask`, since Linux 7.3 `shadow_xs_mask` and `shadow_xu_mask`, given and taken together; NPT has none.
  package var executable: UInt64 { vendor == .ept ? 4 | layout.userExecutable : 0 }
  /// `shadow_nx_mask`; EPT has none.
  package var noExecute: UInt64 { vendor == .ept ? 0 : 1 << 63 }
  /// `shadow_accessed_mask`.
  package var accessed: UInt64 { !hasAccessedDirty ? 0 : vendor == .ept ? 1 << 8 : 1 << 5 }
  /// `shadow_dirty_mask`.
  package var dirty: UInt64 { !hasAccessedDirty ? 0 : vendor == .ept ? 1 << 9 : 1 << 6 }
  /// `shadow_host_writable_mask`: the host's own mapping is writable.
  package var hostWritable: UInt64 { vendor == .ept ? layout.hostWritable : 1 << 9 }
  /// `shadow_mmu_writable_mask`: nothing but dirty logging or access tracking keeps the guest from writing.
  package var mmuWritable: UInt64 { vendor == .ept ? layout.mmuWritable : 1 << 10 }
  /// `SPTE_TDP_AD_DISABLED`, where it holds.
  package var accessedDirtyDisabled: UInt64 { usesAccessedDirty ? 0 : layout.accessedDirtyDisabled }
  /// `shadow_acc_track_mask`: what is taken away from an entry that is not to be used unnoticed.
  package var accessTrack: UInt64 { usesAccessedDirty || vendor == .npt ? 0 : 7 | layout.userExecutable }
  /// The bits any of which makes the trace call a page the user's: of EPT's there is "readable" before Linux 7.3 and "executable in
  /// user mode" since. Source: mmutrace.h, kvm_mmu_set_spte.
  package var shownAsUser: UInt64 {
    switch vendor {
    case .npt: user
    case .ept: layout.userExecutable != 0 ? layout.userExecutable : readable
    }
  }
  /// `root_role.access`.
  package var roleAccess: Access { hidesLeavesFromUsers ? [.execute, .write] : .all }
  /// `shadow_mmio_access_mask`.
  package var mmioAccess: UInt64 { vendor == .ept ? 0 : 6 }
  /// `MMIO_SPTE_GEN_MASK`: the bits of a generation that an MMIO entry has room for.
  package var generationMask: UInt64 { 1 << (layout.generationLowBits + 11) - 1 }

  /// Whether entries have A and D, whoever sets them.
  private var hasAccessedDirty: Bool { usesAccessedDirty || layout.keepsAccessedDirty }
  /// What tracking keeps aside: all that it takes but W. Source: `SHADOW_ACC_TRACK_SAVED_BITS_MASK`.
  private var savedMask: UInt64 { 5 | layout.userExecutable }

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

  /// `is_accessed_spte`.
  package func isAccessed(_ entry: SPTE) -> Bool {
    accessed != 0 ? entry.rawValue & accessed != 0 : !isAccessTracked(entry)
  }

  /// `mark_spte_for_access_track`.
  package func trackingAccess(_ entry: SPTE) -> SPTE {
    if usesAccessedDirty { return entry.clearing(accessed) }
    if accessTrack == 0 || isAccessTracked(entry) { return entry }
    let saved = (entry.rawValue & savedMask) << layout.trackedShift
    return entry.setting(saved).clearing(accessTrack | accessed)
  }

  /// `restore_acc_track_spte`.
  package func restoringAccess(_ entry: SPTE) -> SPTE {
    let saved = entry.rawValue >> layout.trackedShift & savedMask
    return entry.clearing(accessTrack | savedMask << layout.trackedShift).setting(saved)
  }

  /// `is_access_allowed`, since Linux 7.3 `spte_permission_fault`: whether the entry, as it is, lets the access through.
  ///
  /// The later one asks a table of permissions, which says the same of every entry that the TDP MMU makes.
  package func allows(_ access: FaultAccess, _ entry: SPTE) -> Bool {
    switch access {
    case .execute: isExecutable(entry)
    case .write: entry.isWritable
    case .read: entry.rawValue & readable != 0
    }
  }

  /// `spte_needs_atomic_update`: bits may change under the feet of whoever holds mmu_lock for write.
  package func isVolatile(_ entry: SPTE) -> Bool {
    (isMMUWritable(entry) && !entry.isWritable) || !usesAccessedDirty || entry.isWritable && entry.rawValue & dirty == 0
  }

  /// The A and D bits that a CPU may set by itself on a present leaf.
  package func bitsSetByCPU(_ entry: SPTE) -> UInt64 {
    usesAccessedDirty ? accessed | (entry.isWritable ? dirty : 0) : 0
  }
}

/// What the guest did that faulted.
package enum FaultAccess: Hashable, Sendable {
  case read
  case write
  case execute
}
