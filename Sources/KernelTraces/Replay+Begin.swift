/// What an event says went in: the page behind a fault, the agent behind an event that none of the task's agents explains.
import MMUEngine

extension Replay {
  /// Tells the innermost agent what the event at hand shows of the host.
  mutating func inform(_ task: Int, _ event: TraceEvent) {
    if case .spteChanged(let space, _, _, _, _) = event, isUndecided(task) { decide(task, space) }
    guard case .fault? = tasks[task].jobs.last else { return }
    let isUntold = isUntoldSwap(task)
    switch event {
    case .spteChanged(let space, _, let level, _, let new):
      if level == rootLevel { informSpace(space, task) }
      informMitigation(task, level)
      if tasks[task].fault?.goalLevel == level, new.isLeaf(at: level) {
        informLeaf(task, new, level)
        tasks[task].fault?.remake(&mmu)
      }
      if !new.isPresent, new != mmu.version.frozen, new != .nonpresent, tasks[task].fault?.isMMIO == true {
        informMMIO(new, space)
      }
    case .setSPTE(_, let level, let entry, _):
      informMitigation(task, level)
      if entry.isLeaf(at: level) { informLeaf(task, entry, level) }
    case .checkMMIO(_, let current, _, _):
      if let space = tasks[task].fault?.request.space { adopt(generation: current, space) }
      if isUntold { forgetMMIO(task) }
      return
    case .requested(let gfn, _, _):
      guard isUntold, gfn == tasks[task].fault?.request.gfn else { return }
      forgetMMIO(task)
      passMMIOCheck(task)
    default: return
    }
  }

  /// The first entry of a root shows its address space.
  private mutating func informSpace(_ space: AddressSpace, _ task: Int) {
    guard let root = tasks[task].fault?.root, space != mmu.tables[root].role.space, !mmu.containsPresent(root) else {
      return
    }
    mmu.tables[root].role.space = space
    tasks[task].fault?.request.space = space
    allow(.roleInferred)
  }

  /// What a leaf shows: whether the host may write, and bits of the format that are seen the first time.
  private mutating func informLeaf(_ task: Int, _ entry: SPTE, _ level: Level) {
    tasks[task].fault?.setHostWritable(entry.rawValue & mmu.format.hostWritable != 0)
    if mmu.format.vendor == .ept {
      let type = entry.rawValue & 0x78
      if type != mmu.format.memoryType {
        mmu.format.memoryType = type
        allow(.memoryType)
      }
    }
    if mmu.version.entryLayout.userExecutable != 0, entry.rawValue & mmu.format.user == 0, mmu.format.user != 0,
      !mmu.format.hidesLeavesFromUsers
    {
      mmu.format.hidesLeavesFromUsers = true
      allow(.formatInferred)
    }
    if level > .page4K, mmu.format.splitsExecutableHugePages == mmu.format.isExecutable(entry) {
      if mmu.format.splitsExecutableHugePages { forgetMitigation() } else { learnMitigation() }
    }
    if !knowsEncryption, let frame = tasks[task].fault?.pageFrame {
      let extra = entry.pfn.rawValue ^ frame.aligned(to: level).rawValue
      if extra != 0, extra.nonzeroBitCount == 1, extra >= 1 << 24 {
        mmu.format.encryption = extra << 12
        allow(.formatInferred)
      }
      knowsEncryption = true
    }
  }

  /// What the first MMIO entry shows: which bits make it fault.
  private mutating func informMMIO(_ entry: SPTE, _ space: AddressSpace) {
    let generation = mmu.format.mmioGeneration(entry)
    adopt(generation: generation, space)
    guard !knowsMMIO else { return }
    knowsMMIO = true
    guard mmu.format.vendor == .npt else { return }
    let top = entry.rawValue & SPTE.addressMask & ~((1 << 40) - 1)
    let value = (entry.rawValue & ~mmu.format.generationBits & 1) | top
    guard value != mmu.format.mmioValue else { return }
    mmu.format.mmioValue = value
    mmu.format.mmioMask = value
    allow(.formatInferred)
  }

  /// Takes a generation from an event where memslot calls do not tell it: without their probes, or since the probe does not
  /// say which address space's slots a call changes. Then fewer calls than were seen may have been this space's, but none
  /// that an earlier event has counted is taken back.
  mutating func adopt(generation: UInt64, _ space: AddressSpace) {
    let index = Int(space.rawValue)
    let known = mmu.generations[index] & ~generationInProgress
    guard known & mmu.format.generationMask != generation else {
      seenGenerations[index] = known
      return
    }
    if seesMemslots {
      if index == 0, known == generation * 2 {
        spaces = 1
      } else {
        let isFewer = generation < known && generation >= seenGenerations[index] && (known - generation) % spaces == 0
        guard isFewer else { return }
      }
    }
    mmu.generations[index] = generation | mmu.generations[index] & generationInProgress
    seenGenerations[index] = generation
    allow(.generationInferred)
  }

  /// Whether the task's fault is about to look at an MMIO entry, and nothing tells whether memslots are being swapped.
  func isUntoldSwap(_ task: Int) -> Bool {
    guard !seesMemslots, case .fault? = tasks[task].jobs.last, let fault = tasks[task].fault, fault.isAtBeginning else {
      return false
    }
    return fault.request.code.contains(.reserved)
  }

  /// The vCPU does not remember the entry: memslots were being swapped when it was made, or have been since.
  private mutating func forgetMMIO(_ task: Int) {
    let key = vcpu(of: task)
    guard let request = tasks[task].fault?.request, let cache = vcpus[key]?.cache, cache.gfn == request.gfn,
      cache.generation == mmu.cacheGeneration(request.space)
    else { return }
    vcpus[key]?.cache.gfn = nil
    allow(.generationInferred)
  }

  /// The entry is not checked, as while memslots are being swapped; then the fault goes on as if there were none.
  mutating func passMMIOCheck(_ task: Int) {
    guard let fault = tasks[task].fault else { return }
    let key = vcpu(of: task)
    var other = fault
    var cache = vcpus[key]?.cache ?? MMIOCache()
    guard case .event? = Optional(other.step(&mmu, &cache)) else { return }
    let index = Int(fault.request.space.rawValue)
    mmu.generations[index] |= generationInProgress
    _ = tasks[task].fault?.step(&mmu, &vcpus[key, default: ReplayVCPU()].cache)
    mmu.generations[index] &= ~generationInProgress
    allow(.generationInferred)
  }

  /// Answers what the innermost agent asks, from the event at hand.
  mutating func answer(_ task: Int, _ event: TraceEvent) -> Mismatch? {
    let top = tasks[task].jobs.count - 1
    switch tasks[task].jobs[top] {
    case .fault:
      guard tasks[task].fault?.question == .page else {
        let isLogged = isLogged(event)
        tasks[task].fault?.answer(isDirtyTracked: isLogged)
        return nil
      }
      // A fault that goes on to something else has ended before this event, for a reason that the engine has or has not.
      guard case .requested(_, let pfn, let level) = event else { return complete(task) }
      if level > .page4K, mmu.format.splitsExecutableHugePages,
        tasks[task].fault?.request.code.contains(.fetch) == true
      {
        forgetMitigation()
      }
      tasks[task].fault?.answer(pfn == 1 << 63 ? .noSlot : .page(PFN(pfn), isWritable: true, limit: level))
    case .walk(var walk):
      var isPossible = false
      if let (gfn, level) = walk.question { isPossible = Self.recovers(event, gfn, level) }
      walk.answer(isHugePossible: isPossible)
      tasks[task].jobs[top] = .walk(walk)
    case .inferred(var walk):
      let (gfn, level) = walk.walk.question
      walk.walk.answer(isHugePossible: Self.recovers(event, gfn, level))
      tasks[task].jobs[top] = .inferred(walk)
    case .recovery(var recovery):
      recovery.answer(isDirtyTracked: false)
      tasks[task].jobs[top] = .recovery(recovery)
    default: return .unexplained("an agent asks what no event answers")
    }
    return nil
  }

  /// Whether an event begins the recovery of this table.
  private static func recovers(_ event: TraceEvent, _ gfn: GFN, _ level: Level) -> Bool {
    switch event {
    case .spteChanged(_, gfn, level, let old, _): old.isTable(at: level)
    case .prepareZapPage(let page): page.gfn == gfn && page.level == level.below
    default: false
    }
  }

  /// A fast fault that leaves an MMU-writable huge page alone does so because its slot is logged.
  private func isLogged(_ event: TraceEvent) -> Bool {
    guard case .fastPageFault(let fault) = event else { return false }
    return !fault.isFixed && fault.old.isLarge && mmu.format.isMMUWritable(fault.old)
  }

  /// Begins the agent that this event is the first of; false when there is none.
  mutating func begin(_ event: TraceEvent, _ task: Int) -> Bool {
    switch event {
    case .getPage(let page):
      if rootLevel == nil || page.level == rootLevel { return beginLoad(page, task) }
      return beginSplit(page, task)
    case .zapAllFast(let generation, _):
      if stimuli.fastZaps == 0, stimuli.probes == 0 { mmu.validGeneration = generation }
      stimuli.fastZaps += 1
      noteFlush(task)
      tasks[task].jobs.append(.fastZap(FastZap()))
      return true
    case .checkMMIO(let entry, let current, _, _):
      guard mmu.format.vendor == .ept || tasks[task].hasMisconfiguration else { return false }
      let space = vcpus[vcpu(of: task)]?.root.map { mmu.tables[$0].role.space } ?? .normal
      adopt(generation: current, space)
      let gfn = mmu.format.mmioFrame(entry)
      return beginFault(task, address: gfn.rawValue << 12, code: FaultCode.reserved.rawValue)
    case .spteChanged(let space, let gfn, let level, let old, let new):
      return beginWalk(space, gfn, level, old, new, task)
    case .prepareZapPage(let page): return beginRemoval(page, task)
    case .requested(let gfn, _, _): return beginPrefault(event, gfn, task)
    case .fastPageFault(let fault):
      guard !mmu.format.usesAccessedDirty, !FaultCode(rawValue: fault.errorCode).contains(.present) else {
        return false
      }
      return beginPrefault(event, GFN(fault.address >> 12), task)
    case .setSPTE, .splitHugePage, .markMMIO, .handleMMIO: return false
    }
  }

  /// A root is made for the task's vCPU.
  private mutating func beginLoad(_ page: PageDescription, _ task: Int) -> Bool {
    guard page.gfn.rawValue == 0, page.level == .page512G || page.level == .page256T else { return false }
    if let root = vcpus[vcpu(of: task)]?.root, !mmu.tables[root].isInvalid { allow(.roleInferred) }
    rootLevel = page.level
    mmu.format.usesAccessedDirty = page.usesAccessedDirty
    stimuli.rootLoads += 1
    tasks[task].jobs.append(.load(RootRole(level: page.level), isTraced: true))
    return true
  }

  /// A vCPU that has a valid root makes another: a fast zap has made it invalid meanwhile, or this is the first root of a new
  /// VM and the old one has ended.
  mutating func prepareLoad(_ task: Int) {
    guard let root = vcpus[vcpu(of: task)]?.root, !mmu.tables[root].isInvalid else { return }
    if let zapping = tasks.indices.first(where: { $0 != task && isInvalidating($0) }) { runAhead(zapping) }
    guard !mmu.tables[root].isInvalid, stimuli.probes == 0, mmu.roots.allSatisfy({ !mmu.containsPresent($0) }) else {
      return
    }
    reset()
  }

  /// Whether the task is in the section of a fast zap that makes roots invalid.
  func isInvalidating(_ task: Int) -> Bool {
    guard case .fastZap? = tasks[task].jobs.last else { return false }
    return mmu.lock.isHeld(.write)
  }

  /// `kvm_mmu_load`: the old root's reference goes, a valid root of the role is taken or made.
  /// mmu_lock is held for read meanwhile. Source: Linux 6.12 arch/x86/kvm/mmu/tdp_mmu.c, kvm_tdp_mmu_alloc_root.
  mutating func load(_ role: RootRole, isTraced: Bool, _ task: Int) -> MicroStep {
    if mmu.lock.isHeld(.write) { return .blocked }
    let number = vcpu(of: task)
    tasks[task].jobs.removeLast()
    settleLoad(number, task)
    let old = vcpus[number]?.root
    vcpus[number, default: ReplayVCPU()].root = nil
    if isTraced {
      // No event says whose root it is; the next one of the task does.
      tasks[task].replaced = (number, old)
    } else {
      if let old { mmu.putRoot(old) }
      if let root = mmu.findRoot(role) {
        vcpus[number]?.root = root
        return .silent
      }
    }
    let (root, event) = mmu.makeRoot(role)
    vcpus[number]?.root = root
    return .event(event)
  }

  /// Splits of huge pages that no probe announced.
  private mutating func beginSplit(_ page: PageDescription, _ task: Int) -> Bool {
    guard let above = page.level.above,
      let root = mmu.roots(.valid).first(where: { root in
        mmu.location(root, page.gfn, above).map { mmu.tables[$0].isLeaf(at: above) } ?? false
      })
    else { return false }
    push(.split, root, page.gfn, minimum: .page2M, lock: .read, task)
    return true
  }

  /// Begins an inferred walk at a frame.
  private mutating func push(
    _ action: TableWalk.Action, _ root: TableID, _ gfn: GFN, minimum: Level = .page4K, lock: MMULockMode?, _ task: Int
  ) {
    allow(.rangeInferred)
    noteZap(action, gfn, task)
    let range = FrameRange(start: gfn.rawValue, end: .max)
    let walk = TableWalk(action, root: root, range, lock: lock ?? .read, minimum: minimum, mmu)
    tasks[task].jobs.append(.inferred(InferredWalk(action: action, root: root, lock: lock, walk: walk)))
  }

  /// Leaves go under a notifier's range: it touches a memslot, so the invalidation around them has begun.
  private mutating func noteZap(_ action: TableWalk.Action, _ gfn: GFN, _ task: Int) {
    guard action == .zapLeaves, let top = tasks[task].jobs.indices.last,
      case .invalidation(var bracket) = tasks[task].jobs[top]
    else { return }
    if !bracket.hasBegun {
      bracket.hasBegun = true
      mmu.invalidation.begin()
    }
    mmu.invalidation.add(FrameRange(start: gfn.rawValue, end: gfn.rawValue + 1))
    tasks[task].jobs[top] = .invalidation(bracket)
  }

  /// The root in which an entry has this value now: valid ones first.
  private mutating func root(_ space: AddressSpace, _ gfn: GFN, _ level: Level, _ old: SPTE) -> TableID? {
    let candidates = mmu.roots(.valid, in: space) + mmu.roots(.all, in: space).filter { mmu.tables[$0].isInvalid }
    for (position, root) in candidates.enumerated() {
      guard let location = mmu.location(root, gfn, level) else { continue }
      let entry = mmu.tables[location]
      let isSame =
        entry.isTable(at: level)
        ? mmu.tables.table(at: entry).flatMap { frames.frame(of: $0) } == old.pfn.rawValue
        : entry == old || entry.pfn == old.pfn && entry.isLeaf(at: level) && old.isLeaf(at: level)
      if isSame {
        if position > 0 { allow(.rootIdentity) }
        return root
      }
    }
    return nil
  }

  /// Gives the entry that was taken for FROZEN its table back: the event of its end is there.
  private mutating func thaw(_ space: AddressSpace, _ gfn: GFN, _ level: Level, _ old: SPTE) {
    for (index, frozen) in unseenFrozen.enumerated() {
      let table = mmu.tables[frozen.location.table]
      guard table.level == level, table.role.space == space, mmu.tables[frozen.location] == mmu.version.frozen,
        mmu.tables.table(at: frozen.old).flatMap({ frames.frame(of: $0) }) == old.pfn.rawValue
      else { continue }
      mmu.store(frozen.location, frozen.old)
      unseenFrozen.remove(at: index)
      return
    }
  }

  /// Whether the task's fault would put a huge page in a table's place, in a kernel whose recovery freezes unseen.
  func mayBeFrozen(_ task: Int) -> Bool {
    guard mmu.version.hugePageRecovery == .zap, stimuli.probes == 0, case .fault? = tasks[task].jobs.last,
      let fault = tasks[task].fault, fault.goalLevel > .page4K, fault.readsOnly,
      let location = mmu.location(fault.root, fault.request.gfn, fault.goalLevel)
    else { return false }
    return mmu.tables[location].isTable(at: fault.goalLevel)
  }

  /// A fault goes back to the guest without an event where a huge page could replace a table: the recovery of huge pages has
  /// frozen the table's entry, which shows only when it has cleared it. False where that cannot be.
  mutating func freezeUnseen(_ task: Int) -> Bool {
    guard mayBeFrozen(task), let fault = tasks[task].fault,
      let location = mmu.location(fault.root, fault.request.gfn, fault.goalLevel)
    else { return false }
    let old = mmu.tables[location]
    mmu.store(location, mmu.version.frozen)
    unseenFrozen.append((location, old))
    return true
  }

  /// The walk that a change is the first event of.
  private mutating func beginWalk(
    _ space: AddressSpace, _ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE, _ task: Int
  ) -> Bool {
    guard old.isPresent else { return false }
    thaw(space, gfn, level, old)
    guard let root = root(space, gfn, level, old) else { return false }
    addCPUBits(root, gfn, level, old)
    if old.isTable(at: level) { return beginTableZap(root, gfn, level, new, task) }
    let actions: [(TableWalk.Action, MMULockMode?)] = [
      (.zapLeaves, .write), (.writeProtect, .read), (.writeProtectFrame, .write), (.clearDirty, .read),
      (.age, mmu.version.agingLock),
    ]
    for (action, lock) in actions {
      let range = FrameRange(start: gfn.rawValue, end: .max)
      let walk = InferredWalk(
        action: action, root: root, lock: lock,
        walk: TableWalk(action, root: root, range, lock: lock ?? .read, minimum: .page4K, mmu))
      guard walk.accepts(level, old, new, mmu.format) else { continue }
      push(action, root, gfn, lock: lock, task)
      return true
    }
    return false
  }

  /// A table's entry goes: recovery of a huge page, the end of an emptied root, or the NX recovery worker.
  private mutating func beginTableZap(
    _ root: TableID, _ gfn: GFN, _ level: Level, _ new: SPTE, _ task: Int
  ) -> Bool {
    if new.isLeaf(at: level) {
      push(.recover, root, gfn, minimum: .page2M, lock: .read, task)
      return true
    }
    guard new == .nonpresent else { return false }
    if beginRecovery(root, gfn, level, task) { return true }
    let isBeginning = mmu.version.zapOrder == .fromOneGigabyte || !mmu.hasLeaf(root, below: level)
    if isBeginning && gfn == mmu.firstTable(root, level) {
      push(.zap(upTo: .page256T), root, GFN(0), minimum: level, lock: .write, task)
      tasks[task].jobs.removeLast()
      tasks[task].jobs.append(.rootsZap(RootsZap(.direct, lock: .write)))
      return true
    }
    if mmu.version.hugePageRecovery == .zap, level <= .page1G {
      push(.recover, root, gfn, minimum: .page2M, lock: .read, task)
      return true
    }
    return false
  }

  /// Kernels that print a table's end before its entry's.
  private mutating func beginRemoval(_ page: PageDescription, _ task: Int) -> Bool {
    guard let level = page.level.above else { return false }
    for root in mmu.roots(.all) {
      guard let location = mmu.location(root, page.gfn, level), mmu.tables[location].isTable(at: level) else {
        continue
      }
      return beginTableZap(root, page.gfn, level, .nonpresent, task)
        || beginTableZap(root, page.gfn, level, mmu.format.huge(.nonpresent.setting(SPTE.presentBit), level), task)
    }
    return false
  }

  /// A fault of the task's vCPU.
  mutating func beginFault(_ task: Int, address: UInt64, code: UInt64) -> Bool {
    let number = vcpu(of: task)
    guard let root = vcpus[number]?.root else { return false }
    var request = FaultRequest(
      vcpu: tasks[task].vcpu ?? 0, space: vcpus[number]?.space ?? .normal, address: address,
      code: FaultCode(rawValue: code))
    request.space = mmu.tables[root].role.space
    stimuli.faults += 1
    tasks[task].fault = PageFault(request, root: root)
    tasks[task].jobs.append(.fault)
    return true
  }
}

extension TDPMMU {
  /// Whether a root has a present leaf below this level.
  func hasLeaf(_ root: TableID, below level: Level) -> Bool {
    leaves(root).contains { $0.1 < level }
  }

  /// The first frame whose entry at a level points to a table.
  func firstTable(_ root: TableID, _ level: Level) -> GFN? {
    var iterator = TDPIterator(tables, root: root, minimum: level, start: 0, end: .max)
    while iterator.isInside {
      if iterator.level == level, iterator.old.isTable(at: level) { return iterator.frame }
      iterator.next(tables)
    }
    return nil
  }
}
