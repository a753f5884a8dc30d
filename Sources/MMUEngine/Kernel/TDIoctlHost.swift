/// The locks of the ioctls that change a TD's state, and the SEAMCALLs under them.
///
/// Threads of userspace interleave at every lock and at every begin and end of a SEAMCALL. A lock that somebody holds makes
/// a thread wait: the micro-step answers so, and nothing changes. The module never waits: its locks are try-locks, a call
/// that meets one is busy, and what the kernel makes of that depends on the ioctl.
///
/// Since 15945e9ec195 the three TDX ioctls take the same guard: kvm->lock, every vcpu->mutex, slots_lock, in this order,
/// and none goes on while a vCPU is being created. So one of them at a time is between its checks and its last SEAMCALL.
/// Before, FINALIZE took kvm->lock and slots_lock, INIT_MEM_REGION its vcpu->mutex and slots_lock, INIT_VCPU its mutex.
///
/// Abstraction: KVM_TDX_INIT_VM has succeeded, and one more vCPU than the threads use has been initialised, because
/// MR.FINALIZE wants one; nobody else takes its mutex, so the guard takes it unseen. The guard may take the mutexes in any
/// order: whoever takes more than one holds kvm->lock. KVM_RUN and vcpu_load are left out; a region is one page.
/// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_acquire_vm_state_locks; TDX module 1.5.01, sharex locks.
package struct TDIoctlHost: Hashable, Sendable {
  package let policy: KernelPolicy
  /// The TD; nil before `locks_td`.
  package private(set) var td: ContendedTD?

  package init(policy: KernelPolicy) { self.policy = policy }

  /// A VM with an initialised TD and no vCPU that userspace uses yet; one whose ioctls are over is destroyed first.
  ///
  /// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, __tdx_td_init.
  package mutating func createTD(vcpus: Int, threads: Int) throws(NotNow) -> Outcome {
    if let td {
      guard td.threads.allSatisfy({ $0.step == .idle }) else { throw .refuse }
    }
    guard (1...8).contains(vcpus), (1...8).contains(threads) else { throw .refuse }
    td = ContendedTD(policy: policy, vcpus: vcpus, threads: threads)
    return Outcome()
  }

  /// Runs a micro-step on the TD.
  package mutating func make(_ step: (inout ContendedTD) throws(NotNow) -> Outcome) throws(NotNow) -> Outcome {
    guard var changed = td else { throw .refuse }
    let outcome = try step(&changed)
    td = changed
    return outcome
  }

  /// The checks of this part, `KVM_BUG_ON` excepted, which other parts have too.
  package static let checks: [EngineCheck] = [
    EngineCheck("seamcalls-overlap", "two SEAMCALLs that change one TD's state were in flight at a time"),
    EngineCheck("state-change-during-creation", "MR.FINALIZE began while a vCPU was being created"),
  ]
}

/// A TD, its vCPUs, the locks of its VM, and the threads.
package struct ContendedTD: Hashable, Sendable {
  package let policy: KernelPolicy
  package var platform: TDXPlatform
  /// The TDR page.
  package let tdr: PFN
  package var vcpus: [TDIoctlVCPU]
  package var threads: [IoctlThread]
  /// The thread that holds kvm->lock.
  package var kvmLockHolder: Int?
  /// The thread that holds slots_lock.
  package var slotsLockHolder: Int?
  /// `kvm_tdx->state == TD_STATE_RUNNABLE`.
  package var isRunnable = false
  /// `kvm->vm_bugged`.
  package var isBugged = false
  /// The next frame that KVM_TDX_INIT_MEM_REGION is asked for.
  package var nextFrame = Self.frames.lowerBound

  /// The frames of the one table of leaves.
  package static let frames = GFN(0x200)..<GFN(0x400)

  /// A TD after KVM_TDX_INIT_VM, on a machine with a processor for each thread.
  package init(policy: KernelPolicy, vcpus: Int, threads: Int) {
    var size = PlatformSize()
    size.vcpus = threads
    size.poolFrames = 0x1000..<0x1210
    self.policy = policy
    platform = TDXPlatform(size: size, omissions: policy.has(.vpInitShared) ? [.exclusiveVPInit] : [])
    self.vcpus = Array(repeating: TDIoctlVCPU(), count: vcpus)
    self.threads = Array(repeating: IoctlThread(), count: threads)
    tdr = platform.memory.allocate(.control, for: "TDR")
    build()
  }

  /// The SEAMCALLs of KVM_TDX_INIT_VM, of the tables, and of the vCPU that userspace initialised before.
  private mutating func build() {
    issue(.manageCreate(tdr: tdr.address, key: HKID(2)))
    issue(.keyConfigure(tdr: tdr.address))
    for _ in 0..<TrustDomain.controlPageCount {
      issue(.addControlPage(platform.memory.allocate(.control, for: "TDCS").address, tdr: tdr.address))
    }
    issue(.manageInitialize(tdr: tdr.address))
    var level = platform.size.topLevel
    while level > .page4K, let below = level.below {
      let table = platform.memory.allocate(.control, for: "S-EPT table")
      let info = PageInfo(Self.frames.lowerBound.aligned(to: level), level)
      issue(.addTable(info, tdr: tdr.address, page: table.address))
      level = below
    }
    let tdvpr = platform.memory.allocate(.control, for: "TDVPR")
    issue(.createVCPU(tdvpr.address, tdr: tdr.address))
    issue(.initializeVCPU(tdvpr.address, version: 1))
  }

  /// Issues a SEAMCALL that nothing can refuse, for nobody else uses the TD yet.
  private mutating func issue(_ call: SEAMCall) {
    do { try platform.execute(call) } catch {
      preconditionFailure("\(call.name) refused while the TD is being built: \(error.code.name)")
    }
  }

  /// Whether the ioctl takes the guard: kvm->lock, all mutexes, slots_lock.
  ///
  /// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_acquire_vm_state_locks; fixes 15945e9ec195, 94428e3ba325.
  package func takesGuard(_ ioctl: TDIoctl) -> Bool {
    switch ioctl {
    case .none, .createVCPU: false
    case .initVCPU: !policy.has(.linux616Locks) && !policy.has(.initVCPUOwnMutex)
    case .initMemRegion, .finalize: !policy.has(.linux616Locks)
    }
  }

  /// Whether created_vcpus is not online_vcpus.
  package var isCreatingVCPU: Bool { vcpus.contains { $0.phase == .creating } }

  /// What the thread does next, where it is not what was asked for.
  func instead(_ thread: Int) -> NotNow {
    threads[thread].call != nil ? NotNow("SEAMCALL_END") : NotNow(threads[thread].step.operation)
  }

  /// Requires the thread to be at this step, and in no SEAMCALL.
  func require(_ step: IoctlStep, of thread: Int) throws(NotNow) {
    guard threads[thread].step == step, threads[thread].call == nil else { throw instead(thread) }
  }
}
