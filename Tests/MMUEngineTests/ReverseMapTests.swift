import MMUEngine
import Testing

@Suite("The reverse map table")
struct ReverseMapTests {
  @Test("states follow from the fields, and RMPUPDATE moves between those that the host may")
  func states() throws {
    var table = ReverseMapTable(pages: 1024)
    #expect(table.entry(PFN(1)).state == .hypervisor)
    try table.update(PFN(1), .firmware)
    #expect(table.entry(PFN(1)).state == .firmware)
    try table.update(PFN(2), .guest(5, GFN(9), isImmutable: true))
    #expect(table.entry(PFN(2)).state == .preGuest)
    try table.update(PFN(3), .guest(5, GFN(7)))
    #expect(table.entry(PFN(3)).state == .guestInvalid)
    #expect(table.validate(PFN(3), GFN(7), .page4K, true, asid: 5) == .ok)
    #expect(table.entry(PFN(3)).state == .guestValid)
    try table.update(PFN(3), .guest(5, GFN(7), isImmutable: true))
    #expect(table.entry(PFN(3)).state == .preSwap)
  }

  @Test("RMPUPDATE refuses and changes nothing")
  func refusals() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(1), .firmware)
    try table.update(PFN(512), .guest(5, GFN(512), .page2M))
    let before = table
    #expect(throws: ReverseMapFailure.permission) { try table.update(PFN(1), .shared()) }
    #expect(throws: ReverseMapFailure.input) { try table.update(PFN(1024), .shared()) }
    #expect(throws: ReverseMapFailure.input) { try table.update(PFN(3), .guest(5, GFN(3), .page2M)) }
    #expect(throws: ReverseMapFailure.input) { try table.update(PFN(3), .guest(2000, GFN(3))) }
    #expect(throws: ReverseMapFailure.input) {
      try table.update(PFN(3), ReverseMapUpdate(isAssigned: false, isImmutable: true))
    }
    #expect(throws: ReverseMapFailure.overlap) { try table.update(PFN(513), .shared()) }
    #expect(throws: ReverseMapFailure.overlap) { try table.update(PFN(0), .guest(5, GFN(0), .page2M)) }
    #expect(table == before)
  }

  @Test("a change of owner, address, size or assignment takes the validation; none keeps it")
  func validation() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(3), .guest(5, GFN(7)))
    #expect(table.validate(PFN(3), GFN(7), .page4K, true, asid: 5) == .ok)
    #expect(table.validate(PFN(3), GFN(7), .page4K, true, asid: 5) == .unchanged)
    try table.update(PFN(3), .guest(5, GFN(7)))
    #expect(table.entry(PFN(3)).isValidated)
    try table.update(PFN(3), .guest(5, GFN(8)))
    #expect(!table.entry(PFN(3)).isValidated)
  }

  @Test("PSMASH keeps validation and counts addresses on; a 4 KiB leaf over a 2 MiB entry faults before")
  func smash() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(512), .guest(5, GFN(0x1000), .page2M))
    #expect(table.validate(PFN(515), GFN(0x1003), .page4K, true, asid: 5) == .nestedPageFault)
    #expect(table.validate(PFN(512), GFN(0x1000), .page2M, true, asid: 5) == .ok)
    #expect(table.access(PFN(515), GFN(0x1003), .page2M, asid: 5) == .ok)
    #expect(table.access(PFN(515), GFN(0x1003), .page4K, asid: 5) == .nestedPageFault)
    try table.smash(PFN(512))
    #expect(table.access(PFN(515), GFN(0x1003), .page4K, asid: 5) == .ok)
    #expect(table.assignedPages(in: PFN(512)) == 512)
    #expect(table.validate(PFN(512), GFN(0x1000), .page2M, false, asid: 5) == .failed(.sizeMismatch))
    #expect(throws: ReverseMapFailure.input) { try table.smash(PFN(512)) }
  }

  @Test("accesses: owner, address, validation; the host never writes an assigned page")
  func accesses() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(3), .guest(5, GFN(7)))
    #expect(table.access(PFN(3), GFN(7), .page4K, asid: 5) == .notValidated)
    #expect(table.access(PFN(3), GFN(7), .page4K, asid: 6) == .nestedPageFault)
    #expect(table.access(PFN(3), GFN(8), .page4K, asid: 5) == .nestedPageFault)
    #expect(!table.allowsHostWrite(PFN(3), .page4K))
    #expect(!table.allowsHostWrite(PFN(0), .page2M))
    #expect(table.allowsHostWrite(PFN(4), .page4K))
  }

  @Test("a guest's life: launch, running, decommission; its ASID serves again only when clean and unused")
  func guestLife() throws {
    var firmware = SEVFirmware(pages: 1024)
    try firmware.rmp.update(PFN(1), .firmware)
    try firmware.createContext(PFN(1))
    #expect(throws: SEVStatus.invalidGuestState) { try firmware.activate(PFN(1), 5) }
    try firmware.startLaunch(PFN(1))
    try firmware.activate(PFN(1), 5)
    try firmware.rmp.update(PFN(2), .guest(5, GFN(2), isImmutable: true))
    try firmware.updateLaunch(PFN(1), PFN(2))
    #expect(firmware.rmp.entry(PFN(2)).state == .guestValid)
    #expect(throws: SEVStatus.invalidPageState) { try firmware.updateLaunch(PFN(1), PFN(2)) }
    try firmware.finishLaunch(PFN(1))
    #expect(throws: SEVStatus.invalidPageState) { try firmware.reclaim(PFN(1)) }
    try firmware.decommission(PFN(1))
    #expect(firmware.rmp.entry(PFN(1)).state == .firmware)
    try firmware.createContext(PFN(1))
    try firmware.startLaunch(PFN(1))
    #expect(throws: SEVStatus.dataFabricFlushRequired) { try firmware.activate(PFN(1), 5) }
    #expect(throws: SEVStatus.writeBackRequired) { try firmware.flushDataFabric() }
    firmware.hasWrittenBack = true
    try firmware.flushDataFabric()
    #expect(throws: SEVStatus.invalidConfig) { try firmware.activate(PFN(1), 5) }
    try firmware.rmp.update(PFN(2), .shared())
    try firmware.activate(PFN(1), 5)
  }

  @Test("KVM: prepare, fault, free; a page whose update fails stays assigned, a firmware page then leaks")
  func host() throws {
    var host = SNPHost(pages: 1024)
    #expect(try host.prepare(PFN(512), GFN(0x1000), isHuge: true, asid: 5) == .page2M)
    #expect(try host.handleFault(PFN(515), GFN(0x1003)) == FrameRange(start: 0x1003, end: 0x1203))
    #expect(try host.handleFault(PFN(515), GFN(0x1003)) == nil)
    #expect(try host.prepare(PFN(515), GFN(0x1003), isHuge: false, asid: 5) == .page4K)
    #expect(try host.free(512..<1024) == [])
    #expect(host.firmware.rmp.assignedPages(in: PFN(512)) == 0)
    try host.firmware.rmp.update(PFN(7), .guest(5, GFN(7), isImmutable: true))
    #expect(try host.free(7..<8) == [PFN(7)])
    try host.firmware.rmp.update(PFN(8), .firmware)
    try host.firmware.createContext(PFN(8))
    host.reclaimFirmwarePage(PFN(8))
    #expect(host.leaked == [PFN(8)])
    try host.firmware.rmp.update(PFN(9), .firmware)
    host.reclaimFirmwarePage(PFN(9))
    #expect(host.firmware.rmp.entry(PFN(9)).state == .hypervisor)
  }

  @Test("RMPUPDATE of 2 MiB overlaps pages behind the first; the first one itself does not count")
  func subpages() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(512), .guest(5, GFN(512)))
    #expect(table.assignedPages(in: PFN(515)) == 1 && table.subpageCount(PFN(512)) == 0)
    try table.update(PFN(512), .guest(5, GFN(512), .page2M))
    #expect(table.entry(PFN(700)).size == .page2M)
    try table.update(PFN(512), .shared(.page2M))
    try table.update(PFN(600), .guest(5, GFN(600)))
    let before = table
    #expect(table.subpageCount(PFN(512)) == 1)
    #expect(throws: ReverseMapFailure.overlap) { try table.update(PFN(512), .guest(5, GFN(512), .page2M)) }
    #expect(throws: ReverseMapFailure.overlap) { try table.update(PFN(512), .shared(.page2M)) }
    #expect(table == before)
  }

  @Test("KVM tries PSMASH again while a page is in use, zaps what PSMASH refuses, and frees on when the page is let go")
  func smashRefused() throws {
    var host = SNPHost(pages: 1024)
    try host.firmware.rmp.update(PFN(512), .guest(5, GFN(0x1000), .page2M))
    host.firmware.rmp.firmware(PFN(512)) { $0.isLocked = true }
    let before = host
    let spin = ReverseMapSpin(page: PFN(515), failure: .inUse)
    #expect(throws: spin) { try host.handleFault(PFN(515), GFN(0x1003)) }
    #expect(throws: spin) { try host.free(515..<517) }
    #expect(host == before)
    host.firmware.rmp.firmware(PFN(512)) {
      $0.isLocked = false
      $0.isImmutable = true
    }
    #expect(try host.handleFault(PFN(515), GFN(0x1003)) == FrameRange(start: 0x1003, end: 0x1203))
    #expect(host.firmware.rmp.entry(PFN(515)).size == .page2M)
    #expect(try host.free(515..<517) == [PFN(515), PFN(516)])
    host.firmware.rmp.firmware(PFN(512)) { $0.isImmutable = false }
    #expect(try host.free(515..<517) == [])
    #expect(host.firmware.rmp.assignedPages(in: PFN(512)) == 510)
    #expect(host.leaked == [])
  }

  @Test("RMPADJUST: to a lower level only, no more than the level has itself, on a validated page of its size")
  func adjust() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(3), .guest(5, GFN(7)))
    let readWrite = VMPLAdjustment(target: 1, permissions: [.read, .write])
    #expect(table.adjust(PFN(3), GFN(7), .page4K, readWrite, by: 0, asid: 5) == .notValidated)
    #expect(table.validate(PFN(3), GFN(7), .page4K, true, asid: 5) == .ok)
    let before = table
    #expect(table.adjust(PFN(3), GFN(7), .page4K, readWrite, by: 1, asid: 5) == .failed(.permission))
    #expect(
      table.adjust(PFN(3), GFN(7), .page4K, VMPLAdjustment(target: 4, permissions: []), by: 0, asid: 5)
        == .failed(.permission))
    #expect(table.adjust(PFN(3), GFN(8), .page4K, readWrite, by: 0, asid: 5) == .nestedPageFault)
    #expect(table.adjust(PFN(3), GFN(7), .page4K, readWrite, by: 0, asid: 6) == .nestedPageFault)
    #expect(table.adjust(PFN(3), GFN(7), .page2M, readWrite, by: 0, asid: 5) == .failed(.sizeMismatch))
    #expect(table == before)
    #expect(table.adjust(PFN(3), GFN(7), .page4K, readWrite, by: 0, asid: 5) == .ok)
    #expect(table.entry(PFN(3)).permissions == [.all, [.read, .write], [], []])
    let more = VMPLAdjustment(target: 2, permissions: [.read, .userExecute])
    #expect(table.adjust(PFN(3), GFN(7), .page4K, more, by: 1, asid: 5) == .failed(.permission))
    let less = VMPLAdjustment(target: 2, permissions: .read)
    #expect(table.adjust(PFN(3), GFN(7), .page4K, less, by: 1, asid: 5) == .ok)
    let vmsa = VMPLAdjustment(target: 2, permissions: .read, isVMSA: true)
    #expect(table.adjust(PFN(3), GFN(7), .page4K, vmsa, by: 1, asid: 5) == .failed(.permission))
    #expect(table.adjust(PFN(3), GFN(7), .page4K, vmsa, by: 0, asid: 5) == .ok)
    #expect(table.entry(PFN(3)).isVMSA)
    #expect(table.entry(PFN(3)).permissions == [.all, [.read, .write], .read, []])
  }

  @Test("masks: kept by PSMASH and by an update that changes nothing, fresh for a new owner")
  func masks() throws {
    var table = ReverseMapTable(pages: 1024)
    try table.update(PFN(512), .guest(5, GFN(0x1000), .page2M))
    #expect(table.validate(PFN(512), GFN(0x1000), .page2M, true, asid: 5) == .ok)
    let all = VMPLAdjustment(target: 3, permissions: .all)
    #expect(table.adjust(PFN(512), GFN(0x1000), .page2M, all, by: 0, asid: 5) == .ok)
    try table.smash(PFN(512))
    #expect(table.entry(PFN(700)).permissions == [.all, [], [], .all])
    try table.update(PFN(700), .guest(5, GFN(0x10BC)))
    #expect(table.entry(PFN(700)).permissions == [.all, [], [], .all])
    try table.update(PFN(700), .guest(6, GFN(0x10BC)))
    #expect(table.entry(PFN(700)).permissions == ReverseMapEntry.freshPermissions)
  }
}
