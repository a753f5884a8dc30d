/// The replay of a trace in which several VMs may be alive: each has a replay of its own, and every record goes to one of them.
///
/// Records name tasks, not VMs. What tells them apart, in this order: a task that made a VM (`init_tdp`); that a task ran a vCPU
/// of it before; without probes, that a new task makes a root while a VM has a valid one, which a vCPU of the same VM would have
/// found; the value of an entry that changes. Where nothing tells, a task is taken for one of the VM whose maker's number is next
/// below its own and whose vCPU of that number runs in no other task: a guess. Guesses can be revised: a trace that differs is
/// read again with another one, and the reading that comes furthest counts.
///
/// Known limits: a task that works for several VMs at once (khugepaged) is taken for one of them.
package import MMUEngine

package struct MachineReplay: Sendable {
  /// In the order of their making; a VM that has ended leaves its place to the next one.
  private var machines: [Replay]
  private var hasEnded = [false]
  private var makers: [TaskID?] = [nil]
  private var owners: [TaskID: Int] = [:]
  /// The task of each vCPU, by VM.
  private var vcpuTasks: [[Int: TaskID]] = [[:]]
  private let kernel: KernelVersion
  private let format: SPTEFormat
  private var seesMaking = false
  /// What to take instead of a guess.
  private let assignments: [TaskID: Int]
  /// Tasks whose VM was guessed, in the order of appearance, and what was guessed.
  package private(set) var guesses: [(task: TaskID, machine: Int)] = []

  package init(_ kernel: KernelVersion, _ format: SPTEFormat, assignments: [TaskID: Int] = [:]) {
    self.kernel = kernel
    self.format = format
    self.assignments = assignments
    machines = [Replay(kernel, format)]
  }

  /// How many VMs were alive at the same time, at most.
  package var machineCount: Int { machines.count }

  /// The first difference, of whichever VM.
  package var difference: Difference? {
    machines.compactMap(\.report.difference).min { $0.line < $1.line }
  }

  /// Whether some VM's replay has come to a difference.
  package private(set) var hasDiffered = false

  /// Takes one record.
  package mutating func consume(_ record: TraceRecord) {
    let number = machines.count == 1 && !mayBegin(record) ? 0 : machine(of: record)
    if machines.count > 1 || seesMaking { remember(record, number) }
    machines[number].consume(record)
    if machines[number].hasDiffered { hasDiffered = true }
    if case .probe(.uninitializeMMU) = record.content { hasEnded[number] = true }
  }

  /// The summary of all VMs.
  package mutating func finish(names: [String]) -> ReplayReport {
    var report = machines[0].finish(names: names)
    for number in machines.indices.dropFirst() { report.add(machines[number].finish(names: names)) }
    report.difference = difference
    return report
  }

  /// Whether the record may be the first of another VM.
  private func mayBegin(_ record: TraceRecord) -> Bool {
    switch record.content {
    case .probe(.initializeMMU): true
    case .mmu(.getPage(let page)):
      !seesMaking && owners[record.task] == nil && page.level == machines[0].rootLevel ?? page.level
    // Remembered until a second VM shows itself.
    case .entry, .exit, .pageFault: !seesMaking && owners[record.task] == nil
    default: false
    }
  }

  private mutating func machine(of record: TraceRecord) -> Int {
    switch record.content {
    case .probe(.initializeMMU): return begin(record.task)
    case .probe(.freeTable):
      // RCU callbacks run in whatever task is there.
      return machines.indices.max { machines[$0].mmu.graveyard.count < machines[$1].mmu.graveyard.count } ?? 0
    default: break
    }
    if let owner = owners[record.task] { return owner }
    if let other = beginUnseen(record) { return other }
    let alive = machines.indices.filter { !hasEnded[$0] }
    let found: Int
    if alive.count < 2 {
      found = alive.first ?? machines.count - 1
    } else if case .mmu(let event) = record.content, let match = alive.first(where: { machines[$0].holds(event) }) {
      found = match
    } else {
      found = assignments[record.task] ?? guess(record, alive)
    }
    switch record.content {
    case .other, .age, .userspaceExit: break
    default:
      if alive.count > 1 { guesses.append((record.task, found)) }
      if alive.count > 1 || machines.count == 1 { owners[record.task] = found }
    }
    return found
  }

  /// The VM that a probe shows to be made.
  private mutating func begin(_ task: TaskID) -> Int {
    var found = machines.indices.first { hasEnded[$0] } ?? machines.count
    if !seesMaking { found = 0 }
    seesMaking = true
    if found == machines.count { append() }
    owners = owners.filter { $0.value != found }
    owners[task] = found
    makers[found] = task
    vcpuTasks[found] = [:]
    hasEnded[found] = false
    return found
  }

  /// Without probes: a task that no VM knows makes a root, and a VM has a valid one.
  private mutating func beginUnseen(_ record: TraceRecord) -> Int? {
    guard !seesMaking, case .mmu(.getPage(let page)) = record.content, page.gfn.rawValue == 0,
      machines.allSatisfy({ $0.rootLevel == page.level && $0.hasValidRoot })
    else { return nil }
    if let empty = machines.indices.first(where: { machines[$0].isEmptied }) {
      machines[empty].reset()
      owners = owners.filter { $0.value != empty }
      owners[record.task] = empty
      return empty
    }
    append()
    makers[machines.count - 1] = record.task
    owners[record.task] = machines.count - 1
    return machines.count - 1
  }

  private mutating func append() {
    machines.append(Replay(kernel, format))
    hasEnded.append(false)
    makers.append(nil)
    vcpuTasks.append([:])
  }

  private func guess(_ record: TraceRecord, _ alive: [Int]) -> Int {
    let free = record.vcpu.map { vcpu in alive.filter { vcpuTasks[$0][vcpu] == nil } } ?? alive
    let candidates = free.isEmpty ? alive : free
    let below = candidates.filter { makers[$0].map { $0.rawValue <= record.task.rawValue } ?? false }
    return below.max { (makers[$0]?.rawValue ?? 0) < (makers[$1]?.rawValue ?? 0) } ?? candidates[0]
  }

  private mutating func remember(_ record: TraceRecord, _ machine: Int) {
    if let vcpu = record.vcpu { vcpuTasks[machine][vcpu] = record.task }
  }
}

extension TraceRecord {
  /// The vCPU that the record names.
  var vcpu: Int? {
    switch content {
    case .entry(let vcpu), .pageFault(let vcpu, _, _): vcpu
    case .exit(let vcpu, _): vcpu
    default: nil
    }
  }
}

extension Replay {
  /// Whether a vCPU that loads a root finds one.
  var hasValidRoot: Bool {
    mmu.roots.contains { !mmu.tables[$0].isInvalid } && !tasks.indices.contains(where: isInvalidating)
  }

  /// Whether entries were made and none is left.
  var isEmptied: Bool { mmu.statistics.leavesMapped > 0 && mmu.roots.allSatisfy { !mmu.containsPresent($0) } }

  /// Whether an entry that an event changes from a present value has it in this VM.
  func holds(_ event: TraceEvent) -> Bool {
    guard case .spteChanged(let space, let gfn, let level, let old, _) = event, old.isPresent else { return false }
    return mmu.roots(.all, in: space).contains { root in
      guard let location = mmu.location(root, gfn, level) else { return false }
      let entry = mmu.tables[location]
      if entry.isTable(at: level) {
        return mmu.tables.table(at: entry).flatMap { frames.frame(of: $0) } == old.pfn.rawValue
      }
      return entry.isLeaf(at: level) && old.isLeaf(at: level) && entry.pfn == old.pfn
    }
  }
}

extension ReplayReport {
  /// Adds another VM's summary of the same trace.
  mutating func add(_ other: ReplayReport) {
    lines = max(lines, other.lines)
    kvmmmu += other.kvmmmu
    compared += other.compared
    matched += other.matched
    allowed.merge(other.allowed, uniquingKeysWith: +)
    for (name, count) in other.ignored {
      if let index = ignored.firstIndex(where: { $0.name == name }) {
        ignored[index].count += count
      } else {
        ignored.append((name, count))
      }
    }
    for (index, stimulus) in other.stimuli.enumerated() { stimuli[index].count += stimulus.count }
    untold += other.untold.filter { !untold.contains($0) }
    checks += other.checks
  }
}
