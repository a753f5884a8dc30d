import Diagnostics
import Foundation
import Murphi
import TestSupport
import Testing

/// Canonical text.
@Suite struct PrinterTests {
  /// Parses a text that has no syntax errors.
  private func parse(_ text: String) throws -> SyntaxTree {
    try SyntaxTree.parse(SourceFile(name: "p.m", text: text))
  }

  /// Every text that parses: the table of rumur's answers, the fixture and the shipped models.
  private static let texts: [String] = {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var texts = RumurAcceptanceTests.lines.map(\.source)
    for folder in ["Tests/Fixtures", "Models", "Models/designs", "Tests/Golden"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)) ?? []
      for name in names.sorted() where name.hasSuffix(".m") {
        let path = root.appending(path: folder).appending(path: name)
        if let text = try? String(contentsOf: path, encoding: .utf8) { texts.append(text) }
      }
    }
    return texts
  }()

  @Test func printingIsAFixpoint() throws {
    var count = 0
    for text in Self.texts {
      guard let tree = try? parse(text) else { continue }
      let once = SyntaxPrinter.print(tree)
      let twice = SyntaxPrinter.print(try parse(once))
      #expect(once == twice)
      count += 1
    }
    #expect(count > 150)
  }

  @Test func theCanonicalTextMeansTheSame() throws {
    for text in Self.texts {
      let findings = MarkedSource(text).diagnostics().map(\.id)
      guard let tree = try? parse(text) else { continue }
      #expect(MarkedSource(SyntaxPrinter.print(tree)).diagnostics().map(\.id) == findings, "\(text)")
    }
  }

  @Test func layout() throws {
    let text = """
      --@ title T
      --@ scope big: N=3
      const N: 2; B,C: true
      var x: array[0..N-1] of boolean -- gone
      rule "r\\"s" x[0] -> (B -> C) ==> var i: 0..1 begin
      if !(x[0] = x[1]) then x[(0)] := true elsif (B & C) then return else put "a" end end;
      --@ source here
      ruleset i: 0..1; j := 0 to 1 do startstate for k := -1 to 1 do undefine x end endstartstate end
      invariant x[0] "n"
      """
    #expect(
      SyntaxPrinter.print(try parse(text), constants: [ConstantSetting(name: "C", value: "false")]) == #"""
        --@ title T
        --@ scope big: N=3
        const
          N: 2;
          B: true;
          C: false;
        var
          x: array [0..N - 1] of boolean;
        rule "r\"s"
          x[0] -> (B -> C)
        ==>
        var
          i: 0..1;
        begin
          if !(x[0] = x[1]) then
            x[0] := true;
          elsif B & C then
            return;
          else
            put "a";
          end;
        end;
        --@ source here
        ruleset i: 0..1; j := 0 to 1 do
          startstate
          begin
            for k := -1 to 1 do
              undefine x;
            end;
          end;
        end;
        invariant "n" x[0];

        """#)
  }
}
