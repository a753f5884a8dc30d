import Foundation
import Murphi
import TestSupport
import Testing

/// Both semantics of chains of thousands, on a stack that no recursion along one would leave.
@Suite struct LongChainTests {
  /// Where the two semantics of a text differ, or the error.
  private static func difference(_ text: String) -> String? {
    do {
      return try Comparison(text).difference()
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: LongChain.allCases) func bothSemanticsAgree(chain: LongChain) async {
    #expect(await onSmallStack { Self.difference(chain.model(10_000)) } == nil)
  }

  /// The last operand counts in both.
  @Test func theLastOperandCounts() async throws {
    let text = LongChain.sum.model(10_000)
    let other = text.replacingOccurrences(of: ") % 4 + 4", with: " + 1) % 4 + 4")
    #expect(text != other)
    let difference = await onSmallStack { () -> String? in
      do {
        let one = try Comparison(text)
        return try Comparison(mixing: one, termsOf: try Comparison(other)).difference()
      } catch {
        return nil
      }
    }
    #expect(difference != nil)
  }

  /// Short-circuiting: the first failure in a chain is the one that is found, and none behind what decides.
  @Test func orderOfEvaluation() throws {
    let before = String(repeating: "x < 9 & ", count: 5_000)
    let text = """
      var x: 0..3; z: 0..3; a: array [0..1] of boolean;
      startstate begin x := 1; z := 0; for i: 0..1 do a[i] := true; end; end;
      rule \(before)x != 2 & 1 / z = 0 & a[x] ==> begin x := (x + 1) % 4; z := x; end;
      """
    #expect(try Comparison(text).difference() == nil)
  }
}
