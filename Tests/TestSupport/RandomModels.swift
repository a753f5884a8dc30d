/// Random Murphi models as text: a few small variables, functions, startstates, rules and properties that use every feature of the
/// supported subset, undefined values and run-time errors included.
///
/// The same seed gives the same model. State spaces stay small because every variable does.
package struct RandomModels {
  /// Which features may occur.
  package enum Dialect: Sendable {
    /// Everything that kvmcheck reads.
    case full
    /// What rumur v2022.08.20 reads alike: no side effects within expressions.
    case portable
  }

  /// A name in scope and what it is.
  struct Name {
    let text: String
    let type: String
    let isWritable: Bool
  }

  /// A function or procedure.
  struct Routine {
    let name: String
    let parameters: [(type: String, isReference: Bool)]
    let returnType: String?
  }

  var generator: SeededGenerator
  let dialect: Dialect
  /// Simple places by what is declared so far: state variables, parameters, loop variables, aliases.
  var names: [Name] = []
  var routines: [Routine] = []
  /// Makes quantifiers', aliases' and functions' names different.
  var counter = 0
  /// Whether a `return` needs a value, and of which type; nil where there must be none.
  var returning: String?
  /// Whether calls that may change the state are allowed here.
  var allowsEffects = false
  /// Whether run-time errors are sought here; otherwise most of what is generated cannot fail, so that runs get somewhere.
  var isRisky = false

  /// The types of every model. `R` has negative values; sums leave it easily, which is what makes run-time errors.
  static let types: [(name: String, text: String)] = [
    ("E", "enum {A, B, C}"), ("S", "scalarset(2)"), ("R", "-1..2"), ("N", "0..2"),
    ("P", "record f: boolean; g: N; end"), ("AS", "array [S] of N"), ("AE", "array [boolean] of P"),
  ]
  static let simple = ["boolean", "E", "S", "R", "N"]
  static let complex = ["P", "AS", "AE"]
  /// Simple types that have literals.
  static let literals = ["boolean", "E", "R", "N"]

  private init(seed: UInt64, dialect: Dialect) {
    generator = SeededGenerator(seed: seed)
    self.dialect = dialect
  }

  /// The model of a seed.
  package static func model(seed: UInt64, dialect: Dialect) -> ModelTree {
    var models = RandomModels(seed: seed, dialect: dialect)
    return models.model()
  }

  /// A fresh name.
  mutating func fresh(_ stem: String) -> String {
    counter += 1
    return "\(stem)\(counter)"
  }

  /// The whole model.
  private mutating func model() -> ModelTree {
    let types = Self.types.map { "  \($0.name): \($0.text);\n" }.joined()
    var parts: [ModelTree] = [.text("const wide: 1000000; low: -1000000;\ntype\n" + types + "var\n")]
    parts.append(.list(variables()))
    var routines: [ModelTree] = []
    for _ in 0..<Int.random(in: 0...2, using: &generator) { routines.append(routine()) }
    parts.append(.list(routines))
    var rules = (0..<Int.random(in: 1...2, using: &generator)).map { _ in startstate() }
    rules += (0..<Int.random(in: 3...6, using: &generator)).map { rule($0) }
    rules += (0..<Int.random(in: 1...3, using: &generator)).map { property($0) }
    parts.append(.list(rules))
    return ModelTree(.fixed, [""] + parts.map { _ in "" }, parts)
  }

  /// Three to five state variables.
  private mutating func variables() -> [ModelTree] {
    var items: [ModelTree] = []
    let complexOnes = Int.random(in: 0...1, using: &generator)
    for position in 0..<Int.random(in: 3...4, using: &generator) + complexOnes {
      let type = position < complexOnes ? generator.pick(Self.complex) : generator.pick(Self.simple)
      let name = "v\(position)"
      names.append(Name(text: name, type: type, isWritable: true))
      items.append(ModelTree(.item, ["  \(name): \(type);\n"]))
    }
    return items
  }

  /// Runs a part with the names and permissions that it declares forgotten afterwards.
  mutating func scoped(_ part: (inout RandomModels) -> ModelTree) -> ModelTree {
    let saved = (names, returning, allowsEffects, isRisky)
    let tree = part(&self)
    (names, returning, allowsEffects, isRisky) = saved
    return tree
  }

  /// A function or procedure; portable functions write nothing but their locals.
  private mutating func routine() -> ModelTree {
    scoped { models in
      models.isRisky = models.generator.once(in: 4)
      let name = models.fresh("f")
      let returnType: String? = models.generator.once(in: 3) ? nil : models.generator.pick(Self.literals)
      let isPure = models.dialect == .portable && returnType != nil
      if isPure { models.names = models.names.map { Name(text: $0.text, type: $0.type, isWritable: false) } }
      var parameters: [(type: String, isReference: Bool)] = []
      var texts: [String] = []
      for _ in 0..<Int.random(in: 0...2, using: &models.generator) {
        let isReference = !isPure && models.generator.once(in: 3)
        let type =
          models.generator.once(in: 5) ? models.generator.pick(Self.complex) : models.generator.pick(Self.simple)
        let parameter = models.fresh("p")
        parameters.append((type, isReference))
        texts.append((isReference ? "var " : "") + "\(parameter): \(type)")
        models.names.append(Name(text: parameter, type: type, isWritable: isReference))
      }
      let local = models.fresh("l")
      let localType = models.generator.pick(Self.simple)
      models.names.append(Name(text: local, type: localType, isWritable: true))
      models.returning = returnType
      models.allowsEffects = models.dialect == .full
      var children = [models.statements(depth: 2)]
      var ending = "end;\n"
      if let returnType, !models.isRisky || !models.generator.once(in: 4) {
        children.append(models.expression(returnType, depth: 2))
        ending = ";\nend;\n"
      }
      let head =
        returnType.map { "function \(name)(\(texts.joined(separator: "; "))): \($0);" }
        ?? "procedure \(name)(\(texts.joined(separator: "; ")));"
      models.routines.append(Routine(name: name, parameters: parameters, returnType: returnType))
      let start = models.isRisky ? "" : "clear \(local);\n"
      let pieces =
        ["\(head)\nvar \(local): \(localType);\nbegin\n\(start)"] + (children.count == 2 ? ["return "] : []) + [ending]
      return ModelTree(.item, pieces, children)
    }
  }

  /// A startstate that assigns most variables.
  private mutating func startstate() -> ModelTree {
    scoped { models in
      let (head, tail) = models.ruleset()
      models.allowsEffects = models.dialect == .full
      var items: [ModelTree] = []
      for name in models.names where name.isWritable && !models.generator.once(in: 20) {
        items.append(models.initialisation(name))
      }
      if models.generator.once(in: 6) { items += models.statements(depth: 1).children }
      return ModelTree(.item, ["\(head)startstate\nbegin\n", "end;\(tail)\n"], [.list(items)])
    }
  }

  /// `clear`, or a random value that needs nothing defined.
  private mutating func initialisation(_ name: Name) -> ModelTree {
    guard Self.simple.contains(name.type), name.type != "S", generator.once(in: 2) else {
      return ModelTree(.item, ["clear \(name.text);\n"])
    }
    return ModelTree(.item, ["\(name.text) := ", ";\n"], [literal(name.type)])
  }

  /// A rule, half of the time in a ruleset.
  private mutating func rule(_ number: Int) -> ModelTree {
    scoped { models in
      models.isRisky = models.generator.once(in: 10)
      let (head, tail) = models.ruleset()
      let guardTree = models.expression("boolean", depth: 1)
      models.allowsEffects = models.dialect == .full
      let body = models.statements(depth: 3)
      return ModelTree(.item, ["\(head)rule \"r\(number)\"\n", "\n==> begin\n", "end;\(tail)\n"], [guardTree, body])
    }
  }

  /// An invariant, or now and then an assumption; most say that three things are never so at once, which takes a while to refute.
  private mutating func property(_ number: Int) -> ModelTree {
    scoped { models in
      models.isRisky = models.generator.once(in: 8)
      let (head, tail) = models.ruleset()
      let kind = models.generator.once(in: 8) ? "assume" : "invariant"
      if models.generator.once(in: 4) {
        let body = models.expression("boolean", depth: 3)
        return ModelTree(.item, ["\(head)\(kind) \"i\(number)\" ", ";\(tail)\n"], [body])
      }
      let parts = (0..<3).map { _ in models.expression("boolean", depth: 1) }
      return ModelTree(.item, ["\(head)\(kind) \"i\(number)\" (!(", " & ", " & ", "));\(tail)\n"], parts)
    }
  }

  /// The lines around a rule, with one or two quantifiers or none.
  private mutating func ruleset() -> (head: String, tail: String) {
    guard generator.once(in: 2) else { return ("", "") }
    var quantifiers: [String] = []
    for _ in 0..<Int.random(in: 1...2, using: &generator) {
      let name = fresh("q")
      let type = generator.pick(Self.simple)
      names.append(Name(text: name, type: type, isWritable: false))
      quantifiers.append("\(name): \(type)")
    }
    return ("ruleset \(quantifiers.joined(separator: "; ")) do ", " end;")
  }
}
