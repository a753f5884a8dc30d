/// What the events of a page (`kvm_mmu_get_page`, `kvm_mmu_prepare_zap_page`) say of it, in the three forms that they
/// come in:
///   kernel   `sp gen G gfn F lL 8-byte qQ[ direct] wux[ invalid] [!]nxe [!]ad root R sync`; get_page ends with ` new`
///   plugin   `[new sp gfn F ]L qQ[ direct] wux[ invalid] [!]pae [!]nxe [!]wp[ smep][ smap][ smm] root R sync`
///   fields   the role is one number
/// The second is what libtraceevent's kvm plugin (`trace-cmd report`) makes of the role. It has the frame for get_page
/// only, and knows no newer layout of the role than that of 6.12: of 7.3's, where access rights have one bit more, each
/// name behind them stands for the bit before. A direct page of the TDP MMU tells the two apart, because its WP is set
/// and its SMEP without WP is not.
///
/// Source: Linux 6.12 and 7.3 arch/x86/kvm/mmu/mmutrace.h, KVM_MMU_PAGE_PRINTK; arch/x86/include/asm/kvm_host.h, union
/// kvm_mmu_page_role; arch/x86/kvm/mmu/mmu.c, kvm_calc_tdp_mmu_root_page_role; libtraceevent plugins/plugin_kvm.c.
/// Known limits: the plugin does not print whether the CPU sets accessed and dirty bits; it is taken to.
import MMUEngine

/// What an event's text says beside its content.
struct EventNotes {
  /// How its kernel spells access rights.
  var accessNames: KernelVersion.AccessNames?
  /// Whether it is of a page that libtraceevent's plugin has printed, which leaves the frame out of most events.
  var isFromPlugin = false
  /// Whether it is of a page whose frame the text leaves out.
  var lacksFrame = false
}

/// A page, as an event shows it.
struct ShownPage {
  var page: PageDescription
  /// Nil where that cannot be told.
  var accessNames: KernelVersion.AccessNames?
  /// Whether the page's role is that of a page of the TDP MMU. Without it the page belongs to the shadow MMU.
  var isTDP: Bool
  var isFromPlugin = false
  var hasFrame = true

  /// The event's content; of the shadow MMU's pages nothing but that there is one.
  func content(_ event: (PageDescription) -> TraceEvent, _ notes: inout EventNotes) -> TraceContent {
    notes.accessNames = accessNames
    notes.isFromPlugin = isFromPlugin
    guard isTDP else { return .otherMMU(EventName(-1)) }
    notes.lacksFrame = !hasFrame
    return .mmu(event(page))
  }
}

enum PageParser {
  /// A page's text; nil when it is not understood.
  static func page(_ cursor: inout TextCursor) -> ShownPage? {
    cursor.take("sp gen ") ? kernelText(&cursor) : pluginText(&cursor)
  }

  private static func kernelText(_ cursor: inout TextCursor) -> ShownPage? {
    guard let generation = cursor.unsigned(), generation < 256, let gfn = cursor.hex(after: "gfn"), cursor.take(" l"),
      let level = level(&cursor), quadrant(" 8-byte q", &cursor) || quadrant(" 4-byte q", &cursor)
    else { return nil }
    let isDirect = cursor.take(" direct")
    guard let rights = rights(&cursor) else { return nil }
    let isInvalid = cursor.take(" invalid")
    guard let hasNX = flag(" nxe", " !nxe", &cursor), let usesAccessedDirty = flag(" ad", " !ad", &cursor),
      let count = rootCount(&cursor)
    else { return nil }
    return ShownPage(
      page: PageDescription(
        generation: UInt8(generation), gfn: GFN(gfn), level: level, isDirect: isDirect, isInvalid: isInvalid,
        usesAccessedDirty: usesAccessedDirty, rootCount: count),
      accessNames: rights.count == 3 ? .writeUserExecute : .readWriteUserExecute,
      isTDP: isDirect && hasNX && (rights.count == 3 ? rights.bits == 0b111 : rights.bits | 0b100 == 0b1111))
  }

  private static func pluginText(_ cursor: inout TextCursor) -> ShownPage? {
    var gfn: UInt64?
    if cursor.take("new sp gfn ") || cursor.take("existing sp gfn ") {
      gfn = cursor.hex()
      guard gfn != nil, cursor.take(" ") else { return nil }
    }
    guard let level = level(&cursor), quadrant(" q", &cursor) else { return nil }
    var role = UInt64(level.rawValue)
    if cursor.take(" direct") { role |= 1 << 7 }
    guard let rights = rights(&cursor), rights.count == 3 else { return nil }
    role |= rights.bits << 8
    if cursor.take(" invalid") { role |= 1 << 11 }
    guard flag(" pae", " !pae", &cursor) != nil, let twelfth = flag(" nxe", " !nxe", &cursor),
      let thirteenth = flag(" wp", " !wp", &cursor)
    else { return nil }
    role |= (twelfth ? 1 << 12 : 0) | (thirteenth ? 1 << 13 : 0)
    if cursor.take(" smep") { role |= 1 << 14 }
    if cursor.take(" smap") { role |= 1 << 15 }
    _ = cursor.take(" smm")
    guard let count = rootCount(&cursor), var shown = page(role: role, gfn: GFN(gfn ?? 0), rootCount: count) else {
      return nil
    }
    shown.isFromPlugin = true
    shown.hasFrame = gfn != nil
    return shown
  }

  /// A page from its role's bits; nil where they are laid out otherwise than in the kernels that are known.
  ///
  /// A page of the TDP MMU is direct, has NX and WP and neither SMAP nor SMEP without WP, and all access rights; of
  /// 7.3's those of the user are left out where the CPU keeps the guest's kernel from executing the user's pages
  /// (GMET).
  static func page(role: UInt64, gfn: GFN, generation: UInt8 = 0, rootCount: UInt32) -> ShownPage? {
    guard let level = Level(rawValue: UInt8(role & 15)) else { return nil }
    var page = PageDescription(
      generation: generation, gfn: gfn, level: level, isDirect: role >> 7 & 1 == 1,
      usesAccessedDirty: role >> 16 & 1 == 0, rootCount: rootCount)
    guard page.isDirect else { return ShownPage(page: page, accessNames: nil, isTDP: false) }
    let names: KernelVersion.AccessNames
    if role >> 8 & 0b1111_0111 == 0b0011_0111 {
      page.isInvalid = role >> 11 & 1 == 1
      names = .writeUserExecute
    } else if role >> 8 & 0b1110_1011 == 0b0110_1011 {
      page.isInvalid = role >> 12 & 1 == 1
      names = .readWriteUserExecute
    } else {
      return nil
    }
    return ShownPage(page: page, accessNames: names, isTDP: true)
  }

  private static func level(_ cursor: inout TextCursor) -> Level? {
    guard let value = cursor.unsigned(), value < 6 else { return nil }
    return Level(rawValue: UInt8(value))
  }

  /// The place of a 32-bit guest's page table, 0 to 3.
  private static func quadrant(_ name: StaticString, _ cursor: inout TextCursor) -> Bool {
    guard cursor.take(name), cursor.digit ?? 4 < 4 else { return false }
    cursor.position += 1
    return true
  }

  /// One of two words.
  private static func flag(_ set: StaticString, _ clear: StaticString, _ cursor: inout TextCursor) -> Bool? {
    if cursor.take(set) { return true }
    return cursor.take(clear) ? false : nil
  }

  /// ` root N sync` or ` root N unsync`.
  private static func rootCount(_ cursor: inout TextCursor) -> UInt32? {
    guard cursor.take(" root "), let count = cursor.unsigned(), let small = UInt32(exactly: count),
      cursor.take(" sync") || cursor.take(" unsync")
    else { return nil }
    return small
  }

  /// Access rights: three letters in the order W, U, X, or four with R before them, a dash for what is missing. The
  /// bits are as in the role: X, W, U of three, R, W, U, X of four.
  private static func rights(_ cursor: inout TextCursor) -> (bits: UInt64, count: Int)? {
    guard cursor.take(" ") else { return nil }
    let letters: [(letter: UInt8, bit: UInt64)] =
      cursor.position + 3 < cursor.end && cursor[cursor.position + 3] != 0x20
      ? [(0x72, 0), (0x77, 1), (0x75, 2), (0x78, 3)] : [(0x77, 1), (0x75, 2), (0x78, 0)]
    var bits: UInt64 = 0
    for (letter, bit) in letters {
      guard cursor.byte == letter || cursor.byte == 0x2D else { return nil }
      if cursor.byte == letter { bits |= 1 << bit }
      cursor.position += 1
    }
    return (bits, letters.count)
  }
}
