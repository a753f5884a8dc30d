import Elaboration
import Testing

/// Models, shrunk, on which two of us once disagreed.
@Suite("Disagreements of the past")
struct FoundTests {
  /// A later copy of an invariant failed after an earlier one was false: explicit search went on to it, nobody else did.
  static let laterCopyFails = """
    type S: scalarset(2);
    startstate begin end;
    ruleset q: S; r: -1..2 do invariant "i" ((exists x := 0 to (0 % r) do true end) ? false : true); end;
    """

  /// One quantifier captured another's variable, so that the invariant was `true` to PDR and for every size.
  static let capture = """
    type S: scalarset(3);
    var f: array [S] of boolean;
    startstate begin for s: S do f[s] := false; end; end;
    ruleset s: S do rule "r" !f[s] ==> begin f[s] := true; end; end;
    invariant "i" forall a: S do forall b: S do forall c: S do
      (a != b & a != c & b != c & (exists d: S do f[d] end)) -> !f[c] end end end;
    """

  /// A quantifier below a parameter that is no element, because the order of a loop's passes matters, was taken for a condition on
  /// the state; PDR trapped.
  static let inputBelowQuantifier = """
    type A: scalarset(2); C: scalarset(2);
    var o: array [C] of A; f: array [C] of boolean;
    startstate begin for c: C do undefine o[c]; f[c] := true; end; end;
    ruleset x: C; a: A do
      rule "set" isundefined(o[x]) ==> begin
        o[x] := a;
        for c: C do if (forall d: C do (!isundefined(o[d]) & o[d] = a) end) then f[c] := (exists d: C do (!f[d]) end); end; end;
      end;
      rule "reset" !isundefined(o[x]) ==> begin undefine o[x]; end;
    end;
    ruleset x: C do rule "down" f[x] ==> begin f[x] := false; end; end;
    invariant "i" (forall c: C do isundefined(o[c]) end) -> (exists c: C do f[c] end);
    invariant "j" (forall c: C do f[c] end) -> (exists c: C do isundefined(o[c]) end);
    """

  @Test("agrees by now", arguments: [laterCopyFails, capture, inputBelowQuantifier], RulesetForm.allCases)
  func agrees(_ text: String, _ rulesets: RulesetForm) async throws {
    let agreement = Agreement(text: text, rulesets: rulesets)
    #expect(try agreement.compareTerms() == .agrees)
    #expect(try await agreement.compareEngines() == .agrees)
    #expect(try await agreement.comparePDR() == .agrees)
  }
}
