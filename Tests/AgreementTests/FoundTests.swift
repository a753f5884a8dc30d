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

  @Test("agrees by now", arguments: [laterCopyFails, capture], RulesetForm.allCases)
  func agrees(_ text: String, _ rulesets: RulesetForm) async throws {
    let agreement = Agreement(text: text, rulesets: rulesets)
    #expect(try agreement.compareTerms() == .agrees)
    #expect(try await agreement.compareEngines() == .agrees)
    #expect(try await agreement.comparePDR() == .agrees)
  }
}
