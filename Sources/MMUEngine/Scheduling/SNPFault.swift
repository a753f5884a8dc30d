/// Single-line mistakes of a host with an SNP guest: what a test puts into it, to see that some schedule of agents makes a check report each; none is on in a right kernel.
package enum SNPFault: String, Hashable, Sendable, CaseIterable {
  /// A page that the file loses goes to the allocator without RMPUPDATE.
  case freedWithoutUpdate = "freed-without-update"
  /// A hole's pages become the hypervisor's before they are unmapped.
  case updateBeforeZap = "update-before-zap"
  /// A hole's pages become the hypervisor's after they are unmapped and before TLBs are flushed.
  case updateBeforeFlush = "update-before-flush"
  /// A part of a 2 MiB page is updated as it is, without PSMASH.
  case smashMissingAtFree = "smash-missing-at-free"
  /// A nested fault on a 2 MiB page below a smaller leaf is answered without PSMASH.
  case smashMissingAtFault = "smash-missing-at-fault"
  /// The same is answered by RMPUPDATE, page by page.
  case splitByUpdate = "split-by-update"
  /// What maps a page that was smashed stays as large as it is.
  case smashWithoutZap = "smash-without-zap"
  /// What maps a page goes before it is smashed, not after.
  case zapBeforeSmash = "zap-before-smash"
  /// A fault maps a leaf as large as the folio, whatever the RMP's page is.
  case levelUncapped = "level-uncapped"
  /// A hole sends back faults on its own frames only, not those on the rest of its 2 MiB.
  case holeNotWidened = "hole-not-widened"
  /// A page of the image is the guest's before its contents are there.
  case imageCopiedLate = "image-copied-late"
  /// A page of the image that the firmware refuses stays as it is.
  case imageNotReclaimed = "image-not-reclaimed"
  /// A hole is punched into the file while a page of the image is made.
  case imageBesideHole = "image-beside-hole"
  /// A page of the image is made without slots_lock.
  case imageWithoutSlotsLock = "image-without-slots-lock"
  /// The launch ends without the vCPUs' VMSAs.
  case vmsaNotMeasured = "vmsa-not-measured"
  /// A VMSA that the firmware refuses stays as it is.
  case vmsaNotReclaimed = "vmsa-not-reclaimed"
  /// A vCPU's VMSA goes to the allocator without RMPUPDATE.
  case vmsaFreedAssigned = "vmsa-freed-assigned"
  /// A page of the file is mapped without RMPUPDATE.
  case prepareMissing = "prepare-missing"
}
