/// How the ioctls start, take the kernel's locks in their order, and give them up.
extension ContendedTD {
  /// KVM_CREATE_VCPU, first time under kvm->lock: the vCPU is counted as created.
  ///
  /// The lock is taken and dropped inside the step, so all that matters is that nobody holds it.
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu.
  package mutating func beginCreation(_ thread: Int, _ vcpu: Int) throws(NotNow) -> Outcome {
    try require(.idle, of: thread)
    guard !isBugged, !isRunnable else { return Outcome("-EIO") }
    guard kvmLockHolder == nil else { throw .wait }
    guard vcpus[vcpu].phase == .absent else { return Outcome("-EEXIST") }
    threads[thread] = IoctlThread(ioctl: .createVCPU, step: .creation, vcpu: vcpu)
    vcpus[vcpu].phase = .creating
    return Outcome()
  }

  /// KVM_CREATE_VCPU, second time under kvm->lock: the vCPU is online, with its descriptor.
  ///
  /// Source: Linux 6.16 virt/kvm/kvm_main.c, kvm_vm_ioctl_create_vcpu.
  package mutating func endCreation(_ thread: Int, _ vcpu: Int) throws(NotNow) -> Outcome {
    try require(.creation, of: thread)
    guard threads[thread].vcpu == vcpu else { throw .refuse }
    guard kvmLockHolder == nil else { throw .wait }
    threads[thread] = IoctlThread()
    vcpus[vcpu].phase = .online
    return Outcome()
  }

  /// An ioctl on a vCPU's descriptor: KVM_TDX_INIT_VCPU or KVM_TDX_INIT_MEM_REGION.
  ///
  /// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_vcpu_unlocked_ioctl; Linux 6.16 virt/kvm/kvm_main.c, kvm_vcpu_ioctl.
  package mutating func startOnVCPU(_ thread: Int, _ ioctl: TDIoctl, _ vcpu: Int) throws(NotNow) -> Outcome {
    try require(.idle, of: thread)
    guard vcpus[vcpu].phase.isOnline else { throw .refuse }
    guard !isBugged else { return Outcome("-EIO") }
    let startsWithGuard = takesGuard(ioctl) && !policy.has(.guardInsideMutex)
    var started = IoctlThread(ioctl: ioctl, step: startsWithGuard ? .kvmLock : .mutex, vcpu: vcpu)
    if ioctl == .initMemRegion {
      guard nextFrame < Self.frames.upperBound else { throw .refuse }
      started.gfn = nextFrame
      nextFrame = GFN(nextFrame.rawValue + 1)
    }
    threads[thread] = started
    return Outcome()
  }

  /// KVM_TDX_FINALIZE_VM. Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_vm_ioctl.
  package mutating func startFinalize(_ thread: Int) throws(NotNow) -> Outcome {
    try require(.idle, of: thread)
    guard !isBugged else { return Outcome("-EIO") }
    threads[thread] = IoctlThread(ioctl: .finalize, step: .kvmLock)
    return Outcome()
  }

  /// kvm->lock. The guard then goes no further while a vCPU is between its two counts: such a vCPU has no mutex to take.
  ///
  /// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_acquire_vm_state_locks.
  package mutating func lockKVM(_ thread: Int) throws(NotNow) -> Outcome {
    try require(.kvmLock, of: thread)
    guard kvmLockHolder == nil else { throw .wait }
    let isGuard = takesGuard(threads[thread].ioctl)
    guard !isGuard || !isCreatingVCPU else {
      threads[thread].step = .unlock
      return Outcome("-EBUSY")
    }
    kvmLockHolder = thread
    threads[thread].step = isGuard ? .mutex : .slotsLock
    return Outcome()
  }

  /// A vcpu->mutex: of the ioctl's own vCPU, or of any online one for the guard, which has kvm->lock.
  ///
  /// No vCPU comes online meanwhile, for that takes kvm->lock.
  /// Source: Linux 6.19 virt/kvm/kvm_main.c, kvm_lock_all_vcpus; kvm_vcpu_ioctl.
  package mutating func lockVCPU(_ thread: Int, _ vcpu: Int) throws(NotNow) -> Outcome {
    try require(.mutex, of: thread)
    let isGuard = kvmLockHolder == thread
    guard vcpus[vcpu].phase.isOnline, isGuard || threads[thread].vcpu == vcpu else { throw .refuse }
    guard vcpus[vcpu].mutexHolder != thread else { throw .refuse }
    guard vcpus[vcpu].mutexHolder == nil else { throw .wait }
    vcpus[vcpu].mutexHolder = thread
    if !isGuard { threads[thread].step = stepAfterOwnMutex(threads[thread].ioctl) }
    return Outcome()
  }

  /// What follows the ioctl's own mutex, when it is the first lock.
  private func stepAfterOwnMutex(_ ioctl: TDIoctl) -> IoctlStep {
    if takesGuard(ioctl) { return .kvmLock }
    return ioctl == .initMemRegion ? .slotsLock : .check
  }

  /// slots_lock, the last one; for the guard after every mutex.
  ///
  /// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_acquire_vm_state_locks.
  package mutating func lockSlots(_ thread: Int) throws(NotNow) -> Outcome {
    let hasAllMutexes =
      threads[thread].step == .mutex && kvmLockHolder == thread
      && vcpus.allSatisfy { !$0.phase.isOnline || $0.mutexHolder == thread }
    if !hasAllMutexes { try require(.slotsLock, of: thread) }
    guard slotsLockHolder == nil else { throw .wait }
    slotsLockHolder = thread
    threads[thread].step = .check
    return Outcome()
  }

  /// The ioctl's checks, under its locks.
  ///
  /// What they find stays true up to the last SEAMCALL only if the locks keep everybody else out; that is the property.
  /// Source: Linux 6.16 arch/x86/kvm/vmx/tdx.c, tdx_td_finalize, tdx_vcpu_init, tdx_vcpu_init_mem_region.
  package mutating func checkState(_ thread: Int) throws(NotNow) -> Outcome {
    try require(.check, of: thread)
    let phase = threads[thread].vcpu.map { vcpus[$0].phase }
    let wanted: TDVCPUPhase?
    switch threads[thread].ioctl {
    case .none, .createVCPU, .finalize: wanted = phase
    case .initVCPU: wanted = .online
    case .initMemRegion: wanted = .initialized
    }
    guard !isBugged, !isRunnable, phase == wanted else {
      threads[thread].step = .unlock
      return Outcome(isBugged ? "-EIO" : "-EINVAL")
    }
    threads[thread].step = threads[thread].ioctl == .finalize ? .secondCall : .firstCall
    return Outcome()
  }

  /// Every lock that the thread holds is dropped, and the ioctl returns.
  ///
  /// Source: Linux 6.19 arch/x86/kvm/vmx/tdx.c, tdx_release_vm_state_locks.
  package mutating func unlock(_ thread: Int) throws(NotNow) -> Outcome {
    try require(.unlock, of: thread)
    if kvmLockHolder == thread { kvmLockHolder = nil }
    if slotsLockHolder == thread { slotsLockHolder = nil }
    for vcpu in vcpus.indices where vcpus[vcpu].mutexHolder == thread { vcpus[vcpu].mutexHolder = nil }
    threads[thread] = IoctlThread()
    return Outcome()
  }
}
