/// What is done without a fault or a probe's range: pages that KVM_PRE_FAULT_MEMORY maps, zaps inside of a memslot call, and
/// walks over the roots of one slot's address space where no probe says whose slot it is.
import MMUEngine

extension Replay {
  /// KVM_PRE_FAULT_MEMORY maps a page: a read that no guest has made, in a root that is loaded first if need be.
  ///
  /// Source: Linux 6.12 and 7.3 `kvm_arch_vcpu_pre_fault_memory`.
  mutating func beginPrefault(_ event: TraceEvent, _ gfn: GFN, _ task: Int) -> Bool {
    guard !tasks[task].isRunning, let level = rootLevel else { return false }
    let number = vcpu(of: task)
    let old = vcpus[number]?.root
    if old.map({ mmu.tables[$0].isInvalid }) ?? true {
      guard let root = mmu.findRoot(RootRole(level: level)) else { return false }
      if let old { mmu.putRoot(old) }
      vcpus[number, default: ReplayVCPU()].root = root
    }
    guard beginFault(task, address: gfn.rawValue << 12, code: FaultCode.guestFinal.rawValue) else { return false }
    tasks[task].fault?.request.isPrefetch = true
    stimuli.prefaults += 1
    if !hasRun, firstPrefault == nil { firstPrefault = (event, report.lines) }
    allow(.prefaultInferred)
    return true
  }

  /// The memslot call that the task is in zaps what the slot maps.
  mutating func noteFlush(_ task: Int) {
    guard let place = tasks[task].jobs.lastIndex(where: { if case .memslot = $0 { true } else { false } }),
      case .memslot(var change) = tasks[task].jobs[place]
    else { return }
    change.hasFlushed = true
    tasks[task].jobs[place] = .memslot(change)
    seesFlushes = true
  }

  /// Whether the task walks the roots of one slot's address space, and nothing has told yet which.
  func isUndecided(_ task: Int) -> Bool {
    guard case .walk(let walk)? = tasks[task].jobs.last, walk.space == nil else { return false }
    return mmu.roots.contains { mmu.tables[$0].role.space != .normal }
  }

  /// The walk is of this address space.
  mutating func decide(_ task: Int, _ space: AddressSpace) {
    guard case .walk(var walk)? = tasks[task].jobs.popLast() else { return }
    walk.space = space
    tasks[task].jobs.append(.walk(walk))
    pair(task, space)
    allow(.roleInferred)
  }
}
