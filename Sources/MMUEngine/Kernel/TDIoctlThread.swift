/// What a thread of userspace is doing in an ioctl that changes a TD's state, and the words for it.

/// The ioctls.
package enum TDIoctl: Hashable, Sendable {
  case none
  /// KVM_CREATE_VCPU.
  case createVCPU
  /// KVM_TDX_INIT_VCPU.
  case initVCPU
  /// KVM_TDX_INIT_MEM_REGION.
  case initMemRegion
  /// KVM_TDX_FINALIZE_VM.
  case finalize
}

/// What a thread does next. The raw values are the names that observables show.
package enum IoctlStep: String, Hashable, Sendable, CaseIterable {
  /// In userspace.
  case idle = "L_IDLE"
  case kvmLock = "L_KVM_LOCK"
  /// One `vcpu->mutex`, or with kvm->lock held all of them.
  case mutex = "L_MUTEX"
  case slotsLock = "L_SLOTS_LOCK"
  case check = "L_CHECK"
  /// The first SEAMCALL of the ioctl, to begin or to end.
  case firstCall = "L_FIRST"
  /// The last SEAMCALL of the ioctl, to begin or to end.
  case secondCall = "L_SECOND"
  /// KVM_CREATE_VCPU between its two times under kvm->lock.
  case creation = "L_CREATE"
  /// A KVM_BUG_ON that will be hit.
  case bug = "L_BUG"
  case unlock = "L_UNLOCK"

  /// The operation that is the thread's next, as a status names it.
  var operation: String {
    switch self {
    case .idle: "REFUSE"
    case .kvmLock: "LOCK_KVM"
    case .mutex: "LOCK_VCPU"
    case .slotsLock: "LOCK_SLOTS"
    case .check: "CHECK_STATE"
    case .firstCall, .secondCall: "SEAMCALL_BEGIN"
    case .creation: "CREATE_VCPU_END"
    case .bug: "KVM_BUG_ON"
    case .unlock: "UNLOCK"
    }
  }
}

/// How far a vCPU is. The raw values are the names that observables show.
package enum TDVCPUPhase: String, Hashable, Sendable, CaseIterable {
  case absent = "VCPU_ABSENT"
  /// Counted in created_vcpus, not in online_vcpus: nobody finds it, it has no mutex to take.
  case creating = "VCPU_CREATING"
  case online = "VCPU_ONLINE"
  /// KVM_TDX_INIT_VCPU has succeeded (`VCPU_TD_STATE_INITIALIZED`).
  case initialized = "VCPU_INITIALIZED"

  /// Whether kvm_for_each_vcpu finds it.
  package var isOnline: Bool { self == .online || self == .initialized }
}

/// A vCPU as the ioctls see it.
package struct TDIoctlVCPU: Hashable, Sendable {
  package var phase = TDVCPUPhase.absent
  /// The thread that holds `vcpu->mutex`.
  package var mutexHolder: Int?
  /// Its TDVPR page, from VP.CREATE on.
  package var tdvpr: PFN?
}

/// A thread of userspace; it is in one ioctl at a time.
package struct IoctlThread: Hashable, Sendable {
  package var ioctl = TDIoctl.none
  package var step = IoctlStep.idle
  /// The vCPU that the ioctl is on.
  package var vcpu: Int?
  /// The SEAMCALL that has begun and not ended.
  package var call: SEAMCall?
  /// The frame that KVM_TDX_INIT_MEM_REGION adds.
  package var gfn: GFN?
}

/// Why a micro-step is not taken now; nothing has changed.
package struct NotNow: Error, Hashable, Sendable {
  /// What the thread does instead.
  package let instead: String

  package init(_ instead: String) { self.instead = instead }

  /// Another thread holds the lock.
  static let wait = NotNow("WAIT")
  /// Userspace or the kernel never does this in this state.
  static let refuse = NotNow("REFUSE")

  /// Every status that says so.
  static let statuses: [String] =
    (["WAIT", "SEAMCALL_END"] + Set(IoctlStep.allCases.map(\.operation)).sorted()).map { "KVM_WOULD_\($0)" }
}
