import Diagnostics

/// Directives: what belongs to the file, what belongs to the next rule, and whether what they name exists.
extension TypeChecker {
  /// What a directive can be attached to.
  enum Target: Sendable {
    case rule
    case startstate
    case function
    case property
  }

  /// The directives that were waiting for one rule, start state, function or property.
  struct Attachments: Sendable {
    var sources: [String] = []
    var abstractions: [String] = []
    var operations: [[OperationSyntax]] = []
  }

  /// Reads the directives of the head: those before the first declaration, and the kinds that belong nowhere else.
  mutating func head() {
    let firstNode = tree.nodes.first?.start ?? .max
    var deadlock: SourceRange?
    for (position, directive) in tree.directives.enumerated() {
      let isBeforeAll = directive.keyword.range.start < firstNode
      switch directive.kind {
      case .title(let text): title(text, directive, isFirst: position == 0)
      case .source(let text): if isBeforeAll { model.directives.sources.append(text) }
      case .abstraction(let text): if isBeforeAll { model.directives.abstractions.append(text) }
      case .deadlock(let mode):
        if deadlock != nil {
          errors.append(MurphiDiagnostics.misplaced("deadlock", "may stand only once", at: directive.keyword.range))
        }
        deadlock = directive.keyword.range
        model.directives.deadlock = mode
      case .scope(let scope): model.directives.scopes.append(scope)
      case .variant(let variant, _): model.directives.variants.append(variant)
      case .operations, .observable, .setup, .bind: continue
      }
    }
  }

  /// The title: once, before all other directives.
  private mutating func title(_ text: String, _ directive: DirectiveSyntax, isFirst: Bool) {
    if !isFirst {
      errors.append(
        MurphiDiagnostics.misplaced("title", "must be the first directive, and stand once", at: directive.keyword.range)
      )
    }
    model.directives.title = text
  }

  /// Takes the directives that wait for what starts at an offset.
  mutating func attachments(before offset: Int, to target: Target) -> Attachments {
    var found = Attachments()
    let firstNode = tree.nodes.first?.start ?? .max
    while nextDirective < tree.directives.count {
      let directive = tree.directives[nextDirective]
      if directive.keyword.range.start > offset { break }
      nextDirective += 1
      let isFile = directive.keyword.range.start < firstNode
      switch directive.kind {
      case .source(let text): if !isFile { found.sources.append(text) }
      case .abstraction(let text): if !isFile { found.abstractions.append(text) }
      case .operations(let operations):
        if target == .rule {
          found.operations.append(operations)
        } else {
          errors.append(MurphiDiagnostics.dangling("operation", expected: "a rule", at: directive.keyword.range))
        }
      case .title, .deadlock, .scope, .variant, .observable, .setup, .bind: continue
      }
    }
    return found
  }

  /// Reports the directives after which nothing came.
  mutating func dangling() {
    let firstNode = tree.nodes.first?.start ?? .max
    for directive in tree.directives[nextDirective...] {
      let range = directive.keyword.range
      switch directive.kind {
      case .source, .abstraction:
        guard range.start >= firstNode else { continue }
        errors.append(
          MurphiDiagnostics.dangling(
            directive.keyword.text, expected: "a rule, start state, function or property", at: range))
      case .operations:
        errors.append(MurphiDiagnostics.dangling("operation", expected: "a rule", at: range))
      case .title, .deadlock, .scope, .variant, .observable, .setup, .bind: continue
      }
    }
  }

  /// Types an operation's arguments in the scope in force; their numbers do not count for rumur's value type.
  mutating func operation(_ syntax: OperationSyntax) -> OperationUse? {
    let seenByRumur = (valueType, wideArithmetic)
    defer { (valueType, wideArithmetic) = seenByRumur }
    var arguments: [OperationUse.Argument] = []
    for (name, value) in syntax.arguments {
      guard let found = simpleValue(value, "an argument") else { return nil }
      arguments.append(OperationUse.Argument(name: name, expression: found))
    }
    return OperationUse(
      name: syntax.name.text, arguments: arguments, statuses: syntax.statuses, range: syntax.name.range)
  }

  /// An expression whose value is simple.
  private mutating func simpleValue(_ syntax: ExpressionSyntax, _ what: String) -> Expression? {
    guard let value = expression(syntax) else { return nil }
    if value.type.isSimple { return value }
    errors.append(MurphiDiagnostics.notSimple(what, value.type.description, at: syntax.range))
    return nil
  }

  /// Resolves what the head's directives name, after all declarations.
  mutating func references() {
    var names: [String: SourceRange] = [:]
    var types: Set<String> = []
    for directive in tree.directives {
      switch directive.kind {
      case .scope(let scope):
        uniqueName(scope.name, scope.range, &names)
        settingsExist(scope.settings)
      case .variant(let variant, let ranges):
        uniqueName(variant.name, variant.range, &names)
        settingsExist(variant.settings)
        scopeExists(variant, at: directive.keyword.range)
        for (outcome, range) in zip(variant.outcomes, ranges) { outcomeExists(outcome, at: range) }
      case .observable(let name, let indices, let value): observable(name, indices, value)
      case .setup(let operations):
        locals = []
        model.directives.setup += operations.compactMap { operation($0) }
      case .bind(let binding, let type): bind(binding, type, &types)
      case .title, .source, .abstraction, .deadlock, .operations: continue
      }
    }
  }

  /// Types an observable.
  private mutating func observable(_ name: NameSyntax, _ indices: [QuantifierSyntax], _ value: ExpressionSyntax) {
    let seenByRumur = (valueType, wideArithmetic)
    locals = []
    scopes.push()
    defer {
      scopes.pop()
      (valueType, wideArithmetic) = seenByRumur
    }
    let quantifiers = indices.compactMap { quantifier($0, .ruleset) }
    guard let found = simpleValue(value, "an observable"), quantifiers.count == indices.count else { return }
    model.directives.observables.append(
      ObservableUse(name: name.text, indices: quantifiers, locals: locals, expression: found, range: name.range))
  }

  /// Checks that a binding names a scalarset that is not bound yet.
  private mutating func bind(_ binding: ScalarsetBinding, _ type: NameSyntax, _ types: inout Set<String>) {
    guard let symbol = scopes.lookup(type.text), case .type(.scalarset) = symbol.entity else {
      errors.append(MurphiDiagnostics.unknownReference("scalarset", type.text, at: type.range))
      return
    }
    if !types.insert(type.text).inserted {
      errors.append(MurphiDiagnostics.duplicateName(type.text, at: type.range, previous: nil))
    }
    model.directives.bindings.append(binding)
  }

  /// Reports a name that another scope or variant has.
  private mutating func uniqueName(_ name: String, _ range: SourceRange, _ names: inout [String: SourceRange]) {
    if name == "default" || names[name] != nil {
      errors.append(MurphiDiagnostics.duplicateName(name, at: range, previous: names[name]))
    }
    names[name] = range
  }

  /// Reports settings of constants that do not exist, are set twice, or take no such value.
  private mutating func settingsExist(_ settings: [ConstantSetting]) {
    var seen: Set<String> = []
    for setting in settings {
      let range = place(of: setting)
      if !seen.insert(setting.name).inserted { errors.append(MurphiDiagnostics.setTwice(setting.name, at: range)) }
      guard let declared = constantRanges[setting.name] else {
        errors.append(MurphiDiagnostics.unknownConstant(setting.name, at: range))
        continue
      }
      if let constant = model.constants.first(where: { $0.name == setting.name }) {
        _ = raw(setting, of: constant.type, at: range, declared: declared)
      }
    }
  }

  /// Reports a scope that does not exist.
  private mutating func scopeExists(_ variant: VariantDeclaration, at range: SourceRange) {
    guard let scope = variant.scope, scope != "default" else { return }
    if !model.directives.scopes.contains(where: { $0.name == scope }) {
      errors.append(MurphiDiagnostics.unknownReference("scope", scope, at: range))
    }
  }

  /// Reports an outcome that names what does not exist; the text of an `error` is not looked for.
  private mutating func outcomeExists(_ outcome: VariantDeclaration.Outcome, at range: SourceRange) {
    let covers = model.covers.compactMap(\.name)
    switch outcome {
    case .violates(let name, _), .holds(.some(let name)):
      let places = namedProperties.filter { $0.name == name }.map(\.range)
      if places.isEmpty { errors.append(MurphiDiagnostics.unknownReference("property", name, at: range)) }
      if places.count > 1 {
        errors.append(MurphiDiagnostics.ambiguousReference("properties", name, at: range, places: places))
      }
    case .unreachable(let name):
      if !(model.rules.compactMap(\.name) + covers).contains(name) {
        errors.append(MurphiDiagnostics.unknownReference("rule or cover", name, at: range))
      }
    case .holds(.none), .error, .deadlock: break
    }
  }
  /// Everything that variants and results call a property, with its name, in the order of the text.
  private var namedProperties: [Site] {
    let properties = model.properties.map { Site(name: $0.name, range: $0.range) }
    let covers = model.covers.map { Site(name: $0.name, range: $0.range) }
    return (properties + model.assertions + covers).sorted { $0.range.start < $1.range.start }
  }

  /// Warns of properties that share a name, with each other or with one that every model has.
  mutating func warnAboutSharedNames() {
    var seen: [String: SourceRange] = [:]
    for site in namedProperties {
      guard let name = site.name else { continue }
      if name == TypedModel.noRunTimeError || name == TypedModel.noDeadlock {
        warnings.append(MurphiDiagnostics.reservedName(name, at: site.range))
      }
      if let previous = seen[name] {
        warnings.append(MurphiDiagnostics.sharedName(name, at: site.range, previous: previous))
      }
      seen[name] = site.range
    }
  }
}

extension SyntaxTree {
  /// Whether a directive says what the engine does at a rule or shows of a state: traces are then put to it.
  package var speaksOfTheEngine: Bool {
    directives.contains {
      switch $0.kind {
      case .operations, .observable: true
      case .title, .source, .abstraction, .deadlock, .scope, .variant, .setup, .bind: false
      }
    }
  }

  /// The variants, as parsed: also of a model with errors.
  package var variants: [VariantDeclaration] {
    directives.compactMap {
      switch $0.kind {
      case .variant(let variant, _): variant
      case .title, .source, .abstraction, .deadlock, .scope, .operations, .observable, .setup, .bind: nil
      }
    }
  }
}
