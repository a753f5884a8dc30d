import Checking
import Execution
import ExplicitState
import Murphi
import Replay
import Testing
import TransitionSystems

/// Every SEAMCALL of a zap or of the teardown fails for good, in both forms of the kernel: the model's traces to what comes of
/// it, on the concrete machine.
@Suite("Hard failures")
struct HardFailureTests {
  /// What is to be reached, and what its last step must end in.
  struct Goal: CustomStringConvertible, Sendable {
    let rule: String
    /// A condition on states that only a trace through the rule reaches.
    let condition: String
    let event: String
    var description: String { rule }
  }

  /// By rule: of each failure its last consequence.
  static let goals = [
    Goal(
      rule: "TDH.VP.FLUSH fails",
      condition:
        "phase = P_LEAKED & refused = TDX_SUCCESS & (exists v: vcpu do unflushed[v] & associated[v] end)",
      event: "TDX_FLUSHVP_NOT_DONE"),
    Goal(
      rule: "TDH.VP.FLUSH fails",
      condition: "phase = P_CACHE_WB & (exists v: vcpu do unflushed[v] end)", event: "SUCCESS"),
    Goal(
      rule: "TDH.MNG.VPFLUSHDONE fails",
      condition: "phase = P_LEAKED & lifecycle = TD_KEYS_CONFIGURED & refused != TDX_SUCCESS",
      event: "TDX_SYS_SHUTDOWN"),
    Goal(
      rule: "TDH.PHYMEM.CACHE.WB fails",
      condition: "phase = P_LEAKED & bugged & (exists k: package do cacheFailed[k] end)", event: "KVM_BUG_ON"),
    Goal(
      rule: "TDH.PHYMEM.CACHE.WB fails",
      condition: "(exists k: package do cacheFailed[k] & cacheInterrupted[k] end)", event: "TDX_SYS_SHUTDOWN"),
    Goal(
      rule: "TDH.MNG.KEY.FREEID fails",
      condition: "phase = P_LEAKED & lifecycle = TD_BLOCKED & bugged & (forall k: package do !cacheFailed[k] end)",
      event: "KVM_BUG_ON"),
    Goal(
      rule: "a table's reclaim fails",
      condition: "phase = P_LEAKED & !upperDirectory & !controlPages & (exists p: page do pamt[p] = PT_EPT end)",
      event: "TDX_TD_ASSOCIATED_PAGES_EXIST"),
    Goal(
      rule: "the lower directory page's reclaim fails", condition: "lowerDirectory & !upperDirectory",
      event: "table-freed-before-leaves"),
    Goal(
      rule: "the lower directory page's reclaim fails",
      condition: "phase = P_LEAKED & lowerDirectory & !controlPages",
      event: "TDX_TD_ASSOCIATED_PAGES_EXIST"),
    Goal(
      rule: "the upper directory page's reclaim fails",
      condition: "phase = P_LEAKED & upperDirectory & !controlPages",
      event: "TDX_TD_ASSOCIATED_PAGES_EXIST"),
    Goal(
      rule: "the reclaim of a TDCS or TDVPR page fails", condition: "phase = P_LEAKED & !upperDirectory & controlPages",
      event: "TDX_TD_ASSOCIATED_PAGES_EXIST"),
    Goal(
      rule: "the TDR's reclaim fails",
      condition: "phase = P_LEAKED & lifecycle = TD_TEARDOWN & refused = TDX_SYS_SHUTDOWN", event: "TDX_SYS_SHUTDOWN"),
    Goal(
      rule: "the write-back of the TDR fails", condition: "phase = P_LEAKED & lifecycle = TD_NONE & bugged",
      event: "KVM_BUG_ON"),
    Goal(
      rule: "TDH.MEM.RANGE.BLOCK fails",
      condition:
        "bugged & (exists t: table do exists l: leaf do mirrorLeaf[t][l] = NONPRESENT & septLeaf[t][l] = MAPPED end end)",
      event: "KVM_BUG_ON"),
    Goal(rule: "TDH.MEM.TRACK fails", condition: "bugged & step = S_KICK", event: "KVM_BUG_ON"),
    Goal(
      rule: "TDH.MEM.PAGE.REMOVE fails",
      condition:
        "bugged & (exists t: table do exists l: leaf do septLeaf[t][l] = BLOCKED & blockAge[t][l] = 1 & step = S_WALK end end)",
      event: "KVM_BUG_ON"),
    Goal(
      rule: "TDH.PHYMEM.PAGE.WBINVD fails",
      condition: "bugged & step = S_WALK & (exists p: page do dirty[p] & pamt[p] = PT_NDA end)", event: "KVM_BUG_ON"),
  ]

  @Test("every failing rule has a goal")
  func complete() throws {
    let rules = try ShippedModel("sept-teardown").plain.rules.compactMap(\.name).filter { $0.hasSuffix("fails") }
    #expect(Set(rules) == Set(Self.goals.map(\.rule)))
  }

  @Test("reached, accepted, reproduced", arguments: ["kvm-6-16", "kvm-6-19"])
  func reproduced(_ policy: String) throws {
    let shipped = try ShippedModel("sept-teardown")
    let goals = Self.goals.enumerated().map { "invariant \"goal \($0.offset)\" !(\($0.element.condition));\n" }
    let edited = try ShippedModel("sept-teardown", text: shipped.text + "\n" + goals.joined())
    let settings = [
      ("HARD_FAILURE", "true"), ("PAGES", "2"), ("KVM_616", policy == "kvm-6-16" ? "true" : "false"),
    ].map { ConstantSetting(name: $0.0, value: $0.1) }
    let program = try Program(model: edited.tree.check(constants: settings).model)
    let first = program.model.properties.count - goals.count
    let properties = goals.indices.map { PropertyID.invariant(first + $0) }
    let options = SearchOptions(stop: .whenDecided(properties), deadlock: .off)
    let report = BreadthFirstSearch(program, options: options).run()
    let replayer = try #require(Replayer(program: program))
    for (goal, property) in zip(Self.goals, properties) {
      let trace = try #require(report.trace(of: property), "\(goal): not reached")
      #expect(trace.steps.contains { $0.firing.name == goal.rule }, "\(goal)")
      #expect(throws: Never.self, "\(goal)") { try TraceChecker(program: program).check(trace, violates: property) }
      let damage: Set = ["KVM_BUG_ON", "table-freed-before-leaves"]
      let replay = replayer.replay(trace, policy: policy, event: goal.event, tolerating: damage)
      #expect(replay.result == .reproduced(event: goal.event), "\(goal), \(goal.condition)")
    }
  }
}
