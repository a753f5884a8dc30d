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
