/// The units of the machine: every number with a meaning is a type, so that a frame number never passes for an address.
///
/// `gfn` and `pfn` count 4 KiB pages; `GPA` and `HPA` count bytes. The kernel's page levels start at 1 (`PG_LEVEL_4K`), the
/// TDX module's at 0; `Level` holds the kernel's and converts.

/// A guest frame number: guest physical address shifted right by 12. Unit: 4 KiB pages.
package struct GFN: Hashable, Comparable, Sendable, BitwiseCopyable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static func < (left: GFN, right: GFN) -> Bool { left.rawValue < right.rawValue }

  /// The first frame of the naturally aligned block of `level` that contains this one.
  package func aligned(to level: Level) -> GFN { GFN(rawValue & ~(level.pages - 1)) }

  /// Which of the 512 entries of a table at `level` translates this frame.
  package func index(at level: Level) -> Int { Int(rawValue >> level.indexShift & 511) }
}

/// A host page frame number. Unit: 4 KiB pages.
package struct PFN: Hashable, Comparable, Sendable, BitwiseCopyable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static func < (left: PFN, right: PFN) -> Bool { left.rawValue < right.rawValue }

  /// The address of the page's first byte, without key identifier bits.
  package var address: HPA { HPA(rawValue << 12) }

  /// The first frame of the naturally aligned block of `level` that contains this one.
  package func aligned(to level: Level) -> PFN { PFN(rawValue & ~(level.pages - 1)) }

  /// The frame `count` pages further on.
  package func advanced(by count: Int) -> PFN { PFN(rawValue + UInt64(count)) }
}

/// A host physical address as an operand of a SEAMCALL: bits 51:46 carry the key identifier, which most operands want zero.
package struct HPA: Hashable, Sendable, BitwiseCopyable {
  package let rawValue: UInt64

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// The lowest of the address bits that a platform with 64 key identifiers gives to them.
  package static let keyShift: UInt64 = 46

  /// The frame that contains the address; key identifier bits are left out.
  package var frame: PFN { PFN((rawValue & (1 << Self.keyShift - 1)) >> 12) }

  /// The key identifier in bits 51:46.
  package var keyID: HKID { HKID(UInt16(truncatingIfNeeded: rawValue >> Self.keyShift & 63)) }

  /// The same address with a key identifier put into bits 51:46, as PHYMEM.PAGE.WBINVD wants it.
  package func with(key: HKID) -> HPA { HPA(rawValue | UInt64(key.rawValue) << Self.keyShift) }

  /// Whether the address is on a boundary of `level` and has neither key identifier nor bits above the physical width.
  package func isPlain(at level: Level) -> Bool {
    rawValue & (level.pages << 12 - 1) == 0 && rawValue >> Self.keyShift == 0
  }
}

/// A memory encryption key identifier. 0 is the shared key; KVM calls a TD's identifier assigned while it is above 0.
package struct HKID: Hashable, Comparable, Sendable, BitwiseCopyable {
  package let rawValue: UInt16

  package init(_ rawValue: UInt16) { self.rawValue = rawValue }

  package static func < (left: HKID, right: HKID) -> Bool { left.rawValue < right.rawValue }

  /// The module's own key: TDR pages are written with it. Source: TDX module, global HKID.
  package static let global = HKID(1)
}

/// A logical processor (LP), by its index on the platform.
package struct LPID: Hashable, Comparable, Sendable, BitwiseCopyable {
  package let rawValue: Int

  package init(_ rawValue: Int) { self.rawValue = rawValue }

  package static func < (left: LPID, right: LPID) -> Bool { left.rawValue < right.rawValue }
}

/// A processor package: it has its own caches, so keys and write-backs are handled once in each.
package struct PackageID: Hashable, Comparable, Sendable, BitwiseCopyable {
  package let rawValue: Int

  package init(_ rawValue: Int) { self.rawValue = rawValue }

  package static func < (left: PackageID, right: PackageID) -> Bool { left.rawValue < right.rawValue }
}

/// A level of a page-table tree, named by the size that a leaf entry there maps. Source: `enum pg_level`.
package enum Level: UInt8, Hashable, Comparable, Sendable, CaseIterable {
  case page4K = 1
  case page2M = 2
  case page1G = 3
  case page512G = 4
  case page256T = 5

  package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

  /// The level as the TDX module counts: 0 for 4 KiB.
  package var tdx: UInt64 { UInt64(rawValue) - 1 }

  /// Reads the module's number; nil beyond PML5.
  package init?(tdx: UInt64) {
    guard tdx <= 4, let level = Level(rawValue: UInt8(tdx) + 1) else { return nil }
    self = level
  }

  /// How many 4 KiB pages an entry at this level spans: 512^(level−1). Source: `KVM_PAGES_PER_HPAGE`.
  package var pages: UInt64 { 1 << indexShift }

  /// How far a frame number is shifted for the index into a table of this level.
  package var indexShift: UInt64 { 9 * tdx }

  /// The level of the tables that an entry here points to; nil at 4 KiB.
  package var below: Level? { Level(rawValue: rawValue - 1) }

  /// The level of the entries that point to tables of this level; nil at the top.
  package var above: Level? { Level(rawValue: rawValue + 1) }
}

/// The page-info operand of the MEM.* calls (RCX): level in bits 2:0, address in 51:12, the rest zero.
///
/// It is kept raw so that a wrong one can be handed in; the module takes it apart after its own checks.
/// Source: TDX Module ABI spec, "EPT level and GPA".
package struct PageInfo: Hashable, Sendable, BitwiseCopyable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package init(_ gfn: GFN, _ level: Level) { rawValue = gfn.rawValue << 12 | level.tdx }

  /// The frame that the address bits name.
  package var gfn: GFN { GFN(rawValue >> 12 & (1 << 40 - 1)) }

  /// The level that the low bits name; nil above PML5.
  package var level: Level? { Level(tdx: rawValue & 7) }

  /// Whether bits 11:3 and 63:52 are zero and the address is aligned to its level.
  package var isWellFormed: Bool {
    guard let level else { return false }
    return rawValue & 0xFFF0_0000_0000_0FF8 == 0 && gfn.aligned(to: level) == gfn
  }
}
