/// KVM's answer to a nested fault with the RMP bit: a 2 MiB page below a smaller leaf is smashed, and 512 frames are zapped.
///
/// It comes after the ordinary handling of the fault, which finds nothing to do. PSMASH comes first: a fault that has read the
/// page's size before may map it as a whole, and the zap takes that leaf away again, or sends the fault back if it is later still.
/// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_handle_rmp_fault; arch/x86/kvm/mmu/mmu.c, kvm_zap_gfn_range.
package struct ReverseMapFault: Sendable {
  enum Phase: Hashable, Sendable {
    case look
    case smash(PFN)
    case lock
    case zap
    case flush
    case unlock
  }

  let gfn: GFN
  var phase = Phase.look
  var walk: RootsWalk?

  /// From the faulting frame on, not from the beginning of its 2 MiB.
  var range: FrameRange { FrameRange(start: gfn.rawValue, end: gfn.rawValue + 512) }
}

extension MMUHost {
  /// More of these in a row than a guest has of a right host: nothing comes of them.
  private static let patience = 5

  mutating func beginSplit(_ number: Int, _ gfn: GFN) {
    vcpus[number].splits += 1
    if vcpus[number].splits > Self.patience { report(.faultRepeats, number, gfn.rawValue) }
    vcpus[number].split = ReverseMapFault(gfn: gfn)
  }

  mutating func stepSplit(_ number: Int) {
    guard let split = vcpus[number].split else { return }
    switch split.phase {
    case .look: look(number, split.gfn)
    case .smash(let page):
      snp?.smash(page, split.gfn)
      if snp?.has(.smashWithoutZap) == true || snp?.has(.zapBeforeSmash) == true { return endSplit(number) }
      vcpus[number].split?.phase = .lock
    case .lock:
      guard mmu.lock.acquire(.write) else { return }
      mmu.beginInvalidation()
      mmu.addInvalidated(split.range)
      vcpus[number].split?.walk = mmu.unmapping(.valid, split.range, locks: false)
      vcpus[number].split?.phase = .zap
    case .zap: zapForSplit(number)
    case .flush: if !awaitsExits { vcpus[number].split?.phase = .unlock }
    case .unlock:
      mmu.endInvalidation()
      mmu.lock.release(.write)
      guard snp?.has(.zapBeforeSmash) == true, let page = memory.privatePage(split.gfn.rawValue) else {
        return endSplit(number)
      }
      vcpus[number].split?.phase = .smash(page)
    }
  }

  /// A private frame, a slot with a file, a page that is assigned, and 2 MiB of it: else there is nothing to do.
  private mutating func look(_ number: Int, _ gfn: GFN) {
    guard attributes.isPrivate(gfn), let slot = Self.slot(of: gfn.rawValue), slots[slot] != .absent, hasFile(slot),
      case .page(let page, _, _) = privatePage(gfn), let entry = snp?.entry(page), entry.isAssigned,
      entry.size == .page2M
    else { return endSplit(number) }
    vcpus[number].split?.phase = snp?.has(.zapBeforeSmash) == true ? .lock : .smash(page)
  }

  private mutating func zapForSplit(_ number: Int) {
    guard let step = vcpus[number].split?.walk?.step(&mmu) else { return }
    if case .event(let event) = step { record(number, .mmu(event)) }
    guard case .finished = step else { return }
    if vcpus[number].split?.walk?.needsFlush == true { requestFlush() }
    vcpus[number].split?.walk = nil
    vcpus[number].split?.phase = .flush
  }

  private mutating func endSplit(_ number: Int) {
    vcpus[number].split = nil
    checkLeafSizes()
  }
}
