import Logic
import Murphi
import TransitionSystems

/// A ruleset's quantifiers, all given values: one copy of a rule, or all copies at once.
struct RuleCopy: Sendable {
  /// As transitions name them.
  var parameters: [Parameter] = []
  /// The quantifiers' values, outermost first.
  var values: [Payload] = []
  /// Whether elements that cannot be told apart are named in their order.
  var isRepresentative = true
}

extension SymbolicExecutor {
  /// The copies of a rule or property, one per tuple of its quantifiers' values, in the order of nested loops.
  mutating func copies(
    of enclosures: [Enclosure], locals: [Local], symmetric: Set<Int> = []
  ) throws(ElaborationError) -> [RuleCopy] {
    var copies = [RuleCopy()]
    var named = [NamedElements(symmetric)]
    for quantifier in Self.quantifiers(enclosures) {
      let type = locals[quantifier.local].type
      let raws = try values(of: quantifier, locals: locals)
      if copies.count > limits.copies / max(1, raws.count) {
        throw refusal(.enumeration(values: limits.copies), at: quantifier.range)
      }
      var longer: [RuleCopy] = []
      var longerNamed: [NamedElements] = []
      for (copy, elements) in zip(copies, named) {
        for raw in raws {
          var next = copy
          var nextNamed = elements
          if !nextNamed.name(raw, of: type) { next.isRepresentative = false }
          longerNamed.append(nextNamed)
          let name = locals[quantifier.local].name
          next.parameters.append(Parameter(name, decoding: .fixed(Layout.value(raw, of: type))))
          next.values.append(store.payload(raw, of: type))
          longer.append(next)
        }
      }
      copies = longer
      named = longerNamed
    }
    return copies
  }

  /// How many copies a symbolic one stands for, saturating.
  func copyCount(of copy: RuleCopy) -> Int {
    copy.values.reduce(1) { product, payload in
      let count: Int
      switch payload {
      case .truth(let term): count = store.truth(term) == nil ? 2 : 1
      case .number(let number): count = number.interval.count
      case .element: count = 1
      }
      let (result, overflow) = product.multipliedReportingOverflow(by: count)
      return overflow ? Int.max : result
    }
  }

  /// All copies in one, with variables for the quantifiers; nil if some quantifier's values are not consecutive.
  ///
  /// The variables are numbered by depth and named by width, so that rules share them.
  mutating func symbolicCopy(of enclosures: [Enclosure], locals: [Local]) throws(ElaborationError) -> RuleCopy? {
    var copy = RuleCopy()
    for (depth, quantifier) in Self.quantifiers(enclosures).enumerated() {
      guard let interval = try interval(of: quantifier, locals: locals) else { return nil }
      let local = locals[quantifier.local]
      let (payload, variable, domain) = parameter(depth, interval, of: local.type)
      let decoding = StateEncoding.decoding(of: local.type, payload)
      copy.parameters.append(Parameter(local.name, decoding: decoding, variable: variable, domain: domain))
      copy.values.append(payload)
    }
    return copy
  }

  /// A variable for the quantifier at a depth.
  private mutating func parameter(
    _ depth: Int, _ interval: ClosedRange<Int>, of type: Type
  ) -> (payload: Payload, variable: Term?, domain: Term?) {
    if interval.count == 1 { return (store.payload(interval.lowerBound, of: type), nil, nil) }
    if type == .boolean {
      let term = store.variable("#parameter\(depth).boolean", .boolean)
      return (.truth(term), term, nil)
    }
    let code = NumberCode(interval)
    let term = store.variable("#parameter\(depth).\(code.width)", .bitVector(width: code.width))
    let inside = store.isInside(Number(term: term, interval: code.interval), interval)
    let domain = code.interval == interval ? nil : inside
    return (.number(Number(term: term, interval: interval)), term, domain)
  }

  /// The open scalarset that a quantifier ranges over; nil if it ranges over known values.
  func openDomain(of quantifier: Quantifier) -> OpenDomain? {
    guard case .type(let type) = quantifier.domain, case .scalarset(let scalarset) = type,
      let sort = layout.openSort(of: type)
    else { return nil }
    return OpenDomain(sort: sort, declaration: scalarset.declaration)
  }

  /// A quantifier's values as payloads, in order. Requires: known values.
  mutating func payloads(of quantifier: Quantifier, locals: [Local]) throws(ElaborationError) -> [Payload] {
    let running = (state, frames, endings, effects)
    let raws = try values(of: quantifier, locals: locals)
    (state, frames, endings, effects) = running
    return raws.map { store.payload($0, of: locals[quantifier.local].type) }
  }

  /// The quantifiers among what encloses a rule.
  static func quantifiers(_ enclosures: [Enclosure]) -> [Quantifier] {
    enclosures.compactMap {
      switch $0 {
      case .quantifier(let quantifier): quantifier
      case .alias: nil
      }
    }
  }

  /// A ruleset quantifier's values if they are consecutive and ascending.
  mutating func interval(
    of quantifier: Quantifier, locals: [Local]
  ) throws(ElaborationError) -> ClosedRange<Int>? {
    switch quantifier.domain {
    case .type(let type): return Layout.rawValues(of: type)
    case .bounds(let from, let to, let by):
      let (lower, upper, step) = try constants(from, to, by, quantifier, locals)
      return step == 1 && lower <= upper ? lower...upper : nil
    }
  }

  /// A ruleset quantifier's values, in order.
  mutating func values(of quantifier: Quantifier, locals: [Local]) throws(ElaborationError) -> [Int] {
    switch quantifier.domain {
    case .type(let type):
      if Layout.count(of: type) > limits.copies {
        throw refusal(.enumeration(values: limits.copies), at: quantifier.range)
      }
      return Array(Layout.rawValues(of: type))
    case .bounds(let from, let to, let by):
      let (first, last, step) = try constants(from, to, by, quantifier, locals)
      if step == 0 || (last - first) / step > limits.copies {
        throw refusal(.enumeration(values: limits.copies), at: quantifier.range)
      }
      return Array(stride(from: first, through: last, by: step))
    }
  }

  /// A ruleset quantifier's bounds, which the checker has folded.
  private mutating func constants(
    _ from: Expression, _ to: Expression, _ by: Expression?, _ quantifier: Quantifier, _ locals: [Local]
  ) throws(ElaborationError) -> (from: Int, to: Int, step: Int) {
    begin([], locals: [])
    let first = try evaluateNumber(from).constant
    let last = try evaluateNumber(to).constant
    guard let first, let last else { preconditionFailure("a ruleset's bounds are not constant") }
    guard let by else { return (first, last, last >= first ? 1 : -1) }
    guard let step = try evaluateNumber(by).constant else { preconditionFailure("a ruleset's step is not constant") }
    return (first, last, step)
  }
}
