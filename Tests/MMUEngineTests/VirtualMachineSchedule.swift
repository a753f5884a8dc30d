import MMUEngine

/// An operation with its arguments, written as a directive writes it: `KVM_CREATE_VCPU vcpu=0`.
struct Call: CustomStringConvertible {
  let name: String
  let arguments: [String: Argument]
  let description: String

  init(_ text: String) {
    description = text
    let words = text.split(separator: " ").map(String.init)
    name = words.first ?? ""
    var arguments: [String: Argument] = [:]
    for word in words.dropFirst() {
      let halves = word.split(separator: "=", maxSplits: 1).map(String.init)
      arguments[halves[0]] = Self.argument(halves.count == 2 ? halves[1] : "")
    }
    self.arguments = arguments
  }

  /// A truth value, a number, or else a name.
  private static func argument(_ text: String) -> Argument {
    if text == "true" || text == "false" { return .boolean(text == "true") }
    return Int(text).map { .integer($0) } ?? .symbol(text)
  }
}

extension Machine {
  /// A machine with this policy; a name that is no policy's gives the right kernel, which tests notice.
  init(named policy: String) { self.init(policy: KernelPolicy(named: policy) ?? .right) }

  /// Makes a call that is written as a directive writes it.
  @discardableResult
  mutating func call(_ text: String) throws -> Outcome {
    let call = Call(text)
    return try perform(call.name, call.arguments)
  }

  /// A machine on which these calls have been made.
  static func after(_ calls: [String], policy: String = "right") throws -> Machine {
    var machine = Machine(named: policy)
    for text in calls { try machine.call(text) }
    return machine
  }
}

/// Sequences of operations that tests share.
enum Schedule {
  /// The load of kvm-intel up to /dev/kvm.
  static func intel(
    mmu: String = "", swProtected: Bool = false, tdx: String = "tdx=false result=WORKS"
  ) -> [String] {
    [
      "modprobe cpu=INTEL", "kvm_x86_vendor_init", "kvm_configure_mmu \(mmu)",
      "kvm_x86_vendor_init_end config_sw_protected=\(swProtected)", "tdx_bringup \(tdx)", "vt_init_advertise_tdx",
      "kvm_init",
    ]
  }

  /// The load of kvm-amd up to /dev/kvm.
  static func amd(sev: String = "sev=false", swProtected: Bool = false) -> [String] {
    [
      "modprobe cpu=AMD", "kvm_x86_vendor_init", "kvm_configure_mmu", "sev_hardware_setup \(sev)", "svm_set_cpu_caps",
      "kvm_x86_vendor_init_end config_sw_protected=\(swProtected)", "kvm_init",
    ]
  }

  /// Whose host offers a VM of the type.
  static func vendor(of type: VMType) -> String { type.isTypedSEV ? "AMD" : "INTEL" }

  /// A host that offers everything, and KVM_CREATE_VM of one type up to, not including, the descriptor.
  static func created(_ type: VMType, on vendor: String? = nil) -> [String] {
    [
      "load_modules cpu=\(vendor ?? Self.vendor(of: type))", "kvm_create_vm type=\(type.rawValue)",
      "kvm_create_vm_memslots", "kvm_arch_init_vm_type", "kvm_arch_init_vm_flags", "vm_init",
    ]
  }

  /// The same with the descriptor.
  static func visible(_ type: VMType, on vendor: String? = nil) -> [String] {
    created(type, on: vendor) + ["kvm_install_fd"]
  }

  /// A legacy SEV-ES guest with one vCPU, whose state is encrypted.
  static let legacyES =
    visible(.default, on: "AMD") + [
      "KVM_SEV_INIT es=true", "KVM_CREATE_VCPU vcpu=0", "KVM_SEV_LAUNCH_START", "KVM_SEV_LAUNCH_UPDATE_VMSA",
    ]

  /// A TD that can be run, with one vCPU.
  static let runnableTD =
    visible(.tdx) + [
      "KVM_TDX_INIT_VM debug=false", "KVM_CREATE_VCPU vcpu=0", "KVM_TDX_INIT_VCPU vcpu=0", "KVM_TDX_FINALIZE_VM",
    ]
}
