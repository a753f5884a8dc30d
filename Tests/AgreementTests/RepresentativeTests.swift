import Checking
import Diagnostics
import Elaboration
import Engines
import Execution
import ExplicitState
import Murphi
import Testing
import TransitionSystems

/// Bounded search by representatives and by localization, on models small enough to be seen through: it loses no violation and
/// finds each at its exact depth, as explicit search does.
@Suite("Bounded search by representatives")
struct RepresentativeTests {
  /// A model with the depth of each violation; nil for what is not violated. Invariants, assertions, then run-time errors.
  struct Small: CustomStringConvertible, Sendable {
    let description: String
    /// The scalarsets whose elements it cannot tell apart.
    let symmetric: Set<Int>
    let text: String
    let depths: [Int?]
  }

  static let all: [Small] = [
    Small(
      description: "`clear` names the first element, and only the others can be bad", symmetric: [],
      text: """
        type S: scalarset(3); var first: S; on: array [S] of boolean;
        startstate begin clear first; for s: S do on[s] := false; end; end;
        ruleset s: S do rule "on" s != first & !on[s] ==> begin on[s] := true; end; end;
        invariant "i" forall s: S do !on[s] end;
        """, depths: [1, nil]),
    Small(
      description: "a loop of the startstate tells the first element from the others", symmetric: [],
      text: """
        type S: scalarset(3); var done: boolean; safe: array [S] of boolean; on: array [S] of boolean;
        startstate begin done := false; for s: S do safe[s] := !done; done := true; on[s] := false; end; end;
        ruleset s: S do rule "on" !safe[s] & !on[s] ==> begin on[s] := true; end; end;
        invariant "i" forall s: S do !on[s] end;
        """, depths: [1, nil]),
    Small(
      description: "one scalarset is told apart, the other is not", symmetric: [1],
      text: """
        type S: scalarset(2); T: scalarset(3); var first: S; on: array [S] of array [T] of boolean;
        startstate begin clear first; for s: S do for t: T do on[s][t] := false; end; end; end;
        ruleset s: S do ruleset t: T do rule "on" s != first & !on[s][t] ==> begin on[s][t] := true; end; end; end;
        invariant "i" forall s: S do forall t: T do !on[s][t] end end;
        invariant "j" forall s: S do exists t: T do !on[s][t] end end;
        """, depths: [1, 3, nil]),
    Small(
      description: "two scalarsets of one size meet", symmetric: [],
      text: """
        type S: scalarset(2); T: scalarset(2); var on: array [S] of boolean;
        startstate begin for s: S do on[s] := false; end; end;
        ruleset s: S do rule "on" !on[s] ==> begin on[s] := true; end; end;
        invariant "i" forall s: S do forall t: T do s != t -> !on[s] end end;
        """, depths: [1, nil]),
    Small(
      description: "a variable that is undefined at first", symmetric: [0],
      text: """
        type S: scalarset(3); var x: S; on: array [S] of boolean;
        startstate begin undefine x; for s: S do on[s] := false; end; end;
        ruleset s: S do rule "pick" isundefined(x) ==> begin x := s; end; end;
        rule "on" !isundefined(x) & !on[x] ==> begin on[x] := true; undefine x; end;
        invariant "i" forall s: S do !on[s] end;
        invariant "j" forall s: S do forall t: S do s != t -> !(on[s] & on[t]) end end;
        """, depths: [2, 4, nil]),
    Small(
      description: "any start names an element", symmetric: [0],
      text: """
        type S: scalarset(3); var x: S;
        ruleset s: S do startstate begin x := s; end; end;
        ruleset s: S do rule "move" x != s ==> begin x := s; end; end;
        invariant "i" forall s: S do x != s end;
        invariant "j" exists s: S do x != s end;
        """, depths: [0, nil, nil]),
    Small(
      description: "properties of two and three different elements", symmetric: [0],
      text: """
        type S: scalarset(3); var on: array [S] of boolean;
        startstate begin for s: S do on[s] := false; end; end;
        ruleset s: S do rule "on" !on[s] ==> begin on[s] := true; end; end;
        invariant "i" forall s: S do forall t: S do s != t -> !(on[s] & on[t]) end end;
        invariant "j" forall s: S do on[s] -> (forall t: S do forall u: S do s != t & t != u & s != u -> !(on[t] & on[u]) end end) end;
        invariant "k" exists s: S do !on[s] end;
        invariant "l" (forall s: S do on[s] end) -> (exists s: S do !on[s] end);
        invariant "m" forall s: S do on[s] -> (exists t: S do t != s & !on[t] end) end;
        """, depths: [2, 3, 3, 3, 3, nil]),
    Small(
      description: "two parameters of one scalarset, equal and different", symmetric: [0],
      text: """
        type S: scalarset(3); var link: array [S] of array [S] of boolean; n: 0..3;
        startstate begin n := 0; for s: S do for t: S do link[s][t] := false; end; end; end;
        ruleset s: S do ruleset t: S do rule "link" !link[s][t] & n < 2 ==> begin
          link[s][t] := true; n := n + 1; assert "same" s = t; assert "other" s != t | n < 2; end; end; end;
        invariant "i" forall s: S do forall t: S do link[s][t] -> s = t end end;
        invariant "j" forall s: S do !link[s][s] end;
        invariant "k" forall s: S do forall t: S do forall u: S do
          s != u & s != t & t != u -> !(link[s][t] & link[t][u]) end end end;
        """, depths: [nil, 1, nil, 1, 2, nil]),
    Small(
      description: "elements as values", symmetric: [0, 1],
      text: """
        type S: scalarset(3); T: scalarset(2); var owner: array [S] of T;
        startstate begin for s: S do undefine owner[s]; end; end;
        ruleset s: S do ruleset t: T do rule "own" isundefined(owner[s]) ==> begin owner[s] := t; end; end; end;
        invariant "i" forall s: S do forall u: S do
          s != u & !isundefined(owner[s]) & !isundefined(owner[u]) -> owner[s] != owner[u] end end;
        invariant "j" exists s: S do isundefined(owner[s]) end;
        """, depths: [2, 3, nil]),
    Small(
      description: "steps that write nothing that the property speaks of", symmetric: [],
      text: """
        var x: 0..4; y: boolean; z: array [0..5] of boolean;
        startstate begin x := 0; y := false; for i: 0..5 do z[i] := false; end; end;
        rule "count" x < 4 ==> begin x := x + 1; end;
        rule "set" x = 3 ==> begin y := true; end;
        rule "idle" true ==> begin end;
        ruleset i: 0..5 do rule "flip" true ==> begin z[i] := !z[i]; end; end;
        assume !(z[4] & z[5]);
        invariant "i" !y;
        invariant "j" !(y & z[0] & z[1]);
        invariant "k" !(z[4] & z[5]);
        """, depths: [4, 6, nil, nil]),
    Small(
      description: "a rule that fails late, for some element", symmetric: [0],
      text: """
        type S: scalarset(3); var n: array [S] of 0..2; quiet: array [S] of boolean;
        startstate begin for s: S do n[s] := 0; quiet[s] := false; end; end;
        ruleset s: S do
          rule "count" true ==> begin n[s] := n[s] + 1; end;
          rule "quiet" true ==> begin quiet[s] := true; end;
        end;
        invariant "i" forall s: S do n[s] < 2 end;
        """, depths: [2, 3]),
  ]

  private static func depth(_ verdict: Verdict) -> Int? {
    if case .violated(let trace, shortest: true) = verdict { trace.depth } else { nil }
  }

  @Test(arguments: all, RulesetForm.allCases)
  func depths(of small: Small, form: RulesetForm) async throws {
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: small.text)).check().model
    let properties =
      model.properties.indices.map(PropertyID.invariant) + model.assertions.indices.map(PropertyID.assertion)
      + [.runTimeErrors]
    let program = try Program(model: model)
    let report = BreadthFirstSearch(
      program, options: SearchOptions(stop: .whenExhausted, budget: Budget(states: 100_000), deadlock: .off)
    ).run()
    #expect(properties.map { report.trace(of: $0)?.depth } == small.depths, "explicit search")
    var options = ElaborationOptions()
    options.rulesets = form
    let open = try ParameterizedElaborator(model).elaborate().system.sorts
    #expect(Set(open.map(\.declaration)) == small.symmetric)
    let elaborator = Elaborator(model, options: options)
    for system in [try elaborator.elaborate().system, try elaborator.elaborateWithRepresentatives().system] {
      let verdicts = try await BMC(system).decide(properties, within: Budget(depth: 7))
      #expect(verdicts.map { Self.depth($0) } == small.depths)
      for (property, verdict) in zip(properties, verdicts) {
        guard case .violated(let trace, shortest: _) = verdict else {
          #expect(verdict == .bounded(depth: 7), "\(property)")
          continue
        }
        let checker = TraceChecker(program: program)
        try checker.check(checker.completed(trace), violates: property)
      }
    }
  }

  /// A representative speaks of fewer elements; where one is told apart, it is the condition itself.
  @Test func representativesAreFewer() throws {
    for small in Self.all {
      let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: small.text)).check().model
      let system = try Elaborator(model).elaborateWithRepresentatives().system
      if small.symmetric.isEmpty {
        #expect(system.invariants.allSatisfy { $0.representative == $0.condition }, "\(small)")
        #expect(system.transitions.allSatisfy { $0.isRepresentative }, "\(small)")
      } else {
        #expect(system.invariants.contains { $0.representative != $0.condition }, "\(small)")
      }
    }
  }

  /// What is followed does not grow with the model where the property does not: the toy at a size that no unrolling of all of it
  /// gets through within the effort.
  @Test func effortDoesNotGrowWithTheModel() async throws {
    let text = """
      type S: scalarset(12); T: scalarset(12);
      var on: array [S] of array [T] of boolean; seen: array [S] of array [T] of boolean; open: array [S] of boolean;
      startstate begin
        for s: S do open[s] := false; for t: T do on[s][t] := false; seen[s][t] := false; end; end;
      end;
      ruleset s: S do
        rule "open" !open[s] ==> begin open[s] := true; end;
        rule "close" open[s] & (forall t: T do !on[s][t] end) ==> begin open[s] := false; end;
        ruleset t: T do
          rule "on" open[s] & !on[s][t] ==> begin on[s][t] := true; end;
          rule "see" on[s][t] ==> begin seen[s][t] := true; end;
          rule "off" on[s][t] ==> begin on[s][t] := false; seen[s][t] := false; end;
        end;
      end;
      invariant "i" forall s: S do forall t: T do seen[s][t] -> on[s][t] & open[s] end end;
      """
    let model = try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check().model
    let system = try Elaborator(model).elaborateWithRepresentatives().system
    let verdicts = try await BMC(system).decide([.invariant(0)], within: Budget(depth: 10, effort: 2_000_000))
    #expect(verdicts == [.bounded(depth: 10)])
  }
}
