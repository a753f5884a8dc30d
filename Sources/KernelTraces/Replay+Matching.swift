/// Stepping a task's agents to the event that the trace shows.
import MMUEngine

/// Why a task's agents do not come to the event at hand.
enum Mismatch: Sendable {
  /// They emit another event.
  case event(TraceEvent, reason: String)
  /// They emit an event that the trace does not have.
  case missing(TraceEvent)
  /// No agent of the task could emit it, and none was begun by it.
  case unexplained(String)
  /// A lock excludes the next step.
  case blocked

  var reason: String {
    switch self {
    case .event(_, let reason): reason
    case .missing: "the trace lacks an event that the engine emits"
    case .unexplained(let reason): reason
    case .blocked: "mmu_lock, or a frozen entry, keeps the task from getting there"
    }
  }

  /// What the engine emits instead.
  var event: TraceEvent? {
    switch self {
    case .event(let event, _), .missing(let event): event
    case .unexplained, .blocked: nil
    }
  }
}

extension Replay {
  /// Compares one event of the trace.
  mutating func compare(_ event: TraceEvent, _ task: Int, _ line: Int) {
    if case .getPage(let page) = event, page.level == rootLevel { prepareLoad(task) }
    if let failure = attemptAnyOrder(task, { $0.match(event, task, line) }) {
      differ(failure, event, task, line)
    } else {
      report.matched += 1
      tasks[task].hasMisconfiguration = false
    }
  }

  /// Runs the task's agents to `event`; nil when one emits it.
  mutating func match(_ event: TraceEvent, _ task: Int, _ line: Int) -> Mismatch? {
    if let ahead = tasks[task].ahead.first {
      tasks[task].ahead.removeFirst()
      return accept(ahead, event, task, line)
    }
    var begun = 0
    while true {
      guard !tasks[task].jobs.isEmpty, !isInsideCall(task, event) else {
        begun += 1
        swapSlots(task)
        guard begun < 3, begin(event, task) else { return .unexplained("nothing in the trace explains this event") }
        continue
      }
      inform(task, event)
      if case .inferred(var walk)? = tasks[task].jobs.last {
        guard continues(&walk, event) else {
          dropInferred(task)
          continue
        }
        tasks[task].jobs[tasks[task].jobs.count - 1] = .inferred(walk)
      }
      switch stepTop(task) {
      case .silent, .flush, .kick: continue
      case .event(let engine): return accept(engine, event, task, line)
      case .blocked: return .blocked
      case .asks: if let failure = answer(task, event) { return failure }
      case .finished: endTop(task)
      }
    }
  }

  /// Whether the event begins an agent inside of a call that the task is in: a memslot call emits nothing itself, and leaves
  /// go inside of an invalidation.
  private func isInsideCall(_ task: Int, _ event: TraceEvent) -> Bool {
    switch (tasks[task].jobs.last, event) {
    case (.memslot?, .getPage(let page)): page.level != rootLevel
    case (.memslot?, .zapAllFast), (.memslot?, .spteChanged), (.memslot?, .prepareZapPage): true
    case (.invalidation?, .spteChanged(_, _, let level, let old, let new)):
      old.isLeaf(at: level) && !new.isLeaf(at: level)
    default: false
    }
  }

  private mutating func accept(_ engine: TraceEvent, _ event: TraceEvent, _ task: Int, _ line: Int) -> Mismatch? {
    if let reason = compare(engine: engine, trace: event) {
      guard readsLater(engine, event, task, line) else { return .event(engine, reason: reason) }
    }
    if !promises.isEmpty { keepPromises(event) }
    history.append(line, event, engine)
    return nil
  }

  /// Whether the event differs in nothing but an entry's value that was read again for it, after a write that is still to be
  /// shown. The kernel takes an event's time first and fills it in afterwards, and may be interrupted in between.
  /// Source: Linux 7.3 arch/x86/kvm/mmu/mmutrace.h, fast_page_fault (`new_spte` is `*sptep`).
  private mutating func readsLater(_ engine: TraceEvent, _ event: TraceEvent, _ task: Int, _ line: Int) -> Bool {
    guard mayReadLater, case .fastPageFault(var fault) = engine, case .fastPageFault(let seen) = event,
      let table = mmu.tables.table(at: PFN(fault.pointer >> 12))
    else { return false }
    fault.new = seen.new
    guard compare(engine: .fastPageFault(fault), trace: event) == nil else { return false }
    let level = mmu.tables[table].level
    promises.append(
      EntryPromise(
        event: event, task: task, line: line, space: mmu.tables[table].role.space,
        gfn: GFN(fault.address >> 12).aligned(to: level), level: level, value: seen.new))
    allow(.readLater)
    return true
  }

  /// Strikes out what the event at hand writes.
  private mutating func keepPromises(_ event: TraceEvent) {
    let format = mmu.format
    switch event {
    case .spteChanged(let space, let gfn, let level, _, let new):
      promises.removeAll { $0.isKept(by: new, space, gfn, level, format) }
    case .fastPageFault(let fault) where fault.isFixed:
      promises.removeAll {
        $0.isKept(by: fault.new, $0.space, GFN(fault.address >> 12).aligned(to: $0.level), $0.level, format)
      }
    default: return
    }
  }

  /// A value that was shown and that no event has written is a difference after all, at the event that showed it.
  mutating func refuseBrokenPromises() {
    guard !hasDiffered, let broken = promises.first else { return }
    differ(
      .unexplained("the entry never gets the value that the event shows"), broken.event, broken.task, broken.line)
  }

  /// The innermost agent, to where something shows or is needed.
  mutating func stepTop(_ task: Int) -> MicroStep {
    let step: MicroStep
    // Off the stack while it steps: with a second copy there, each step would copy the agent's arrays.
    switch tasks[task].jobs.removeLast() {
    case .fault:
      tasks[task].jobs.append(.fault)
      return stepFault(task)
    case .fastZap(var zap):
      step = run { zap.step(&$0) }
      tasks[task].jobs.append(.fastZap(zap))
    case .rootsZap(var zap):
      step = run { zap.step(&$0) }
      tasks[task].jobs.append(.rootsZap(zap))
    case .walk(var walk):
      step = run { walk.step(&$0) }
      tasks[task].jobs.append(.walk(walk))
    case .inferred(var walk):
      step = walk.step(&mmu)
      tasks[task].jobs.append(.inferred(walk))
    case .recovery(var recovery):
      step = run { recovery.step(&$0) }
      tasks[task].jobs.append(.recovery(recovery))
    case .load(let role, let isTraced):
      tasks[task].jobs.append(.load(role, isTraced: isTraced))
      return load(role, isTraced: isTraced, task)
    case .invalidation(let bracket):
      if bracket.hasBegun { mmu.invalidation.end() }
      tasks[task].jobs.append(.invalidation(bracket))
      return .finished
    case .memslot(var change):
      step = change.step(&mmu, spaces: spaces)
      swaps += 1
      tasks[task].jobs.append(.memslot(change))
    }
    return step
  }

  /// The task's fault, to where something shows or is needed.
  private mutating func stepFault(_ task: Int) -> MicroStep {
    let key = vcpu(of: task)
    while let step = tasks[task].fault?.step(&mmu, &vcpus[key, default: ReplayVCPU()].cache) {
      switch step {
      case .silent, .flush, .kick: continue
      case .finished:
        if let event = tasks[task].fault?.takeMMIOEvent(mmu.format) { return .event(event) }
        tasks[task].fault = nil
        return .finished
      case .event, .blocked, .asks: return step
      }
    }
    return .finished
  }

  /// Steps until something shows or is needed.
  private mutating func run(_ step: (inout TDPMMU) -> MicroStep) -> MicroStep {
    while true {
      let result = step(&mmu)
      switch result {
      case .silent, .flush, .kick: continue
      case .event, .blocked, .asks, .finished: return result
      }
    }
  }

  /// Runs everything that the task has begun to its end; nil when no event is left over.
  mutating func complete(_ task: Int) -> Mismatch? {
    if let ahead = tasks[task].ahead.first { return .missing(ahead) }
    while let job = tasks[task].jobs.last {
      if job.mayEndHere {
        dropInferred(task)
        continue
      }
      if isUntoldSwap(task) { passMMIOCheck(task) }
      switch stepTop(task) {
      case .silent, .flush, .kick: continue
      case .event(let event): return .missing(event)
      case .blocked: return .blocked
      case .finished: endTop(task)
      case .asks: answerAtEnd(task)
      }
    }
    return nil
  }

  /// A fault that ends here without mapping: either the engine says why, or it is something outside of the MMU.
  private mutating func answerAtEnd(_ task: Int) {
    let top = tasks[task].jobs.count - 1
    switch tasks[task].jobs[top] {
    case .fault:
      if tasks[task].fault?.question == .slot {
        tasks[task].fault?.answer(isDirtyTracked: false)
      } else {
        if tasks[task].fault?.isStale(mmu) == false { allow(.faultEndedUnseen) }
        tasks[task].fault?.answer(.exit)
      }
    case .walk(var walk):
      walk.answer(isHugePossible: false)
      tasks[task].jobs[top] = .walk(walk)
    case .recovery(var recovery):
      recovery.answer(isDirtyTracked: false)
      tasks[task].jobs[top] = .recovery(recovery)
    default: tasks[task].jobs.removeLast()
    }
  }

  /// Runs the innermost agent to where it waits for the host: a notifier may come in there.
  mutating func settle(_ task: Int) -> Mismatch? {
    while let job = tasks[task].jobs.last {
      guard case .fault = job else {
        if case .invalidation = job { return nil }
        if case .memslot = job { return nil }
        return complete(task)
      }
      if tasks[task].fault?.question == .page { return nil }
      if tasks[task].fault?.question == .slot {
        tasks[task].fault?.answer(isDirtyTracked: false)
        continue
      }
      if isUntoldSwap(task) { passMMIOCheck(task) }
      switch stepTop(task) {
      case .silent, .flush, .kick, .asks: continue
      case .event(let event): return .missing(event)
      case .blocked: return .blocked
      case .finished: endTop(task)
      }
    }
    return nil
  }

  /// Whether an inferred walk's next event can be this one.
  private mutating func continues(_ walk: inout InferredWalk, _ event: TraceEvent) -> Bool {
    guard walk.walk.isBetweenEntries else { return true }
    if walk.action == .split, case .getPage(let page) = event { return walk.walk.seek(mmu)?.0 == page.gfn }
    if walk.action == .split, case .splitHugePage = event { return true }
    guard case .spteChanged(_, let gfn, let level, let old, let new) = event else {
      if case .prepareZapPage = event { return walk.action == .recover || walk.action == .zap(upTo: .page256T) }
      return false
    }
    guard walk.accepts(level, old, new, mmu.format) else { return false }
    addCPUBits(walk.root, gfn, level, old)
    return walk.walk.seek(gfn, level, mmu)
  }

  /// A CPU has set bits of a leaf since it was written, as the trace shows now.
  mutating func addCPUBits(_ root: TableID, _ gfn: GFN, _ level: Level, _ seen: SPTE) {
    guard let location = mmu.location(root, gfn, level) else { return }
    let entry = mmu.tables[location]
    guard entry.isLeaf(at: level), entry != seen, entry.rawValue & ~seen.rawValue == 0,
      seen.rawValue & ~entry.rawValue & ~mmu.format.bitsSetByCPU(entry) == 0
    else { return }
    mmu.store(location, seen)
    allow(.cpuAccessedDirty)
  }

  /// The innermost agent has finished.
  mutating func endTop(_ task: Int) {
    // Whoever inferred a walk holds mmu_lock for it.
    if case .inferred? = tasks[task].jobs.last { dropInferred(task) } else { tasks[task].jobs.removeLast() }
  }

  /// An inferred walk has ended before this event.
  mutating func dropInferred(_ task: Int) {
    guard case .inferred(let walk)? = tasks[task].jobs.popLast() else { return }
    if walk.holdsLock, let lock = walk.lock { mmu.lock.release(lock) }
  }
}

extension InferredWalk {
  /// Whether a change is of the kind that this walk makes.
  func accepts(_ level: Level, _ old: SPTE, _ new: SPTE, _ format: SPTEFormat) -> Bool {
    guard old.isPresent else { return false }
    let isLast = old.isLast(at: level)
    switch action {
    case .zapLeaves: return isLast && new == .nonpresent
    case .writeProtect: return isLast && new == old.clearing(SPTE.writableBit) && new != old
    case .writeProtectFrame: return isLast && new == old.clearing(SPTE.writableBit | format.mmuWritable)
    case .clearDirty: return isLast && new == old.clearing(format.dirty) && new != old
    case .age: return isLast && new == format.trackingAccess(old) && new != old
    case .split: return isLast && new.isTable(at: level)
    case .recover: return !isLast && (new == .nonpresent || new.isLeaf(at: level))
    case .zap: return new == .nonpresent
    case .clearDirtyMasked: return false
    }
  }
}

extension PageFault {
  /// Whether the engine has a reason of its own to start over.
  func isStale(_ mmu: borrowing TDPMMU) -> Bool {
    mmu.tables[root].isInvalid || mmu.invalidation.isStale(snapshotOfSequence, request.gfn)
  }
}

extension TDPMMU {
  /// Where the entry for a frame at a level lies; nil when a table above is missing.
  func location(_ root: TableID, _ gfn: GFN, _ level: Level) -> SPTELocation? {
    var table = root
    var current = tables[root].level
    let bits = tables[root].role.isMirror ? 0 : directBits
    while current > level, let below = current.below {
      let entry = tables[SPTELocation(table, GFN(gfn.rawValue | bits).index(at: current))]
      guard entry.isTable(at: current), let next = tables.table(at: entry) else { return nil }
      table = next
      current = below
    }
    return current == level ? SPTELocation(table, GFN(gfn.rawValue | bits).index(at: level)) : nil
  }
}
