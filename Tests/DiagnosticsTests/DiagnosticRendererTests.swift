import Diagnostics
import Testing

@Suite struct DiagnosticRendererTests {
  private let file = SourceFile(name: "m.m", text: "var x: 0..3;\n\tif x + α then\nend\n")

  @Test func showsPlaceExcerptAndNotes() {
    let diagnostic = Diagnostic(
      "E0401", .error, "the condition is an integer", at: SourceRange(start: 17, end: 23),
      notes: [.init("`x` is declared here", at: SourceRange(start: 4, end: 5))])
    #expect(
      DiagnosticRenderer.render(diagnostic, in: file) == """
        m.m:2:5: error: the condition is an integer [E0401]
            \tif x + α then
            \t   ^~~~~
        m.m:1:5: note: `x` is declared here
            var x: 0..3;
                ^

        """)
  }

  @Test func clipsRangesToTheirFirstLine() {
    let diagnostic = Diagnostic("W0901", .warning, "wide", at: SourceRange(start: 7, end: 28))
    #expect(
      DiagnosticRenderer.render(diagnostic, in: file) == """
        m.m:1:8: warning: wide [W0901]
            var x: 0..3;
                   ^~~~~

        """)
  }

  /// A line that somebody generated is not printed whole.
  @Test(arguments: [(240, 200), (241, 0), (1_000, 5), (1_000, 500), (1_000, 998)])
  func clipsLongLines(length: Int, place: Int) {
    let line = String(repeating: "a", count: place) + "!!" + String(repeating: "b", count: length - place - 2)
    let long = SourceFile(name: "m.m", text: line + "\n")
    let text = DiagnosticRenderer.render(
      Diagnostic("E0201", .error, "found", at: SourceRange(start: place, end: place + 2)), in: long)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "m.m:1:\(place + 1): error: found [E0201]")
    #expect(lines[1].hasPrefix("    …") == (length > 240 && place > 80))
    #expect(lines[1].hasSuffix("…") == (length > 240 && place < length - 160))
    #expect(lines[1].count { "ab!".contains($0) } == min(length, 240))
    // The carets stand under the place.
    #expect(lines[2].count == 4 + lines[1].dropFirst(4).prefix { $0 != "!" }.count + 2)
    #expect(lines[2].hasSuffix(" ^~") || place == 0)
  }

  @Test func pointsBehindTheLastLine() {
    let end = file.bytes.count
    let diagnostic = Diagnostic("E0201", .error, "found the end", at: SourceRange(start: end, end: end))
    #expect(
      DiagnosticRenderer.render([diagnostic, diagnostic], in: file) == """
        m.m:4:1: error: found the end [E0201]
            
            ^
        m.m:4:1: error: found the end [E0201]
            
            ^

        """)
  }
}
