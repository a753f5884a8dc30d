/// The launch of an SNP guest: what becomes of pages of the image and of VMSAs, taken or refused.
import MMUEngine
import Testing

@Suite("The launch of an SNP guest: pages of the image, CPUID pages that the firmware corrects, VMSAs")
struct SNPLaunchTests {
  private static let context = PFN(1)
  private static let page = PFN(0x40)
  private static let vmsa = PFN(0x41)

  /// A guest in its launch.
  private func launching() throws -> (SNPHost, UInt16) {
    var host = SNPHost(pages: 1024)
    let asid = try host.createGuest(Self.context)
    return (host, asid)
  }

  @Test("a page is made immutable, measured, the guest's; a second time it is somebody's already")
  func image() throws {
    var (host, asid) = try launching()
    try host.populate(Self.context, Self.page, GFN(0x100), asid)
    let entry = host.firmware.rmp.entry(Self.page)
    #expect(entry.state == .guestValid && !entry.isVMSA && entry.gfn == GFN(0x100) && entry.asid == asid)
    let before = host
    #expect(throws: SNPLaunchFailure.assigned) { try host.populate(Self.context, Self.page, GFN(0x100), asid) }
    #expect(host == before)
  }

  @Test("a CPUID page that the firmware corrects is the host's again, and is taken with what the firmware wrote")
  func correctedCPUID() throws {
    var (host, asid) = try launching()
    let before = host
    #expect(throws: SNPLaunchFailure.firmware(.invalidParameter)) {
      try host.populate(Self.context, Self.page, GFN(0x100), asid, as: .cpuid, contents: .corrected)
    }
    #expect(host == before)
    // Until it is reclaimed it is PRE_GUEST, and RMPUPDATE cannot have it.
    try host.makeImmutable(Self.page, GFN(0x100), asid)
    #expect(throws: SEVStatus.invalidParameter) {
      try host.measure(Self.context, Self.page, as: .cpuid, contents: .corrected)
    }
    #expect(host.firmware.rmp.entry(Self.page).state == .preGuest)
    #expect(throws: ReverseMapFailure.permission) { try host.firmware.rmp.update(Self.page, .shared()) }
    let isBack = host.takeBack(Self.page)
    #expect(isBack && host == before)
    try host.populate(Self.context, Self.page, GFN(0x100), asid, as: .cpuid)
    #expect(host.firmware.rmp.entry(Self.page).state == .guestValid)
  }

  @Test("contents are looked at in CPUID pages only, and after everything else", arguments: LaunchPageType.allCases)
  func contents(_ type: LaunchPageType) throws {
    var (host, asid) = try launching()
    if type == .cpuid {
      #expect(throws: SEVStatus.invalidPageState) {
        try host.measure(Self.context, Self.page, as: type, contents: .corrected)
      }
      return
    }
    try host.populate(Self.context, Self.page, GFN(0x100), asid, as: type, contents: .corrected)
    #expect(host.firmware.rmp.entry(Self.page).isVMSA == (type == .vmsa))
  }

  @Test("pages of 2 MiB: of three kinds, and as the caller says", arguments: LaunchPageType.allCases)
  func size(_ type: LaunchPageType) throws {
    var (host, asid) = try launching()
    try host.firmware.rmp.update(PFN(512), .guest(asid, GFN(0x200), .page2M, isImmutable: true))
    let before = host
    #expect(throws: SEVStatus.invalidPageSize) { try host.measure(Self.context, PFN(512), as: type) }
    #expect(host == before)
    if [.normal, .zero, .unmeasured].contains(type) {
      try host.firmware.updateLaunch(Self.context, PFN(512), as: type, size: .page2M)
      #expect(host.firmware.rmp.entry(PFN(700)).state == .guestValid)
    } else {
      #expect(throws: SEVStatus.invalidPageSize) {
        try host.firmware.updateLaunch(Self.context, PFN(512), as: type, size: .page2M)
      }
    }
  }

  @Test("RMPUPDATE refuses a page of the image: nothing is measured, nothing taken back")
  func updateRefused() throws {
    var (host, asid) = try launching()
    host.firmware.rmp.firmware(Self.page) { $0.isImmutable = true }
    let before = host
    #expect(throws: SNPLaunchFailure.update(.permission)) {
      try host.populate(Self.context, Self.page, GFN(0x100), asid)
    }
    #expect(host == before)
  }

  @Test("a refused page that cannot be reclaimed is leaked for ever")
  func leaked() throws {
    var (host, asid) = try launching()
    // The command is about 4 KiB, and this page is of 2 MiB.
    try host.firmware.rmp.update(PFN(512), .guest(asid, GFN(0x200), .page2M, isImmutable: true))
    let isBack = host.takeBack(PFN(512))
    #expect(!isBack && host.leaked == [PFN(512)])
    // And so is one that RMPUPDATE does not take after its reclaim.
    host.firmware.rmp.firmware(Self.vmsa) { $0.isLocked = true }
    let isShared = host.takeBack(Self.vmsa)
    #expect(!isShared && host.leaked == [PFN(512), Self.vmsa])
  }

  @Test("a vCPU's VMSA is measured once; VMRUN takes it only then; the vCPU's end gives it back")
  func vmsa() throws {
    var (host, asid) = try launching()
    #expect(!host.isVMSA(Self.vmsa, asid))
    try host.measureVMSA(Self.context, Self.vmsa, asid, isProtected: false)
    #expect(host.isVMSA(Self.vmsa, asid) && !host.isVMSA(Self.vmsa, asid + 1))
    #expect(host.firmware.rmp.entry(Self.vmsa).gfn == SNPHost.vmsaFrame)
    let before = host
    #expect(throws: SNPLaunchFailure.protected) {
      try host.measureVMSA(Self.context, Self.vmsa, asid, isProtected: true)
    }
    #expect(host == before)
    let isFreed = host.freeVMSA(Self.vmsa)
    #expect(isFreed && host.firmware.rmp.entry(Self.vmsa).state == .hypervisor)
    // The firmware has had the launch's end: the page is reclaimed, and nobody's.
    try host.firmware.finishLaunch(Self.context)
    #expect(throws: SNPLaunchFailure.firmware(.invalidGuestState)) {
      try host.measureVMSA(Self.context, Self.vmsa, asid, isProtected: false)
    }
    #expect(host.firmware.rmp.entry(Self.vmsa).state == .hypervisor && host.leaked == [])
  }

  @Test("measured again although it is the guest's, a VMSA would become PRE_SWAP, which the firmware refuses")
  func vmsaTwice() throws {
    var (host, asid) = try launching()
    try host.measureVMSA(Self.context, Self.vmsa, asid, isProtected: false)
    try host.makeImmutable(Self.vmsa, SNPHost.vmsaFrame, asid)
    #expect(host.firmware.rmp.entry(Self.vmsa).state == .preSwap)
    #expect(throws: SEVStatus.invalidPageState) { try host.measure(Self.context, Self.vmsa, as: .vmsa) }
    let isBack = host.takeBack(Self.vmsa)
    #expect(isBack && host.firmware.rmp.entry(Self.vmsa).state == .hypervisor)
  }

  @Test("no check is listed twice")
  func checkNames() {
    let names = EngineCheck.all.map(\.name)
    let twice = Set(names.filter { name in names.count { $0 == name } > 1 })
    #expect(twice == [])
  }
}
