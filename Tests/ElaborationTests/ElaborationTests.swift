import Elaboration
import Logic
import TestSupport
import Testing
import TransitionSystems

/// That the comparison of `FormTests` can fail, and what elaboration leaves behind.
@Suite("What elaboration makes")
struct ElaborationTests {
  /// A model with its rule's body.
  private func model(_ body: String) -> String {
    "var x: 0..3; startstate begin x := 0; end; rule \"r\" begin \(body) end;"
  }

  @Test("another model's terms differ")
  func comparisonCanFail() throws {
    let one = try Comparison(model("x := 1;"))
    for body in ["x := 2;", "assume x = 0; x := 1;", "assert x < 3; x := 1;", "undefine x;"] {
      let other = try Comparison(model(body), definedness: .kept)
      let mixed = Comparison(mixing: one, termsOf: other)
      #expect(try mixed.difference() != nil, "\(body)")
    }
    #expect(try Comparison(mixing: one, termsOf: one).difference() == nil)
  }

  @Test("a bit stays exactly where a leaf may be undefined")
  func definedness() throws {
    let head = "var x: 0..3; y: boolean; z: boolean; "
    let text =
      head + "startstate begin x := 0; y := true; end; rule \"r\" begin if y then undefine y; end; x := 1; end;"
    let elaboration = try Comparison(text).elaboration
    #expect(elaboration.leaves == 3)
    #expect(elaboration.definednessBits == 2)
    let names = elaboration.system.variables.map { elaboration.system.store.name($0.term) }
    #expect(names == ["x", "y#defined", "y", "z#defined", "z"])
  }

  @Test("a leaf that depends on a leaf that loses its definedness keeps its bit too")
  func definednessSpreads() throws {
    let text = """
      type P: record f: boolean; end;
      var p: P; q: P; r: P;
      startstate begin p.f := true; q.f := true; r.f := true; end;
      rule "copy" begin q := p; end;
      rule "lose" begin undefine p; end;
      """
    #expect(try Comparison(text).elaboration.definednessBits == 2)
  }

  @Test("rulesets are symbolic where that is smaller, expanded where a loop needs the value")
  func forms() throws {
    let text = """
      type S: scalarset(4);
      var a: array [S] of array [S] of boolean; n: 0..3;
      startstate begin for s: S do for t: S do a[s][t] := false; end; end; n := 0; end;
      ruleset s: S; t: S do rule "flip" begin a[s][t] := !a[s][t]; end; end;
      ruleset k: 0..3 do rule "back" begin n := k; while n != 0 do n := (n + k) % 4; if k != 1 then n := 0; end; end; end; end;
      """
    let elaboration = try Comparison(text).elaboration
    #expect(elaboration.forms == [.symbolic, .expanded])
    #expect(elaboration.system.transitions.count == 5)
  }

  @Test("codes are as wide as the type needs")
  func widths() throws {
    let text = "type E: enum {A, B, C}; var a: 0..7; b: 0..8; c: -4..3; d: -5..3; e: E; f: 2..2; startstate end;"
    let system = try Comparison(text, definedness: .kept).elaboration.system
    let sorts = system.variables.map { system.store.sort(of: $0.term) }
    #expect(sorts.filter { $0 != .boolean } == [3, 4, 3, 4, 2].map { .bitVector(width: $0) })
    #expect(system.variables.filter { $0.domain != nil }.count == 3)
  }
}
