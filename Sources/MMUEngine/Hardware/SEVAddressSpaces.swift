/// The host's bookkeeping of ASIDs: which range a kind of guest takes its ASID from, and what comes before one is used again.
///
/// ASIDs below the least SEV one are for guests with encrypted state (SEV-ES and SNP), the others for plain SEV. One that a
/// guest has given back is not free but reclaimable: caches and data fabric may hold lines under its key. When a range has no
/// free ASID left and some are reclaimable in it, the host runs WBINVD on all CPUs and DF_FLUSH, and all that were reclaimable
/// are free. An ASID whose guest could not be decommissioned is never given back.
/// Where the ranges end, and that the flush waits until one is exhausted, is from memory of `sev_asid_new` (unverified); that the
/// least SEV ASID must not be 1 for SEV-ES, and that a reclaimable ASID serves after WBINVD and DF_FLUSH only, was read.
/// Source: Linux 6.16 arch/x86/kvm/svm/sev.c, sev_asid_new, sev_asid_free, sev_flush_asids, sev_hardware_setup, sev_vm_destroy.

/// What a guest wants its ASID for.
package enum SEVGuestKind: Hashable, Sendable, CaseIterable {
  case plain
  /// SEV-ES and SNP.
  case encryptedState
}

/// Why no ASID, or no guest, was had.
package enum SEVGuestFailure: Error, Hashable, Sendable {
  /// The kind has no ASIDs on this machine: the least SEV ASID leaves none.
  case noRange
  /// Every ASID of the range is in use (-EBUSY).
  case exhausted
  case firmware(SEVStatus)
  case update(ReverseMapFailure)
}

/// The ASIDs of a machine.
package struct SEVAddressSpaces: Hashable, Sendable {
  /// CPUID 0x8000001F, EDX and ECX.
  package let leastPlain: UInt16
  package let highest: UInt16
  /// `sev_asid_bitmap`: in use or reclaimable.
  package private(set) var taken: Set<UInt16> = []
  /// `sev_reclaim_asid_bitmap`.
  package private(set) var reclaimable: Set<UInt16> = []

  /// Requires: the highest is not 0.
  package init(leastPlain: UInt16, highest: UInt16) {
    self.leastPlain = leastPlain
    self.highest = highest
  }

  /// The ASIDs of a kind; nil when there are none.
  package func range(_ kind: SEVGuestKind) -> ClosedRange<UInt16>? {
    switch kind {
    case .plain: leastPlain <= highest ? max(1, leastPlain)...highest : nil
    case .encryptedState: leastPlain > 1 ? 1...min(leastPlain - 1, highest) : nil
    }
  }

  /// The least free ASID of a kind; nil when all are taken. Requires: the kind has a range.
  func free(_ range: ClosedRange<UInt16>) -> UInt16? { range.first { !taken.contains($0) } }

  /// Whether a flush would make some ASID of the range free.
  func isReclaimable(_ range: ClosedRange<UInt16>) -> Bool { reclaimable.contains { range.contains($0) } }

  mutating func take(_ asid: UInt16) { taken.insert(asid) }

  /// A guest is gone; its ASID waits for a flush. Source: `sev_asid_free`.
  mutating func release(_ asid: UInt16) { reclaimable.insert(asid) }

  /// WBINVD and DF_FLUSH are through. Source: `__sev_recycle_asids`.
  mutating func recycle() {
    taken.subtract(reclaimable)
    reclaimable = []
  }
}

extension SNPHost {
  /// An ASID for a guest, after WBINVD and DF_FLUSH where the range has no other. Source: `sev_asid_new`; what becomes
  /// of a refused DF_FLUSH there is UNVERIFIED: here it is the caller's error.
  package mutating func takeASID(_ kind: SEVGuestKind) throws(SEVGuestFailure) -> UInt16 {
    guard let range = asids.range(kind) else { throw .noRange }
    if asids.free(range) == nil, asids.isReclaimable(range) {
      firmware.hasWrittenBack = true
      do { try firmware.flushDataFabric() } catch { throw .firmware(error) }
      asids.recycle()
    }
    guard let asid = asids.free(range) else { throw .exhausted }
    asids.take(asid)
    return asid
  }

  /// An SNP guest in its launch: its ASID, its context page, LAUNCH_START, ACTIVATE. What fails gives back what there was.
  ///
  /// Source: `__sev_guest_init`, `snp_launch_start`.
  package mutating func createGuest(_ context: PFN) throws(SEVGuestFailure) -> UInt16 {
    let asid = try takeASID(.encryptedState)
    do throws(ReverseMapFailure) { try firmware.rmp.update(context, .firmware) } catch {
      asids.release(asid)
      throw .update(error)
    }
    do throws(SEVStatus) {
      try firmware.createContext(context)
      try firmware.startLaunch(context)
      try firmware.activate(context, asid)
    } catch {
      destroyGuest(context, asid)
      throw .firmware(error)
    }
    return asid
  }

  /// A guest goes: DECOMMISSION, its context page, its ASID. Where the first is refused, page and ASID are lost for good.
  ///
  /// Source: `sev_vm_destroy`, `snp_decommission_context`.
  package mutating func destroyGuest(_ context: PFN, _ asid: UInt16) {
    if firmware.guests[context] != nil {
      do { try firmware.decommission(context) } catch { return leak(context) }
    }
    reclaimFirmwarePage(context)
    asids.release(asid)
  }
}
