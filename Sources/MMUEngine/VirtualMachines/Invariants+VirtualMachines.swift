/// The engine's own checks behind VM types and flags: what may never be true of a host, whatever its kernel does.
///
/// They read what no kernel code reads (the argument as it was passed, the hardware as it is). An operation's outcome
/// carries those that it broke; what was broken before is not reported again.

extension VirtualMachineHost {
  /// Every check of this part, with what it means.
  package static let checks: [EngineCheck] = [
    EngineCheck("vm-type-mask-overflow", "a bit above 31 was ORed into the 32-bit mask of VM types"),
    EngineCheck("vm-type-missing", "/dev/kvm is open to use, and a type whose hardware came up is not advertised"),
    EngineCheck("vm-type-without-hardware", "a type is advertised whose hardware or module is not up"),
    EngineCheck("vm-type-unadvertised", "KVM_CREATE_VM accepted a type that KVM_CAP_VM_TYPES does not name"),
    EngineCheck("vm-type-refused", "KVM_CREATE_VM refused a type that KVM_CAP_VM_TYPES names"),
    EngineCheck("flag-mismatch", "userspace was shown flags that do not fit the VM's type and launch"),
    EngineCheck("has-private-mem-changed", "has_private_mem is not what it was when the descriptor was installed"),
    EngineCheck("pre-fault-too-early", "an SNP or TDX VM allows pre-faulting before its launch is over"),
    EngineCheck("gated-ioctl-answer", "an ioctl on a vCPU's state answers or acts otherwise than its table says"),
    EngineCheck("vmsa-touched", "an ioctl changed a vCPU's encrypted state"),
    EngineCheck("private-attribute-without-private-memory", "a gfn is private in a VM without private memory"),
    EngineCheck("readonly-slot-with-protected-state", "a read-only slot exists in a VM with protected state"),
    EngineCheck("sev-initialised-twice", "SEV was initialised a second time"),
    EngineCheck("run-before-init2", "a VM of an SEV type ran before KVM_SEV_INIT2"),
    EngineCheck("has-private-mem-read-early", "kernel code decided on has_private_mem before it was set (if watched)"),
  ]

  /// The checks that fail now, in the order of `checks`.
  package func brokenInvariants() -> [EngineCheck] {
    moduleDamage() + creationDamage() + (vm.map { flagDamage($0) + accessDamage($0) } ?? [])
  }

  /// A check that fires if its condition holds.
  private func check(_ name: String, _ isBroken: Bool, _ detail: @autoclosure () -> String) -> [EngineCheck] {
    isBroken ? [EngineCheck(name, detail())] : []
  }

  /// What is wrong with the mask.
  private func moduleDamage() -> [EngineCheck] {
    let mask = "mask 0x\(String(module.mask, radix: 16))"
    let isExposed = module.phase == .exposed
    let missing = VMType.allCases.filter { module.up.contains($0) && !module.advertises($0) }.map(\.rawValue)
    let surplus = VMType.allCases.filter { !module.up.contains($0) && module.advertises($0) }.map(\.rawValue)
    return check(
      "vm-type-mask-overflow", module.written >> 32 != 0,
      "0x\(String(module.written, radix: 16)) was ORed into 32 bits; \(mask)")
      + check("vm-type-missing", isExposed && !missing.isEmpty, "\(missing.joined(separator: ", ")): \(mask)")
      + check(
        "vm-type-without-hardware", isExposed && !surplus.isEmpty, "\(surplus.joined(separator: ", ")): \(mask)")
  }

  /// What is wrong with the VM's type, or with the refusal of one.
  private func creationDamage() -> [EngineCheck] {
    func advertises(_ argument: UInt64) -> Bool { argument < 32 && module.mask & (1 << UInt32(argument)) != 0 }
    var accepted: [EngineCheck] = []
    if let vm, vm.hasDescriptor {
      accepted = check(
        "vm-type-unadvertised", !advertises(vm.argument) || UInt64(vm.storedType) != vm.argument,
        "asked 0x\(String(vm.argument, radix: 16)), stored \(vm.storedType)")
    }
    guard case .creation(let argument) = question else { return accepted }
    return accepted
      + check(
        "vm-type-refused", answer == .invalid && advertises(argument), "0x\(String(argument, radix: 16)) is advertised")
  }

  /// What is wrong with the flags.
  private func flagDamage(_ vm: VirtualMachine) -> [EngineCheck] {
    guard let type = vm.type else { return [] }
    let shown = VMFlags(
      privateMemory: vm.hasPrivateMemory(policy), protectedState: vm.hasProtectedState(policy),
      preFaultAllowed: vm.flags.preFaultAllowed)
    var preFaulted = vm.hasDescriptor && vm.flags.preFaultAllowed
    if case .preFault = question, answer == .success { preFaulted = true }
    return check(
      "flag-mismatch", question == .capabilities && shown != VMFlags.expected(of: type, launched: vm.isLaunched),
      "\(type.rawValue): has_private_mem \(shown.privateMemory), has_protected_state \(shown.protectedState), "
        + "pre_fault_allowed \(shown.preFaultAllowed)")
      + check(
        "has-private-mem-changed", vm.hasDescriptor && shown.privateMemory != vm.privateMemoryAtDescriptor,
        "\(type.rawValue): now \(shown.privateMemory)")
      + check(
        "pre-fault-too-early", type.preFaultsAfterLaunch && preFaulted && !vm.isLaunched,
        "\(type.rawValue) is not launched")
  }

  /// What is wrong with what userspace did to the VM.
  private func accessDamage(_ vm: VirtualMachine) -> [EngineCheck] {
    let name = vm.type?.rawValue ?? "type \(vm.storedType)"
    let touched = vm.vcpus.filter { $0.value.savedState != $0.value.sealedState }.keys.sorted()
    let readOnly = vm.slots.filter { $0.value == .readOnly }.keys.sorted()
    var ranEarly = false
    if case .run = question { ranEarly = answer == .success }
    return gateDamage(vm)
      + check("vmsa-touched", !touched.isEmpty, "\(name): vCPUs \(touched)")
      + check(
        "private-attribute-without-private-memory", !vm.privateGFNs.isEmpty && !vm.hasPrivateMemory(policy),
        "\(name): gfns \(vm.privateGFNs.sorted())")
      + check(
        "readonly-slot-with-protected-state", !readOnly.isEmpty && vm.hasProtectedState(policy),
        "\(name): slots \(readOnly)")
      + check("sev-initialised-twice", vm.sev.initializations > 1, "\(name): \(vm.sev.initializations) times")
      + check(
        "run-before-init2", ranEarly && vm.type?.isTypedSEV == true && !vm.sev.initializedByInit2,
        "\(name): KVM_RUN succeeded")
      + check(
        "has-private-mem-read-early", vm.watchesDecisions && !vm.earlyDecisions.isEmpty,
        vm.earlyDecisions.joined(separator: ", "))
  }

  /// Whether the ioctl that userspace has just made answered as its table says.
  private func gateDamage(_ vm: VirtualMachine) -> [EngineCheck] {
    guard case .stateIoctl(let ioctl, let wasGuarded, let work) = question, let answer else { return [] }
    let expected = IoctlAnswer.expected(ioctl.gate, vm.type, guarded: wasGuarded)
    return check(
      "gated-ioctl-answer", expected != IoctlAnswer(answer, work),
      "\(ioctl.rawValue): \(answer.rawValue) \(work.rawValue), expected \(expected.status.rawValue) "
        + expected.work.rawValue)
  }
}
