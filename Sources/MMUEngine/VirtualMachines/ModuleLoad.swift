/// Loading of the vendor module: who writes `kvm_caps.supported_vm_types`, when, and on what condition.
///
/// The micro-steps are those between which the mask can be seen to differ. Nobody else runs kernel code of this module
/// while it loads: `vendor_module_lock` excludes a second load, and /dev/kvm does not exist before `kvm_init`.
///
/// Abstraction: no CPU hotplug; a failed load undoes everything but the mask, which is data of kvm.ko.

/// Whose CPU the host has.
package enum CPUVendor: String, Sendable, Hashable, CaseIterable {
  case intel = "INTEL"
  case amd = "AMD"
  /// Neither VMX nor SVM.
  case other = "OTHER"
}

/// What the loading code has just done.
package enum ModulePhase: String, Sendable, Hashable, CaseIterable {
  case unloaded = "UNLOADED"
  /// `vmx_init` or `svm_init` has found its hardware.
  case probed = "PROBED"
  /// `kvm_x86_vendor_init` has written BIT(0).
  case maskWritten = "MASK_WRITTEN"
  /// `kvm_configure_mmu` has run; on AMD, SEV comes next.
  case mmuConfigured = "MMU_CONFIGURED"
  /// `sev_hardware_setup` has run.
  case sevProbed = "SEV_PROBED"
  /// `hardware_setup` is over.
  case capsSet = "CAPS_SET"
  /// `kvm_x86_vendor_init` is over; on Intel, TDX comes next.
  case vendorReady = "VENDOR_READY"
  /// `tdx_bringup` has run.
  case tdxProbed = "TDX_PROBED"
  /// Every bit is written.
  case typesComplete = "TYPES_COMPLETE"
  /// `kvm_init` has registered /dev/kvm.
  case exposed = "EXPOSED"
}

/// A parameter of the module or a property of the host that the loading code tests. Each is true unless said otherwise.
///
/// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_hardware_setup; vmx/tdx.c, tdx_bringup.
package enum HostCondition: String, Sendable, Hashable, CaseIterable {
  case tdp, tdpMMU = "tdp_mmu", mmioCaching = "mmio_caching"
  case sev, nrips, sevFeature = "sev_feature", decodeAssists = "decode_assists", flushByASID = "flush_by_asid"
  case asids
  case sevES = "sev_es", sevESFeature = "sev_es_feature", lbrVirtualization = "lbrv", sevESASIDs = "sev_es_asids"
  case sevSNP = "sev_snp", hostSNP = "cc_host_snp"
  case firmware, snpInitialized = "snp_initialized"
  case tdx, tdxPlatform = "tdx_platform", eptADBits = "ept_ad_bits", apicv, osxsave, movdir64b, selfsnoop
  case virtualizationAtLoad = "enable_virt_at_load"

  /// What `kvm_configure_mmu` and its callers read.
  package static let mmu: [HostCondition] = [.tdp, .tdpMMU, .mmioCaching]
  /// What SEV needs besides nested paging, in the order of the tests.
  package static let sevGroup: [HostCondition] = [.sev, .nrips, .sevFeature, .decodeAssists, .flushByASID, .asids]
  /// What SEV-ES needs besides SEV.
  package static let sevESGroup: [HostCondition] = [
    .sevES, .mmioCaching, .sevESFeature, .lbrVirtualization, .sevESASIDs,
  ]
  /// What SNP needs besides SEV-ES, before the firmware is asked.
  package static let snpGroup: [HostCondition] = [.sevSNP, .hostSNP]
  /// What the firmware answers.
  package static let firmwareGroup: [HostCondition] = [.firmware, .snpInitialized]
  /// What `tdx_bringup` tests before it touches the TDX module, in its order.
  package static let tdxGroup: [HostCondition] = [
    .tdx, .tdp, .tdpMMU, .mmioCaching, .eptADBits, .apicv, .osxsave, .movdir64b, .selfsnoop, .tdxPlatform,
    .virtualizationAtLoad,
  ]
}

/// How the bring-up of the TDX module ends.
package enum BringUp: String, Sendable, Hashable, CaseIterable {
  case works = "WORKS"
  /// -ENODEV: no module; KVM goes on without TDX.
  case noDevice = "NO_DEVICE"
  /// Any other error: the load of kvm-intel fails.
  case fails = "FAILS"
}

/// The state of kvm.ko and of the vendor module, as far as VM types depend on it.
package struct ModuleLoad: Sendable, Hashable {
  /// Whose module was last loaded.
  package var cpu: CPUVendor?
  package var phase = ModulePhase.unloaded
  /// `kvm_caps.supported_vm_types`; survives unloading.
  package var mask: UInt32 = 0
  /// Everything ORed in since the mask was assigned, at the 64 bits of `BIT()`, with what the store into 32 bits cuts.
  package var written: UInt64 = 0
  /// The conditions that do not hold in this load.
  package var missing: Set<HostCondition> = []
  /// The types whose parameters, hardware and module are all there. Not read by the kernel part.
  package var up: Set<VMType> = []
  /// `sev_enabled`, `sev_es_enabled`, `sev_snp_enabled` after probing, and `enable_tdx`, as a set of types.
  package var enabled: Set<VMType> = []
  /// What KVM_CHECK_EXTENSION(KVM_CAP_VM_TYPES) last answered in this load.
  package var answer: UInt32?

  package init() {}

  /// Whether all of these conditions hold.
  func holds(_ conditions: [HostCondition]) -> Bool { conditions.allSatisfy { !missing.contains($0) } }

  /// Whether KVM_CAP_VM_TYPES names the type.
  package func advertises(_ type: VMType) -> Bool { type.number < 32 && mask & (1 << UInt32(type.number)) != 0 }

  /// ORs BIT(type) into the mask: 64 bits on the right, 32 on the left.
  mutating func advertise(_ type: VMType) {
    let bit = UInt64(1) << UInt64(type.number)
    written |= bit
    mask |= UInt32(truncatingIfNeeded: bit)
  }

  /// Whether `tdp_mmu_enabled` is true.
  var tdpMMUEnabled: Bool { holds([.tdpMMU, .tdp]) }
}
