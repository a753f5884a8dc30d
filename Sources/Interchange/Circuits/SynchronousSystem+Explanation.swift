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
      "parameters that are variables: numbers as they are, values of scalarsets and enumerations by position from 0",
    ]
    if offset == 1 { lines += self.lines(of: startCode, "at time 0, #rule") }
    return lines + self.lines(of: code, offset == 0 ? "#rule" : "later, #rule")
  }

  private func lines(of code: ChoiceCode, _ heading: String) -> [String] {
    code.entries.enumerated().map { number, entry in
      let parameters = entry.parameters.enumerated().map { position, parameter in " " + words(parameter, position) }
      return "\(heading) \(number): \(entry.rule.name)" + parameters.joined()
    }
  }

  /// `f=file_0`, `t=#parameter0 (0 table_0, 1 table_1)`, or `s=#parameter0.1` for one that is a variable.
  private func words(_ parameter: ChoiceCode.Values, _ position: Int) -> String {
    guard let values = parameter.values else {
      return "\(parameter.name)=" + (parameter.variable.flatMap { store.name($0) } ?? "?")
    }
    if values.count == 1 { return "\(parameter.name)=\(values[0])" }
    let list = values.enumerated().map { "\($0) \($1)" }.joined(separator: ", ")
    return "\(parameter.name)=#parameter\(position) (\(list))"
  }
}
