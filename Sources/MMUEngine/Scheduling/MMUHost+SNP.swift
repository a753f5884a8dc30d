/// An SNP guest on the host: what hardware asks the RMP at the end of a walk, and what KVM does to the RMP.
///
/// Everything else, from the exit to the leaf, is what it is for any VM: memslots, notifier, attributes, log.
/// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, svm.c (npf_interception); the function is at each declaration.
extension MMUHost {
  /// The C-bit of a guest's address, as a TLB has it, in terms of frames.
  static let encryptionFrame: UInt64 = 1 << 50

  /// A VM whose second slot holds the pages of an SNP guest.
  package init(
    snp version: KernelVersion, seed: UInt64, _ start: SNPGuest.Start = .running, mistakes: Set<SNPFault> = [],
    faults: Set<InjectedFault> = []
  ) {
    self.init(version, seed: seed, features: .privateMemory, faults: faults)
    snp = SNPGuest(start, faults: mistakes)
    if snp == nil { mmu.report(.setUpRefused, "the guest was not launched") }
    beginPrivate()
  }

  /// Whether the host may make huge pages: an RMP covers only so much.
  var hasRoom: Bool { snp == nil || memory.hasRoom(below: SNPGuest.pages) }

  /// VMRUN looks at the vCPU's VMSA.
  mutating func checkVMSA(_ number: Int) {
    guard let snp, !snp.hasVMSA(number) else { return }
    mmu.report(.vmsaMissing, "vCPU \(number)")
  }

  /// Whether a page is not the guest's, for a private access that a TLB lets through.
  func isForeign(_ number: Int, _ gfn: UInt64, _ frame: PFN) -> Bool {
    guard let snp, vcpus[number].isPrivate else { return false }
    // A TLB does not tell how large the leaf was.
    return [Level.page4K, .page2M].allSatisfy { snp.access(frame, GFN(gfn), $0) == .nestedPageFault }
  }

  /// Records damage that a guest's access shows.
  mutating func report(_ damage: ReverseMapDamage, _ number: Int, _ gfn: UInt64) {
    mmu.report(damage, "vCPU \(number), gfn \(gfn)")
  }

  /// The RMP's say at the end of a walk; what it lets through goes into the TLB.
  mutating func finishWalk(_ number: Int, _ entry: SPTE, _ frame: PFN, _ level: Level) {
    guard let guest = snp, let (gfn, kind) = vcpus[number].access else { return }
    let isPrivate = vcpus[number].isPrivate
    let isAssigned = guest.entry(frame).isAssigned
    if isPrivate {
      switch guest.access(frame, GFN(gfn), level) {
      case .ok: break
      case .notValidated: return validate(number, gfn, frame)
      case .nestedPageFault: return beginReverseMapFault(number)
      case .unchanged, .failed: preconditionFailure("an access ended as an instruction does")
      }
    } else if kind == .write, isAssigned {
      return beginReverseMapFault(number)
    }
    vcpus[number].tlb.translations[isPrivate ? gfn | Self.encryptionFrame : gfn] = TranslationCache.Translation(
      frame: frame, isWritable: entry.isWritable && (isPrivate || !isAssigned),
      isExecutable: mmu.format.isExecutable(entry))
    use(number, gfn, kind, frame)
  }

  private mutating func beginReverseMapFault(_ number: Int) {
    guard let (gfn, kind) = vcpus[number].access else { return }
    beginFault(number, gfn, kind, .nonpresent, true)
    vcpus[number].fault?.request.code.insert(.reverseMap)
  }

  /// #VC: the guest validates the page, the whole 2 MiB if all of them are its own; then it tries again.
  ///
  /// A frame that it has validated before is valid until the host takes its page.
  private mutating func validate(_ number: Int, _ gfn: UInt64, _ frame: PFN) {
    if snp?.validated[gfn] == frame { report(.validationLost, number, gfn) }
    let first = gfn & ~511
    let isWhole = attributes.isPrivate(GFN(first)) && !mmu.mixed.contains(GFN(gfn), .page2M) && choices.below(2) == 0
    if isWhole {
      let head = PFN(frame.rawValue & ~511)
      if snp?.validate(head, GFN(first), .page2M) == .ok { return }
    }
    if snp?.validate(frame, GFN(gfn), .page4K) == .nestedPageFault { beginReverseMapFault(number) }
  }

  /// The page is the guest's by the time it is mapped. Source: `kvm_gmem_get_pfn`, `sev_gmem_prepare`.
  mutating func preparedPage(_ gfn: GFN) -> FaultPage {
    let isNew = memory.privatePage(gfn.rawValue) == nil
    let limit: Level = isNew && hasRoom && choices.below(2) == 0 ? .page2M : .page4K
    let (frame, level) = memory.touchPrivate(gfn.rawValue, limit: limit)
    let isPrepared = snp?.prepare(frame.aligned(to: level), gfn.aligned(to: level), isHuge: level == .page2M)
    guard isPrepared == true, let cap = snp?.levelLimit(frame) else { return .exit }
    return .page(frame, isWritable: true, limit: min(level, cap))
  }

  /// What faults are sent back for a hole: all of its 2 MiB, since any fault on a folio may map the whole of it.
  ///
  /// Also where there is no folio yet: a fault may make one, and map it, before the hole is there.
  func widened(_ hole: FrameRange) -> FrameRange {
    guard let snp, !snp.has(.holeNotWidened) else { return hole }
    return Self.range(of: 1)
  }

  /// Pages of the file are the hypervisor's again. Source: `kvm_gmem_free_folio`, `sev_gmem_invalidate`.
  mutating func freeToHypervisor(_ range: FrameRange) {
    for pages in memory.privateFrames(in: range) {
      if let damage = snp?.free(pages) { mmu.report(damage, "page \(pages.lowerBound)") }
    }
    for gfn in range.start..<range.end { snp?.validated[gfn] = nil }
  }

  /// A leaf is no larger than the page below it, unless somebody is about to zap it.
  mutating func checkLeafSizes() {
    guard let guest = snp, !notifier.isPunching, vcpus.allSatisfy({ $0.split == nil }) else { return }
    for root in mmu.roots(.valid) {
      let found = mmu.lookup(root, GFN(Self.slots[1]))
      guard found.level == .page2M, found.entry.isLeaf(at: .page2M) else { continue }
      let entry = guest.entry(found.entry.pfn)
      if entry.isAssigned, entry.size == .page4K { mmu.report(.leafTooLarge, "page \(found.entry.pfn.rawValue)") }
    }
  }

  /// The guest goes, and with it everything that the RMP says of it.
  ///
  /// vCPUs go before their VM. Source: `kvm_destroy_vcpus`, `sev_free_vcpu`, `sev_vm_destroy`.
  mutating func destroyGuest() {
    snp?.freeVMSAs()
    snp?.destroy()
    for page in snp?.host.leaked.sorted() ?? [] { mmu.report(.pageLeaked, "page \(page.rawValue)") }
    if let page = snp?.assignedPage { mmu.report(.freedAssigned, "page \(page.rawValue) at the end of the VM") }
  }
}
