/// The launch of an SNP guest as KVM does it: what becomes of a page that RMPUPDATE or the firmware refuses, and of the vCPUs' VMSAs.
///
/// A page of the image, and a vCPU's VMSA at the launch's end, is made the guest's and immutable, and then measured. One that the firmware
/// refuses has to be reclaimed before RMPUPDATE can give it back; it is the host's then, and may be tried again. One that does not
/// come back is leaked for ever, and the VM is bugged.
/// Source: Linux 6.12, 6.16 and 7.3 arch/x86/kvm/svm/sev.c, sev_gmem_post_populate, snp_launch_update_vmsa, snp_page_reclaim,
/// kvm_rmp_make_shared, sev_free_vcpu.

/// Why a page was not made the guest's.
package enum SNPLaunchFailure: Error, Hashable, Sendable {
  /// Somebody has the page already (-EEXIST).
  case assigned
  /// The vCPU's state was measured before (-EINVAL).
  case protected
  case update(ReverseMapFailure)
  /// The page is the host's again.
  case firmware(SEVStatus)
  /// KVM_BUG: the page did not come back after this, and is leaked (-EIO).
  case leaked(SEVStatus)
}

extension SNPHost {
  /// Where a vCPU's VMSA lies for the guest: the highest page. Source: `INITIAL_VMSA_GPA`.
  package static let vmsaFrame = GFN(0xF_FFFF_FFFF)

  /// A page must be nobody's before its contents are written. Source: `sev_gmem_post_populate`.
  package func checkUnassigned(_ page: PFN) throws(SNPLaunchFailure) {
    if firmware.rmp.entry(page).isAssigned { throw .assigned }
  }

  /// RMPUPDATE to PRE_GUEST. A page that is the guest's as it would be, VALID, becomes PRE_SWAP instead. Source: `rmp_make_private`.
  package mutating func makeImmutable(_ page: PFN, _ gfn: GFN, _ asid: UInt16) throws(SNPLaunchFailure) {
    do { try firmware.rmp.update(page, .guest(asid, gfn, isImmutable: true)) } catch { throw .update(error) }
  }

  /// SNP_LAUNCH_UPDATE of a page that is PRE_GUEST; the caller has `takeBack` for one that is refused.
  package mutating func measure(
    _ context: PFN, _ page: PFN, as type: LaunchPageType = .normal, contents: LaunchContents = .accepted
  ) throws(SEVStatus) {
    try firmware.updateLaunch(context, page, as: type, size: .page4K, contents: contents)
  }

  /// A page that the firmware refused is the host's again: reclaimed, then updated; false when it is leaked. Source: `snp_page_reclaim`.
  package mutating func takeBack(_ page: PFN) -> Bool {
    do { try firmware.reclaim(page) } catch {
      leak(page)
      return false
    }
    return makeShared(page)
  }

  /// A page of the image in one step. Source: `sev_gmem_post_populate`.
  package mutating func populate(
    _ context: PFN, _ page: PFN, _ gfn: GFN, _ asid: UInt16, as type: LaunchPageType = .normal,
    contents: LaunchContents = .accepted
  ) throws(SNPLaunchFailure) {
    try checkUnassigned(page)
    try makeImmutable(page, gfn, asid)
    do { try measure(context, page, as: type, contents: contents) } catch {
      throw takeBack(page) ? .firmware(error) : .leaked(error)
    }
  }

  /// A vCPU's VMSA in one step. One that was measured before is refused before anything is done to it.
  ///
  /// Source: `snp_launch_update_vmsa`, `sev_es_sync_vmsa`.
  package mutating func measureVMSA(
    _ context: PFN, _ page: PFN, _ asid: UInt16, isProtected: Bool
  ) throws(SNPLaunchFailure) {
    if isProtected { throw .protected }
    try makeImmutable(page, Self.vmsaFrame, asid)
    do { try measure(context, page, as: .vmsa) } catch { throw takeBack(page) ? .firmware(error) : .leaked(error) }
  }

  /// A vCPU goes: its VMSA is the host's, or leaked. No reclaim: what was measured is not immutable. Source: `sev_free_vcpu`.
  package mutating func freeVMSA(_ page: PFN) -> Bool { makeShared(page) }

  /// Whether VMRUN takes the page for a vCPU of the guest.
  package func isVMSA(_ page: PFN, _ asid: UInt16) -> Bool {
    let entry = firmware.rmp.entry(page)
    return entry.state == .guestValid && entry.isVMSA && entry.asid == asid
  }
}
