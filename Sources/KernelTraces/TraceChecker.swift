/// Checks a trace against itself: what any trace of its kernel satisfies, whatever went in.
///
/// It follows the page tables through their events. An event does not say in which tree its entry lies; with several roots
/// the one whose entry has the event's old value is taken, and it is a violation only if none has it. Events of several CPUs
/// may be printed late, so an entry whose table is not known yet is kept aside for a while.
/// Memory: the tables that are alive, 4 KiB each.
package import MMUEngine

package struct TraceChecker: Sendable {
  var report: TraceCheckReport
  private let kernel: KernelVersion
  private var format = SPTEFormat.npt
  private var tables = FollowedTables()
  private var rootLevel: Level?
  private var roots = 0
  /// Roots below this number are invalid.
  private var invalidRoots = 0
  private var hasProbes = false
  /// Entries that became present before their table was shown, with the number of the event.
  private var orphans: [(number: Int, line: Int, event: TraceEvent)] = []
  /// Tasks that have zapped leaves and not flushed yet, with the line of the first.
  private var unflushed: [TaskID: Int] = [:]
  /// Tasks inside `tdp_mmu_zap_leafs`.
  private var zapping: Set<TaskID> = []
  private var line = 0

  package init(_ kernel: KernelVersion) {
    self.kernel = kernel
    report = TraceCheckReport(kernel: kernel)
  }

  package mutating func consume(_ record: TraceRecord) {
    line = record.line
    switch record.content {
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

  package mutating func finish() -> TraceCheckReport {
    for orphan in orphans { violate(.parent, "no table was linked for \(orphan.event)", at: orphan.line) }
    orphans = []
    if !hasProbes {
      for rule in TraceRule.allCases where rule.needsProbes {
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
    case .getPage(let page): make(page)
    case .prepareZapPage(let page): announce(page)
    case .setSPTE(let gfn, let level, let entry, let address): set(gfn, level, entry, address)
    case .fastPageFault(let fault): if fault.isFixed { fix(fault) }
    case .zapAllFast: if !hasProbes { invalidRoots = roots }
    case .requested, .splitHugePage, .markMMIO, .checkMMIO, .handleMMIO: break
    }
  }

  private mutating func learnVendor(_ new: SPTE, _ level: Level) {
    guard report.applied.isEmpty || report.events < 8, new.isTable(at: level) else { return }
    format = new.rawValue >> 63 == 1 ? .ept : .npt
  }

  /// A root begins a tree; other tables show when they are linked.
  private mutating func make(_ page: PageDescription) {
    guard rootLevel == nil || page.level == rootLevel, page.gfn.rawValue == 0,
      page.level == .page512G || page.level == .page256T
    else { return }
    rootLevel = page.level
    for space in AddressSpace.allCases {
      tables.add(
        FollowedTable(
          level: page.level, gfn: GFN(0), space: space, root: roots, frame: nil,
          entries: Array(repeating: .nonpresent, count: 512)))
    }
    roots += 1
  }

  /// An entry changes.
  private mutating func change(
    _ event: TraceEvent, _ space: AddressSpace, _ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE, _ task: TaskID
  ) {
    apply(.alignment)
    if gfn.aligned(to: level) != gfn || rootLevel.map({ level > $0 }) ?? false {
      return violate(.alignment, "gfn \(hex(gfn.rawValue)) level \(level.rawValue)")
    }
    checkValues(gfn, level, old, new)
    let candidates = tables.candidates(space, gfn, level)
    guard !candidates.isEmpty else {
      if rootLevel != nil { orphans.append((report.events, line, event)) }
      return
    }
    apply(.continuity)
    guard let found = candidates.last(where: { isSame(tables.value($0), old, level, tables[$0.table]) }) else {
      let known = candidates.map { hex(tables.value($0).rawValue) }.joined(separator: " or ")
      return violate(
        .continuity, "gfn \(hex(gfn.rawValue)) level \(level.rawValue): old \(hex(old.rawValue)), last known \(known)")
    }
    checkPlace(found, gfn, level, old, new, task)
    tables.set(found, new)
    if old.isTable(at: level), !new.isTable(at: level) || new.pfn != old.pfn { detach(old, gfn, level) }
    if new.isTable(at: level), !old.isTable(at: level) { link(new, old, gfn, level, found) }
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
  private func isSame(_ known: SPTE, _ old: SPTE, _ level: Level, _ table: FollowedTable?) -> Bool {
    if known == old { return true }
    guard known.isLeaf(at: level), old.isLeaf(at: level) else { return false }
    var free = format.bitsSetByCPU(known) & ~known.rawValue
    if table?.isFilledBySplit == true { free |= format.noExecute | format.executable }
    return known.rawValue & ~free == old.rawValue & ~free
  }

  /// What the place of an entry allows.
  private mutating func checkPlace(
    _ entry: FollowedEntry, _ gfn: GFN, _ level: Level, _ old: SPTE, _ new: SPTE, _ task: TaskID
  ) {
    guard let table = tables[entry.table] else { return }
    if new == kernel.frozen {
      apply(.frozen)
      if !table.isDetached { violate(.frozen, "gfn \(hex(gfn.rawValue)) level \(level.rawValue) in a live table") }
    }
    if new.isPresent, !old.isPresent {
      apply(.parent)
      if table.isDetached { violate(.parent, "gfn \(hex(gfn.rawValue)) level \(level.rawValue) in a removed table") }
      if hasProbes {
        apply(.invalidRoot)
        if table.root < invalidRoots { violate(.invalidRoot, "gfn \(hex(gfn.rawValue)) in root \(table.root)") }
      }
    }
    if old.isLeaf(at: level), new == .nonpresent, zapping.contains(task), table.root >= invalidRoots {
      if unflushed[task] == nil { unflushed[task] = line }
    }
  }

  /// A table comes into the tree; a split has filled it.
  private mutating func link(_ new: SPTE, _ old: SPTE, _ gfn: GFN, _ level: Level, _ entry: FollowedEntry) {
    guard let below = level.below, let parent = tables[entry.table] else { return }
    let frame = new.pfn.rawValue
    apply(.frameUse)
    if let other = tables.table(at: frame) {
      if tables[other]?.isDetached == false { violate(.frameUse, "frame \(hex(frame)) is linked twice") }
      tables.forget(other)
    }
    let isSplit = old.isLeaf(at: level)
    let entries = (0..<512).map { isSplit ? format.small(old, childLevel: below, index: $0) : SPTE.nonpresent }
    var table = FollowedTable(
      level: below, gfn: gfn, space: parent.space, root: parent.root, frame: frame, entries: entries)
    table.isFilledBySplit = isSplit
    tables.add(table)
    adoptOrphans()
  }

  private mutating func detach(_ old: SPTE, _ gfn: GFN, _ level: Level) {
    guard let table = tables.table(at: old.pfn.rawValue) else { return }
    tables.detach(table)
  }

  /// A table's end is announced: before its children's events, and in some kernels before its own entry's.
  private mutating func announce(_ page: PageDescription) {
    apply(.removal)
    let candidates = AddressSpace.allCases.flatMap { tables.candidates($0, page.gfn, page.level) }
    guard !candidates.isEmpty else {
      return violate(.removal, "gfn \(hex(page.gfn.rawValue)) level \(page.level.rawValue): no such table")
    }
    switch kernel.removalOrder {
    case .entryFirst:
      if !candidates.contains(where: { tables[$0.table]?.isDetached == true }) {
        violate(.removal, "gfn \(hex(page.gfn.rawValue)) level \(page.level.rawValue): its entry is still there")
      }
    case .childrenFirst:
      // The older tree goes first where two have a table here.
      if let first = candidates.first(where: { tables[$0.table]?.isDetached == false }) { tables.detach(first.table) }
    }
  }

  private mutating func set(_ gfn: GFN, _ level: Level, _ entry: SPTE, _ address: UInt64) {
    apply(.address)
    let first = gfn.aligned(to: level)
    guard let table = tables.table(at: address >> 12) ?? tables.table(at: address >> 12 | format.encryption >> 12)
    else {
      if level == rootLevel || !orphans.isEmpty { return }
      return violate(.address, "gfn \(hex(gfn.rawValue)): no table has frame \(hex(address >> 12))")
    }
    let index = Int(address >> 3 & 511)
    guard let found = tables[table], found.level == level, first.index(at: level) == index,
      level.above.map({ first.aligned(to: $0) == found.gfn }) ?? true
    else { return violate(.address, "gfn \(hex(gfn.rawValue)) at \(hex(address)) in a table for another range") }
    if !isSame(found.entries[index], entry, level, found), orphans.isEmpty {
      violate(
        .address, "gfn \(hex(gfn.rawValue)): \(hex(entry.rawValue)) set, \(hex(found.entries[index].rawValue)) known")
    }
  }

  /// A fast fault's exchange has no event of its own beside this one.
  private mutating func fix(_ fault: FastPageFault) {
    for level in Level.allCases {
      let gfn = GFN(fault.address >> 12).aligned(to: level)
      for space in AddressSpace.allCases {
        for entry in tables.candidates(space, gfn, level)
        where isSame(tables.value(entry), fault.old, level, tables[entry.table])
          && tables.value(entry).isLeaf(at: level)
        {
          return tables.set(entry, fault.new)
        }
      }
    }
  }

  /// Orphans whose table is there now.
  private mutating func adoptOrphans() {
    let waiting = orphans
    orphans = []
    for orphan in waiting {
      guard case .spteChanged(let space, let gfn, let level, _, let new) = orphan.event,
        let entry = tables.candidates(space, gfn, level).last
      else {
        orphans.append(orphan)
        continue
      }
      apply(.parent)
      tables.set(entry, new)
    }
  }

  private mutating func expireOrphans() {
    while let first = orphans.first, first.number + 256 < report.events {
      orphans.removeFirst()
      violate(.parent, "no table was linked for \(first.event)", at: first.line)
    }
  }

  private mutating func check(_ probe: Probe, _ task: TaskID) {
    hasProbes = true
    switch probe {
    case .zapLeaves: zapping.insert(task)
    case .flush:
      apply(.flush)
      unflushed[task] = nil
    case .invalidateRoots: invalidRoots = roots
    case .initializeMMU:
      tables = FollowedTables()
      orphans = []
      rootLevel = nil
      roots = 0
      invalidRoots = 0
    case .putRoot, .unmapFrames, .other: break
    case .setMemslot, .zapAll, .destroyVM, .setAttributes, .attributesSet, .invalidateFile: leave(task)
    default: zapping.remove(task)
    }
  }

  /// The task goes on to something else.
  private mutating func leave(_ task: TaskID) {
    zapping.remove(task)
    if let zapped = unflushed.removeValue(forKey: task) {
      violate(.flush, "leaves zapped at line \(zapped), no flush since", at: line)
    }
  }

  private mutating func apply(_ rule: TraceRule) { report.applied[rule, default: 0] += 1 }

  private mutating func violate(_ rule: TraceRule, _ detail: String, at line: Int? = nil) {
    report.violationCount += 1
    if report.violations.count < 20 {
      report.violations.append(TraceViolation(line: line ?? self.line, rule: rule, detail: detail))
    }
  }

  private func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}

extension Conformance {
  /// Checks a trace from beginning to end.
  package static func check(path: String, kernel: KernelVersion?) throws(TraceError) -> TraceCheckReport {
    var choice = (kernel: KernelVersion.linux612, isAmbiguous: true)
    if let kernel { choice = (kernel, false) } else if path != "-" { choice = try self.kernel(of: path) }
    var reader = TraceReader(try TraceFile(path: path))
    var checker = TraceChecker(choice.kernel)
    while let record = try reader.next() { checker.consume(record) }
    var report = checker.finish()
    report.isAmbiguous = choice.isAmbiguous
    report.lines = reader.line
    return report
  }
}
