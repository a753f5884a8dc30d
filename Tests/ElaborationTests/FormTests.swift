import Elaboration
import TestSupport
import Testing

/// A statement or expression form in a tiny model.
struct Form: Sendable, CustomTestStringConvertible {
  let name: String
  let declarations: String
  let rules: String
  var testDescription: String { name }

  /// The model: a rule `r` around `rules` if they do not bring their own.
  var text: String {
    let isWhole = ["rule", "ruleset", "startstate", "alias z", "invariant"].contains { rules.hasPrefix($0) }
    return declarations + "\n" + (isWhole ? rules : "startstate end;\nrule \"r\" begin\n\(rules)\nend;")
  }

  init(_ name: String, _ declarations: String, _ rules: String) {
    self.name = name
    self.declarations = declarations
    self.rules = rules
  }
}

/// Every form of the language: the terms' successors and failures equal `Execution`'s in every state, reachable or not.
@Suite("Elaborated forms equal Execution in every state")
struct FormTests {
  @Test("form", arguments: Forms.all)
  func form(_ form: Form) throws {
    let ways: [(RulesetForm, Comparison.Definedness)] = [
      (.smaller, .dropped), (.symbolic, .kept), (.expanded, .dropped),
    ]
    for (rulesets, definedness) in ways {
      let comparison = try Comparison(form.text, rulesets: rulesets, definedness: definedness)
      let difference = try comparison.difference()
      #expect(difference == nil, "\(rulesets), definedness \(definedness)\n\(form.text)")
    }
  }
}
