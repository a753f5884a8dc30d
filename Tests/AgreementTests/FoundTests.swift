import Elaboration
import ExplicitState
import Testing
import TransitionSystems

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

  /// A quantifier below a rule's input, a parameter that is no element because the order of a loop's passes matters, was taken for a
  /// condition on the state: PDR trapped. (random protocol 755 without three rules)
  // swift-format-ignore
  static let inputBelowQuantifier = """
    const WIDE: 100000;
    const A_SIZE: 3; B_SIZE: 2; C_SIZE: 2;
    type A: scalarset(A_SIZE); B: scalarset(B_SIZE); C: scalarset(C_SIZE);
    type S: enum {P0, P1, P2}; N: 0..2;
    var
      v1: array [B] of record f: boolean; o: C; end;
      v2: array [C] of array [A] of boolean;
      v3: array [B] of boolean;
    ruleset q6: C do startstate begin for k4: B do v1[k4].f := false; end; for k5: B do v1[k5].o := q6; end; for k7: C do for k8: A do v2[k7][k8] := false; end; end; for k9: B do v3[k9] := true; end; end; end;
    ruleset x10: C; x11: A do rule "r0" (!v2[x10][x11]) & (exists y12: B do (!isundefined(v1[y12].o) & v1[y12].o = x10) end) & (exists y13: B do (v3[y13]) end) ==> begin v2[x10][x11] := true; end; end;
    ruleset x16: B; x17: B do rule "r2" (!v1[x16].f) & (forall y18: C do forall y19: A do (!v2[y18][y19]) end end) & (!v3[x16]) & (x16 != x17) ==> begin v1[x16].f := true; if (!isundefined(v1[x16].o)) then v3[x17] := (v1[x17].f); end; end; end;
    ruleset x26: B; x27: C do rule "r4" (isundefined(v1[x26].o)) & (v3[x26]) ==> begin v1[x26].o := x27; end; end;
    ruleset x29: C; x30: A do rule "r5" (forall y31: B do (!v1[y31].f) end) ==> begin for x28: B do undefine v1[x28].o; end; v2[x29][x30] := (v2[x29][x30]); for k32: C do v2[k32][x30] := (v2[x29][x30]); end; end; end;
    ruleset x36: B; x37: C do rule "r7" (isundefined(v1[x36].o)) & (!v3[x36]) ==> begin v1[x36].o := x37; for k38: A do v2[x37][k38] := false; end; end; end;
    ruleset x39: B do rule "r8" (!v3[x39]) & (v1[x39].f) ==> begin v3[x39] := true; for k40: C do for k41: A do v2[k40][k41] := (!isundefined(v1[x39].o) & v1[x39].o = k40); end; end; if (!v3[x39]) then v1[x39].f := (isundefined(v1[x39].o)); end; end; end;
    invariant "i0" forall z42: A do forall z43: A do forall z44: B do ((z42 != z43) & (v3[z44]) & (v3[z44])) -> ((exists y45: C do (!v2[y45][z43]) end)) end end end;
    invariant "i1" forall z46: C do forall z47: B do ((isundefined(v1[z47].o) | v1[z47].o != z46)) -> ((!v1[z47].f)) end end;
    invariant "i4" forall z53: C do forall z54: A do forall z55: C do ((z53 != z55) & (!v2[z55][z54])) -> ((forall y56: C do (!v2[y56][z54]) end)) end end end;
    invariant "i11" forall z74: A do forall z75: A do forall z76: A do ((z74 != z75) & (z74 != z76) & (z75 != z76) & (forall y77: B do (v3[y77]) end)) -> ((exists y78: B do (!v1[y78].f) end)) end end end;
    """

  /// What undefines the place can never run: with open sorts elaboration knew, and the check at the scope's sizes refuted a proof
  /// without lemmas. (random protocol 498)
  static let deadUndefine = """
    type C: scalarset(2); A: scalarset(3);
    var v4: C; v: array [A] of boolean;
    ruleset q9: C do startstate begin v4 := q9; for a: A do v[a] := false; end; end; end;
    ruleset x: A do rule "r" !v[x] ==> begin v[x] := true; if (!v[x]) then undefine v4; end; end; end;
    invariant "i16" (!isundefined(v4));
    """

  /// Evaluating a top-level cover is a run-time error, three steps in and only in its last copy; nobody looked. A hit copy before it
  /// does not hide it.
  static let coverFails = """
    type C: scalarset(2);
    var v: array [C] of boolean; n: 0..3;
    startstate begin for c: C do v[c] := false; end; n := 0; end;
    ruleset c: C do rule "set" begin v[c] := true; end; end;
    rule "up" n < 3 ==> begin n := n + 1; end;
    ruleset c: C; k: 0..2 do cover "quotient" v[c] | 6 / (5 - (n + k)) > 1; end;
    invariant "n" n <= 3;
    """

  /// The same where no copy can fail.
  static let coverHolds = coverFails.replacing("5 - (n + k)", with: "6 - (n + k)")

  /// A type without values was refused. What `clear` makes of it is undefined; reading it is an error at depth 1.
  static let noValues = """
    type C: scalarset(2); T: enum {};
    var x: boolean; y: T; z: array[C] of record a: T; b: boolean; end;
    startstate begin x := false; clear y; for c: C do z[c].b := true; end; end;
    ruleset c: C do rule "clear" begin clear y; undefine z[c].a; z[c].b := !z[c].b; x := true; end; end;
    ruleset c: C do rule "read" x & !z[c].b ==> begin if z[c].a = y then x := false; end; end; end;
    invariant "undefined" isundefined(y) & (forall c: C do isundefined(z[c].a) end);
    """

  @Test(
    "agrees by now",
    arguments: [laterCopyFails, capture, inputBelowQuantifier, deadUndefine, coverFails, coverHolds, noValues],
    RulesetForm.allCases)
  func agrees(_ text: String, _ rulesets: RulesetForm) async throws {
    let agreement = Agreement(text: text, rulesets: rulesets)
    #expect(try agreement.compareTerms() == .agrees)
    #expect(try await agreement.compareEngines() == .agrees)
    #expect(try await agreement.comparePDR() == .agrees)
  }

  @Test(
    "a cover that cannot be evaluated is a run-time error", arguments: [(coverFails, 3 as Int?), (coverHolds, nil)])
  func coverFailure(text: String, depth: Int?) throws {
    let (found, _) = try Agreement(text: text, rulesets: .smaller).sides()
    let sides = try #require(found)
    #expect(sides.depth(.runTimeErrors) == depth)
    #expect(sides.report.trace(of: .runTimeErrors)?.failure?.location == depth.map { _ in "6:55" })
    #expect(sides.report.covers.map { $0.hits > 0 } == [true])
  }
}
