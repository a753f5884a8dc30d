/// Trees that were there before the trace began: what they hold is taken from the events that show it.
///
/// Such a tree has a table at every place at which no event shows that it has none. The table is adopted when an event may be
/// about it, and each of its entries can have any value until an event shows one: that event's old value is taken as given, and
/// the next one must follow from it (`FollowedTable.unshown`). A shown value comes before one that can be any, because an entry
/// that can have any value can still have the shown one, but not the other way round.
///
/// How many such trees there are is not told: another VM's, SMM's, an invalid root's that a fast zap takes down. The check takes
/// one for each address space, and only if that leaves a violation and something speaks for another tree is the trace read
/// again with one more (`hasSignsOfMoreTrees`). Signs are two events that name frames of tables for which the trees taken have no
/// place (one alone may be what is wrong), a zap that was under way and fits no tree, a vCPU's number that several tasks run.
///
/// At the beginning itself more is open:
/// - A task that does nothing but zap since the trace began may be in the middle of it, in a tree whose root went before, with
///   tables whose own entries went before (`isUnsettled`). Its changes are not judged, and what fits them is open again.
/// - A task's first event may be printed late: what followed from it may have been printed before the trace began. It is
///   taken, but what the entry has afterwards stays open.
/// - Where the value of an entry is taken from an event, the one before it may be printed behind it, by another task
///   (`isPredecessor`). Where it may as well be the next one, the entry is open again (`mayBePredecessor`).
/// - What another task changed at a table's place just before the table's link may have been in it, the link printed late: the
///   entry is open in both (`openRecent`).
///
/// Known limits: whose roots an invalidation takes, and whether a zapped leaf's root was valid, is not told of these trees. An
/// event at the end of the trace that nothing explains yet is not judged while another task can print late; what follows from
/// it is, and can be wrong then.
import MMUEngine

/// A place at which a tree has had its table.
struct AdoptedPlace: Hashable {
  /// Number of its root.
  let tree: Int
  let space: AddressSpace
  let level: Level
  let gfn: GFN
}

/// The change that a task made last.
struct LastChange {
  let entry: FollowedEntry
  let change: FollowedChange
  /// The number of the event.
  let number: Int
  /// Whether the entry's old value was known.
  let wasShown: Bool
  /// Whether the task is still in the same fault.
  var isFresh = true
}

/// An old value that was taken as given.
struct GivenValue {
  let entry: FollowedEntry
  var old: SPTE
  let task: TaskID
  /// The number of the event.
  let number: Int
}

/// What is known of the trees from before the trace.
struct Adoption {
  /// How many trees of each address space there are; their roots have the numbers −1 and below.
  var trees: Int
  /// Places that need no adoption any more.
  var places: Set<AdoptedPlace> = []
  /// The change of each task that an address may follow.
  var lastChanges: [TaskID: LastChange] = [:]
  /// The last changes of all tasks, 256 events back and some more.
  var recent: [LastChange] = []
  /// What was taken as given in the last 256 events, as long as another task can print late.
  var given: [GivenValue] = []
  /// Tasks of which an event has been seen.
  private(set) var seen: Set<TaskID> = []
  /// Tasks that have done something else than zap.
  var settled: Set<TaskID> = []
  /// Whether the event at hand is its task's first.
  private(set) var isFirst = false
  /// Frames of tables that none of the trees has a place for, the first two.
  private var strangers: Set<UInt64> = []
  /// Events that name such a frame, or that are where none of the trees has a table.
  private var strangeEvents = 0
  /// Address spaces whose only tree has gone.
  var gone: Set<AddressSpace> = []
  /// The task that made each root while there was one tree, until it changes something there.
  var makers: [Int: TaskID] = [:]
  /// Zaps under way at the beginning that fit no tree.
  var strangeZaps = 0
  /// The tasks that have run each vCPU number.
  private var runners: [Int: Set<TaskID>] = [:]

  /// Whether trees are taken to be there without an event that shows it.
  let isAssumed: Bool

  init(trees: Int) {
    self.trees = trees
    isAssumed = trees > 0
  }

  /// An event names the frame of a table that no tree has.
  mutating func see(_ frame: UInt64) {
    strangeEvents += 1
    if strangers.count < 2 { strangers.insert(frame) }
  }

  /// An event is where no tree has a table.
  mutating func seeNoTable() { strangeEvents += 1 }

  /// A record comes.
  mutating func note(_ task: TaskID, vcpu: Int?) {
    isFirst = trees > 0 && seen.insert(task).inserted
    if let vcpu { runners[vcpu, default: []].insert(task) }
  }

  /// Whether something speaks for more trees than these. A trace that shows its VM's beginning has to show two frames for that:
  /// one may come from the event that is wrong.
  func hasSigns(besides trees: Int, isFromBeginning: Bool) -> Bool {
    let machines = runners.values.map(\.count).max() ?? 0
    if strangers.count > 1 || trees > 0 && machines > trees { return true }
    return !isFromBeginning && (strangeZaps > 1 || strangeEvents > 1)
  }
}

extension TraceChecker {
  /// Looks at what a record says of its task, and of trees from before the trace.
  mutating func observe(_ record: TraceRecord) {
    if report.adoption == nil, adoption.trees > 0 {
      report.adoption = AdoptionReport(line: adoption.isAssumed ? nil : record.line, trees: adoption.trees)
    }
    var vcpu: Int?
    var settles = true
    switch record.content {
    case .entry(let number), .pageFault(let number, _, _): vcpu = number
    case .exit, .userspaceExit, .unmapRange, .age: break
    case .mmu(.spteChanged(_, _, _, _, let new)): settles = new != .nonpresent && new != kernel.frozen
    case .mmu(.prepareZapPage), .otherMMU, .other: settles = false
    case .mmu: break
    case .probe(let probe): settles = !Self.isInsideZap(probe)
    }
    adoption.note(record.task, vcpu: vcpu)
    if settles { adoption.settled.insert(record.task) }
  }

  /// Whether a task can come by a probe without leaving a zap.
  private static func isInsideZap(_ probe: Probe) -> Bool {
    switch probe {
    case .zapRoot, .zapRootPass, .putRoot, .flush, .freeTable, .unmapFrames, .zapLeaves, .other: true
    default: false
    }
  }

  /// Whether a task may be in the middle of a zap that began before the trace.
  func isUnsettled(_ task: TaskID) -> Bool { !adoption.settled.contains(task) }

  /// Whether a change cannot be judged; what it may have changed is open again.
  mutating func isLeftOut(_ change: FollowedChange) -> Bool {
    guard isUnsettled(change.task), change.new == .nonpresent || change.new == kernel.frozen else { return false }
    leaveOut(change)
    return true
  }

  private mutating func leaveOut(_ change: FollowedChange) {
    let candidates = tables.candidates(change.space, change.gfn, change.level)
    if change.old.isTable(at: change.level) {
      if let table = tables.table(at: change.old.pfn.rawValue) { tables.detach(table) }
      if let entry = candidates.first(where: { tables.isShown($0) && tables.value($0) == change.old }) {
        return tables.set(entry, change.new)
      }
      if let below = change.level.below { doubt(tables.candidates(change.space, change.gfn, below)) }
    }
    report.adoption?.unjudged += 1
    let isFrozen = change.new == kernel.frozen
    if isFrozen { doubt(candidates) }
    var fits = candidates.isEmpty && !adoption.gone.contains(change.space)
    for entry in candidates where matches(entry, change) {
      fits = true
      guard let table = tables[entry.table] else { continue }
      if isFrozen, kernel.removalOrder == .entryFirst, !table.isDetached, !table.mayBeDetached { continue }
      tables.conceal(entry)
    }
    if !fits { adoption.strangeZaps += 1 }
  }

  /// Adopted tables may have gone.
  private mutating func doubt(_ entries: [FollowedEntry]) {
    for entry in entries where tables[entry.table]?.isAdopted == true && tables[entry.table]?.isDetached == false {
      tables[entry.table]?.mayBeDetached = true
    }
  }

  /// Adopts the tables that an event at this place can be about.
  mutating func adopt(at space: AddressSpace, _ gfn: GFN, _ level: Level) {
    let first = level.above.map { gfn.aligned(to: $0) } ?? GFN(0)
    guard !adoption.gone.contains(space) else { return }
    for tree in -adoption.trees..<0 {
      let place = AdoptedPlace(tree: tree, space: space, level: level, gfn: first)
      guard !adoption.places.contains(place), mayHaveTable(tree, space, first, level) else { continue }
      adoption.places.insert(place)
      tables.add(.adopted(level, first, space, root: tree, frame: nil))
    }
  }

  /// Whether no event has shown that the tree has no table here, or which.
  private func mayHaveTable(_ tree: Int, _ space: AddressSpace, _ gfn: GFN, _ level: Level) -> Bool {
    guard let above = level.above else { return true }
    let parents = tables.candidates(space, gfn, above).filter {
      tables[$0.table]?.root == tree && tables[$0.table]?.isDetached == false
    }
    guard parents.isEmpty else { return parents.contains { !tables.isShown($0) } }
    return mayHaveTable(tree, space, above.above.map { gfn.aligned(to: $0) } ?? GFN(0), above)
  }

  /// An event is taken to be about this entry.
  mutating func take(_ change: FollowedChange, _ entry: FollowedEntry) {
    let wasShown = tables.isShown(entry)
    let last = LastChange(entry: entry, change: change, number: report.events, wasShown: wasShown)
    adoption.lastChanges[change.task] = last
    if adoption.recent.count >= 1024 { adoption.recent.removeAll { $0.number + 256 < report.events } }
    adoption.recent.append(last)
    guard let table = tables[entry.table] else { return }
    if !wasShown {
      // What is taken as given is not judged.
      report.applied[.continuity]? -= 1
      give(change, entry)
      report.adoption?.entries += 1
      if table.isAdopted, !table.isCounted {
        report.adoption?.tables += 1
        tables[entry.table]?.isCounted = true
      }
    }
    if change.old.isTable(at: change.level) { takeAway(change, table.root) }
    if adoption.trees == 1, adoption.makers[table.root] == change.task {
      adoption.makers[table.root] = nil
      // A fast zap takes the old root down while the new one fills.
      if fastZaps.isEmpty { endAdoption(in: change.space) }
    }
  }

  /// Remembers what is taken as given.
  private mutating func give(_ change: FollowedChange, _ entry: FollowedEntry) {
    if let first = adoption.given.first, first.number + 256 < report.events {
      adoption.given.removeAll { $0.number + 256 < report.events }
    }
    adoption.given.removeAll { $0.entry == entry }
    adoption.given.append(GivenValue(entry: entry, old: change.old, task: change.task, number: report.events))
  }

  /// Where another task's change of one of these entries was taken as given that follows from this one.
  private func successor(_ change: FollowedChange, of entries: [FollowedEntry]) -> Int? {
    adoption.given.lastIndex { given in
      given.number + 256 >= report.events && given.task != change.task && entries.contains(given.entry)
        && isSame(change.new, given.old, change.level, tables[given.entry.table])
    }
  }

  /// Whether a change that fits no entry comes before one that was taken as given, and is printed behind it.
  mutating func isPredecessor(_ change: FollowedChange) -> Bool {
    guard !adoption.given.isEmpty else { return false }
    let candidates = tables.candidates(change.space, change.gfn, change.level)
    guard let index = successor(change, of: candidates) else { return false }
    adoption.given[index].old = change.old
    return true
  }

  /// Whether a change that fits an entry may come before what was taken as given there.
  func mayBePredecessor(_ change: FollowedChange, _ entry: FollowedEntry) -> Bool {
    !adoption.given.isEmpty && tables.isShown(entry) && successor(change, of: [entry]) != nil
  }

  /// A table goes whose link no event has shown: the one of the same tree at that place, unless it has another frame.
  private mutating func takeAway(_ change: FollowedChange, _ tree: Int) {
    let frame = change.old.pfn.rawValue
    guard tree < 0, let below = change.level.below, tables.table(at: frame) == nil else { return }
    let place = AdoptedPlace(tree: tree, space: change.space, level: below, gfn: change.gfn)
    let known = tables.candidates(change.space, change.gfn, below).first {
      tables[$0.table]?.root == tree && tables[$0.table]?.isAdopted == true && tables[$0.table]?.frame == nil
    }
    let table = known?.table ?? tables.add(.adopted(below, change.gfn, change.space, root: tree, frame: nil))
    adoption.places.insert(place)
    tables.learn(frame, of: table)
  }

  /// What other tasks changed just now at the place of a table that is linked may have been in it.
  mutating func openRecent(_ table: Int, _ task: TaskID) {
    guard let found = tables[table] else { return }
    for last in adoption.recent.reversed() {
      if last.number + 256 < report.events { return }
      guard last.change.task != task, last.change.space == found.space, last.change.level == found.level,
        found.level.above.map({ last.change.gfn.aligned(to: $0) }) == found.gfn
      else { continue }
      tables.conceal(last.entry)
      tables.conceal(FollowedEntry(table: table, index: last.entry.index))
    }
  }

  /// Whether a table that is linked is one that addresses have shown before: its link's event is printed late.
  func isLinkedLate(_ table: Int, _ level: Level, _ gfn: GFN) -> Bool {
    guard let found = tables[table] else { return false }
    return found.isAdopted && !found.isDetached && found.level == level && found.gfn == gfn
  }

  /// An entry is set in a table whose frame no event has shown: the one in which the task has just changed it.
  mutating func learn(_ address: UInt64, _ gfn: GFN, _ level: Level, _ value: SPTE, _ task: TaskID) {
    if gfn.index(at: level) != Int(address >> 3 & 511) {
      return violate(.address, "gfn \(hex(gfn.rawValue)) at \(hex(address)) in a table for another range")
    }
    guard let last = adoption.lastChanges[task], last.isFresh, last.change.gfn == gfn, last.change.level == level,
      let table = tables[last.entry.table], let space = table.space, last.change.new == value,
      !tables.isShown(last.entry) || tables.value(last.entry) == value
    else {
      if !adoption.gone.isEmpty { adoption.see(address >> 12) }
      return
    }
    if table.isAdopted, table.frame == nil { return tables.learn(address >> 12, of: last.entry.table) }
    // The change was another tree's.
    let other = tables.candidates(space, gfn, level).first {
      tables[$0.table]?.isAdopted == true && tables[$0.table]?.frame == nil && tables[$0.table]?.isDetached == false
        && matches($0, last.change)
    }
    guard let other else {
      adoption.see(address >> 12)
      return violate(.address, "gfn \(hex(gfn.rawValue)): no table has frame \(hex(address >> 12))")
    }
    tables.set(last.entry, last.change.old)
    if !last.wasShown { tables.conceal(last.entry) }
    tables.set(other, value)
    tables[other.table]?.mayBeDetached = false
    tables.learn(address >> 12, of: other.table)
  }

  /// Whether a fast fault may have fixed an entry that no event has shown.
  func mayBeUnshown(_ fault: FastPageFault) -> Bool {
    guard adoption.trees > 0 else { return false }
    return Level.allCases.contains { level in
      guard fault.old.isLeaf(at: level) else { return false }
      let gfn = GFN(fault.address >> 12).aligned(to: level)
      return AddressSpace.allCases.contains { space in
        tables.candidates(space, gfn, level).contains { !tables.isShown($0) }
      }
    }
  }

  /// The only tree of an address space has gone: a fast zap has ended that the trace shows from its beginning on, or there is
  /// another root, which a VM makes only when it has none that is valid, and no fast zap is at work. With more trees than one it
  /// is not told whose has gone.
  mutating func endAdoption(in space: AddressSpace) {
    guard adoption.gone.insert(space).inserted else { return }
    for (number, table) in tables.tables.enumerated() {
      if let table, table.root < 0, table.space == space { tables.forget(number) }
    }
    if adoption.gone.count == AddressSpace.allCases.count { adoption.trees = 0 }
  }

  /// Whether what explains an event may come behind the trace's end, from another task.
  mutating func isCutOff(_ orphan: Orphan) -> Bool {
    if report.adoption != nil, orphan.number + 256 >= report.events,
      adoption.lastChanges.keys.contains(where: { $0 != orphan.task })
    {
      report.adoption?.unjudged += 1
      return true
    }
    guard !isUnderRemoval(orphan), mayBeLate(orphan) else { return false }
    report.cutOff += 1
    return true
  }

  /// What the report says of the trees from before.
  mutating func finishAdoption() {
    let isBroken = report.broken.keys.contains { $0.needsTrees }
    let trees = report.adoption?.trees ?? 0
    report.hasSignsOfMoreTrees =
      isBroken && adoption.hasSigns(besides: trees, isFromBeginning: isFromBeginning && trees == 0)
    guard let found = report.adoption else { return }
    let reason = "a VM has a root that was made before the trace begins, and whose roots go is not told"
    let place = found.line.map { "line \($0): " } ?? ""
    report.notCheckable.append((.invalidRoot, place + reason))
  }
}
