import Diagnostics
import Foundation
import Murphi
import TestSupport
import Testing

/// Chains are flat: their length is neither nesting nor stack.
@Suite struct LongChainTests {
  /// What the front end says of a text; nil if its canonical text prints as another one.
  private static func findings(_ text: String) -> [String]? {
    do throws(Rejection) {
      let tree = try SyntaxTree.parse(SourceFile(name: "chain.m", text: text))
      let once = SyntaxPrinter.print(tree)
      let again = try SyntaxTree.parse(SourceFile(name: "chain.m", text: once))
      guard SyntaxPrinter.print(again) == once else { return nil }
      return try tree.check().warnings.map(\.id)
    } catch {
      return error.diagnostics.map(\.id)
    }
  }

  /// Lasts no longer than its own stack: 512 KiB, where a thread of a task has megabytes.
  @Test(arguments: LongChain.allCases) func thousandsOfOperandsAreAccepted(chain: LongChain) async {
    let found = await onSmallStack { Self.findings(chain.model(10_000)) }
    #expect(found?.filter { !$0.hasPrefix("W") } == [])
  }

  @Test func theSmallStackIsSmall() async {
    #expect(await onSmallStack { Thread.current.stackSize } == 512 << 10)
  }

  @Test(arguments: [LongChain.and, .sum, .elsif]) func inATask(chain: LongChain) async {
    let found = await Task.detached { Self.findings(chain.model(10_000)) }.value
    #expect(found?.filter { !$0.hasPrefix("W") } == [])
  }

  /// A chain of chains through every level of precedence is as deep as there are levels.
  @Test func chainsOfChains() async {
    let levels = ["*", "+", "<<", "<", "&", "^", "|", "&&", "||", "->"]
    #expect(levels.count < 256)
    let inner = (0..<1_000).map { _ in "x * 1 + x << 0 < 9 & b | !b & x + 1 < 9 && b || b" }.joined(separator: " || ")
    let text = "var x: 0..3; b: boolean; invariant \(inner) -> b;"
    #expect(await onSmallStack { Self.findings(text) } == [])
  }

  /// The operand that is nested too deep is what is reported, wherever it stands in a chain.
  @Test(arguments: [0, 4_999, 9_999]) func nestingInsideAChainIsStillNesting(position: Int) {
    let deep = "①" + String(repeating: "(x & ", count: 254) + "x" + String(repeating: ")", count: 254) + "②"
    let text = (0..<10_000).map { $0 == position ? deep : "x" }.joined(separator: " & ")
    let source = MarkedSource("var x: boolean; invariant \(text);")
    let found = source.diagnostics()
    #expect(found.map(\.id) == ["E0206"])
    #expect(found.allSatisfy { source.offsets[0] <= $0.at.start && $0.at.end <= source.offsets[1] })
  }

  @Test func errorsInAChainAreAllFound() {
    let source = MarkedSource("var x: boolean; n: 0..3; invariant x & ①n & x & ②y & x; invariant n + ③x - n - ④x;")
    #expect(source.findings() == ["E0401@1", "E0301@2", "E0401@3", "E0401@4"])
  }

  /// The place of an overflow is the part of the chain that overflows.
  @Test func overflowInAChain() {
    let text = "var n: 0..1000000; invariant ①n * n * n * n * n = 0;"
    let source = MarkedSource(text)
    let found = source.diagnostics()
    #expect(source.findings().filter { $0.hasPrefix("E") } == ["E0702@1"])
    #expect(found.first { $0.id == "E0702" }.map { source.file.text($0.at) } == "n * n * n * n")
  }
}
