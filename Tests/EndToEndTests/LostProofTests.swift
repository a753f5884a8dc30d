import Foundation
import Interchange
import Testing

/// What the report says of a proof that does not hold for every size.
@Suite("Lost proofs")
struct LostProofTests {
  /// The lines about the only invariant of a model.
  private func lines(of model: String) throws -> [String] {
    let result = try CommandLineTool.run(
      ["prove", "invariants", "-", "--engine", "pdr", "--deadlock", "off", "--format", "json"], input: model)
    let row = try #require(try result.rows().first)
    #expect(row["verdict"]?.text == "proved")
    guard case .array(let found)? = row["agreement"] else { return [] }
    return found.compactMap(\.text)
  }

  @Test("a statement about numbers ends in a state that is reachable with one element more")
  func reachable() throws {
    let found = try lines(
      of: """
        const NODES: 2;
        type node: scalarset(NODES);
        var mark: array [node] of boolean;
        startstate begin for i: node do mark[i] := false; end; end;
        ruleset i: node do rule "mark" !mark[i] ==> begin mark[i] := true; end; end;
        invariant "no three marks"
          forall i: node do forall j: node do forall k: node do
            (mark[i] & mark[j] & mark[k]) -> (i = j | j = k | i = k) end end end;
        """)
    #expect(
      found == [
        "not for every size: safety: in a state does not follow",
        "at NODES=3: safety: in a state does not follow",
        "in the state mark[node_0] = true, mark[node_1] = true, mark[node_2] = true",
        "that state is reachable",
      ])
  }

  /// As many on one side as on the other: no lemma says so for every size, and with three elements a state is in the way that no run leads to.
  @Test("a missing lemma ends in a state that is not reachable")
  func unreachable() throws {
    let found = try lines(
      of: """
        const NODES: 2;
        type node: scalarset(NODES);
        var p: array [node] of boolean; q: array [node] of boolean;
        startstate begin for i: node do p[i] := false; q[i] := false; end; end;
        ruleset a: node; b: node do
          rule "both" !p[a] & !q[b] ==> begin p[a] := true; q[b] := true; end;
          rule "back" p[a] & q[b] ==> begin p[a] := false; q[b] := false; end;
        end;
        invariant "all of q if all of p" (forall i: node do p[i] end) -> (forall i: node do q[i] end);
        """)
    #expect(found.count == 5)
    guard found.count == 5 else { return }
    #expect(found[1] == "at NODES=3: consecution: lemma 1, rule \"both\" does not follow")
    #expect(found[2] == "lemma 1: forall node1: node do (forall node2: node do p[node2] end) -> q[node1] end")
    #expect(found[3].hasPrefix("in the state "))
    #expect(found[4] == "that state is not reachable: it is none of 20")
  }

  /// Fifteen bits that nothing depends on: 20 · 2^15 states.
  @Test("where there are too many states to look at all, that is what is said")
  func tooMany() throws {
    let found = try lines(
      of: """
        const NODES: 2;
        type node: scalarset(NODES);
        var p: array [node] of boolean; q: array [node] of boolean; noise: array [1..15] of boolean;
        startstate begin
          for i: node do p[i] := false; q[i] := false; end;
          for i: 1..15 do noise[i] := false; end;
        end;
        ruleset a: node; b: node do
          rule "both" !p[a] & !q[b] ==> begin p[a] := true; q[b] := true; end;
          rule "back" p[a] & q[b] ==> begin p[a] := false; q[b] := false; end;
        end;
        ruleset i: 1..15 do rule "noise" begin noise[i] := !noise[i]; end; end;
        invariant "all of q if all of p" (forall i: node do p[i] end) -> (forall i: node do q[i] end);
        """)
    #expect(found.count == 5)
    #expect(found.last == "that state is not among the first 20,000 reachable ones")
  }
}
