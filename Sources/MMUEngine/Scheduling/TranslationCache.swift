/// What a vCPU's hardware remembers of page tables: whole translations, and pointers to tables on the way.
///
/// Nothing here is coherent with memory. Only a flush empties it, and until then the guest uses what it has; a pointer to a
/// table that was freed meanwhile is followed all the same. Worst case: nothing is ever evicted.
package struct TranslationCache: Hashable, Sendable {
  package struct Translation: Hashable, Sendable {
    package let frame: PFN
    package let isWritable: Bool
    package let isExecutable: Bool

    /// Whether the hardware lets the access through without a walk.
    package func allows(_ access: FaultAccess) -> Bool {
      switch access {
      case .read: true
      case .write: isWritable
      case .execute: isExecutable
      }
    }
  }

  /// A table as it was when the pointer was cached.
  package struct CachedTable: Hashable, Sendable {
    package let table: TableID
    package let serial: UInt32
  }

  /// By guest frame; huge pages are entered frame by frame as they are used.
  package var translations: [UInt64: Translation] = [:]
  /// The table of single pages for a 2 MiB block.
  package var tables: [UInt64: CachedTable] = [:]

  package init() {}

  package mutating func flush() {
    translations = [:]
    tables = [:]
  }
}
