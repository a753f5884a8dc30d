/// `struct kvm` as far as types and flags reach, from its allocation to its last reference.
///
/// Until the descriptor is installed only the creating thread can reach the VM. Afterwards any thread of the process
/// can call; `kvm->lock` and `slots_lock` make each ioctl modelled here one step.
///
/// Abstraction: memory, page tables and the guest are elsewhere; of a launch only the order of its commands is kept.

/// How far KVM_CREATE_VM has come.
package enum VMPhase: String, Sendable, Hashable, CaseIterable {
  /// /dev/kvm is not there.
  case noKVM = "NO_KVM"
  case noVM = "NO_VM"
  /// A zeroed `struct kvm`.
  case allocated = "ALLOCATED"
  /// The memslot address spaces are sized.
  case sized = "SIZED"
  /// The type is tested and stored.
  case typed = "TYPED"
  /// `kvm_arch_init_vm` has set the flags of the common types.
  case commonFlagsSet = "COMMON_FLAGS_SET"
  /// The vendor's `vm_init` is over.
  case ready = "READY"
}

/// How far the launch of an SEV guest has come.
package enum LaunchState: String, Sendable, Hashable, CaseIterable {
  case notStarted = "NOT_STARTED"
  case started = "STARTED"
  case finished = "FINISHED"
}

/// `kvm_tdx->state`.
package enum TDState: String, Sendable, Hashable, CaseIterable {
  case uninitialized = "TD_UNINITIALIZED"
  case initialized = "TD_INITIALIZED"
  case runnable = "TD_RUNNABLE"
}

/// What a memslot is, as its flags say.
package enum SlotKind: String, Sendable, Hashable, CaseIterable {
  case none = "NO_SLOT"
  case plain = "PLAIN_SLOT"
  case readOnly = "READONLY_SLOT"
  /// KVM_MEM_GUEST_MEMFD
  case guestMemory = "GMEM_SLOT"
}

/// `struct kvm_sev_info`, as far as initialisation and launch reach.
package struct SEVState: Sendable, Hashable {
  /// `need_init`: a typed VM cannot run before KVM_SEV_INIT2.
  package var needsInit = false
  /// `active`
  package var isActive = false
  /// `es_active`
  package var isESActive = false
  package var launch = LaunchState.notStarted
  /// How often `__sev_guest_init` succeeded. Not read by the kernel part.
  package var initializations = 0
  /// Whether KVM_SEV_INIT2 succeeded. Not read by the kernel part.
  package var initializedByInit2 = false
}

/// A vCPU's state as far as protection reaches.
package struct VirtualCPU: Sendable, Hashable {
  /// KVM_TDX_INIT_VCPU succeeded.
  package var isTDInitialized = false
  /// `guest_state_protected`
  package var isGuarded = false
  /// KVM's own copy of the registers; counts what ioctls have set.
  package var registers = 0
  /// What the guest's encrypted save area holds; nil until it is encrypted.
  package var savedState: Int?
  /// What it held when it was encrypted. Not read by the kernel part.
  package var sealedState: Int?

  package init() {}

  /// Encrypts the state: from now on it is the guest's alone.
  mutating func seal() {
    isGuarded = true
    savedState = registers
    sealedState = registers
  }
}

/// `struct kvm`.
package struct VirtualMachine: Sendable, Hashable {
  /// The argument of KVM_CREATE_VM, an unsigned long.
  package let argument: UInt64
  package var phase = VMPhase.allocated
  /// `arch.vm_type`, a u8.
  package var storedType: UInt8 = 0
  package var flags = VMFlags()
  /// How many memslot address spaces were set up.
  package var addressSpaces = 2
  /// Whether userspace has a descriptor.
  package var hasDescriptor = false
  package var sev = SEVState()
  package var tdState = TDState.uninitialized
  /// The DEBUG bit of the TD's attributes.
  package var isDebugTD = false
  package var vcpus: [Int: VirtualCPU] = [:]
  package var slots: [Int: SlotKind] = [:]
  /// The gfns with KVM_MEMORY_ATTRIBUTE_PRIVATE.
  package var privateGFNs: Set<Int> = []
  /// has_private_mem when the descriptor was installed. Not read by the kernel part.
  package var privateMemoryAtDescriptor = false
  /// Whether reads of has_private_mem before it is set count as damage.
  package var watchesDecisions = false
  /// The functions that read has_private_mem before it was set, and otherwise than it will be, in order. Not read by the kernel
  /// part.
  package var earlyDecisions: [String] = []

  package init(argument: UInt64) { self.argument = argument }

  /// The type, if the stored number is one's.
  package var type: VMType? { VMType(number: storedType) }

  /// Whether LAUNCH_FINISH or FINALIZE_VM has succeeded.
  package var isLaunched: Bool { sev.launch == .finished || tdState == .runnable }

  /// `kvm_arch_has_private_mem`: the field, or under `flags-from-type` what the stored type says.
  package func hasPrivateMemory(_ policy: KernelPolicy) -> Bool {
    policy.has(.flagsFromType) ? type?.hasPrivateMemory ?? false : flags.privateMemory
  }

  /// `has_protected_state`, read likewise.
  package func hasProtectedState(_ policy: KernelPolicy) -> Bool {
    policy.has(.flagsFromType) ? type?.hasProtectedState ?? false : flags.protectedState
  }

  /// Kernel code that decides on has_private_mem reads it through here, so that a read that comes too early is noted.
  mutating func decideOnPrivateMemory(_ reader: String, _ policy: KernelPolicy) -> Bool {
    let asked = VMType(number: UInt8(truncatingIfNeeded: argument))
    if phase != .ready, hasPrivateMemory(policy) != asked?.hasPrivateMemory { earlyDecisions.append(reader) }
    return hasPrivateMemory(policy)
  }
}
