import Foundation
import Interchange
import Testing

/// Saved traces: written by `--traces`, read back by `replay`.
@Suite("kvmcheck replay")
struct ReplayCommandTests {
  /// Writes the traces of a variant of coco-flags into a folder.
  private func save(in folder: TemporaryFolder) throws -> [URL] {
    let path = folder.url.appending(path: "traces").path
    let arguments = [
      "prove", "invariants", "coco-flags", "--variant", "attributes-unchecked", "--traces", path, "--format", "json",
    ]
    let result = try CommandLineTool.run(arguments)
    #expect(result.status == 0)
    let rows = try result.rows()
    #expect(rows.compactMap { $0["replay"]?.text } == ["reproduced"])
    #expect(rows.compactMap { $0["event"]?.text } == ["private-attribute-without-private-memory"])
    let files = rows.compactMap { $0["trace"]?.text }
    #expect(files.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).count == 1)
    return files.map { URL(fileURLWithPath: $0) }
  }

  @Test("reproduced, under the variant's policy")
  func reproduced() throws {
    try TemporaryFolder.with { folder in
      for file in try save(in: folder) {
        #expect(file.lastPathComponent.hasSuffix(".itf.json"))
        let result = try CommandLineTool.run(["replay", file.path])
        #expect(result.status == 0)
        #expect(result.output.contains("coco-flags, variant attributes-unchecked: violated"))
        #expect(result.errors == "")
      }
    }
  }

  @Test("JSON: one object, whatever came out")
  func json() throws {
    try TemporaryFolder.with { folder in
      let file = try #require(save(in: folder).first)
      let json = try CommandLineTool.run(["replay", file.path, "--format", "json"]).json()
      #expect(json["schema"] == .string("kvmcheck/1"))
      #expect(json["trace"] == .string(file.path))
      #expect(json["model"] == .string("coco-flags"))
      #expect(json["variant"] == .string("attributes-unchecked"))
      #expect(json["verdict"] == .string("violated"))
      #expect(json["replay"] == .string("reproduced"))
      #expect(json["event"] == .string("private-attribute-without-private-memory"))
      #expect(json["policy"] == .string("attributes-unchecked"))
      #expect(json["divergence"] == .null && json["reason"] == .null)
      #expect(json["rightKernel"]?["result"] == .string("stops"))
      #expect(json["rightKernel"]?["status"] == .string("-EINVAL"))
      #expect(json["ok"] == .boolean(true))
      guard case .array(let steps)? = json["steps"], case .integer(let depth)? = json["depth"] else {
        Issue.record("no steps")
        return
      }
      #expect(steps.count == depth + 1)
      guard case .array(let last)? = steps.last?["operations"] else { return }
      #expect(last.last?["checks"] == .array([.string("private-attribute-without-private-memory")]))
      let output = folder.url.appending(path: "replay.json").path
      let right = ["replay", file.path, "--policy", "right", "--format", "json"]
      #expect(try CommandLineTool.run(right + ["-o", output]).status == 50)
      let other = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: URL(fileURLWithPath: output)))
      #expect(other["replay"] == .string("diverged") && other["event"] == .null && other["ok"] == .boolean(false))
      #expect(other["divergence"]?["subject"] == .string("private_attribute[gfn=4096]"))
      #expect(other["divergence"]?["model"] == .string("true") && other["divergence"]?["engine"] == .string("false"))
      #expect(other["rightKernel"] == .object(["result": .string("is-this-kernel")]))
    }
  }

  @Test("a user's own file: the trace names it; elsewhere --model does, and it is said that it can")
  func ownFile() throws {
    try TemporaryFolder.with { folder in
      let shipped = CommandLineTool.root.appending(path: "Models/coco-flags.m")
      let own = try folder.file("mine.m", String(contentsOf: shipped, encoding: .utf8))
      let arguments = ["prove", "invariants", "mine.m", "--variant", "attributes-unchecked", "--traces", "out"]
      #expect(try CommandLineTool.run(arguments, in: folder.url).status == 0)
      let property = "private-attributes-exist-only-on-vms-with-private-memory"
      let trace = "out/mine.attributes-unchecked.\(property).itf.json"
      let there = try CommandLineTool.run(["replay", trace], in: folder.url)
      #expect(there.status == 0, "\(there.errors)")
      #expect(there.output.contains("mine, variant attributes-unchecked: violated"))
      let path = folder.url.appending(path: trace).path
      let elsewhere = try CommandLineTool.run(["replay", path])
      #expect(elsewhere.status == 64)
      #expect(elsewhere.errors.contains("is called mine; shipped: coco-flags"))
      #expect(elsewhere.errors.contains("--model names the file of the trace's model"))
      #expect(try CommandLineTool.run(["replay", path, "--model", own.path]).status == 0)
      // Another text in the same place is not passed over in favour of a shipped model of that name.
      try Data("-- another\n".utf8).write(to: own)
      let stale = try CommandLineTool.run(["replay", trace], in: folder.url)
      #expect(stale.status == 50)
      #expect(stale.errors.contains("stale"))
    }
  }

  @Test("under the right kernel it diverges: 50")
  func right() throws {
    try TemporaryFolder.with { folder in
      let file = try #require(save(in: folder).first)
      let result = try CommandLineTool.run(["replay", file.path, "--policy", "right"])
      #expect(result.status == 50)
      #expect(result.output.contains("-EINVAL"))
    }
  }

  @Test("a trace of another text of the model is stale: 50")
  func stale() throws {
    try TemporaryFolder.with { folder in
      let file = try #require(save(in: folder).first)
      let model = CommandLineTool.root.appending(path: "Models/coco-flags.m")
      let other = try folder.file(
        "coco-flags.m", String(contentsOf: model, encoding: .utf8) + "\n-- a word more\n")
      let result = try CommandLineTool.run(["replay", file.path, "--model", other.path])
      #expect(result.status == 50)
      #expect(result.errors.contains("stale"))
      #expect(result.output == "")
    }
  }

  @Test("a trace that does not re-execute: 50, with the step")
  func forged() throws {
    try TemporaryFolder.with { folder in
      let file = try #require(save(in: folder).first)
      let json = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: file))
      guard case .object(var members) = json, case .array(var states)? = members["states"] else {
        Issue.record("no states")
        return
      }
      states.remove(at: 1)
      members["states"] = .array(states)
      let forged = try folder.file("forged.itf.json", JSON.object(members).encoded())
      let result = try CommandLineTool.run(["replay", forged.path])
      #expect(result.status == 50)
      #expect(result.errors.contains("does not re-execute: step 1"))
    }
  }

  /// A rule that changes nothing: a deadlock to `stuttering`, none to `stuck`.
  private static let idle = """
    var x: 0..1;
    startstate "zero" begin x := 0; end;
    rule "up" x = 0 ==> begin x := 1; end;
    rule "nothing" x = 1 ==> begin x := 1; end;
    invariant "in range" x <= 1;

    """

  @Test(
    "a deadlock is checked in the mode in which it was found",
    arguments: [("stuck", ["--deadlock", "stuttering"]), ("stuttering", []), ("off", ["--deadlock", "stuttering"])])
  func deadlock(mode: String, options: [String]) throws {
    try TemporaryFolder.with { folder in
      let model = try folder.file("idle.m", "--@ title idle\n--@ deadlock \(mode)\n" + Self.idle).path
      let traces = folder.url.appending(path: "traces").path
      let arguments = ["prove", "invariants", model, "--traces", traces, "--format", "json"] + options
      let rows = try CommandLineTool.run(arguments).rows().filter { $0["verdict"]?.text == "deadlock" }
      let file = URL(fileURLWithPath: try #require(rows.first?["trace"]?.text))
      let result = try CommandLineTool.run(["replay", file.path, "--model", model])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("deadlock: no deadlock"))
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("\"deadlock\" : \"stuttering\""))
      // The other side: in another mode the last state is none, and a mode that is none is said.
      func replayed(_ mode: String) throws -> CommandLineTool.Result {
        let other = text.replacingOccurrences(of: "\"stuttering\"", with: mode)
        return try CommandLineTool.run(
          ["replay", try folder.file("other.itf.json", other).path, "--model", model])
      }
      let stuck = try replayed("\"stuck\"")
      #expect(stuck.status == 50)
      #expect(stuck.errors.contains("does not re-execute: step 1"))
      let odd = try replayed("\"odd\"")
      #expect(odd.status == 40)
      #expect(odd.errors.contains("\"#meta\".deadlock is odd, expected one of stuttering, stuck, off"))
      // A trace of an earlier version has no mode: the file's counts.
      #expect(try replayed("null").status == (mode == "stuttering" ? 0 : 50))
    }
  }

  @Test("40: what is no trace")
  func unreadable() throws {
    try TemporaryFolder.with { folder in
      for file in try [
        folder.url.appending(path: "missing.itf.json"), folder.file("text.itf.json", "nonsense"),
        folder.file("empty.itf.json", "{}"), folder.file("other.itf.json", "{\"#meta\":{\"schema\":\"x\"}}"),
      ] {
        let result = try CommandLineTool.run(["replay", file.path])
        #expect(result.status == 40, "\(file.lastPathComponent)")
        #expect(result.errors.contains(file.lastPathComponent))
      }
    }
  }

  @Test("a model without operations re-executes and is not replayable: 0")
  func unbound() throws {
    try TemporaryFolder.with { folder in
      let model = try folder.file("counter.m", Texts.counter).path
      let traces = folder.url.appending(path: "traces").path
      let arguments = ["prove", "invariants", model, "--traces", traces, "--format", "json"]
      let file = try #require(try CommandLineTool.run(arguments).rows().compactMap { $0["trace"]?.text }.first)
      let result = try CommandLineTool.run(["replay", file, "--model", model])
      #expect(result.status == 0)
      #expect(result.output.contains("not replayable"))
      let json = try CommandLineTool.run(["replay", file, "--model", model, "--format", "json"]).json()
      #expect(json["replay"] == .string("not-replayable") && json["ok"] == .boolean(true))
      #expect(json["reason"]?.text?.contains("names no operation") == true && json["policy"] == .null)
    }
  }
}
