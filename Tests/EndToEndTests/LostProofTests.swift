import Foundation
import Interchange
import Testing

/// What the report says of a proof that does not hold for every size.
@Suite("Lost proofs")
struct LostProofTests {
  /// The lines about the only invariant of a model.
  private func lines(of model: String) throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kvmcheck-lost-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try model.write(to: folder.appending(path: "lost.m"), atomically: true, encoding: .utf8)
    let result = try CommandLineTool.run(
      ["prove", "invariants", "lost.m", "--engine", "pdr", "--deadlock", "off", "--format", "json"], in: folder)
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
}
