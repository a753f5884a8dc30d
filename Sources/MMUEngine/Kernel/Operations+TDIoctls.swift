/// The rows of the table of operations and of observables that are about the ioctls that change a TD's state.

extension Parameter {
  /// A thread of userspace, from 0.
  fileprivate static let thread = Parameter("thread", .integer(of: "thread"))
}

extension CheckedArguments {
  /// A thread's number.
  fileprivate var thread: Int { integer("thread") }

  /// Throws: a thread or vCPU that the scenario does not have.
  fileprivate func requireObjects(of td: ContendedTD?) throws(OperationError) {
    guard let td else { return }
    if has("thread"), !td.threads.indices.contains(thread) { throw .noSuchObject("thread \(thread)") }
    if has("vcpu"), !td.vcpus.indices.contains(vcpu) { throw .noSuchObject("vcpu \(vcpu)") }
  }
}

extension Operation {
  /// A row that is one micro-step of a thread.
  fileprivate static func ioctl(
    _ name: String, _ parameters: [Parameter] = [.thread], _ statuses: [String] = [], _ summary: String,
    source: String,
    _ body: @escaping @Sendable (inout ContendedTD, CheckedArguments) throws(NotNow) -> Outcome
  ) -> Operation {
    let all = ["SUCCESS"] + statuses + NotNow.statuses
    return Operation(name, parameters, statuses: all, summary: summary, source: source) {
      (machine: inout Machine, given: [String: Argument]) throws(OperationError) -> Outcome in
      let arguments = try CheckedArguments(name, parameters, given)
      try arguments.requireObjects(of: machine.tdIoctls.td)
      do throws(NotNow) {
        return try machine.tdIoctls.make { (td) throws(NotNow) in try body(&td, arguments) }
      } catch { return Outcome("KVM_WOULD_\(error.instead)") }
    }
  }
}

/// Every operation of this part.
let tdIoctlOperations: [Operation] = [locksTDOperation] + ioctlStarts + ioctlSteps

/// The setup.
private let locksTDOperation: Operation = {
  let parameters = [Parameter("vcpus", .integer(of: "count")), Parameter("threads", .integer(of: "count"))]
  return Operation(
    "locks_td", parameters, statuses: ["SUCCESS", "KVM_WOULD_REFUSE"],
    summary: "a TD after KVM_TDX_INIT_VM for contending ioctls; an earlier one whose ioctls are over is destroyed",
    source: "Linux 6.19 arch/x86/kvm/vmx/tdx.c, __tdx_td_init"
  ) { (machine: inout Machine, given: [String: Argument]) throws(OperationError) -> Outcome in
    let arguments = try CheckedArguments("locks_td", parameters, given)
    do throws(NotNow) {
      return try machine.tdIoctls.createTD(vcpus: arguments.integer("vcpus"), threads: arguments.integer("threads"))
    } catch { return Outcome("KVM_WOULD_\(error.instead)") }
  }
}()

/// How ioctls start.
private let ioctlStarts: [Operation] = [
  .ioctl(
    "create_vcpu_begin", [.thread, .vcpu], ["-EIO", "-EEXIST"], "KVM_CREATE_VCPU counts the vCPU as created",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu"
  ) { (td, at) throws(NotNow) in try td.beginCreation(at.thread, at.vcpu) },
  .ioctl(
    "create_vcpu_end", [.thread, .vcpu], [], "KVM_CREATE_VCPU counts the vCPU as online and returns",
    source: "Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu"
  ) { (td, at) throws(NotNow) in try td.endCreation(at.thread, at.vcpu) },
  .ioctl(
    "init_vcpu", [.thread, .vcpu], ["-EIO"], "KVM_TDX_INIT_VCPU starts",
    source: "Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_unlocked_ioctl"
  ) { (td, at) throws(NotNow) in try td.startOnVCPU(at.thread, .initVCPU, at.vcpu) },
  .ioctl(
    "init_mem_region", [.thread, .vcpu], ["-EIO"], "KVM_TDX_INIT_MEM_REGION for the next page of the image starts",
    source: "Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_unlocked_ioctl"
  ) { (td, at) throws(NotNow) in try td.startOnVCPU(at.thread, .initMemRegion, at.vcpu) },
  .ioctl(
    "finalize", [.thread], ["-EIO"], "KVM_TDX_FINALIZE_VM starts",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vm_ioctl"
  ) { (td, at) throws(NotNow) in try td.startFinalize(at.thread) },
]

/// How they go on.
private let ioctlSteps: [Operation] = [
  .ioctl(
    "lock_kvm", [.thread], ["-EBUSY"], "kvm->lock; with the guard -EBUSY while a vCPU is being created",
    source: "Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_acquire_vm_state_locks"
  ) { (td, at) throws(NotNow) in try td.lockKVM(at.thread) },
  .ioctl(
    "lock_vcpu", [.thread, .vcpu], [], "one vcpu->mutex",
    source: "Linux 6.19 virt/kvm/kvm_main.c, kvm_lock_all_vcpus, kvm_vcpu_ioctl"
  ) { (td, at) throws(NotNow) in try td.lockVCPU(at.thread, at.vcpu) },
  .ioctl(
    "lock_slots", [.thread], [], "slots_lock", source: "Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_acquire_vm_state_locks"
  ) { (td, at) throws(NotNow) in try td.lockSlots(at.thread) },
  .ioctl(
    "check_state", [.thread], ["-EINVAL", "-EIO"], "the ioctl's checks of the TD's and the vCPU's state",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_finalize, tdx_vcpu_init, tdx_vcpu_init_mem_region"
  ) { (td, at) throws(NotNow) in try td.checkState(at.thread) },
  .ioctl(
    "seamcall_begin", [.thread], ["TDX_OPERAND_BUSY", "TDX_OP_STATE_INCORRECT"],
    "the thread's next SEAMCALL: its checks and the module's locks",
    source: "TDX module 1.5.01, sharex locks; Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_vcpu_init"
  ) { (td, at) throws(NotNow) in try td.beginCall(at.thread) },
  .ioctl(
    "seamcall_end", [.thread], [], "the effects of the SEAMCALL in flight; the module's locks go",
    source: "TDX Module ABI spec, TDH.VP.CREATE, VP.INIT, MEM.PAGE.ADD, MR.EXTEND, MR.FINALIZE"
  ) { (td, at) throws(NotNow) in try td.endCall(at.thread) },
  .ioctl(
    "ioctl_bug_on", [.thread], ["KVM_BUG_ON"], "the KVM_BUG_ON after VP.CREATE or VP.INIT was refused",
    source: "Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_vcpu_init"
  ) { (td, at) throws(NotNow) in try td.hitBug(at.thread) },
  .ioctl(
    "unlock", [.thread], [], "the ioctl drops its locks and returns",
    source: "Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_release_vm_state_locks"
  ) { (td, at) throws(NotNow) in try td.unlock(at.thread) },
]

extension Observable {
  /// A value of the TD; `absent` while there is none.
  fileprivate static func contended(
    _ name: String, _ indices: [Parameter], _ summary: String, value: ArgumentKind = .boolean,
    absent: Argument = .boolean(false),
    _ read: @escaping @Sendable (borrowing ContendedTD, CheckedArguments) -> Argument
  ) -> Observable {
    Observable(name, indices: indices, value: value, summary: summary) { (machine, given) throws(OperationError) in
      let arguments = try CheckedArguments(name, indices, given)
      try arguments.requireObjects(of: machine.tdIoctls.td)
      guard let td = machine.tdIoctls.td else { return absent }
      return read(td, arguments)
    }
  }
}

/// The name of a SEAMCALL in flight, as observables show it.
private func symbol(_ call: SEAMCall?) -> String {
  guard let call else { return "C_NONE" }
  return "C_" + call.name.split(separator: ".").suffix(2).joined(separator: "_").replacing("TDH_", with: "")
}

/// Every observable of this part.
let tdIoctlObservables: [Observable] = [
  .contended(
    "thread_step", [.thread], "what the thread does next", value: .symbol(IoctlStep.allCases.map(\.rawValue)),
    absent: .symbol("L_IDLE")
  ) { td, at in .symbol(td.threads[at.thread].step.rawValue) },
  .contended(
    "seamcall", [.thread], "the thread's SEAMCALL in flight",
    value: .symbol(["C_NONE", "C_VP_CREATE", "C_VP_INIT", "C_PAGE_ADD", "C_MR_EXTEND", "C_MR_FINALIZE"]),
    absent: .symbol("C_NONE")
  ) { td, at in .symbol(symbol(td.threads[at.thread].call)) },
  .contended("kvm_lock", [.thread], "whether the thread holds kvm->lock") { td, at in
    .boolean(td.kvmLockHolder == at.thread)
  },
  .contended("slots_lock", [.thread], "whether the thread holds slots_lock") { td, at in
    .boolean(td.slotsLockHolder == at.thread)
  },
  .contended("vcpu_mutex", [.vcpu, .thread], "whether the thread holds the vCPU's mutex") { td, at in
    .boolean(td.vcpus[at.vcpu].mutexHolder == at.thread)
  },
  .contended(
    "vcpu_phase", [.vcpu], "how far the vCPU is", value: .symbol(TDVCPUPhase.allCases.map(\.rawValue)),
    absent: .symbol("VCPU_ABSENT")
  ) { td, at in .symbol(td.vcpus[at.vcpu].phase.rawValue) },
  .contended("td_finalized", [], "kvm_tdx->state is TD_STATE_RUNNABLE") { td, _ in .boolean(td.isRunnable) },
  .contended("td_bugged", [], "kvm->vm_bugged of the VM with contending ioctls") { td, _ in .boolean(td.isBugged) },
]
