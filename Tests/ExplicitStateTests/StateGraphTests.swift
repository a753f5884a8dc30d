import Execution
import ExplicitState
import Logic
import Murphi
import Testing
import TransitionSystems

/// Whole graphs of small models, and what the search counts.
@Suite struct StateGraphTests {
  private func graph(_ text: String, limit: Int = 1000) throws -> StateGraph {
    var search = StateGraphSearch(try engine(text).program, limit: limit)
    return try search.run()
  }

  @Test func everyStepIsThere() throws {
    let found = try graph(
      """
      var x: 0..3;
      startstate "zero" begin x := 0; end;
      ruleset i: 1..2 do rule "up" x + i <= 3 ==> begin x := x + i; end; end;
      invariant "not two" x != 2;
      """)
    func up(_ from: Int, _ i: Int) -> StateGraph.Edge {
      StateGraph.Edge(
        source: from, firing: Firing(index: 0, name: "up", parameters: [NamedValue("i", .integer(i))]),
        target: .node(from + i))
    }
    let start = StateGraph.Edge(
      source: nil, firing: Firing(index: 0, name: "zero", parameters: []), target: .node(0))
    #expect(found.variables == ["x"])
    #expect(found.edges == [start, up(0, 1), up(0, 2), up(1, 1), up(1, 2), up(2, 1)])
    #expect(
      found.nodes == [
        StateGraph.Node(values: [.integer(0)], violated: []), StateGraph.Node(values: [.integer(1)], violated: []),
        StateGraph.Node(values: [.integer(2)], violated: [.invariant(0)]),
        StateGraph.Node(values: [.integer(3)], violated: [.deadlock]),
      ])
  }

  @Test func errorsAndAssumptions() throws {
    let found = try graph(
      """
      --@ deadlock off
      var x: 0..3;
      startstate begin x := 0; end;
      rule "up" begin x := x + 1; end;
      assume "below two" x < 2;
      rule "fail" x = 1 ==> begin error "boom"; end;
      invariant "undefined" x = 0 | 3 / (x - 1) = 3;
      """)
    #expect(found.nodes.map(\.values) == [[.integer(0)], [.integer(1)]])
    #expect(found.nodes.map(\.violated) == [[], [.invariant(0), .runTimeErrors]])
    #expect(found.edges.count == 3)
    guard case .failure(let failure)? = found.edges.last?.target else {
      Issue.record("no failure")
      return
    }
    #expect(failure.message.contains("boom"))
  }

  @Test func theLimitIsExact() throws {
    let text = "var x: 0..3; startstate begin x := 0; end; rule \"up\" x < 3 ==> begin x := x + 1; end;"
    #expect(try graph(text, limit: 4).nodes.count == 4)
    #expect(throws: StateGraphSearch.Refusal.tooManyStates(3)) { try graph(text, limit: 3) }
  }

  /// Counts are the search's, deadlocks and all.
  @Test(
    arguments: [
      "var x: 0..9; y: boolean; startstate begin x := 0; undefine y; end; "
        + "ruleset i: 0..3 do rule \"r\" x + i < 9 ==> begin x := x + i; y := i > 1; end; end; invariant \"i\" x < 8;",
      "--@ deadlock stuck\nvar x: 0..9; ruleset i: 0..4 do startstate begin x := i; end; end; "
        + "rule \"down\" x > 0 ==> begin x := x - 1; end; rule \"err\" x = 3 ==> begin x := 7 / (x - 3); end;",
      "--@ deadlock stuttering\nvar x: 0..3; startstate begin x := 0; end; rule \"stay\" begin end; assume x < 9;",
    ])
  func countsAreTheSearchs(text: String) throws {
    let found = try graph(text)
    let report = try engine(text).exhaust()
    #expect(found.nodes.count == report.states)
    let fired = found.edges.filter { edge in
      if case .node = edge.target { edge.source != nil } else { false }
    }
    #expect(fired.count == report.rulesFired)
    #expect(found.nodes.contains { $0.violated.contains(.deadlock) } == (report.trace(of: .deadlock) != nil))
    #expect(found.nodes.contains { $0.violated.contains(.invariant(0)) } == (report.trace(of: .invariant(0)) != nil))
  }
}
