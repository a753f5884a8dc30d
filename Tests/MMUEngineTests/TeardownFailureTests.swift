/// A SEAMCALL of the teardown fails for good: what KVM makes of it, what the module makes of the rest, and nothing else.
import MMUEngine
import Testing

@Suite struct TeardownFailureTests {
  /// A TD with a table and no leaf, vCPU 0 associated; the last reference is gone.
  private static let released = [
    Script.build, Script.finalize,
    """
    TDH.VP.ENTER vcpu=0
    vcpu_exit vcpu=0
    close_begin
    job_lock
    job_unlock
    close_truncate
    vm_release
    """,
  ]
  private static let flushed =
    released + ["TDH.VP.FLUSH vcpu=0\nTDH.VP.FLUSH vcpu=1 -> TDX_VCPU_NOT_ASSOCIATED\nTDH.MNG.VPFLUSHDONE"]
  private static let torn =
    flushed + [
      "TDH.PHYMEM.CACHE.WB package=0\nTDH.PHYMEM.CACHE.WB package=1\nTDH.MNG.KEY.FREEID\nreclaim_table gfn=512"
    ]

  /// Runs a script, then a call that fails; everything but what `change` says is as before.
  private func fail(
    after script: [String], _ call: String, _ change: (inout TDXHost) -> Void,
    _ location: SourceLocation = #_sourceLocation
  ) throws -> Machine {
    var machine = try run("right", script, location)
    var expected = machine.tdx
    _ = try machine.perform("inject_seamcall_failure", [:])
    let step = Step(call)
    let outcome = try machine.perform(step.request.name, step.request.arguments)
    #expect(outcome.status == "TDX_SYS_SHUTDOWN", sourceLocation: location)
    #expect(outcome.checks == [], sourceLocation: location)
    change(&expected)
    #expect(machine.tdx == expected, sourceLocation: location)
    return machine
  }

  /// Goes on with a script; every status and check as written.
  private func go(
    _ machine: inout Machine, _ script: [String], _ location: SourceLocation = #_sourceLocation
  ) throws {
    for line in script {
      let step = Step(line)
      let outcome = try machine.perform(step.request.name, step.request.arguments)
      #expect(outcome.status == step.status, "\(line)", sourceLocation: location)
      #expect(outcome.checks.first?.name == step.check, "\(line)", sourceLocation: location)
    }
  }

  @Test("VP.FLUSH of an associated vCPU: KVM_BUG_ON, then FLUSHVP_NOT_DONE, quietly; the HKID stays")
  func flush() throws {
    var machine = try fail(after: Self.released, "TDH.VP.FLUSH vcpu=0") {
      $0.vm?.unflushedVCPUs = [0]
      $0.vm?.hasPendingBug = true
    }
    try go(
      &machine,
      [
        "TDH.VP.FLUSH vcpu=1 -> KVM_WOULD_KVM_BUG_ON", "TDH.MNG.VPFLUSHDONE -> KVM_WOULD_KVM_BUG_ON",
        "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON", "TDH.VP.FLUSH vcpu=0 -> KVM_WOULD_VPFLUSHDONE",
        "TDH.VP.FLUSH vcpu=1 -> TDX_VCPU_NOT_ASSOCIATED", "TDH.MNG.VPFLUSHDONE -> TDX_FLUSHVP_NOT_DONE",
        "kvm_bug_on -> KVM_WOULD_REFUSE", "TDH.MNG.VPFLUSHDONE -> KVM_WOULD_REFUSE",
        "reclaim_table gfn=512 -> KVM_WOULD_REFUSE",
      ])
    #expect(try machine.observe("hkid_assigned", [:]) == .boolean(true))
    #expect(try machine.observe("pamt", ["pfn": .integer(4096)]) == .symbol("PT_EPT"))
  }

  @Test("VP.FLUSH of a vCPU that was not associated: KVM_BUG_ON, and the teardown goes on")
  func needlessFlush() throws {
    var machine = try fail(after: Self.released, "TDH.VP.FLUSH vcpu=1") {
      $0.vm?.unflushedVCPUs = [1]
      $0.vm?.hasPendingBug = true
    }
    try go(
      &machine,
      [
        "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON", "TDH.MNG.VPFLUSHDONE -> KVM_WOULD_VP_FLUSH", "TDH.VP.FLUSH vcpu=0",
        "TDH.MNG.VPFLUSHDONE", "TDH.PHYMEM.CACHE.WB package=0", "TDH.PHYMEM.CACHE.WB package=1", "TDH.MNG.KEY.FREEID",
      ])
  }

  @Test("CACHE.WB: a warning and the next package; KEY.FREEID is refused, KVM_BUG_ON, the lines stay dirty")
  func cache() throws {
    var machine = try fail(after: Self.flushed, "TDH.PHYMEM.CACHE.WB package=0") {
      $0.vm?.failedPackages = [PackageID(0)]
    }
    try go(
      &machine,
      [
        "TDH.PHYMEM.CACHE.WB package=0 -> KVM_WOULD_CACHE_WB", "TDH.MNG.KEY.FREEID -> KVM_WOULD_CACHE_WB",
        "kvm_bug_on -> KVM_WOULD_REFUSE", "TDH.PHYMEM.CACHE.WB package=1",
        "TDH.MNG.KEY.FREEID -> TDX_WBCACHE_NOT_COMPLETE", "kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON",
        "reclaim_table gfn=512 -> KVM_WOULD_REFUSE",
      ])
    #expect(try machine.observe("page_dirty", ["pfn": .integer(4096)]) == .boolean(true))
    #expect(try machine.observe("hkid_assigned", [:]) == .boolean(true))
  }

  @Test("CACHE.WB after an interruption fails alike")
  func interruptedCache() throws {
    let script = Self.flushed + ["TDH.PHYMEM.CACHE.WB package=1 interrupt=1 -> TDX_INTERRUPTED_RESUMABLE"]
    var machine = try fail(after: script, "TDH.PHYMEM.CACHE.WB package=1") { $0.vm?.failedPackages = [PackageID(1)] }
    try go(&machine, ["TDH.PHYMEM.CACHE.WB package=0", "TDH.MNG.KEY.FREEID -> TDX_WBCACHE_NOT_COMPLETE"])
  }

  /// The pages of the control zone that are leaked.
  private func leaked(_ machine: Machine) -> [PFN] {
    machine.tdx.platform.memory.allPages.filter { machine.tdx.platform.memory.frame($0).use == .leaked }
  }

  /// One page of the TD is left: the module keeps the TDR, and nobody asserts.
  private func expectKeptRoot(_ machine: inout Machine, _ location: SourceLocation = #_sourceLocation) throws {
    #expect(leaked(machine).count == 1, sourceLocation: location)
    #expect(machine.tdx.domain?.childCount == 1, sourceLocation: location)
    try go(
      &machine,
      [
        "reclaim_tdr -> TDX_TD_ASSOCIATED_PAGES_EXIST", "kvm_bug_on -> KVM_WOULD_REFUSE",
        "reclaim_tdr -> KVM_WOULD_REFUSE", "td_create -> KVM_WOULD_REFUSE",
      ], location)
  }

  /// The mirror's pages are gone by then, and the page above comes back before the one below has: damage by itself.
  @Test("RECLAIM of the lower page above the tables: it is leaked, the upper one and the control pages come back")
  func lowerDirectory() throws {
    var machine = try run(
      "right",
      Self.torn + ["inject_seamcall_failure", "reclaim_directory -> TDX_SYS_SHUTDOWN ! table-freed-before-leaves"])
    #expect(machine.tdx.vm?.mirror.shadowPages.isEmpty == true)
    try go(&machine, ["reclaim_tdcs"])
    try expectKeptRoot(&machine)
  }

  @Test("RECLAIM of the upper page: it is leaked alone")
  func upperDirectory() throws {
    var machine = try run(
      "right", Self.torn + ["inject_seamcall_failure after=1", "reclaim_directory -> TDX_SYS_SHUTDOWN"])
    try go(&machine, ["reclaim_tdcs"])
    try expectKeptRoot(&machine)
  }

  @Test("RECLAIM of a TDVPR: that one is leaked, the others come back")
  func controlPages() throws {
    var machine = try run(
      "right", Self.torn + ["reclaim_directory", "inject_seamcall_failure", "reclaim_tdcs -> TDX_SYS_SHUTDOWN"])
    #expect(leaked(machine) == machine.tdx.vm?.vcpus.prefix(1).map(\.tdvpr))
    try expectKeptRoot(&machine)
  }

  @Test("RECLAIM of a table's page: leaked, and still the TD's")
  func table() throws {
    let script = Self.flushed + ["TDH.PHYMEM.CACHE.WB package=0\nTDH.PHYMEM.CACHE.WB package=1\nTDH.MNG.KEY.FREEID"]
    var machine = try run("right", script + ["inject_seamcall_failure", "reclaim_table gfn=512 -> TDX_SYS_SHUTDOWN"])
    #expect(leaked(machine) == [PFN(4096)])
    try go(&machine, ["reclaim_directory ! table-freed-before-leaves", "reclaim_tdcs"])
    try expectKeptRoot(&machine)
  }

  @Test("WBINVD of the TDR: KVM_BUG_ON, the TDR is leaked")
  func rootWriteBack() throws {
    let script = Self.torn + ["reclaim_directory\nreclaim_tdcs\nreclaim_tdr"]
    let root = try #require(try run("right", script).tdx.vm?.tdr)
    var machine = try fail(after: script, "wbinvd_tdr") {
      $0.platform.memory.leak(root)
      $0.vm?.phase = .leaked
      $0.vm?.hasPendingBug = true
    }
    try go(
      &machine,
      ["kvm_bug_on -> KVM_BUG_ON ! KVM_BUG_ON", "wbinvd_tdr -> KVM_WOULD_REFUSE", "td_create -> KVM_WOULD_REFUSE"])
  }

  @Test("the same with nothing failing comes to its end")
  func right() throws {
    var machine = try run("right", Self.torn)
    try go(&machine, ["reclaim_directory", "reclaim_tdcs", "reclaim_tdr", "wbinvd_tdr", "td_create"])
    #expect(leaked(machine) == [])
  }
}
