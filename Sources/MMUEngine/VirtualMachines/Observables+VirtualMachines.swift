/// The rows of the table of observables that are about VM types and flags. Without a VM they read what a zeroed
/// `struct kvm` would show.

extension Observable {
  /// A truth value of the VM; false without one.
  fileprivate static func flag(
    _ name: String, _ summary: String, _ read: @escaping @Sendable (VirtualMachineHost) -> Bool
  ) -> Observable {
    Observable(name, value: .boolean, summary: summary) { machine, _ in .boolean(read(machine.virtualMachines)) }
  }

  /// A named case.
  fileprivate static func named<Case: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ summary: String, _ read: @escaping @Sendable (VirtualMachineHost) -> Case
  ) -> Observable {
    Observable(name, value: .symbol(Case.allCases.map(\.rawValue)), summary: summary) { machine, _ in
      .symbol(read(machine.virtualMachines).rawValue)
    }
  }

  /// A value that an index chooses.
  fileprivate static func indexed(
    _ name: String, by index: String, value: ArgumentKind = .boolean, _ summary: String,
    _ read: @escaping @Sendable (VirtualMachineHost, Int) -> Argument
  ) -> Observable {
    let indices = [Parameter(index, .integer(of: index))]
    return Observable(name, indices: indices, value: value, summary: summary) {
      (machine, arguments) throws(OperationError) in
      try read(machine.virtualMachines, ArgumentReader(name, indices, arguments).integer(index))
    }
  }
}

/// Bit `index` of a mask; false beyond its 32 bits.
private func bit(_ index: Int, of mask: UInt32) -> Argument {
  .boolean((0..<32).contains(index) && mask & (1 << UInt32(index)) != 0)
}

/// Modules, masks, answers.
private let hostObservables: [Observable] = [
  .named("module_phase", "what the loading code has just done", { $0.module.phase }),
  .indexed("vm_types_mask", by: "bit", "kvm_caps.supported_vm_types") { host, index in
    bit(index, of: host.module.mask)
  },
  .indexed("vm_types_answer", by: "bit", "the last answer to KVM_CAP_VM_TYPES in this load") { host, index in
    bit(index, of: host.module.answer ?? 0)
  },
  Observable(
    "pending_answer", value: .symbol(["NO_ANSWER"] + VMStatus.allCases.map(\.symbol)),
    summary: "what userspace was told and has not gone on from; errnos without their minus"
  ) { machine, _ in .symbol(machine.virtualMachines.answer?.symbol ?? "NO_ANSWER") },
  .named("ioctl_work", "how much of its work the pending ioctl on a vCPU's state did") { host in
    guard case .stateIoctl(_, _, let work) = host.question else { return WorkDone.none }
    return work
  },
]

/// The VM.
private let machineObservables: [Observable] = [
  .flag("vm_exists", "userspace has a descriptor of a VM", { $0.vm?.hasDescriptor ?? false }),
  Observable("vm_type", value: .integer(of: "VM type"), summary: "arch.vm_type, a u8") { machine, _ in
    .integer(Int(machine.virtualMachines.vm?.storedType ?? 0))
  },
  .named("vm_kind", "arch.vm_type by name; DEFAULT_VM for a number that no type has") { host in
    host.vm?.type ?? VMType.default
  },
  .named("vm_phase", "how far KVM_CREATE_VM has come") { host in
    host.vm?.phase ?? (host.module.phase == .exposed ? .noVM : .noKVM)
  },
  .flag("vm_fd", "the descriptor is installed", { $0.vm?.hasDescriptor ?? false }),
  Observable("address_spaces", value: .integer(of: "address spaces"), summary: "sized by kvm_create_vm") { machine, _ in
    .integer(machine.virtualMachines.vm?.addressSpaces ?? 2)
  },
  .flag("has_private_mem", "as kvm_arch_has_private_mem reads it", { $0.vm?.hasPrivateMemory($0.policy) ?? false }),
  .flag("has_protected_state", "as the kernel reads it", { $0.vm?.hasProtectedState($0.policy) ?? false }),
  .flag("pre_fault_allowed", "arch.pre_fault_allowed", { $0.vm?.flags.preFaultAllowed ?? false }),
  .flag("sev_need_init", "need_init of kvm_sev_info", { $0.vm?.sev.needsInit ?? false }),
  .flag("sev_active", "active of kvm_sev_info", { $0.vm?.sev.isActive ?? false }),
  .flag("sev_es_active", "es_active of kvm_sev_info", { $0.vm?.sev.isESActive ?? false }),
  .named("sev_launch", "how far the launch has come", { $0.vm?.sev.launch ?? LaunchState.notStarted }),
  .named("td_state", "kvm_tdx->state", { $0.vm?.tdState ?? TDState.uninitialized }),
]

/// vCPUs, slots, gfns.
private let partObservables: [Observable] = [
  .indexed("vcpu_created", by: "vcpu", "the vCPU exists") { host, index in
    .boolean(host.vm?.vcpus[index] != nil)
  },
  .indexed("vcpu_td_initialized", by: "vcpu", "KVM_TDX_INIT_VCPU succeeded") { host, index in
    .boolean(host.vm?.vcpus[index]?.isTDInitialized ?? false)
  },
  .indexed("guest_state_protected", by: "vcpu", "arch.guest_state_protected") { host, index in
    .boolean(host.vm?.vcpus[index]?.isGuarded ?? false)
  },
  .indexed("vmsa_touched", by: "vcpu", "the encrypted state is not what was encrypted") { host, index in
    .boolean(host.vm?.vcpus[index].map { $0.savedState != $0.sealedState } ?? false)
  },
  .indexed("slot_kind", by: "slot", value: .symbol(SlotKind.allCases.map(\.rawValue)), "what the memslot is") {
    host, index in .symbol((host.vm?.slots[index] ?? SlotKind.none).rawValue)
  },
  .indexed("private_attribute", by: "gfn", "KVM_MEMORY_ATTRIBUTE_PRIVATE of the gfn") { host, index in
    .boolean(host.vm?.privateGFNs.contains(index) ?? false)
  },
]

/// Every observable of this part.
let virtualMachineObservables: [Observable] = hostObservables + machineObservables + partObservables
