/// Which huge pages a VM may not use because their frames are not all of one kind: `KVM_LPAGE_MIXED_FLAG` in `lpage_info`.
///
/// The flags belong to memslots; here they go by frame, and a new slot computes its own. A fault reads them under mmu_lock, and
/// a change of attributes writes them under mmu_lock held for write, when its invalidation ends. Until then faults on any frame
/// of a huge page that becomes mixed have to start over: `widened` says which.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_arch_pre_set_memory_attributes, kvm_arch_post_set_memory_attributes.
package struct MixedRanges: Hashable, Sendable {
  /// First frames, by level.
  private var ranges: [Level: Set<UInt64>] = [:]
  /// The sizes that there are flags for.
  private static let levels = [Level.page2M, .page1G]

  package init() {}

  /// Whether the huge page of this level around a frame is mixed. Source: `hugepage_test_mixed`.
  package func contains(_ gfn: GFN, _ level: Level) -> Bool {
    !ranges.isEmpty && ranges[level]?.contains(gfn.aligned(to: level).rawValue) == true
  }

  /// The huge pages at the ends of a range that are about to become mixed, if they lie in the slot and are not mixed already.
  ///
  /// Source: `kvm_arch_pre_set_memory_attributes`.
  package func widened(_ range: FrameRange, in slot: FrameRange) -> [FrameRange] {
    Self.levels.flatMap { level in
      straddling(range, level).filter { slot.contains(all: $0) && !contains(GFN($0.start), level) }
    }
  }

  /// Computes the flags of the huge pages that a range touches, after its attributes were stored.
  ///
  /// A huge page of 1 GiB is mixed when one of its 2 MiB pages is, or when two of them differ; so the smaller come first.
  /// A huge page that is not all in the slot gets no flag: the alignment of the slot forbids it anyway.
  /// Source: Linux 6.12 and 7.3 `kvm_arch_post_set_memory_attributes`, `hugepage_has_attrs`.
  package mutating func update(_ range: FrameRange, in slot: FrameRange, _ attributes: borrowing MemoryAttributes) {
    for level in Self.levels {
      var first = range.start & ~(level.pages - 1)
      while first < range.end {
        let huge = FrameRange(start: first, end: first + level.pages)
        if slot.contains(all: huge) { mark(huge, level, isMixed: hasBothKinds(huge, level, attributes)) }
        first += level.pages
      }
    }
  }

  private mutating func mark(_ huge: FrameRange, _ level: Level, isMixed: Bool) {
    if isMixed {
      ranges[level, default: []].insert(huge.start)
    } else {
      ranges[level]?.remove(huge.start)
    }
  }

  private func hasBothKinds(_ huge: FrameRange, _ level: Level, _ attributes: borrowing MemoryAttributes) -> Bool {
    guard let below = level.below else { return false }
    let kind = attributes.isPrivate(GFN(huge.start))
    for frame in stride(from: huge.start, to: huge.end, by: UInt64.Stride(below.pages)) {
      if attributes.isPrivate(GFN(frame)) != kind || contains(GFN(frame), below) { return true }
    }
    return false
  }

  /// The huge pages of a level that are partly in a range: at its head, at its tail, or around it.
  private func straddling(_ range: FrameRange, _ level: Level) -> [FrameRange] {
    let mask = level.pages - 1
    let firsts = Set([range.start & ~mask, (range.end - 1) & ~mask]).sorted()
    return firsts.map { FrameRange(start: $0, end: $0 + level.pages) }.filter { !range.contains(all: $0) }
  }
}
