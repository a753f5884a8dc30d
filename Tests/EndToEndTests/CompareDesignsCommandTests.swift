import Foundation
import Interchange
import Testing

/// `kvmcheck compare designs`: what holds in each of the designs that answer the same question.
@Suite("kvmcheck compare designs")
struct CompareDesignsCommandTests {
  /// Two designs besides the file as it stands, and a variant that answers no question. `small` is what `watched` says of "small".
  private static func guards(small: String = "holds") -> String {
    """
    --@ variant unguarded: GUARDED=false => violates "never three" design "who guards"
    --@ variant watched: WATCHED=true => violates "never two", \(small) "small" design "who guards"
    --@ variant elsewhere: GUARDED=false => violates "never three"
    const GUARDED: true; WATCHED: false;
    var a: 0..3;
    startstate begin a := 0; end;
    rule "up" a < 2 ==> begin a := a + 1; end;
    rule "jump" (!GUARDED) & a = 2 ==> begin a := 3; end;
    invariant "never three" a != 3;
    invariant "never two" WATCHED -> (a != 2);
    invariant "small" a <= 3;
    """
  }

  private func compare(_ model: String, _ arguments: String...) throws -> CommandLineTool.Result {
    try TemporaryFolder.with { folder in
      try CommandLineTool.run(
        ["compare", "designs", folder.file("guards.m", model).path, "--deadlock", "off"] + arguments)
    }
  }

  /// The output without the line that names the file.
  private func lines(_ result: CommandLineTool.Result) -> [String] {
    result.output.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }.filter {
      !$0.hasSuffix("guards.m")
    }
  }

  @Test("every property that one design names is decided in all of them")
  func matrix() throws {
    let result = try compare(Self.guards())
    #expect(result.status == 0)
    #expect(
      lines(result) == [
        "who guards",
        "  A  the file as it stands, scope default",
        "  B  unguarded, scope default: GUARDED=false",
        "  C  watched, scope default: WATCHED=true",
        "",
        "  A         B         C         property",
        "  proved    violated  proved    never three",
        "  off       off       violated  never two",
        "  proved    proved    proved    small",
        "",
        "  B  never three: depth 3, shortest",
        "  C  never two: depth 2, shortest",
        "", "",
      ])
  }

  @Test("--only: one property")
  func onlyOne() throws {
    let result = try compare(Self.guards(), "--only", "never three")
    #expect(result.status == 0)
    #expect(
      lines(result).suffix(6) == [
        "  A         B         C         property", "  proved    violated  proved    never three", "",
        "  B  never three: depth 3, shortest", "", "",
      ])
  }

  @Test(
    "a design that comes out otherwise than its header says: said, exit code 10; what nobody expected of it is no failure"
  )
  func unexpected() throws {
    let result = try compare(Self.guards(small: "violates"))
    #expect(result.status == 10)
    let remarks = lines(result).filter { $0.contains("UNEXPECTED") }
    #expect(remarks == ["  C  small: 3 states, diameter 2; UNEXPECTED (expected: violates)"])
  }

  @Test("what breaks beside what a variant names is shown, replayed by nobody, and no failure: 0")
  func breaksMore() throws {
    let model = Self.guards() + "\ninvariant \"below three\" a < 3;\n"
    let named = model.replacing("holds \"small\"", with: "holds \"small\", holds \"below three\"")
    let result = try compare(named)
    #expect(result.status == 0)
    #expect(lines(result).contains("  proved    violated  proved    below three"))
    #expect(lines(result).contains("  B  below three: depth 3, shortest"))
  }

  @Test("only what a design names is judged; of two properties of one name both are shown")
  func judged() throws {
    let other = Self.guards() + "\ninvariant \"nobody's\" a < 2;\n"
    #expect(try compare(other).status == 0)
    #expect(try compare(other, "--only", "nobody's").status == 64)
    #expect(try compare(Self.guards(), "--engine", "pdr", "--deadlock", "stuttering").status == 0)
    let twice = try compare(
      """
      --@ variant broken: BROKEN=true => holds design "which"
      const BROKEN: false;
      var a: boolean;
      startstate begin a := BROKEN; end;
      rule "same" begin a := a; end;
      invariant "p" !a;
      invariant "p" a | !a;
      """)
    #expect(twice.status == 10)
    #expect(lines(twice).contains("  proved           violated/proved  p"), "\(twice.output)")
  }

  @Test("a question whose designs differ in what cannot be reached")
  func unreachable() throws {
    let model =
      Self.guards().replacing(
        "variant watched: WATCHED=true => violates \"never two\", holds \"small\"",
        with: "variant watched: WATCHED=true => unreachable \"three\"") + "\ncover \"three\" a = 3;\n"
    let result = try compare(model)
    #expect(result.status == 0)
    #expect(
      lines(result).dropFirst(5).prefix(4) == [
        "  A         B         C         property", "  proved    violated  proved    never three",
        "  -         -         proved    unreachable \"three\"", "  - nobody asks that of this design",
      ])
  }

  @Test("shipped questions: all as the files say", arguments: ["coco-flags", "vm-types"])
  func shipped(model: String) throws {
    let result = try CommandLineTool.run(["compare", "designs", model, "--quiet"])
    #expect(result.status == 0)
    #expect(!result.output.contains("UNEXPECTED") && !result.output.contains("diverged"), "\(result.output)")
  }

  @Test("JSON: the rows of prove, by question and design")
  func json() throws {
    let json = try compare(Self.guards(), "--format", "json").json()
    #expect(json["schema"] == .string("kvmcheck/1"))
    #expect(json["ok"] == .boolean(true))
    let question = try #require(json["questions"]?.elements?.first)
    #expect(question["question"] == .string("who guards"))
    let designs = try #require(question["designs"]?.elements)
    #expect(designs.map { $0["variant"] } == [.null, .string("unguarded"), .string("watched")])
    let rows: [[JSON]] = designs.map { $0["results"]?.elements ?? [] }
    let verdicts = rows.map { $0.map { "\($0["property"]?.text ?? "?"): \($0["verdict"]?.text ?? "?")" } }
    #expect(
      verdicts == [
        ["never three: proved", "never two: proved", "small: proved"],
        ["never three: violated", "never two: proved", "small: proved"],
        ["never two: violated", "small: proved", "never three: proved"],
      ])
    #expect(rows.map { $0.first?["design"] } == [.null, .string("who guards"), .string("who guards")])
  }

  @Test("nothing to compare, no such property, no model: 64, 64, 40")
  func refusals() throws {
    let plain = try compare("var a: boolean; startstate begin a := true; end; rule begin a := true; end; invariant a;")
    #expect(plain.status == 64)
    #expect(plain.errors == "error: no variant of these models names a design question\n")
    let unknown = try compare(Self.guards(), "--only", "never four")
    #expect(unknown.status == 64)
    #expect(unknown.errors == "error: no design question of these models names a property \"never four\"\n")
    let broken = try compare("x")
    #expect(broken.status == 40)
    #expect(broken.output == "")
    #expect(broken.errors.contains("guards.m:1:1: error: found `x`"))
  }
}
