import Execution
import ExplicitState
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// Orbits: one state of each is visited, and what is found is the same.
@Suite struct SymmetryTests {
  /// Renames the values of scalarsets, by brute force on named values.
  private struct Renaming {
    let names: [String: [Int]]

    func apply(_ value: Value) -> Value {
      switch value {
      case .undefined, .boolean, .integer, .member: return value
      case .scalar(let type, let index): return .scalar(type: type, index: names[type]?[index] ?? index)
      case .record(let fields): return .record(fields.map { NamedValue($0.name, apply($0.value)) })
      case .array(let elements):
        let renamed = elements.map { IndexedValue(apply($0.index), apply($0.value)) }
        return .array(renamed.sorted { Self.key($0.index) < Self.key($1.index) })
      }
    }

    private static func key(_ value: Value) -> Int {
      switch value {
      case .scalar(_, let index): index
      case .integer(let value): value
      case .boolean(let value): value ? 1 : 0
      case .undefined, .member, .record, .array: 0
      }
    }

    /// Every combination of permutations.
    static func all(of model: TypedModel) -> [Renaming] {
      model.scalarsets.reduce([Renaming(names: [:])]) { renamings, scalarset in
        renamings.flatMap { renaming in
          permutations(of: Array(0..<scalarset.size)).map { permutation in
            Renaming(names: renaming.names.merging([scalarset.name: permutation]) { $1 })
          }
        }
      }
    }

    private static func permutations(of values: [Int]) -> [[Int]] {
      if values.isEmpty { return [[]] }
      return values.flatMap { first in permutations(of: values.filter { $0 != first }).map { [first] + $0 } }
    }
  }

  /// Relations among values, values in records, scalarsets in one another's arrays, undefined ones.
  private static let models = [
    // Who points at whom: cycles of several lengths look alike to everything local.
    """
    type p: scalarset(4);
    var next: array[p] of p;
    startstate begin undefine next; end;
    ruleset i: p; j: p do
      rule "point" isundefined(next[i]) ==> begin next[i] := j; end;
      rule "swap" !isundefined(next[i]) & !isundefined(next[j]) ==>
        var k: p; begin k := next[i]; next[i] := next[j]; next[j] := k; end;
    end;
    invariant "no loop" forall i: p do isundefined(next[i]) | next[i] != i end;
    """,
    """
    type t: scalarset(3); v: scalarset(2);
    var r: record at: array[t] of array[v] of boolean; who: t; end; n: 0..2; seen: array[0..1] of v;
    startstate begin clear r; undefine r.who; n := 0; undefine seen; end;
    ruleset i: t; j: v do
      rule "set" !r.at[i][j] & n < 2 ==> begin r.at[i][j] := true; r.who := i; n := n + 1; end;
      rule "see" n > 0 & r.at[i][j] & isundefined(seen[n - 1]) ==> begin seen[n - 1] := j; end;
      rule "clear" n = 2 ==> begin r.at[i][j] := false; n := 0; end;
    end;
    invariant "n" n <= 2;
    """,
    // A matrix over one scalarset twice.
    """
    type p: scalarset(3);
    var edge: array[p] of array[p] of boolean; n: 0..4;
    startstate begin for i: p do for j: p do edge[i][j] := false; end; end; n := 0; end;
    ruleset i: p; j: p do
      rule "add" !edge[i][j] & n < 4 ==> begin edge[i][j] := true; n := n + 1; end;
    end;
    rule "start again" n = 4 ==> begin for i: p do for j: p do edge[i][j] := false; end; end; n := 0; end;
    invariant "mutual" forall i: p do forall j: p do (edge[i][j] & edge[j][i]) -> i = j end end;
    """,
  ]

  private func search(_ text: String, _ symmetry: Set<Int>, _ stop: SearchOptions.Stop) throws -> SearchReport {
    let engine = try engine(text)
    let options = SearchOptions(stop: stop, deadlock: engine.deadlock, symmetry: symmetry)
    return BreadthFirstSearch(engine.program, options: options).run()
  }

  private func declarations(_ text: String) throws -> Set<Int> {
    Set(try checkedModel(text).scalarsets.map(\.declaration))
  }

  @Test(arguments: models) func canonicalFormsAreThoseOfOrbits(text: String) throws {
    let program = try engine(text).program
    var graph = StateGraphSearch(program, limit: 100_000)
    let states = try graph.run().nodes.map(\.values)
    let renamings = Renaming.all(of: program.model)
    let symmetry = Symmetry(program, scalarsets: try declarations(text))
    var orbits: [[Value]: State] = [:]
    for values in states {
      let state = try #require(program.state(values))
      let form = symmetry.canonical(state)
      let orbit = try renamings.map { try #require(program.state(values.map($0.apply))) }
      #expect(orbit.contains(form))
      for other in orbit where symmetry.canonical(other) != form { Issue.record("two forms in the orbit of \(values)") }
      orbits[program.values(of: form)] = form
    }
    // As many forms as orbits: the least renaming of a state names its orbit, by brute force.
    let named = Set(
      try states.map { values in
        let orbit = try renamings.map { try #require(program.state(values.map($0.apply))).words }
        return orbit.min { $0.lexicographicallyPrecedes($1) }
      })
    #expect(orbits.count == named.count)
    #expect(named.count < states.count)
    let report = try search(text, try declarations(text), .whenExhausted)
    #expect(report.states == named.count)
  }

  @Test(arguments: models) func verdictsTracesAndDepthsAreTheSame(text: String) throws {
    let plain = try search(text, [], .whenExhausted)
    let reduced = try search(text, try declarations(text), .whenExhausted)
    #expect(reduced.isExhaustive && plain.isExhaustive)
    #expect(reduced.states < plain.states)
    #expect(reduced.diameter == plain.diameter)
    #expect(Set(reduced.violations.map(\.property)) == Set(plain.violations.map(\.property)))
    for violation in reduced.violations {
      #expect(violation.trace.depth == plain.trace(of: violation.property)?.depth)
    }
    #expect(reduced.rules.map { $0.fired > 0 } == plain.rules.map { $0.fired > 0 })
  }

  /// rumur's exhaustive mode keeps one state of each orbit as well; its default may keep more, and says the same.
  @Test(arguments: models) func countsAreThoseOfRumursOrbits(text: String) throws {
    let model =
      "--@ deadlock off\nconst WIDE: 100000;\n" + text.replacing(/invariant .*/.dotMatchesNewlines(), with: "")
    let options = ["--deadlock-detection=off"]
    let exhaustive = try RumurRunner(options: options + ["--symmetry-reduction=exhaustive"]).check(model)
    let heuristic = try RumurRunner(options: options + ["--symmetry-reduction=heuristic"]).check(model)
    let ours = try search(model, try declarations(model), .atFirstViolation)
    #expect(ours.states == exhaustive.states, "\(exhaustive.output)")
    #expect(ours.rulesFired == exhaustive.rulesFired)
    #expect(ours.states <= heuristic.states)
    #expect(ours.violations.isEmpty && heuristic.errors == 0)
  }

  /// Failing firings, failing evaluations, start states that fail, deadlocks: each on a renaming of what the search met.
  @Test(
    arguments: [
      ("rule \"r\" n[i] = 1 ==> begin n[i] := n[i] + 1; end;", PropertyID.runTimeErrors),
      ("invariant \"division\" exists i: p do 1 / (1 - n[i]) = 1 end;", .runTimeErrors),
      ("invariant \"all\" exists i: p do n[i] = 0 end;", .invariant(0)),
      ("assume \"division\" forall i: p do 1 / (1 - n[i]) = 1 end;", .runTimeErrors),
      ("cover \"division\" exists j: p do 1 / (1 - n[j]) = 2 end;", .runTimeErrors),
      ("", .deadlock),
    ])
  func lastStepsAreFoundAgain(addition: String, property: PropertyID) throws {
    let isRule = addition.hasPrefix("rule")
    let text = """
      const WIDE: 100;
      type p: scalarset(3);
      var n: array[p] of 0..1; last: p;
      startstate begin for i: p do n[i] := 0; end; undefine last; end;
      ruleset i: p do
        rule "up" n[i] = 0 ==> begin n[i] := 1; last := i; end;
        \(isRule ? addition : "")
      end;
      \(isRule ? "" : addition)
      """
    let plain = try search(text, [], .atFirstViolation)
    let reduced = try search(text, try declarations(text), .atFirstViolation)
    #expect(plain.violations.map(\.property) == [property])
    #expect(reduced.violations.map(\.property) == [property])
    #expect(reduced.violations.first?.trace.depth == plain.violations.first?.trace.depth)
    let failure = reduced.violations.first?.trace.failure
    #expect((failure == nil) == (property != .runTimeErrors))
    #expect(failure?.location == plain.violations.first?.trace.failure?.location)
  }
}
