/// Which tree an event's entry lies in, where several have one at the same place: an SMM's, another VM's, a root that a fast
/// zap takes down while the new one fills.
///
/// What decides, in this order: the old value (the pointer to a table names the tree by its frame); FROZEN stands in tables
/// that are out of their tree, and nothing becomes present there; then, as a guess only, what a fast zap works on, valid roots,
/// and the tree in which the task was last.
/// Where a guess chose between equal values the two entries stay exchangeable: after it they are the same up to their names,
/// so a later event that fits only the other choice exchanges them, and is no violation. A fast fault's event does not even
/// tell the address space, so an SMM's entry and the normal one can be taken for each other there, and only there.
///
/// Known limits: an entry that a fault sets in a table whose own link is printed later is given to a tree that is there
/// already; what follows may then look like a violation.
import MMUEngine

/// A change of an entry as its event tells it.
struct FollowedChange {
  let space: AddressSpace
  let gfn: GFN
  let level: Level
  let old: SPTE
  let new: SPTE
  let task: TaskID
  /// Whether it is the first that its task shows of itself, and may be printed late.
  var isFirst = false
}

/// A table's end, announced before its children's events and its own entry's, while several tables may be meant.
struct Announcement {
  let gfn: GFN
  let level: Level
  /// The tables that fit what has been seen.
  var tables: [Int]
  /// Changes of its entries so far, until it is clear which table it is.
  var changes: [FollowedChange] = []
  /// One table is left, and it is detached; its own entry is still to go.
  var isResolved = false
}

extension Announcement {
  /// Whether a change is of one of the table's entries.
  func covers(_ change: FollowedChange) -> Bool {
    change.level == level && level.above.map { change.gfn.aligned(to: $0) == gfn } ?? false
  }
}

extension TraceChecker {
  /// What a place says about an event.
  private enum Fit: Int {
    /// No kernel does this here.
    case excluded
    case unlikely
    case likely
  }

  /// The entry that the event means; nil when no tree has its old value.
  mutating func choose(_ change: FollowedChange) -> FollowedEntry? {
    let candidates = tables.candidates(change.space, change.gfn, change.level)
    let matching = candidates.filter { matches($0, change) }
    guard let best = matching.max(by: { isWorse($0, $1, change) }) else { return exchanged(candidates, change) }
    // What an earlier guess explains, another address space's for this one's, is not taken as given.
    if !tables.isShown(best), let other = exchangedKnown(candidates, change) { return other }
    tables.separateSpaces(best)
    doubtPartners(of: best, change)
    guard candidates.count > 1 else { return best }
    let fit = fit(best, change)
    if fit == .excluded {
      // The values of two trees may have been taken for each other before.
      for entry in candidates where self.fit(entry, change) != .excluded && !matching.contains(entry) {
        if let other = matching.first(where: { tables.mayBeExchanged(entry, $0) }) {
          tables.exchange(entry, other)
          return entry
        }
      }
      return best
    }
    let possible = matching.filter { self.fit($0, change) != .excluded }
    if possible.count == 1, matching.count > 1 { tables.distinguish(best, from: matching) }
    for other in possible where other != best { tables.confuse(best, with: other) }
    return best
  }

  /// An entry that could have any value has an event's old one. An earlier event that was taken for another tree's may have
  /// brought it there; then the other tree's entry has what it had before that.
  private mutating func doubtPartners(of entry: FollowedEntry, _ change: FollowedChange) {
    guard !tables.isShown(entry) else { return }
    for other in tables.partners(of: entry) where tables.isShown(other) && matches(other, change) {
      tables.conceal(other)
    }
  }

  func matches(_ entry: FollowedEntry, _ change: FollowedChange) -> Bool {
    !tables.isShown(entry) || isSame(tables.value(entry), change.old, change.level, tables[entry.table])
  }

  /// The entry that has another's value by an earlier guess, put right; nil when that explains nothing.
  private mutating func exchanged(_ candidates: [FollowedEntry], _ change: FollowedChange) -> FollowedEntry? {
    for entry in candidates {
      for other in tables.partners(of: entry) where matches(other, change) && fit(entry, change) != .excluded {
        tables.exchange(entry, other)
        return entry
      }
    }
    return nil
  }

  /// The same where both values are known.
  private mutating func exchangedKnown(_ candidates: [FollowedEntry], _ change: FollowedChange) -> FollowedEntry? {
    for entry in candidates where tables.isShown(entry) && fit(entry, change) != .excluded {
      for other in tables.partners(of: entry) where tables.isShown(other) && matches(other, change) {
        tables.exchange(entry, other)
        return entry
      }
    }
    return nil
  }

  /// The entry that a fast fault means; nil when no tree has its old value. Its event tells neither level nor space.
  mutating func choose(_ fault: FastPageFault, _ task: TaskID) -> FollowedEntry? {
    for level in Level.allCases where fault.old.isLeaf(at: level) {
      let gfn = GFN(fault.address >> 12).aligned(to: level)
      let changes = AddressSpace.allCases.map {
        FollowedChange(space: $0, gfn: gfn, level: level, old: fault.old, new: fault.new, task: task)
      }
      let matching = changes.flatMap { change in
        tables.candidates(change.space, gfn, level).filter { tables.isShown($0) && matches($0, change) }
      }
      guard let best = matching.max(by: { isWorse($0, $1, changes[0]) }) else { continue }
      for other in matching where other != best { tables.confuse(best, with: other) }
      return best
    }
    return nil
  }

  private func fit(_ entry: FollowedEntry, _ change: FollowedChange) -> Fit {
    let isDetached = tables[entry.table]?.isDetached ?? false
    let mayBeDetached = tables[entry.table]?.mayBeDetached ?? false
    if change.new == kernel.frozen { return isDetached || mayBeDetached ? .likely : .excluded }
    if change.new.isPresent, !change.old.isPresent { return isDetached ? .excluded : .likely }
    return isDetached ? .unlikely : .likely
  }

  /// Whether an entry is less likely meant than another.
  private func isWorse(_ one: FollowedEntry, _ other: FollowedEntry, _ change: FollowedChange) -> Bool {
    rank(one, change).lexicographicallyPrecedes(rank(other, change))
  }

  private func rank(_ entry: FollowedEntry, _ change: FollowedChange) -> [Int] {
    guard let table = tables[entry.table] else { return [] }
    let isOwn = lastRoot[change.task] == table.root
    // A fast zap works in the roots that were there when it began.
    let isZapped = fastZaps[change.task].map { table.root < $0 } ?? false
    let isInvalid = invalidRoots.contains(table.root)
    let fit = fit(entry, change)
    // What no event has shown can have any value: where one is known it is what the event means, or the two are alike.
    return [
      fit == .excluded ? 0 : 1, tables.isShown(entry) ? 1 : 0, fit.rawValue, isZapped ? 1 : 0, isInvalid ? 0 : 1,
      isOwn ? 1 : 0, table.space == nil ? 1 : 0, table.root,
    ]
  }

  /// An event shows the address of the entry that its task has changed: that decides between trees.
  mutating func tell(apart entry: FollowedEntry, _ gfn: GFN, _ level: Level, _ value: SPTE) {
    guard let table = tables[entry.table], let space = table.space else { return }
    let others = tables.candidates(space, gfn.aligned(to: level), level).filter { $0 != entry }
    guard !others.isEmpty else { return }
    if !tables.isShown(entry) { move(to: entry, from: others, value) }
    if tables.isShown(entry), !isSame(tables.value(entry), value, level, table) {
      guard
        let other = others.first(where: {
          tables.mayBeExchanged(entry, $0)
            && (!tables.isShown($0) || isSame(tables.value($0), value, level, tables[$0.table]))
        })
      else { return }
      tables.exchange(entry, other)
    }
    tables.distinguish(entry, from: others)
  }

  /// The task's last change was taken for another tree's, as neither entry's value was known: it was this one's.
  private mutating func move(to entry: FollowedEntry, from others: [FollowedEntry], _ value: SPTE) {
    guard let last = adoption.lastChanges[task], last.isFresh, others.contains(last.entry),
      tables.isShown(last.entry), tables.value(last.entry) == last.change.new
    else { return }
    tables.set(last.entry, last.change.old)
    if !last.wasShown { tables.conceal(last.entry) }
    // The value was read again, and may be another task's.
    if last.change.new == value { tables.set(entry, value) }
  }

  /// A table's end is announced: before its children's events, and in some kernels before its own entry's.
  mutating func announce(_ page: PageDescription, _ task: TaskID) {
    if adoption.trees > 0 {
      if isUnsettled(task) { return }
      for space in AddressSpace.allCases { adopt(at: space, page.gfn, page.level) }
    }
    apply(.removal)
    let found = AddressSpace.allCases.flatMap { tables.candidates($0, page.gfn, page.level) }.map(\.table)
    guard !found.isEmpty else {
      // The table's own entry went before the trace began: that is sign enough.
      if isUnsettled(task) { adoption.strangeZaps += 2 }
      return violate(.removal, "gfn \(hex(page.gfn.rawValue)) level \(page.level.rawValue): no such table")
    }
    let live = found.filter { tables[$0]?.isDetached == false }
    switch kernel.removalOrder {
    case .entryFirst:
      if live.count == found.count, !found.contains(where: { tables[$0]?.mayBeDetached == true }) {
        violate(.removal, "gfn \(hex(page.gfn.rawValue)) level \(page.level.rawValue): its entry is still there")
      }
    case .childrenFirst:
      if live.isEmpty {
        violate(.removal, "gfn \(hex(page.gfn.rawValue)) level \(page.level.rawValue): no such table in a tree")
      } else if live.count == 1 {
        tables.detach(live[0])
      } else {
        announcements[task, default: []].append(Announcement(gfn: page.gfn, level: page.level, tables: live))
      }
    }
  }

  /// Whether the change waits until it is clear which table was announced.
  mutating func isDeferred(_ change: FollowedChange) -> Bool {
    guard var announced = announcements[change.task]?.last else { return false }
    if change.level == announced.level.above, change.gfn == announced.gfn {
      announcements[change.task]?.removeLast()
      narrow(&announced, to: change)
      resolve(&announced, change.task)
      // The table that holds this entry may be on its way out itself.
      return isDeferred(change)
    }
    guard !announced.isResolved, announced.covers(change) else { return false }
    let index = change.gfn.index(at: change.level)
    announced.tables = announced.tables.filter { number in
      guard let table = tables[number], table.space == change.space else { return false }
      let entry = FollowedEntry(table: number, index: index)
      return matches(entry, change) || tables.partners(of: entry).contains { matches($0, change) }
    }
    announced.changes.append(change)
    if announced.tables.count < 2 { resolve(&announced, change.task) }
    announcements[change.task]?.removeLast()
    announcements[change.task]?.append(announced)
    return true
  }

  /// The announced table's own entry shows its frame; of a table whose frame no event has shown it tells the space.
  private mutating func narrow(_ announced: inout Announcement, to change: FollowedChange) {
    let frame = change.old.pfn.rawValue
    if let table = tables.table(at: frame) {
      announced.tables = announced.tables.filter { $0 == table }
    } else {
      announced.tables = announced.tables.filter { tables[$0]?.isAdopted == true && tables[$0]?.frame == nil }
      announced.tables = announced.tables.filter { tables[$0]?.space == change.space }
      if announced.tables.count == 1 { tables.learn(frame, of: announced.tables[0]) }
    }
  }

  /// One table is left: what was seen of the announced table's entries was seen of its.
  private mutating func resolve(_ announced: inout Announcement, _ task: TaskID) {
    announced.isResolved = true
    guard let number = announced.tables.first else {
      let place = "gfn \(hex(announced.gfn.rawValue)) level \(announced.level.rawValue)"
      return violate(.continuity, "\(place): no table has the values that its entries had when it went")
    }
    tables.detach(number)
    defer { announced.changes = [] }
    for change in announced.changes {
      let entry = FollowedEntry(table: number, index: change.gfn.index(at: change.level))
      if !matches(entry, change), let other = tables.partners(of: entry).first(where: { matches($0, change) }) {
        tables.exchange(entry, other)
      }
      if matches(entry, change) {
        doubtPartners(of: entry, change)
        if change.new == kernel.frozen { apply(.frozen) }
        tables.set(entry, change.new)
        if change.old.isTable(at: change.level), let below = tables.table(at: change.old.pfn.rawValue) {
          tables.detach(below)
        }
      } else {
        violate(.continuity, "gfn \(hex(change.gfn.rawValue)): old \(hex(change.old.rawValue)) in a removed table")
      }
    }
    if let root = tables[number]?.root { lastRoot[task] = root }
  }
}
