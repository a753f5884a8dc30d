/// The NX mitigation of a trace's kernel, as far as events show it: whether it is on, and the worker that gives huge pages back.
///
/// No event says that it is on. A huge page that may not be executed does, and so does a fault for a huge page that goes down
/// into a table made for a fetch. Which tables the worker has on its list no event says either: whether a huge page was possible
/// where a fetch was is not told.
import MMUEngine

extension Replay {
  /// A fault for a huge page goes down into a table that was made for a fetch: the NX mitigation keeps it there.
  mutating func informMitigation(_ task: Int, _ level: Level) {
    guard !mmu.format.splitsExecutableHugePages, let fault = tasks[task].fault, level < fault.goalLevel,
      let location = mmu.location(fault.root, fault.request.gfn, fault.goalLevel),
      let table = mmu.tables.table(at: mmu.tables[location]), mmu.tables[table].isForFetch
    else { return }
    learnMitigation()
  }

  /// The worker that gives NX huge pages back is a task of its own. Which tables are on its list is not told: whether a huge
  /// page was possible where a fetch was, no event shows.
  mutating func beginRecovery(_ root: TableID, _ gfn: GFN, _ level: Level, _ task: Int) -> Bool {
    guard tasks[task].mayRecover, tasks[task].vcpu == nil, level <= .page1G,
      let location = mmu.location(root, gfn, level),
      let table = mmu.tables.table(at: mmu.tables[location]), mmu.tables[table].isForFetch
    else { return false }
    if !mmu.tables[table].forbidsHugePage { learnMitigation() }
    mmu.possibleNXHugePages.removeAll { $0 == table }
    mmu.possibleNXHugePages.insert(table, at: 0)
    allow(.rangeInferred)
    tasks[task].jobs.append(.recovery(NXRecovery(mmu.version, budget: 1)))
    return true
  }

  /// The NX mitigation has shown itself: what was made for a fetch before keeps huge pages away too.
  mutating func learnMitigation() {
    mmu.format.splitsExecutableHugePages = true
    mmu.tables.forbidHugePagesForFetches()
    allow(.formatInferred)
  }

  /// The mitigation is off, for this VM or by now.
  mutating func forgetMitigation() {
    mmu.format.splitsExecutableHugePages = false
    allow(.formatInferred)
  }
}
