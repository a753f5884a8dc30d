import Foundation
import Testing

/// `kvmcheck certificate check` on files that are not as they were written.
@Suite("Certificates that are not believed")
struct CertificateCommandTests {
  private static let proof = "Proofs/gmem-toggle/closing-guest-memfd-writes-only-to-memslots-that-are-in-use.proof"

  /// Checks a changed copy of a shipped certificate.
  private func check(_ change: (String) -> String) throws -> CommandLineTool.Result {
    let text = try String(contentsOf: CommandLineTool.root.appending(path: Self.proof), encoding: .utf8)
    return try TemporaryFolder.with { folder in
      try CommandLineTool.run(["certificate", "check", folder.file("changed.proof", change(text)).path])
    }
  }

  @Test("as written it holds, with either solver", arguments: [[], ["--solver", "cvc5"]])
  func holds(_ options: [String]) throws {
    #expect(try CommandLineTool.run(["certificate", "check", Self.proof] + options).status == 0)
  }

  @Test("of another text of its model: stale, named, 50")
  func stale() throws {
    let result = try check { $0.replacing(/sha256 [0-9a-f]+/, with: "sha256 00ff") }
    #expect(result.status == 50)
    #expect(result.output.contains("stale: it belongs to a model with SHA-256 00ff, Models/gmem-toggle.m has "))
  }

  @Test("no certificate: its line, 40")
  func malformed() throws {
    let result = try check { $0.replacing("--@ certificate 1", with: "--@ certificate 2") }
    #expect(result.status == 40)
    #expect(result.output.contains("line 1: version 2 of the format; expected 1"))
  }

  @Test("a lemma that does not hold: its obligation, 50")
  func failing() throws {
    let result = try check { $0 + "invariant \"extra\"\n  false;\n" }
    #expect(result.status == 50)
    #expect(result.output.contains("initiation: extra"))
  }
}
