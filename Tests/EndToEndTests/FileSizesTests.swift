import Foundation
import Interchange
import TestSupport
import Testing

/// Sizes beyond those of the file: the file's own are searched first, and only what is proved there for every size counts.
@Suite("Sizes beyond the file's")
struct FileSizesTests {
  /// Whether so many elements are never used together.
  private static func never(_ name: String, _ count: Int) -> String {
    let names = (0..<count).map { "p\($0)" }
    let pairs = names.indices.flatMap { left in
      names[(left + 1)...].map { "\(names[left]) != \($0)" }
    }
    let used = names.map { "used[\($0)]" }
    return "invariant \"\(name)\" " + names.map { "forall \($0): page do " }.joined()
      + "(\(pairs.joined(separator: " & "))) -> (!(\(used.joined(separator: " & "))))"
      + names.map { _ in " end" }.joined()
      + ";\n"
  }

  private static let model =
    """
    --@ scope three: PAGES=3
    const PAGES: 2;
    type page: scalarset(PAGES);
    var used: array [page] of boolean; bad: boolean;
    startstate "none is used" begin
      for p: page do used[p] := false; end;
      bad := false;
    end;
    ruleset p: page do
      rule "take" !used[p] ==> begin bad := bad | used[p]; used[p] := true; end;
      rule "give" used[p] ==> begin used[p] := false; end;
    end;
    invariant "never twice" !bad;

    """ + never("never three", 3) + never("never five", 5)

  @Test(
    "proved at the file's sizes for every one; violated beyond them only; proved for the sizes asked for",
    arguments: [("2", "proved"), ("3", "violated"), ("4", "violated")])
  func verdicts(size: String, three: String) throws {
    try TemporaryFolder.with { folder in
      _ = try folder.file("pages.m", Self.model)
      let result = try CommandLineTool.run(
        [
          "prove", "invariants", "pages.m", "--engine", "pdr", "--deadlock", "off", "--const", "PAGES=\(size)",
          "--proofs", "out", "--format", "json",
        ], in: folder.url)
      let rows = try result.rows()
      #expect(rows.map { $0["property"]?.text } == ["never twice", "never three", "never five"])
      #expect(rows.map { $0["verdict"]?.text } == ["proved-any-size", three, "proved"])
      if three == "violated" { #expect(rows[1]["depth"] == .integer(3)) }
      let out = folder.url.appending(path: size == "2" ? "out/pages" : "out/pages/const-PAGES=\(size)")
      let proof = try String(contentsOf: out.appending(path: "never-five.proof"), encoding: .utf8)
      #expect(proof.contains("--@ sizes PAGES=\(size)\n"))
      let other = try String(contentsOf: out.appending(path: "never-twice.proof"), encoding: .utf8)
      #expect(other.contains("--@ sizes any\n"))
      let isProved = FileManager.default.fileExists(atPath: out.appending(path: "never-three.proof").path)
      #expect(isProved == (size == "2"))
    }
  }

  /// With the file's size and the constant asked for there is no model: a range would end before it begins.
  @Test("no legal model at the file's sizes: searched at those asked for", arguments: ["pdr", "auto"])
  func noModelThere(engine: String) throws {
    let model = """
      const N: 2; K: 0;
      type page: scalarset(N); rest: 0..(N - K);
      var used: array [page] of boolean; left: rest;
      startstate begin for p: page do used[p] := false; end; left := 0; end;
      ruleset p: page do rule "take" !used[p] ==> begin used[p] := true; end; end;
      invariant "none is left" left = 0;
      """
    let result = try CommandLineTool.run(
      ["prove", "invariants", "-", "--engine", engine, "--deadlock", "off", "--const", "N=4", "--const", "K=3"],
      input: model)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains("none is left"))
  }
}
