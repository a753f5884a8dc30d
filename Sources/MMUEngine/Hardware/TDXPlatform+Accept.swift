/// TDG.MEM.PAGE.ACCEPT, the guest's consent to a page that the host has added.
///
/// It runs on the vCPU's LP and takes no tree lock: the host may block an ancestor between the walk and the commit, and the
/// commit still turns PENDING into MAPPED below the blocked entry. That is legal, and harmless, because nothing below can be
/// removed until this vCPU has left the guest. Only the entry lock stands between ACCEPT and a host call on the same entry.
/// A 2 MiB page is zeroed by 4 KiB; an interrupt leaves it pending with a count of what is done, from which the next ACCEPT goes on, and
/// RANGE.BLOCK puts that count to 0.
/// Source: TDX Module ABI spec, TDG.MEM.PAGE.ACCEPT.
extension TDXPlatform {
  /// What ACCEPT has come to: on to its next step, or an EPT violation that exits to the host.
  package enum AcceptProgress: Hashable, Sendable {
    case proceeds
    case exited
  }

  /// First step: walk to the entry. A missing or blocked table above ends in an exit, a larger leaf says "accepted already".
  ///
  /// No lock is taken or looked at. The tables walked stay valid until this vCPU's exit, because it is counted in its epoch.
  package mutating func walkToAccept(_ vcpu: PFN, _ gfn: GFN, _ level: Level) throws(Refusal) -> AcceptProgress {
    let domain = self.domain(virtualProcessor(vcpu).domain)
    var touched: [PFN] = []
    defer { for table in touched { memory.use(table, by: "ACCEPT's walk on vCPU \(vcpu.rawValue)") } }
    do {
      let location = try walk(gfn, to: level, of: domain, touching: &touched)
      virtualProcessors[vcpu]?.mode = .walked(location, gfn, level)
      return .proceeds
    } catch {
      if error.walk?.state == .mapped { throw Refusal(.pageAlreadyAccepted) }
      exit(vcpu)
      return .exited
    }
  }

  /// Second step: lock the entry and read it again. A host call on it, or one that was turned away, goes first.
  ///
  /// What may have come since the walk: a BLOCK of this entry, seen here; a BLOCK of a table above, not seen, and harmless.
  package mutating func lockToAccept(_ vcpu: PFN) throws(Refusal) -> AcceptProgress {
    guard case .walked(let location, let gfn, let level) = virtualProcessor(vcpu).mode else {
      preconditionFailure("ACCEPT locks an entry that it has not walked to")
    }
    memory.use(location.table, by: "ACCEPT on vCPU \(vcpu.rawValue)")
    virtualProcessors[vcpu]?.mode = .guest
    let entry = readEntry(location)
    guard !entry.isLocked else { throw Refusal(.operandBusy, .rcx) }
    guard !entry.hasHostPriority else { throw Refusal(.operandBusyHostPriority, .rcx) }
    switch entry.state {
    case .nonLeafMapped, .nonLeafBlocked: throw Refusal(.pageSizeMismatch)
    case .mapped: throw Refusal(.pageAlreadyAccepted)
    case .pending: break
    case .free, .blocked, .pendingBlocked, nil:
      exit(vcpu)
      return .exited
    }
    take(LockRequest(name: .entry(location), mode: .exclusive))
    virtualProcessors[vcpu]?.mode = .accepting(location, gfn, level)
    return .proceeds
  }

  /// Last step: zero the page, make the entry mapped, unlock. Nothing can have changed the entry: its lock is held.
  ///
  /// From here on the page has dirty lines under the TD's key; AUG alone leaves none.
  package mutating func commitAccept(_ vcpu: PFN) {
    guard case .accepting(let location, _, let level) = virtualProcessor(vcpu).mode else {
      preconditionFailure("ACCEPT commits an entry that it has not locked")
    }
    let entry = zero(Int(level.pages), at: location, by: vcpu)
    acceptedChunks[location] = nil
    memory.write(location.table, location.index, entry.with(state: .mapped).rawValue)
    release(LockRequest(name: .entry(location), mode: .exclusive))
    virtualProcessors[vcpu]?.mode = .guest
  }

  /// An interrupt comes while a 2 MiB page is zeroed, after this many more 4 KiB of it: the entry stays pending, its lock goes, and the vCPU
  /// exits; the guest's instruction starts again. Requires: some of the page is left.
  package mutating func interruptAccept(_ vcpu: PFN, after chunks: Int) {
    guard case .accepting(let location, _, let level) = virtualProcessor(vcpu).mode else {
      preconditionFailure("ACCEPT is interrupted on an entry that it has not locked")
    }
    let done = acceptedChunks[location, default: 0] + chunks
    precondition(chunks >= 0 && done < Int(level.pages), "nothing is left to be interrupted")
    _ = zero(done, at: location, by: vcpu)
    acceptedChunks[location] = done == 0 ? nil : done
    release(LockRequest(name: .entry(location), mode: .exclusive))
    exit(vcpu)
  }

  /// Zeroes a page from where the last ACCEPT was interrupted up to this many 4 KiB.
  private mutating func zero(_ end: Int, at location: SecureEPTLocation, by vcpu: PFN) -> SecureEPTEntry {
    let key = domain(virtualProcessor(vcpu).domain).key
    let entry = readEntry(location)
    memory.use(location.table, by: "ACCEPT on vCPU \(vcpu.rawValue)")
    for offset in acceptedChunks[location, default: 0]..<end {
      let page = entry.page.advanced(by: offset)
      memory.use(page, by: "ACCEPT on vCPU \(vcpu.rawValue)")
      memory.fill(page, with: 0)
      memory.dirty(page, key)
    }
    return entry
  }
}
