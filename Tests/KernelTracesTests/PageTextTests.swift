/// The texts of pages' events and of error codes: whatever 6.12 and 7.3 can print, and what libtraceevent makes of it.
import Foundation
import KernelTraces
import MMUEngine
import Testing

@Suite("Texts of pages and error codes")
struct PageTextTests {
  private static let head = "a-1 [000] 1.0: "

  /// What one line says, and how it spells access rights.
  private static func read(_ line: String) throws -> (content: TraceContent?, names: KernelVersion.AccessNames?) {
    try TraceFixture.withFile(Data((head + line + "\n").utf8)) { path in
      var reader = TraceReader(try TraceFile(path: path))
      let record = try reader.next()
      return (record?.content, reader.accessNames)
    }
  }

  struct Page: Sendable, CustomTestStringConvertible {
    let text: String
    let page: PageDescription
    let names: KernelVersion.AccessNames

    var testDescription: String { text }

    init(_ text: String, _ names: KernelVersion.AccessNames, _ page: PageDescription) {
      self.text = text
      self.page = page
      self.names = names
    }
  }

  private static let root = PageDescription(gfn: GFN(0), level: .page512G)

  @Test(
    "pages of the TDP MMU",
    arguments: [
      Page("sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 sync new", .writeUserExecute, root),
      Page("sp gen 0 gfn 0 l4 8-byte q0 direct rwux nxe ad root 0 sync new", .readWriteUserExecute, root),
      // AMD's GMET: the guest's kernel executes no page of the user's, so none is the user's.
      Page("sp gen 0 gfn 0 l4 8-byte q0 direct rw-x nxe ad root 0 sync new", .readWriteUserExecute, root),
      Page(
        "sp gen 1 gfn 4c00 l2 8-byte q0 direct rwux invalid nxe !ad root 3 sync existing", .readWriteUserExecute,
        PageDescription(
          generation: 1, gfn: GFN(0x4C00), level: .page2M, isInvalid: true, usesAccessedDirty: false, rootCount: 3)),
      Page(
        "sp gen 255 gfn 0 l5 8-byte q0 direct wux invalid nxe ad root 4294967295 unsync new", .writeUserExecute,
        PageDescription(generation: 255, gfn: GFN(0), level: .page256T, isInvalid: true, rootCount: .max)),
      // libtraceevent's kvm plugin: 6.12, then 7.3, where the names behind the access rights stand for the bit before.
      Page("new sp gfn 0 4 q0 direct wux !pae nxe wp root 0 sync", .writeUserExecute, root),
      Page(
        "new sp gfn 4c00 2 q0 direct wux invalid !pae nxe wp smm root 3 sync", .writeUserExecute,
        PageDescription(gfn: GFN(0x4C00), level: .page2M, isInvalid: true, rootCount: 3)),
      Page("new sp gfn 0 4 q0 direct wux invalid !pae !nxe wp smep root 0 sync", .readWriteUserExecute, root),
      Page("existing sp gfn 0 4 q0 direct w-x invalid !pae !nxe wp smep root 0 sync", .readWriteUserExecute, root),
      Page(
        "new sp gfn 4c00 2 q0 direct wux invalid !pae nxe wp smep root 3 sync", .readWriteUserExecute,
        PageDescription(gfn: GFN(0x4C00), level: .page2M, isInvalid: true, rootCount: 3)),
    ])
  func pages(_ page: Page) throws {
    let found = try Self.read("kvm_mmu_get_page: \(page.text)")
    #expect(found.content == .mmu(.getPage(page.page)))
    #expect(found.names == page.names)
  }

  @Test(
    "pages of the shadow MMU",
    arguments: [
      "sp gen 0 gfn 12345 l1 8-byte q0 wux nxe ad root 0 sync new",
      "sp gen 2 gfn 1 l2 4-byte q3 -u- !nxe ad root 1 unsync",
      // A huge page of a guest's guest, mapped with less than all rights.
      "sp gen 0 gfn 200 l1 8-byte q0 direct w-x nxe ad root 0 sync new",
      "sp gen 0 gfn 200 l1 8-byte q0 direct r--x nxe ad root 0 sync new",
      "sp gen 0 gfn 200 l1 8-byte q0 direct rwux !nxe ad root 0 sync new",
      "new sp gfn 12345 1 q0 wux !pae nxe !wp root 0 sync", "1 q2 --x invalid pae !nxe wp smap root 0 unsync",
    ])
  func shadowPages(text: String) throws {
    #expect(try Self.read("kvm_mmu_get_page: \(text)").content == .otherMMU(EventName(0)))
  }

  @Test(
    "what no kernel and no plugin prints",
    arguments: [
      "sp gen 256 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 sync new",
      "sp gen 0 gfn 0 l6 8-byte q0 direct wux nxe ad root 0 sync new",
      "sp gen 0 gfn 0 l0 8-byte q0 direct wux nxe ad root 0 sync new",
      "sp gen 0 gfn 0 l4 2-byte q0 direct wux nxe ad root 0 sync new",
      "sp gen 0 gfn 0 l4 8-byte q4 direct wux nxe ad root 0 sync new",
      "sp gen 0 gfn 0 l4 8-byte q0 direct xuw nxe ad root 0 sync new",
      "sp gen 0 gfn 0 l4 8-byte q0 direct wux nx ad root 0 sync new",
      "sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe root 0 sync new",
      "sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 4294967296 sync new",
      "sp gen 0 gfn 0 l4 8-byte q0 direct wux nxe ad root 0 syn",
      // A direct page whose role has another layout still.
      "new sp gfn 0 4 q0 direct wux !pae nxe !wp root 0 sync",
      "new sp gfn 0 4 q0 direct wux !pae nxe wp smap root 0 sync",
      "new sp gfn 4 q0 direct wux !pae nxe wp root 0 sync", "new sp gfn 0 4 q0 direct rwux !pae nxe wp root 0 sync",
      "new sp gfn 0 WORD: 00003784 root 0 sync",
    ])
  func corrupt(text: String) throws {
    #expect(throws: TraceError.self) { try Self.read("kvm_mmu_get_page: \(text)") }
  }

  @Test(
    "error codes",
    arguments: [
      ("P|W|U", 7), ("", 0), ("P|W|U|PK|SS|SGX|RSVD|F", 0x807F), ("W|0x100000000", 0x1_0000_0002),
      ("0x100000000", 0x1_0000_0000), ("PK", 0x20), ("P|F", 0x11), ("P|W|U|0x8020", 0x8027), ("SS", 0x40),
      ("SGX", 0x8000),
    ] as [(String, UInt64)])
  func errorCodes(text: String, code: UInt64) throws {
    func line(_ code: String) -> String {
      "fast_page_fault: vcpu 2 gva ff000 error_code \(code) sptep 00000000aa old 0x8025 new 8027 spurious 1 fixed 0"
    }
    let fault = FastPageFault(
      vcpu: 2, address: 0xFF000, errorCode: code, pointer: 0xAA, old: SPTE(rawValue: 0x8025),
      new: SPTE(rawValue: 0x8027),
      isSpurious: true, isFixed: false)
    #expect(try Self.read(line(text)).content == .mmu(.fastPageFault(fault)))
    for wrong in ["\(text)|", "\(text)|Q", "\(text)P"] where text != "" && text != "0x100000000" {
      #expect(throws: TraceError.self) { try Self.read(line(wrong)) }
    }
  }
}
