import Checking
import Execution
import ExplicitState
import Foundation
import MMUEngine
import Murphi
import Replay
import Testing
import TransitionSystems

/// A model that is wrong about the kernel: the machine contradicts it, and the report shows both sides.
@Suite("Wrong models diverge")
struct PlantedGuardTests {
  /// An edit of a shipped model and what must come of it.
  struct Plant: CustomStringConvertible, Sendable {
    let model: String
    /// Occurs once in the file.
    let right: String
    let wrong: String
    /// What only the wrong model violates.
    let invariant: String
    let divergence: Divergence
    var description: String { "\(model): \(right)" }
  }

  static let plants = [
    Plant(
      model: "coco-flags", right: "(!vcpuState[v].created) & (vmType != TDX_VM | tdState = TD_INITIALIZED)",
      wrong: "(!vcpuState[v].created)",
      invariant: "forall v: VCPU do !(vcpuState[v].created & vmType = TDX_VM & tdState = TD_UNINITIALIZED) end",
      divergence: Divergence(step: 8, subject: "vcpu_created[vcpu=0]", model: "true", engine: "false")),
    Plant(
      model: "coco-flags", right: "(phase = READY | (FD_BEFORE_FLAGS & phase = TYPED))",
      wrong: "(phase = READY | phase = TYPED)", invariant: "fd -> phase = READY",
      divergence: Divergence(step: 5, subject: "kvm_install_fd", model: "SUCCESS", engine: "KVM_WOULD_SET_FLAGS")),
  ]

  @Test("at the step of the wrong guard, both sides shown", arguments: plants)
  func diverges(_ plant: Plant) throws {
    let text = try ShippedModel(plant.model).text
    try #require(text.components(separatedBy: plant.right).count == 2, "the edit no longer fits the model")
    let planted =
      text.replacingOccurrences(of: plant.right, with: plant.wrong)
      + "\n--@ source this test\ninvariant \"planted\" \(plant.invariant);\n"
    let program = try Program(model: ShippedModel(plant.model, text: planted).plain)
    let property = PropertyID.invariant(program.properties.count - 1)
    let options = SearchOptions(stop: .whenDecided([property]), deadlock: .off)
    let trace = try #require(BreadthFirstSearch(program, options: options).run().trace(of: property))
    try TraceChecker(program: program).check(trace, violates: property)
    let replayer = try #require(Replayer(program: program))
    let report = replayer.replay(trace, policy: "right", event: nil)
    #expect(report.result == .diverged(plant.divergence))
    #expect(report.word == "diverged")
    #expect(report.steps.count == trace.steps.count)
  }

  @Test("the same property holds of the model as it is", arguments: plants)
  func holds(_ plant: Plant) throws {
    let text =
      try ShippedModel(plant.model).text + "\n--@ source this test\ninvariant \"planted\" \(plant.invariant);\n"
    let report = ExplicitEngine(try Program(model: ShippedModel(plant.model, text: text).plain)).explore()
    #expect(report.violations.map(\.property) == [])
  }
}
