/// What an SNP guest has beside its VM's MMU: the reverse map table, the firmware, and what the guest itself remembers.
///
/// Nested page tables are one ordinary direct tree (`MMUHost`). A page of the guest_memfd becomes the guest's by RMPUPDATE before
/// it is mapped, and the hypervisor's when the file loses it, after its leaves and what TLBs have of them; a conversion changes
/// attributes and leaves and lets the RMP be. The guest says by the C-bit which kind of page it means. A leaf that is smaller
/// than the RMP's page ends in a nested page fault, which KVM answers by PSMASH and by zapping what maps the page.
/// Worst case: RMPUPDATE and PSMASH take nothing out of TLBs. That hardware does is known from memory only (unverified), and KVM
/// does not rely on it: it flushes before a page changes hands.
/// Abstraction: the file has 2 MiB folios, which 6.16 and 6.19 never hand out (their order is 0) though sev.c is written for them;
/// a hole announces all of its 2 MiB, which is a rule of this host's: without it a fault on another frame maps a folio that is
/// about to be split. Contents are left out.
/// Source: Linux 6.16 and 7.3 arch/x86/kvm/svm/sev.c, sev_gmem_prepare, sev_gmem_invalidate, sev_handle_rmp_fault (7.3:
/// sev_gmem_make_private, sev_gmem_make_shared); the function is at each declaration.
package struct SNPGuest: Sendable {
  /// The first that the host has for guests of the kind.
  static let asid: UInt16 = 1
  /// The guest's context page.
  static let context = PFN(1)
  /// The vCPUs' VMSAs.
  static let vmsas = [PFN(2), PFN(3)]
  /// Pages that the RMP covers; the host's frames are as many at most.
  static let pages: UInt64 = 1 << 16

  /// What has happened, for tests to see that a schedule was worth something.
  package enum Event: String, Hashable, Sendable, CaseIterable {
    case preparedSmall
    case preparedLarge
    case validated
    case smashedOnFault
    case smashedOnFree
    case freedSmall
    case freedLarge
    /// A page of the image, measured by the firmware or refused by it.
    case measured
    case imageRefused
    /// A page that was refused before, and a CPUID page that the firmware has corrected.
    case imageTakenLater
    case cpuidTakenCorrected
    /// A vCPU's VMSA, and the launch's end that such a one or the firmware has put off.
    case vmsaMeasured
    case vmsaRefused
    /// An MMIO entry answered: #VC in the guest, and no exit for KVM to see.
    case emulated
  }

  package var host = SNPHost(pages: Int(Self.pages))
  private let faults: Set<SNPFault>
  /// Frames that the guest has validated, and on which page; what the file loses is forgotten.
  var validated: [UInt64: PFN] = [:]
  package private(set) var counts: [Event: Int] = [:]
  /// Frames whose pages the firmware has refused; the file has them, and nobody else.
  var refused: Set<UInt64> = []
  /// Whether userspace has the firmware's version of the CPUID page.
  var isCPUIDCorrected = false
  /// vCPUs whose state was measured (`guest_state_protected`).
  var protected: Set<Int> = []

  /// How far a guest's launch is when a schedule begins.
  package enum Start: Hashable, Sendable, CaseIterable {
    case launching
    case running
  }

  /// Nil when the firmware refused something, or RMPUPDATE.
  init?(_ start: Start, faults: Set<SNPFault>) {
    self.faults = faults
    do { guard try host.createGuest(Self.context) == Self.asid else { return nil } } catch { return nil }
    guard start == .running else { return }
    do {
      for vcpu in Self.vmsas.indices where !has(.vmsaNotMeasured) {
        try host.measureVMSA(Self.context, Self.vmsas[vcpu], Self.asid, isProtected: false)
        protected.insert(vcpu)
      }
      try host.firmware.finishLaunch(Self.context)
    } catch { return nil }
  }

  /// Whether VMRUN takes a vCPU's VMSA.
  func hasVMSA(_ vcpu: Int) -> Bool { host.isVMSA(Self.vmsas[vcpu], Self.asid) }

  /// vCPUs go. Source: `sev_free_vcpu`.
  mutating func freeVMSAs() {
    guard !has(.vmsaFreedAssigned) else { return }
    for page in Self.vmsas { _ = host.freeVMSA(page) }
  }

  func has(_ fault: SNPFault) -> Bool { !faults.isEmpty && faults.contains(fault) }

  mutating func count(_ event: Event) { counts[event, default: 0] += 1 }

  func entry(_ page: PFN) -> ReverseMapEntry { host.firmware.rmp.entry(page) }

  /// What hardware says of a private access by a leaf of this level.
  func access(_ page: PFN, _ gfn: GFN, _ level: Level) -> NestedOutcome {
    host.firmware.rmp.access(page, gfn, level, asid: Self.asid)
  }

  /// A folio of the file becomes the guest's, if it is nobody's; false when RMPUPDATE refused. Source: `sev_gmem_prepare`.
  mutating func prepare(_ page: PFN, _ gfn: GFN, isHuge: Bool) -> Bool {
    guard !has(.prepareMissing), !entry(page).isAssigned else { return true }
    do {
      let size = try host.prepare(page, gfn, isHuge: isHuge, asid: Self.asid)
      count(size == .page2M ? .preparedLarge : .preparedSmall)
      return true
    } catch { return false }
  }

  /// PVALIDATE by the guest, remembered frame by frame.
  mutating func validate(_ page: PFN, _ gfn: GFN, _ size: ReverseMapEntry.Size) -> NestedOutcome {
    let outcome = host.firmware.rmp.validate(page, gfn, size, true, asid: Self.asid)
    guard outcome == .ok else { return outcome }
    count(.validated)
    for offset in 0..<size.pages { validated[gfn.rawValue + UInt64(offset)] = page.advanced(by: offset) }
    return outcome
  }

  /// The largest leaf that may map an assigned page. Source: `sev_private_max_mapping_level`.
  func levelLimit(_ page: PFN) -> Level {
    if has(.levelUncapped) { return .page2M }
    return entry(page).isAssigned && entry(page).size == .page2M ? .page2M : .page4K
  }

  /// A 2 MiB page becomes 512 single ones, which mean the same. Source: `sev_handle_rmp_fault`.
  mutating func smash(_ page: PFN, _ gfn: GFN) {
    guard !has(.smashMissingAtFault) else { return }
    if has(.splitByUpdate) { return splitByUpdate(page.aligned(to: .page2M)) }
    do { if try host.handleFault(page, gfn) != nil { count(.smashedOnFault) } } catch { return }
  }

  private mutating func splitByUpdate(_ page: PFN) {
    let large = entry(page)
    guard large.isAssigned, large.size == .page2M else { return }
    do {
      try host.firmware.rmp.update(page, .shared(.page2M))
      for offset in 0..<512 {
        let gfn = GFN(large.gfn.rawValue + UInt64(offset))
        try host.firmware.rmp.update(page.advanced(by: offset), .guest(large.asid, gfn))
      }
    } catch { return }
  }

  /// Pages that the file loses become the hypervisor's; the damage, if they do not. Source: `sev_gmem_invalidate`.
  mutating func free(_ pages: Range<UInt64>) -> ReverseMapDamage? {
    let large = entry(PFN(pages.lowerBound))
    let isPart = large.isAssigned && large.size == .page2M && pages.count < 512
    if has(.smashMissingAtFree), isPart {
      do { try host.firmware.rmp.update(PFN(pages.lowerBound), .shared()) } catch {
        if error == .overlap { return .updateOverlaps }
      }
    } else if !has(.freedWithoutUpdate) {
      do { _ = try host.free(pages) } catch { return error.failure == .overlap ? .updateOverlaps : .freedAssigned }
      if isPart { count(.smashedOnFree) }
      if large.isAssigned { count(pages.count == 512 ? .freedLarge : .freedSmall) }
    }
    return pages.contains { entry(PFN($0)).isAssigned } ? .freedAssigned : nil
  }

  /// The guest goes; where its context page did not come back, it is leaked.
  mutating func destroy() { host.destroyGuest(Self.context, Self.asid) }

  /// A page that somebody still has, and that was not leaked; nil when there is none. Complexity: all pages.
  var assignedPage: PFN? {
    let entries = host.firmware.rmp.entries
    return entries.indices.lazy.map { PFN(UInt64($0)) }.first {
      entries[Int($0.rawValue)].isAssigned && !host.leaked.contains($0)
    }
  }
}
