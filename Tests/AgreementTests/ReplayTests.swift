import Checking
import Execution
import Foundation
import MMUEngine
import Murphi
import Replay
import Testing
import TransitionSystems

/// Every counterexample that a model's header promises, on the concrete machine.
@Suite("Counterexamples on the machine")
struct ReplayTests {
  /// A variant that names an event, as `model/variant`.
  struct Case: CustomStringConvertible, Sendable {
    let model: String
    let variant: String
    var description: String { "\(model)/\(variant)" }
  }

  /// Every variant of every model with `violates … by EVENT`.
  static let cases: [Case] = ShippedModel.names.flatMap { name in
    let variants = (try? ShippedModel(name))?.plain.directives.variants ?? []
    return variants.filter { variant in
      variant.outcomes.contains { if case .violates(_, _?) = $0 { true } else { false } }
    }.map { Case(model: name, variant: $0.name) }
  }

  /// Where one step does two kinds of damage, both named by the variant: variant and property, and all that the last step comes to.
  private static let together = [
    "init2-clears-private-mem: private attributes exist only on VMs with private memory":
      "has-private-mem-changed+private-attribute-without-private-memory",
    "fd-before-flags: read-only slots exist only on VMs without protected state":
      "has-private-mem-changed+readonly-slot-with-protected-state",
  ]

  @Test("two kinds of damage in the last step: both named by the variant, or it diverges")
  func damageTogether() throws {
    let shipped = try ShippedModel("coco-flags")
    let variant = try #require(shipped.variant("init2-clears-private-mem"))
    let found = try #require(
      try Counterexample.all(of: variant, in: shipped).first { Self.together["\(variant.name): \($0.name)"] != nil })
    let (trace, event) = (try #require(found.trace), try #require(found.event))
    let replayer = try #require(Replayer(program: found.program))
    let result = { replayer.replay(trace, policy: found.policy, event: event, tolerating: $0).result }
    #expect(result(["has-private-mem-changed", event]) == .reproduced(event: event))
    for others in [[], [event], ["flag-mismatch", event]] as [Set<String>] {
      guard case .diverged(let divergence) = result(others) else {
        Issue.record("\(others): \(result(others))")
        continue
      }
      #expect(divergence.step == trace.depth && divergence.model == event)
    }
  }

  @Test("found, accepted, reproduced step by step; the right kernel stops it", arguments: cases)
  func reproduced(_ item: Case) throws {
    let shipped = try ShippedModel(item.model)
    let variant = try #require(shipped.variant(item.variant))
    for found in try Counterexample.all(of: variant, in: shipped) {
      let trace = try #require(found.trace, "\"\(found.name)\" is not violated")
      #expect(throws: Never.self, "\(found.name)") {
        try TraceChecker(program: found.program).check(trace, violates: found.property)
      }
      guard let event = found.event else { continue }
      let replayer = try #require(Replayer(program: found.program))
      let report = replayer.replay(trace, policy: found.policy, event: event, tolerating: found.events)
      #expect(report.result == .reproduced(event: event), "\(found.name)")
      #expect(report.policy == found.policy)
      guard report.result == .reproduced(event: event) else { continue }
      try follow(report, trace, found)
      rightKernel(report, trace, found)
    }
  }

  /// Every step performed exactly its rule's operations, each answered as the rule says, the last one excepted.
  private func follow(_ report: ReplayReport, _ trace: Trace, _ found: Counterexample) throws {
    #expect(report.steps.count == trace.steps.count)
    for (index, performed) in report.steps.enumerated() where index > 0 {
      let copy = try #require(found.program.ruleCopy(trace.steps[index].firing))
      let rule = found.program.model.rules[found.program.family(ofRule: copy).position]
      let isLast = index == trace.depth
      let uses = rule.operations.map { (name: $0.name, statuses: $0.statuses.isEmpty ? ["SUCCESS"] : $0.statuses) }
      if isLast {
        // The event ends the step: the rule's later operations are not performed.
        #expect(performed.map(\.name) == uses.prefix(performed.count).map(\.name))
        let expected = Self.together["\(found.variant.name): \(found.name)"] ?? found.event
        #expect(performed.last?.event == expected, "step \(index), \(found.name)")
      } else if !uses.isEmpty {
        #expect(performed.map(\.name) == uses.map(\.name), "step \(index), \(found.name)")
      }
      for (operation, use) in zip(isLast ? performed.dropLast() : performed[...], uses) {
        #expect(use.statuses.contains(operation.outcome.status), "step \(index), \(found.name)")
        #expect(
          operation.outcome.checks.allSatisfy { found.events.contains($0.name) }, "step \(index), \(found.name)")
      }
    }
  }

  /// Where the policy is nothing but a form of the kernel there is no other kernel to ask; otherwise it leaves the trace.
  private func rightKernel(_ report: ReplayReport, _ trace: Trace, _ found: Counterexample) {
    let policy = KernelPolicy(named: found.policy)
    switch report.rightKernel {
    case .isThisKernel: #expect(policy == policy?.form, "\(found.name)")
    case .stops(let step, let operation, let status):
      #expect((1...trace.depth).contains(step))
      #expect(report.steps[step].map(\.name).contains(operation))
      #expect(!status.isEmpty)
      #expect(policy != policy?.form)
    case .differs(let step, _, let model, let engine):
      #expect((1..<max(2, trace.depth)).contains(step))
      #expect(model != engine)
      #expect(policy != policy?.form)
    case .follows:
      #expect(Self.followed.contains("\(found.model)/\(found.variant.name)"), "the right kernel follows: \(found.name)")
    case nil: Issue.record("the right kernel was not asked: \(found.name)")
    }
  }

  /// Variants whose violation is the right kernel's as well, beside a design that changes nothing about it.
  static let followed: Set<String> = ["coco-flags/flags-from-type-early-decision"]
}
