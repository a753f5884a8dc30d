import Diagnostics
import Logic
import Murphi
import TransitionSystems

/// Statements: what they make of the symbolic state.
extension SymbolicExecutor {
  /// Executes a list for as long as some run gets on.
  mutating func execute(_ statements: [Statement]) throws(ElaborationError) {
    for statement in statements {
      if isDead { return }
      try step(at: statement.range)
      try execute(statement)
    }
  }

  /// Executes one statement. Requires: some run gets here.
  private mutating func execute(_ statement: Statement) throws(ElaborationError) {
    switch statement.kind {
    case .assign(let place, let expression): try assign(expression, to: place)
    case .clear(let place): try clear(place)
    case .undefine(let place):
      let target = try resolve(place)
      save(layout.leaves(of: place.type).map { store.undefined($0.type, in: layout) }, to: target)
    case .ifThen(let branches, let otherwise): try choose(among: branches[...], otherwise: otherwise)
    case .switchOn(let value, let cases, let otherwise):
      let subject = try evaluateSimple(value)
      try choose(among: cases[...], for: subject, otherwise: otherwise)
    case .forEach(let quantifier, let body):
      var undecided = store.boolean(true)
      try iterate(quantifier, .statements(body), &undecided)
    case .whileTrue(let condition, let body): try repeatBody(body, while: condition, at: statement.range)
    case .aliasing(let aliases, let body):
      for alias in aliases { try bind(alias) }
      try execute(body)
    case .returning(let expression): try exit(with: expression)
    case .error(let text): fail(where: store.boolean(true), text, at: statement.range)
    case .put(let expression): if let expression { _ = try evaluate(expression) }
    case .assert(let position, let condition):
      let holds = try evaluateTruth(condition)
      let text = FailureText.assertion(model.assertions[position], condition, in: model.file)
      fail(where: store.not(holds), text, at: statement.range, property: .assertion(position))
    case .assume(let condition): end(where: store.not(try evaluateTruth(condition)), nil)
    case .cover(_, let condition): _ = try evaluateTruth(condition)
    case .call(let call): _ = try run(call, at: statement.range)
    }
  }

  /// `:=`: the value first, then its range, then the indices of the place.
  private mutating func assign(_ expression: Expression, to place: Place) throws(ElaborationError) {
    var leaves = try evaluate(expression)
    if place.type.isSimple {
      let message = FailureText.write(place, in: model.file)
      leaves = [defined(check(leaves[0].payload, for: place.type, message, at: expression.range))]
    }
    save(leaves, to: try resolve(place))
  }

  /// Every leaf becomes its type's least value.
  private mutating func clear(_ place: Place) throws(ElaborationError) {
    let target = try resolve(place)
    var leaves: [Scalar] = []
    for leaf in layout.leaves(of: place.type) {
      if case .scalarset(let scalarset) = leaf.type, layout.openSort(of: leaf.type) != nil {
        throw refusal(.asymmetric(.clear, declaration: scalarset.declaration), at: place.range)
      }
      leaves.append(defined(store.payload(Layout.rawValues(of: leaf.type).lowerBound, of: leaf.type)))
    }
    save(leaves, to: target)
  }

  /// `if`, `elsif`, `else`: a later condition is evaluated only where the earlier ones are false.
  private mutating func choose(
    among branches: ArraySlice<Statement.Branch>, otherwise: [Statement]
  ) throws(ElaborationError) {
    guard let first = branches.first else { return try execute(otherwise) }
    let condition = try evaluateTruth(first.condition)
    let rest = branches.dropFirst()
    if let known = store.truth(condition) {
      return known ? try execute(first.body) : try choose(among: rest, otherwise: otherwise)
    }
    let before = state
    narrow(to: condition)
    try execute(first.body)
    let afterThen = state
    state = before
    narrow(to: store.not(condition))
    if !isDead { try choose(among: rest, otherwise: otherwise) }
    state = join(condition, afterThen, state, before: before.path)
  }

  /// `switch`: the values of a case are evaluated one after another until one is equal.
  private mutating func choose(
    among cases: ArraySlice<Statement.Case>, for subject: Payload, otherwise: [Statement]
  ) throws(ElaborationError) {
    guard let first = cases.first else { return try execute(otherwise) }
    let condition = try matches(subject, first.values[...])
    let rest = cases.dropFirst()
    if let known = store.truth(condition) {
      return known ? try execute(first.body) : try choose(among: rest, for: subject, otherwise: otherwise)
    }
    let before = state
    narrow(to: condition)
    try execute(first.body)
    let afterCase = state
    state = before
    narrow(to: store.not(condition))
    if !isDead { try choose(among: rest, for: subject, otherwise: otherwise) }
    state = join(condition, afterCase, state, before: before.path)
  }

  /// Whether the subject equals one of the values.
  private mutating func matches(
    _ subject: Payload, _ values: ArraySlice<Expression>
  ) throws(ElaborationError) -> Term {
    guard let first = values.first else { return store.boolean(false) }
    let equal = isEqual(subject, try evaluateSimple(first))
    if store.truth(equal) == true { return equal }
    let before = state
    let differs = store.not(equal)
    narrow(to: differs)
    let later = try matches(subject, values.dropFirst())
    var skipped = before
    skipped.path = store.and(before.path, equal)
    state = join(differs, state, skipped, before: before.path)
    return store.or(equal, later)
  }

  /// Binds a name to a place, its indices as they are now, or to a value.
  mutating func bind(_ alias: Alias) throws(ElaborationError) {
    switch alias.target {
    case .place(let place): frame.bindings[alias.local] = .place(try resolve(place))
    case .value(let expression): set(alias.local, to: try evaluate(expression))
    }
  }

  /// `return`: this path ends, and what it carries is kept for `leave`.
  private mutating func exit(with expression: Expression?) throws(ElaborationError) {
    var value: [Scalar] = []
    if let expression { value = try evaluate(expression) }
    if isDead { return }
    frame.exits.append(Frame.Exit(state: state, value: value))
    state.path = store.boolean(false)
  }
}
