/// What the TDP MMU traces: the kernel's own events, with the fields that its tracepoints print.
///
/// Source: Linux 6.16 arch/x86/kvm/mmu/mmutrace.h.

/// An address space of a VM: 0 is the ordinary one, 1 that of system management mode.
package enum AddressSpace: UInt8, Hashable, Sendable, CaseIterable {
  case normal = 0
  case systemManagement = 1
}

/// A page-table page as `kvm_mmu_get_page` and `kvm_mmu_prepare_zap_page` print it.
package struct PageDescription: Hashable, Sendable {
  /// The byte that a TDP page shares with the generation: "scheduled to be zapped".
  package var generation: UInt8
  package var gfn: GFN
  package var level: Level
  /// Without it the page belongs to the shadow MMU.
  package var isDirect: Bool
  package var isInvalid: Bool
  package var usesAccessedDirty: Bool
  package var rootCount: UInt32

  package init(
    generation: UInt8 = 0, gfn: GFN, level: Level, isDirect: Bool = true, isInvalid: Bool = false,
    usesAccessedDirty: Bool = true, rootCount: UInt32 = 0
  ) {
    self.generation = generation
    self.gfn = gfn
    self.level = level
    self.isDirect = isDirect
    self.isInvalid = isInvalid
    self.usesAccessedDirty = usesAccessedDirty
    self.rootCount = rootCount
  }
}

/// How a fast page fault came out.
package struct FastPageFault: Hashable, Sendable {
  package var vcpu: Int
  /// The faulting address.
  package var address: UInt64
  package var errorCode: UInt64
  /// Address of the entry: physical in the engine, a hashed pointer in a trace; 0 when there was none.
  package var pointer: UInt64
  package var old: SPTE
  package var new: SPTE
  package var isSpurious: Bool
  package var isFixed: Bool

  package init(
    vcpu: Int, address: UInt64, errorCode: UInt64, pointer: UInt64, old: SPTE, new: SPTE, isSpurious: Bool,
    isFixed: Bool
  ) {
    self.vcpu = vcpu
    self.address = address
    self.errorCode = errorCode
    self.pointer = pointer
    self.old = old
    self.new = new
    self.isSpurious = isSpurious
    self.isFixed = isFixed
  }
}

/// One of the eleven events that are compared.
package enum TraceEvent: Hashable, Sendable {
  case spteChanged(AddressSpace, GFN, Level, old: SPTE, new: SPTE)
  case prepareZapPage(PageDescription)
  case getPage(PageDescription)
  case zapAllFast(generation: UInt8, usedPages: UInt64)
  /// `address` is the physical address of the entry.
  case setSPTE(GFN, Level, SPTE, address: UInt64)
  case requested(GFN, pfn: UInt64, Level)
  case fastPageFault(FastPageFault)
  case splitHugePage(GFN, Level, SPTE, errno: Int)
  /// `pointer` is an address as in `FastPageFault`.
  case markMMIO(GFN, pointer: UInt64, access: UInt8, generation: UInt64)
  case checkMMIO(SPTE, current: UInt64, entry: UInt64, isValid: Bool)
  case handleMMIO(address: UInt64, GFN, access: UInt8)

  /// The kinds, in the order of the issue, as the kernel names them.
  package static let names = [
    "kvm_tdp_mmu_spte_changed", "kvm_mmu_prepare_zap_page", "kvm_mmu_zap_all_fast", "kvm_mmu_set_spte",
    "kvm_mmu_get_page", "kvm_mmu_spte_requested", "fast_page_fault", "kvm_mmu_split_huge_page", "mark_mmio_spte",
    "check_mmio_spte", "handle_mmio_page_fault",
  ]

  /// The kernel's name of the event.
  package var name: String {
    switch self {
    case .spteChanged: "kvm_tdp_mmu_spte_changed"
    case .prepareZapPage: "kvm_mmu_prepare_zap_page"
    case .getPage: "kvm_mmu_get_page"
    case .zapAllFast: "kvm_mmu_zap_all_fast"
    case .setSPTE: "kvm_mmu_set_spte"
    case .requested: "kvm_mmu_spte_requested"
    case .fastPageFault: "fast_page_fault"
    case .splitHugePage: "kvm_mmu_split_huge_page"
    case .markMMIO: "mark_mmio_spte"
    case .checkMMIO: "check_mmio_spte"
    case .handleMMIO: "handle_mmio_page_fault"
    }
  }
}

extension TraceEvent {
  /// The text after the event's name, as this kernel prints it.
  package func text(_ version: KernelVersion, _ format: SPTEFormat) -> String {
    switch self {
    case .spteChanged(let space, let gfn, let level, let old, let new):
      "as id \(space.rawValue) gfn \(hex(gfn.rawValue)) level \(level.rawValue) old_spte \(hex(old.rawValue)) "
        + "new_spte \(hex(new.rawValue))"
    case .prepareZapPage(let page): page.text(version, format)
    case .getPage(let page): page.text(version, format) + " new"
    case .zapAllFast(let generation, let used): "kvm-mmu-valid-gen \(generation) used_pages \(hex(used))"
    case .setSPTE(let gfn, let level, let entry, let address):
      "gfn \(hex(gfn.rawValue)) spte \(hex(entry.rawValue)) (\(Self.rights(entry, format))) level \(level.rawValue) "
        + "at \(hex(address))"
    case .requested(let gfn, let pfn, let level):
      "gfn \(hex(gfn.rawValue)) pfn \(hex(pfn)) level \(level.rawValue)"
        + (version.accessNames == .writeUserExecute ? "" : format.hidesLeavesFromUsers ? " access b" : " access f")
    case .fastPageFault(let fault): fault.text(version)
    case .splitHugePage(let gfn, let level, let entry, let errno):
      "gfn \(hex(gfn.rawValue)) spte \(hex(entry.rawValue)) level \(level.rawValue) errno \(errno)"
    case .markMMIO(let gfn, let pointer, let access, let generation):
      "sptep:\(padded(pointer)) gfn \(hex(gfn.rawValue)) access \(hex(UInt64(access))) gen \(hex(generation))"
    case .checkMMIO(let entry, let current, let generation, let isValid):
      "spte \(hex(entry.rawValue)) kvm_gen \(hex(current)) spte-gen \(hex(generation)) valid \(isValid ? 1 : 0)"
    case .handleMMIO(let address, let gfn, let access):
      "addr:\(hex(address)) gfn \(hex(gfn.rawValue)) access \(hex(UInt64(access)))"
    }
  }

  /// The rights of an entry as `kvm_mmu_set_spte` prints them: readable always, with both vendors' present masks.
  package static func rights(_ entry: SPTE, _ format: SPTEFormat) -> String {
    "r" + (entry.isWritable ? "w" : "-") + (format.isExecutable(entry) ? "x" : "-")
      + (entry.rawValue & format.shownAsUser != 0 ? "u" : "-")
  }
}

extension PageDescription {
  /// The text without `new` or `existing`.
  package func text(_ version: KernelVersion, _ format: SPTEFormat) -> String {
    let user = format.hidesLeavesFromUsers ? "-" : "u"
    let access = version.accessNames == .readWriteUserExecute ? "rw\(user)x" : "w\(user)x"
    return "sp gen \(generation) gfn \(hex(gfn.rawValue)) l\(level.rawValue) 8-byte q0\(isDirect ? " direct" : "") "
      + "\(access)\(isInvalid ? " invalid" : "") nxe \(usesAccessedDirty ? "" : "!")ad root \(rootCount) sync"
  }
}

extension FastPageFault {
  /// The text of the event, with the names that the kernel has for bits of the error code, in its order.
  package func text(_ version: KernelVersion) -> String {
    let flags = version.faultNames
    var words = flags.filter { errorCode & $0.bit != 0 }.map(\.name)
    let rest = flags.reduce(errorCode) { $0 & ~$1.bit }
    if rest != 0 { words.append("0x" + hex(rest)) }
    return "vcpu \(vcpu) gva \(hex(address)) error_code \(words.joined(separator: "|")) sptep \(padded(pointer)) "
      + "old 0x\(hex(old.rawValue)) new \(hex(new.rawValue)) spurious \(isSpurious ? 1 : 0) fixed \(isFixed ? 1 : 0)"
  }
}

/// A number in hexadecimal, as `%llx` prints it.
private func hex(_ value: UInt64) -> String { String(value, radix: 16) }

/// A pointer as `%p` prints it: sixteen digits.
private func padded(_ value: UInt64) -> String {
  let digits = hex(value)
  return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
}
