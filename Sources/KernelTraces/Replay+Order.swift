/// Events of several CPUs: an event is printed after its write, so another CPU's earlier write may be printed later.
///
/// Agents run lazily. When a task's agents do not come to the event at hand, some other task may have written something
/// already whose event is still to come. Each such task is run ahead, one event at a time; its events wait in `ahead` and must
/// be what the trace shows for it later. Or the task at hand has read an entry before another task's write whose event came
/// first; then its fault goes on from what the entry held. Nothing is lost by trying: a try that fails is taken back.
import MMUEngine

/// A replay to go back to, without the words of its tables and without its frames: those are taken back change by change.
struct ReplayStart: ~Copyable {
  let replay: Replay
  /// The number of the next write then.
  let position: Int

  init(_ replay: Replay) {
    position = replay.mmu.tables.position
    var rest = replay
    _ = rest.mmu.tables.detachContents()
    rest.frames = FrameRenaming()
    self.replay = rest
  }
}

extension Replay {
  /// Tries as the trace has it, then with other tasks run ahead, then with what the task may have read earlier.
  mutating func attemptAnyOrder(_ task: Int, _ body: (inout Replay) -> Mismatch?) -> Mismatch? {
    let others = tasks.indices.filter { $0 != task && !tasks[$0].jobs.isEmpty }
    guard
      !others.isEmpty || tasks[task].position < mmu.tables.position || tasks[task].swaps < swaps || mayBeFrozen(task)
        || isUndecided(task)
    else { return body(&self) }
    let start = ReplayStart(self)
    defer { frames.end() }
    frames.begin()
    guard let failure = body(&self) else { return nil }
    if attemptSpaces(task, start, body) { return nil }
    for depth in 1...3 {
      if attempt(Self.orders(of: others, depth: depth), start, body) { return nil }
    }
    if attemptEarlier(task, others, start, body) { return nil }
    if attemptOthersEarlier(others, start, body) { return nil }
    for depth in 4...8 {
      if attempt(Self.turns(of: others, depth: depth), start, body) { return nil }
    }
    goBack(to: start)
    if freezeUnseen(task), body(&self) == nil {
      allow(.rangeInferred)
      return nil
    }
    goBack(to: start)
    mayReadLater = true
    let last = body(&self)
    mayReadLater = false
    return last.map { _ in failure }
  }

  /// Ends what the task is in, in whatever order that can be.
  mutating func completeInAnyOrder(_ task: Int) -> Mismatch? {
    isIdle(task) ? nil : attemptAnyOrder(task) { $0.complete(task) }
  }

  /// Whether a task has nothing to end, so that nothing can be in its way: no copy to go back to is made.
  func isIdle(_ task: Int) -> Bool { tasks[task].jobs.isEmpty && tasks[task].ahead.isEmpty }

  /// Tries with other tasks run ahead in these orders.
  private mutating func attempt(
    _ orders: [[Int]], _ start: borrowing ReplayStart, _ body: (inout Replay) -> Mismatch?
  ) -> Bool {
    for order in orders {
      goBack(to: start)
      guard order.allSatisfy({ runAhead($0) }), body(&self) == nil else { continue }
      allow(.printedLate)
      return true
    }
    return false
  }

  /// Tries with the walk that the task is in going over one address space only: a slot's is not told.
  private mutating func attemptSpaces(
    _ task: Int, _ start: borrowing ReplayStart, _ body: (inout Replay) -> Mismatch?
  ) -> Bool {
    for space in [AddressSpace.normal, .systemManagement] {
      goBack(to: start)
      guard isUndecided(task) else { return false }
      tasks[task].unpaired = nil
      decide(task, space)
      if body(&self) == nil { return true }
    }
    return false
  }

  /// Tries with the task's fault having read entries before others wrote them.
  private mutating func attemptEarlier(
    _ task: Int, _ others: [Int], _ start: borrowing ReplayStart, _ body: (inout Replay) -> Mismatch?
  ) -> Bool {
    goBack(to: start)
    guard case .fault? = tasks[task].jobs.last, tasks[task].ahead.isEmpty, let fault = tasks[task].fault else {
      return false
    }
    let writes = mmu.tables.pastWrites(since: tasks[task].position, of: fault.request.gfn).prefix(16)
    let maySwap = fault.isAtBeginning && fault.request.code.contains(.reserved)
    for order in [[]] + others.map({ [$0] }) {
      for count in 0...writes.count {
        for isSwapping in maySwap ? [false, true] : [false] where count > 0 || isSwapping {
          goBack(to: start)
          guard order.allSatisfy({ runAhead($0) }), !isSwapping || mayHaveSwapped(task) else { break }
          readEarlier(task, behind: writes.prefix(count), isSwapping: isSwapping)
          guard body(&self) == nil else { continue }
          allow(.readEarlier)
          return true
        }
      }
    }
    return false
  }

  /// Tries with another task run ahead whose fault had read entries before others wrote them.
  private mutating func attemptOthersEarlier(
    _ others: [Int], _ start: borrowing ReplayStart, _ body: (inout Replay) -> Mismatch?
  ) -> Bool {
    for other in others {
      goBack(to: start)
      guard case .fault? = tasks[other].jobs.last, tasks[other].ahead.isEmpty, let fault = tasks[other].fault,
        fault.readsOnly
      else { continue }
      let writes = mmu.tables.pastWrites(since: tasks[other].position, of: fault.request.gfn).prefix(16)
      for count in 0..<writes.count {
        goBack(to: start)
        readEarlier(other, behind: writes.prefix(count + 1), isSwapping: false)
        if tasks[other].ahead.isEmpty { guard runAhead(other) else { continue } }
        guard body(&self) == nil else { continue }
        allow(.readEarlier)
        allow(.printedLate)
        return true
      }
    }
    return false
  }

  /// Whether memslots were, or may have been, swapped since the task's last event.
  private func mayHaveSwapped(_ task: Int) -> Bool { !seesMemslots || tasks[task].swaps < swaps }

  /// The task's fault goes as far as it gets by reading, with entries as they were before these writes.
  private mutating func readEarlier(
    _ task: Int, behind writes: some Sequence<TableMemory.PastWrite>, isSwapping: Bool
  ) {
    let key = vcpu(of: task)
    let later = mmu.tables.lookBack(behind: writes)
    defer { mmu.tables.lookForward(later) }
    if isSwapping { passMMIOCheck(task) }
    while tasks[task].fault?.readsOnly == true {
      switch tasks[task].fault?.step(&mmu, &vcpus[key, default: ReplayVCPU()].cache) {
      case .event(let event)?: return tasks[task].ahead.append(event)
      case .asks?: tasks[task].fault?.answer(isDirtyTracked: false)
      default: continue
      }
    }
  }

  /// Everything is again as it was when `start` was made, and changes of frames are remembered anew.
  mutating func goBack(to start: borrowing ReplayStart) {
    let contents = mmu.tables.detachContents()
    var names = FrameRenaming()
    swap(&names, &frames)
    self = start.replay
    names.takeBack()
    swap(&names, &frames)
    mmu.tables.attach(contents, asOf: start.position)
  }

  /// Sequences of tasks to run ahead, shortest first.
  private static func orders(of tasks: [Int], depth: Int) -> [[Int]] {
    guard depth > 0 else { return [[]] }
    return orders(of: tasks, depth: depth - 1).flatMap { order in tasks.map { order + [$0] } }
  }

  /// The same for longer ones, each task's steps together.
  private static func turns(of tasks: [Int], depth: Int) -> [[Int]] {
    guard let first = tasks.first, depth > 0 else { return depth == 0 ? [[]] : [] }
    return (0...depth).reversed().flatMap { count in
      turns(of: Array(tasks.dropFirst()), depth: depth - count).map { Array(repeating: first, count: count) + $0 }
    }
  }

  /// What the task at hand does without an event has happened when another task's event comes, if it can end so: a fault
  /// gives mmu_lock back, a walk passes the rest of its range.
  mutating func relax(_ task: Int) {
    switch tasks[task].jobs.last {
    case .fault?: if tasks[task].fault?.question != nil || isUntoldSwap(task) { return }
    case .walk?: break
    default: return
    }
    guard tasks[task].ahead.isEmpty else { return }
    let start = ReplayStart(self)
    defer { frames.end() }
    frames.begin()
    let depth = tasks[task].jobs.count
    while tasks[task].jobs.count == depth {
      switch stepTop(task) {
      case .silent, .flush, .kick: continue
      case .event, .blocked, .asks: return goBack(to: start)
      case .finished: endTop(task)
      }
    }
  }

  /// Runs a task to its next event, or to its end. False when it can do neither.
  @discardableResult mutating func runAhead(_ task: Int) -> Bool {
    guard !tasks[task].jobs.isEmpty else { return false }
    if yieldLock(task) { return true }
    while let job = tasks[task].jobs.last {
      if job.mayEndHere {
        dropInferred(task)
        return true
      }
      if case .memslot(let change) = job, change.awaitsFlush, seesFlushes { return false }
      let isExclusive = mmu.lock.isHeld(.write)
      let step = stepOnce(task)
      if isExclusive, !mmu.lock.isHeld(.write) { return true }
      if case .memslot = job, case .silent = step { return true }
      if case .silent = step, yieldLock(task) { return true }
      switch step {
      case .silent, .flush, .kick: continue
      case .event(let event):
        tasks[task].ahead.append(event)
        return true
      case .asks:
        // Whether the slot is logged matters to huge pages only, and then the event will tell.
        guard tasks[task].fault?.question == .slot, case .fault = job else { return freeze(task) }
        tasks[task].fault?.answer(isDirtyTracked: false)
      case .blocked: return false
      case .finished:
        endTop(task)
        return true
      }
    }
    return true
  }

  /// A recovery of huge pages that no event has answered yet freezes the entry at hand.
  private mutating func freeze(_ task: Int) -> Bool {
    guard mmu.version.hugePageRecovery == .zap, case .walk(var walk)? = tasks[task].jobs.last, walk.question != nil
    else {
      return false
    }
    tasks[task].jobs.removeLast()
    walk.answer(isHugePossible: true)
    let step = walk.step(&mmu)
    tasks[task].jobs.append(.walk(walk))
    guard case .silent = step else { return false }
    return true
  }

  /// One step of the innermost agent, so that other tasks come in where mmu_lock or a swap of memslots lets them.
  private mutating func stepOnce(_ task: Int) -> MicroStep {
    let top = tasks[task].jobs.count - 1
    let step: MicroStep
    switch tasks[task].jobs[top] {
    case .fastZap(var zap):
      step = zap.step(&mmu)
      tasks[task].jobs[top] = .fastZap(zap)
    case .rootsZap(var zap):
      step = zap.step(&mmu)
      tasks[task].jobs[top] = .rootsZap(zap)
    case .walk(var walk):
      step = walk.step(&mmu)
      tasks[task].jobs[top] = .walk(walk)
    case .recovery(var recovery):
      step = recovery.step(&mmu)
      tasks[task].jobs[top] = .recovery(recovery)
    case .fault, .inferred, .load, .invalidation, .memslot: step = stepTop(task)
    }
    return step
  }

  /// A walk that may drop mmu_lock does so.
  private mutating func yieldLock(_ task: Int) -> Bool {
    let top = tasks[task].jobs.count - 1
    switch tasks[task].jobs[top] {
    case .walk(var walk) where walk.mayYield && mmu.lock.isHeld(walk.lock):
      walk.yield(&mmu)
      tasks[task].jobs[top] = .walk(walk)
    case .fastZap(var zap) where zap.mayYield:
      zap.yield(&mmu)
      tasks[task].jobs[top] = .fastZap(zap)
    case .rootsZap(var zap) where zap.mayYield:
      zap.yield(&mmu)
      tasks[task].jobs[top] = .rootsZap(zap)
    default: return false
    }
    return true
  }
}
