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

  @Test("agrees by now", arguments: [laterCopyFails], RulesetForm.allCases)
  func agrees(_ text: String, _ rulesets: RulesetForm) async throws {
    let agreement = Agreement(text: text, rulesets: rulesets)
    #expect(try agreement.compareTerms() == .agrees)
    #expect(try await agreement.compareEngines() == .agrees)
  }
}
