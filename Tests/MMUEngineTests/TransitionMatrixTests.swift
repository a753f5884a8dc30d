/// Every call on the Secure-EPT × every state of the entry × the TD running or not: the exact status, and the whole state.
///
/// The tables are written down here from the module's own transition tables and share nothing with the engine. A refused
/// call leaves the platform as it was; a successful one leaves exactly the platform that the test computes.
import MMUEngine
import Testing

/// When the call comes.
enum Moment: String, CaseIterable {
  /// OP_STATE INITIALIZED: neither blocking nor tracking is required.
  case notRunning
  /// OP_STATE RUNNABLE, the entry blocked (if it is) in the current epoch.
  case untracked
  /// The same, with a TRACK since.
  case tracked
}

@Suite struct TransitionMatrixTests {
  static let states: [SecureEPTState] = [
    .free, .nonLeafMapped, .nonLeafBlocked, .mapped, .blocked, .pending, .pendingBlocked,
  ]
  static let abbreviations = [
    "ESI": "TDX_EPT_ENTRY_STATE_INCORRECT|rcx", "ALRB": "TDX_GPA_RANGE_ALREADY_BLOCKED|rcx",
    "NBLK": "TDX_GPA_RANGE_NOT_BLOCKED|rcx", "OPST": "TDX_OP_STATE_INCORRECT",
  ]
  /// What each call makes of each state in the order of `states`; `(T)`: only when tracked.
  static let running: [String: [String]] = [
    "SEPT.ADD": ["NL_MAPPED", "ESI", "ESI", "ESI", "ESI", "ESI", "ESI"],
    "PAGE.AUG": ["PENDING", "ESI", "ESI", "ESI", "ESI", "ESI", "ESI"],
    "RANGE.BLOCK": ["ESI", "NL_BLOCKED", "ALRB", "BLOCKED", "ALRB", "PENDING_BLOCKED", "ALRB"],
    "RANGE.UNBLOCK": ["ESI", "ESI", "NL_MAPPED(T)", "ESI", "MAPPED(T)", "ESI", "PENDING(T)"],
    "PAGE.REMOVE": ["ESI", "ESI", "ESI", "NBLK", "FREE(T)", "NBLK", "FREE(T)"],
    "SEPT.REMOVE": ["ESI", "NBLK", "FREE(T)", "ESI", "ESI", "ESI", "ESI"],
  ]
  static let notRunning: [String: [String]] = [
    "SEPT.ADD": ["NL_MAPPED", "ESI", "ESI", "ESI", "ESI", "ESI", "ESI"],
    "PAGE.AUG": ["PENDING", "ESI", "ESI", "ESI", "ESI", "ESI", "ESI"],
    "RANGE.BLOCK": ["ESI", "NL_BLOCKED", "ALRB", "BLOCKED", "ALRB", "PENDING_BLOCKED", "ALRB"],
    "RANGE.UNBLOCK": ["ESI", "ESI", "NL_MAPPED", "ESI", "MAPPED", "ESI", "PENDING"],
    "PAGE.REMOVE": ["ESI", "ESI", "ESI", "FREE", "FREE", "FREE", "FREE"],
    "SEPT.REMOVE": ["ESI", "FREE", "FREE", "ESI", "ESI", "ESI", "ESI"],
  ]

  /// The call, on the 2 MiB entry of gfn 0; added pages are not in use elsewhere.
  private func call(_ name: String, _ fixture: PlatformFixture) -> SEAMCall? {
    let spare = fixture.page.advanced(by: 1)
    return switch name {
    case "SEPT.ADD": .addTable(fixture.info, tdr: fixture.tdr.address, page: spare.address)
    case "PAGE.AUG": .augmentPage(fixture.info, tdr: fixture.tdr.address, page: fixture.block.address)
    case "RANGE.BLOCK": .block(fixture.info, tdr: fixture.tdr.address)
    case "RANGE.UNBLOCK": .unblock(fixture.info, tdr: fixture.tdr.address)
    case "PAGE.REMOVE": .removePage(fixture.info, tdr: fixture.tdr.address)
    case "SEPT.REMOVE": .removeTable(fixture.info, tdr: fixture.tdr.address)
    default: nil
    }
  }

  /// The platform after a success, computed from the one before by what the specification lists as effects.
  private func expected(_ name: String, _ result: SecureEPTState, _ before: PlatformFixture) -> TDXPlatform {
    var after = before.platform
    let old = after.readEntry(before.entry)
    let size: Level = old.state?.isLeaf == true ? .page2M : .page4K
    let spare = before.page.advanced(by: 1)
    var target = old.page
    switch name {
    case "SEPT.ADD":
      target = spare
      after.memory.fill(spare, with: SecureEPTEntry.free.rawValue)
      after.memory.dirty(spare, before.key)
      after.pamt[spare, .page4K] = PageMetadata(type: .secureEPT, owner: before.tdr)
      after.domains[before.tdr]?.childCount += 1
    case "PAGE.AUG":
      target = before.block
      after.pamt[before.block, .page2M] = PageMetadata(type: .regular, owner: before.tdr)
      after.domains[before.tdr]?.childCount += 512
    case "RANGE.BLOCK": after.pamt[old.page, size].blockEpoch = before.domain.epoch
    case "PAGE.REMOVE", "SEPT.REMOVE":
      let epoch = after.pamt[old.page, size].blockEpoch
      after.pamt[old.page, size] = PageMetadata(type: .notAssigned, owner: nil, blockEpoch: epoch)
      after.domains[before.tdr]?.childCount -= size.pages
    default: break
    }
    let entry = result == .free ? SecureEPTEntry.free : SecureEPTEntry(result, page: target)
    after.memory.write(before.entry.table, before.entry.index, entry.rawValue)
    return after
  }

  @Test(
    arguments: Moment.allCases, ["SEPT.ADD", "PAGE.AUG", "RANGE.BLOCK", "RANGE.UNBLOCK", "PAGE.REMOVE", "SEPT.REMOVE"])
  func everyState(_ moment: Moment, _ name: String) throws {
    for (index, state) in Self.states.enumerated() {
      var fixture = try PlatformFixture(running: moment != .notRunning)
      try fixture.plant(state)
      if moment == .tracked { try fixture.platform.execute(.track(tdr: fixture.tdr.address)) }
      var cell = try #require((moment == .notRunning ? Self.notRunning : Self.running)[name]?[index])
      let needsTracking = cell.hasSuffix("(T)")
      if needsTracking { cell.removeLast(3) }
      let operand = name == "RANGE.UNBLOCK" ? "secureEPTTree" : "rcx"
      let result = SecureEPTState.allCases.first { $0.name == cell }
      let isRefused = result == nil || needsTracking && moment == .untracked
      let before = fixture
      let status = fixture.status(try #require(call(name, fixture)))
      let context: Comment = "\(name) on \(state.name), \(moment.rawValue)"
      if isRefused {
        let refusal = result == nil ? Self.abbreviations[cell] : "TDX_TLB_TRACKING_NOT_DONE|\(operand)"
        #expect(status == refusal, context)
        #expect(fixture.platform == before.platform, context)
      } else {
        #expect(status == "SUCCESS", context)
        #expect(fixture.platform == expected(name, try #require(result), before), context)
      }
    }
  }

  /// PAGE.ADD is for 4 KiB entries of a TD that is not running.
  @Test func addPageOnEveryState() throws {
    for state in Self.states where state.isLeaf || state == .free {
      for isRunning in [false, true] {
        var fixture = try PlatformFixture(running: isRunning)
        try fixture.augmentSmallPage()
        let location = SecureEPTLocation(table: fixture.page, index: 1)
        let planted = state == .free ? SecureEPTEntry.free : SecureEPTEntry(state, page: fixture.block)
        fixture.platform.memory.write(location.table, location.index, planted.rawValue)
        let spare = fixture.page.advanced(by: 1)
        let before = fixture.platform
        let status = fixture.status(
          .addPage(PageInfo(GFN(1), .page4K), tdr: fixture.tdr.address, page: spare.address, source: HPA(0)))
        if isRunning || state != .free {
          #expect(
            status == (isRunning ? "TDX_OP_STATE_INCORRECT" : "TDX_EPT_ENTRY_STATE_INCORRECT|rcx"), "\(state.name)")
          #expect(fixture.platform == before, "\(state.name)")
          continue
        }
        var after = before
        after.memory.write(location.table, location.index, SecureEPTEntry(.mapped, page: spare).rawValue)
        after.memory.dirty(spare, fixture.key)
        after.pamt[spare, .page4K] = PageMetadata(type: .regular, owner: fixture.tdr)
        after.domains[fixture.tdr]?.childCount += 1
        after.domains[fixture.tdr]?.measure([2, PageInfo(GFN(1), .page4K).rawValue])
        #expect(status == "SUCCESS")
        #expect(fixture.platform == after)
      }
    }
  }

  /// TDG.MEM.PAGE.ACCEPT on a 2 MiB entry; a TD exit takes the vCPU out of the guest and does nothing else.
  @Test func acceptOnEveryState() throws {
    let answers = [
      "EXIT", "TDX_PAGE_SIZE_MISMATCH", "TDX_PAGE_SIZE_MISMATCH", "TDX_PAGE_ALREADY_ACCEPTED", "EXIT", "SUCCESS",
      "EXIT",
    ]
    for (state, answer) in zip(Self.states, answers) {
      var fixture = try PlatformFixture(running: true)
      try fixture.plant(state)
      try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
      var after = fixture.platform
      #expect(try fixture.accept(fixture.vcpus[0], GFN(0), .page2M) == answer, "\(state.name)")
      if answer == "EXIT" { after.exit(fixture.vcpus[0]) }
      if answer == "SUCCESS" {
        after.memory.write(fixture.entry.table, 0, SecureEPTEntry(.mapped, page: fixture.block).rawValue)
        for offset in 0..<512 { after.memory.dirty(fixture.block.advanced(by: offset), fixture.key) }
      }
      #expect(fixture.platform == after, "\(state.name)")
    }
  }

  /// MEM.TRACK depends on no entry, only on who is in the guest of which epoch.
  @Test func trackWantsThePreviousEpochEmpty() throws {
    var fixture = try PlatformFixture(running: true)
    try fixture.platform.enter(fixture.vcpus[0], on: LPID(0))
    var after = fixture.platform
    after.domains[fixture.tdr]?.epoch = 2
    #expect(fixture.status(.track(tdr: fixture.tdr.address)) == "SUCCESS")
    #expect(fixture.platform == after)
    #expect(fixture.status(.track(tdr: fixture.tdr.address)) == "TDX_PREVIOUS_TLB_EPOCH_BUSY")
    #expect(fixture.platform == after)
    fixture.platform.exit(fixture.vcpus[0])
    #expect(fixture.status(.track(tdr: fixture.tdr.address)) == "SUCCESS")
    #expect(fixture.domain.epoch == 3)
  }
}
