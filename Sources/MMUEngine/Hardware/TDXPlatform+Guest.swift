/// The guest side: VP.ENTER and exit, memory accesses through the TLB, TDG.MEM.PAGE.ACCEPT.
///
/// A vCPU in the guest is a reader of its TD's epoch: it is counted by parity from the sample in VP.ENTER to the exit. What
/// it may use without any lock, cached translations and the tables that ACCEPT has walked, stays valid until it exits,
/// because REMOVE wants that count to be zero. An exit flushes nothing; the flush is at the next entry.
/// Source: TDX module 1.5.01, TDH.VP.ENTER, TD exit, TDG.MEM.PAGE.ACCEPT.

/// Whether the module suspects zero-stepping of this entry and so takes the tree lock for its duration.
package enum ZeroStepMitigation: Hashable, Sendable {
  case inactive
  /// After more than six faults on one instruction. Abstraction: which entry that is, the environment chooses.
  case active
}

/// What a memory access of the guest came to.
package enum GuestAccess: Hashable, Sendable {
  /// It went through, to this frame.
  case completed(PFN)
  /// An EPT violation: the TD exits to the host. `pending` tells an access before acceptance.
  case exit(pending: Bool)
}

extension TDXPlatform {
  /// VP.ENTER up to the guest's first instruction, in one step.
  ///
  /// Other agents: MEM.TRACK, kept out by the epoch lock only while the epoch is sampled and counted.
  package mutating func enter(_ vcpu: PFN, on processor: LPID) throws(Refusal) {
    try beginEntry(vcpu, on: processor, .inactive)
    endEntry(vcpu)
  }

  /// The first part of VP.ENTER: associate, sample the epoch, be counted, flush. Its locks are kept until `endEntry`.
  ///
  /// The order matters: the sample comes before the flush, so what the flush leaves was filled in the sampled epoch.
  package mutating func beginEntry(
    _ vcpu: PFN, on processor: LPID, _ mitigation: ZeroStepMitigation
  ) throws(Refusal) {
    var locks = try decodeEntry(vcpu, on: processor, mitigation)
    for request in locks { take(request) }
    locks.removeAll()
    let state = virtualProcessor(vcpu)
    let domain = self.domain(state.domain)
    let isNew = state.association == nil
    domains[state.domain]?.references[Int(domain.epoch & 1)] += 1
    if isNew { domains[state.domain]?.associatedCount += 1 }
    if domain.epoch != state.epoch && !isNew || processors[processor.rawValue].lastVCPU != vcpu {
      processors[processor.rawValue].invalidate(state.domain)
    }
    processors[processor.rawValue].lastVCPU = vcpu
    virtualProcessors[vcpu]?.association = processor
    virtualProcessors[vcpu]?.epoch = domain.epoch
    virtualProcessors[vcpu]?.mode = .entering
  }

  /// The rest of VP.ENTER: the locks of the entry go, those of TDR and TDVPR stay while the guest runs.
  ///
  /// The TDR shared for the whole run is what makes every call with the TDR exclusive busy while a vCPU is in the guest.
  package mutating func endEntry(_ vcpu: PFN) {
    let domain = virtualProcessor(vcpu).domain
    release(LockRequest(name: .epoch(domain), mode: .shared))
    release(LockRequest(name: .operationState(domain), mode: .shared))
    let tree = LockRequest(name: .tree(domain), mode: .exclusive)
    if treeHolder == vcpu {
      release(tree)
      treeHolder = nil
    }
    virtualProcessors[vcpu]?.mode = .guest
  }

  /// The checks of VP.ENTER, and the locks that it takes.
  ///
  /// Source: TDX Module ABI spec, TDH.VP.ENTER: TDVPR, TDR, lifecycle, OP_STATE, association, vCPU state, epoch, tree.
  private mutating func decodeEntry(
    _ vcpu: PFN, on processor: LPID, _ mitigation: ZeroStepMitigation
  ) throws(Refusal) -> [LockRequest] {
    var decoded = DecodedCall(.flushVCPU(vcpu.address), on: processor)
    try open(vcpu.address, as: .tdvpr, .shared, blame: .rcx, &decoded)
    let state = virtualProcessor(vcpu)
    try acquire(.page(state.domain, .page4K), .shared, blame: .tdr, &decoded)
    decoded.domain = state.domain
    try requireManaged(domain(state.domain))
    try requireState([.runnable], of: domain(state.domain), &decoded)
    guard state.association == nil || state.association == processor else { throw Refusal(.vcpuAssociated) }
    guard state.state == .ready, state.mode == .out else { throw Refusal(.vcpuStateIncorrect) }
    try acquire(.epoch(state.domain), .shared, blame: .epoch, &decoded)
    switch mitigation {
    case .inactive: break
    case .active:
      try acquire(.tree(state.domain), .exclusive, blame: .secureEPTTree, &decoded)
      treeHolder = vcpu
    }
    return decoded.locks
  }

  /// A TD exit of any kind: the vCPU stops being counted, and the locks of the run go. No flush.
  ///
  /// It is uncounted by the epoch of its own entry, not by the present one: a TRACK in between must not change the parity.
  /// Abstraction: the exit that reports inaccessible memory, which leaves the count as it is, is left out.
  package mutating func exit(_ vcpu: PFN) {
    let state = virtualProcessor(vcpu)
    virtualProcessors[vcpu]?.mode = .out
    domains[state.domain]?.references[Int(state.epoch & 1)] -= 1
    release(LockRequest(name: .page(state.domain, .page4K), mode: .shared))
    release(LockRequest(name: .page(vcpu, .page4K), mode: .shared))
  }

  /// A read or write of a private address by a vCPU in the guest; an EPT violation exits.
  ///
  /// Accesses are taken as writes, the worst case: they leave dirty lines under the TD's key.
  package mutating func access(_ vcpu: PFN, _ gfn: GFN) -> GuestAccess {
    switch lookUp(vcpu, gfn) {
    case .completed(let page):
      let state = virtualProcessor(vcpu)
      memory.use(page, by: "vCPU \(vcpu.rawValue) through gfn \(gfn.rawValue)")
      if memory.contains(page) { memory.dirty(page, domain(state.domain).key) }
      return .completed(page)
    case .exit(let pending):
      exit(vcpu)
      return .exit(pending: pending)
    }
  }

  /// Translates as the hardware does: TLB, else paging-structure caches and a walk from there, filling both.
  ///
  /// A cached table is used as it is, even when it has been unlinked meanwhile; that is what tracking is for. The walk reads
  /// entries without any lock: it sees each entry before or after a host call's write, never half of it.
  package mutating func lookUp(_ vcpu: PFN, _ gfn: GFN) -> GuestAccess {
    let state = virtualProcessor(vcpu)
    let lp = processor(of: vcpu).rawValue
    for level in [Level.page4K, .page2M, .page1G] {
      let tag = TranslationTag(domain: state.domain, gfn: gfn.aligned(to: level), level: level)
      if let page = processors[lp].translations[tag] {
        return .completed(page.advanced(by: Int(gfn.rawValue - tag.gfn.rawValue)))
      }
    }
    var (table, level) = start(of: gfn, state.domain, on: lp)
    while true {
      memory.use(table, by: "the page walker of vCPU \(vcpu.rawValue)")
      let entry = readEntry(SecureEPTLocation(table: table, index: gfn.index(at: level)))
      let tag = TranslationTag(domain: state.domain, gfn: gfn.aligned(to: level), level: level)
      guard entry.state?.isAccessible == true, memory.contains(entry.page) else {
        return .exit(pending: entry.state == .pending)
      }
      guard entry.state == .nonLeafMapped, let below = level.below else {
        processors[lp].translations[tag] = entry.page
        return .completed(entry.page.advanced(by: Int(gfn.rawValue - tag.gfn.rawValue)))
      }
      processors[lp].structures[tag] = entry.page
      (table, level) = (entry.page, below)
    }
  }

  /// Where a walk begins: at the lowest table that a paging-structure cache knows, else at the root.
  ///
  /// Source: Intel SDM vol. 3, "Caches for paging structures".
  private func start(of gfn: GFN, _ tdr: PFN, on lp: Int) -> (PFN, Level) {
    for level in Level.allCases {
      let tag = TranslationTag(domain: tdr, gfn: gfn.aligned(to: level), level: level)
      if let table = processors[lp].structures[tag], let below = level.below { return (table, below) }
    }
    let domain = self.domain(tdr)
    return (domain.rootTable, domain.topLevel)
  }

  /// The LP of a vCPU in the guest.
  package func processor(of vcpu: PFN) -> LPID {
    guard let processor = virtualProcessor(vcpu).association else { preconditionFailure("vCPU runs on no processor") }
    return processor
  }
}
