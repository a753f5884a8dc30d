/// A shadow page table entry: 64 bits whose meaning is the hardware's but for the bits that it leaves to software.
///
/// The level is not in the entry; it follows from the table that holds it. What a bit other than these means depends on the
/// vendor and on the boot: `SPTEFormat` knows.
/// Source: Linux 6.16 arch/x86/kvm/mmu/spte.h.
package struct SPTE: Hashable, Sendable, BitwiseCopyable {
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// What tables are filled with (`SHADOW_NONPRESENT_VALUE`): suppress #VE, nothing else.
  package static let nonpresent = SPTE(rawValue: 1 << 63)

  /// Bit 11 (`SPTE_MMU_PRESENT_MASK`): the MMU has put something here, whatever the hardware thinks of it.
  package static let presentBit: UInt64 = 1 << 11
  /// Bit 7 (`PT_PAGE_SIZE_MASK`): a leaf above 4 KiB. FROZEN has it too, so it means nothing without the present bit.
  package static let sizeBit: UInt64 = 1 << 7
  /// Bit 1 (`PT_WRITABLE_MASK`), with both vendors.
  package static let writableBit: UInt64 = 1 << 1
  /// Bits 51:12, the frame.
  package static let addressMask: UInt64 = 0x000F_FFFF_FFFF_F000

  /// `is_shadow_present_pte`.
  package var isPresent: Bool { rawValue & Self.presentBit != 0 }

  /// `is_large_pte`. Requires, to mean anything: present.
  package var isLarge: Bool { rawValue & Self.sizeBit != 0 }

  /// `is_writable_pte`: the hardware lets the guest write.
  package var isWritable: Bool { rawValue & Self.writableBit != 0 }

  /// `is_last_spte`: whether an entry at this level maps a page if it is present.
  package func isLast(at level: Level) -> Bool { level == .page4K || isLarge }

  /// A present leaf.
  package func isLeaf(at level: Level) -> Bool { isPresent && isLast(at: level) }

  /// A present pointer to a table.
  package func isTable(at level: Level) -> Bool { isPresent && !isLast(at: level) }

  /// The frame that the address bits name, an encryption bit included.
  package var pfn: PFN { PFN((rawValue & Self.addressMask) >> 12) }

  /// The same entry with these bits set.
  package func setting(_ bits: UInt64) -> SPTE { SPTE(rawValue: rawValue | bits) }

  /// The same entry with these bits clear.
  package func clearing(_ bits: UInt64) -> SPTE { SPTE(rawValue: rawValue & ~bits) }
}
