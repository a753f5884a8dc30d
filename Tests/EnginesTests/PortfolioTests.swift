import Engines
import Testing
import TransitionSystems

/// A trace of a given length; its values do not matter here.
private func trace(_ depth: Int) -> Trace {
  let step = TraceStep(firing: Firing(index: 0, name: "r", parameters: []), values: [])
  return Trace(variables: [], steps: Array(repeating: step, count: depth + 1))
}

private func opinion(_ engine: String, _ verdict: Verdict) -> Opinion {
  Opinion(engine: engine, verdict: verdict, seconds: 0)
}

private let searched = Verdict.proved(.search(states: 4, rulesFired: 7, diameter: 2), sizes: .thisScope)
private let inducted = Verdict.proved(.kInduction(k: 1), sizes: .thisScope)
private let stopped = Verdict.limit(.states(10), reached: Reached(depth: 3, states: 10))

@Test func firstConclusiveEngineIsReported() throws {
  let answer = try Portfolio.conclude(
    "p", [opinion("explicit", stopped), opinion("bmc", .bounded(depth: 9)), opinion("k-induction", inducted)])
  #expect(answer.engine == "k-induction")
  #expect(
    try Portfolio.conclude("p", [opinion("explicit", searched), opinion("k-induction", inducted)]).engine == "explicit")
}

@Test func deepestBoundIsReportedWhereNobodyConcludes() throws {
  let answer = try Portfolio.conclude(
    "p",
    [opinion("explicit", stopped), opinion("bmc", .bounded(depth: 9)), opinion("k-induction", .unknown(reason: "x"))])
  #expect(answer.engine == "bmc")
}

@Test(arguments: [
  (searched, Verdict.violated(trace(2), shortest: true)),
  (inducted, .violated(trace(30), shortest: false)),
  (.violated(trace(4), shortest: true), .violated(trace(3), shortest: false)),
  (.violated(trace(4), shortest: true), .violated(trace(3), shortest: true)),
  (.violated(trace(4), shortest: true), .bounded(depth: 4)),
  (.violated(trace(3), shortest: true), stopped),
  (searched, .deadlock(trace(1))),
])
func opinionsThatExcludeEachOtherAreThrown(first: Verdict, second: Verdict) {
  #expect(throws: Contradiction.self) { try Portfolio.conclude("p", [opinion("a", first), opinion("b", second)]) }
  #expect(throws: Contradiction.self) { try Portfolio.conclude("p", [opinion("b", second), opinion("a", first)]) }
}

@Test(arguments: [
  (searched, inducted),
  (.violated(trace(4), shortest: true), Verdict.violated(trace(6), shortest: false)),
  (.violated(trace(4), shortest: true), .violated(trace(4), shortest: true)),
  (.violated(trace(5), shortest: true), .bounded(depth: 4)),
  (.violated(trace(4), shortest: true), stopped),
  (.violated(trace(4), shortest: true), .unknown(reason: "effort")),
])
func opinionsThatCanBothBeRightPass(first: Verdict, second: Verdict) throws {
  #expect(try Portfolio.conclude("p", [opinion("a", first), opinion("b", second)]).engine == "a")
}
