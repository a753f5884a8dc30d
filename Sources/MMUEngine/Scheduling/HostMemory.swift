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

  /// The file's page; made at the first touch. Source: `kvm_gmem_get_pfn`.
  package mutating func touchPrivate(_ page: UInt64) -> PFN {
    if let frame = privatePages[page] { return frame }
    let frame = PFN(next)
    next += 1
    privatePages[page] = frame
    privateFrames.insert(frame)
    return frame
  }

  /// Whether a frame is, or was, a guest_memfd's.
  package func isPrivate(_ frame: PFN) -> Bool { privateFrames.contains(frame) }

  /// The file loses a page (PUNCH_HOLE).
  package mutating func punch(_ page: UInt64) {
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
