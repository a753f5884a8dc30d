/// What the kernel keeps about a TDX VM: `struct kvm`, `struct kvm_tdx`, its memslots, its guest_memfd, its threads.
///
/// Scope: one TD; memslots of one page, all bound to one guest_memfd, so that slot, attribute and file offset are named by
/// a guest frame.
/// Source: Linux 6.16 and 6.19 arch/x86/kvm/vmx/tdx.c, virt/kvm/guest_memfd.c.

/// Memslot and attribute of one guest frame.
package enum FrameState: String, Hashable, Sendable {
  case isPrivate = "R_PRIVATE"
  case shared = "R_SHARED"
  /// The slot is being deleted (`KVM_MEMSLOT_INVALID`).
  case invalid = "R_INVALID"
  /// No slot.
  case none = "R_NONE"
}

/// How far the destruction of a VM has come.
package enum DestructionPhase: Hashable, Sendable, CaseIterable {
  case live
  case flush
  case writeBack
  case reclaim
  case controlPages
  case rootPage
  case rootWriteBack
  /// The HKID could not be released: everything is given up for ever.
  case leaked
}

/// What a vCPU's thread is doing in the kernel, when it is not in the guest.
package enum FaultStep: Hashable, Sendable {
  /// Nothing: it may enter, or take a fault.
  case idle
  /// mmu_lock read; the table's entry is frozen, SEPT.ADD comes next.
  case tableFrozen(GFN, ShadowPage)
  /// mmu_lock read; SEPT.ADD has succeeded, the entry is to be published.
  case tableAdded(GFN, ShadowPage)
  /// mmu_lock read; the leaf's entry is frozen, PAGE.AUG comes next.
  case leafFrozen(GFN, PFN)
  /// mmu_lock read; PAGE.AUG has succeeded.
  case leafAugmented(GFN, PFN)
  /// PAGE.AUG was refused for good: KVM_BUG_ON comes next.
  case refused

  /// Whether mmu_lock is held for read.
  package var holdsMMULock: Bool {
    switch self {
    case .idle, .refused: false
    case .tableFrozen, .tableAdded, .leafFrozen, .leafAugmented: true
    }
  }
}

/// A vCPU's thread.
package struct VCPUThread: Hashable, Sendable {
  /// The TDVPR page.
  package let tdvpr: PFN
  /// TDVPS pages behind it.
  package var pages: [PFN] = []
  package var fault: FaultStep = .idle
  /// Kicked, and not out of the guest since (`KVM_REQ_OUTSIDE_GUEST_MODE`'s IPI).
  package var exitRequested = false
}

/// A page of the file.
package struct FilePage: Hashable, Sendable {
  package let page: PFN
  /// The initial image has been put in (folio uptodate); a second population is refused.
  package var isPrepared = false
}

/// What KVM_TDX_INIT_MEM_REGION has in hand, when it is split into steps.
package struct Population: Hashable, Sendable {
  package let gfn: GFN
  package let page: PFN
  /// The module's PAGE.ADD has succeeded.
  package var isAdded = false
}

/// The VM.
package struct TDXVirtualMachine: Hashable, Sendable {
  /// The kernel that made it.
  package let version: KernelVersion
  package let tdr: PFN
  /// TDCS pages.
  package var controlPages: [PFN] = []
  /// Host key identifier (`kvm_tdx->hkid`); nil when released (−1).
  package var hkid: HKID?
  /// The key that the TD had: its lines are looked for after the release too.
  package let key: HKID
  package var mirror: MirrorTable
  package var vcpus: [VCPUThread] = []
  /// Slots and attributes; frames without an entry have no slot.
  package var frames: [GFN: FrameState] = [:]
  /// The file's pages by guest frame.
  package var file: [GFN: FilePage] = [:]
  package var isFileOpen = true
  /// `kvm_tdx->state == TD_STATE_RUNNABLE`.
  package var isRunnable = false
  /// `kvm->vm_bugged`.
  package var isBugged = false
  /// A busy SEAMCALL of a zap is to be tried a second time.
  package var isRetrying = false
  /// `nr_premapped` (6.16).
  package var premappedCount = 0
  /// Pages that a mapping holds a reference on (6.16).
  package var pinned: Set<PFN> = []
  package var population: Population?
  /// FINALIZE is between the module's state change and KVM's, and holds slots_lock.
  package var isFinalizing = false
  /// Packages whose CACHE.WB was interrupted, and those where it is through.
  package var interruptedPackages: Set<PackageID> = []
  package var writtenBackPackages: Set<PackageID> = []
  /// Packages whose CACHE.WB failed, and vCPUs whose VP.FLUSH did: KVM warns or asserts, and has been there all the same.
  package var failedPackages: Set<PackageID> = []
  package var unflushedVCPUs: Set<Int> = []
  package var job: ZapJob?
  /// Secure-EPT pages of tables that are out of the mirror and that the module did not give back.
  package var givenUpTables: [GFN: PFN] = [:]
  /// What the module answered to a removal that it refused last.
  package var lastRefusal: TDXStatusCode?
  /// A SEAMCALL of the destruction was refused that KVM asserts to succeed: KVM_BUG_ON comes next.
  package var hasPendingBug = false
  package var phase: DestructionPhase = .live

  /// The page of a frame in the file; nil when none is allocated.
  package func page(at gfn: GFN) -> PFN? { file[gfn]?.page }

  /// Whether mmu_lock is held for read: by a fault, or by a population in the middle of an install (6.19).
  package var isReadLocked: Bool {
    vcpus.contains { $0.fault.holdsMMULock } || version.initialImage == .addedInInstall && population != nil
  }

  /// Whether mmu_lock is held for write: by a job from its lock to its unlock.
  package var isWriteLocked: Bool { job?.holdsMMULock ?? false }

  /// Whether some kicked vCPU has not left the guest yet.
  package var awaitsExits: Bool { vcpus.contains { $0.exitRequested } }
}
