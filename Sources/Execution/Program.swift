package import Logic
package import Murphi
package import TransitionSystems

/// A model compiled for running: this is Murphi's reference semantics, together with `Interpreter`.
///
/// Immutable and `Sendable`; each task that runs it makes an `Interpreter` of its own. A state is packed words
/// (`Layout`); bodies are flat code (`Compiler`). Nothing here knows about terms or solvers.
package struct Program: Sendable {
  package let model: TypedModel
  /// The copies of each start state and rule, in file order.
  package let startstates: [Family]
  package let rules: [Family]
  /// The copies of each invariant, assumption and top-level cover, in file order.
  package let properties: [Family]
  package let assumptions: [Family]
  package let covers: [Family]
  /// The implications in invariants that can be triggered at all.
  package let implications: [Implication]
  /// Whether a function may write state variables, itself or through a reference: a false guard or a property that calls it
  /// may then leave traces, and the state must be loaded again. (rumur keeps what a property writes; we do not.)
  package let functionsMayWrite: Bool
  let layout: Layout
  let code: Code

  /// Compiles a model.
  ///
  /// Throws: `EnumerationLimit` if a ruleset, an array's index, a loop or a quantifier has too many values.
  package init(model: TypedModel) throws(EnumerationLimit) {
    let layout = try Layout(variables: model.variables)
    let compiler = Compiler(model: model, layout: layout, weights: Weights(model: model))
    try Self.checkFunctions(model)
    startstates = try Self.compile(
      model.startstates.enumerated().map { Body(.startstate, $0, $1) }, with: compiler)
    rules = try Self.compile(model.rules.enumerated().map { Body(.rule, $0, $1) }, with: compiler)
    assumptions = try Self.compile(
      model.assumptions.enumerated().map { Body(.assumption, $0, $1) }, with: compiler)
    properties = try Self.compile(model.properties.enumerated().map { Body(.property, $0, $1) }, with: compiler)
    covers = try Self.compile(
      model.covers.enumerated().compactMap { position, cover in cover.property.map { Body(.cover, position, $0) } },
      with: compiler)
    compiler.code.covers = model.covers.count
    try compiler.complete()
    implications = compiler.code.implications
    functionsMayWrite = Self.functionsMayWrite(model)
    self.model = model
    self.layout = layout
    code = compiler.code
  }

  /// Words of a packed state.
  package var stateWords: Int { layout.words }
  /// How many copies of rules and of start states there are.
  package var ruleCopies: Int { rules.last.map { $0.first + $0.count } ?? 0 }
  package var startstateCopies: Int { startstates.last.map { $0.first + $0.count } ?? 0 }

  /// The variables' values, in file order.
  package func values(of state: State) -> [Value] { layout.values(of: state) }

  /// The state with these values; nil if one is not of its variable's type.
  package func state(_ values: [Value]) -> State? { layout.state(values) }

  /// Names a copy of a rule.
  package func firing(rule copy: Int) -> Firing { firing(copy, of: rules, model.rules, .rule) }

  /// Names a copy of a start state.
  package func firing(startstate copy: Int) -> Firing { firing(copy, of: startstates, model.startstates, .startstate) }

  /// The copy of a rule that a firing names; nil if there is none.
  package func ruleCopy(_ firing: Firing) -> Int? { copy(firing, of: rules) }

  /// The copy of a start state that a firing names; nil if there is none.
  package func startstateCopy(_ firing: Firing) -> Int? { copy(firing, of: startstates) }

  /// The family that a copy belongs to.
  package func family(ofRule copy: Int) -> Family { rules[Self.index(copy, in: rules)] }

  /// Names a copy.
  private func firing(_ copy: Int, of families: [Family], _ rules: [Rule], _ kind: Family.Kind) -> Firing {
    let family = families[Self.index(copy, in: families)]
    return Firing(
      index: family.position, name: rules[family.position].displayName(kind),
      parameters: family.namedParameters(ofCopy: copy - family.first))
  }

  /// Finds a copy.
  private func copy(_ firing: Firing, of families: [Family]) -> Int? {
    guard families.indices.contains(firing.index) else { return nil }
    let family = families[firing.index]
    guard firing.parameters.map(\.name) == family.parameters.map(\.name) else { return nil }
    return family.copy(with: firing.parameters.map(\.value)).map { family.first + $0 }
  }

  /// Which family holds a copy, by binary search.
  private static func index(_ copy: Int, in families: [Family]) -> Int {
    var (low, high) = (0, families.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if families[middle].first <= copy { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Compiles bodies of one kind.
  private static func compile(_ bodies: [Body], with compiler: Compiler) throws(EnumerationLimit) -> [Family] {
    var families: [Family] = []
    var first = 0
    for body in bodies {
      let family = try compiler.compile(body, first: first)
      families.append(family)
      first = first.addingSaturated(family.count)
      try EnumerationLimit.check(count: first, of: "the set of all copies up to \(body.name)")
    }
    return families
  }

  /// Whether a function writes state variables, or gets a reference.
  private static func functionsMayWrite(_ model: TypedModel) -> Bool {
    model.functions.contains { function in
      function.locals.prefix(function.parameterCount).contains { $0.kind == .reference }
        || function.body.contains { statement in
          Node.statement(statement).contains { node in
            guard case .place(let place, let access) = node, case .state = place.root else { return false }
            switch access {
            case .read: return false
            case .write, .reference: return true
            }
          }
        }
    }
  }

  /// Throws: if a function's local is too large.
  private static func checkFunctions(_ model: TypedModel) throws(EnumerationLimit) {
    for function in model.functions {
      for local in function.locals where local.kind != .reference {
        try EnumerationLimit.check(local.type, of: local.name)
      }
    }
  }
}
