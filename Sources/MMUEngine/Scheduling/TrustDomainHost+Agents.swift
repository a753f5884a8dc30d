/// What the agents of a TD do: vCPUs in and out of the guest, and the thread that takes leaves away.
extension TrustDomainHost {
  mutating func stepVCPU(_ number: Int) {
    if vcpus[number].fault != nil { return stepFault(number) }
    switch mode(number) {
    case .out: if !isEnding { enter(number) }
    case .entering: attempt { (host) throws(Stop) in try host.endEntry(number) }
    case .accepting(_, let gfn, _): attempt { (host) throws(Stop) in try host.endAccept(number, gfn) }
    case .guest, .walked:
      if isEnding || mmu.secureEPT?.vm?.vcpus[number].exitRequested == true {
        attempt { (host) throws(Stop) in try host.exit(number) }
      } else {
        access(number)
      }
    }
  }

  /// VP.ENTER's first half; busy or barred, the vCPU tries again.
  private mutating func enter(_ number: Int) {
    let mitigation: ZeroStepMitigation = choices.below(4) == 0 ? .active : .inactive
    attempt { (host) throws(Stop) in try host.beginEntry(number, mitigation) }
  }

  /// A step of the module's side that may have to wait or be refused; then nothing has happened.
  mutating func attempt(_ body: (inout TDXHost) throws(Stop) -> Void) {
    guard var host = mmu.secureEPT else { return }
    mmu.secureEPT = nil
    do throws(Stop) { try body(&host) } catch {}
    mmu.secureEPT = host
  }

  /// The guest accepts a pending page, uses one that it has, or faults.
  private mutating func access(_ number: Int) {
    let gfn = vcpus[number].gfn ?? GFN(Self.slot.start + UInt64(choices.below(Self.pages)))
    vcpus[number].gfn = gfn
    guard let tdvpr = mmu.secureEPT?.vm?.vcpus[number].tdvpr else { return }
    if mmu.secureEPT?.secureEPTState(gfn, .page4K) == .pending {
      return attempt { (host) throws(Stop) in try host.beginAccept(number, gfn) }
    }
    switch mmu.secureEPT?.platform.access(tdvpr, gfn) {
    case .completed(let page):
      vcpus[number].gfn = nil
      if file[gfn] != page || slotState == .absent || !attributes.isPrivate(gfn) {
        mmu.report(.staleTranslation, "vCPU \(number) reaches page \(page.rawValue) at gfn \(gfn.rawValue)")
      }
    case .exit(let isPending):
      mmu.secureEPT?.vm?.vcpus[number].exitRequested = false
      if !isPending { beginFault(number, gfn) }
    case nil: return
    }
  }

  /// The exit of an EPT violation on private memory.
  private mutating func beginFault(_ number: Int, _ gfn: GFN) {
    guard let request = mmu.violation(vcpu: number, address: gfn.rawValue << 12, qualification: 2) else { return }
    vcpus[number].fault = PageFault(request, root: vcpus[number].mirrorRoot, direct: vcpus[number].root)
  }

  private mutating func stepFault(_ number: Int) {
    var cache = MMIOCache()
    guard let step = vcpus[number].fault?.step(&mmu, &cache) else { return }
    switch step {
    case .asks: answer(number)
    case .finished:
      checkMirror()
      if let gfn = vcpus[number].gfn,
        mmu.retriesInPlace(vcpus[number].fault?.result, choices.event(events), slot: slotState)
      {
        return beginFault(number, gfn)
      }
      vcpus[number].fault = nil
      vcpus[number].gfn = nil
    case .silent, .event, .flush, .kick, .blocked: return
    }
  }

  private mutating func answer(_ number: Int) {
    guard let fault = vcpus[number].fault else { return }
    let gfn = fault.request.gfn
    if fault.question == .slot { return vcpus[number].fault?.answer(isDirtyTracked: false) ?? () }
    let page: FaultPage
    switch slotState {
    case _ where !attributes.isPrivate(gfn): page = .exit
    case .absent: page = .exit
    case .invalid: page = .invalidSlot
    case .present:
      if file[gfn] == nil { file[gfn] = mmu.secureEPT?.allocatePrivatePage() }
      page = file[gfn].map { .page($0, isWritable: true, limit: .page4K) } ?? .exit
    }
    vcpus[number].fault?.answer(page)
  }

  mutating func stepThread() {
    if awaitsExits, phase != .walk { return }
    switch phase {
    case .idle: begin()
    case .populate: stepImagePage()
    case .lock: lockForWalk()
    case .walk: stepWalk()
    case .flush: phase = .unlock
    case .unlock:
      mmu.lock.release(policy.has(.zapShared) ? .read : .write)
      checkMirror()
      phase = isDeleting ? .synchronize(readers: readers, then: .absent) : .truncate
      if isDeleting { slotState = .absent }
    case .truncate:
      image.remove(hole)
      if let page = file.removeValue(forKey: hole) { mmu.secureEPT?.freePrivatePage(page) }
      phase = .relock
    case .relock:
      guard mmu.lock.acquire(.write) else { return }
      mmu.endInvalidation()
      mmu.lock.release(.write)
      phase = .idle
    case .convert: stepConversion()
    case .synchronize(let before, let state): synchronize(before, state)
    }
  }

  private var readers: Set<Int> { Set(vcpus.indices.filter { vcpus[$0].fault != nil }) }

  private mutating func begin() {
    guard !isEnding, choices.below(6) == 0 else { return }
    hole = GFN(Self.slot.start + UInt64(choices.below(Self.pages)))
    isDeleting = false
    if !isRunnable {
      // FINALIZE has slots_lock, and what a zap beside it meets is another matter.
      guard mmu.isSlotsLockHeld == false || start == .buildingUnordered else { return }
      if mmu.isSlotsLockHeld == false, choices.below(2) == 0 { return beginImagePage() }
      if mmu.isSlotsLockHeld == true { return phase = .lock }
    }
    switch choices.below(4) {
    case 0:
      mmu.isSlotsLockHeld = true
      isDeleting = slotState == .present
      slotState = isDeleting ? .invalid : .present
      phase = .synchronize(readers: readers, then: slotState)
    case 1:
      mmu.isSlotsLockHeld = true
      let range = FrameRange(start: hole.rawValue, end: hole.rawValue + 1 + UInt64(choices.below(3)))
      conversion = AttributeChange(
        range, to: attributes.isPrivate(hole) ? .shared : .private, slots: slotState == .absent ? [] : [Self.slot],
        hasPrivateMemory: true)
      phase = .convert
    default: phase = .lock
    }
  }

  /// The swap's SRCU grace period; after the first one the slot's leaves go, after the second one the call ends.
  private mutating func synchronize(_ before: Set<Int>, _ state: MMUHost.SlotState) {
    let left = before.intersection(readers)
    guard left.isEmpty else {
      phase = .synchronize(readers: left, then: state)
      return
    }
    if state == .invalid {
      phase = .lock
    } else {
      mmu.isSlotsLockHeld = false
      phase = .idle
    }
  }

  /// mmu_lock, and the walk over the mirror's leaves: of the slot, or of the hole inside of an invalidation.
  private mutating func lockForWalk() {
    guard mmu.lock.acquire(.write) else { return }
    let mode: MMULockMode = policy.has(.zapShared) ? .read : .write
    if isDeleting {
      walk = mmu.unmapping(.all, Self.slot, lock: mode, locks: false)
    } else {
      let range = FrameRange(start: hole.rawValue, end: hole.rawValue + 1)
      mmu.beginInvalidation()
      mmu.addInvalidated(range)
      walk = mmu.unmapping([.invalid, .mirror], range, lock: mode, locks: false)
    }
    if mode == .read {
      mmu.lock.release(.write)
      _ = mmu.lock.acquire(.read)
    }
    phase = .walk
  }

  private mutating func stepWalk() {
    guard let step = walk?.step(&mmu) else { return }
    guard case .finished = step else { return }
    phase = .unlock
    if walk?.needsFlush == true {
      // INVEPT on every CPU: whoever is in the guest leaves it for that.
      mmu.secureEPT?.kickAll()
      phase = .flush
    }
    walk = nil
  }

  private mutating func stepConversion() {
    guard let step = conversion?.step(&mmu, &attributes) else { return }
    switch step {
    case .flush: mmu.secureEPT?.kickAll()
    case .finished:
      conversion = nil
      mmu.isSlotsLockHeld = false
      phase = .idle
      checkMirror()
    case .silent, .event, .kick, .blocked, .asks: return
    }
  }
}
