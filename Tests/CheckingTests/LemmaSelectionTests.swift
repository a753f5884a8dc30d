import Checking
import Diagnostics
import Elaboration
import Murphi
import SMT
import Testing
import TransitionSystems

/// Which lemmas may be used: those that are inductive together, and what becomes of the others.
@Suite("Lemma selection")
struct LemmaSelectionTests {
  /// Two lamps of which the second follows the first, a third that does as it likes.
  private static let lamps = """
    var a: boolean; b: boolean; c: boolean;
    startstate begin a := false; b := false; c := false; end;
    rule "first" true ==> begin a := true; end;
    rule "second" a ==> begin b := true; end;
    rule "third" true ==> begin c := !c; end;
    invariant "order" b -> a;
    """

  private func selection(
    _ lemmas: [String], of model: String = Self.lamps, effort: UInt32 = 0,
    interrupter: Interrupter = Interrupter()
  ) throws -> LemmaSelection {
    LemmaSelection(
      try ProofSession(try obligations(lemmas, of: model), effort: effort, interrupter: interrupter))
  }

  private func obligations(_ lemmas: [String], of model: String) throws -> Obligations {
    let text = lemmas.enumerated().map { "invariant \"l\($0)\" \($1);\n" }.joined()
    let model = try SyntaxTree.parse(SourceFile(name: "lamps.m", text: model + text)).check(constants: []).model
    return ConcreteObligations.obligations(
      of: try Elaborator(model).elaborate().system, lemmas: lemmas.indices.map { "l\($0)" }, properties: [.invariant(0)]
    )
  }

  /// What closing leaves, as a value: expectations copy what they look at.
  private struct Closed: Equatable {
    var isClosed: Bool
    var usable: Set<Int>
    var cause: LemmaSelection.Obstacle?
  }

  private func closed(
    _ lemmas: [String], effort: UInt32 = 0, undecided: LemmaSelection.Undecided = .dropped(atMost: .max)
  ) throws -> Closed {
    var selection = try selection(lemmas, effort: effort)
    let obstacle = try selection.close(undecided: undecided)
    #expect(obstacle == nil)
    return Closed(isClosed: selection.isClosed, usable: selection.usable, cause: selection.cause)
  }

  @Test("what falls takes along what needs it; the first cause is kept")
  func closing() throws {
    // l1 needs l0, which the third rule breaks.
    let closed = try closed(["!c", "c -> a", "b -> a"])
    #expect(closed.isClosed)
    #expect(closed.usable == [2])
    #expect(closed.cause?.obligation == "consecution: l0, rule \"third\"")
    #expect(closed.cause?.stopped == nil)
  }

  @Test("lemmas that the solver does not decide are dropped, end the closing, or are kept")
  func undecided() throws {
    // Not even a unit of effort: nothing is decided that takes the solver.
    let lemmas = ["b -> a", "a | !b"]
    let dropped = try closed(lemmas, effort: 1)
    #expect(dropped.isClosed)
    #expect(dropped.usable == [])
    #expect(dropped.cause?.stopped == .effort)
    let ended = try closed(lemmas, effort: 1, undecided: .dropped(atMost: 1))
    #expect(!ended.isClosed)
    #expect(ended.usable == [1])
    #expect(try closed(lemmas, effort: 1, undecided: .kept) == Closed(isClosed: true, usable: [0, 1], cause: nil))
  }

  @Test("what is refuted falls even where the undecided is kept")
  func refuted() throws {
    #expect(try closed(["!a", "b -> a"], undecided: .kept).usable == [1])
  }

  @Test("what was dropped for want of an answer comes back with the lemmas that are said to do")
  func restarted() throws {
    var selection = try selection(["b -> a", "a | !b", "!c"])
    _ = try selection.close()
    let before = selection.usable
    selection.restart(among: [0, 2])
    let isClosed = selection.isClosed
    let isFresh = selection.cause == nil && selection.obstacles.isEmpty
    let usable = selection.usable
    #expect(before == [0, 1])
    #expect(!isClosed && isFresh)
    #expect(usable == [0, 2])
    _ = try selection.close()
    let after = selection.usable
    #expect(after == [0])
  }

  @Test("what is left out from outside is not used")
  func restricted() throws {
    var selection = try selection(["b -> a", "a | !b"])
    selection.restart(among: [1])
    let obstacle = try selection.close()
    let found = try selection.select(for: .invariant(0), isMinimal: true)
    #expect(obstacle == nil)
    #expect(found == .proof(lemmas: [1]))
  }

  /// x needs e and y; d would do beside e, and c beside y. d needs c: while d is there, c cannot be left out.
  private static let chain = """
    var c: boolean; d: boolean; e: boolean; x: boolean; y: boolean;
    startstate begin c := true; d := true; e := true; x := true; y := true; end;
    rule "neither d nor e" !d & !e ==> begin x := false; end;
    rule "no e" !e ==> begin x := false; end;
    rule "no c" !c ==> begin d := false; end;
    rule "neither c nor y" !c & !y ==> begin x := false; end;
    rule "no y" !y ==> begin x := false; end;
    invariant "x" x;
    """

  /// A minimal proof of x.
  private func minimal(_ lemmas: [String], of model: String = Self.chain) throws -> [String] {
    var selection = try selection(lemmas, of: model)
    guard try selection.close() == nil,
      case .proof(let chosen) = try selection.select(for: .invariant(0), isMinimal: true)
    else { return [] }
    return chosen.map { lemmas[$0] }
  }

  @Test("a lemma that was kept for another's sake goes with it, whatever their order")
  func keptForAnother() throws {
    // Here Z3 needs d and c at first; they are tried from the last to the first, so c comes before d.
    #expect(try minimal(["d", "c", "e", "y", "x"]) == ["x", "e", "y"])
    for order in Self.orders(of: ["c", "d", "e", "x", "y"]) {
      #expect(try minimal(order).sorted() == ["e", "x", "y"], "\(order)")
    }
  }

  /// x needs y; p would do instead of it in one place. p and q hold each other up: neither can be left out while the other is there.
  private static let pair = """
    var p: boolean; q: boolean; x: boolean; y: boolean;
    startstate begin p := true; q := true; x := true; y := true; end;
    rule "no q" !q ==> begin p := false; end;
    rule "no p" !p ==> begin q := false; end;
    rule "neither p nor y" !p & !y ==> begin x := false; end;
    rule "no y" !y ==> begin x := false; end;
    invariant "x" x;
    """

  @Test("lemmas that hold each other up and nothing else go together")
  func holdingEachOther() throws {
    for order in Self.orders(of: ["p", "q", "x", "y"]) {
      #expect(try minimal(order, of: Self.pair).sorted() == ["x", "y"], "\(order)")
    }
  }

  @Test("interrupted while lemmas are left out: no proof that may not be minimal")
  func interrupted() throws {
    let interrupter = Interrupter()
    var selection = try selection(["p", "q", "x", "y"], of: Self.pair, interrupter: interrupter)
    #expect(try selection.close() == nil)
    guard case .proof = try selection.select(for: .invariant(0), isMinimal: false) else {
      Issue.record("no proof")
      return
    }
    interrupter.interrupt(because: .cancelled)
    guard case .obstacle(let obstacle) = try selection.select(for: .invariant(0), isMinimal: true) else {
      Issue.record("a proof after an interrupt")
      return
    }
    #expect(obstacle.stopped == .interrupted(.cancelled))
  }

  @Test("what is refuted elsewhere: the same purpose, the same rule")
  func refutedElsewhere() throws {
    let lemmas = ["p", "q", "x", "y"]
    var selection = try selection(lemmas, of: Self.pair)
    var refuted: [String] = []
    for obligation in try obligations(lemmas, of: Self.pair).obligations {
      if try selection.refutes(obligation, from: [0, 2]) { refuted.append(obligation.name) }
    }
    // Without q and y: p may go, and then q; x holds, for p is assumed beside it. Of the start, and of the property, nothing is refuted.
    #expect(
      refuted == [
        "consecution: l0, rule \"no q\"", "consecution: l2, rule \"no y\"",
      ])
  }

  private static func orders(of elements: [String]) -> [[String]] {
    if elements.isEmpty { return [[]] }
    return elements.flatMap { first in
      orders(of: elements.filter { $0 != first }).map { [first] + $0 }
    }
  }
}
