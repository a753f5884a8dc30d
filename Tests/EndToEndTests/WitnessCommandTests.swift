import Foundation
import TestSupport
import Testing

/// `kvmcheck replay --witness`: what another tool found, run as a saved trace is.
@Suite("kvmcheck replay --witness")
struct WitnessCommandTests {
  /// What berkeley-abc finds on an export, as a file.
  private func find(_ export: [String], _ command: String, in folder: TemporaryFolder) throws -> URL {
    let file = folder.url.appending(path: "model.aig")
    #expect(try CommandLineTool.run(["export"] + export + ["--to", "aiger", "-o", file.path]).status == 0)
    let (_, witness) = try BerkeleyABC().ask(command, about: Array(try Data(contentsOf: file)))
    return try folder.file("witness", try #require(witness))
  }

  @Test("reproduced on the engine, under the variant's policy", arguments: ["bmc3 -F 20", "pdr"])
  func reproduced(_ command: String) throws {
    try TemporaryFolder.with { folder in
      let instance = ["gmem-toggle", "--variant", "toggle"]
      let only = ["--only", "guest_memfd binds only memslots that are in use"]
      let file = try find(instance + only, command, in: folder)
      let result = try CommandLineTool.run(["replay", "--witness", file.path] + instance + only)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("gmem-toggle, variant toggle: violated: guest_memfd binds only memslots"))
      #expect(
        result.output.contains("reproduced on the engine (policy gmem-toggle): ends in memslot-freed-while-bound"))
      #expect(result.output.contains("the right kernel stops at step"))
      #expect(result.errors == "")
    }
  }

  @Test("diverges under the right kernel: 50; is no counterexample to the right model: 50")
  func rightKernel() throws {
    try TemporaryFolder.with { folder in
      let only = ["--only", "guest_memfd binds only memslots that are in use"]
      let file = try find(["gmem-toggle", "--variant", "toggle"] + only, "bmc3 -F 20", in: folder)
      let arguments = ["replay", "--witness", file.path, "gmem-toggle"] + only
      #expect(try CommandLineTool.run(arguments + ["--variant", "toggle", "--policy", "right"]).status == 50)
      let other = try CommandLineTool.run(arguments)
      #expect(other.status == 50)
      #expect(other.errors.contains("no counterexample: nothing is violated at time 3"))
      #expect(other.output == "")
    }
  }

  /// `x` counts to 2 and starts at 0 or 1; then it is violated.
  private static let counter = """
    var x: 0..7;
    ruleset i: 0..1 do startstate "chosen" begin x := i; end; end;
    rule "up" x < 7 ==> begin x := x + 1; end;
    rule "fail" x = 1 ==> begin error "one"; end;
    invariant "not three" x != 3;

    """

  /// Runs a text as a witness.
  private func replay(_ text: String, _ options: [String] = [], in folder: TemporaryFolder) throws
    -> CommandLineTool.Result
  {
    let model = try folder.file("counter.m", Self.counter)
    let file = try folder.file("w", text)
    return try CommandLineTool.run(["replay", "--witness", file.path, model.path] + options)
  }

  @Test("a model without operations: the run is shown, 0")
  func shown() throws {
    try TemporaryFolder.with { folder in
      let only = ["--only", "not three"]
      let model = try folder.file("counter.m", Self.counter)
      let file = try find([model.path] + only, "bmc3 -F 9", in: folder)
      let result = try CommandLineTool.run(["replay", "--witness", file.path, model.path] + only)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("0  chosen i=1"))
      #expect(result.output.contains("2  up\n        x: 2 → 3"))
      #expect(result.output.contains("not replayable"))
    }
  }

  /// Latches: x, #running, #failed; inputs: the rule, the parameter of the start.
  @Test("a run-time error; and in BTOR2 form")
  func failing() throws {
    try TemporaryFolder.with { folder in
      for text in ["1\nb1\n00000\n01\n10\n00\n.\n", "sat\nb1\n@0\n1 1\n@1\n0 1\n@2\n.\n"] {
        let result = try replay(text, in: folder)
        #expect(result.status == 0, "\(text): \(result.errors)")
        #expect(result.output.contains("counter: violated: no run-time error"))
        #expect(result.output.contains("0  chosen i=1") && result.output.contains("error: one"))
      }
    }
  }

  @Test("40: garbage, truncated or of the wrong length, with its line")
  func malformed() throws {
    try TemporaryFolder.with { folder in
      for (text, place) in [
        ("nonsense", "w:1: neither an AIGER nor a BTOR2 witness"), ("", "w:1: neither"),
        ("1\nb0\n00000\n10\n", "w: truncated"), ("1\nb0\n0000\n1\n.\n", "w:3: found 4 bits, expected 5 latches"),
        ("1\nb0\n00000\n1\n.\n", "w:4: found 1 bits, expected 2 inputs"), ("1\nb5\n00000\n1\n.\n", "w:2: found b5"),
        ("sat\nb0\n@0\n0 2\n.\n", "w:4: found 2, expected 1 bits"), ("sat\nb0\n@0\n", "w: truncated"),
      ] {
        let result = try replay(text, in: folder)
        #expect(result.status == 40, "\(text): \(result.errors)")
        #expect(result.errors.contains(place), "\(text): \(result.errors)")
        #expect(result.output == "")
      }
      let model = try folder.file("counter.m", Self.counter)
      let missing = try CommandLineTool.run(["replay", "--witness", "missing", model.path])
      #expect(missing.status == 40 && missing.errors.contains("missing: cannot be read"))
    }
  }

  @Test("50: a run that violates nothing, or something else")
  func notACounterexample() throws {
    try TemporaryFolder.with { folder in
      for (text, words) in [
        ("1\nb0\n00000\n01\n00\n00\n.\n", "\"not three\" is not violated at time 2"),
        ("00000\n01# DONE", "nothing is violated at time 0"),
        ("1\nb1\n00000\n01\n00\n00\n00\n.\n", "\"no run-time error\" is not violated at time 3"),
        ("sat\nb0\n@0\n.\n", "\"not three\" is not violated at time 0"),
      ] {
        let result = try replay(text, in: folder)
        #expect(result.status == 50, "\(text): \(result.errors)")
        #expect(result.errors.contains("w: no counterexample: \(words)"), "\(result.errors)")
      }
    }
  }

  @Test(
    "64: options that belong together",
    arguments: [
      ["trace", "--only", "x"], ["trace", "--scope", "x"], ["trace", "--const", "N=1"], ["trace", "--variant", "x"],
      ["gmem-toggle", "--witness", "w", "--model", "x"], ["--witness", "w"],
    ])
  func usage(_ options: [String]) throws {
    #expect(try CommandLineTool.run(["replay"] + options).status == 64)
  }

  @Test("64: names that the model does not know")
  func unknownNames() throws {
    try TemporaryFolder.with { folder in
      for options in [["--scope", "x"], ["--variant", "x"], ["--only", "x"]] {
        let result = try replay("1\nb0\n00000\n1\n.\n", options, in: folder)
        #expect(result.status == 64, "\(options)")
      }
    }
  }
}
