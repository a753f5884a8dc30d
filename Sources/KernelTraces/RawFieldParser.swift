/// The fields of an event that has no text: ` name=value` for each field of the record.
///
/// libtraceevent (`trace-cmd report`, `perf script`) prints them behind `[FAILED TO PARSE]` where it does not
/// understand the kernel's format: of 6.12 and 7.3, libtraceevent 1.7 does so with the events of pages, unless its kvm
/// plugin is there. Values are in decimal, those of type `long` and pointers in hexadecimal behind 0x, negative ones
/// with a sign. ftrace prints `name=0xVALUE (DECIMAL)`, for fields of one byte `name=(DECIMAL)`, with its option
/// `fields`. `trace-cmd report -R` prints values as the event's text would, without saying in which base: those are
/// refused.
///
/// Source: TP_STRUCT__entry in Linux 6.12 and 7.3 arch/x86/kvm/mmu/mmutrace.h, arch/x86/kvm/trace.h and
/// include/trace/events/kvm.h; libtraceevent src/event-parse.c, print_field_raw; kernel/trace/trace_output.c,
/// print_fields.
import MMUEngine

enum RawFieldParser {
  /// What stands in place of the event's text.
  static let mark: StaticString = "[FAILED TO PARSE]"

  /// Whose fields a text is.
  enum Form {
    /// libtraceevent's, behind its mark.
    case failed
    /// ftrace's.
    case ftrace
    /// trace-cmd's, in bases that are not told.
    case raw
  }

  /// Whether a text is fields, and whose; the cursor is then before the blank of the first.
  static func form(_ cursor: inout TextCursor) -> Form? {
    if cursor.byte == 0x5B, cursor.take(mark) { return .failed }
    var value = cursor
    while value.digit != nil || value.byte == 0x5F { value.position += 1 }
    guard value.position > cursor.position, value.take("=") else { return nil }
    cursor.position -= 1
    // ftrace has a number in brackets for each.
    if value.byte == 0x28 { return .ftrace }
    return value.take("0x") && value.hex() != nil && value.take(" (") ? .ftrace : .raw
  }

  /// What an event's fields say; nil when they do not say enough.
  static func content(_ kind: EventKind, _ cursor: TextCursor, _ notes: inout EventNotes) -> TraceContent? {
    switch kind {
    case .spteChanged: spteChanged(cursor)
    case .prepareZapPage: page(cursor)?.content({ .prepareZapPage($0) }, &notes)
    case .getPage: page(cursor)?.content({ .getPage($0) }, &notes)
    case .zapAllFast: zapAllFast(cursor)
    case .setSPTE: setSPTE(cursor)
    case .requested: requested(cursor)
    case .splitHugePage: splitHugePage(cursor)
    case .markMMIO: markMMIO(cursor)
    case .checkMMIO: checkMMIO(cursor)
    case .handleMMIO: handleMMIO(cursor)
    case .pageFault: pageFault(cursor)
    case .entry: vcpu(cursor).map { .entry(vcpu: $0) }
    case .exit: exit(cursor)
    case .userspaceExit: .userspaceExit(EventName(-1))
    case .unmapRange: unmapRange(cursor)
    case .age, .testAge: .age
    case .syncPage, .unsyncPage, .pagetableWalk, .pagingElement, .setAccessedBit, .setDirtyBit, .walkerError:
      .otherMMU(EventName(-1))
    case .fastPageFault: fastPageFault(cursor)
    default: probe(kind, cursor)
    }
  }

  /// A probe's text is names and values anyway.
  private static func probe(_ kind: EventKind, _ cursor: TextCursor) -> TraceContent? {
    var cursor = cursor
    return ProbeParser.probe(kind, &cursor).map { .probe($0) }
  }

  /// The value behind ` name=`; nil when there is none, or it has more than 64 bits.
  private static func field(_ name: StaticString, _ cursor: TextCursor) -> UInt64? {
    var cursor = cursor
    while cursor.seek(name) {
      guard cursor.take("=") else { continue }
      cursor.skipBlanks()
      if cursor.take("0x") { return cursor.hex() }
      _ = cursor.take("(")
      let isNegative = cursor.take("-")
      guard let value = cursor.unsigned() else { return nil }
      return isNegative ? 0 &- value : value
    }
    return nil
  }

  /// A small number of a field.
  private static func number(_ name: StaticString, _ cursor: TextCursor, below limit: UInt64) -> Int? {
    field(name, cursor).flatMap { $0 < limit ? Int($0) : nil }
  }

  private static func entry(_ name: StaticString, _ cursor: TextCursor) -> SPTE? {
    field(name, cursor).map(SPTE.init(rawValue:))
  }

  private static func frame(_ cursor: TextCursor) -> GFN? { field(" gfn", cursor).map(GFN.init) }

  private static func level(_ cursor: TextCursor) -> Level? {
    number(" level", cursor, below: 6).flatMap { Level(rawValue: UInt8($0)) }
  }

  private static func vcpu(_ cursor: TextCursor) -> Int? { number(" vcpu_id", cursor, below: 1 << 32) }

  private static func spteChanged(_ cursor: TextCursor) -> TraceContent? {
    guard let space = number(" as_id", cursor, below: 2), let gfn = frame(cursor), let level = level(cursor),
      let old = entry(" old_spte", cursor), let new = entry(" new_spte", cursor)
    else { return nil }
    return .mmu(.spteChanged(space == 0 ? .normal : .systemManagement, gfn, level, old: old, new: new))
  }

  private static func page(_ cursor: TextCursor) -> ShownPage? {
    guard let generation = number(" mmu_valid_gen", cursor, below: 256), let gfn = frame(cursor),
      let role = field(" role", cursor), let count = number(" root_count", cursor, below: 1 << 32)
    else { return nil }
    return PageParser.page(role: role, gfn: gfn, generation: UInt8(generation), rootCount: UInt32(count))
  }

  /// The result is a number; 5 is RET_PF_FIXED and 6 RET_PF_SPURIOUS.
  /// Source: Linux 6.12 and 7.3 arch/x86/kvm/mmu/mmu_internal.h, the enumeration of RET_PF_CONTINUE.
  private static func fastPageFault(_ cursor: TextCursor) -> TraceContent? {
    guard let vcpu = vcpu(cursor), let address = field(" cr2_or_gpa", cursor), let code = field(" error_code", cursor),
      let pointer = field(" sptep", cursor), let old = entry(" old_spte", cursor),
      let new = entry(" new_spte", cursor), let result = number(" ret", cursor, below: 7)
    else { return nil }
    return .mmu(
      .fastPageFault(
        FastPageFault(
          vcpu: vcpu, address: address, errorCode: code, pointer: pointer, old: old, new: new,
          isSpurious: result == 6, isFixed: result == 5)))
  }

  private static func zapAllFast(_ cursor: TextCursor) -> TraceContent? {
    guard let generation = number(" mmu_valid_gen", cursor, below: 256), let used = field(" mmu_used_pages", cursor)
    else { return nil }
    return .mmu(.zapAllFast(generation: UInt8(generation), usedPages: used))
  }

  private static func setSPTE(_ cursor: TextCursor) -> TraceContent? {
    guard let gfn = frame(cursor), let entry = entry(" spte", cursor), let level = level(cursor),
      let address = field(" sptep", cursor)
    else { return nil }
    return .mmu(.setSPTE(gfn, level, entry, address: address))
  }

  private static func requested(_ cursor: TextCursor) -> TraceContent? {
    guard let gfn = frame(cursor), let pfn = field(" pfn", cursor), let level = level(cursor) else { return nil }
    return .mmu(.requested(gfn, pfn: pfn, level))
  }

  private static func splitHugePage(_ cursor: TextCursor) -> TraceContent? {
    guard let gfn = frame(cursor), let entry = entry(" spte", cursor), let level = level(cursor),
      let errno = field(" errno", cursor)
    else { return nil }
    // ftrace shows its 32 bits without a sign.
    return .mmu(.splitHugePage(gfn, level, entry, errno: Int(Int32(truncatingIfNeeded: errno))))
  }

  private static func markMMIO(_ cursor: TextCursor) -> TraceContent? {
    guard let pointer = field(" sptep", cursor), let gfn = frame(cursor),
      let access = number(" access", cursor, below: 256), let generation = field(" gen", cursor)
    else { return nil }
    return .mmu(.markMMIO(gfn, pointer: pointer, access: UInt8(access), generation: generation))
  }

  /// The text says whether the generations are the same; it is not among the fields.
  private static func checkMMIO(_ cursor: TextCursor) -> TraceContent? {
    guard let entry = entry(" spte", cursor), let current = field(" kvm_gen", cursor),
      let generation = field(" spte_gen", cursor)
    else { return nil }
    return .mmu(.checkMMIO(entry, current: current, entry: generation, isValid: current == generation))
  }

  private static func handleMMIO(_ cursor: TextCursor) -> TraceContent? {
    guard let address = field(" addr", cursor), let gfn = frame(cursor),
      let access = number(" access", cursor, below: 256)
    else { return nil }
    return .mmu(.handleMMIO(address: address, gfn, access: UInt8(access)))
  }

  private static func pageFault(_ cursor: TextCursor) -> TraceContent? {
    guard let vcpu = vcpu(cursor), let address = field(" fault_address", cursor),
      let code = field(" error_code", cursor)
    else { return nil }
    return .pageFault(vcpu: vcpu, address: address, code: code)
  }

  /// The reason's number is VMX's or SVM's, as `isa` says (`KVM_ISA_VMX`, `KVM_ISA_SVM`).
  private static func exit(_ cursor: TextCursor) -> TraceContent? {
    guard let reason = field(" exit_reason", cursor), let isa = field(" isa", cursor) else { return nil }
    let found: ExitReason =
      switch (isa, reason) {
      case (2, 0x400), (1, 48): .pageFault
      case (1, 49): .misconfiguration
      default: .other
      }
    return .exit(vcpu: vcpu(cursor), found)
  }

  private static func unmapRange(_ cursor: TextCursor) -> TraceContent? {
    guard let start = field(" start", cursor), let end = field(" end", cursor) else { return nil }
    return .unmapRange(start: start, end: end)
  }
}
