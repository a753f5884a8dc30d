/// Checks a trace against itself: what any trace of its kernel satisfies, whatever went in.
///
/// It follows the page tables through their events. An event does not say in which tree its entry lies; `TraceChecker+Trees`
/// tells several trees apart, and it is a violation only if none of them can have been meant. Events of several CPUs may be
/// printed late, so an entry whose table is not known yet, or whose old value is none that it had, is kept aside for a while.
/// A trace that begins while a VM is running does not show that VM's trees, nor how many there are; then only what an event says
/// by itself is checked, and the report says which rules are not.
/// Memory: the tables that are alive, 4 KiB each, and those that went last.
package import MMUEngine

package struct TraceChecker: Sendable {
  var report: TraceCheckReport
  let kernel: KernelVersion
  var format = SPTEFormat.npt
  var tables = FollowedTables()
  private var rootLevel: Level?
  private var roots = 0
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
  private var hasProbes = false
  /// The line that showed a tree whose root was made before the trace began; nil while there is none.
  private var unknownTree: Int?
  /// Where rules about trees were left out first.
  private var firstUnknownTree: Int?
  /// VMs that probes have shown to begin and not to end.
  private var machines = 0
  /// The first line at which roots were invalidated with several VMs alive.
  private var unknownInvalidation: Int?
  /// Entries that became present before their table was shown, with the number of the event.
  var orphans: [Orphan] = []
  /// Tasks that have zapped leaves and not flushed yet, with the line of the first.
  private var unflushed: [TaskID: Int] = [:]
  /// Tasks inside `tdp_mmu_zap_leafs`.
  private var zapping: Set<TaskID> = []
  var line = 0

  package init(_ kernel: KernelVersion) {
    self.kernel = kernel
    report = TraceCheckReport(kernel: kernel)
  }

  package mutating func consume(_ record: TraceRecord) {
    line = record.line
    if roots == 0, unknownTree == nil, Self.showsTree(record.content) {
      unknownTree = line
      firstUnknownTree = firstUnknownTree ?? line
    }
    switch record.content {
    case .mmu(let event) where unknownTree != nil:
      report.events += 1
      if case .spteChanged(_, let gfn, let level, let old, let new) = event {
        learnVendor(new, level)
        checkAlone(gfn, level, old, new)
      }
    case .mmu(let event):
      report.events += 1
      check(event, record.task)
      expireOrphans()
    case .otherMMU: report.events += 1
    case .probe(let probe): check(probe, record.task)
    case .entry, .pageFault: leave(record.task)
    case .exit, .unmapRange, .age, .other: break
    }
  }

  /// Whether a record is of a VM that has a root.
  private static func showsTree(_ content: TraceContent) -> Bool {
    switch content {
    case .entry, .pageFault: true
    case .mmu(.getPage(let page)): page.level < .page512G || page.gfn.rawValue != 0
    case .mmu(.zapAllFast), .exit, .unmapRange, .age, .probe, .otherMMU, .other: false
    case .mmu: true
    }
  }

  package mutating func finish() -> TraceCheckReport {
    for orphan in orphans { give(up: orphan) }
    orphans = []
    if let line = firstUnknownTree {
      for rule in TraceRule.allCases where rule.needsTrees {
        report.notCheckable.append((rule, "line \(line): a VM has a root that was made before the trace begins"))
      }
    }
    if let line = unknownInvalidation {
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
    case .requested, .splitHugePage, .markMMIO, .checkMMIO, .handleMMIO: break
    }
  }

  private mutating func learnVendor(_ new: SPTE, _ level: Level) {
    guard report.applied.isEmpty || report.events < 8, new.isTable(at: level) else { return }
    format = new.rawValue >> 63 == 1 ? .ept : .npt
  }

  /// A root begins a tree; other tables show when they are linked.
  private mutating func make(_ page: PageDescription, _ task: TaskID) {
    guard rootLevel == nil || page.level == rootLevel, page.gfn.rawValue == 0,
      page.level == .page512G || page.level == .page256T
    else { return }
    rootLevel = page.level
    lastRoot[task] = roots
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
    guard !tables.candidates(space, gfn, level).isEmpty else {
      if rootLevel != nil { orphans.append(Orphan(number: report.events, line: line, task: task, event: event)) }
      return
    }
    apply(.continuity)
    let change = FollowedChange(space: space, gfn: gfn, level: level, old: old, new: new, task: task)
    if isDeferred(change) { return }
    guard perform(change) else {
      return orphans.append(Orphan(number: report.events, line: line, task: task, event: event))
    }
    if !orphans.isEmpty { adoptOrphans() }
  }

  /// What an event says by itself, whatever tree it is about; false when its place cannot be.
  @discardableResult
  private mutating func checkAlone(_ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE) -> Bool {
    apply(.alignment)
    if gfn.aligned(to: level) != gfn || rootLevel.map({ level > $0 }) ?? false {
      violate(.alignment, "gfn \(hex(gfn.rawValue)) level \(level.rawValue)")
      return false
    }
    checkValues(gfn, level, old, new)
    return true
  }

  /// Changes the entry that the event can have meant; false when there is none.
  mutating func perform(_ change: FollowedChange) -> Bool {
    let (level, old, new) = (change.level, change.old, change.new)
    guard let found = choose(change) else { return false }
    checkPlace(found, change)
    tables.settle(found.table, in: change.space)
    tables.set(found, new)
    if let root = tables[found.table]?.root { lastRoot[change.task] = root }
    if old.isTable(at: level), !new.isTable(at: level) || new.pfn != old.pfn {
      if let table = tables.table(at: old.pfn.rawValue) { tables.detach(table) }
      if level == rootLevel, tables[found.table]?.entries.contains(where: \.isPresent) == false {
        if let root = tables[found.table]?.root { invalidRoots.remove(root) }
        tables.retire(found.table)
      }
    }
    if new.isTable(at: level), !old.isTable(at: level) { link(new, old, change.gfn, level, found) }
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
      apply(.frozen)
      if !table.isDetached { violate(.frozen, "gfn \(hex(gfn.rawValue)) level \(level.rawValue) in a live table") }
    }
    if new.isPresent, !old.isPresent {
      apply(.parent)
      if table.isDetached { violate(.parent, "gfn \(hex(gfn.rawValue)) level \(level.rawValue) in a removed table") }
      if hasProbes {
        apply(.invalidRoot)
        if invalidRoots.contains(table.root) {
          violate(.invalidRoot, "gfn \(hex(gfn.rawValue)) in root \(table.root)")
        }
      }
    }
    if old.isLeaf(at: level), new == .nonpresent, zapping.contains(change.task), !invalidRoots.contains(table.root) {
      if unflushed[change.task] == nil { unflushed[change.task] = line }
    }
  }

  /// A table comes into the tree; a split has filled it.
  private mutating func link(_ new: SPTE, _ old: SPTE, _ gfn: GFN, _ level: Level, _ entry: FollowedEntry) {
    guard let below = level.below, let parent = tables[entry.table], let space = parent.space else { return }
    let frame = new.pfn.rawValue
    apply(.frameUse)
    if let other = tables.table(at: frame) {
      if tables[other]?.isDetached == false { violate(.frameUse, "frame \(hex(frame)) is linked twice") }
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
      if level == rootLevel || !orphans.isEmpty { return }
      return violate(.address, "gfn \(hex(gfn.rawValue)): no table has frame \(hex(address >> 12))")
    }
    let index = Int(address >> 3 & 511)
    guard let found = tables[table], found.level == level, first.index(at: level) == index,
      level.above.map({ first.aligned(to: $0) == found.gfn }) ?? true
    else { return violate(.address, "gfn \(hex(gfn.rawValue)) at \(hex(address)) in a table for another range") }
    tell(apart: FollowedEntry(table: table, index: index), gfn, level, entry)
    if !shows(entry, level, at: address) {
      orphans.append(Orphan(number: report.events, line: line, task: task, event: event))
    }
  }

  func table(at address: UInt64) -> Int? {
    tables.table(at: address >> 12) ?? tables.table(at: address >> 12 | format.encryption >> 12)
  }

  /// Whether the entry at an address has this value.
  func shows(_ entry: SPTE, _ level: Level, at address: UInt64) -> Bool {
    guard let table = table(at: address), let found = tables[table] else { return false }
    return isSame(found.entries[Int(address >> 3 & 511)], entry, level, found)
  }

  /// A fast fault's exchange has no event of its own beside this one.
  private mutating func fix(_ event: TraceEvent, _ fault: FastPageFault, _ task: TaskID) {
    guard applyFix(fault, task) else {
      return orphans.append(Orphan(number: report.events, line: line, task: task, event: event))
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
    return true
  }

  private mutating func check(_ probe: Probe, _ task: TaskID) {
    hasProbes = true
    switch probe {
    case .zapLeaves: zapping.insert(task)
    case .flush:
      if unknownTree == nil { apply(.flush) }
      unflushed[task] = nil
    case .invalidateRoots: invalidateRoots()
    case .initializeMMU: beginMachine()
    case .uninitializeMMU:
      // The end of a VM that no probe has shown to begin.
      if machines == 0 { unknownTree = nil }
      machines = max(0, machines - 1)
      leave(task)
    case .putRoot, .unmapFrames, .other: break
    case .setMemslot, .zapAll, .destroyVM, .setAttributes, .attributesSet, .invalidateFile: leave(task)
    default: zapping.remove(task)
    }
  }

  /// A VM is made. Where others are alive, their trees stay.
  private mutating func beginMachine() {
    if machines == 0 {
      tables = FollowedTables()
      for orphan in orphans { give(up: orphan) }
      orphans = []
      rootLevel = nil
      roots = 0
      invalidRoots = []
      lastRoot = [:]
      fastZaps = [:]
      announcements = [:]
      removals = [:]
    }
    machines += 1
  }

  /// All roots of a VM become invalid; with several VMs alive it is not told whose.
  private mutating func invalidateRoots() {
    guard machines < 2 else {
      if unknownInvalidation == nil { unknownInvalidation = line }
      return
    }
    for table in tables.tables {
      if let table, table.level == rootLevel, table.frame == nil { invalidRoots.insert(table.root) }
    }
  }

  /// The task goes on to something else.
  private mutating func leave(_ task: TaskID) {
    fastZaps[task] = nil
    announcements[task] = nil
    removals[task] = nil
    zapping.remove(task)
    if let zapped = unflushed.removeValue(forKey: task) {
      violate(.flush, "leaves zapped at line \(zapped), no flush since", at: line)
    }
  }

  mutating func apply(_ rule: TraceRule) { report.applied[rule, default: 0] += 1 }

  mutating func violate(_ rule: TraceRule, _ detail: String, at line: Int? = nil) {
    report.violationCount += 1
    if report.violations.count < 20 {
      report.violations.append(TraceViolation(line: line ?? self.line, rule: rule, detail: detail))
    }
  }

  func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}
