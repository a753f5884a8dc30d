import Foundation
import Interchange
import Testing

/// Random runs from the command line.
@Suite("kvmcheck simulate")
struct SimulateCommandTests {
  private func simulate(_ text: String, _ options: [String] = []) throws -> CommandLineTool.Result {
    try CommandLineTool.run(["simulate", "-"] + options, input: text)
  }

  @Test(
    "nothing found proves nothing: 21; a violation: 10; a deadlock: 11; no start state: 12; a limit: 30; rejected: 40")
  func codes() throws {
    let quiet = try simulate(Texts.switching)
    #expect(quiet.status == 21)
    #expect(quiet.output.contains("unknown: nothing found, which proves nothing"))
    #expect(quiet.output.contains("100 runs from seed 1, the longest of 200 steps"))
    #expect(quiet.output.contains("2 states visited, 20,000 rules fired, 0 deadlocks met"))
    let found = try simulate(Texts.counter)
    #expect(found.status == 10)
    #expect(found.output.contains("violated: below two"))
    #expect(found.output.contains("x: 1 → 2"))
    #expect(try !simulate(Texts.counter, ["--quiet"]).output.contains("x: 1 → 2"))
    let stuck = Texts.counter.replacingOccurrences(of: "x = N ==>", with: "x > N ==>")
    let deadlock = try simulate(stuck, ["--const", "N=1", "--runs", "7"])
    #expect(deadlock.status == 11)
    #expect(deadlock.output.contains("deadlock: no deadlock"))
    #expect(deadlock.output.contains("7 deadlocks met"))
    #expect(try simulate(stuck, ["--const", "N=1", "--deadlock", "off"]).status == 21)
    #expect(try simulate(Texts.switching + "assume \"nothing\" false;\n").status == 12)
    #expect(try simulate(Texts.endless, ["--steps", "1000000000", "--timeout", "0.05"]).status == 30)
    #expect(try simulate("nonsense").status == 40)
  }

  @Test("--only: the other property's violation stops nothing")
  func only() throws {
    let text = Texts.counter + "invariant \"whatever\" true;\n"
    #expect(try simulate(text).status == 10)
    #expect(try simulate(text, ["--only", "below two"]).status == 10)
    let other = try simulate(text, ["--only", "whatever"])
    #expect(other.status == 21)
    #expect(other.output.contains("unknown: nothing found, which proves nothing"))
  }

  @Test(
    "64: what makes no sense",
    arguments: [
      ["--runs", "0"], ["--steps", "-1"], ["--scope", "none"], ["--variant", "v"], ["--only", "nothing"],
    ])
  func usage(_ options: [String]) throws {
    #expect(try simulate(Texts.switching, options).status == 64)
  }

  @Test("JSON: one object, the same bytes for the same seed, others for another")
  func json() throws {
    func text(_ seed: String) throws -> String {
      let options = ["--format", "json", "--seed", seed, "--runs", "5", "--variant", "to-one"]
      return OutputTests.timeless(try simulate(Texts.counter, options).output)
    }
    #expect(try text("3") == text("3"))
    #expect(try text("3") != text("4"))
    let json = try simulate(Texts.counter, ["--format", "json", "--const", "N=1", "--runs", "5"]).json()
    #expect(json["schema"] == .string("kvmcheck/1"))
    #expect(json["verdict"] == .string("unknown"))
    #expect(json["seed"] == .string("1"))
    #expect(json["runs"] == .integer(5))
    #expect(json["states"] == .integer(2))
    #expect(json["rulesFired"] == .integer(1000))
    #expect(json["deadlocks"] == .integer(0))
    #expect(json["property"] == .null && json["trace"] == .null)
    #expect(try simulate("nonsense", ["--format", "json"]).json()["verdict"] == .string("rejected"))
  }

  @Test("a saved trace re-executes, and is reproduced on the engine")
  func saved() throws {
    try TemporaryFolder.with { folder in
      let traces = folder.url.appending(path: "traces").path
      let arguments = [
        "simulate", "coco-flags", "--variant", "attributes-unchecked", "--runs", "1000", "--traces", traces, "--format",
        "json",
      ]
      let result = try CommandLineTool.run(arguments)
      #expect(result.status == 10)
      let file = try #require(try result.json()["traceFile"]?.text)
      #expect(file.hasPrefix(traces + "/coco-flags.attributes-unchecked."))
      let replayed = try CommandLineTool.run(["replay", file])
      #expect(replayed.errors == "")
      #expect([0, 50].contains(replayed.status))
    }
  }
}
