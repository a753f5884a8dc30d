import Execution
import Logic
import MMUEngine
import Murphi
import Replay
import TestSupport
import Testing
import TransitionSystems

/// What has no counterpart on the machine is said by name.
@Suite("Not replayable")
struct NotReplayableTests {
  /// A model of one step, with what its rule says it stands for.
  private static func model(_ operation: String, head: String = "") -> String {
    """
    \(head)
    type S: scalarset(2);
      C: enum { AMD, INTEL };
    var x: boolean;
    var u: C;
    startstate begin x := false; end;
    ruleset s: S do
    \(operation)
    rule "step" !x ==> begin x := true; end;
    end;
    """
  }

  /// The trace that fires copy 0, on the machine.
  private func replay(_ text: String, policy: String = "right") throws -> ReplayReport {
    let program = try Program(model: checkedModel(text))
    let replayer = try #require(Replayer(program: program))
    return replayer.replay(try trace(program), policy: policy, event: nil)
  }

  private func trace(_ program: Program) throws -> Trace {
    let interpreter = Interpreter(program)
    guard case .successor(let start) = interpreter.start(0), case .successor(let end) = interpreter.fire(0, on: start)
    else { throw Unexpected() }
    return Trace(
      variables: program.model.variables.map(\.name),
      steps: [
        TraceStep(firing: program.firing(startstate: 0), values: program.values(of: start)),
        TraceStep(firing: program.firing(rule: 0), values: program.values(of: end)),
      ])
  }

  struct Unexpected: Error {}

  @Test(
    "names what has no counterpart",
    arguments: [
      (model("--@ operation no_such_operation"), "the engine has no operation no_such_operation"),
      (model("--@ operation load_modules cpu=s"), "no `bind S` says which engine objects its values are"),
      (model("--@ operation load_modules cpu=u"), "read of undefined value: `u`"),
      (model("--@ operation load_modules cpu=AMD returns NO_SUCH_STATUS"), "never returns NO_SUCH_STATUS"),
      (model("--@ operation load_modules"), "load_modules"),
      (model("--@ operation load_modules nonsense=0"), "load_modules"),
      (model("", head: "--@ observable no_such_observable=x"), "the engine has no observable no_such_observable"),
      (model("", head: "--@ observable vcpu_created=x"), "observable vcpu_created is indexed by vcpu"),
      (
        model("--@ operation load_modules cpu=AMD", head: "--@ setup no_such_operation"),
        "no operation no_such_operation"
      ),
    ])
  func reasons(_ text: String, _ reason: String) throws {
    let report = try replay(text)
    guard case .notReplayable(let found) = report.result else {
      Issue.record("\(report.result)")
      return
    }
    #expect(found.contains(reason))
    #expect(report.word == "not-replayable")
    #expect(report.steps == [])
    #expect(report.rightKernel == nil)
  }

  @Test("an unknown policy")
  func policy() throws {
    let report = try replay(Self.model("--@ operation load_modules cpu=AMD"), policy: "no-such-policy")
    #expect(
      report.result == .notReplayable("the engine has no policy no-such-policy; `kvmcheck engine` lists them"))
    #expect(report.policy == "no-such-policy")
  }

  @Test("a model that does not speak of the machine has no replayer")
  func unbound() throws {
    #expect(Replayer(program: try Program(model: checkedModel(Self.model("")))) == nil)
  }

  @Test("the plain step is reproduced: the refusals above are not the model's fault")
  func plain() throws {
    let report = try replay(Self.model("--@ operation load_modules cpu=AMD"))
    #expect(report.result == .reproduced(event: "SUCCESS"))
    #expect(report.rightKernel == .isThisKernel)
  }

  @Test("a trace of another model's states")
  func foreign() throws {
    let program = try Program(model: checkedModel(Self.model("--@ operation load_modules cpu=AMD")))
    let replayer = try #require(Replayer(program: program))
    let good = try trace(program)
    let wrong = TraceStep(firing: good.steps[1].firing, values: [.integer(7), .undefined])
    let trace = Trace(variables: good.variables, steps: [good.steps[0], wrong])
    let report = replayer.replay(trace, policy: "right", event: nil)
    #expect(report.result == .notReplayable("state 1 of the trace is no state of this model"))
  }
}
