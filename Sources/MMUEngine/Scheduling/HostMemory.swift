/// The host's side of guest memory: which frame backs each page, and which frames have been given back.
///
/// A memslot's pages lie in one block of 2 MiB that the host maps by single pages or by one huge page. When the host takes a
/// page away its frame is freed for good: a guest that still reaches it has a stale translation.
package struct HostMemory: Hashable, Sendable {
  /// How the host maps a page now.
  package struct Mapping: Hashable, Sendable {
    package var frame: PFN
    package var isWritable: Bool
  }

  /// Single pages by guest frame of their slot's own numbering (hva).
  private var pages: [UInt64: Mapping] = [:]
  /// Blocks that a huge page backs, by first page.
  private var blocks: [UInt64: PFN] = [:]
  /// Pages of a guest_memfd, by guest frame: they stay when their memslot goes.
  private var privatePages: [UInt64: PFN] = [:]
  /// Folios of 2 MiB of a guest_memfd, by first guest frame.
  private var privateBlocks: [UInt64: PFN] = [:]
  /// Every frame that a guest_memfd has ever handed out.
  private var privateFrames: Set<PFN> = []
  package private(set) var freed: Set<PFN> = []
  private var next: UInt64 = 0x1000

  package init() {}

  /// The mapping of a page; made at the first touch, as anonymous memory is.
  package mutating func touch(_ page: UInt64) -> (mapping: Mapping, level: Level) {
    if let block = blocks[page & ~511] {
      return (Mapping(frame: block.advanced(by: Int(page & 511)), isWritable: true), .page2M)
    }
    if let mapping = pages[page] { return (mapping, .page4K) }
    let mapping = Mapping(frame: PFN(next), isWritable: true)
    next += 1
    pages[page] = mapping
    return (mapping, .page4K)
  }

  /// The file's page and the size of its folio; made at the first touch. Source: `kvm_gmem_get_pfn`.
  ///
  /// - Parameter limit: How large a folio may be made, where no other page of the block is there yet.
  package mutating func touchPrivate(_ page: UInt64, limit: Level = .page4K) -> (frame: PFN, level: Level) {
    if let frame = privatePage(page) { return (frame, isPrivateFolio(page) ? .page2M : .page4K) }
    let block = page & ~511
    if limit == .page2M, !privatePages.keys.contains(where: { $0 & ~511 == block }) {
      next = (next + 511) & ~511
      privateBlocks[block] = PFN(next)
      for offset in 0..<512 as Range<UInt64> { privateFrames.insert(PFN(next + offset)) }
      next += 512
      return touchPrivate(page)
    }
    let frame = PFN(next)
    next += 1
    privatePages[page] = frame
    privateFrames.insert(frame)
    return (frame, .page4K)
  }

  /// The file gets a page from somebody else's allocator, which then is not asked here whether it was freed.
  package mutating func insertPrivate(_ page: UInt64, _ frame: PFN) { privatePages[page] = frame }

  /// The file's page, if it is there.
  package func privatePage(_ page: UInt64) -> PFN? {
    privatePages[page] ?? privateBlocks[page & ~511]?.advanced(by: Int(page & 511))
  }

  /// Whether a page of the file is a part of a folio of 2 MiB.
  package func isPrivateFolio(_ page: UInt64) -> Bool { privateBlocks[page & ~511] != nil }

  /// Whether there are frames for two more huge pages below a limit.
  package func hasRoom(below limit: UInt64) -> Bool { next + 3 * 512 <= limit }

  /// The file's frames in a range: a folio that lies in it as a whole as one, everything else page by page.
  package func privateFrames(in range: FrameRange) -> [Range<UInt64>] {
    var found: [Range<UInt64>] = []
    var page = range.start
    while page < range.end {
      guard page & 511 == 0, page + 512 <= range.end, let folio = privateBlocks[page] else {
        if let frame = privatePage(page) { found.append(frame.rawValue..<frame.rawValue + 1) }
        page += 1
        continue
      }
      found.append(folio.rawValue..<folio.rawValue + 512)
      page += 512
    }
    return found
  }

  /// Whether a frame is, or was, a guest_memfd's.
  package func isPrivate(_ frame: PFN) -> Bool { privateFrames.contains(frame) }

  /// The file loses a page (PUNCH_HOLE); what is left of its folio are single pages.
  package mutating func punch(_ page: UInt64) {
    if let folio = privateBlocks.removeValue(forKey: page & ~511) {
      for offset in 0..<512 { privatePages[page & ~511 + UInt64(offset)] = folio.advanced(by: offset) }
    }
    if let frame = privatePages.removeValue(forKey: page) { freed.insert(frame) }
  }

  /// Whether a huge page backs a block.
  package func isHuge(_ block: UInt64) -> Bool { blocks[block] != nil }

  /// Whether the host maps a page read-only.
  package func isReadOnly(_ page: UInt64) -> Bool { pages[page].map { !$0.isWritable } ?? false }

  /// The page gets another frame (copy on write, migration); the old one is freed.
  package mutating func replace(_ page: UInt64) {
    split(page & ~511)
    if let old = pages.removeValue(forKey: page) { freed.insert(old.frame) }
  }

  /// The page becomes read-only (fork).
  package mutating func protect(_ page: UInt64) {
    split(page & ~511)
    pages[page]?.isWritable = false
  }

  /// The block's pages become one huge page; all old frames are freed.
  package mutating func collapse(_ block: UInt64) {
    release(block)
    next = (next + 511) & ~511
    blocks[block] = PFN(next)
    next += 512
  }

  /// All frames of a block go back (munmap).
  package mutating func release(_ block: UInt64) {
    for page in block..<block + 512 {
      if let old = pages.removeValue(forKey: page) { freed.insert(old.frame) }
    }
    if let huge = blocks.removeValue(forKey: block) {
      for offset in 0..<512 { freed.insert(huge.advanced(by: offset)) }
    }
  }

  /// A huge page is split in the host's tables; the frames stay.
  private mutating func split(_ block: UInt64) {
    guard let huge = blocks.removeValue(forKey: block) else { return }
    for offset in 0..<512 {
      pages[block + UInt64(offset)] = Mapping(frame: huge.advanced(by: offset), isWritable: true)
    }
  }
}
