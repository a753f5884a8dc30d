import Logic
import Murphi
import TransitionSystems

/// A rule's quantifiers with values of which some are open: elements for scalarsets, inputs for known values.
struct OpenCopy: Sendable {
  /// A quantifier over known values, as a variable.
  struct Input: Sendable {
    let variable: Term
    /// In order; a Boolean variable has none, its patterns are 0 and 1.
    let choices: [(value: Value, pattern: UInt128)]
  }
  var copy = RuleCopy()
  var parameters: [OpenParameter] = []
  var inputs: [Input] = []
}

extension SymbolicExecutor {
  /// The copies of a rule: one for all elements and inputs together, or one for each of the inputs' values.
  ///
  /// `name` makes the rule's inputs its own.
  mutating func openCopies(
    of enclosures: [Enclosure], locals: [Local], name: String, form: RulesetForm
  ) throws(ElaborationError) -> [OpenCopy] {
    var copies = [OpenCopy()]
    for (depth, quantifier) in Self.quantifiers(enclosures).enumerated() {
      let local = locals[quantifier.local]
      if let domain = openDomain(of: quantifier) {
        // Named by sort and order, so that rules share them and with them the conditions that speak of them.
        let earlier = copies[0].parameters.count { $0.isElement(ofSort: domain.sort) }
        let variable = store.variable("#element\(earlier).S\(domain.sort)", .uninterpreted(domain.sort))
        for position in copies.indices {
          copies[position].add(.element(variable), local.name, .element(variable, sort: domain.sort))
        }
      } else if form != .expanded, let interval = try interval(of: quantifier, locals: locals), interval.count > 1 {
        let input = input("\(name) \(depth)", interval, of: local.type)
        for position in copies.indices { copies[position].add(input, local.name, interval) }
      } else {
        copies = try expanded(copies, over: quantifier, local, locals)
      }
    }
    return copies
  }

  /// Each copy once per value.
  private mutating func expanded(
    _ copies: [OpenCopy], over quantifier: Quantifier, _ local: Local, _ locals: [Local]
  ) throws(ElaborationError) -> [OpenCopy] {
    let raws = try values(of: quantifier, locals: locals)
    if copies.count > limits.copies / max(1, raws.count) {
      throw refusal(.enumeration(values: limits.copies), at: quantifier.range)
    }
    return copies.flatMap { copy in
      raws.map { raw in
        var longer = copy
        let value = Layout.value(raw, of: local.type)
        longer.add(store.payload(raw, of: local.type), local.name, .fixed(value))
        return longer
      }
    }
  }

  /// A variable for one of the values of an interval.
  private mutating func input(_ name: String, _ interval: ClosedRange<Int>, of type: Type) -> OpenCopy.Input {
    if type == .boolean { return OpenCopy.Input(variable: store.variable(name, .boolean), choices: []) }
    let width = NumberCode(interval).width
    let choices = interval.map { raw in
      (value: Layout.value(raw, of: type), pattern: BitPattern.pattern(Int128(raw), width: width))
    }
    return OpenCopy.Input(variable: store.variable(name, .bitVector(width: width)), choices: choices)
  }
}

extension OpenParameter {
  /// Whether it is an element of a sort.
  fileprivate func isElement(ofSort sort: Int) -> Bool {
    switch choice {
    case .element(_, let own): own == sort
    case .input, .fixed: false
    }
  }
}

extension OpenCopy {
  /// Appends a quantifier.
  mutating func add(_ payload: Payload, _ name: String, _ choice: OpenParameter.Choice) {
    copy.values.append(payload)
    parameters.append(OpenParameter(name, choice))
  }

  /// Appends a quantifier over known values.
  mutating func add(_ input: Input, _ name: String, _ interval: ClosedRange<Int>) {
    let isTruth = input.choices.isEmpty
    let payload =
      isTruth ? Payload.truth(input.variable) : .number(Number(term: input.variable, interval: interval))
    add(payload, name, .input(inputs.count))
    inputs.append(input)
  }

  /// The inputs as the system has them, their variables told to the domains.
  func ruleInputs(_ domains: inout FiniteDomains, _ store: inout TermStore) -> [RuleInput] {
    inputs.map { input in
      if input.choices.isEmpty {
        let no = RuleInput.Choice(value: .boolean(false), literal: store.not(input.variable))
        return RuleInput(choices: [no, RuleInput.Choice(value: .boolean(true), literal: input.variable)])
      }
      let name = store.name(input.variable) ?? ""
      var cases: [FiniteDomains.Case] = []
      var choices: [RuleInput.Choice] = []
      for choice in input.choices {
        let literal = store.variable("\(name) = \(choice.value)", .boolean)
        cases.append(FiniteDomains.Case(pattern: choice.pattern, condition: literal))
        choices.append(RuleInput.Choice(value: choice.value, literal: literal))
      }
      domains.declare(input.variable, cases)
      return RuleInput(choices: choices)
    }
  }
}
