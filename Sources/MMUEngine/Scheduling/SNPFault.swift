/// Single-line mistakes of a host with an SNP guest, and the damage that tells.

/// What a test puts into the host, to see that some schedule of agents makes a check report each; none is on in a right kernel.
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
  /// A page of the file is mapped without RMPUPDATE.
  case prepareMissing = "prepare-missing"
}

/// Damage that the reverse map table exists to prevent, or that it makes visible.
package enum ReverseMapDamage: String, Hashable, Sendable, CaseIterable {
  /// A page went to the allocator that is not the hypervisor's.
  case freedAssigned = "rmp-freed-assigned"
  /// A TLB lets a guest through to a page that is not its own.
  case foreignPage = "rmp-foreign-page"
  /// A leaf maps more than the RMP's page.
  case leafTooLarge = "rmp-leaf-too-large"
  /// A page lost its validation without a change of hands.
  case validationLost = "rmp-validation-lost"
  /// The host writes to an assigned page; hardware would raise #PF.
  case hostWrite = "rmp-host-write"
  /// FAIL_OVERLAP that is no other CPU's passing doing; Linux tries again for ever.
  case updateOverlaps = "rmp-update-overlaps"
  /// The handler of nested faults with the RMP bit changes nothing that the guest's next try would see.
  case faultRepeats = "rmp-fault-repeats"

  /// What it means, for `kvmcheck engine`.
  package var summary: String {
    switch self {
    case .freedAssigned: "a page went to the allocator while the RMP says that somebody has it"
    case .foreignPage: "a guest reaches a page by a translation that the RMP no longer bears out"
    case .leafTooLarge: "a leaf of the nested page tables is larger than the RMP's page, and nobody is at it"
    case .validationLost: "a page that a guest has validated is not valid any more, though nobody took it away"
    case .hostWrite: "the host writes a page that the RMP says somebody has"
    case .updateOverlaps: "RMPUPDATE would be tried for ever: the page is a part of a larger one"
    case .faultRepeats: "a guest takes the same nested fault for ever"
    }
  }

  /// The check with what happened.
  package func check(_ detail: String) -> EngineCheck { EngineCheck(rawValue, detail) }
}
