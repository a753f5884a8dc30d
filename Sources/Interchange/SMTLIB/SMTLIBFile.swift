import Logic
package import TransitionSystems

/// Questions about a transition system as SMT-LIB 2 scripts in QF_BV, for any solver.
///
/// Built by `Unrolling`, as the engines' own questions are: `x@3` is x after three transitions, `!choice@3` the transition that
/// leaves that state, `!choice@-1` the start; comments say which number is which.
package struct SMTLIBFile: Sendable {
  private let system: TransitionSystem
  private let properties: [(property: PropertyID, name: String)]

  /// `properties` are those to be asked about, with their names. Requires: symbolic ones (no deadlock, no cover).
  package init(_ system: TransitionSystem, deciding properties: [(property: PropertyID, name: String)]) {
    self.system = system
    self.properties = properties
  }

  /// Is there a run of at most `depth` transitions that violates some of the properties? `sat` is a counterexample.
  package func unrolling(depth: Int, description: [String]) -> String {
    var questions = UnrolledQuestions(system)
    let violation = questions.violation(of: properties.map(\.property), within: depth)
    let question = "sat: some run of at most \(depth) transitions violates " + words
    return comments(description + [question])
      + SMTLIBPrinter.script(asserting: [violation], in: questions.store)
  }

  /// Are the properties k-inductive together? They hold in every reachable state if every answer is `unsat`.
  ///
  /// - initiation: no run of fewer than k transitions violates one; start states have only codes that mean something
  /// - consecution: no invariant is false after k states in a row that satisfy all properties; codes keep meaning something
  /// - safety: no step from there fails in a way that violates one
  package func induction(k: Int, description: [String]) -> String {
    var questions = UnrolledQuestions(system)
    var asked = questions.initiation(of: properties, k: k)
    asked += questions.steps(of: properties, k: k)
    return comments(
      description + ["all unsat: " + words + " hold in every reachable state, by \(k)-induction together"])
      + SMTLIBPrinter.script(asking: asked, in: questions.store)
  }

  private var words: String { properties.map { "\"\($0.name)\"" }.joined(separator: ", ") }

  private func comments(_ lines: [String]) -> String {
    let rules = system.transitions.enumerated().map { number, transition in
      "!choice@i \(number): " + Self.words(transition.rule, transition.parameters)
    }
    let starts = system.starts.enumerated().map { number, start in
      "!choice@-1 \(number): " + Self.words(start.rule, start.parameters)
    }
    return (lines + starts + rules).map { "; " + String($0.map { $0.isNewline ? " " : $0 }) + "\n" }.joined()
  }

  /// `fill v=vcpu_1 l`: a rule with the values of its parameters, or the names of those that are variables.
  private static func words(_ rule: RuleReference, _ parameters: [Parameter]) -> String {
    rule.name
      + parameters.map { parameter in
        if case .fixed(let value) = parameter.decoding { " \(parameter.name)=\(value)" } else { " \(parameter.name)" }
      }.joined()
  }
}
