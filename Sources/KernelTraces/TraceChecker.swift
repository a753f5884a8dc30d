/// Checks a trace against itself: what any trace of its kernel satisfies, whatever went in.
///
/// It follows the page tables through their events. An event does not say in which tree its entry lies; `TraceChecker+Trees`
/// tells several trees apart, and it is a violation only if none of them can have been meant. Events of several CPUs may be
/// printed late, so an entry whose table is not known yet, or whose old value is none that it had, is kept aside for a while.
/// A trace that begins while a VM is running does not show what that VM's trees hold, nor how many there are:
/// `TraceChecker+Adoption` takes them from the events that show them.
/// Memory: the tables that are alive, 4 KiB each, and those that went last.
package import MMUEngine

package struct TraceChecker: Sendable {
  var report: TraceCheckReport
  let kernel: KernelVersion
  var format = SPTEFormat.npt
  var tables = FollowedTables()
  /// Whether an entry has shown whose format it is.
  private var knowsVendor = false
  var rootLevel: Level?
  var roots = 0
  /// Invalid roots that have tables.
  var invalidRoots: Set<Int> = []
  /// The root in which each task changed an entry last.
  var lastRoot: [TaskID: Int] = [:]
  /// Tasks in a fast zap, which is at work in roots below this number.
  var fastZaps: [TaskID: Int] = [:]
  /// Tables whose end was announced and which may be one of several, the innermost last.
  var announcements: [TaskID: [Announcement]] = [:]
  /// Tables whose end was announced and whose own entry's event is still to come.
  var removals: [TaskID: [PageDescription]] = [:]
  var hasProbes = false
  /// Trees whose roots were made before the trace began.
  var adoption: Adoption
  /// Whether a probe has shown the beginning of a VM before anything showed a tree.
  var isFromBeginning = false
  /// VMs that probes have shown to begin and not to end.
  var machines = 0
  /// The first line at which roots were invalidated with several VMs alive.
  var unknownInvalidation: Int?
  /// Entries that became present before their table was shown, with the number of the event.
  var orphans: [Orphan] = []
  /// What tasks were seen last, so that it is known who may still print late.
  var presence = TaskPresence()
  /// Tasks that are ending a VM.
  var ending: Set<TaskID> = []
  /// Tasks that have zapped leaves and not flushed yet, with the line of the first.
  var unflushed: [TaskID: Int] = [:]
  /// Tasks inside `tdp_mmu_zap_leafs`.
  var zapping: Set<TaskID> = []
  var line = 0
  /// The task of the record at hand.
  var task = TaskID(-1)

  /// A checker at the beginning of a trace. `trees` is how many trees of each address space are taken to be there before; with
  /// 0, one is as soon as an event shows that.
  package init(_ kernel: KernelVersion, trees: Int = 0) {
    self.kernel = kernel
    report = TraceCheckReport(kernel: kernel)
    adoption = Adoption(trees: trees)
  }

  package mutating func consume(_ record: TraceRecord) {
    line = record.line
    task = record.task
    if roots == 0, adoption.trees == 0, adoption.gone.isEmpty, Self.showsTree(record.content) { adoption.trees = 1 }
    observe(record)
    presence.note(record)
    switch record.content {
    case .mmu(let event):
      report.events += 1
      check(event, record.task)
      expireOrphans()
    case .otherMMU: report.events += 1
    case .probe(let probe): check(probe, record.task)
    case .entry, .pageFault:
      leave(record.task)
      adoption.lastChanges[record.task]?.isFresh = false
    case .exit, .userspaceExit, .unmapRange, .age, .other: break
    }
  }

  /// Whether a record is of a VM that has a root.
  private static func showsTree(_ content: TraceContent) -> Bool {
    switch content {
    case .entry, .pageFault: true
    case .mmu(.getPage(let page)): page.level < .page512G || page.gfn.rawValue != 0
    case .mmu(.zapAllFast), .exit, .userspaceExit, .unmapRange, .age, .probe, .otherMMU, .other: false
    case .mmu: true
    }
  }

  package mutating func finish() -> TraceCheckReport {
    for orphan in orphans where !isCutOff(orphan) { give(up: orphan) }
    orphans = []
    finishAdoption()
    if report.adoption == nil, let line = unknownInvalidation {
      report.notCheckable.append((.invalidRoot, "line \(line): several VMs are alive, and whose roots go is not told"))
    }
    if !hasProbes {
      let known = report.notCheckable.map(\.rule)
      for rule in TraceRule.allCases where rule.needsProbes && !known.contains(rule) {
        report.notCheckable.append((rule, "the trace has no probes"))
      }
    }
    return report
  }

  private mutating func check(_ event: TraceEvent, _ task: TaskID) {
    switch event {
    case .spteChanged(let space, let gfn, let level, let old, let new):
      learnVendor(old, level)
      learnVendor(new, level)
      change(event, space, gfn, level, old, new, task)
    case .getPage(let page): make(page, task)
    case .prepareZapPage(let page):
      announce(page, task)
      if kernel.removalOrder == .childrenFirst { removals[task, default: []].append(page) }
    case .setSPTE(let gfn, let level, let entry, let address): set(event, gfn, level, entry, address, task)
    case .fastPageFault(let fault): if fault.isFixed { fix(event, fault, task) }
    case .zapAllFast:
      fastZaps[task] = roots
      if !hasProbes { invalidateRoots() }
    case .requested: adoption.lastChanges[task]?.isFresh = false
    case .splitHugePage, .markMMIO, .checkMMIO, .handleMMIO: break
    }
  }

  /// EPT's present entries have bit 63 (suppress #VE), NPT's tables and small leaves do not: bit 63 is NX there, which only huge
  /// leaves have; those of EPT have a memory type instead.
  private mutating func learnVendor(_ entry: SPTE, _ level: Level) {
    guard !knowsVendor, entry.isPresent else { return }
    knowsVendor = true
    let isHuge = level > .page4K && entry.isLeaf(at: level)
    let isEPT = entry.rawValue >> 63 == 1 && (!isHuge || entry.rawValue & 0x10 != 0)
    format = (isEPT ? SPTEFormat.ept : .npt).laidOut(by: kernel)
  }

  /// A root begins a tree; other tables show when they are linked.
  private mutating func make(_ page: PageDescription, _ task: TaskID) {
    guard rootLevel == nil || page.level == rootLevel, page.gfn.rawValue == 0,
      page.level == .page512G || page.level == .page256T
    else { return }
    rootLevel = page.level
    lastRoot[task] = roots
    if adoption.trees == 1, machines == 0 { adoption.makers[roots] = task }
    tables.add(
      FollowedTable(
        level: page.level, gfn: GFN(0), space: nil, root: roots, frame: nil,
        entries: Array(repeating: .nonpresent, count: 512)))
    roots += 1
  }

  /// An entry changes.
  private mutating func change(
    _ event: TraceEvent, _ space: AddressSpace, _ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE, _ task: TaskID
  ) {
    removals[task]?.removeAll { $0.level.above == level && $0.gfn == gfn }
    guard checkAlone(gfn, level, old, new) else { return }
    let change = FollowedChange(
      space: space, gfn: gfn, level: level, old: old, new: new, task: task, isFirst: adoption.isFirst)
    if adoption.trees > 0 {
      if isLeftOut(change) { return }
      adopt(at: space, gfn, level)
    }
    guard !tables.candidates(space, gfn, level).isEmpty else {
      if rootLevel != nil || adoption.trees > 0 { putAside(event, task) }
      return
    }
    apply(.continuity)
    if isDeferred(change) { return }
    guard perform(change) || isPredecessor(change) else { return putAside(event, task) }
    if !orphans.isEmpty { adoptOrphans() }
  }

  /// Nothing explains the event yet.
  private mutating func putAside(_ event: TraceEvent, _ task: TaskID) {
    let isFirst = adoption.isFirst
    orphans.append(Orphan(number: report.events, line: line, task: task, event: event, isFirst: isFirst))
  }

  /// What an event says by itself, whatever tree it is about; false when its place cannot be.
  @discardableResult
  private mutating func checkAlone(_ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE) -> Bool {
    apply(.alignment)
    if let known = rootLevel, level > known, adoption.trees > 0 || hasOnlyEmptyRoot { raiseRoots(to: level) }
    if gfn.aligned(to: level) != gfn || rootLevel.map({ level > $0 }) ?? false {
      violate(.alignment, "gfn \(hex(gfn.rawValue)) level \(level.rawValue)")
      return false
    }
    checkValues(gfn, level, old, new)
    return true
  }

  /// Whether nothing has come into the only root yet: with four levels it may be a table of the fourth that waits for its link,
  /// and its own tree is from before the trace.
  private var hasOnlyEmptyRoot: Bool {
    roots == 1 && report.events == 2 && tables.tables.count == 1 && tables.tables[0]?.space == nil
  }

  /// Roots have five levels: what was taken for roots, without having seen their making, are tables of the fourth.
  private mutating func raiseRoots(to level: Level) {
    for (number, table) in tables.tables.enumerated() {
      guard let table, table.level == rootLevel, table.frame == nil, !table.isAdopted else { continue }
      if table.entries.contains(where: \.isPresent) {
        tables[number]?.isAdopted = true
        tables[number]?.mayBeDetached = true
      } else {
        tables.forget(number)
      }
    }
    if adoption.trees == 0 { adoption.trees = 1 }
    rootLevel = level
  }

  /// Changes the entry that the event can have meant; false when there is none.
  mutating func perform(_ change: FollowedChange) -> Bool {
    let (level, old, new) = (change.level, change.old, change.new)
    guard let found = choose(change) else { return false }
    checkPlace(found, change)
    tables.settle(found.table, in: change.space)
    let isOpen = change.isFirst || mayBePredecessor(change, found)
    if adoption.trees > 0 { take(change, found) }
    tables.set(found, new)
    if isOpen { tables.conceal(found) }
    if let root = tables[found.table]?.root { lastRoot[change.task] = root }
    if old.isTable(at: level), !new.isTable(at: level) || new.pfn != old.pfn {
      if let table = tables.table(at: old.pfn.rawValue) { tables.detach(table) }
      if level == rootLevel, tables[found.table]?.isAdopted == false,
        tables[found.table]?.entries.contains(where: \.isPresent) == false
      {
        if let root = tables[found.table]?.root { invalidRoots.remove(root) }
        tables.retire(found.table)
      }
    }
    if new.isTable(at: level), !old.isTable(at: level) {
      link(new, old, change.gfn, level, found)
      if adoption.trees > 0, let table = tables.table(at: new.pfn.rawValue) {
        openRecent(table, change.task)
        if isOpen { tables.open(table) }
      }
    }
    return true
  }

  /// What the two values say by themselves.
  private mutating func checkValues(_ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE) {
    if old.isLeaf(at: level), new.isLeaf(at: level) {
      apply(.samePage)
      if old.pfn != new.pfn {
        violate(.samePage, "gfn \(hex(gfn.rawValue)): \(hex(old.rawValue)) to \(hex(new.rawValue))")
      }
    }
    guard new.isLeaf(at: level) else { return }
    apply(.writable)
    let isHost = new.rawValue & format.hostWritable != 0
    let isMMU = new.rawValue & format.mmuWritable != 0
    if isMMU && !isHost || new.isWritable && !isMMU {
      violate(.writable, "gfn \(hex(gfn.rawValue)): \(hex(new.rawValue))")
    }
  }

  /// Whether a followed value is an event's old one: A and D bits may have come, and a split's NX bits are not known.
  func isSame(_ known: SPTE, _ old: SPTE, _ level: Level, _ table: FollowedTable?) -> Bool {
    if known == old { return true }
    guard known.isLeaf(at: level), old.isLeaf(at: level) else { return false }
    var free = format.bitsSetByCPU(known) & ~known.rawValue
    if table?.isFilledBySplit == true { free |= format.noExecute | format.executable }
    return known.rawValue & ~free == old.rawValue & ~free
  }

  /// What the place of an entry allows.
  private mutating func checkPlace(_ entry: FollowedEntry, _ change: FollowedChange) {
    guard let table = tables[entry.table] else { return }
    let (gfn, level, old, new) = (change.gfn, change.level, change.old, change.new)
    if new == kernel.frozen {
      if table.mayBeDetached { tables.detach(entry.table) } else { apply(.frozen) }
      if !table.isDetached, !table.mayBeDetached {
        if isUnsettled(change.task) { adoption.strangeZaps += 1 }
        violate(.frozen, "gfn \(hex(gfn.rawValue)) level \(level.rawValue) in a live table")
      }
    }
    if new.isPresent, !old.isPresent {
      if !table.mayBeDetached { apply(.parent) }
      if table.isDetached { violate(.parent, "gfn \(hex(gfn.rawValue)) level \(level.rawValue) in a removed table") }
      tables[entry.table]?.mayBeDetached = false
      if hasProbes, report.adoption == nil {
        apply(.invalidRoot)
        if invalidRoots.contains(table.root) {
          violate(.invalidRoot, "gfn \(hex(gfn.rawValue)) in root \(table.root)")
        }
      }
    }
    if old.isLeaf(at: level), new == .nonpresent, zapping.contains(change.task), table.root >= 0,
      !invalidRoots.contains(table.root)
    {
      if unflushed[change.task] == nil { unflushed[change.task] = line }
    }
  }

  /// A table comes into the tree; a split has filled it.
  private mutating func link(_ new: SPTE, _ old: SPTE, _ gfn: GFN, _ level: Level, _ entry: FollowedEntry) {
    guard let below = level.below, let parent = tables[entry.table], let space = parent.space else { return }
    let frame = new.pfn.rawValue
    apply(.frameUse)
    if parent.root < 0 { adoption.places.insert(AdoptedPlace(tree: parent.root, space: space, level: below, gfn: gfn)) }
    if let other = tables.table(at: frame) {
      if isLinkedLate(other, below, gfn) { return }
      if tables[other]?.isDetached == false, tables[other]?.mayBeDetached == false {
        violate(.frameUse, "frame \(hex(frame)) is linked twice")
      }
      tables.forget(other)
    }
    let isSplit = old.isLeaf(at: level)
    let entries = (0..<512).map { isSplit ? format.small(old, childLevel: below, index: $0) : SPTE.nonpresent }
    var table = FollowedTable(
      level: below, gfn: gfn, space: space, root: parent.root, frame: frame, entries: entries)
    table.isFilledBySplit = isSplit
    tables.add(table)
  }

  /// The value was read again when the event was printed: another CPU's change, printed later, may be in it.
  private mutating func set(
    _ event: TraceEvent, _ gfn: GFN, _ level: Level, _ entry: SPTE, _ address: UInt64, _ task: TaskID
  ) {
    apply(.address)
    let first = gfn.aligned(to: level)
    guard let table = table(at: address) else {
      if adoption.trees > 0 { return learn(address, first, level, entry, task) }
      adoption.see(address >> 12)
      if level == rootLevel || !orphans.isEmpty { return }
      return violate(.address, "gfn \(hex(gfn.rawValue)): no table has frame \(hex(address >> 12))")
    }
    let index = Int(address >> 3 & 511)
    guard let found = tables[table], found.level == level, first.index(at: level) == index,
      level.above.map({ first.aligned(to: $0) == found.gfn }) ?? true
    else { return violate(.address, "gfn \(hex(gfn.rawValue)) at \(hex(address)) in a table for another range") }
    tell(apart: FollowedEntry(table: table, index: index), gfn, level, entry)
    if !shows(entry, level, at: address) {
      putAside(event, task)
    }
  }

  func table(at address: UInt64) -> Int? {
    tables.table(at: address >> 12) ?? tables.table(at: address >> 12 | format.encryption >> 12)
  }

  /// Whether the entry at an address has this value.
  func shows(_ entry: SPTE, _ level: Level, at address: UInt64) -> Bool {
    guard let table = table(at: address), let found = tables[table] else { return false }
    let index = Int(address >> 3 & 511)
    return found.unshown.contains(index) || isSame(found.entries[index], entry, level, found)
  }

  /// A fast fault's exchange has no event of its own beside this one.
  private mutating func fix(_ event: TraceEvent, _ fault: FastPageFault, _ task: TaskID) {
    guard applyFix(fault, task) else {
      return putAside(event, task)
    }
    if !orphans.isEmpty { adoptOrphans() }
  }

  /// Writes what the fault wrote into the entry that it can have meant; false when there is none.
  ///
  /// The event's new value was read again when it was printed, and may be a later one.
  mutating func applyFix(_ fault: FastPageFault, _ task: TaskID) -> Bool {
    guard let entry = choose(fault, task) else { return false }
    var written = format.isAccessTracked(fault.old) ? format.restoringAccess(fault.old) : fault.old
    if FaultCode(rawValue: fault.errorCode).contains(.write) { written = written.setting(SPTE.writableBit) }
    tables.set(entry, written)
    // With an entry that can have any value in the other address space, it may not have meant this one.
    if mayBeUnshown(fault) { tables.conceal(entry) }
    return true
  }

  mutating func apply(_ rule: TraceRule) { report.applied[rule, default: 0] += 1 }

  mutating func violate(_ rule: TraceRule, _ detail: String, at line: Int? = nil) {
    report.broken[rule, default: 0] += 1
    if report.violations.count < 20 {
      report.violations.append(TraceViolation(line: line ?? self.line, rule: rule, detail: detail))
    }
  }

  func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}
