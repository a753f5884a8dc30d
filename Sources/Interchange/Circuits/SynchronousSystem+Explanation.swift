import Logic
import TransitionSystems

extension SynchronousSystem {
  /// What somebody who reads a witness has to know, line by line.
  package var explanation: [String] {
    var lines = [
      offset == 0
        ? "depth: offset 0; a violation after d transitions is bad at time d"
        : "depth: offset 1; time 0 chooses the start state, a violation after d transitions is bad at time d + 1",
      "time: each step tries the rule that the inputs name; one that is disabled leaves the state as it is",
    ]
    if offset == 1 { lines += Self.lines(of: startCode, "at time 0, #rule") }
    return lines + Self.lines(of: code, offset == 0 ? "#rule" : "later, #rule")
  }

  private static func lines(of code: ChoiceCode, _ heading: String) -> [String] {
    code.entries.enumerated().map { number, entry in
      let parameters = entry.parameters.enumerated().map { position, parameter in
        "; #parameter\(position) \(parameter.name)"
          + (parameter.values.map { values in
            ": " + values.enumerated().map { "\($0) \($1)" }.joined(separator: ", ")
          } ?? " in the variable of that name")
      }
      return "\(heading) \(number): \(entry.rule.name)" + parameters.joined()
    }
  }
}
