/// AMD's reverse map table (RMP): for each host page whom it serves, and the instructions that change that.
///
/// Nested page tables are the hypervisor's own memory; neither firmware nor RMP knows them. Protection is checked at the end of a
/// translation, on the host page: so NPT entries and tables may be dropped at will, and a page keeps its owner, its guest
/// address and its validation until RMPUPDATE says otherwise.
/// Abstraction: pages in use by microcode are left out (FAIL_INUSE is asked for by `isLocked`); a guest's access is one of VMPL0.
/// Sources: AMD-ASPFW sev_rmp.c (states, fields); Linux arch/x86/virt/svm/sev.c (codes); instruction checks partly from a
/// third party's formal model and unverified, see the known limits in the README.

/// What a privilege level of a guest may do with a page. Source: AMD-ASPFW, the bits of the RMP's four masks.
package struct VMPLPermissions: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package static let read = VMPLPermissions(rawValue: 1)
  package static let write = VMPLPermissions(rawValue: 2)
  package static let userExecute = VMPLPermissions(rawValue: 4)
  package static let supervisorExecute = VMPLPermissions(rawValue: 8)
  /// Supervisor shadow stack.
  package static let shadowStack = VMPLPermissions(rawValue: 16)
  package static let all = VMPLPermissions(rawValue: 31)
}

/// An entry.
package struct ReverseMapEntry: Hashable, Sendable {
  package enum Size: UInt8, Hashable, Sendable {
    case page4K = 0
    case page2M = 1

    /// How many 4 KiB pages.
    package var pages: Int { self == .page4K ? 1 : 512 }
  }

  package var isAssigned = false
  package var size = Size.page4K
  package var isImmutable = false
  package var gfn = GFN(0)
  package var asid: UInt16 = 0
  package var isVMSA = false
  package var isValidated = false
  /// Firmware or microcode holds the entry.
  package var isLocked = false
  /// The firmware's own mark of a page that the IOMMU writes (FIRMWARE_IOMMU).
  package var isIOMMU = false
  /// By VMPL, 0 to 3.
  package var permissions = ReverseMapEntry.freshPermissions

  /// What RMPUPDATE leaves when a page gets a new owner, address or size: all to VMPL0, nothing to the others.
  ///
  /// Unverified: read in a third party's formal model only (verismo).
  package static let freshPermissions: [VMPLPermissions] = [.all, [], [], []]

  package init() {}
}

/// What an entry's fields mean. Source: AMD-ASPFW, rmp_get_page_state.
package enum ReverseMapState: String, Hashable, Sendable, CaseIterable {
  case hypervisor = "HYPERVISOR"
  case hypervisorFixed = "HV_FIXED"
  case firmware = "FIRMWARE"
  case firmwareIOMMU = "FIRMWARE_IOMMU"
  case context = "CONTEXT"
  case metadata = "METADATA"
  case reclaim = "RECLAIM"
  case preGuest = "PRE_GUEST"
  case preSwap = "PRE_SWAP"
  case guestInvalid = "GUEST_INVALID"
  case guestValid = "GUEST_VALID"
}

extension ReverseMapEntry {
  package var state: ReverseMapState {
    guard isAssigned else { return isImmutable ? .hypervisorFixed : .hypervisor }
    if asid == 0 {
      if !isImmutable { return .reclaim }
      if isVMSA { return .context }
      if isIOMMU { return .firmwareIOMMU }
      return gfn.rawValue == 0 ? .firmware : .metadata
    }
    switch (isImmutable, isValidated) {
    case (true, false): return .preGuest
    case (true, true): return .preSwap
    case (false, false): return .guestInvalid
    case (false, true): return .guestValid
    }
  }
}

/// Why an instruction refuses; the raw value is the code that it returns.
package enum ReverseMapFailure: UInt8, Error, Hashable, Sendable {
  case input = 1
  case permission = 2
  case inUse = 3
  case overlap = 4
  case sizeMismatch = 6
}

/// What a guest's access or instruction ends in.
package enum NestedOutcome: Hashable, Sendable {
  case ok
  /// PVALIDATE: the page was in that state already (CF = 1); a guest that did not expect it is under attack.
  case unchanged
  /// The instruction's own refusal.
  case failed(ReverseMapFailure)
  /// #VC in the guest: the page is not validated.
  case notValidated
  /// A nested page fault to the host, with the RMP bit.
  case nestedPageFault
}

/// The arguments of RMPUPDATE.
package struct ReverseMapUpdate: Hashable, Sendable {
  package var isAssigned: Bool
  package var size = ReverseMapEntry.Size.page4K
  package var isImmutable = false
  package var gfn = GFN(0)
  package var asid: UInt16 = 0

  package init(
    isAssigned: Bool, size: ReverseMapEntry.Size = .page4K, isImmutable: Bool = false, gfn: GFN = GFN(0),
    asid: UInt16 = 0
  ) {
    self.isAssigned = isAssigned
    self.size = size
    self.isImmutable = isImmutable
    self.gfn = gfn
    self.asid = asid
  }

  /// Back to the hypervisor. Source: `rmp_make_shared`.
  package static func shared(_ size: ReverseMapEntry.Size = .page4K) -> ReverseMapUpdate {
    ReverseMapUpdate(isAssigned: false, size: size)
  }

  /// A page of a guest. Source: `rmp_make_private`.
  package static func guest(
    _ asid: UInt16, _ gfn: GFN, _ size: ReverseMapEntry.Size = .page4K, isImmutable: Bool = false
  ) -> ReverseMapUpdate {
    ReverseMapUpdate(isAssigned: true, size: size, isImmutable: isImmutable, gfn: gfn, asid: asid)
  }

  /// A page for the firmware. Source: `rmp_mark_pages_firmware`.
  package static let firmware = ReverseMapUpdate(isAssigned: true, isImmutable: true)
}

/// The operand of RMPADJUST.
package struct VMPLAdjustment: Hashable, Sendable {
  /// The level whose mask is set.
  package var target: Int
  package var permissions: VMPLPermissions
  package var isVMSA = false

  package init(target: Int, permissions: VMPLPermissions, isVMSA: Bool = false) {
    self.target = target
    self.permissions = permissions
    self.isVMSA = isVMSA
  }
}

package struct ReverseMapTable: Hashable, Sendable {
  package private(set) var entries: [ReverseMapEntry]
  /// The highest ASID.
  package let asidLimit: UInt16

  package init(pages: Int, asidLimit: UInt16 = 1006) {
    entries = Array(repeating: ReverseMapEntry(), count: pages)
    self.asidLimit = asidLimit
  }

  /// The entry that says what a page is: inside of an assigned 2 MiB page, that page's first. Source: `__snp_lookup_rmpentry`.
  package func entry(_ page: PFN) -> ReverseMapEntry {
    let large = entries[Int(page.rawValue & ~511)]
    return large.isAssigned && large.size == .page2M ? large : entries[Int(page.rawValue)]
  }

  package func contains(_ page: PFN) -> Bool { page.rawValue < entries.count }

  /// RMPUPDATE, by the host. Refuses without changing anything.
  package mutating func update(_ page: PFN, _ new: ReverseMapUpdate) throws(ReverseMapFailure) {
    guard contains(page), new.size == .page4K || page.rawValue & 511 == 0,
      Int(page.rawValue) + new.size.pages <= entries.count,
      new.asid <= asidLimit, new.isAssigned || !new.isImmutable && new.asid == 0
    else { throw .input }
    let old = entry(page)
    guard !old.isImmutable else { throw .permission }
    guard !old.isLocked else { throw .inUse }
    let isInsideLarge = old.isAssigned && old.size == .page2M
    if new.size == .page2M, !isInsideLarge, subpageCount(page) > 0 { throw .overlap }
    if new.size == .page4K, isInsideLarge { throw .overlap }
    write(page, new, over: old)
  }

  private mutating func write(_ page: PFN, _ new: ReverseMapUpdate, over old: ReverseMapEntry) {
    var entry = old
    let isSame =
      old.isAssigned == new.isAssigned && old.size == new.size && old.gfn == new.gfn && old.asid == new.asid
      && new.asid > 0
    entry.isAssigned = new.isAssigned
    entry.size = new.isAssigned ? new.size : .page4K
    entry.isImmutable = new.isImmutable
    entry.gfn = new.gfn
    entry.asid = new.asid
    if !isSame {
      entry.isValidated = false
      entry.isVMSA = false
      entry.isIOMMU = false
      entry.permissions = ReverseMapEntry.freshPermissions
    }
    entries[Int(page.rawValue)] = entry
  }

  /// How many single pages of a 2 MiB range are assigned behind its first, which does not count (`subpage_count`).
  package func subpageCount(_ page: PFN) -> Int {
    assignedPages(in: page) - (entries[Int(page.rawValue & ~511)].isAssigned ? 1 : 0)
  }

  /// How many single pages of a 2 MiB range are assigned.
  package func assignedPages(in page: PFN) -> Int {
    let first = Int(page.rawValue & ~511)
    return (first..<min(first + 512, entries.count)).count { entries[$0].isAssigned }
  }

  /// PSMASH: one 2 MiB page becomes 512 single ones, validation kept.
  package mutating func smash(_ page: PFN) throws(ReverseMapFailure) {
    guard contains(page), page.rawValue & 511 == 0 else { throw .input }
    let large = entries[Int(page.rawValue)]
    guard large.isAssigned, large.size == .page2M else { throw .input }
    guard !large.isImmutable else { throw .permission }
    guard !large.isLocked else { throw .inUse }
    for offset in 0..<512 {
      var small = large
      small.size = .page4K
      small.gfn = GFN(large.gfn.rawValue + UInt64(offset))
      entries[Int(page.rawValue) + offset] = small
    }
  }

  /// PVALIDATE, by VMPL0 of the guest `asid` that has `page` at `gfn`.
  package mutating func validate(
    _ page: PFN, _ gfn: GFN, _ size: ReverseMapEntry.Size, _ isValidated: Bool, asid: UInt16
  ) -> NestedOutcome {
    guard size == .page4K || gfn.rawValue & 511 == 0 else { return .failed(.input) }
    let found = entry(page)
    guard belongs(found, page, gfn, asid), !(found.size == .page2M && size == .page4K) else { return .nestedPageFault }
    if found.size == .page4K, size == .page2M { return .failed(.sizeMismatch) }
    if found.isValidated == isValidated { return .unchanged }
    entries[index(page)].isValidated = isValidated
    return .ok
  }

  /// RMPADJUST: a level gives a lower one (a higher number) some of what it may do itself, and marks or unmarks a VMSA.
  ///
  /// The checks and their order are unverified: they were read in a third party's formal model only (verismo), which does not
  /// say either whether a level other than VMPL0 may set the VMSA bit; here it may not, as it is said for PVALIDATE.
  package mutating func adjust(
    _ page: PFN, _ gfn: GFN, _ size: ReverseMapEntry.Size, _ adjustment: VMPLAdjustment, by level: Int, asid: UInt16
  ) -> NestedOutcome {
    guard adjustment.target > level, adjustment.target < 4 else { return .failed(.permission) }
    let found = entry(page)
    guard belongs(found, page, gfn, asid), !(found.size == .page2M && size == .page4K) else { return .nestedPageFault }
    guard found.isValidated else { return .notValidated }
    if found.size == .page4K, size == .page2M { return .failed(.sizeMismatch) }
    guard adjustment.permissions.isSubset(of: found.permissions[level]), level == 0 || !adjustment.isVMSA else {
      return .failed(.permission)
    }
    entries[index(page)].permissions[adjustment.target] = adjustment.permissions
    entries[index(page)].isVMSA = adjustment.isVMSA
    return .ok
  }

  /// A guest's private access through an NPT leaf of this size.
  package func access(_ page: PFN, _ gfn: GFN, _ level: Level, asid: UInt16) -> NestedOutcome {
    let found = entry(page)
    guard belongs(found, page, gfn, asid), !(found.size == .page2M && level == .page4K) else { return .nestedPageFault }
    return found.isValidated ? .ok : .notValidated
  }

  /// Whether the host may write through a mapping of this size: nothing in it may be assigned.
  package func allowsHostWrite(_ page: PFN, _ level: Level) -> Bool {
    let first = Int(page.aligned(to: level).rawValue)
    return (first..<min(first + Int(level.pages), entries.count)).allSatisfy { !entry(PFN(UInt64($0))).isAssigned }
  }

  /// Firmware takes or returns a page; only it leaves an immutable state. Source: F.2's table of firmware commands.
  package mutating func firmware(_ page: PFN, _ change: (inout ReverseMapEntry) -> Void) {
    change(&entries[index(page)])
  }

  /// Every page is the hypervisor's again, as after SNP_INIT_EX with the RMP's initialisation; no immutable bit holds.
  mutating func reset() { for index in entries.indices { entries[index] = ReverseMapEntry() } }

  private func index(_ page: PFN) -> Int {
    let large = entries[Int(page.rawValue & ~511)]
    return Int(large.isAssigned && large.size == .page2M ? page.rawValue & ~511 : page.rawValue)
  }

  private func belongs(_ entry: ReverseMapEntry, _ page: PFN, _ gfn: GFN, _ asid: UInt16) -> Bool {
    let offset = entry.size == .page2M ? page.rawValue & 511 : 0
    return entry.isAssigned && !entry.isImmutable && entry.asid == asid && entry.gfn.rawValue + offset == gfn.rawValue
  }
}
