import MMUEngine
import Testing

/// A violated variant of vm-types.m or coco-flags.m, as a schedule of the engine.
struct VariantCase: CustomTestStringConvertible, Sendable {
  /// The policy of the variant.
  let policy: String
  let calls: [String]
  /// The engine check that the last call ends in.
  let event: String
  /// The call, by number from 0, at which the right kernel answers otherwise, and its answer; nil: nowhere.
  let rightStop: (Int, String)?

  init(_ policy: String, _ calls: [String], _ event: String, right: (Int, String)? = nil) {
    self.policy = policy
    self.calls = calls
    self.event = event
    rightStop = right
  }

  var testDescription: String { "\(policy): \(calls.last ?? "")" }

  /// Those of vm-types.m.
  static let types: [VariantCase] = [
    VariantCase(
      "check-type-after-truncation-u8", Schedule.intel() + ["KVM_CREATE_VM type=0 bits_8_15=true"],
      "vm-type-unadvertised", right: (7, "-EINVAL")),
    VariantCase(
      "check-type-after-truncation-u8",
      Schedule.intel() + ["KVM_CAP_VM_TYPES", "KVM_CREATE_VM type=0 bits_8_15=true bits_16_31=true bits_32_63=true"],
      "vm-type-unadvertised", right: (8, "-EINVAL")),
    VariantCase(
      "check-type-after-truncation-u32", Schedule.intel() + ["KVM_CREATE_VM type=0 bits_32_63=true"],
      "vm-type-unadvertised", right: (7, "-EINVAL")),
    VariantCase(
      "no-below-32-test", Schedule.intel() + ["KVM_CREATE_VM type=64"], "vm-type-unadvertised",
      right: (7, "-EINVAL")),
    VariantCase(
      "no-below-32-test", Schedule.intel() + ["KVM_CREATE_VM type=0 bits_16_31=true"], "vm-type-unadvertised",
      right: (7, "-EINVAL")),
    VariantCase("assign-mask-after-vendor", Schedule.amd(sev: "sev_es=false"), "vm-type-missing"),
    VariantCase(
      "or-into-stale-mask", Schedule.intel(swProtected: true) + ["rmmod"] + Schedule.intel(),
      "vm-type-without-hardware"),
    VariantCase(
      "or-into-stale-mask",
      Array(Schedule.intel(swProtected: true).prefix(4)) + ["module_load_fails"] + Schedule.intel(),
      "vm-type-without-hardware"),
    VariantCase(
      "sw-protected-without-tdp-mmu", Schedule.intel(mmu: "tdp_mmu=false", swProtected: true),
      "vm-type-without-hardware"),
    VariantCase("thirty-third-type", Array(Schedule.amd().prefix(6)), "vm-type-mask-overflow"),
    VariantCase(
      "tdx-advertised-after-failed-bring-up", Schedule.intel(tdx: "result=NO_DEVICE"), "vm-type-without-hardware"),
    VariantCase(
      "tdx-advertised-after-failed-bring-up", Schedule.intel(tdx: "tdx_platform=false result=WORKS"),
      "vm-type-without-hardware"),
  ]

  /// KVM_CREATE_VM up to the stored type, and then the descriptor.
  private static func early(_ type: VMType) -> [String] {
    Array(Schedule.created(type).prefix(4)) + ["kvm_install_fd"]
  }

  /// Those of coco-flags.m about creation.
  static let creation: [VariantCase] = [
    VariantCase(
      "fd-before-flags", early(.tdx) + ["query_vm_capabilities"], "flag-mismatch", right: (4, "KVM_WOULD_SET_FLAGS")),
    VariantCase(
      "fd-before-flags", early(.swProtected) + ["kvm_arch_init_vm_flags"], "has-private-mem-changed",
      right: (4, "KVM_WOULD_SET_FLAGS")),
    VariantCase(
      "fd-before-flags", early(.snp) + ["kvm_arch_init_vm_flags", "vm_init"], "has-private-mem-changed",
      right: (4, "KVM_WOULD_SET_FLAGS")),
    VariantCase(
      "flags-from-type+fd-before-flags", early(.default) + ["query_vm_capabilities"], "flag-mismatch",
      right: (4, "KVM_WOULD_SET_FLAGS")),
    VariantCase("tdx-without-private-mem", Schedule.visible(.tdx) + ["query_vm_capabilities"], "flag-mismatch"),
    VariantCase(
      "right",
      ["load_modules cpu=INTEL", "kvm_create_vm type=SW_PROTECTED_VM", "kvm_create_vm_memslots watch_decisions=true"],
      "has-private-mem-read-early"),
    VariantCase(
      "flags-from-type",
      ["load_modules cpu=INTEL", "kvm_create_vm type=TDX_VM", "kvm_create_vm_memslots watch_decisions=true"],
      "has-private-mem-read-early"),
  ]

  /// Those of coco-flags.m about ioctls.
  static let ioctls: [VariantCase] = [
    VariantCase(
      "sev-init-on-typed-vm",
      Schedule.visible(.sev) + ["KVM_SEV_INIT es=false", "KVM_CREATE_VCPU vcpu=0", "KVM_RUN vcpu=0"],
      "run-before-init2", right: (7, "-EINVAL")),
    VariantCase(
      "second-init2", Schedule.visible(.sev) + ["KVM_SEV_INIT2", "KVM_SEV_INIT2"], "sev-initialised-twice",
      right: (8, "-EINVAL")),
    VariantCase(
      "init2-clears-private-mem", Schedule.visible(.snp) + ["KVM_SEV_INIT2"], "has-private-mem-changed"),
    VariantCase(
      "pre-fault-before-finalize",
      Schedule.visible(.snp) + ["KVM_CREATE_VCPU vcpu=0", "KVM_PRE_FAULT_MEMORY vcpu=0"], "pre-fault-too-early",
      right: (8, "-EOPNOTSUPP")),
    VariantCase(
      "silent-no-op-refused", Schedule.legacyES + ["vcpu_ioctl vcpu=0 ioctl=GET_FPU"], "gated-ioctl-answer",
      right: (11, "SUCCESS")),
    VariantCase(
      "refusal-made-silent",
      Schedule.visible(.tdx) + [
        "KVM_TDX_INIT_VM debug=false", "KVM_CREATE_VCPU vcpu=0", "vcpu_ioctl vcpu=0 ioctl=GET_REGS",
      ], "gated-ioctl-answer", right: (9, "-EINVAL")),
    VariantCase(
      "vmsa-not-sealed", Schedule.legacyES + ["vcpu_ioctl vcpu=0 ioctl=SET_REGS"], "vmsa-touched"),
    VariantCase(
      "attributes-unchecked",
      Schedule.visible(.default) + ["KVM_SET_MEMORY_ATTRIBUTES gfn=4096 private=true"],
      "private-attribute-without-private-memory", right: (7, "-EINVAL")),
    VariantCase(
      "readonly-unchecked", Schedule.visible(.tdx) + ["KVM_SET_USER_MEMORY_REGION2 slot=0 kind=READONLY_SLOT"],
      "readonly-slot-with-protected-state", right: (7, "-EINVAL")),
  ]

  static let all = types + creation + ioctls
}

/// Each violated variant runs on the engine to exactly its event, and the right kernel stops where it should.
@Suite struct VirtualMachineVariantTests {
  @Test(
    "a variant's trace succeeds until its last step, and that ends in its event and nothing else",
    arguments: VariantCase.all)
  func reproduces(_ variant: VariantCase) throws {
    var machine = Machine(policy: try #require(KernelPolicy(named: variant.policy)))
    for (number, text) in variant.calls.enumerated() {
      let outcome = try machine.call(text)
      let isLast = number == variant.calls.count - 1
      let expected = text == "module_load_fails" ? "-ENOMEM" : "SUCCESS"
      if !isLast { #expect(outcome == Outcome(expected), "\(text)") }
      if isLast { #expect(outcome.checks.map(\.name) == [variant.event], "\(text): \(outcome)") }
    }
  }

  @Test(
    "on the right kernel nothing is damaged, and the first other answer is where it should be",
    arguments: VariantCase.all)
  func rightKernelStops(_ variant: VariantCase) throws {
    var broken = Machine(policy: try #require(KernelPolicy(named: variant.policy)))
    var right = Machine(policy: .right)
    var stop: (Int, String)?
    for (number, text) in variant.calls.enumerated() where stop == nil {
      let deviating = try broken.call(text)
      let outcome = try right.call(text)
      if variant.event != "has-private-mem-read-early" { #expect(outcome.checks == [], "\(text)") }
      if outcome.status != deviating.status { stop = (number, outcome.status) }
    }
    #expect(stop?.0 == variant.rightStop?.0)
    #expect(stop?.1 == variant.rightStop?.1)
  }

  @Test("every deviation of this part has a trace here, and every check a name that the engine lists")
  func coverage() {
    let parts = Set(VariantCase.all.flatMap { $0.policy.split(separator: "+").map(String.init) })
    #expect(parts.count == 21)
    let listed = Set(EngineCheck.all.map(\.name))
    for variant in VariantCase.all { #expect(listed.contains(variant.event), "\(variant.event)") }
  }

  /// A deviation changes a trace in its answers, checks or observables only if the trace does what it is about.
  @Test(
    "a deviation changes exactly the traces that it is about",
    arguments: Array(Set(VariantCase.all.map(\.policy))).sorted())
  func changesOnlyWhatItNames(_ policy: String) throws {
    for variant in VariantCase.all {
      let differs = try Self.transcript(variant.calls, policy) != Self.transcript(variant.calls, "right")
      #expect(differs == Self.concerns(policy, variant), "\(policy): \(variant.testDescription)")
    }
  }

  /// Whether a trace does what the deviation is about.
  private static func concerns(_ policy: String, _ variant: VariantCase) -> Bool {
    let calls = variant.calls
    let last = calls.last ?? ""
    let storesFlaggedType =
      calls.contains("kvm_arch_init_vm_type")
      && calls.contains {
        ["SW_PROTECTED_VM", "SNP_VM", "TDX_VM"].contains(String($0.dropFirst("kvm_create_vm type=".count)))
      }
    switch policy {
    case "right": return false
    case "flags-from-type": return storesFlaggedType
    case "fd-before-flags": return variant.policy.contains("fd-before-flags")
    case "flags-from-type+fd-before-flags": return storesFlaggedType || variant.policy == policy
    case "assign-mask-after-vendor":
      return calls.contains("kvm_x86_vendor_init") || calls.contains("load_modules cpu=AMD")
    case "check-type-after-truncation-u8": return last.contains("bits_")
    case "check-type-after-truncation-u32": return last == "KVM_CREATE_VM type=0 bits_32_63=true"
    case "no-below-32-test": return last.hasPrefix("KVM_CREATE_VM")
    case "thirty-third-type":
      return calls.contains { $0.hasPrefix("kvm_x86_vendor_init_end") || $0.hasPrefix("load_modules") }
    case "tdx-without-private-mem": return calls.contains("kvm_create_vm type=TDX_VM") && calls.contains("vm_init")
    default: return variant.policy == policy
    }
  }

  /// What a machine answers and shows after every call.
  private static func transcript(_ calls: [String], _ policy: String) throws -> [String] {
    var machine = Machine(named: policy)
    var lines: [String] = []
    for text in calls {
      let outcome = try machine.call(text)
      lines.append("\(outcome)")
      for observable in Machine.observables where observable.indices.isEmpty {
        lines.append("\(observable.name)=\(try machine.observe(observable.name))")
      }
      for bit in 0..<32 { lines.append("\(try machine.observe("vm_types_mask", ["bit": .integer(bit)]))") }
      for name in ["guest_state_protected", "vmsa_touched"] {
        lines.append("\(name)=\(try machine.observe(name, ["vcpu": .integer(0)]))")
      }
    }
    return lines
  }
}
