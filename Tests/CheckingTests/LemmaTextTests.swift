import Checking
import Diagnostics
import Elaboration
import Engines
import Foundation
import Logic
import Murphi
import Testing
import TransitionSystems

/// Lemmas as Murphi: what is written for each shape, that the model takes it, and that it is what the lemma says.
@Suite("The text of lemmas")
struct LemmaTextTests {
  private static let model = """
    const PAGES: 2; TDS: 2;
    type page: scalarset(PAGES); td_t: scalarset(TDS); color: enum { RED, GREEN }; level: 0..2;
    var used: array [page] of boolean; paint: array [page] of color; age: array [page] of array [td_t] of level;
      owner: array [page] of td_t; holder: td_t; slot: record ready: boolean; what: page; end;
      lamp: array [color] of boolean; shift: array [-1..0] of boolean; maybe: boolean; late: color; bad: boolean;
      page2: boolean;
    startstate begin
      for p: page do
        used[p] := false; paint[p] := RED; undefine owner[p];
        for t: td_t do age[p][t] := 0; end;
      end;
      undefine holder; undefine maybe; undefine late; slot.ready := false; undefine slot.what;
      for c: color do lamp[c] := false; end; for i: -1..0 do shift[i] := false; end; bad := false; page2 := false;
    end;
    ruleset p: page; t: td_t do
      rule "r" begin
        used[p] := !used[p]; paint[p] := GREEN; age[p][t] := 2; owner[p] := t; holder := t; maybe := bad;
        late := paint[p]; slot.ready := true; slot.what := p; lamp[RED] := true; shift[0] := bad; shift[-1] := bad;
        page2 := true; age[p][t] := 1;
      end;
    end;
    invariant "i" !bad;
    """

  /// A system under construction of lemmas.
  private final class Writing {
    let typed: TypedModel
    let tree: SyntaxTree
    let system: ParameterizedSystem
    var store: TermStore

    init(_ text: String) throws {
      tree = try SyntaxTree.parse(SourceFile(name: "test.m", text: text))
      typed = try tree.check().model
      system = try ParameterizedElaborator(typed).elaborate().system
      store = system.store
    }

    /// The predicate at `position` of the function called `name`.
    func predicate(
      _ name: String, _ elements: [Term] = [], position: Int = 0, reading: StateFunction.Reading = .value
    ) throws -> Term {
      let function = try #require(system.functions.first { $0.name == name && $0.reading == reading }, "\(name)")
      return store.apply(function.predicates[position], elements)
    }

    func element(_ sort: Int, _ number: Int) -> Term {
      store.variable("e\(sort).\(number)", .uninterpreted(sort))
    }

    /// The lemma's text. Throws: the model with it is refused, or printing it does not lead to itself.
    func text(_ elements: [Term], _ literals: [Term]) throws -> String? {
      var writer = LemmaText(system, of: typed, store: store, avoiding: tree.identifiers)
      guard let text = writer.text(of: QuantifiedLemma(elements: elements, literals: literals)) else { return nil }
      let lemma = Certification.text(of: [.init(name: "lemma", text: text)])
      let file = SourceFile(name: "test.m", text: tree.text(of: ModelInstance(constants: [])))
      _ = try StrengthenedModel(file, lemmas: lemma, constants: [])
      let printed = try SyntaxTree.parse(SourceFile(name: "lemma", text: lemma)).text(of: ModelInstance(constants: []))
      let again = try SyntaxTree.parse(SourceFile(name: "lemma", text: printed)).text(of: ModelInstance(constants: []))
      #expect(again == printed)
      return text
    }
  }

  @Test("a lemma of one literal, of every kind of place")
  func places() throws {
    let w = try Writing(Self.model)
    let (p, t) = (w.element(0, 0), w.element(1, 0))
    func both(_ elements: [Term], _ term: Term) throws -> [String?] {
      [try w.text(elements, [term]), try w.text(elements, [w.store.not(term)])]
    }
    var found: [String?] = []
    found += try both([], w.predicate("bad"))
    found += try both([p], w.predicate("used[]", [p]))
    found += try both([p], w.predicate("paint[]", [p], position: 1))
    found += try both([p, t], w.predicate("age[][]", [p, t], position: 2))
    found += try both([p, t], w.predicate("owner[]", [p, t]))
    found += try both([p], w.predicate("owner[]", [p], position: 1))
    found += try both([t], w.predicate("holder", [t]))
    found += try both([], w.predicate("slot.ready"))
    found += try both([p], w.predicate("slot.what", [p]))
    found += try both([], w.predicate("lamp[RED]"))
    found += try both([], w.predicate("shift[-1]"))
    found += try both([], w.predicate("maybe"))
    found += try both([], w.predicate("maybe", reading: .definedness))
    found += try both([], w.predicate("late", position: 0))
    found += try both([], w.predicate("late", position: 1))
    #expect(
      found == [
        "!bad",
        "bad",
        "forall page1: page do !used[page1] end",
        "forall page1: page do used[page1] end",
        "forall page1: page do (paint[page1] != GREEN) end",
        "forall page1: page do (paint[page1] = GREEN) end",
        "forall page1: page do forall td1: td_t do (age[page1][td1] != 2) end end",
        "forall page1: page do forall td1: td_t do (age[page1][td1] = 2) end end",
        "forall page1: page do forall td1: td_t do (isundefined(owner[page1]) | (owner[page1] != td1)) end end",
        "forall page1: page do forall td1: td_t do (!isundefined(owner[page1]) & (owner[page1] = td1)) end end",
        "forall page1: page do !isundefined(owner[page1]) end",
        "forall page1: page do isundefined(owner[page1]) end",
        "forall td1: td_t do (isundefined(holder) | (holder != td1)) end",
        "forall td1: td_t do (!isundefined(holder) & (holder = td1)) end",
        "!slot.ready",
        "slot.ready",
        "forall page1: page do (isundefined(slot.what) | (slot.what != page1)) end",
        "forall page1: page do (!isundefined(slot.what) & (slot.what = page1)) end",
        "!lamp[RED]",
        "lamp[RED]",
        "!shift[-1]",
        "shift[-1]",
        "(isundefined(maybe) | !maybe)",
        "(!isundefined(maybe) & maybe)",
        "isundefined(maybe)",
        "!isundefined(maybe)",
        "(!isundefined(late) & (late != RED))",
        "(isundefined(late) | (late = RED))",
        "(isundefined(late) | (late != GREEN))",
        "(!isundefined(late) & (late = GREEN))",
      ])
  }

  @Test("several literals, elements, quantifiers and conditions")
  func shapes() throws {
    let w = try Writing(Self.model)
    let (p, q, t) = (w.element(0, 0), w.element(0, 1), w.element(1, 0))
    let (used, other) = (try w.predicate("used[]", [p]), try w.predicate("used[]", [q]))
    let notUsed = w.store.not(used)
    var found: [String?] = []
    found.append(try w.text([], []))
    found.append(try w.text([p, q], [used, other]))
    found.append(try w.text([p, q], [used, w.store.not(other)]))
    found.append(try w.text([p, q], [w.store.not(used), w.store.not(other)]))
    let owned = try w.predicate("owner[]", [p, t])
    let some = w.store.exists(t, owned)
    found.append(try w.text([p], [used, some]))
    found.append(try w.text([p], [used, w.store.not(some)]))
    let inner = w.store.and(some, notUsed)
    let nested = w.store.exists(p, inner)
    found.append(try w.text([], [nested]))
    found.append(try w.text([], [w.store.not(nested)]))
    let apart = w.store.and(other, w.store.notEqual(p, q))
    let another = w.store.exists(q, apart)
    found.append(try w.text([p], [used, another]))
    let bad = try w.predicate("bad")
    let choice = w.store.ifThenElse(bad, used, some)
    found.append(try w.text([p], [choice]))
    found.append(try w.text([p], [w.store.equal(bad, used)]))
    found.append(try w.text([p], [w.store.or(used, bad)]))
    #expect(
      found == [
        "false",
        "forall page1: page do forall page3: page do (page1 != page3) & used[page1] -> !used[page3] end end",
        "forall page1: page do forall page3: page do (page1 != page3) & used[page1] -> used[page3] end end",
        "forall page1: page do forall page3: page do (page1 != page3) & !used[page1] -> used[page3] end end",
        "forall page1: page do used[page1] -> (forall td2: td_t do (isundefined(owner[page1]) | "
          + "(owner[page1] != td2)) end) end",
        "forall page1: page do used[page1] -> (exists td2: td_t do (!isundefined(owner[page1]) & "
          + "(owner[page1] = td2)) end) end",
        "(forall page3: page do ((forall td2: td_t do (isundefined(owner[page3]) | (owner[page3] != td2)) "
          + "end) | used[page3]) end)",
        "(exists page3: page do ((exists td2: td_t do (!isundefined(owner[page3]) & (owner[page3] = td2)) "
          + "end) & !used[page3]) end)",
        "forall page1: page do used[page1] -> (forall page4: page do ((page1 = page4) | !used[page4]) end) end",
        "forall page1: page do ((bad & !used[page1]) | (!bad & (forall td2: td_t do "
          + "(isundefined(owner[page1]) | (owner[page1] != td2)) end))) end",
        "forall page1: page do (bad != used[page1]) end",
        "forall page1: page do (!bad & !used[page1]) end",
      ])
  }

  /// What PDR finds, written.
  private func lemmas(_ text: String) async throws -> (texts: Set<String>, isGeneral: Bool) {
    let w = try Writing(text)
    let found = try await PDR(w.system).search([.invariant(0)], within: Budget(depth: 50, queries: 10_000))
    var writer = LemmaText(w.system, of: w.typed, store: found.store, avoiding: w.tree.identifiers)
    var texts: Set<String> = []
    for lemma in found.invariant {
      let text = writer.text(of: lemma)
      texts.insert(try #require(text))
    }
    let all = texts.sorted().enumerated().map { Certification.Lemma(name: "lemma \($0 + 1)", text: $1) }
    let file = SourceFile(name: "test.m", text: text)
    _ = try StrengthenedModel(file, lemmas: Certification.text(of: all), constants: [])
    return (texts, writer.isGeneral)
  }

  @Test("elements that a mixture of scalarsets tells apart: any, the same in both")
  func mixture() async throws {
    let (texts, isGeneral) = try await lemmas(
      """
      type A: scalarset(2); B: scalarset(2);
      var x: array [A] of boolean; y: array [B] of 0..2; bad: boolean;
      startstate begin for a: A do x[a] := false; end; for b: B do y[b] := 0; end; bad := false; end;
      ruleset a: A do
        rule "set" begin x[a] := true; end;
        rule "two" x[a] ==> begin y[a] := 1; end;
        rule "bad" !x[a] & y[a] > 0 ==> begin bad := true; end;
      end;
      invariant "i" !bad;
      """)
    #expect(isGeneral)
    #expect(texts == ["!bad", "forall A1: A do !x[A1] -> (y[A1] = 0) end"])
  }

  @Test("elements that a loop tells apart, as values; a member of an enumeration keeps its name")
  func loop() async throws {
    let (texts, isGeneral) = try await lemmas(
      """
      type A: scalarset(2); E: enum { B_0, B_1 };
      var x: array [A] of boolean; y: array [E] of boolean; last: A; bad: boolean;
      startstate begin
        for a: A do x[a] := false; end; undefine last; bad := false; for e: E do y[e] := false; end;
      end;
      ruleset a: A do
        rule "set" begin x[a] := true; end;
        rule "bad" y[B_1] & !isundefined(last) & !x[last] ==> begin bad := true; end;
      end;
      rule "pick" begin for a: A do if x[a] then last := a; end; end; y[B_1] := !y[B_1]; end;
      invariant "i" !bad;
      """)
    #expect(isGeneral)
    #expect(texts.contains("!bad"))
    #expect(texts.contains { $0.contains("(last = A1)") && $0.contains("x[A1]") })
    #expect(!texts.contains { $0.contains("A_") })
  }

  @Test("without such elements nothing is general, and scalarsets of one stem have names of their own")
  func open() async throws {
    let (texts, isGeneral) = try await lemmas(
      """
      type page: scalarset(2); page_t: scalarset(2);
      var on: array [page] of array [page_t] of boolean; off: array [page] of array [page_t] of boolean; bad: boolean;
      startstate begin
        for p: page do for t: page_t do on[p][t] := false; off[p][t] := true; end; end; bad := false;
      end;
      ruleset p: page; t: page_t do
        rule "on" off[p][t] ==> begin bad := bad | on[p][t]; off[p][t] := false; on[p][t] := true; end;
        rule "off" on[p][t] ==> begin on[p][t] := false; off[p][t] := true; end;
      end;
      invariant "i" !bad;
      """)
    #expect(!isGeneral)
    #expect(
      texts == [
        "!bad",
        "forall page1: page do forall page2: page_t do on[page1][page2] -> !off[page1][page2] end end",
      ])
  }
}
