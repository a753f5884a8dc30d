/// The fields of an event whose text the tool that printed the trace could not make: libtraceevent (`trace-cmd report`, `perf
/// script`) prints `[FAILED TO PARSE]` and then ` name=value` for each field of the record.
///
/// Values are in decimal, those of type `long` and pointers in hexadecimal behind 0x, negative ones with a sign. Field names and
/// the bits of a page's role are those of Linux 6.12 to 6.19, arch/x86/kvm/mmu/mmutrace.h, arch/x86/kvm/trace.h and `union
/// kvm_mmu_page_role`. A role that is laid out otherwise is not decoded; nor is `fast_page_fault`, whose result is a number that
/// differs between kernels.
import MMUEngine

enum RawFieldParser {
  /// What stands in place of the event's text.
  static let mark: StaticString = "[FAILED TO PARSE]"

  /// What an event's fields say; nil when they do not say enough.
  static func content(_ kind: EventKind, _ cursor: TextCursor) -> TraceContent? {
    switch kind {
    case .spteChanged: spteChanged(cursor)
    case .prepareZapPage: page(cursor).map { $0.isDirect ? .mmu(.prepareZapPage($0)) : .otherMMU(EventName(-1)) }
    case .getPage: page(cursor).map { $0.isDirect ? .mmu(.getPage($0)) : .otherMMU(EventName(-1)) }
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
    case .unmapRange: unmapRange(cursor)
    case .age, .testAge: .age
    case .syncPage, .unsyncPage, .pagetableWalk, .pagingElement, .setAccessedBit, .setDirtyBit, .walkerError:
      .otherMMU(EventName(-1))
    case .fastPageFault: nil
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
      if cursor.byte == 0x30 { return cursor.hex() }
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

  private static func page(_ cursor: TextCursor) -> PageDescription? {
    guard let generation = number(" mmu_valid_gen", cursor, below: 256), let gfn = frame(cursor),
      let role = field(" role", cursor), let level = Level(rawValue: UInt8(role & 15)),
      let count = number(" root_count", cursor, below: 1 << 32)
    else { return nil }
    let isDirect = role >> 7 & 1 == 1
    // A direct page of the TDP MMU has all access rights, NX and WP, and neither SMEP nor SMAP without WP.
    guard !isDirect || role >> 8 & 0b1111_0111 == 0b0011_0111 else { return nil }
    return PageDescription(
      generation: UInt8(generation), gfn: gfn, level: level, isDirect: isDirect, isInvalid: role >> 11 & 1 == 1,
      usesAccessedDirty: role >> 16 & 1 == 0, rootCount: UInt32(count))
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
    return .mmu(.splitHugePage(gfn, level, entry, errno: Int(truncatingIfNeeded: errno)))
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
