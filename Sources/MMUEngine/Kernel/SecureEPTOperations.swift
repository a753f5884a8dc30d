/// The table of operations of the Secure-EPT part: how rows are made, and what they have in common.
///
/// A row named like a SEAMCALL is the kernel's micro-step that issues it: first the kernel's own precondition
/// (`KVM_WOULD_…` when the agent would do something else), then the module's checks; the module's status is the row's.

extension Parameter {
  /// A guest frame number; of a table: its first.
  static let gfn = Parameter("gfn", .integer(of: "gfn"))
  /// A host frame of the pool for guest memory and tables of leaves.
  static let pfn = Parameter("pfn", .integer(of: "pfn"))
  /// A vCPU, from 0.
  static let vcpu = Parameter("vcpu", .integer(of: "vcpu"))
  /// A vCPU whose fault path is meant; without it the job is.
  static let optionalVCPU = Parameter("vcpu", .integer(of: "vcpu"), isOptional: true)
  /// A processor package, from 0.
  static let package = Parameter("package", .integer(of: "package"))
  /// The module's level: 0 a leaf entry, 1 an entry that points to a table of leaves.
  static let level = Parameter("level", .integer(of: "level"))
  /// 1: another call holds the lock; without it: nobody.
  static let busy = Parameter("busy", .integer(of: "flag"), isOptional: true)
  /// How many SEAMCALLs go through before; without it: none.
  static let after = Parameter("after", .integer(of: "count"), isOptional: true)
  /// 1: an interrupt is pending; without it: none.
  static let interrupt = Parameter("interrupt", .integer(of: "flag"), isOptional: true)
}

extension Machine {
  /// The rows of the Secure-EPT part.
  package static let secureEPTOperations: [Operation] =
    [platformOperation] + creationOperations + vcpuOperations + jobOperations + destructionOperations

  /// Every micro-step that the kernel may name instead of the one that was asked for.
  static let alternatives: [String] = [
    "WAIT", "REFUSE", "INIT_MEM_LINK_TABLE", "INIT_MEM_PREMAP", "INIT_MEM_FREEZE", "INIT_MEM_PUBLISH", "PAGE_ADD",
    "MR_FINALIZE",
    "VP_ENTER",
    "VP_ENTER_END", "VCPU_EXIT", "ACCEPT_BEGIN", "ACCEPT_END", "FAULT_FREEZE_TABLE", "SEPT_ADD", "FAULT_PUBLISH_TABLE",
    "FAULT_FREEZE_LEAF", "PAGE_AUG", "FAULT_PUBLISH_LEAF", "JOB_LOCK", "ZAP_LEAF", "ZAP_TABLE", "BLOCK", "TRACK",
    "TRACK_SKIPPED", "KICK", "UNBLOCK", "FREE_EARLY", "REMOVE", "SEPT_REMOVE", "WBINVD", "KVM_BUG_ON", "JOB_UNLOCK",
    "PUNCH_TRUNCATE", "CONVERT_STORE", "DELETE_FINISH", "CLOSE_TRUNCATE", "INVALIDATE_END", "VM_RELEASE", "CLOSE_GMEM",
    "VP_FLUSH", "VPFLUSHDONE", "CACHE_WB", "KEY_FREEID", "RECLAIM_TABLE", "RECLAIM_DIRECTORY", "RECLAIM_TDCS",
    "RECLAIM_TDR", "WBINVD_TDR",
  ].map { "KVM_WOULD_\($0)" }

  /// A row that is one micro-step of the kernel, of a guest, or of the environment.
  static func step(
    _ name: String, _ parameters: [Parameter], _ statuses: [String], _ summary: String, source: String,
    _ body: @escaping @Sendable (inout TDXHost, CheckedArguments) throws(Stop) -> Void
  ) -> Operation {
    let all = ["SUCCESS"] + statuses + alternatives
    return Operation(name, parameters, statuses: all, summary: summary, source: source) {
      (machine: inout Machine, given: [String: Argument]) throws(OperationError) -> Outcome in
      let arguments = try CheckedArguments(name, parameters, given)
      let shown = parameters.compactMap { parameter in given[parameter.name].map { "\(parameter.name)=\($0)" } }
      return try machine.runSecureEPT(name, arguments, ([name] + shown).joined(separator: " "), body)
    }
  }

  /// The size of the machine; a setup step.
  static let platformOperation = step(
    "platform", [Parameter("vcpus", .integer(of: "count")), Parameter("packages", .integer(of: "count"))], [],
    "sets how many vCPUs a TD and how many packages the machine has; before the first TD only",
    source: "the environment's choice"
  ) { host, arguments throws(Stop) in
    let (vcpus, packages) = (arguments.integer("vcpus"), arguments.integer("packages"))
    guard host.vm == nil, (1...16).contains(vcpus), (1...8).contains(packages) else { throw .refuse }
    var size = PlatformSize()
    size.vcpus = vcpus
    size.packages = packages
    host = TDXHost(policy: host.policy, size: size)
  }
}
