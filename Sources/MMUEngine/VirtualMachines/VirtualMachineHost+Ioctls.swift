/// The ioctls on a VM: initialisation and launch of SEV guests and TDs, vCPUs, memslots, attributes, pre-faulting.
///
/// Each decodes first: every test in the kernel's order, nothing changed; then performs, which cannot fail.

extension VirtualMachineHost {
  /// The VM, if its host's vendor answers SEV commands.
  private func sevVM() throws(VMStatus) -> VirtualMachine {
    let called = try described()
    if module.cpu != .amd { throw .notForThisVM }
    return called
  }

  /// The VM, if it is a TD.
  private func td() throws(VMStatus) -> VirtualMachine {
    let called = try described()
    if module.cpu != .intel || called.type != .tdx { throw .notForThisVM }
    return called
  }

  /// KVM_SEV_INIT and KVM_SEV_ES_INIT.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_guest_init, __sev_guest_init.
  mutating func legacyInitSEV(es: Bool) throws(VMStatus) {
    let called = try sevVM()
    if called.type != .default && !policy.has(.sevInitOnTypedVM) { throw .invalid }
    if !called.vcpus.isEmpty || called.sev.isActive { throw .invalid }
    activate(called, es: es, byInit2: false)
  }

  /// KVM_SEV_INIT2.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_guest_init2, __sev_guest_init.
  mutating func initSEV2() throws(VMStatus) {
    var called = try sevVM()
    let again = policy.has(.secondInit2)
    guard let type = called.type, type.isTypedSEV, called.sev.needsInit || again else { throw .invalid }
    if !called.vcpus.isEmpty || (called.sev.isActive && !again) { throw .invalid }
    if policy.has(.init2ClearsPrivateMem) { called.flags.privateMemory = false }
    activate(called, es: type != .sev, byInit2: true)
  }

  /// What both kinds of initialisation do in the end.
  private mutating func activate(_ decoded: VirtualMachine, es: Bool, byInit2: Bool) {
    var called = decoded
    called.sev.isActive = true
    called.sev.isESActive = es
    called.sev.needsInit = false
    called.sev.initializations += 1
    if byInit2 { called.sev.initializedByInit2 = true }
    vm = called
  }

  /// LAUNCH_START of SEV or SNP.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_launch_start, snp_launch_start.
  mutating func startLaunch() throws(VMStatus) {
    var called = try sevVM()
    if !called.sev.isActive { throw .notForThisVM }
    if called.sev.launch != .notStarted { throw .invalid }
    called.sev.launch = .started
    vm = called
  }

  /// LAUNCH_UPDATE_VMSA: the state of every vCPU is encrypted; SNP does that when its launch finishes.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_launch_update_vmsa.
  mutating func encryptVMSAs() throws(VMStatus) {
    var called = try sevVM()
    if called.sev.isActive && called.type == .snp { throw .notPermitted }
    if !called.sev.isESActive { throw .notForThisVM }
    if called.sev.launch != .started { throw .invalid }
    Self.seal(&called)
    vm = called
  }

  /// Encrypts the state of every vCPU whose state is not yet.
  private static func seal(_ vm: inout VirtualMachine) {
    for (number, vcpu) in vm.vcpus where !vcpu.isGuarded { vm.vcpus[number]?.seal() }
  }

  /// LAUNCH_FINISH; of SNP it encrypts the VMSAs and then allows pre-faulting.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_launch_finish, snp_launch_finish.
  mutating func finishLaunch() throws(VMStatus) {
    var called = try sevVM()
    if !called.sev.isActive { throw .notForThisVM }
    if called.sev.launch != .started { throw .invalid }
    called.sev.launch = .finished
    if called.type == .snp {
      Self.seal(&called)
      called.flags.preFaultAllowed = true
    }
    vm = called
  }

  /// KVM_TDX_INIT_VM.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_init.
  mutating func initTD(debug: Bool) throws(VMStatus) {
    var called = try td()
    if called.tdState != .uninitialized { throw .invalid }
    called.tdState = .initialized
    called.isDebugTD = debug
    vm = called
  }

  /// KVM_TDX_INIT_VCPU.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_init.
  mutating func initTDVCPU(_ number: Int) throws(VMStatus) {
    var called = try td()
    guard var vcpu = called.vcpus[number] else { throw .badDescriptor }
    if called.tdState != .initialized || vcpu.isTDInitialized { throw .invalid }
    vcpu.isTDInitialized = true
    called.vcpus[number] = vcpu
    vm = called
  }

  /// KVM_TDX_FINALIZE_VM: RUNNABLE, and then pre-faulting is allowed. The module wants a vCPU that is initialised (TDX_NO_VCPUS);
  /// any status of its but busy is -EIO.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_finalize; TDX module, TDH.MR.FINALIZE.
  mutating func finalizeTD() throws(VMStatus) {
    var called = try td()
    if called.tdState != .initialized { throw .invalid }
    if !called.vcpus.values.contains(where: \.isTDInitialized) { throw .inputOutput }
    called.tdState = .runnable
    called.flags.preFaultAllowed = true
    vm = called
  }

  /// KVM_CREATE_VCPU; a TD's vCPU is protected from the beginning unless the TD can be debugged.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu; vmx/tdx.c, tdx_vcpu_create.
  mutating func createVCPU(_ number: Int) throws(VMStatus) {
    var called = try described()
    if called.type == .tdx && called.tdState != .initialized { throw .inputOutput }
    if called.vcpus[number] != nil { throw .exists }
    var vcpu = VirtualCPU()
    if called.type == .tdx && !called.isDebugTD { vcpu.seal() }
    called.vcpus[number] = vcpu
    vm = called
  }

  /// KVM_RUN as far as its checks before entry.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/svm/svm.c, svm_vcpu_pre_run; vmx/tdx.c, tdx_vcpu_pre_run.
  mutating func run(vcpu number: Int) throws(VMStatus) {
    let called = try described()
    guard let vcpu = called.vcpus[number] else { throw .badDescriptor }
    question = .run(vcpu: number)
    if called.sev.needsInit { throw .invalid }
    if called.type == .tdx && (!vcpu.isTDInitialized || called.tdState != .runnable) { throw .invalid }
  }

  /// KVM_PRE_FAULT_MEMORY as far as its permission.
  ///
  /// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_arch_vcpu_pre_fault_memory.
  mutating func preFault(vcpu number: Int) throws(VMStatus) {
    var called = try described()
    if called.vcpus[number] == nil { throw .badDescriptor }
    _ = called.decideOnPrivateMemory("kvm_arch_vcpu_pre_fault_memory", policy)
    vm = called
    question = .preFault(vcpu: number)
    if !called.flags.preFaultAllowed && !policy.has(.preFaultBeforeFinalize) { throw .notSupported }
  }

  /// KVM_SET_USER_MEMORY_REGION2 of one slot; `none` deletes.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, check_memory_region_flags, kvm_set_memory_region. Abstraction: size, base
  /// and userspace address never change; the gmem flag cannot be dropped (6.19; 6.16 has a hole there).
  mutating func setSlot(_ number: Int, _ kind: SlotKind) throws(VMStatus) {
    var called = try described()
    let privateMemory = called.decideOnPrivateMemory("check_memory_region_flags", policy)
    if kind == .guestMemory && !privateMemory { throw .invalid }
    let readOnlyAllowed = !called.hasProtectedState(policy) || policy.has(.readonlyUnchecked)
    if kind == .readOnly && !readOnlyAllowed { throw .invalid }
    let old = called.slots[number]
    if kind == .none && old == nil { throw .invalid }
    if let old, kind != .none, kind != old || kind == .guestMemory { throw .invalid }
    called.slots[number] = kind == .none ? nil : kind
    vm = called
  }

  /// KVM_SET_MEMORY_ATTRIBUTES of one gfn.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_set_mem_attributes, kvm_supported_mem_attributes.
  mutating func setAttribute(_ gfn: Int, private isPrivate: Bool) throws(VMStatus) {
    var called = try described()
    let supported = called.decideOnPrivateMemory("kvm_supported_mem_attributes", policy)
    if isPrivate && !supported && !policy.has(.attributesUnchecked) { throw .invalid }
    if isPrivate {
      called.privateGFNs.insert(gfn)
    } else {
      called.privateGFNs.remove(gfn)
    }
    vm = called
  }
}
