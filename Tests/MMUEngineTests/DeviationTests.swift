/// Each deviation of the kernel, step by step, to the status or the check in which it ends; and the right kernel beside it.
import MMUEngine
import Testing

/// A step of a script: the operation, and the status that it must end in.
struct Step {
  let request: Request
  let status: String
  /// The first check that must fire; nil when none may.
  let check: String?

  /// Reads `NAME key=value … [-> STATUS] [! CHECK]`; the status is SUCCESS when it is left out.
  init(_ text: String) {
    let damage = text.split(separator: "!", maxSplits: 1).map { $0.trimmingCharacters() }
    check = damage.count > 1 ? damage[1] : nil
    let halves = damage[0].split(separator: ">", maxSplits: 1).map { $0.trimmingCharacters() }
    status = halves.count > 1 ? halves[1] : "SUCCESS"
    let words = halves[0].split(separator: " ").map(String.init).filter { $0 != "-" }
    var arguments: [String: Argument] = [:]
    for word in words.dropFirst() {
      let pair = word.split(separator: "=").map(String.init)
      arguments[pair[0]] = .integer(Int(pair[1]) ?? -1)
    }
    request = Request(name: words[0], arguments: arguments)
  }
}

extension StringProtocol {
  /// The text without blanks at its ends.
  func trimmingCharacters() -> String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}

/// Runs a script on a machine; every status and every check must be as written. Returns the machine.
@discardableResult
func run(_ policy: String, _ script: [String], _ location: SourceLocation = #_sourceLocation) throws -> Machine {
  var machine = Machine(policy: try #require(KernelPolicy(named: policy), sourceLocation: location))
  for (index, line) in script.flatMap({ $0.split(separator: "\n").map(String.init) }).enumerated() {
    let step = Step(line)
    let outcome = try machine.perform(step.request.name, step.request.arguments)
    #expect(outcome.status == step.status, "\(policy), step \(index): \(line)", sourceLocation: location)
    #expect(outcome.checks.first?.name == step.check, "\(policy), step \(index): \(line)", sourceLocation: location)
  }
  return machine
}

/// Pieces of scripts. Leaf 513 lies in table 512; the table's page is 4096, the leaf's 4097.
enum Script {
  /// A finalised TD with one added page and another one added in the guest's absence.
  static let build = """
    platform vcpus=2 packages=2
    td_create
    init_mem_link_table gfn=512 pfn=4096
    """
  static let finalize = "TDH.MR.FINALIZE"
  /// A page by fault and ACCEPT on vCPU 0, which stays in the guest.
  static let fault = """
    fault_freeze_leaf vcpu=0 gfn=513 pfn=4097
    TDH.MEM.PAGE.AUG vcpu=0 gfn=513
    fault_publish_leaf vcpu=0 gfn=513
    TDH.VP.ENTER vcpu=0
    accept_begin vcpu=0 gfn=513
    accept_end vcpu=0 gfn=513
    guest_touch_all
    """
  static let punch = "punch_begin gfn=513\njob_lock\nzap_leaf gfn=513"
  static let delete = "delete_begin gfn=513\njob_lock"
  static let live = [build, finalize, fault]
  /// What is left of a right zap after BLOCK.
  static let afterBlock = """
    TDH.MEM.TRACK
    kick
    TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> KVM_WOULD_WAIT
    vcpu_exit vcpu=0
    TDH.MEM.PAGE.REMOVE gfn=513 level=0
    TDH.PHYMEM.PAGE.WBINVD gfn=513
    """
  static let flush = """
    vm_release
    TDH.VP.FLUSH vcpu=0
    TDH.VP.FLUSH vcpu=1 -> TDX_VCPU_NOT_ASSOCIATED
    TDH.MNG.VPFLUSHDONE
    TDH.PHYMEM.CACHE.WB package=0 interrupt=1 -> TDX_INTERRUPTED_RESUMABLE
    TDH.PHYMEM.CACHE.WB package=0
    TDH.PHYMEM.CACHE.WB package=0 -> TDX_NO_HKID_READY_TO_WBCACHE
    TDH.MNG.KEY.FREEID -> KVM_WOULD_CACHE_WB
    TDH.PHYMEM.CACHE.WB package=1
    """
}

@Suite struct DeviationTests {
  @Test func rightZapPunchesAHole() throws {
    let machine = try run(
      "right",
      Script.live + [Script.punch, "TDH.MEM.TRACK -> KVM_WOULD_BLOCK", "TDH.MEM.RANGE.BLOCK gfn=513 level=0"]
        + [Script.afterBlock, "job_unlock", "punch_truncate gfn=513", "invalidate_end"])
    #expect(try machine.observe("page_free", ["pfn": .integer(4097)]) == .boolean(true))
    #expect(try machine.observe("page_dirty", ["pfn": .integer(4097)]) == .boolean(false))
    #expect(machine.tdx.checkInvariants() == [])
  }

  @Test func noTrackIsRefusedByTheModule() throws {
    let script = Script.live + [Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0"]
    try run("right", script + ["kick -> KVM_WOULD_TRACK"])
    try run(
      "no-track",
      script + [
        "kick", "vcpu_exit vcpu=0", "TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> TDX_TLB_TRACKING_NOT_DONE",
        "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON",
      ])
  }

  @Test func trackBeforeBlockIsRefusedByTheModule() throws {
    let script = Script.live + [Script.punch]
    try run("right", script + ["TDH.MEM.TRACK -> KVM_WOULD_BLOCK"])
    try run(
      "track-before-block",
      script + [
        "TDH.MEM.TRACK", "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "kick", "vcpu_exit vcpu=0",
        "TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> TDX_TLB_TRACKING_NOT_DONE",
      ])
  }

  @Test func noKickIsRefusedByTheModule() throws {
    let script = Script.live + [Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "TDH.MEM.TRACK"]
    try run("right", script + ["TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> KVM_WOULD_KICK"])
    try run("no-kick", script + ["TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> TDX_TLB_TRACKING_NOT_DONE"])
  }

  @Test func unblockBeforeRemoveIsRefusedByTheModule() throws {
    let script =
      Script.live + [Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "TDH.MEM.TRACK", "kick", "vcpu_exit vcpu=0"]
    try run("right", script + ["TDH.MEM.RANGE.UNBLOCK gfn=513 level=0 -> KVM_WOULD_REMOVE"])
    try run(
      "unblock-before-remove",
      script + [
        "TDH.MEM.RANGE.UNBLOCK gfn=513 level=0", "TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> TDX_GPA_RANGE_NOT_BLOCKED",
      ])
  }

  @Test func eachLayerIsNeeded() throws {
    let end = [
      "TDH.MEM.PAGE.REMOVE gfn=513 level=0", "TDH.PHYMEM.PAGE.WBINVD gfn=513", "job_unlock",
      "punch_truncate gfn=513 ! stale-translation",
    ]
    try run(
      "no-kick+module-no-tracking",
      Script.live + [Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "TDH.MEM.TRACK"] + end)
    // Without TRACK a vCPU that comes back keeps what it had: its epoch has not changed.
    try run(
      "no-track+module-no-tracking",
      Script.live + [
        Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "kick", "vcpu_exit vcpu=0", "TDH.VP.ENTER vcpu=0",
      ] + end)
    try run(
      "module-no-tracking",
      Script.live + [Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0", Script.afterBlock, "job_unlock"]
        + ["punch_truncate gfn=513", "TDH.VP.ENTER vcpu=0", "guest_touch_all"])
  }

  @Test func hkidFirstHitsTheAssertionOrTheModule() throws {
    let script = Script.live + ["vcpu_exit vcpu=0"]
    try run("right", script + ["vm_release -> KVM_WOULD_CLOSE_GMEM"])
    let late = script + [Script.flush, "TDH.MNG.KEY.FREEID ! hkid-freed-early", "close_begin", "job_lock"]
    try run("hkid-first", late + ["zap_leaf gfn=513 -> KVM_BUG_ON ! KVM_BUG_ON"])
    try run(
      "hkid-first+no-hkid-assertion",
      late + [
        "zap_leaf gfn=513", "TDH.MEM.RANGE.BLOCK gfn=513 level=0 -> TDX_TD_KEYS_NOT_CONFIGURED",
        "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON", "job_unlock", "close_truncate ! page-freed-while-owned",
        "reclaim_table gfn=512 ! table-freed-before-leaves",
      ])
  }

  @Test func freeBeforeRemoveFreesAPageOfTheTD() throws {
    let script =
      Script.live + [Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "TDH.MEM.TRACK", "kick", "vcpu_exit vcpu=0"]
    try run("right", script + ["free_early gfn=513 -> KVM_WOULD_REMOVE"])
    try run("free-before-remove", script + ["free_early gfn=513 ! page-freed-while-owned"])
  }

  @Test func zapUnderTheSharedLockHitsTheAssertion() throws {
    let machine = try run(
      "zap-shared",
      Script.live + ["punch_begin gfn=513", "job_lock", "zap_leaf gfn=513 -> KVM_BUG_ON ! KVM_BUG_ON"])
    #expect(try machine.observe("mirror_spte", ["gfn": .integer(513)]) == .symbol("PRESENT"))
    #expect(try machine.observe("vm_bugged") == .boolean(true))
    #expect(try machine.observe("exit_requested", ["vcpu": .integer(0)]) == .boolean(true))
  }

  @Test func zapFromTheRootIsRefusedByTheModule() throws {
    let script = Script.live + [Script.delete]
    try run("right", script + ["zap_table gfn=512 -> KVM_WOULD_ZAP_LEAF"])
    try run(
      "zap-root",
      script + ["zap_table gfn=512", "TDH.MEM.SEPT.REMOVE gfn=512 level=1 -> TDX_GPA_RANGE_NOT_BLOCKED"])
    let blocked =
      script + [
        "zap_table gfn=512", "TDH.MEM.RANGE.BLOCK gfn=512 level=1", "TDH.MEM.TRACK", "kick", "vcpu_exit vcpu=0",
      ]
    try run("zap-root-blocked", blocked + ["TDH.MEM.SEPT.REMOVE gfn=512 level=1 -> TDX_EPT_PAGE_NOT_FREE"])
    try run(
      "zap-root-blocked+module-no-scan", blocked + ["TDH.MEM.SEPT.REMOVE gfn=512 level=1 ! sept-removed-nonempty"])
  }

  @Test func zapAllOnDeleteLosesAnotherSlotsPage() throws {
    let script =
      Script.live + ["delete_begin gfn=512", "job_lock"]
    try run("right", script + ["zap_leaf gfn=513 -> KVM_WOULD_JOB_UNLOCK"])
    try run(
      "zap-all-on-delete",
      script + [
        "zap_leaf gfn=513", "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "TDH.MEM.TRACK", "kick", "vcpu_exit vcpu=0",
        "TDH.MEM.PAGE.REMOVE gfn=513 level=0 ! slot-page-lost",
      ])
  }

  @Test func blockOnlyLeavesThePageToTheTD() throws {
    let machine = try run(
      "block-only",
      Script.live + [
        Script.delete, "zap_leaf gfn=513", "TDH.MEM.RANGE.BLOCK gfn=513 level=0", "TDH.MEM.TRACK", "kick",
        "job_unlock -> KVM_WOULD_WAIT", "vcpu_exit vcpu=0", "job_unlock ! mirror-sept-mismatch",
        "delete_finish gfn=513",
        "slot_create gfn=513",
        "fault_freeze_leaf vcpu=0 gfn=513 pfn=4097",
        "TDH.MEM.PAGE.AUG vcpu=0 gfn=513 -> TDX_EPT_ENTRY_STATE_INCORRECT",
        "kvm_bug_on vcpu=0 -> KVM_BUG_ON ! KVM_BUG_ON",
      ])
    #expect(try machine.observe("sept_state", ["gfn": .integer(513)]) == .symbol("BLOCKED"))
  }

  @Test func teardownOutOfOrderIsRefused() throws {
    let closed = [
      "vcpu_exit vcpu=0", "close_begin", "job_lock", "zap_leaf gfn=513", "TDH.MEM.RANGE.BLOCK gfn=513 level=0",
      "TDH.MEM.TRACK", "kick", "TDH.MEM.PAGE.REMOVE gfn=513 level=0", "TDH.PHYMEM.PAGE.WBINVD gfn=513", "job_unlock",
      "close_truncate",
    ]
    let script = Script.live + closed
    try run("right", script + ["vm_release", "reclaim_table gfn=512 -> KVM_WOULD_VP_FLUSH"])
    try run("tables-first", script + ["vm_release", "reclaim_table gfn=512 -> KVM_BUG_ON ! KVM_BUG_ON"])
    try run(
      "tables-first+no-hkid-assertion",
      script + ["vm_release", "reclaim_table gfn=512 -> TDX_LIFECYCLE_STATE_INCORRECT"])
    let freed = script + [Script.flush, "TDH.MNG.KEY.FREEID"]
    try run("right", freed + ["reclaim_tdr -> KVM_WOULD_RECLAIM_TABLE"])
    try run("tdr-first", freed + ["reclaim_tdr -> TDX_TD_ASSOCIATED_PAGES_EXIST"])
    try run("tdr-first+module-no-children", freed + ["reclaim_tdr ! tdr-reclaimed-early"])
    let end = ["reclaim_table gfn=512", "reclaim_directory", "reclaim_tdcs", "reclaim_tdr", "wbinvd_tdr", "td_create"]
    let machine = try run("right", freed + end)
    #expect(machine.tdx.checkInvariants() == [])
  }

  @Test func busyRetryNeedsTheKick() throws {
    let script = Script.live + [Script.punch, "vcpu_exit vcpu=0", "vp_enter_begin vcpu=0"]
    let block = "TDH.MEM.RANGE.BLOCK gfn=513 level=0"
    try run(
      "right",
      script + [
        "\(block) -> TDX_OPERAND_BUSY", "\(block) -> KVM_WOULD_WAIT", "TDH.VP.ENTER vcpu=1 -> KVM_WOULD_WAIT",
        "vp_enter_end vcpu=0", "vcpu_exit vcpu=0", block,
      ])
    try run(
      "busy-retry-without-kick",
      script + [
        "\(block) -> TDX_OPERAND_BUSY", "\(block) -> TDX_OPERAND_BUSY", "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON",
      ])
    try run(
      "entry-not-barred",
      script + [
        "\(block) -> TDX_OPERAND_BUSY", "vp_enter_end vcpu=0", "vcpu_exit vcpu=0", "vp_enter_begin vcpu=1",
        "\(block) -> TDX_OPERAND_BUSY", "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON",
      ])
  }

  @Test func hardFailureLeaksThePinnedPageOnlyIn616() throws {
    let script =
      Script.live + [
        Script.punch, "inject_seamcall_failure", "TDH.MEM.RANGE.BLOCK gfn=513 level=0 -> TDX_SYS_SHUTDOWN",
        "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON", "job_unlock -> KVM_WOULD_WAIT", "vcpu_exit vcpu=0", "job_unlock",
      ]
    let old = try run("kvm-6-16", script + ["punch_truncate gfn=513"])
    #expect(try old.observe("page_free", ["pfn": .integer(4097)]) == .boolean(false))
    try run("kvm-6-19", script + ["punch_truncate gfn=513 ! page-freed-while-owned"])
  }

  @Test func premappedLeafHasNoEntryToBlock() throws {
    try run(
      "kvm-6-16",
      [
        Script.build, "init_mem_premap gfn=513 pfn=4097",
        "TDH.MEM.PAGE.ADD gfn=513 pfn=4097 busy=1 -> TDX_OPERAND_BUSY", "TDH.MR.FINALIZE -> KVM_WOULD_REFUSE",
        Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0 -> TDX_EPT_ENTRY_STATE_INCORRECT", "job_unlock",
        "punch_truncate gfn=513", "invalidate_end", "TDH.MR.FINALIZE",
      ])
  }

  @Test func finalizeDuringAPunchDefeatsTheSkippedTrack() throws {
    try run(
      "right",
      [
        Script.build, "TDH.MEM.PAGE.ADD gfn=513 pfn=4097", Script.punch, "TDH.MEM.RANGE.BLOCK gfn=513 level=0",
        "track_skipped", "TDH.MR.FINALIZE",
        "TDH.MEM.PAGE.REMOVE gfn=513 level=0 -> TDX_TLB_TRACKING_NOT_DONE", "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON",
      ])
  }
}
