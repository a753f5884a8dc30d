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
      }
    }
  }

  package let deviations: Set<Deviation>

  package init(_ deviations: Set<Deviation> = []) {
    self.deviations = deviations
  }

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
