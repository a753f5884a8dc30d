/// The frames of tables that go, where the trace does not print them: libtraceevent's kvm plugin leaves the frame out
/// of `kvm_mmu_prepare_zap_page`.
///
/// The task's own changes of entries tell it. Where the entry's own event comes first it is the last one; where it
/// comes behind those of the table's entries, each of these lies in the table's range, and the next one tells. Until
/// that has come, later records wait. One that no change explains, because the trace ends or begins there, is handed on
/// as an event that is not compared. Memory: the records that wait, at most 4096 beside those of the same removal.
import MMUEngine

struct FrameCompletion {
  /// What waits, in the trace's order; those before `first` have gone on.
  private var records: [TraceRecord] = []
  private var first = 0
  /// Where in `records` the removals of each task lie whose frames are still to come.
  private var open: [TaskID: [Int]] = [:]
  /// The entry of a table that each task took away last; only where that comes before the table's removal.
  private var taken: [TaskID: (gfn: GFN, level: Level)] = [:]
  private let order: KernelVersion.RemovalOrder?

  /// Of a trace in which no event lacks its frame, as far as it has been read.
  init() { order = nil }

  /// Of a trace that the plugin has printed, of a kernel that spells access rights so.
  init(_ names: KernelVersion.AccessNames) {
    order = KernelVersion.traced.first { $0.accessNames == names }?.removalOrder
  }

  /// Whether records have to go through here.
  var isNeeded: Bool { order != nil }

  /// Whether a record waits.
  var isHolding: Bool { first < records.count }

  /// Takes a record of the trace.
  mutating func take(_ record: TraceRecord, lacksFrame: Bool) {
    if lacksFrame, order == .childrenFirst {
      open[record.task, default: []].append(records.count)
      return records.append(record)
    }
    var record = record
    if lacksFrame {
      complete(&record, with: taken.removeValue(forKey: record.task))
    } else if case .mmu(.spteChanged(_, let gfn, let level, let old, _)) = record.content {
      if order == .entryFirst { taken[record.task] = old.isTable(at: level) ? (gfn, level) : nil }
      for index in open.removeValue(forKey: record.task) ?? [] { complete(&records[index], with: (gfn, level)) }
    }
    records.append(record)
    if records.count > first + 4096 { giveUp() }
  }

  /// The first record, if nothing before it waits.
  mutating func takeFirst() -> TraceRecord? {
    guard isHolding, open.isEmpty || !open.values.contains(where: { $0[0] <= first }) else { return nil }
    defer {
      first += 1
      if first == records.count {
        records.removeAll(keepingCapacity: true)
        first = 0
      }
    }
    return records[first]
  }

  /// Nothing will come that tells the frames that are missing.
  mutating func giveUp() {
    for index in open.values.joined() { complete(&records[index], with: nil) }
    open = [:]
  }

  /// Puts a frame in: of the table below an entry, or around one.
  private func complete(_ record: inout TraceRecord, with entry: (gfn: GFN, level: Level)?) {
    guard case .mmu(.prepareZapPage(var page)) = record.content else { return }
    guard let entry, let above = page.level.above, entry.level <= above, order == .childrenFirst || entry.level == above
    else { return record.content = .otherMMU(EventName(-1)) }
    page.gfn = entry.gfn.aligned(to: above)
    record.content = .mmu(.prepareZapPage(page))
  }
}
