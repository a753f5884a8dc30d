/// The types of a VM and the three flags that follow from them.

/// A VM type that has a name (`KVM_X86_*_VM`).
///
/// Source: Linux 6.16 arch/x86/include/uapi/asm/kvm.h.
package enum VMType: String, Sendable, Hashable, CaseIterable {
  /// Any VM, and also the host of legacy SEV and SEV-ES guests.
  case `default` = "DEFAULT_VM"
  /// Private memory in software only, for development.
  case swProtected = "SW_PROTECTED_VM"
  /// SEV through KVM_SEV_INIT2.
  case sev = "SEV_VM"
  /// SEV-ES through KVM_SEV_INIT2.
  case sevES = "SEV_ES_VM"
  /// SEV-SNP.
  case snp = "SNP_VM"
  /// Intel TDX.
  case tdx = "TDX_VM"
  /// A type that no kernel has: the thirty-third bit of a mask of 32. Enumerated only by `thirty-third-type`.
  case type32 = "TYPE_32_VM"

  /// The value that userspace passes to KVM_CREATE_VM.
  package var number: UInt8 {
    switch self {
    case .default: 0
    case .swProtected: 1
    case .sev: 2
    case .sevES: 3
    case .snp: 4
    case .tdx: 5
    case .type32: 32
    }
  }

  /// The type with this number, if one has it.
  package init?(number: UInt8) {
    guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = found
  }

  /// Whether KVM_SEV_INIT2 is for VMs of this type.
  package var isTypedSEV: Bool { self == .sev || self == .sevES || self == .snp }

  /// Whether the guest's memory may be private: the column has_private_mem of the matrix.
  package var hasPrivateMemory: Bool { self == .swProtected || self == .snp || self == .tdx }

  /// Whether the state of a vCPU may be protected: the column has_protected_state of the matrix.
  package var hasProtectedState: Bool { self == .sevES || self == .snp || self == .tdx }

  /// Whether pre-faulting has to wait for the end of the launch.
  package var preFaultsAfterLaunch: Bool { self == .snp || self == .tdx }
}

/// The flags of `struct kvm_arch` that depend on the type.
///
/// Source: Linux 6.16 arch/x86/include/asm/kvm_host.h. Zero in a fresh `struct kvm`.
package struct VMFlags: Sendable, Hashable {
  /// `has_private_mem`
  package var privateMemory = false
  /// `has_protected_state`
  package var protectedState = false
  /// `pre_fault_allowed`
  package var preFaultAllowed = false

  package init(privateMemory: Bool = false, protectedState: Bool = false, preFaultAllowed: Bool = false) {
    self.privateMemory = privateMemory
    self.protectedState = protectedState
    self.preFaultAllowed = preFaultAllowed
  }

  /// What the flags of a VM have to be that userspace can see.
  package static func expected(of type: VMType, launched: Bool) -> VMFlags {
    VMFlags(
      privateMemory: type.hasPrivateMemory, protectedState: type.hasProtectedState,
      preFaultAllowed: launched || !type.preFaultsAfterLaunch)
  }
}

/// What the kernel answers, spelt as models and reports spell it.
package enum VMStatus: String, Error, Sendable, Hashable, CaseIterable {
  case success = "SUCCESS"
  case invalid = "-EINVAL"
  case notSupported = "-EOPNOTSUPP"
  case notForThisVM = "-ENOTTY"
  case notPermitted = "-EPERM"
  case inputOutput = "-EIO"
  case exists = "-EEXIST"
  case noMemory = "-ENOMEM"
  case badDescriptor = "-EBADF"
  case noEntry = "-ENOENT"
  /// The kernel sets the flags before it installs the descriptor.
  case wouldSetFlags = "KVM_WOULD_SET_FLAGS"
  /// The kernel never does this in this state.
  case wouldRefuse = "KVM_WOULD_REFUSE"

  /// The name under which observables show it: an identifier.
  package var symbol: String { rawValue.hasPrefix("-") ? String(rawValue.dropFirst()) : rawValue }
}
