/// An entry of a Secure-EPT table, with the module's encoding of its state.
///
/// The state is spread over bits that an EPT entry leaves to software: D (9), exported (53), write-blocked (54), blocked
/// (55), pending (56), IPAT (6) and leaf (7); read as bits 0…6 of a code they give the numbers below. The lock bit (11)
/// and the host-priority bit (52) stand beside the state. Every leaf carries the leaf bit, 4 KiB ones too.
/// Abstraction: the states of migration (REMOVED, BLOCKEDW, EXPORTED…) and nested TDs' tables are left out.
/// Source: TDX module 1.5.01, S-EPT entry state encoding.

/// The states of an entry that a TD without migration can have; the raw value is the module's state code.
package enum SecureEPTState: UInt8, Hashable, Sendable, CaseIterable {
  case free = 0x0E
  case nonLeafMapped = 0x00
  case nonLeafBlocked = 0x08
  case mapped = 0x60
  case blocked = 0x68
  case pending = 0x70
  case pendingBlocked = 0x78

  /// The name in the specification's spelling, which models use.
  package var name: String {
    switch self {
    case .free: "FREE"
    case .nonLeafMapped: "NL_MAPPED"
    case .nonLeafBlocked: "NL_BLOCKED"
    case .mapped: "MAPPED"
    case .blocked: "BLOCKED"
    case .pending: "PENDING"
    case .pendingBlocked: "PENDING_BLOCKED"
    }
  }

  /// Whether it maps a page (of any size), not a table.
  package var isLeaf: Bool {
    switch self {
    case .mapped, .blocked, .pending, .pendingBlocked: true
    case .free, .nonLeafMapped, .nonLeafBlocked: false
    }
  }

  /// Whether RANGE.BLOCK has cut it off.
  package var isBlocked: Bool {
    switch self {
    case .nonLeafBlocked, .blocked, .pendingBlocked: true
    case .free, .nonLeafMapped, .mapped, .pending: false
    }
  }

  /// Whether hardware walks through or to it: the RWX bits are set.
  package var isAccessible: Bool {
    switch self {
    case .nonLeafMapped, .mapped: true
    case .free, .nonLeafBlocked, .blocked, .pending, .pendingBlocked: false
    }
  }

  /// What RANGE.BLOCK makes of it; nil where the call refuses.
  package var whenBlocked: SecureEPTState? {
    switch self {
    case .nonLeafMapped: .nonLeafBlocked
    case .mapped: .blocked
    case .pending: .pendingBlocked
    case .free, .nonLeafBlocked, .blocked, .pendingBlocked: nil
    }
  }

  /// What RANGE.UNBLOCK makes of it; nil where the call refuses.
  package var whenUnblocked: SecureEPTState? {
    switch self {
    case .nonLeafBlocked: .nonLeafMapped
    case .blocked: .mapped
    case .pendingBlocked: .pending
    case .free, .nonLeafMapped, .mapped, .pending: nil
    }
  }
}

/// Where an entry lies: the page that serves as its table, and the index in it.
package struct SecureEPTLocation: Hashable, Sendable {
  package let table: PFN
  package let index: Int

  package init(table: PFN, index: Int) {
    self.table = table
    self.index = index
  }
}

/// The 64 bits of an entry.
package struct SecureEPTEntry: Hashable, Sendable, BitwiseCopyable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  /// An entry in `state`; `page` is the leaf's or the table's first frame and plays no part in a free one.
  package init(_ state: SecureEPTState, page: PFN) {
    let code = UInt64(state.rawValue)
    var bits = Self.suppressVE
    bits |= (code & 1) << 9 | (code >> 1 & 0xF) << 53 | (code >> 5 & 3) << 6
    if state != .free { bits |= page.rawValue << 12 }
    if state.isAccessible { bits |= Self.readWriteExecute }
    if state.isLeaf { bits |= Self.writeBack }
    rawValue = bits
  }

  /// An entry that maps nothing, as tables are filled with.
  package static let free = SecureEPTEntry(.free, page: PFN(0))

  /// The state; nil for bits that are no entry at all, as in a poisoned page.
  package var state: SecureEPTState? {
    let code = rawValue >> 9 & 1 | (rawValue >> 53 & 0xF) << 1 | (rawValue >> 6 & 3) << 5
    guard rawValue & Self.suppressVE != 0 else { return nil }
    return SecureEPTState(rawValue: UInt8(code))
  }

  /// The first frame of the page or table that it points to.
  package var page: PFN { PFN(rawValue >> 12 & (1 << 40 - 1)) }

  /// The entry lock (TDEL): held by a host call or by a guest's ACCEPT on this very entry.
  package var isLocked: Bool {
    get { rawValue & Self.lockBit != 0 }
    set { rawValue = newValue ? rawValue | Self.lockBit : rawValue & ~Self.lockBit }
  }

  /// Host priority (TDHP): a host call met the lock held, so guest calls stand back until the host has had its turn.
  package var hasHostPriority: Bool {
    get { rawValue & Self.priorityBit != 0 }
    set { rawValue = newValue ? rawValue | Self.priorityBit : rawValue & ~Self.priorityBit }
  }

  /// The same page in another state; lock and priority bits are kept.
  package func with(state: SecureEPTState) -> SecureEPTEntry {
    var entry = SecureEPTEntry(state, page: page)
    entry.rawValue |= rawValue & (Self.lockBit | Self.priorityBit)
    return entry
  }

  private static let readWriteExecute: UInt64 = 7
  private static let writeBack: UInt64 = 6 << 3
  private static let lockBit: UInt64 = 1 << 11
  private static let priorityBit: UInt64 = 1 << 52
  private static let suppressVE: UInt64 = 1 << 63
}
