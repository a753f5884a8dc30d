/// The kernel's side of /dev/kvm: the loaded module, at most one VM, and what userspace was last told.
///
/// Every operation is a method that throws the errno it is refused with, and has changed nothing then, unless its
/// comment says what a failure leaves behind.

/// What userspace has asked, until it goes on.
package enum UserQuestion: Sendable, Hashable {
  /// The load of the module.
  case load
  /// KVM_CREATE_VM with this argument.
  case creation(UInt64)
  /// KVM_CHECK_EXTENSION on the VM's descriptor.
  case capabilities
  case run(vcpu: Int)
  case preFault(vcpu: Int)
  /// An ioctl on a vCPU's state, whether that was protected, and how much of its work was done.
  case stateIoctl(VCPUIoctl, wasGuarded: Bool, work: WorkDone)
}

/// The kernel part behind VM types and flags.
package struct VirtualMachineHost: Sendable, Hashable {
  /// How the kernel deviates; fixed.
  package let policy: KernelPolicy
  package var module = ModuleLoad()
  package var vm: VirtualMachine?
  package var question: UserQuestion?
  package var answer: VMStatus?

  package init(policy: KernelPolicy) { self.policy = policy }

  /// The VM in creation, in this phase.
  func creation(at phase: VMPhase) throws(VMStatus) -> VirtualMachine {
    guard let vm, vm.phase == phase else { throw .wouldRefuse }
    return vm
  }

  /// The VM that an ioctl's descriptor names.
  func described() throws(VMStatus) -> VirtualMachine {
    guard let vm, vm.hasDescriptor else { throw .badDescriptor }
    return vm
  }
}

// KVM_CREATE_VM in micro-steps.
extension VirtualMachineHost {
  /// A zeroed `struct kvm`.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_create_vm. Abstraction: one VM at a time.
  mutating func allocate(_ argument: UInt64) throws(VMStatus) {
    if module.phase != .exposed { throw .noEntry }
    if vm != nil { throw .wouldRefuse }
    vm = VirtualMachine(argument: argument)
  }

  /// Sizes the memslot address spaces by has_private_mem, which nobody has set yet: two for every VM.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_create_vm; kvm_arch_nr_memslot_as_ids.
  mutating func sizeAddressSpaces(watch: Bool) throws(VMStatus) {
    var created = try creation(at: .allocated)
    created.watchesDecisions = watch
    created.addressSpaces = created.decideOnPrivateMemory("kvm_arch_nr_memslot_as_ids", policy) ? 1 : 2
    created.phase = .sized
    vm = created
  }

  /// Tests the type and stores it into a u8.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c, kvm_arch_init_vm.
  /// Throws: -EINVAL; `kvm_create_vm` has freed the VM then.
  mutating func storeType() throws(VMStatus) {
    var created = try creation(at: .sized)
    if !module.supports(created.argument, policy) {
      vm = nil
      throw .invalid
    }
    created.storedType = UInt8(truncatingIfNeeded: created.argument)
    created.phase = .typed
    vm = created
  }

  /// Sets has_private_mem and pre_fault_allowed as the common types want them.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/x86.c, kvm_arch_init_vm.
  mutating func setCommonFlags() throws(VMStatus) {
    var created = try creation(at: .typed)
    created.flags.privateMemory = created.type == .swProtected
    created.flags.preFaultAllowed = created.type == .default || created.type == .swProtected
    created.phase = .commonFlagsSet
    vm = created
  }

  /// The vendor's `vm_init` sets the flags of its types.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/svm.c, svm_vm_init; vmx/tdx.c, tdx_vm_init.
  mutating func initializeByVendor() throws(VMStatus) {
    var created = try creation(at: .commonFlagsSet)
    if module.cpu == .intel && created.type == .tdx {
      created.flags.privateMemory = !policy.has(.tdxWithoutPrivateMem)
      created.flags.protectedState = true
    } else if module.cpu == .amd && created.type != .default && created.type != .swProtected {
      created.flags.protectedState = created.type == .sevES || created.type == .snp
      created.flags.privateMemory = created.type == .snp
      created.flags.preFaultAllowed = !created.flags.privateMemory
      created.sev.needsInit = true
    }
    created.phase = .ready
    vm = created
  }

  /// The vendor's `vm_init` fails; `kvm_create_vm` frees the VM.
  ///
  /// Throws: always, -ENOMEM.
  mutating func failVendorInit() throws(VMStatus) {
    if try creation(at: .commonFlagsSet).hasDescriptor { throw .wouldRefuse }
    vm = nil
    throw .noMemory
  }

  /// Installs the descriptor, from which moment any thread of the process can use the VM.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm.
  mutating func installDescriptor() throws(VMStatus) {
    guard var created = vm, !created.hasDescriptor else { throw .wouldRefuse }
    let early = created.phase == .typed && policy.has(.fdBeforeFlags)
    if created.phase != .ready && !early {
      throw created.phase == .typed || created.phase == .commonFlagsSet ? .wouldSetFlags : .wouldRefuse
    }
    created.hasDescriptor = true
    created.privateMemoryAtDescriptor = created.hasPrivateMemory(policy)
    vm = created
  }

  /// The whole of KVM_CREATE_VM.
  ///
  /// Throws: -EINVAL for a type that is not supported; there is no VM then.
  mutating func createVM(_ argument: UInt64) throws(VMStatus) {
    try allocate(argument)
    try sizeAddressSpaces(watch: false)
    try storeType()
    if policy.has(.fdBeforeFlags) { try installDescriptor() }
    try setCommonFlags()
    try initializeByVendor()
    if !policy.has(.fdBeforeFlags) { try installDescriptor() }
  }

  /// The last reference goes: the VM is destroyed.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_destroy_vm.
  mutating func close() throws(VMStatus) {
    if try described().phase != .ready { throw .wouldRefuse }
    vm = nil
  }
}
