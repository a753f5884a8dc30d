import Foundation
import Testing

/// Certificates of which one line was changed: each is refused, or says less and still holds.
@Suite("Certificates of which a line was changed")
struct CertificateTamperingTests {
  private static let proof = "Proofs/gmem-toggle/closing-guest-memfd-writes-only-to-memslots-that-are-in-use.proof"

  /// A line, what it becomes, the exit code and part of the message.
  struct Change: Sendable, CustomTestStringConvertible {
    let line: String
    let becomes: String
    let status: Int32
    let words: String
    var testDescription: String { "\(line) becomes \(becomes)" }

    init(_ line: String, _ becomes: String, _ status: Int32, _ words: String) {
      (self.line, self.becomes, self.status, self.words) = (line, becomes, status, words)
    }
  }

  /// Checks a copy with the change. Returns: what the tool said.
  private func check(_ change: Change) throws -> CommandLineTool.Result {
    let text = try String(contentsOf: CommandLineTool.root.appending(path: Self.proof), encoding: .utf8)
    #expect(text.contains(change.line))
    return try TemporaryFolder.with { folder in
      let changed = text.replacing(change.line, with: change.becomes, maxReplacements: 1)
      return try CommandLineTool.run(["certificate", "check", folder.file("changed.proof", changed).path])
    }
  }

  @Test(
    "is refused, with what is wrong",
    arguments: [
      Change("Models/gmem-toggle.m", "Models/nothing.m", 50, "Models/nothing.m: no such file"),
      Change("Models/gmem-toggle.m", "Models/tdx-locks.m", 50, "stale: it belongs to a model with SHA-256 113aabf8"),
      Change("113aabf8", "113aabf9", 50, "stale: it belongs to a model with SHA-256 113aabf9"),
      Change("property \"closing", "property \"opening", 50, "the model has no property \"opening guest_memfd"),
      Change("property \"", "property ", 40, "line 6: expected the property's name in quotes"),
      Change(
        "closing guest_memfd writes only to memslots that are in use",
        "a slot id has at most one memslot, a memslot one slot id", 50, "safety: in a state: does not follow"),
      Change("sizes any", "sizes SLOTS", 40, "line 5: expected CONSTANT=VALUE, found `SLOTS`"),
      Change("sizes any", "sizes SLOTS=many", 50, "constant `SLOTS` cannot be `many`"),
      Change("sizes any", "sizes ROWS=2", 50, "the model has no top-level constant `ROWS`"),
      Change("ALLOW_TOGGLE=false", "ALLOW_TOGGLE=true", 50, "lemma 2, rule \"KVM_SET_USER_MEMORY_REGION2 clears"),
      Change("ALLOW_TOGGLE=false", "ALLOW_TOGGLE=maybe", 50, "constant `ALLOW_TOGGLE` cannot be `maybe`"),
      Change("!wroteFreed", "!wroteFree", 50, "changed.proof:10:4: error: `wroteFree` is not declared"),
      Change("!wroteFreed", "wroteFreed", 50, "initiation: lemma 1"),
      Change("-> allocated[object1]", "-> !allocated[object1]", 50, "lemma 1, rule \"close of guest_memfd\""),
      Change("invariant \"lemma 1\"", "assume \"lemma 1\"", 40, "line 9: expected `invariant \"name\"`"),
      Change("  !wroteFreed;\n", "", 50, "expected an expression"),
      Change("!wroteFreed", "!(wroteFreed", 50, "changed.proof:10:15: error: "),
      Change("!wroteFreed", "wroteFreed + 1 > 0", 50, "changed.proof:10:3: error: "),
    ])
  func refused(_ change: Change) throws {
    let result = try check(change)
    #expect(result.status == change.status, "\(result.output)\(result.errors)")
    #expect(result.output.contains("FAILS   "))
    #expect(result.output.contains(change.words), "\(result.output)")
    #expect(result.output.contains("1 certificates, 0 hold, 1 fail; "))
  }

  /// Runs prove where the copy with the change is the stored proof.
  private func prove(_ change: Change) throws -> CommandLineTool.Result {
    let root = CommandLineTool.root
    let text = try String(contentsOf: root.appending(path: Self.proof), encoding: .utf8)
    return try TemporaryFolder.with { folder in
      let place = folder.url.appending(path: Self.proof)
      let models = folder.url.appending(path: "Models")
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: root.appending(path: "Models/gmem-toggle.m"), to: models.appending(path: "gmem-toggle.m"))
      try Data(text.replacing(change.line, with: change.becomes, maxReplacements: 1).utf8).write(to: place)
      return try CommandLineTool.run(["prove", "invariants", "gmem-toggle", "--root", folder.url.path])
    }
  }

  @Test(
    "is a contradiction to prove, which does not blame the model",
    arguments: [
      Change("!wroteFreed", "wroteFreed", 50, "initiation: lemma 1"),
      Change("!wroteFreed", "!wroteFree", 50, ".proof:10:4: error: `wroteFree` is not declared"),
      Change("  !wroteFreed;\n", "", 50, "expected an expression"),
      Change("!wroteFreed", "wroteFreed + 1 > 0", 50, ".proof:10:3: error: "),
    ])
  func contradicted(_ change: Change) throws {
    let result = try prove(change)
    #expect(result.status == change.status, "\(result.errors)")
    #expect(result.output.contains(change.words), "\(result.output)")
    #expect(result.output.contains("  contradiction    closing guest_memfd writes only to"))
    #expect(result.output.contains("3 proved-any-size, 1 contradiction"))
    #expect(!result.output.contains("rejected"))
  }

  @Test(
    "is no certificate to prove, which then searches by itself",
    arguments: [
      Change("113aabf8", "113aabf9", 0, ""), Change("ALLOW_TOGGLE=false", "ALLOW_TOGGLE=true", 0, ""),
      Change("sizes any", "sizes SLOTS", 0, ""), Change("invariant \"lemma 1\"", "assume \"lemma 1\"", 0, ""),
    ])
  func searched(_ change: Change) throws {
    let result = try prove(change)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains("4 proved-any-size"))
    #expect(!result.output.contains("/closing-guest-memfd-"))
  }

  @Test(
    "says less, and holds",
    arguments: [
      Change("sizes any", "sizes SLOTS=1 FILES=3", 0, "4 lemmas, sizes SLOTS=1 FILES=3"),
      Change("found-by pdr", "found-by somebody", 0, "4 lemmas, any size"),
      Change("invariant \"lemma 1\"", "invariant \"first\"", 0, "4 lemmas, any size"),
    ])
  func weaker(_ change: Change) throws {
    let result = try check(change)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains(change.words), "\(result.output)")
  }
}
