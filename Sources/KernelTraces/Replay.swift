/// The engine, driven by what a trace shows going in, and held against what it shows coming out.
///
/// Each task of the traced machine has a stack of agents. An event of a task makes its innermost agent step until it emits one,
/// and the two must be the same up to the renaming of frames. Agents are run lazily: what a task does between two of its
/// events happens when the second one is read. Kernels print an event after its write, outside of any lock, so with several
/// CPUs an event may be read before another CPU's earlier write; then that other task is run ahead (`Replay+Order`).
///
/// What the engine cannot know it takes from the event at hand and says so: the host's page, its size and whether the host
/// may write (inputs), and what the rules in `AllowanceRule` let through (counted).
package import MMUEngine

package struct Replay: Sendable {
  var mmu: TDPMMU
  var tasks: [ReplayTask] = []
  private var taskNumbers: [TaskID: Int] = [:]
  private var lastTask: (id: TaskID, number: Int) = (TaskID(-1), -1)
  var vcpus: [Int: ReplayVCPU] = [:]
  var frames = FrameRenaming()
  var report: ReplayReport
  /// Engine roots by the pointers that probes show.
  var rootPointers: [UInt64: TableID] = [:]
  /// Level of the root that was made first.
  var rootLevel: Level?
  /// How much a swap of memslots adds to their generation.
  var spaces: UInt64 = 2
  /// Halves of swaps of memslots so far.
  var swaps = 0
  /// Whether memslot calls are in the trace, so that generations are known.
  var seesMemslots = false
  /// The event and the line of the first page that was mapped without a fault, until a vCPU is seen to run.
  var firstPrefault: (event: TraceEvent, line: Int)?
  /// Whether some vCPU was seen in KVM_RUN.
  var hasRun = false
  /// Whether a deletion's zap shows itself, by its event or by probes.
  var seesFlushes = false
  /// Generations that events have shown, by address space.
  var seenGenerations: [UInt64] = [0, 0]
  /// Entries that no event says are FROZEN, and what they held: a recovery of huge pages has begun there.
  var unseenFrozen: [(location: SPTELocation, old: SPTE)] = []
  /// Values of entries that events have shown ahead of the writes' own events.
  var promises: [EntryPromise] = []
  /// Whether an event may show a value that is written by an event that comes later.
  var mayReadLater = false
  /// Faults whose address space is a guess, by task.
  private var guesses: [TaskID: SpaceGuess] = [:]
  /// Whether the mask of MMIO entries, the encryption bit, the NX mitigation have shown themselves.
  var knowsMMIO = false
  var knowsEncryption = false
  var history = EventHistory()
  /// Whether the first difference was found; asked for every record.
  var hasDiffered = false
  /// Uses of rules, by rule's position.
  var uses = [Int](repeating: 0, count: AllowanceRule.allCases.count)
  var stimuli = StimulusCounts()
  private var ignored: [Int] = []

  package init(_ kernel: KernelVersion, _ format: SPTEFormat) {
    mmu = TDPMMU(kernel, format)
    mmu.tables.keepHistory()
    report = ReplayReport(kernel: kernel, format: format)
  }

  /// Takes one record. The first difference ends the replay; records after it are not looked at.
  package mutating func consume(_ record: TraceRecord) {
    guard !hasDiffered else { return }
    guess(record)
    take(record)
    if hasDiffered { reconsider(record.task) }
  }

  /// Takes one record, on the guesses as they are.
  private mutating func take(_ record: TraceRecord) {
    report.lines = record.line
    // Before its task is looked up: a trace of a whole machine has more tasks than those that matter.
    if case .other(let name) = record.content { return ignore(name) }
    if case .userspaceExit(let name) = record.content {
      if let task = taskNumbers[record.task] { tasks[task].isRunning = false }
      return ignore(name)
    }
    if case .probe(.freeTable) = record.content {
      // An RCU callback interrupts whatever task is there.
      stimuli.probes += 1
      return endGracePeriod(1)
    }
    let last = lastTask
    let task = number(of: record.task)
    if last.number >= 0, last.number != task { relax(last.number) }
    switch record.content {
    case .mmu(let event):
      report.kvmmmu += 1
      report.compared += 1
      if mmu.tables.count < 3 { learnVendor(event) }
      compare(event, task, record.line)
    case .otherMMU(let name):
      report.kvmmmu += 1
      return ignore(name)
    case .other, .userspaceExit, .probe(.other), .probe(.flush), .age: return
    default: stimulus(record.content, task, record.line)
    }
    if case .recovery? = tasks[task].jobs.last {} else { tasks[task].mayRecover = false }
    mmu.tables.trimHistory()
    tasks[task].position = mmu.tables.position
    tasks[task].swaps = swaps
  }

  /// A vCPU enters and leaves SMM without an event that is sure to be in the trace, and only the first change of an entry
  /// shows where it is. With roots of both spaces a fault begins in the one that the vCPU had; where that leads to a
  /// difference, it is begun again in the other.
  private mutating func guess(_ record: TraceRecord) {
    if !guesses.isEmpty {
      for key in guesses.keys {
        guesses[key]?.records.append(record)
        if guesses[key]?.records.count ?? 0 > 512 { guesses[key] = nil }
      }
    }
    switch record.content {
    case .pageFault(let vcpu, _, _):
      guesses[record.task] = nil
      guard let root = vcpus[vcpu]?.root, otherRoot(than: root) != nil else { return }
      var before = self
      before.guesses = [:]
      guesses[record.task] = SpaceGuess(vcpu: vcpu, before: [before], records: [record])
    case .mmu(.spteChanged(let space, _, _, _, _)):
      if let vcpu = guesses[record.task]?.vcpu, let root = vcpus[vcpu]?.root, mmu.tables[root].role.space == space {
        guesses[record.task] = nil
      }
    default: return
    }
  }

  /// A valid root of the other address space.
  private func otherRoot(than root: TableID) -> TableID? {
    mmu.roots.first { !mmu.tables[$0].isInvalid && mmu.tables[$0].role.space != mmu.tables[root].role.space }
  }

  /// Begins the task's fault again in the other address space.
  private mutating func reconsider(_ id: TaskID) {
    guard let guess = guesses[id], var other = guess.before.first, let old = other.vcpus[guess.vcpu]?.root,
      let root = other.otherRoot(than: old), let found = other.mmu.findRoot(other.mmu.tables[root].role)
    else { return }
    other.mmu.putRoot(old)
    other.vcpus[guess.vcpu]?.root = found
    other.allow(.roleInferred)
    for record in guess.records { other.take(record) }
    if !other.hasDiffered { self = other }
  }

  /// The summary; `names` are the reader's.
  package mutating func finish(names: [String]) -> ReplayReport {
    refuseBrokenPromises()
    report.format = mmu.format
    report.checks += mmu.collectChecks()
    for (rule, count) in zip(AllowanceRule.allCases, uses) where count > 0 { report.allowed[rule] = count }
    report.ignored = ignored.enumerated().filter { $0.element > 0 }.map { (names[$0.offset], $0.element) }
    report.stimuli = stimuli.list
    if !seesMemslots { report.untold.append("memslot calls: generations and slots' ranges are taken from the events") }
    if stimuli.invalidations > 0, stimuli.probes == 0 {
      report.untold.append("which notifier ranges touch a memslot: zaps show only where leaves went")
    }
    return report
  }

  /// The first pointer to a table shows whose format it is.
  private mutating func learnVendor(_ event: TraceEvent) {
    guard case .spteChanged(_, _, let level, _, let new) = event, new.isTable(at: level) else { return }
    let isEPT = new.rawValue >> 63 == 1
    guard isEPT != (mmu.format.vendor == .ept) else { return }
    let usesAccessedDirty = mmu.format.usesAccessedDirty
    mmu.format = (isEPT ? SPTEFormat.ept : .npt).laidOut(by: mmu.version)
    mmu.format.usesAccessedDirty = usesAccessedDirty
  }

  private mutating func ignore(_ name: EventName) {
    let index = Int(name.rawValue)
    while ignored.count <= index { ignored.append(0) }
    ignored[index] += 1
  }

  private static let rules = AllowanceRule.allCases

  mutating func allow(_ rule: AllowanceRule) {
    uses[Self.rules.firstIndex(of: rule) ?? 0] += 1
  }

  private mutating func number(of id: TaskID) -> Int {
    if lastTask.id == id { return lastTask.number }
    let number: Int
    if let known = taskNumbers[id] {
      number = known
    } else {
      number = tasks.count
      tasks.append(ReplayTask())
      taskNumbers[id] = number
    }
    lastTask = (id, number)
    return number
  }

  /// A new VM: everything of the last one is forgotten.
  mutating func reset() {
    refuseBrokenPromises()
    let checks = mmu.collectChecks()
    report.checks += checks
    mmu = TDPMMU(mmu.version, mmu.format, frameLimit: mmu.frameLimit)
    mmu.tables.keepHistory()
    for index in tasks.indices {
      tasks[index].jobs = []
      tasks[index].position = 0
      tasks[index].replaced = nil
    }
    unseenFrozen = []
    vcpus = [:]
    frames = FrameRenaming()
    rootPointers = [:]
    rootLevel = nil
    seenGenerations = [0, 0]
    guesses = [:]
    promises = []
  }

  /// The vCPU that a task runs; numbered by the events that name it.
  func vcpu(of task: Int) -> Int { tasks[task].vcpu ?? -1 - task }

  /// Frees removed tables whose grace period has ended.
  mutating func endGracePeriod(_ count: Int) {
    for table in mmu.graveyard.prefix(count) { frames.release(table) }
    mmu.endGracePeriod(count)
  }
}

/// A fault that began in the address space that its vCPU had, and what is needed to begin it again in the other.
struct SpaceGuess: Sendable {
  let vcpu: Int
  /// The replay before the fault, one element.
  let before: [Replay]
  /// Since then.
  var records: [TraceRecord]
}

/// A value of an entry that `fast_page_fault` has shown and no event has written yet.
struct EntryPromise: Sendable {
  let event: TraceEvent
  let task: Int
  let line: Int
  let space: AddressSpace
  let gfn: GFN
  let level: Level
  let value: SPTE

  /// Whether a write keeps the promise; a CPU may have set accessed and dirty bits before the reading.
  func isKept(by new: SPTE, _ space: AddressSpace, _ gfn: GFN, _ level: Level, _ format: SPTEFormat) -> Bool {
    guard self.space == space, self.gfn == gfn, self.level == level else { return false }
    return value == new || value.clearing(format.bitsSetByCPU(new)) == new.clearing(format.bitsSetByCPU(new))
  }
}

/// How often which stimulus was seen.
struct StimulusCounts: Sendable {
  var faults = 0
  /// Of the faults, those of KVM_PRE_FAULT_MEMORY.
  var prefaults = 0
  var memslotCalls = 0
  var invalidations = 0
  var attributeChanges = 0
  var fastZaps = 0
  var rootLoads = 0
  var probes = 0

  var list: [(name: String, count: Int)] {
    [
      ("page faults", faults - prefaults), ("root loads", rootLoads), ("memslot calls", memslotCalls),
      ("notifier ranges", invalidations), ("attribute changes", attributeChanges), ("fast zaps", fastZaps),
    ]
  }
}

/// The last ten events of both sides.
struct EventHistory: Sendable {
  private var entries: [(line: Int, trace: TraceEvent, engine: TraceEvent)] = []
  private var next = 0

  mutating func append(_ line: Int, _ trace: TraceEvent, _ engine: TraceEvent) {
    if entries.count < 10 {
      entries.append((line, trace, engine))
    } else {
      entries[next] = (line, trace, engine)
      next = next == 9 ? 0 : next + 1
    }
  }

  /// Oldest first.
  var list: [(line: Int, trace: TraceEvent, engine: TraceEvent)] {
    Array(entries[next...] + entries[..<next])
  }
}
