import Diagnostics
import Murphi
import Replay
import TestSupport
import Testing

/// Policies and events are looked up when a file is loaded.
@Suite("Names of the engine's")
struct EngineNameTests {
  /// What is found, each with the marker at which it stands.
  private func findings(_ variants: String, operation: String = "") throws -> [String] {
    let text = """
      \(variants)
      var x: boolean;
      startstate begin x := false; end;
      \(operation)
      rule "r" begin x := !x; end;
      invariant "i" x;
      """
    let source = MarkedSource(text)
    return EngineNames.diagnostics(of: try SyntaxTree.parse(source.file)).map { found in
      "\(found.id)@\(source.offsets.firstIndex(of: found.at.start).map { $0 + 1 } ?? 0)"
    }
  }

  @Test(
    "known and unknown ones",
    arguments: [
      ("--@ variant a: => violates \"i\" by TDX_OPERAND_BUSY policy right", []),
      ("--@ variant a: => violates \"i\" by KVM_BUG_ON policy kvm-6-16+no-track", []),
      ("--@ variant a: => violates \"i\" by use-after-free policy kvm-6-16+①no-trick", ["E0809@1"]),
      ("--@ variant a: => violates \"i\" by ①TDX_OPERAND_BUSTED policy right", ["E0810@1"]),
      (
        "--@ variant a: => error \"e\" by ①busy, violates \"i\" by ②SUCCES policy ③left",
        ["E0810@1", "E0810@2", "E0809@3"]
      ),
      ("--@ ①variant a: => violates \"i\" by KVM_BUG_ON", ["E0809@1"]),
      ("--@ variant no-track: => violates \"i\" by KVM_BUG_ON", []),
      ("--@ variant a: => violates \"i\"", []), ("--@ variant a: => holds", []),
      ("--@ variant a: => deadlock policy ①b", ["E0809@1"]),
      ("--@ variant a: => holds policy right\n--@ variant b: => holds policy ①wrong", ["E0809@1"]),
    ])
  func names(_ variants: String, _ expected: [String]) throws {
    #expect(try findings(variants) == expected)
  }

  @Test(
    "what rules and the head use",
    arguments: [
      ("--@ setup ①nope a=1", "", ["W0811@1"]), ("--@ setup platform vcpus=1 packages=1", "", []),
      ("--@ observable ①nope=x", "", ["W0811@1"]), ("--@ observable vm_bugged=x", "", []),
      ("--@ observable ①page_free=x", "", ["W0811@1"]),
      ("--@ ①bind t = nothing 3", "", ["W0811@1"]), ("--@ bind t = gfn 3", "", []),
      ("", "--@ operation ①NOPE", ["W0811@1"]), ("", "--@ operation ①kick foo=3", ["W0811@1"]),
      ("", "--@ operation ①kick returns WHAT", ["W0811@1"]), ("", "--@ operation kick returns SUCCESS", []),
      ("", "--@ operation ①KVM_CREATE_VCPU", ["W0811@1"]),
    ])
  func uses(_ head: String, _ operation: String, _ expected: [String]) throws {
    let source = MarkedSource(
      """
      \(head)
      type t: scalarset(2);
      var x: boolean;
      startstate begin x := false; end;
      \(operation)
      rule "r" begin x := !x; end;
      invariant "i" x;
      """)
    let model = try SyntaxTree.parse(source.file).check().model
    let found = EngineNames.warnings(of: model).map { found in
      "\(found.id)@\(source.offsets.firstIndex(of: found.at.start).map { $0 + 1 } ?? 0)"
    }
    #expect(found == expected)
  }

  /// Its trace will be put to the engine, and under which policy nobody has said.
  @Test("a violation of a model with operations needs a policy")
  func implicit() throws {
    let kick = "--@ operation kick"
    #expect(try findings("--@ ①variant a: => violates \"i\"", operation: kick) == ["E0809@1"])
    #expect(try findings("--@ variant a: => violates \"i\" policy right", operation: kick) == [])
    #expect(try findings("--@ variant no-kick: => violates \"i\"", operation: kick) == [])
    #expect(try findings("--@ variant a: => holds, deadlock, unreachable \"r\"", operation: kick) == [])
  }
}
