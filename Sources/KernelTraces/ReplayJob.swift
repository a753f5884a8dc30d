/// What a task of the traced machine is doing in the kernel, as an agent of the engine.
import MMUEngine

/// An agent. A task has a stack of them: a mmu notifier runs inside the fault whose page it invalidates.
enum ReplayJob {
  /// A fault; its state is the task's, so that it steps in place.
  case fault
  case fastZap(FastZap)
  case rootsZap(RootsZap)
  /// A walk whose range the probes told.
  case walk(RootsWalk)
  /// A walk that was inferred from its events: it may end behind any entry.
  case inferred(InferredWalk)
  /// The recovery of one NX huge page.
  case recovery(NXRecovery)
  /// A vCPU's root is loaded.
  case load(RootRole, isTraced: Bool)
  /// From `invalidate_range_start` to its end.
  case invalidation(Invalidation)
  /// A memslot call and what it still has to swap.
  case memslot(SlotChange)

  /// Whether it is an inferred walk of whose last change nothing is left: what follows may be none of its doing. Behind the last
  /// event of a table's removal the table still has to be given to RCU.
  var mayEndHere: Bool {
    guard case .inferred(let walk) = self else { return false }
    return walk.walk.isBetweenEntries
  }

  /// The kernel's function, for the stack of micro-steps.
  var name: String {
    switch self {
    case .fault: "kvm_tdp_mmu_page_fault"
    case .fastZap: "kvm_mmu_zap_all_fast"
    case .rootsZap: "tdp_mmu_zap_root"
    case .walk(let walk): Self.name(of: walk.action)
    case .inferred(let walk): Self.name(of: walk.action)
    case .recovery: "kvm_recover_nx_huge_pages"
    case .load: "kvm_mmu_load"
    case .invalidation: "kvm_mmu_invalidate_begin"
    case .memslot: "kvm_set_memslot"
    }
  }

  private static func name(of action: TableWalk.Action) -> String {
    switch action {
    case .zap: "__tdp_mmu_zap_root"
    case .zapLeaves: "tdp_mmu_zap_leafs"
    case .writeProtect: "wrprot_gfn_range"
    case .clearDirty: "clear_dirty_gfn_range"
    case .clearDirtyMasked: "clear_dirty_pt_masked"
    case .writeProtectFrame: "write_protect_gfn"
    case .split: "tdp_mmu_split_huge_pages_root"
    case .recover: "recover_huge_pages_range"
    case .age: "age_gfn_range"
    }
  }
}

/// A walk that only its events show. It goes on from one to the next as the kernel's would; where it ends is not told.
struct InferredWalk {
  let action: TableWalk.Action
  let root: TableID
  /// Nil for the aging of kernels where it is lockless.
  let lock: MMULockMode?
  var walk: TableWalk
  var holdsLock = false

  mutating func step(_ mmu: inout TDPMMU) -> MicroStep {
    if !holdsLock, let lock {
      guard mmu.lock.acquire(lock) else { return .blocked }
      holdsLock = true
    }
    return walk.step(&mmu)
  }
}

/// The bracket of an invalidation. Whether it touches a slot shows only where a probe saw the handler, or where leaves went.
struct Invalidation {
  var hasBegun = false
  /// The host's addresses; empty where it is not the mmu notifier's.
  var addresses: Range<UInt64> = 0..<0
}

/// How far a memslot call has come: the two swaps of a deletion or a move, the one of the others.
struct SlotChange {
  /// Swaps still to come.
  var swaps: Int
  /// What the slot maps is being zapped, or has been.
  var hasFlushed = false
  /// A swap is between its two halves.
  var isSwapping = false

  /// Swaps still to come when pages are zapped, split or write-protected: a slot that goes is made invalid first, one whose
  /// flags change is in place.
  let swapsBehindWalks: Int

  init(change: UInt64) {
    swaps = change == 1 || change == 2 ? 2 : 1
    swapsBehindWalks = swaps - 1
  }

  /// Whether the swap that comes next is that of a slot whose pages are still to be zapped.
  var awaitsFlush: Bool { swapsBehindWalks == 1 && swaps == 1 && !hasFlushed }

  /// Half a swap.
  mutating func step(_ mmu: inout TDPMMU, spaces: UInt64) -> MicroStep {
    guard swaps > 0 else { return .finished }
    if !isSwapping {
      mmu.beginSwap()
      isSwapping = true
    } else {
      mmu.endSwap(adding: spaces)
      isSwapping = false
      swaps -= 1
    }
    return .silent
  }
}

/// A task.
struct ReplayTask {
  /// The vCPU that it runs; nil for others.
  var vcpu: Int?
  /// The innermost last.
  var jobs: [ReplayJob] = []
  /// The fault of the stack's `.fault`; there is at most one.
  var fault: PageFault?
  /// It has done nothing but recover NX huge pages: so does a worker of its own, from the VM's first vCPU on.
  var mayRecover = true
  /// Whether it is in KVM_RUN, as far as the events of it show.
  var isRunning = false
  /// Events that were run ahead of the trace and are still to be shown.
  var ahead: [TraceEvent] = []
  /// The number of the write that came next after its last event.
  var position = 0
  /// How many halves of swaps of memslots there had been by its last event.
  var swaps = 0
  /// The faulting exit was an EPT misconfiguration: `kvm_page_fault` will not come.
  var hasMisconfiguration = false
  /// A root was made for this vCPU, unless the task's next event names another one; then what it had before is its again.
  var replaced: (vcpu: Int, root: TableID?)?
  /// A probe's pointer to a root whose address space is not known yet.
  var unpaired: UInt64?
  /// Range of the last split: write protection of the same call covers it too.
  var slotRange: FrameRange?
}

/// A vCPU as the MMU knows it.
struct ReplayVCPU {
  var root: TableID?
  var cache = MMIOCache()
  var space = AddressSpace.normal
}
