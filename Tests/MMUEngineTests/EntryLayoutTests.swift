/// Which bits of entries are software's, by kernel: values as the masks of each kernel's spte.c give them.
import MMUEngine
import Testing

@Suite("Entries by kernel")
struct EntryLayoutTests {
  private static func format(_ vendor: SPTEFormat, _ version: KernelVersion, hardwareBits: Bool = true) -> SPTEFormat {
    var format = vendor.laidOut(by: version)
    format.usesAccessedDirty = hardwareBits
    return format
  }

  private static func leaf(_ format: SPTEFormat, _ level: Level = .page4K) -> SPTE {
    format.leaf(LeafRequest(pfn: PFN(0x800), level: level, isHostWritable: true, old: .nonpresent), .always)
  }

  @Test(
    "EPT: a table and a leaf, with the hardware's A and D and without",
    arguments: [
      (KernelVersion.linux612, [0x8000_0000_0080_0907, 0x8600_0000_0080_0B77, 0x8610_0000_0080_0877] as [UInt64]),
      (.linux616, [0x8000_0000_0080_0907, 0x8600_0000_0080_0B77, 0x8610_0000_0080_0B77]),
      (.linux619, [0x8000_0000_0080_0907, 0x8600_0000_0080_0B77, 0x8610_0000_0080_0B77]),
      (.linux73, [0x8000_0000_0080_0D07, 0x80A0_0000_0080_0F77, 0x90A0_0000_0080_0F77]),
    ])
  func ept(_ version: KernelVersion, _ values: [UInt64]) {
    let format = Self.format(.ept, version)
    let bare = Self.format(.ept, version, hardwareBits: false)
    #expect([format.table(PFN(0x800)), Self.leaf(format), Self.leaf(bare)].map(\.rawValue) == values)
    #expect(bare.bitsSetByCPU(Self.leaf(bare)) == 0)
    #expect(TraceEvent.rights(Self.leaf(format), format) == "rwxu")
  }

  @Test("NPT's tables and leaves are the same in all", arguments: [KernelVersion.linux612, .linux616, .linux73])
  func npt(_ version: KernelVersion) {
    let format = Self.format(.npt, version)
    #expect(format.table(PFN(0x800)).rawValue == 0x80_0827)
    #expect(Self.leaf(format).rawValue == 0x80_0E67)
    #expect(TraceEvent.rights(Self.leaf(format), format) == "rwxu")
  }

  @Test(
    "tracking access keeps R, X and the user's X aside and takes A, and giving it back is its reverse but for W and A",
    arguments: [
      (KernelVersion.linux612, 0x8750_0000_0080_0870 as UInt64), (.linux616, 0x8750_0000_0080_0A70),
      (.linux73, 0xD0F0_0000_0080_0A70),
    ])
  func tracking(_ version: KernelVersion, _ tracked: UInt64) {
    let format = Self.format(.ept, version, hardwareBits: false)
    let leaf = Self.leaf(format)
    let hidden = format.trackingAccess(leaf)
    #expect(hidden.rawValue == tracked)
    #expect(format.isAccessed(leaf) && !format.isAccessed(hidden))
    #expect(format.restoringAccess(hidden).setting(SPTE.writableBit | format.accessed) == leaf)
    #expect(format.trackingAccess(hidden) == hidden)
  }

  @Test("a part of a huge page that is tracked gets its X where X is kept aside")
  func splitOfTracked() {
    var format = Self.format(.ept, .linux73, hardwareBits: false)
    format.splitsExecutableHugePages = true
    let huge = Self.leaf(format, .page2M)
    #expect(!format.isExecutable(huge))
    let small = format.small(format.trackingAccess(huge), childLevel: .page4K, index: 0)
    #expect(format.isAccessTracked(small))
    #expect(small == format.trackingAccess(format.small(huge, childLevel: .page4K, index: 0)))
    #expect(format.isExecutable(format.restoringAccess(small)))
    #expect(format.huge(small, .page2M) == format.trackingAccess(huge))
  }

  @Test(
    "an MMIO entry of generation 0x80: bit 10, or bit 52",
    arguments: [(KernelVersion.linux612, 0x0008_0000_0020_0407 as UInt64), (.linux73, 0x0018_0000_0020_0007)])
  func generation(_ version: KernelVersion, _ value: UInt64) {
    let format = Self.format(.npt, version)
    let entry = format.mmio(GFN(0x200), generation: 0x80, access: .all)
    #expect(entry.rawValue == value)
    #expect(format.mmioGeneration(entry) == 0x80)
    #expect(format.mmioFrame(entry) == GFN(0x200))
    #expect(entry.rawValue & ~format.generationBits == 0x0008_0000_0020_0007)
  }

  @Test("leaves that the guest's user mode may not fetch from: no U, in the texts as well")
  func leavesHidden() {
    var format = Self.format(.npt, .linux73)
    format.hidesLeavesFromUsers = true
    #expect(Self.leaf(format).rawValue == 0x80_0E63)
    #expect(format.table(PFN(0x800)).rawValue == 0x80_0827)
    #expect(format.mmio(GFN(0x200), generation: 0, access: format.roleAccess).rawValue == 0x0008_0000_0020_0003)
    #expect(TraceEvent.requested(GFN(1), pfn: 2, .page4K).text(.linux73, format) == "gfn 1 pfn 2 level 1 access b")
    let page = PageDescription(gfn: GFN(0), level: .page2M)
    #expect(page.text(.linux73, format) == "sp gen 0 gfn 0 l2 8-byte q0 direct rw-x nxe ad root 0 sync")
    format.hidesLeavesFromUsers = false
    #expect(page.text(.linux73, format) == "sp gen 0 gfn 0 l2 8-byte q0 direct rwux nxe ad root 0 sync")
    #expect(page.text(.linux612, format) == "sp gen 0 gfn 0 l2 8-byte q0 direct wux nxe ad root 0 sync")
  }

  @Test("an error code's bits by the kernel's names, the rest in hexadecimal")
  func errorCode() {
    let fault = FastPageFault(
      vcpu: 0, address: 0, errorCode: 1 << 32 | 0x8073, pointer: 0, old: .nonpresent, new: .nonpresent,
      isSpurious: false, isFixed: false)
    #expect(fault.text(.linux612).contains("error_code P|W|F|0x100008060 sptep"))
    #expect(fault.text(.linux73).contains("error_code P|W|PK|SS|SGX|F|0x100000000 sptep"))
  }

  @Test(
    "EPT violations: a read, and an access of the guest's user mode",
    arguments: [
      [0x181, 0x1_0000_0004, 0x1_0000_0000], [0x382, 0x1_0000_0002, 0x1_0000_0006],
      [0x282, 0x2_0000_0002, 0x2_0000_0002], [0x302, 2, 2], [0x00C, 0x11, 0x11], [0x044, 0x10, 0x10],
    ] as [[UInt64]])
  func violations(_ row: [UInt64]) {
    let codes = [KernelVersion.linux612, .linux73].map { FaultCode.qualification(row[0], $0.violationCode).rawValue }
    #expect(codes == Array(row[1...]))
  }
}
