/// The ioctls on a vCPU's state, and what protection makes of them.
///
/// Three gates, each written once: a VM with has_protected_state refuses; a legacy SEV-ES VM, which keeps the default
/// type and has no has_protected_state, quietly does nothing to FPU and MSRs, as it did before there were VM types; and
/// guest_state_protected alone forbids debugging and PDPTRs. The VMSA is never written: KVM's own copy is.

/// An ioctl that a flag gates, and SET_SREGS2 once more for a request that carries PDPTRs.
package enum VCPUIoctl: String, Sendable, Hashable, CaseIterable {
  case getRegs = "GET_REGS", setRegs = "SET_REGS"
  case getSregs = "GET_SREGS", setSregs = "SET_SREGS"
  case getSregs2 = "GET_SREGS2", setSregs2 = "SET_SREGS2", setSregs2PDPTRs = "SET_SREGS2_PDPTRS"
  case getDebugregs = "GET_DEBUGREGS", setDebugregs = "SET_DEBUGREGS"
  case getXCRs = "GET_XCRS", setXCRs = "SET_XCRS"
  case getXsave = "GET_XSAVE", getXsave2 = "GET_XSAVE2", setXsave = "SET_XSAVE"
  case getFPU = "GET_FPU", setFPU = "SET_FPU"
  case getMSRs = "GET_MSRS", setMSRs = "SET_MSRS"
  case setGuestDebug = "SET_GUEST_DEBUG"

  /// Which gate it stands behind.
  package var gate: IoctlGate {
    switch self {
    case .getRegs, .setRegs, .getDebugregs, .setDebugregs, .getXCRs, .setXCRs: .registers
    case .getSregs, .setSregs, .getSregs2, .setSregs2: .systemRegisters
    case .setSregs2PDPTRs: .pdptrs
    case .getXsave, .getXsave2, .setXsave, .getFPU, .setFPU: .fpu
    case .getMSRs, .setMSRs: .msr
    case .setGuestDebug: .debug
    }
  }

  /// Whether it changes the registers that KVM holds.
  package var writes: Bool {
    switch self {
    case .setRegs, .setSregs, .setSregs2, .setSregs2PDPTRs, .setDebugregs, .setXCRs, .setXsave, .setFPU, .setMSRs: true
    case .getRegs, .getSregs, .getSregs2, .getDebugregs, .getXCRs, .getXsave, .getXsave2, .getFPU, .getMSRs: false
    case .setGuestDebug: false
    }
  }
}

/// The test at the head of an ioctl.
package enum IoctlGate: Sendable, Hashable, CaseIterable {
  /// has_protected_state and guest_state_protected refuse.
  case registers
  /// The same; and a protected vCPU without has_protected_state answers for the unprotected part only.
  case systemRegisters
  /// The same; and guest_state_protected alone refuses too.
  case pdptrs
  /// `fpstate_is_confidential`
  case fpu
  /// `sev_es_prevent_msr_access`
  case msr
  /// guest_state_protected alone refuses.
  case debug
}

/// How much of its work an ioctl did.
package enum WorkDone: String, Sendable, Hashable, CaseIterable {
  case none = "NO_WORK"
  case part = "PART_WORK"
  case all = "ALL_WORK"
}

/// What an ioctl on a vCPU's state answers and does.
package struct IoctlAnswer: Sendable, Hashable {
  package let status: VMStatus
  package let work: WorkDone

  package init(_ status: VMStatus, _ work: WorkDone) {
    self.status = status
    self.work = work
  }

  /// The kernel's decision.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c, the tests at the head of each ioctl; svm/svm.c, svm_get_msr, svm_set_msr.
  static func decide(_ gate: IoctlGate, guarded: Bool, protectedState: Bool, _ policy: KernelPolicy) -> IoctlAnswer {
    guard guarded else { return IoctlAnswer(.success, .all) }
    let refuses = protectedState && !policy.has(.refusalMadeSilent)
    switch gate {
    case .debug: return IoctlAnswer(.invalid, .none)
    case .fpu, .msr:
      return IoctlAnswer(refuses || policy.has(.silentNoOpRefused) ? .invalid : .success, .none)
    case .pdptrs: return IoctlAnswer(.invalid, .none)
    case .systemRegisters: return refuses ? IoctlAnswer(.invalid, .none) : IoctlAnswer(.success, .part)
    case .registers: return refuses ? IoctlAnswer(.invalid, .none) : IoctlAnswer(.success, .all)
    }
  }

  /// The table of type, protection and gate that the decision is held against; written apart from it on purpose.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c, the tests at the head of each state ioctl; svm/svm.c, svm_get_msr and svm_set_msr.
  package static func expected(_ gate: IoctlGate, _ type: VMType?, guarded: Bool) -> IoctlAnswer {
    guard guarded else { return IoctlAnswer(.success, .all) }
    switch (type, gate) {
    case (.sevES, _), (.snp, _), (.tdx, _), (_, .debug), (_, .pdptrs): return IoctlAnswer(.invalid, .none)
    case (_, .fpu), (_, .msr): return IoctlAnswer(.success, .none)
    case (_, .systemRegisters): return IoctlAnswer(.success, .part)
    case (_, .registers): return IoctlAnswer(.success, .all)
    }
  }
}

extension VirtualMachineHost {
  /// An ioctl on a vCPU's state.
  ///
  /// Throws: -EBADF without such a vCPU; what the gate says. A refusal is an answer that userspace sees.
  mutating func stateIoctl(_ ioctl: VCPUIoctl, vcpu number: Int) throws(VMStatus) {
    var called = try described()
    guard var vcpu = called.vcpus[number] else { throw .badDescriptor }
    let protectedState = called.hasProtectedState(policy)
    let decision = IoctlAnswer.decide(
      ioctl.gate, guarded: vcpu.isGuarded, protectedState: protectedState, policy)
    question = .stateIoctl(ioctl, wasGuarded: vcpu.isGuarded, work: decision.work)
    if decision.status != .success { throw decision.status }
    if ioctl.writes && decision.work != .none {
      vcpu.registers += 1
      if vcpu.isGuarded && policy.has(.vmsaNotSealed) { vcpu.savedState = vcpu.registers }
    }
    called.vcpus[number] = vcpu
    vm = called
  }
}
