import Checking
import Diagnostics
import Elaboration
import Engines
import Foundation
import Logic
import Murphi
import SMT
import Testing
import TransitionSystems

/// From lemmas to proofs: what is accepted, for which sizes, and what is refused.
@Suite("Certification")
struct CertificationTests {
  private static let effort: UInt32 = 20_000_000

  /// Pages that a holder takes and gives back; a table of marks for good measure.
  private static let pages = """
    const PAGES: 2; LIMIT: 3;
    type page: scalarset(PAGES);
    var used: array [page] of boolean; free: array [page] of boolean; bad: boolean; n: 0..LIMIT;
    startstate begin
      for p: page do used[p] := false; free[p] := true; end;
      bad := false; n := 0;
    end;
    ruleset p: page do
      rule "take" free[p] ==> begin
        bad := bad | used[p];
        free[p] := false; used[p] := true;
      end;
      rule "give" used[p] ==> begin used[p] := false; free[p] := true; end;
    end;
    invariant "never twice" !bad;
    """
  private static let apart = Certification.Lemma(
    name: "apart", text: "forall p: page do used[p] -> !free[p] end")
  private static let good = Certification.Lemma(name: "good", text: "!bad")

  private func certify(
    _ text: String, _ lemmas: [Certification.Lemma]
  ) throws -> Certification.Outcome {
    let file = SourceFile(name: "test.m", text: text)
    let certification = Certification(file, constants: [], effort: Self.effort)
    return try #require(try certification.certify([.invariant(0)], from: lemmas).outcomes.first)
  }

  @Test("lemmas that do it are accepted for every size")
  func accepted() throws {
    #expect(
      try certify(Self.pages, [Self.good, Self.apart])
        == .proved([Self.good, Self.apart], sizes: .any, remark: nil))
  }

  @Test("a cancelled task proves nothing and refutes nothing")
  func cancelled() async throws {
    // Enough passes for elaboration to look up.
    let text = Self.pages.replacingOccurrences(
      of: "rule \"give\" used[p] ==> begin", with: "rule \"give\" used[p] ==> begin for i: 0..999 do n := 0; end;")
    #expect(try certify(text, [Self.good, Self.apart]) == .proved([Self.good, Self.apart], sizes: .any, remark: nil))
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try certify(text, [Self.good, Self.apart])
    }
    #expect(try await task.value == .failed("interrupted while it was elaborated", isRefuted: false))
  }

  @Test("what is not needed is left out, what is needed stays, whatever the order")
  func minimal() throws {
    let idle = Certification.Lemma(name: "idle", text: "n = 0")
    let weaker = Certification.Lemma(name: "weaker", text: "forall p: page do used[p] -> !free[p] | bad end")
    #expect(
      try certify(Self.pages, [idle, Self.apart, Self.good])
        == .proved([Self.good, Self.apart], sizes: .any, remark: nil))
    guard case .proved(let kept, .any, _) = try certify(Self.pages, [weaker, Self.apart, Self.good]) else {
      Issue.record("not proved")
      return
    }
    #expect(kept.count == 2)
    #expect(kept.first == Self.good)
  }

  @Test(
    "lemmas that do not do it are refused, and the obligation is named",
    arguments: [
      ([], "safety: in a state does not follow"),
      (["!bad"], "safety: in a state does not follow"),
      (["forall p: page do used[p] -> !free[p] end"], "safety: in a state does not follow"),
      (["!bad", "forall p: page do used[p] end"], "safety: in a state does not follow"),
      (["!bad", "forall p: page do !free[p] -> !used[p] end"], "safety: in a state does not follow"),
      (["false"], "safety: in a state does not follow"),
    ])
  func refused(_ lemmas: [String], _ reason: String) throws {
    let named = lemmas.enumerated().map { Certification.Lemma(name: "l\($0)", text: $1) }
    #expect(try certify(Self.pages, named) == .failed(reason, isRefuted: true))
  }

  @Test("what elaboration with open sorts knew by itself becomes a lemma")
  func known() throws {
    let text = """
      type C: scalarset(2); A: scalarset(3);
      var w: C; v: array [A] of boolean;
      ruleset q: C do startstate begin w := q; for a: A do v[a] := false; end; end; end;
      ruleset x: A do rule "r" !v[x] ==> begin v[x] := true; if !v[x] then undefine w; end; end; end;
      invariant "no bad" !isundefined(w);
      """
    guard case .proved(let lemmas, .thisScope, nil) = try certify(text, []) else {
      Issue.record("not proved")
      return
    }
    #expect(lemmas.map(\.text) == ["!isundefined(w)"])
  }

  @Test("a lemma that only the small size keeps proves the small size only")
  func smallSizeOnly() throws {
    // Two pages: when one is used, "the other" is a single one. With three the lemma is not kept.
    let text = """
      const PAGES: 2;
      type page: scalarset(PAGES);
      var used: array [page] of boolean; bad: boolean;
      startstate begin for p: page do used[p] := false; end; bad := false; end;
      ruleset p: page do
        rule "take" !(exists q: page do exists r: page do q != r & used[q] & used[r] end end) ==> begin
          used[p] := true;
          bad := bad | (exists q: page do exists r: page do exists s: page do
            q != r & r != s & q != s & used[q] & used[r] & used[s] end end end);
        end;
      end;
      rule "full" (forall p: page do used[p] end) ==> begin
        bad := bad | (exists q: page do exists r: page do exists s: page do q != r & r != s & q != s end end end);
      end;
      invariant "never" !bad;
      """
    let lemma = Certification.Lemma(name: "good", text: "!bad")
    guard case .proved([lemma], .thisScope, let remark?) = try certify(text, [lemma]) else {
      Issue.record("expected a proof for this scope with a remark")
      return
    }
    #expect(remark.hasPrefix("consecution: good, rule \""))
    #expect(remark.hasSuffix("does not follow"))
  }

  @Test("with one element of a scalarset, lemmas are tried with two before they are tried for every size")
  func singleElement() throws {
    let one = Self.pages.replacingOccurrences(of: "PAGES: 2", with: "PAGES: 1")
    // True of one page. That two are tried shows in the remark.
    let numbers = Certification.Lemma(
      name: "numbers", text: "forall p: page do forall q: page do used[p] -> !free[q] end end")
    #expect(
      try certify(one, [numbers, Self.good, Self.apart])
        == .proved([Self.good, Self.apart], sizes: .any, remark: nil))
    #expect(
      try certify(one, [numbers, Self.good])
        == .proved(
          [Self.good, numbers], sizes: .thisScope,
          remark: "consecution: numbers, rule \"take\" does not follow at PAGES=2"))
  }

  @Test("a proof is handed out before the next one is looked for", arguments: [true, false])
  func handedOutAtOnce(_ isMinimal: Bool) throws {
    let text = Self.pages + "invariant \"apart\" forall p: page do used[p] -> !free[p] end;"
    let interrupter = Interrupter()
    let certification = Certification(
      SourceFile(name: "test.m", text: text), constants: [], effort: Self.effort, interrupter: interrupter)
    var handed: [Int] = []
    let certified = try certification.certify(
      [.invariant(0), .invariant(1)], from: [Self.good, Self.apart], isMinimal: isMinimal
    ) { position, outcome in
      guard case .proved(_, sizes: .any, _) = outcome else { return }
      handed.append(position)
      interrupter.interrupt(because: .cancelled)
    }
    // What was found stands; for the other nobody was asked any more.
    #expect(handed == [0])
    guard case .proved(_, sizes: .any, _) = certified.outcomes[0], case .failed = certified.outcomes[1] else {
      Issue.record("\(certified.outcomes)")
      return
    }
  }

  /// Nodes that mark themselves, at most two of them as long as there are no more.
  private static let marks = """
    const NODES: 2;
    type node: scalarset(NODES);
    var mark: array [node] of boolean; bad: boolean;
    startstate begin for i: node do mark[i] := false; end; bad := false; end;
    ruleset i: node do
      rule "mark" !mark[i] ==> begin mark[i] := true; end;
      rule "fail" bad ==> begin mark[i] := false; end;
    end;
    invariant "no three marks"
      forall i: node do forall j: node do forall k: node do
        (mark[i] & mark[j] & mark[k]) -> (i = j | j = k | i = k) end end end;
    """

  private func counterexample(
    nodes: Int, _ lemmas: [Certification.Lemma]
  ) throws -> InductionCounterexample? {
    let size = ConstantSetting(name: "NODES", value: "\(nodes)")
    let file = SourceFile(name: "test.m", text: Self.marks)
    let certification = Certification(file, constants: [size], effort: Self.effort)
    let found = try certification.counterexamplesToInduction(lemmas, of: [.invariant(0)])
    #expect(found.count == 1)
    return found[0]
  }

  @Test("a counterexample to induction names what is lost, by which rule, and the whole state before it")
  func counterexampleToInduction() throws {
    let two = Certification.Lemma(
      name: "two",
      text: """
        forall i: node do forall j: node do forall k: node do
          (mark[i] & mark[j] & mark[k]) -> (i = j | j = k | i = k) end end end
        """)
    #expect(try counterexample(nodes: 2, [two]) == nil)
    #expect(try counterexample(nodes: 2, []) == nil)
    let lost = try #require(try counterexample(nodes: 3, [two]))
    #expect(lost.lemma == two)
    #expect(lost.obligation == "consecution: two, rule \"mark\"")
    let state = try #require(lost.state)
    #expect(state.count == 2)
    guard case .array(let marks) = state[0] else {
      Issue.record("mark is an array: \(state[0])")
      return
    }
    #expect(marks.map(\.value).sorted { "\($0)" < "\($1)" } == [.boolean(false), .boolean(true), .boolean(true)])
    // No lemma is lost, the property does not follow: of three nodes all are marked.
    let violated = try #require(try counterexample(nodes: 3, []))
    #expect(violated.lemma == nil)
    #expect(violated.obligation == "safety: in a state")
    #expect(
      violated.state?[0]
        == .array((0..<3).map { IndexedValue(.scalar(type: "node", index: $0), .boolean(true)) }))
    // What no start state satisfies is lost at once, without a state before.
    let wrong = Certification.Lemma(name: "wrong", text: "bad")
    let never = try #require(try counterexample(nodes: 2, [wrong]))
    #expect(never.lemma == wrong)
    #expect(never.obligation.hasPrefix("initiation: wrong, start"))
    #expect(never.state == nil)
  }

  @Test("a size that the file uses otherwise is not left open")
  func sizeUsedElsewhere() throws {
    let text = Self.pages.replacing("LIMIT: 3", with: "LIMIT: PAGES")
    guard case .proved(_, .thisScope, let remark?) = try certify(text, [Self.good, Self.apart]) else {
      Issue.record("expected a proof for this scope with a remark")
      return
    }
    #expect(remark == "the file uses PAGES for something else than the size of a scalarset")
  }

  @Test("a lemma whose evaluation fails is no lemma")
  func undefinedLemma() throws {
    let text = Self.pages.replacing("n := 0;", with: "").replacing("n: 0..LIMIT", with: "n: 0..LIMIT")
    let lemma = Certification.Lemma(name: "undefined", text: "n = 0 -> !bad")
    guard case .failed(_, isRefuted: true) = try certify(text, [lemma, Self.apart]) else {
      Issue.record("expected a refusal")
      return
    }
  }

  @Test(
    "a certificate's text holds named invariants and nothing else",
    arguments: [
      "assume !bad;", "startstate begin end;", "invariant !bad;", "rule \"r\" true ==> begin end;",
      "const X: 3;", "var x: boolean;", "ruleset p: page do invariant \"i\" true; end;", "cover bad;",
      "assert \"a\" true;",
    ])
  func onlyInvariants(_ text: String) throws {
    let file = SourceFile(name: "test.m", text: Self.pages)
    #expect(throws: Rejection.self) { try StrengthenedModel(file, lemmas: text, constants: []) }
    #expect(try StrengthenedModel(file, lemmas: "invariant \"i\" true;", constants: []).lemmas == ["i"])
  }

  @Test("the obligations of the smallest proof, by name")
  func obligations() throws {
    let file = SourceFile(name: "test.m", text: Self.pages)
    let whole = try StrengthenedModel(
      file, lemmas: Certification.text(of: [Self.good, Self.apart]), constants: [])
    let obligations = ConcreteObligations.obligations(
      of: try Elaborator(whole.model).elaborate().system, lemmas: whole.lemmas, properties: [.invariant(0)])
    #expect(
      Set(obligations.obligations.map(\.name)) == [
        "consecution: good, rule \"take\"", "consecution: apart, rule \"take\"",
        "consecution: apart, rule \"give\" p=page_0", "consecution: apart, rule \"give\" p=page_1",
        "safety: in a state",
      ])
    var session = try ProofSession(obligations)
    for obligation in obligations.obligations {
      let answer = try session.check(obligation, assuming: [0, 1])
      guard case .holds = answer else {
        Issue.record("\(obligation.name): \(answer)")
        continue
      }
    }
  }

  @Test("how scalarsets get their sizes")
  func sizes() throws {
    let text = """
      const A: 2; B: 3; C: 2; D: 4; F: (D + 1); G: 1;
      type a: scalarset(A); b: scalarset(B); c: scalarset((C) + G); e: scalarset(5); f: scalarset(F);
      var x: array [a] of array [b] of boolean; y: array [c] of boolean; z: 0..B; w: array [e] of boolean; v: 0..D;
      startstate begin clear x; clear y; z := 0; clear w; v := 0; end;
      """
    let sizes = ScalarsetSizes(of: try SyntaxTree.parse(SourceFile(name: "test.m", text: text)))
    #expect(sizes.named.map(\.constant) == ["A", "B", "F"])
    #expect(sizes.named.map(\.isUsedElsewhere) == [false, true, false])
    #expect(sizes.computedFrom == ["C", "G", "D"])
  }
}
