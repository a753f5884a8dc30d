import Diagnostics
import Elaboration
import Foundation
import Murphi
import Testing
import TransitionSystems

@testable import Engines

/// PDR on small texts with known answers, and on the maintained models.
@Suite("PDR")
struct PDRTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

  /// A model as a parameterized system.
  private func system(_ text: String, _ constants: [ConstantSetting] = []) throws -> ParameterizedSystem {
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check(constants: constants).model
    return try ParameterizedElaborator(model).elaborate().system
  }

  private func file(_ path: String, _ constants: [ConstantSetting] = []) throws -> ParameterizedSystem {
    try system(String(contentsOf: Self.tests.appending(path: path), encoding: .utf8), constants)
  }

  private func sizes(_ numbers: [String: Int]) -> [ConstantSetting] {
    numbers.sorted { $0.key < $1.key }.map { ConstantSetting(name: $0.key, value: "\($0.value)") }
  }

  private static let budget = Budget(depth: 200, queries: 400_000)

  /// The depth of each violation; nil for what is proved; a recorded issue for anything else.
  private func depths(_ system: ParameterizedSystem, _ properties: [PropertyID]) async throws -> [Int?] {
    try await PDR(system).decide(properties, within: Self.budget).map { verdict in
      switch verdict {
      case .violated(let trace, shortest: true): return trace.depth
      case .proved(.certificate, sizes: .thisScope): return nil
      default:
        Issue.record("\(verdict)")
        return nil
      }
    }
  }

  @Test("the toy is proved alike at every size, by statements about one table, one leaf, one vCPU")
  func toy() async throws {
    var queries: Set<Int> = []
    for size in [2, 4, 16] {
      let scope = sizes(["TABLES": size, "LEAVES": size, "VCPUS": size])
      let result = try await PDR(file("Fixtures/toy-sept.m", scope)).search(
        [.invariant(0), .invariant(1)], within: Self.budget)
      #expect(result.verdicts.allSatisfy { $0.isConclusive })
      #expect(result.invariant.count <= 12)
      #expect(result.invariant.allSatisfy { $0.elements.count <= 3 })
      queries.insert(result.statistics.queries)
    }
    #expect(queries.count <= 2, "the number of queries depends on the size: \(queries)")
  }

  @Test(
    "every property of the maintained models is proved",
    arguments: [
      "coco-flags", "gmem-toggle", "tdx-locks", "sept-teardown",
    ])
  func maintained(_ name: String) async throws {
    let system = try file("../Models/\(name).m")
    let properties = system.properties.map(\.property)
    #expect(try await depths(system, properties) == properties.map { _ in nil })
  }

  @Test("the same search twice is the same search")
  func deterministic() async throws {
    let system = try file("../Models/tdx-locks.m")
    let properties = system.properties.map(\.property)
    let first = try await PDR(system).search(properties, within: Self.budget)
    let second = try await PDR(system).search(properties, within: Self.budget)
    #expect(first.statistics == second.statistics)
    #expect(first.invariant == second.invariant)
    #expect(first.verdicts == second.verdicts)
  }

  @Test("counterexamples are shortest, each property for itself")
  func severalProperties() async throws {
    let text = """
      const N: 3;
      type S: scalarset(N);
      var on: array [S] of boolean; hops: 0..9;
      startstate begin for s: S do on[s] := false; end; hops := 0; end;
      ruleset s: S do
        rule "on" !on[s] ==> begin on[s] := true; end;
        rule "off" on[s] ==> begin on[s] := false; hops := hops < 9 ? hops + 1 : 9; end;
      end;
      invariant "two" forall s: S do forall t: S do on[s] & on[t] -> s = t end end;
      invariant "all" exists s: S do !on[s] end;
      invariant "hops" hops < 4;
      invariant "true" hops <= 9;
      """
    let properties = (0...3).map(PropertyID.invariant)
    for size in [3, 5] {
      let system = try system(text, sizes(["N": size]))
      #expect(try await depths(system, properties) == [2, size, 8, nil])
    }
  }

  @Test(
    "run-time errors: in rules, starts, invariants and assumptions",
    arguments: [
      ("rule \"r\" x < 3 ==> begin x := x + 1; end; rule \"f\" x = 2 ==> begin error \"boom\"; end;", 3),
      ("rule \"r\" x < 3 ==> begin x := x + 1; end; invariant \"i\" 6 / (2 - x) != 9;", 2),
      ("rule \"r\" x < 3 ==> begin x := x + 1; end; assume 6 / (2 - x) != 9;", 2),
      ("rule \"r\" x < 1 ==> begin x := x + 1; end; rule \"f\" x = 2 ==> begin error \"boom\"; end;", nil),
    ])
  func runTimeErrors(_ rules: String, _ depth: Int?) async throws {
    let system = try system("var x: 0..3; startstate begin x := 0; end; " + rules)
    #expect(try await depths(system, [.runTimeErrors]) == [depth])
  }

  @Test("a property whose evaluation fails in a reachable state does not hold")
  func evaluationFails() async throws {
    let text = """
      var x: 0..3; startstate begin x := 0; end;
      rule "r" x < 3 ==> begin x := x + 1; end;
      invariant "i" 6 / (2 - x) != 9; invariant "j" x <= 3;
      """
    #expect(try await depths(system(text), [.invariant(0), .invariant(1), .runTimeErrors]) == [2, nil, 2])
  }

  @Test("elements as values: owners, hand-over, none")
  func owners() async throws {
    let text = """
      type page: scalarset(4); td: scalarset(3);
      var owner: array [page] of td; free: array [page] of boolean; last: td;
      startstate begin for p: page do free[p] := true; undefine owner[p]; end; undefine last; end;
      ruleset p: page; t: td do
        rule "take" free[p] ==> begin free[p] := false; owner[p] := t; end;
        rule "release" !free[p] & owner[p] = t ==> begin undefine owner[p]; free[p] := true; last := t; end;
        rule "give" !free[p] & owner[p] != t ==> begin owner[p] := t; end;
      end;
      invariant "free pages have no owner" forall p: page do free[p] -> isundefined(owner[p]) end;
      invariant "used pages have one" forall p: page do !free[p] -> !isundefined(owner[p]) end;
      invariant "nobody released" isundefined(last);
      """
    let system = try system(text)
    #expect(try await depths(system, [.invariant(0), .invariant(1), .invariant(2)]) == [nil, nil, 2])
  }

  @Test("a bound on frames, on queries, and cancellation are said so")
  func limits() async throws {
    let text = """
      var x: 0..63;
      startstate begin x := 0; end;
      rule "r" x < 60 ==> begin x := x + 1; end;
      invariant "i" x != 50;
      """
    let system = try system(text)
    #expect(try await PDR(system).decide([.invariant(0)], within: Budget(depth: 5)) == [.bounded(depth: 5)])
    let few = try await PDR(system).decide([.invariant(0), .deadlock], within: Budget(depth: 90, queries: 20))
    guard case .limit(.solverEffort, _) = few[0] else { Issue.record("\(few)"); return }
    #expect(few[1] == .unknown(reason: "pdr does not decide deadlock"))
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await PDR(system).decide([.invariant(0)], within: Budget(depth: 90))
    }
    task.cancel()
    guard case .limit(.interrupted, _) = try await task.value[0] else { Issue.record("not interrupted"); return }
  }

  @Test("without a start state everything holds, without a rule the start decides")
  func degenerate() async throws {
    let none = try system("var x: 0..3; rule \"r\" begin x := 1; end; invariant \"i\" x = 0;")
    #expect(try await depths(none, [.invariant(0)]) == [nil])
    let still = try system("var x: 0..3; startstate begin x := 2; end; invariant \"i\" x = 2; invariant \"j\" x = 1;")
    #expect(try await depths(still, [.invariant(0), .invariant(1)]) == [nil, 0])
  }

  @Test("the seed decides which states are sampled, and nothing else does")
  func seeds() throws {
    let text = """
      const N: 4;
      type node: scalarset(N);
      var mark: array [node] of boolean; last: array [node] of array [node] of boolean;
      startstate begin
        for i: node do mark[i] := false; for j: node do last[i][j] := false; end; end;
      end;
      ruleset i: node; j: node do
        rule "set" !mark[i] ==> begin mark[i] := true; last[i][j] := true; end;
        rule "unset" mark[i] & last[i][j] ==> begin last[i][j] := false; mark[j] := false; end;
      end;
      invariant "i" true;
      """
    func states(_ seed: UInt64) throws -> Set<[UInt64]> {
      let system = try system(text)
      var store = system.store
      var simulation = try #require(Simulation(system, sizes: [4], seed: seed, in: &store))
      return Set(simulation.statesFromStart(in: &store))
    }
    let first = try states(1)
    #expect(try states(1) == first)
    #expect(try states(2) != first)
  }
}
