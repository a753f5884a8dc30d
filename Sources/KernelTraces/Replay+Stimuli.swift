/// What a trace shows going in: exits, faults, notifier ranges, and the calls that probes see.
import MMUEngine

extension Replay {
  /// Takes an event that is not compared but drives the engine.
  mutating func stimulus(_ content: TraceContent, _ task: Int, _ line: Int) {
    let failure: Mismatch?
    switch content {
    case .pageFault(let vcpu, let address, let code): failure = pageFault(vcpu, address, code, task)
    case .entry(let vcpu): failure = enter(vcpu, task)
    case .exit(let vcpu, let reason):
      failure = completeInAnyOrder(task)
      if let vcpu { join(vcpu, task) }
      tasks[task].hasMisconfiguration = reason == .misconfiguration
    case .unmapRange(let start, let end):
      failure = isIdle(task) ? nil : attemptAnyOrder(task) { $0.settle(task) }
      stimuli.invalidations += 1
      beginNotifierRange(start..<max(start, end), task)
    case .probe(let probe):
      stimuli.probes += 1
      failure = self.probe(probe, task)
    case .mmu, .otherMMU, .other, .userspaceExit, .age: failure = nil
    }
    if let failure { differ(failure, nil, task, line) }
  }

  /// `invalidate_range_start`. No event shows the end of a range, but one may lie inside of another only where a huge page is
  /// split on the way, so that they overlap and there are not more than two.
  private mutating func beginNotifierRange(_ addresses: Range<UInt64>, _ task: Int) {
    while case .invalidation(let open)? = tasks[task].jobs.last, !open.addresses.overlaps(addresses) || isNested(task) {
      if open.hasBegun { mmu.invalidation.end() }
      tasks[task].jobs.removeLast()
    }
    tasks[task].jobs.append(.invalidation(Invalidation(addresses: addresses)))
  }

  /// Whether the innermost invalidation lies inside of another.
  private func isNested(_ task: Int) -> Bool {
    guard case .invalidation? = tasks[task].jobs.dropLast().last else { return false }
    return true
  }

  /// A task runs a vCPU: what it had under its own number is the vCPU's.
  private mutating func join(_ vcpu: Int, _ task: Int) {
    if tasks[task].vcpu != vcpu {
      // A task may run several vCPUs in turn; each keeps its own.
      if tasks[task].vcpu == nil { rename(self.vcpu(of: task), vcpu, task) }
      tasks[task].vcpu = vcpu
    }
    tasks[task].isRunning = true
    hasRun = true
    firstPrefault = nil
    settleLoad(vcpu, task)
  }

  /// What a task did before it named a vCPU was that vCPU's.
  private mutating func rename(_ number: Int, _ vcpu: Int, _ task: Int) {
    guard let state = vcpus.removeValue(forKey: number) else { return }
    if let root = vcpus[vcpu]?.root { mmu.putRoot(root) }
    vcpus[vcpu] = state
    if tasks[task].replaced?.vcpu == number { tasks[task].replaced?.vcpu = vcpu }
  }

  /// The vCPU whose root was made last by this task is known now: the root that it had goes, no other one's.
  mutating func settleLoad(_ vcpu: Int, _ task: Int) {
    guard let replaced = tasks[task].replaced else { return }
    tasks[task].replaced = nil
    var old = replaced.root
    if replaced.vcpu != vcpu {
      old = vcpus[vcpu]?.root
      vcpus[vcpu, default: ReplayVCPU()].root = vcpus[replaced.vcpu]?.root
      vcpus[replaced.vcpu]?.root = replaced.root
    }
    if let old { mmu.putRoot(old) }
  }

  private mutating func pageFault(_ vcpu: Int, _ address: UInt64, _ code: UInt64, _ task: Int) -> Mismatch? {
    if let failure = completeInAnyOrder(task) { return failure }
    join(vcpu, task)
    let bits = mmu.format.vendor == .ept ? FaultCode.qualification(code, mmu.version.violationCode).rawValue : code
    guard beginFault(task, address: address, code: bits) else {
      return .unexplained("vCPU \(vcpu) faults and has no root: the trace begins after the root was made")
    }
    return nil
  }

  /// A vCPU enters the guest: whatever its task had to do is done, and it has a valid root.
  private mutating func enter(_ vcpu: Int, _ task: Int) -> Mismatch? {
    if isIdle(task), tasks[task].vcpu == vcpu, let root = vcpus[vcpu]?.root, !mmu.tables[root].isInvalid { return nil }
    return attemptAnyOrder(task) { replay in
      if let failure = replay.complete(task) { return failure }
      replay.join(vcpu, task)
      guard let root = replay.vcpus[vcpu]?.root, !replay.mmu.tables[root].isInvalid else {
        guard let level = replay.rootLevel else {
          return .unexplained("vCPU \(vcpu) enters and has no root: the trace begins after the root was made")
        }
        replay.tasks[task].jobs.append(.load(RootRole(level: level), isTraced: false))
        return replay.complete(task)
      }
      return nil
    }
  }

  /// A probe: the beginning of a kernel function, with its arguments.
  private mutating func probe(_ probe: Probe, _ task: Int) -> Mismatch? {
    switch probe {
    case .initializeMMU:
      reset()
      return nil
    case .freeTable, .flush, .putRoot, .zapInvalidatedRoots, .allocateRoot, .loadMMU, .unloadMMU, .destroyVM, .release,
      .zapAllFast, .other:
      return nil
    case .unmapFrames: return beginInvalidation(task, nil)
    case .zapLeaves(let root, let start, let end): return zapLeaves(root, FrameRange(start: start, end: end), task)
    case .zapRoot(let pointer), .zapRootPass(let pointer, _): return zapRoot(pointer, task)
    default: return call(probe, task)
    }
  }

  /// Probes that begin a call: what the task did before is over.
  private mutating func call(_ probe: Probe, _ task: Int) -> Mismatch? {
    switch probe {
    case .invalidateRoots, .flushShadowMemslot: return advance(probe, task)
    case .setAttributes, .invalidateFile: return bracket(probe, task)
    case .attributesSet:
      let failure = completeInAnyOrder(task)
      return failure
    default: break
    }
    if !isIdle(task), let failure = attemptAnyOrder(task, { $0.completeWalks(task) }) { return failure }
    switch probe {
    case .setMemslot(let change):
      if let failure = completeInAnyOrder(task) { return failure }
      seesMemslots = true
      stimuli.memslotCalls += 1
      tasks[task].jobs.append(.memslot(SlotChange(change: change)))
    case .trySplit(let start, let end):
      tasks[task].slotRange = FrameRange(start: start, end: end)
      push(.split, FrameRange(start: start, end: end), lock: .read, minimum: .page2M, task)
    case .writeProtectSlot(let minimum):
      guard let range = tasks[task].slotRange else { break }
      push(.writeProtect, range, lock: .read, minimum: Level(rawValue: UInt8(minimum)) ?? .page4K, task)
    case .clearDirtyMasked(let gfn, let mask): pushMasked(gfn, mask, task)
    case .recoverHugePages:
      guard let range = tasks[task].slotRange else { break }
      push(.recover, range, lock: .read, minimum: .page2M, task)
    case .zapAll: tasks[task].jobs.append(.rootsZap(RootsZap(.direct, lock: .write)))
    case .uninitializeMMU: uninitialize(task)
    default: break
    }
    return nil
  }

  /// Finishes walks and zaps of the task, not the memslot call or the invalidation around them.
  private mutating func completeWalks(_ task: Int) -> Mismatch? {
    while let job = tasks[task].jobs.last {
      switch job {
      case .memslot, .invalidation: return nil
      case .inferred where job.mayEndHere:
        dropInferred(task)
        continue
      case .inferred, .fault, .fastZap, .rootsZap, .walk, .recovery, .load: break
      }
      switch stepTop(task) {
      case .silent, .flush, .kick: continue
      case .event(let event): return .missing(event)
      case .blocked: return .blocked
      case .asks: answerEnd(task)
      case .finished: endTop(task)
      }
    }
    return nil
  }

  private mutating func answerEnd(_ task: Int) {
    guard case .walk(var walk)? = tasks[task].jobs.popLast() else { return }
    walk.answer(isHugePossible: false)
    tasks[task].jobs.append(.walk(walk))
  }

  private mutating func push(
    _ action: TableWalk.Action, _ range: FrameRange, lock: MMULockMode, minimum: Level, _ task: Int
  ) {
    swapSlots(task)
    tasks[task].jobs.append(.walk(RootsWalk(action, .valid, range, lock: lock, minimum: minimum)))
  }

  /// The log of up to 64 pages is read: W goes from those that were dirty; with PML it is D.
  private mutating func pushMasked(_ gfn: UInt64, _ mask: UInt64, _ task: Int) {
    let action = TableWalk.Action.clearDirtyMasked(
      base: GFN(gfn), mask: mask, writeProtect: mmu.format.vendor == .npt)
    let range = FrameRange(start: gfn + UInt64(mask.trailingZeroBitCount), end: gfn + 64)
    tasks[task].jobs.append(.walk(RootsWalk(action, .valid, range, lock: .write)))
  }

  /// Runs a call of the task on to where the probe sees it.
  private mutating func advance(_ probe: Probe, _ task: Int) -> Mismatch? {
    guard case .flushShadowMemslot = probe else { return nil }
    swapSlots(task)
    return nil
  }

  /// Has the memslot call that the task is in swapped as often as it has when it goes over the entries.
  mutating func swapSlots(_ task: Int) {
    guard case .memslot(var change)? = tasks[task].jobs.last else { return }
    while change.swaps > change.swapsBehindWalks {
      _ = change.step(&mmu, spaces: spaces)
      swaps += 1
    }
    tasks[task].jobs[tasks[task].jobs.count - 1] = .memslot(change)
  }

  /// An invalidation that is not the mmu notifier's: attributes, or a hole in guest_memfd.
  private mutating func bracket(_ probe: Probe, _ task: Int) -> Mismatch? {
    if let failure = completeInAnyOrder(task) { return failure }
    if case .setAttributes = probe { stimuli.attributeChanges += 1 }
    var invalidation = Invalidation()
    invalidation.hasBegun = true
    mmu.invalidation.begin()
    tasks[task].jobs.append(.invalidation(invalidation))
    return nil
  }

  /// A handler runs: the bracket around it has begun.
  private mutating func beginInvalidation(_ task: Int, _ range: FrameRange?) -> Mismatch? {
    if !isIdle(task), let failure = attemptAnyOrder(task, { $0.completeWalks(task) }) { return failure }
    guard let top = tasks[task].jobs.indices.last, case .invalidation(var bracket) = tasks[task].jobs[top] else {
      return nil
    }
    if !bracket.hasBegun {
      bracket.hasBegun = true
      mmu.invalidation.begin()
    }
    if let range { mmu.invalidation.add(range) }
    tasks[task].jobs[top] = .invalidation(bracket)
    return nil
  }

  /// `tdp_mmu_zap_leafs` in one root.
  private mutating func zapLeaves(_ pointer: UInt64, _ range: FrameRange, _ task: Int) -> Mismatch? {
    if let failure = beginInvalidation(task, range) { return failure }
    noteFlush(task)
    let unpaired = unpairedRoots()
    if rootPointers[pointer].map({ mmu.tables[$0].life != .linked }) ?? true,
      Set(unpaired.map { mmu.tables[$0].role.space }).count > 1
    {
      // The first change shows whose space it is, and so which root.
      tasks[task].unpaired = pointer
      tasks[task].jobs.append(.walk(RootsWalk(.zapLeaves, .all, range, lock: .write)))
      return nil
    }
    guard let root = root(at: pointer, among: unpaired) else {
      return .unexplained("the probe's root is none of the engine's")
    }
    let space = mmu.tables[root].role.space
    let types: RootTypes = mmu.tables[root].isInvalid ? .all : .valid
    tasks[task].jobs.append(.walk(RootsWalk(.zapLeaves, types, space: space, range, lock: .write)))
    return nil
  }

  /// Roots that no pointer of the probes names yet.
  private func unpairedRoots() -> [TableID] {
    let taken = Set(rootPointers.values)
    return mmu.roots(.all).filter { !taken.contains($0) || mmu.tables[$0].life != .linked }
  }

  /// The walk that the task is in goes over a root of this space, by whichever pointer a probe has named it.
  mutating func pair(_ task: Int, _ space: AddressSpace) {
    guard let pointer = tasks[task].unpaired else { return }
    tasks[task].unpaired = nil
    _ = root(at: pointer, among: unpairedRoots().filter { mmu.tables[$0].role.space == space })
  }

  /// The root that a pointer of the probes names; paired at first sight.
  private mutating func root(at pointer: UInt64, among candidates: [TableID]) -> TableID? {
    if let known = rootPointers[pointer], mmu.tables[known].life == .linked { return known }
    guard let root = candidates.first else { return nil }
    rootPointers[pointer] = root
    allow(.rootIdentity)
    return root
  }

  /// A root's zap begins a pass: the passes before it must have come to their ends.
  private mutating func zapRoot(_ pointer: UInt64, _ task: Int) -> Mismatch? { nil }

  /// The end of a VM: vCPUs have given their roots back.
  private mutating func uninitialize(_ task: Int) {
    for index in tasks.indices { settleLoad(vcpu(of: index), index) }
    for number in vcpus.keys.sorted() {
      guard let root = vcpus[number]?.root else { continue }
      mmu.putRoot(root)
      vcpus[number]?.root = nil
    }
    mmu.invalidateRoots(.valid, hasUsers: false)
    tasks[task].jobs.append(.rootsZap(RootsZap(.scheduled, lock: mmu.version.finalZapLock)))
  }
}
