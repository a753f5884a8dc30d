import Elaboration
import Logic
import TestSupport
import Testing
import TransitionSystems

/// What elaboration refuses, where, and that it leaves nothing out silently.
@Suite("What has no finite form is refused")
struct RefusalTests {
  /// The reason and place of a refusal; nil if there is none.
  private func refusal(_ text: String) throws -> (ElaborationError.Reason, String)? {
    do {
      _ = try Comparison(text)
      return nil
    } catch let error as ElaborationError {
      return (error.reason, error.location)
    }
  }

  @Test("a while that only the data ends")
  func dataDependentWhile() throws {
    let text = """
      var x: 0..3; b: boolean;
      startstate begin x := 0; b := true; end;
      rule "spin" begin
        while b do x := 3 - x; end;
      end;
      """
    let found = try #require(try refusal(text))
    #expect(found == (.unbounded(passes: 256), "4:3"))
  }

  @Test("a recursion without a constant end")
  func recursion() throws {
    let text = """
      var x: 0..3;
      function f(v: 0..3): 0..3; begin if v = 0 then return 0; end; return f(3 - v); end;
      startstate begin x := 3; end;
      rule "call" begin x := f(x); end;
      """
    let found = try #require(try refusal(text))
    #expect(found.0 == .unbounded(passes: 64))
    #expect(found.1 == "2:70")
  }

  @Test("a recursion whose argument falls is unrolled")
  func fallingRecursion() throws {
    let text = """
      var x: 0..3;
      function f(v: 0..3): 0..3; begin if v = 0 then return 0; end; return f(v - 1); end;
      startstate begin x := 3; end;
      rule "call" begin x := f(x); end;
      """
    #expect(try Comparison(text).difference() == nil)
  }

  @Test("a state and a loop that are too wide; a wide range alone is not")
  func wideRanges() throws {
    let wide = "var x: 0..1000000000; startstate begin x := 5; end; rule begin x := x / 2 + 1; end;"
    #expect(try refusal(wide) == nil)
    let array = "var a: array [0..1000000] of boolean; startstate end;"
    #expect(try #require(try refusal(array)) == (.enumeration(values: 1 << 16), "1:5"))
    let loop = "var x: 0..3; startstate begin for i: 0..100000 do x := 1; end; end;"
    #expect(try #require(try refusal(loop)).0 == .enumeration(values: 4096))
  }
}
