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
  /// A vCPU is to run on a page that is not its VMSA; VMRUN would fail.
  case vmsaMissing = "rmp-vmsa-missing"
  /// A page was lost for good: nobody could have it back.
  case pageLeaked = "rmp-page-leaked"

  /// What it means, for `kvmcheck engine`.
  package var summary: String {
    switch self {
    case .freedAssigned: "a page went to the allocator while the RMP says that somebody has it"
    case .foreignPage: "a guest reaches a page by a translation that the RMP no longer bears out"
    case .leafTooLarge: "a leaf of the nested page tables is larger than the RMP's page, and nobody is at it"
    case .validationLost: "a page that a guest has validated is not valid any more, though nobody took it away"
    case .hostWrite: "the host writes a page that the RMP says somebody has"
    case .updateOverlaps: "RMPUPDATE would be tried for ever: the page is a part of a larger one"
    case .vmsaMissing: "a vCPU is to run on a page that the RMP does not call its VMSA"
    case .pageLeaked: "a page of a guest, or its context, could not be had back and is lost for good"
    case .faultRepeats: "a guest takes the same nested fault for ever"
    }
  }

  /// The check with what happened.
  package func check(_ detail: String) -> EngineCheck { EngineCheck(rawValue, detail) }
}
