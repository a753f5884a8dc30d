/// The text of each event, as the kernel's tracepoints print it.
import MMUEngine

enum EventParser {
  /// What an event's text says; nil when it is not understood, and the cursor is where that broke off.
  static func content(_ kind: EventKind, _ cursor: inout TextCursor, _ notes: inout EventNotes) -> TraceContent? {
    switch kind {
    case .spteChanged: spteChanged(&cursor)
    case .prepareZapPage: page(&cursor, &notes) { .prepareZapPage($0) }
    case .getPage: page(&cursor, &notes) { .getPage($0) }
    case .zapAllFast: zapAllFast(&cursor)
    case .setSPTE: setSPTE(&cursor)
    case .requested: requested(&cursor)
    case .fastPageFault: fastPageFault(&cursor)
    case .splitHugePage: splitHugePage(&cursor)
    case .markMMIO: markMMIO(&cursor)
    case .checkMMIO: checkMMIO(&cursor)
    case .handleMMIO: handleMMIO(&cursor)
    case .pageFault: pageFault(&cursor)
    case .entry: cursor.decimal(after: "vcpu").map { .entry(vcpu: $0) }
    case .exit: exit(&cursor)
    case .userspaceExit: .userspaceExit(EventName(-1))
    case .unmapRange: unmapRange(&cursor)
    case .age, .testAge: .age
    case .syncPage, .unsyncPage, .pagetableWalk, .pagingElement, .setAccessedBit, .setDirtyBit, .walkerError:
      .otherMMU(EventName(-1))
    default: ProbeParser.probe(kind, &cursor).map { .probe($0) }
    }
  }

  private static func page(
    _ cursor: inout TextCursor, _ notes: inout EventNotes, _ event: (PageDescription) -> TraceEvent
  ) -> TraceContent? {
    guard let shown = PageParser.page(&cursor) else { return nil }
    return shown.content(event, &notes)
  }

  private static func level(_ cursor: inout TextCursor, after text: StaticString) -> Level? {
    guard let value = cursor.decimal(after: text), value >= 1, value <= 5 else { return nil }
    return Level(rawValue: UInt8(value))
  }

  private static func frame(_ cursor: inout TextCursor) -> GFN? { cursor.hex(after: "gfn").map(GFN.init) }

  private static func entry(_ cursor: inout TextCursor, after text: StaticString) -> SPTE? {
    cursor.hex(after: text).map(SPTE.init(rawValue:))
  }

  private static func spteChanged(_ cursor: inout TextCursor) -> TraceContent? {
    guard cursor.word("as id"), let space = cursor.decimal(), space == 0 || space == 1, let gfn = frame(&cursor),
      let level = level(&cursor, after: "level"), let old = entry(&cursor, after: "old_spte"),
      let new = entry(&cursor, after: "new_spte")
    else { return nil }
    return .mmu(.spteChanged(space == 0 ? .normal : .systemManagement, gfn, level, old: old, new: new))
  }

  private static func zapAllFast(_ cursor: inout TextCursor) -> TraceContent? {
    guard let generation = cursor.decimal(after: "kvm-mmu-valid-gen"), generation >= 0, generation < 256,
      let used = cursor.hex(after: "used_pages")
    else { return nil }
    return .mmu(.zapAllFast(generation: UInt8(generation), usedPages: used))
  }

  private static func setSPTE(_ cursor: inout TextCursor) -> TraceContent? {
    guard let gfn = frame(&cursor), let entry = entry(&cursor, after: "spte"), cursor.seek(")"),
      let level = level(&cursor, after: "level"), let address = cursor.hex(after: "at")
    else { return nil }
    return .mmu(.setSPTE(gfn, level, entry, address: address))
  }

  private static func requested(_ cursor: inout TextCursor) -> TraceContent? {
    guard let gfn = frame(&cursor), let pfn = cursor.hex(after: "pfn"), let level = level(&cursor, after: "level")
    else { return nil }
    return .mmu(.requested(gfn, pfn: pfn, level))
  }

  private static func fastPageFault(_ cursor: inout TextCursor) -> TraceContent? {
    guard let vcpu = cursor.decimal(after: "vcpu"), let address = cursor.hex(after: "gva"), cursor.word("error_code"),
      let code = errorCode(&cursor), let pointer = cursor.hex(after: "sptep"), let old = entry(&cursor, after: "old"),
      let new = entry(&cursor, after: "new"), let spurious = cursor.decimal(after: "spurious"),
      let fixed = cursor.decimal(after: "fixed")
    else { return nil }
    return .mmu(
      .fastPageFault(
        FastPageFault(
          vcpu: vcpu, address: address, errorCode: code, pointer: pointer, old: old, new: new,
          isSpurious: spurious != 0, isFixed: fixed != 0)))
  }

  /// The bits of an error code that have names; 6.12 has none for bits 5, 6 and 15. A longer name stands before its beginning.
  private static let errorBits: [(name: StaticString, bit: UInt64)] = [
    ("PK", 1 << 5), ("P", 1), ("W", 1 << 1), ("U", 1 << 2), ("SS", 1 << 6), ("SGX", 1 << 15), ("RSVD", 1 << 3),
    ("F", 1 << 4),
  ]

  /// Names joined by `|`, what has no name in hexadecimal; nothing at all for 0.
  private static func errorCode(_ cursor: inout TextCursor) -> UInt64? {
    cursor.skipBlanks()
    var code: UInt64 = 0
    var end = cursor
    if end.take("sptep ") { return 0 }
    repeat {
      if let known = errorBits.first(where: { cursor.take($0.name) }) {
        code |= known.bit
      } else if let rest = cursor.hex() {
        code |= rest
      } else {
        return nil
      }
    } while cursor.take("|")
    return code
  }

  private static func splitHugePage(_ cursor: inout TextCursor) -> TraceContent? {
    guard let gfn = frame(&cursor), let entry = entry(&cursor, after: "spte"),
      let level = level(&cursor, after: "level"), let errno = cursor.decimal(after: "errno")
    else { return nil }
    return .mmu(.splitHugePage(gfn, level, entry, errno: errno))
  }

  private static func markMMIO(_ cursor: inout TextCursor) -> TraceContent? {
    guard let pointer = cursor.hex(after: "sptep:"), let gfn = frame(&cursor),
      let access = cursor.hex(after: "access"), access < 256, let generation = cursor.hex(after: "gen")
    else { return nil }
    return .mmu(.markMMIO(gfn, pointer: pointer, access: UInt8(access), generation: generation))
  }

  private static func checkMMIO(_ cursor: inout TextCursor) -> TraceContent? {
    guard let entry = entry(&cursor, after: "spte"), let current = cursor.hex(after: "kvm_gen"),
      let generation = cursor.hex(after: "spte-gen"), let valid = cursor.decimal(after: "valid")
    else { return nil }
    return .mmu(.checkMMIO(entry, current: current, entry: generation, isValid: valid != 0))
  }

  private static func handleMMIO(_ cursor: inout TextCursor) -> TraceContent? {
    guard let address = cursor.hex(after: "addr:"), let gfn = frame(&cursor),
      let access = cursor.hex(after: "access"), access < 256
    else { return nil }
    return .mmu(.handleMMIO(address: address, gfn, access: UInt8(access)))
  }

  private static func pageFault(_ cursor: inout TextCursor) -> TraceContent? {
    guard let vcpu = cursor.decimal(after: "vcpu"), cursor.seek("address "), let address = cursor.hex(),
      let code = cursor.hex(after: "error_code")
    else { return nil }
    return .pageFault(vcpu: vcpu, address: address, code: code)
  }

  /// The kernel begins with `vcpu N reason npf`; libtraceevent prints `reason EXIT_NPF` and, in
  /// newer versions, ends with ` vcpu N`.
  private static func exit(_ cursor: inout TextCursor) -> TraceContent? {
    var start = cursor
    guard start.seek("reason ") else { return nil }
    var vcpu = cursor.decimal(after: "vcpu")
    if vcpu == nil, cursor.seek(" vcpu ") { vcpu = cursor.decimal() }
    if start.take("npf") || start.take("EXIT_NPF") || start.take("EPT_VIOLATION") {
      return .exit(vcpu: vcpu, .pageFault)
    }
    if start.take("EPT_MISCONFIG") { return .exit(vcpu: vcpu, .misconfiguration) }
    return .exit(vcpu: vcpu, .other)
  }

  private static func unmapRange(_ cursor: inout TextCursor) -> TraceContent? {
    guard cursor.seek("range: "), let start = cursor.hex(), let end = cursor.hex(after: "--") else { return nil }
    return .unmapRange(start: start, end: end)
  }
}

/// Arguments of the probes. Those that a kernel's function does not have hold register contents and are not read.
enum ProbeParser {
  static func probe(_ kind: EventKind, _ cursor: inout TextCursor) -> Probe? {
    switch kind {
    case .initTDP: .initializeMMU
    case .setMemslot: number("change=", &cursor).map { .setMemslot(change: $0) }
    case .flushShadowMemslot: .flushShadowMemslot
    case .zapAllFastProbe: .zapAllFast
    case .invalidateAllRoots, .invalidateRoots: .invalidateRoots
    case .zapInvalidatedRoots: .zapInvalidatedRoots
    case .zapRoot: number("root=", &cursor).map { .zapRoot(root: $0) }
    case .zapRootLevel: pass(&cursor)
    case .putRoot: number("root=", &cursor).map { .putRoot(root: $0) }
    case .mmuLoad: .loadMMU
    case .allocRoot: .allocateRoot
    case .unmapGFN, .unmapGFNRange: .unmapFrames
    case .zapLeafs: leaves(&cursor)
    case .flushTLBs, .flushTLBsRange, .flushTLBsMemslot: .flush
    case .trySplit: split(&cursor)
    case .wrprotSlot: number("min_level=", &cursor).map { .writeProtectSlot(minimum: $0) }
    case .clearDirtyMasked: mask(&cursor)
    case .zapCollapsible, .recoverHugePages: .recoverHugePages
    case .archPreSetAttributes: .setAttributes
    case .archPostSetAttributes: .attributesSet
    case .gmemInvalidateBegin: .invalidateFile
    case .destroyVM: .destroyVM
    case .mnRelease: .release
    case .zapAll: .zapAll
    case .uninitTDP: .uninitializeMMU
    case .mmuUnload: .unloadMMU
    case .freeSPRCU: .freeTable
    default: .other
    }
  }

  /// `name=value`: hexadecimal behind 0x, else decimal.
  private static func number(_ name: StaticString, _ cursor: inout TextCursor) -> UInt64? {
    var copy = cursor
    guard copy.seek(name) else { return nil }
    if copy.byte == 0x30 { return copy.hex() }
    return copy.decimal().flatMap { UInt64(exactly: $0) }
  }

  private static func pass(_ cursor: inout TextCursor) -> Probe? {
    guard let root = number("root=", &cursor), let level = number("level=", &cursor) else { return nil }
    return .zapRootPass(root: root, level: level)
  }

  private static func leaves(_ cursor: inout TextCursor) -> Probe? {
    guard let root = number("root=", &cursor), let start = number("start=", &cursor), let end = number("end=", &cursor)
    else { return nil }
    return .zapLeaves(root: root, start: start, end: end)
  }

  private static func split(_ cursor: inout TextCursor) -> Probe? {
    guard let start = number("start=", &cursor), let end = number("end=", &cursor) else { return nil }
    return .trySplit(start: start, end: end)
  }

  private static func mask(_ cursor: inout TextCursor) -> Probe? {
    guard let gfn = number("gfn=", &cursor), let mask = number("mask=", &cursor) else { return nil }
    return .clearDirtyMasked(gfn: gfn, mask: mask)
  }
}
