/// The module's locks. All are try-locks: a call that does not get one is refused as busy, nothing ever waits.
///
/// Most calls take and release theirs inside one step, so they only meet locks that are held longer: the TDR and TDVPR that
/// VP.ENTER keeps for the whole run of the guest, the entry that a guest's ACCEPT works on, the tree during an entry under
/// zero-step mitigation, and whatever a SEAMCALL that was begun and not ended holds.
/// Source: TDX module 1.5.01, sharex locks; the table of who takes what is on each call's declaration.

/// How a lock is held.
package enum LockMode: Hashable, Sendable {
  case shared
  case exclusive
}

/// What is locked.
package enum LockName: Hashable, Sendable {
  /// A PAMT entry; for a TDR or TDVPR page this is the TD's or vCPU's lock.
  case page(PFN, Level)
  /// TDCS.OP_STATE of the TD with this TDR.
  case operationState(PFN)
  /// The Secure-EPT tree of the TD with this TDR.
  case tree(PFN)
  /// One Secure-EPT entry; kept in the entry's own lock bit, always exclusive.
  case entry(SecureEPTLocation)
  /// TD_EPOCH of the TD with this TDR.
  case epoch(PFN)
  /// The key ownership table.
  case keyOwnership
}

/// A lock that a call wants or holds.
package struct LockRequest: Hashable, Sendable {
  package let name: LockName
  package let mode: LockMode
}

/// The locks that are held at present, entry locks excepted.
package struct LockTable: Hashable, Sendable {
  /// Number of shared holders, or −1 for an exclusive one; free locks are absent.
  private var holders: [LockName: Int] = [:]

  package init() {}

  /// Whether a holder in `mode` could join.
  package func admits(_ request: LockRequest) -> Bool {
    let count = holders[request.name, default: 0]
    return request.mode == .shared ? count >= 0 : count == 0
  }

  /// Takes a lock. Requires: `admits` said so.
  package mutating func take(_ request: LockRequest) {
    precondition(admits(request), "lock taken over another holder")
    holders[request.name, default: 0] += request.mode == .shared ? 1 : -1
  }

  /// Gives a lock back. Requires: it is held in this mode.
  package mutating func release(_ request: LockRequest) {
    let left = holders[request.name, default: 0] + (request.mode == .shared ? -1 : 1)
    holders[request.name] = left == 0 ? nil : left
  }

  /// Whether nobody holds anything.
  package var isIdle: Bool { holders.isEmpty }
}
