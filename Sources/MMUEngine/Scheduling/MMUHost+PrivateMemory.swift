/// Guests that say themselves whether they mean a page of their own: what SNP guests and TDs have in common.
///
/// A guest that means the other kind than the frame's attribute goes out to userspace, which converts the frame: so KVM hears of
/// MapGPA and of page state changes, explicit ones and implicit ones.
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmu.c, kvm_mmu_faultin_pfn; virt/kvm/guest_memfd.c; the function is at each declaration.
extension MMUHost {
  /// Private is what such a guest's memory begins as.
  mutating func beginPrivate() {
    for frame in Self.slots[1]..<Self.slots[1] + 512 { _ = attributes.store(GFN(frame), isPrivate: true) }
  }

  /// What the guest touches next: few frames, so that they meet again, mostly of the slot with the file, seldom of one that is gone.
  ///
  /// It mostly means what the frame is; where it does not, userspace hears of it and converts.
  mutating func chooseAccess(_ number: Int) {
    var slot = choices.below(4) == 0 ? 0 : 1
    if slots[slot] == .absent, choices.below(8) > 0 { slot = 1 - slot }
    let gfn = Self.slots[slot] + UInt64(choices.below(8))
    vcpus[number].isPrivate = attributes.isPrivate(GFN(gfn)) != (choices.below(8) == 0)
    vcpus[number].access = (gfn, choices.below(3) > 0 ? .write : .read)
  }

  /// An entry for MMIO: the guest gets #VC or #VE, and asks for what it wants without an exit that the MMU hears of.
  ///
  /// Nothing takes such an entry away when a memslot comes (inferred; no real machine was seen).
  mutating func emulate(_ number: Int) {
    snp?.count(.emulated)
    vcpus[number].access = nil
  }

  /// Out to userspace. A guest that meant the other kind of page is given it, more often than not.
  mutating func leave(_ number: Int, _ fault: PageFault) {
    vcpus[number].access = nil
    let isPrivate = fault.request.code.contains(.private)
    guard saysKind, attributes.isPrivate(fault.request.gfn) != isPrivate, choices.below(4) > 0 else { return }
    ioctl.requests += 1
    ioctl.request = (fault.request.gfn.rawValue, isPrivate ? .private : .shared)
  }

  /// The file's page for a private fault. Source: `kvm_gmem_get_pfn`.
  mutating func privatePage(_ gfn: GFN) -> FaultPage {
    if snp != nil { return preparedPage(gfn) }
    guard isTrustDomain else {
      return .page(memory.touchPrivate(gfn.rawValue).frame, isWritable: true, limit: .page4K)
    }
    if memory.privatePage(gfn.rawValue) == nil, let frame = mmu.secureEPT?.allocatePrivatePage() {
      memory.insertPrivate(gfn.rawValue, frame)
    }
    return memory.privatePage(gfn.rawValue).map { .page($0, isWritable: true, limit: .page4K) } ?? .exit
  }

  /// The file loses the pages of the hole. Source: `kvm_gmem_free_folio`.
  mutating func freePunched() {
    if case .punch(let hole) = notifier.change { freePrivate(hole) }
  }

  private mutating func freePrivate(_ range: FrameRange) {
    if snp != nil { freeToHypervisor(range) }
    guard isTrustDomain else { return }
    for page in range.start..<range.end {
      building.image.remove(page)
      if let frame = memory.privatePage(page) { mmu.secureEPT?.freePrivatePage(frame) }
    }
  }

  /// The file is closed: its leaves go, then its pages. Source: Linux 6.16 virt/kvm/guest_memfd.c, kvm_gmem_release.
  mutating func closeFile() {
    _ = mmu.lock.acquire(.write)
    mmu.beginInvalidation()
    mmu.addInvalidated(FrameRange(start: 0, end: .max))
    var walk = mmu.unmapping(mmu.rootTypes(mapping: .private), FrameRange(start: 0, end: .max), locks: false)
    while true { if case .finished = walk.step(&mmu) { break } }
    mmu.endInvalidation()
    mmu.lock.release(.write)
    checkMirror()
    freePrivate(Self.range(of: 1))
    for page in Self.slots[1]..<Self.slots[1] + 512 { memory.punch(page) }
  }
}
