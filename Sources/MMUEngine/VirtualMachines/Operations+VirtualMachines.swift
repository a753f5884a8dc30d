/// The rows of the table of operations that are about VM types and flags.
///
/// A micro-step of the kernel bears the name of the function whose part it is; an ioctl bears its own. A row first
/// turns its arguments into a call, then makes the call: a caller's mistake never reaches the host.

/// A call that is ready to be made.
typealias HostCall = (inout VirtualMachineHost) throws(VMStatus) -> Void

/// Whether the outcome of an operation stays with userspace until it goes on.
enum Answering: Sendable {
  case silently
  case toUserspace
  /// Only a refusal is shown; a success shows in what the module then does.
  case refusalsToUserspace
}

extension Operation {
  /// A row that runs on the virtual-machine host: refusals become statuses, broken invariants become checks.
  static func host(
    _ name: String, _ parameters: [Parameter] = [], refusals: [VMStatus] = [], _ answering: Answering = .silently,
    summary: String, source: String,
    decode: @escaping @Sendable (ArgumentReader) throws(OperationError) -> HostCall
  ) -> Operation {
    let statuses = [VMStatus.success] + refusals
    return Operation(name, parameters, statuses: statuses.map(\.rawValue), summary: summary, source: source) {
      (machine, arguments) throws(OperationError) in
      let call = try decode(ArgumentReader(name, parameters, arguments))
      return machine.virtualMachines.make(call, answering)
    }
  }
}

extension VirtualMachineHost {
  /// Makes a call and reports the checks that it broke. What the kernel would never do is no answer to userspace.
  mutating func make(_ call: HostCall, _ answering: Answering) -> Outcome {
    let before = Set(brokenInvariants().map(\.name))
    var status = VMStatus.success
    do { try call(&self) } catch { status = error }
    switch status == .wouldRefuse || status == .wouldSetFlags ? .silently : answering {
    case .silently: break
    case .toUserspace: answer = status
    case .refusalsToUserspace: if status != .success { answer = status }
    }
    return Outcome(status.rawValue, checks: brokenInvariants().filter { !before.contains($0.name) })
  }
}

/// The micro-steps of KVM_CREATE_VM and the ioctls on a VM.
let virtualMachineOperations: [Operation] =
  moduleLoadOperations + creationOperations + launchOperations + vcpuOperations + memoryOperations

/// The creation of a VM, its capabilities and its end.
private let creationOperations: [Operation] = [
  .host(
    "kvm_create_vm", [.symbol("type", VMType.self)], refusals: [.noEntry, .wouldRefuse],
    summary: "KVM_CREATE_VM allocates a zeroed struct kvm", source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_create_vm"
  ) { (reader) throws(OperationError) in
    let type = try reader.symbol("type", VMType.self)
    return { (host) throws(VMStatus) in try host.allocate(UInt64(type.number)) }
  },
  .host(
    "kvm_create_vm_memslots", [Parameter("watch_decisions", .boolean, isOptional: true)], refusals: [.wouldRefuse],
    summary: "KVM_CREATE_VM sizes the address spaces; watch_decisions makes an early read of a flag a check",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_create_vm"
  ) { (reader) throws(OperationError) in
    let watch = try reader.boolean("watch_decisions", whenAbsent: false)
    return { (host) throws(VMStatus) in try host.sizeAddressSpaces(watch: watch) }
  },
  .host(
    "kvm_arch_init_vm_type", refusals: [.invalid, .wouldRefuse], summary: "KVM_CREATE_VM tests and stores the type",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_arch_init_vm"
  ) { _ in { (host) throws(VMStatus) in try host.storeType() } },
  .host(
    "kvm_arch_init_vm_flags", refusals: [.wouldRefuse], summary: "KVM_CREATE_VM sets the flags of the common types",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_arch_init_vm"
  ) { _ in { (host) throws(VMStatus) in try host.setCommonFlags() } },
  .host(
    "vm_init", refusals: [.wouldRefuse], summary: "the vendor's vm_init sets the flags of its types",
    source: "Linux 6.16 arch/x86/kvm/svm/svm.c, svm_vm_init; vmx/tdx.c, tdx_vm_init"
  ) { _ in { (host) throws(VMStatus) in try host.initializeByVendor() } },
  .host(
    "vm_init_fails", refusals: [.noMemory, .wouldRefuse], summary: "the vendor's vm_init fails; the VM is freed",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_arch_init_vm"
  ) { _ in { (host) throws(VMStatus) in try host.failVendorInit() } },
  .host(
    "kvm_install_fd", refusals: [.wouldSetFlags, .wouldRefuse], summary: "KVM_CREATE_VM installs the descriptor",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm"
  ) { _ in { (host) throws(VMStatus) in try host.installDescriptor() } },
  .host(
    "KVM_CREATE_VM",
    [Parameter("type", .integer(of: "VM type"))]
      + ["bits_8_15", "bits_16_31", "bits_32_63"].map { Parameter($0, .boolean, isOptional: true) },
    refusals: [.invalid, .noEntry, .wouldRefuse], .toUserspace,
    summary: "the whole ioctl; a true bits_… sets the lowest bit of that part of the argument",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm"
  ) { (reader) throws(OperationError) in
    var argument = UInt64(bitPattern: Int64(try reader.integer("type")))
    if try reader.boolean("bits_8_15", whenAbsent: false) { argument |= 1 << 8 }
    if try reader.boolean("bits_16_31", whenAbsent: false) { argument |= 1 << 16 }
    if try reader.boolean("bits_32_63", whenAbsent: false) { argument |= 1 << 32 }
    return { [argument] (host) throws(VMStatus) in
      if host.vm != nil { throw .wouldRefuse }
      host.question = .creation(argument)
      try host.createVM(argument)
    }
  },
  .host(
    "query_vm_capabilities", refusals: [.badDescriptor], .toUserspace,
    summary: "KVM_CHECK_EXTENSION on the VM's descriptor of every capability that shows a flag",
    source: "Linux 6.16 arch/x86/kvm/x86.c, kvm_vm_ioctl_check_extension"
  ) { _ in
    { (host) throws(VMStatus) in
      _ = try host.described()
      host.question = .capabilities
    }
  },
  .host(
    "userspace_continues", [Parameter("close", .boolean, isOptional: true)], refusals: [.wouldRefuse, .badDescriptor],
    summary: "userspace has read the last answer; with close it then closes the VM",
    source: "userspace"
  ) { (reader) throws(OperationError) in
    let closes = try reader.boolean("close", whenAbsent: false)
    return { (host) throws(VMStatus) in
      if closes { try host.close() }
      host.question = nil
      host.answer = nil
    }
  },
  .host(
    "close_vm", refusals: [.badDescriptor, .wouldRefuse], summary: "the last reference to the VM goes",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_destroy_vm"
  ) { _ in { (host) throws(VMStatus) in try host.close() } },
]

/// The launch of SEV guests and TDs.
private let launchOperations: [Operation] = [
  .host(
    "KVM_SEV_INIT", [Parameter("es", .boolean)], refusals: [.badDescriptor, .notForThisVM, .invalid],
    summary: "legacy initialisation: KVM_SEV_INIT, or KVM_SEV_ES_INIT with es",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_guest_init"
  ) { (reader) throws(OperationError) in
    let isES = try reader.boolean("es", whenAbsent: false)
    return { (host) throws(VMStatus) in try host.legacyInitSEV(es: isES) }
  },
  .host(
    "KVM_SEV_INIT2", refusals: [.badDescriptor, .notForThisVM, .invalid], summary: "initialisation of a typed SEV VM",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_guest_init2"
  ) { _ in { (host) throws(VMStatus) in try host.initSEV2() } },
  .host(
    "KVM_SEV_LAUNCH_START", refusals: [.badDescriptor, .notForThisVM, .invalid],
    summary: "LAUNCH_START of SEV, SEV-ES or SNP",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_launch_start, snp_launch_start"
  ) { _ in { (host) throws(VMStatus) in try host.startLaunch() } },
  .host(
    "KVM_SEV_LAUNCH_UPDATE_VMSA", refusals: [.badDescriptor, .notPermitted, .notForThisVM, .invalid],
    summary: "encrypts the state of every vCPU of an SEV-ES guest",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_launch_update_vmsa"
  ) { _ in { (host) throws(VMStatus) in try host.encryptVMSAs() } },
  .host(
    "KVM_SEV_LAUNCH_FINISH", refusals: [.badDescriptor, .notForThisVM, .invalid],
    summary: "LAUNCH_FINISH of SEV, SEV-ES or SNP",
    source: "Linux 6.16 arch/x86/kvm/svm/sev.c, sev_launch_finish, snp_launch_finish"
  ) { _ in { (host) throws(VMStatus) in try host.finishLaunch() } },
  .host(
    "KVM_TDX_INIT_VM", [Parameter("debug", .boolean, isOptional: true)],
    refusals: [.badDescriptor, .notForThisVM, .invalid], summary: "creates the TD; debug is the attribute DEBUG",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_init"
  ) { (reader) throws(OperationError) in
    let debug = try reader.boolean("debug", whenAbsent: false)
    return { (host) throws(VMStatus) in try host.initTD(debug: debug) }
  },
  .host(
    "KVM_TDX_FINALIZE_VM", refusals: [.badDescriptor, .notForThisVM, .invalid, .inputOutput],
    summary: "ends the launch of a TD; -EIO while no vCPU is initialised (TDX_NO_VCPUS)",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_finalize; TDX module, TDH.MR.FINALIZE"
  ) { _ in { (host) throws(VMStatus) in try host.finalizeTD() } },
]
