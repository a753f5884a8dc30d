/// The rows for loading the module, for vCPUs and for memory.

/// The conditions among `group` that the arguments say do not hold.
private func missing(
  _ group: [HostCondition], _ reader: ArgumentReader
) throws(OperationError) -> Set<HostCondition> {
  var names: Set<HostCondition> = []
  for condition in group where try !reader.boolean(condition.rawValue, whenAbsent: true) { names.insert(condition) }
  return names
}

/// Optional parameters, one for each condition; a condition holds when it is left out.
private func conditions(_ group: [HostCondition]) -> [Parameter] {
  group.map { Parameter($0.rawValue, .boolean, isOptional: true) }
}

/// What `sev_hardware_setup` tests and `kvm_configure_mmu` has not.
private let sevConditions =
  HostCondition.sevGroup + HostCondition.sevESGroup.filter { $0 != .mmioCaching } + HostCondition.snpGroup
  + HostCondition.firmwareGroup

/// What `tdx_bringup` tests and `kvm_configure_mmu` has not.
private let tdxConditions = HostCondition.tdxGroup.filter { !HostCondition.mmu.contains($0) }

/// A row for a micro-step of loading without arguments.
private func loadStep(
  _ name: String, refusals: [VMStatus] = [], summary: String, source: String,
  step: @escaping @Sendable (inout ModuleLoad, KernelPolicy) throws(VMStatus) -> Void
) -> Operation {
  .host(name, refusals: refusals + [.wouldRefuse], summary: summary, source: source) { _ in
    { (host) throws(VMStatus) in try step(&host.module, host.policy) }
  }
}

/// Loading and unloading of the vendor module, and the capability.
let moduleLoadOperations: [Operation] = [
  .host(
    "modprobe", [.symbol("cpu", CPUVendor.self)], refusals: [.notSupported, .wouldRefuse], .refusalsToUserspace,
    summary: "the head of vmx_init or svm_init: is there hardware for the module?",
    source: "Linux 6.16 arch/x86/kvm/vmx/vmx.c, vmx_init; svm/svm.c, svm_init"
  ) { (reader) throws(OperationError) in
    let vendor = try reader.symbol("cpu", CPUVendor.self)
    return { (host) throws(VMStatus) in try host.module.probe(vendor) }
  },
  loadStep(
    "kvm_x86_vendor_init", summary: "common code assigns BIT(0) to the mask",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_x86_vendor_init"
  ) { (module, policy) throws(VMStatus) in try module.beginVendorInit(policy) },
  .host(
    "kvm_configure_mmu", conditions(HostCondition.mmu), refusals: [.wouldRefuse],
    summary: "hardware_setup settles TDP and the TDP MMU; conditions left out hold",
    source: "Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_configure_mmu"
  ) { (reader) throws(OperationError) in
    let names = try missing(HostCondition.mmu, reader)
    return { (host) throws(VMStatus) in try host.module.configureMMU(missing: names) }
  },
  .host(
    "sev_hardware_setup", conditions(sevConditions), refusals: [.wouldRefuse],
    summary: "hardware_setup probes SEV, SEV-ES and SNP; conditions left out hold",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_hardware_setup"
  ) { (reader) throws(OperationError) in
    let names = try missing(sevConditions, reader)
    return { (host) throws(VMStatus) in try host.module.setUpSEV(missing: names) }
  },
  loadStep(
    "svm_set_cpu_caps", summary: "hardware_setup ORs in the SEV types that came up",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_set_cpu_caps"
  ) { (module, _) throws(VMStatus) in try module.setSEVCapabilities() },
  .host(
    "kvm_x86_vendor_init_end", [Parameter("config_sw_protected", .boolean)], refusals: [.wouldRefuse],
    summary: "common code ORs in SW_PROTECTED, if configured and the TDP MMU is on",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_x86_vendor_init"
  ) { (reader) throws(OperationError) in
    let configured = try reader.boolean("config_sw_protected", whenAbsent: true)
    return { (host) throws(VMStatus) in try host.module.endVendorInit(configured: configured, host.policy) }
  },
  .host(
    "tdx_bringup", conditions(tdxConditions) + [.symbol("result", BringUp.self)],
    refusals: [.inputOutput, .wouldRefuse],
    summary: "vt_init brings the TDX module up; conditions left out hold; FAILS stands for any error but -ENODEV",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_bringup"
  ) { (reader) throws(OperationError) in
    let names = try missing(tdxConditions, reader)
    let result = try reader.symbol("result", BringUp.self)
    return { (host) throws(VMStatus) in try host.module.bringUpTDX(missing: names, result) }
  },
  loadStep(
    "vt_init_advertise_tdx", summary: "vt_init ORs in the TDX type, if it came up",
    source: "Linux 6.16 arch/x86/kvm/vmx/main.c, vt_init"
  ) { (module, policy) throws(VMStatus) in try module.advertiseTDX(policy) },
  loadStep(
    "kvm_init", summary: "/dev/kvm is registered", source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_init"
  ) { (module, _) throws(VMStatus) in try module.expose() },
  loadStep(
    "module_load_fails", refusals: [.noMemory], summary: "a step of loading fails; all but the mask is undone",
    source: "Linux 6.16 arch/x86/kvm/vmx/main.c, vt_init; svm/svm.c, svm_init"
  ) { (module, _) throws(VMStatus) in try module.fail() },
  .host(
    "load_modules", [.symbol("cpu", CPUVendor.self)], refusals: [.notSupported, .wouldRefuse],
    summary: "the whole load, with every condition true", source: "Linux 6.16 arch/x86/kvm/vmx/main.c; svm/svm.c"
  ) { (reader) throws(OperationError) in
    let vendor = try reader.symbol("cpu", CPUVendor.self)
    return { (host) throws(VMStatus) in try host.module.loadEverything(vendor, host.policy) }
  },
  .host(
    "rmmod", refusals: [.wouldRefuse], summary: "the vendor module is unloaded; refused while a VM exists",
    source: "Linux 6.16 arch/x86/kvm/vmx/main.c, vt_exit; svm/svm.c, svm_exit"
  ) { _ in
    { (host) throws(VMStatus) in
      if host.module.phase != .exposed || host.vm != nil { throw .wouldRefuse }
      host.module.unload()
    }
  },
  .host(
    "KVM_CAP_VM_TYPES", refusals: [.noEntry],
    summary: "KVM_CHECK_EXTENSION of KVM_CAP_VM_TYPES; the observable vm_types_answer holds the answer",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_vm_ioctl_check_extension"
  ) { _ in
    { (host) throws(VMStatus) in
      if host.module.phase != .exposed { throw .noEntry }
      host.module.answer = host.module.mask
    }
  },
]

/// A row for an ioctl on a vCPU.
private func vcpuRow(
  _ name: String, refusals: [VMStatus], _ answering: Answering = .silently, summary: String, source: String,
  call: @escaping @Sendable (inout VirtualMachineHost, Int) throws(VMStatus) -> Void
) -> Operation {
  .host(
    name, [Parameter("vcpu", .integer(of: "vcpu"))], refusals: [.badDescriptor] + refusals, answering,
    summary: summary, source: source
  ) { (reader) throws(OperationError) in
    let number = try reader.integer("vcpu")
    return { (host) throws(VMStatus) in try call(&host, number) }
  }
}

/// vCPUs: creation, running, state.
let vcpuOperations: [Operation] = [
  vcpuRow(
    "KVM_CREATE_VCPU", refusals: [.inputOutput, .exists], summary: "creates a vCPU",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu; vmx/tdx.c, tdx_vcpu_create"
  ) { (host, number) throws(VMStatus) in try host.createVCPU(number) },
  vcpuRow(
    "KVM_TDX_INIT_VCPU", refusals: [.notForThisVM, .invalid], summary: "gives a TD's vCPU to the module",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_init"
  ) { (host, number) throws(VMStatus) in try host.initTDVCPU(number) },
  vcpuRow(
    "KVM_RUN", refusals: [.invalid], .toUserspace, summary: "the checks before entry that depend on type and launch",
    source: "Linux 6.16 arch/x86/kvm/svm/svm.c, svm_vcpu_pre_run; vmx/tdx.c, tdx_vcpu_pre_run"
  ) { (host, number) throws(VMStatus) in try host.run(vcpu: number) },
  vcpuRow(
    "KVM_PRE_FAULT_MEMORY", refusals: [.notSupported], .toUserspace, summary: "whether pre-faulting is allowed",
    source: "Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_arch_vcpu_pre_fault_memory"
  ) { (host, number) throws(VMStatus) in try host.preFault(vcpu: number) },
  .host(
    "vcpu_ioctl", [Parameter("vcpu", .integer(of: "vcpu")), .symbol("ioctl", VCPUIoctl.self)],
    refusals: [.badDescriptor, .invalid], .toUserspace, summary: "an ioctl on a vCPU's state, KVM_… left out",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_arch_vcpu_ioctl and its callees"
  ) { (reader) throws(OperationError) in
    let number = try reader.integer("vcpu")
    let ioctl = try reader.symbol("ioctl", VCPUIoctl.self)
    return { (host) throws(VMStatus) in try host.stateIoctl(ioctl, vcpu: number) }
  },
]

/// Memslots and attributes.
let memoryOperations: [Operation] = [
  .host(
    "KVM_SET_USER_MEMORY_REGION2",
    [Parameter("slot", .integer(of: "slot")), .symbol("kind", SlotKind.self)], refusals: [.badDescriptor, .invalid],
    summary: "creates a slot of this kind; NO_SLOT deletes it",
    source: "Linux 6.16 virt/kvm/kvm_main.c, check_memory_region_flags, kvm_set_memory_region"
  ) { (reader) throws(OperationError) in
    let number = try reader.integer("slot")
    let kind = try reader.symbol("kind", SlotKind.self)
    return { (host) throws(VMStatus) in try host.setSlot(number, kind) }
  },
  .host(
    "KVM_SET_MEMORY_ATTRIBUTES", [Parameter("gfn", .integer(of: "gfn")), Parameter("private", .boolean)],
    refusals: [.badDescriptor, .invalid], summary: "makes a gfn private or shared",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_set_mem_attributes"
  ) { (reader) throws(OperationError) in
    let gfn = try reader.integer("gfn")
    let isPrivate = try reader.boolean("private", whenAbsent: false)
    return { (host) throws(VMStatus) in try host.setAttribute(gfn, private: isPrivate) }
  },
]
