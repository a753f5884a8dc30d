import Diagnostics
import Testing

@Suite struct SourceFileTests {
  @Test func positionsCountScalarsFromOne() {
    let file = SourceFile(name: "a.m", text: "ab\nα = β\n")
    #expect(file.position(of: 0) == (1, 1))
    #expect(file.position(of: 2) == (1, 3))
    #expect(file.position(of: 3) == (2, 1))
    #expect(file.position(of: 5) == (2, 2))
    #expect(file.position(of: 7) == (2, 4))
    #expect(file.position(of: 10) == (2, 6))
    #expect(file.position(of: 1000) == (3, 1))
    #expect(file.line(2) == "α = β")
    #expect(file.line(3) == "")
  }

  @Test func textOfARangeIsClamped() {
    let file = SourceFile(name: "a.m", text: "abc")
    #expect(file.text(SourceRange(start: 1, end: 2)) == "b")
    #expect(file.text(SourceRange(start: -5, end: 99)) == "abc")
  }

  @Test func loadsText() throws {
    let file = try SourceFile.load(bytes: Array("x ≤ 1".utf8), name: "a.m")
    #expect(file == SourceFile(name: "a.m", text: "x ≤ 1"))
  }

  @Test(arguments: [
    ([0x61, 0x0A, 0xFF], 2), ([0xC3], 0), ([0x61, 0xC3, 0x28], 1), ([0xED, 0xA0, 0x80], 0), ([0xF5, 0x80], 0),
    ([0x61, 0xE2, 0x82], 1),
  ])
  func refusesWhatIsNotUTF8(bytes: [UInt8], offset: Int) {
    let rejection = #expect(throws: Rejection.self) { try SourceFile.load(bytes: bytes, name: "a.m") }
    let found = rejection?.diagnostics.first
    #expect(found?.id == "E0101")
    #expect(found?.message == "the text is not UTF-8")
    #expect(found?.at.start == offset)
  }

  @Test func refusesNUL() throws {
    let rejection = #expect(throws: Rejection.self) { try SourceFile.load(bytes: [0x61, 0x0A, 0x00], name: "a.m") }
    let diagnostic = try #require(rejection?.diagnostics.first)
    let file = try #require(rejection?.file)
    #expect(diagnostic.id == "E0102")
    #expect(
      DiagnosticRenderer.render(diagnostic, in: file).hasPrefix(
        "a.m:2:1: error: the text contains a NUL byte [E0102]\n"))
  }
}
