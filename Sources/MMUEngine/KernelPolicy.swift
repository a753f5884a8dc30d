/// How a kernel deviates from the right one: a set of named deviations. The empty set is the unmodified kernel.
package struct KernelPolicy: Sendable, Hashable {
  /// A single way to be wrong, or a check of the module that is left out. Names are those that variants use.
  package enum Deviation: String, Sendable, Hashable, CaseIterable {
    /// A zap goes from RANGE.BLOCK straight to the kick and PAGE.REMOVE; MEM.TRACK is never called.
    case noTrack = "no-track"
    /// KVM_CREATE_VM cuts the type to 8 bits before it tests it.
    case checkTypeAfterTruncationU8 = "check-type-after-truncation-u8"
    /// KVM_CREATE_VM cuts the type to 32 bits before it tests it.
    case checkTypeAfterTruncationU32 = "check-type-after-truncation-u32"
    /// kvm_is_vm_type_supported shifts without comparing with 32.
    case noBelow32Test = "no-below-32-test"
    /// The common code assigns the mask of VM types after hardware_setup.
    case assignMaskAfterVendor = "assign-mask-after-vendor"
    /// The common code ORs BIT(0) into the mask that an earlier load left.
    case orIntoStaleMask = "or-into-stale-mask"
    /// SW_PROTECTED is advertised without the TDP MMU.
    case swProtectedWithoutTDPMMU = "sw-protected-without-tdp-mmu"
    /// The common code advertises a type with the number 32.
    case thirtyThirdType = "thirty-third-type"
    /// The TDX bit depends on the parameter, not on the bring-up.
    case tdxAdvertisedAfterFailedBringUp = "tdx-advertised-after-failed-bring-up"
    /// The VM's descriptor is installed when the type is stored, before the flags are.
    case fdBeforeFlags = "fd-before-flags"
    /// tdx_vm_init leaves has_private_mem out.
    case tdxWithoutPrivateMem = "tdx-without-private-mem"
    /// KVM_SEV_INIT does not ask for the default type.
    case sevInitOnTypedVM = "sev-init-on-typed-vm"
    /// KVM_SEV_INIT2 tests neither need_init nor that SEV is active.
    case secondInit2 = "second-init2"
    /// KVM_SEV_INIT2 clears has_private_mem.
    case init2ClearsPrivateMem = "init2-clears-private-mem"
    /// KVM_PRE_FAULT_MEMORY does not test pre_fault_allowed.
    case preFaultBeforeFinalize = "pre-fault-before-finalize"
    /// FPU and MSR ioctls of a protected legacy SEV-ES vCPU are refused.
    case silentNoOpRefused = "silent-no-op-refused"
    /// has_protected_state refuses no ioctl on protected state.
    case refusalMadeSilent = "refusal-made-silent"
    /// What an ioctl sets reaches the encrypted state.
    case vmsaNotSealed = "vmsa-not-sealed"
    /// KVM_SET_MEMORY_ATTRIBUTES does not ask for has_private_mem.
    case attributesUnchecked = "attributes-unchecked"
    /// Read-only slots do not ask for has_protected_state.
    case readonlyUnchecked = "readonly-unchecked"
    /// has_private_mem and has_protected_state are computed from vm_type at every read.
    case flagsFromType = "flags-from-type"
    /// A zap calls MEM.TRACK before RANGE.BLOCK.
    case trackBeforeBlock = "track-before-block"
    /// A zap goes from MEM.TRACK straight to PAGE.REMOVE; no vCPU is kicked out.
    case noKick = "no-kick"
    /// A zap calls RANGE.UNBLOCK before PAGE.REMOVE.
    case unblockBeforeRemove = "unblock-before-remove"
    /// The VM is released, and its HKID, while guest_memfd is still open.
    case hkidFirst = "hkid-first"
    /// The removal of private leaves and tables does not assert the state of the HKID.
    case noHKIDAssertion = "no-hkid-assertion"
    /// A hole punch frees the page between the kick and PAGE.REMOVE.
    case freeBeforeRemove = "free-before-remove"
    /// Zaps of the mirror hold mmu_lock for read.
    case zapShared = "zap-shared"
    /// Deletion of a slot takes the table of leaves out as a whole, by SEPT.REMOVE.
    case zapRoot = "zap-root"
    /// The same, with the table blocked, tracked and kicked before.
    case zapRootBlocked = "zap-root-blocked"
    /// Deletion of a slot zaps every private leaf.
    case zapAllOnDelete = "zap-all-on-delete"
    /// Deletion of a slot blocks its leaves and leaves them in place.
    case blockOnly = "block-only"
    /// Tables are reclaimed before the HKID is released.
    case tablesFirst = "tables-first"
    /// A busy SEAMCALL of a zap is retried without kicking vCPUs out (before the fix of TDX-ZAP-BUSY).
    case busyRetryWithoutKick = "busy-retry-without-kick"
    /// vCPUs may enter between the kick and the second try of a busy SEAMCALL.
    case entryNotBarred = "entry-not-barred"
    /// The TDR is reclaimed before the tables and the other control pages.
    case tdrFirst = "tdr-first"
    /// Module: RECLAIM of a TDR does not check that the TD has no other page.
    case moduleNoChildren = "module-no-children"
    /// Module: removals and UNBLOCK do not check that the block has been tracked.
    case moduleNoTracking = "module-no-tracking"
    /// Module: SEPT.REMOVE does not check that the 512 entries are free.
    case moduleNoScan = "module-no-scan"
    /// The test for KVM_MEM_GUEST_MEMFD on an existing memslot looks at the new flags only (bug GMEM-TOGGLE).
    case gmemToggle = "gmem-toggle"
    /// A change of flags unbinds the old memslot from its guest_memfd; a hardening that helps against `gmem-toggle`.
    case gmemUnbindOld = "gmem-unbind-old"
    /// The ioctls that change a TD's state each take locks of their own (bug TDX-LOCKS).
    case linux616Locks = "kvm-6-16-locks"
    /// KVM_TDX_INIT_VCPU takes its vCPU's mutex only (bug TDX-INITVCPU-TDR).
    case initVCPUOwnMutex = "init-vcpu-own-mutex"
    /// The guard of a TD's state is taken with the ioctl's own vcpu->mutex held.
    case guardInsideMutex = "guard-inside-mutex"
    /// Module: VP.INIT takes the TDR shared, whatever its version.
    case vpInitShared = "vp-init-shared"
    /// The kernel's form of Linux 6.16: premapped leaves, pinned pages. The bugs that 6.16 has are policies of their own, so that
    /// each can be had alone: `gmem-toggle`, and `kvm-6-16-locks` with `init-vcpu-own-mutex`.
    case linux616 = "kvm-6-16"
    /// The kernel's form of Linux 6.19, which is also the default.
    case linux619 = "kvm-6-19"

    /// What it changes, in a line, for `kvmcheck engine`.
    package var summary: String {
      switch self {
      case .noTrack: "a zap never calls MEM.TRACK between RANGE.BLOCK and the kick"
      case .checkTypeAfterTruncationU8: "KVM_CREATE_VM cuts the type to 8 bits before it tests it"
      case .checkTypeAfterTruncationU32: "KVM_CREATE_VM cuts the type to 32 bits before it tests it"
      case .noBelow32Test: "kvm_is_vm_type_supported shifts without comparing with 32"
      case .assignMaskAfterVendor: "the common code assigns the mask of VM types after hardware_setup"
      case .orIntoStaleMask: "the common code ORs BIT(0) into the mask that an earlier load left"
      case .swProtectedWithoutTDPMMU: "SW_PROTECTED is advertised without the TDP MMU"
      case .thirtyThirdType: "the common code advertises a type with the number 32"
      case .tdxAdvertisedAfterFailedBringUp: "the TDX bit depends on the parameter, not on the bring-up"
      case .fdBeforeFlags: "the VM's descriptor is installed when the type is stored, before the flags are"
      case .tdxWithoutPrivateMem: "tdx_vm_init leaves has_private_mem out"
      case .sevInitOnTypedVM: "KVM_SEV_INIT does not ask for the default type"
      case .secondInit2: "KVM_SEV_INIT2 tests neither need_init nor that SEV is active"
      case .init2ClearsPrivateMem: "KVM_SEV_INIT2 clears has_private_mem"
      case .preFaultBeforeFinalize: "KVM_PRE_FAULT_MEMORY does not test pre_fault_allowed"
      case .silentNoOpRefused: "FPU and MSR ioctls of a protected legacy SEV-ES vCPU are refused"
      case .refusalMadeSilent: "has_protected_state refuses no ioctl on protected state"
      case .vmsaNotSealed: "what an ioctl sets reaches the encrypted state"
      case .attributesUnchecked: "KVM_SET_MEMORY_ATTRIBUTES does not ask for has_private_mem"
      case .readonlyUnchecked: "read-only slots do not ask for has_protected_state"
      case .flagsFromType: "has_private_mem and has_protected_state are computed from vm_type at every read"
      case .trackBeforeBlock: "a zap calls MEM.TRACK before RANGE.BLOCK"
      case .noKick: "a zap does not kick the vCPUs out of the guest before PAGE.REMOVE"
      case .unblockBeforeRemove: "a zap calls RANGE.UNBLOCK before PAGE.REMOVE"
      case .hkidFirst: "the HKID is released while guest_memfd is still open"
      case .noHKIDAssertion: "removals of leaves and tables do not assert the state of the HKID"
      case .freeBeforeRemove: "a hole punch frees the page before PAGE.REMOVE"
      case .zapShared: "zaps of the mirror page table hold mmu_lock for read only"
      case .zapRoot: "memslot deletion removes whole tables by SEPT.REMOVE, as VMX and NPT drop roots"
      case .zapRootBlocked: "memslot deletion blocks, tracks and removes whole tables"
      case .zapAllOnDelete: "memslot deletion zaps every private leaf of the VM"
      case .blockOnly: "memslot deletion blocks leaves and does not remove them"
      case .tablesFirst: "Secure-EPT tables are reclaimed before the HKID is released"
      case .busyRetryWithoutKick: "a busy SEAMCALL of a zap is retried with vCPUs in the guest"
      case .entryNotBarred: "vCPUs may enter while wait_for_sept_zap is set"
      case .tdrFirst: "the TDR is reclaimed before the TD's other pages"
      case .moduleNoChildren: "the module does not check that a TD whose TDR is reclaimed has no other page"
      case .moduleNoTracking: "the module does not check TLB tracking before removals and UNBLOCK"
      case .moduleNoScan: "the module does not check that a removed table is empty"
      case .gmemToggle: "KVM_MEM_GUEST_MEMFD of an existing memslot may be cleared: only the new flags are tested"
      case .gmemUnbindOld: "a change of flags unbinds the old memslot from its guest_memfd"
      case .linux616Locks: "INIT_VCPU, INIT_MEM_REGION and FINALIZE_VM each take some of the locks, as in 6.16"
      case .initVCPUOwnMutex: "KVM_TDX_INIT_VCPU takes only its own vcpu->mutex"
      case .guardInsideMutex: "kvm->lock and all vcpu->mutexes are taken with the ioctl's own vcpu->mutex held"
      case .vpInitShared: "the module takes the TDR shared for VP.INIT of any version"
      case .linux616: "the kernel of Linux 6.16: premapped leaves and pinned pages; its bugs are policies of their own"
      case .linux619: "the kernel of Linux 6.19, the default; no deviation"
      }
    }
  }

  package let deviations: Set<Deviation>

  package init(_ deviations: Set<Deviation> = []) {
    self.deviations = deviations
  }

  /// The unmodified kernel of the same version: what is left of this policy without its deviations.
  package var form: KernelPolicy { KernelPolicy(deviations.intersection([.linux616, .linux619])) }

  /// The unmodified kernel on an unmodified module.
  package static let right = KernelPolicy()

  /// Reads `right`, a deviation's name, or several joined by `+`; nil if a name is unknown.
  package init?(named text: String) {
    if text == "right" {
      self.init()
      return
    }
    var found: Set<Deviation> = []
    for name in text.split(separator: "+", omittingEmptySubsequences: false) {
      guard let deviation = Deviation(rawValue: String(name)) else { return nil }
      found.insert(deviation)
    }
    self.init(found)
  }

  /// Whether the kernel (or the module) deviates in this way.
  package func has(_ deviation: Deviation) -> Bool { deviations.contains(deviation) }
}
