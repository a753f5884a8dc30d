package import Diagnostics

/// A model without errors, and what was noticed on the way.
package struct CheckedModel: Sendable {
  package let model: TypedModel
  /// In the order of the text.
  package let warnings: [Diagnostic]
}

/// Resolves names, types everything and folds constants, in one pass from top to bottom as rumur does.
///
/// Every function that returns an optional has reported an error when it returns nil; a name declared with an error is
/// `.broken`, and its uses are silent. Nothing here recurses deeper than the parser's nesting limit allows.
struct TypeChecker {
  let tree: SyntaxTree
  /// The values that override top-level constants, by name.
  let settings: [String: ConstantSetting]
  var model: TypedModel
  /// Of the property that is being checked.
  var foldedImplications: [FoldedImplication] = []
  var errors: [Diagnostic] = []
  var warnings: [Diagnostic] = []
  var scopes = ScopeStack()
  /// The locals of the body being checked; enclosing rulesets' come first.
  var locals: [Local] = []
  /// The rulesets and alias rules around the rule being checked, outermost first.
  var enclosures: [Enclosure] = []
  /// What a `return` here must do.
  var body = Body.rule
  /// rumur's arithmetic, known when all literals have been seen.
  var valueType = RumurValueType()
  /// Arithmetic that 0…127 does not hold: judged at the end.
  var wideArithmetic: [(symbol: String, interval: ClosedRange<Int>, range: SourceRange)] = []
  /// The first directive that is not yet attached to anything.
  var nextDirective = 0
  /// Where each top-level constant is declared.
  var constantRanges: [String: SourceRange] = [:]

  /// What kind of body is being checked.
  enum Body: Sendable {
    case rule
    case procedure
    case function(Type)
  }

  init(tree: SyntaxTree, settings: [String: ConstantSetting]) {
    self.tree = tree
    self.settings = settings
    model = TypedModel(file: tree.file)
  }
}

extension SyntaxTree {
  /// Checks the model with some top-level constants set to other values.
  ///
  /// Throws: every error of names, types, constants and directives. Complexity: linear in the text.
  package func check(constants: [ConstantSetting] = []) throws(Rejection) -> CheckedModel {
    var settings: [String: ConstantSetting] = [:]
    var repeated: [ConstantSetting] = []
    for setting in constants where settings.updateValue(setting, forKey: setting.name) != nil {
      repeated.append(setting)
    }
    var checker = TypeChecker(tree: self, settings: settings)
    checker.run(repeated)
    guard checker.errors.isEmpty else {
      throw Rejection(file: file, diagnostics: (checker.errors + checker.warnings).inTextOrder)
    }
    return CheckedModel(model: checker.model, warnings: checker.warnings.inTextOrder)
  }
}

extension TypeChecker {
  /// Checks everything.
  mutating func run(_ repeated: [ConstantSetting]) {
    scopes.push()
    head()
    for node in tree.nodes {
      switch node {
      case .section(let section): declarations(section)
      case .function(let syntax): function(syntax)
      case .rule(let syntax): rule(syntax)
      }
    }
    for setting in repeated { errors.append(MurphiDiagnostics.setTwice(setting.name, at: place(of: setting))) }
    for name in settings.keys.sorted() where constantRanges[name] == nil {
      if let setting = settings[name] {
        errors.append(MurphiDiagnostics.unknownConstant(name, at: place(of: setting)))
      }
    }
    dangling()
    references()
    warnAboutSharedNames()
    warnAboutArithmetic()
  }

  /// Where a setting stands: in a directive, or else the constant's declaration, or else the start of the text.
  func place(of setting: ConstantSetting) -> SourceRange {
    setting.range ?? constantRanges[setting.name] ?? SourceRange(start: 0, end: 0)
  }

  /// Warns where rumur would compute too narrowly: innermost operations only, what contains them only follows.
  private mutating func warnAboutArithmetic() {
    var warned: [SourceRange] = []
    for (symbol, interval, range) in wideArithmetic where !valueType.contains(interval) {
      if warned.contains(where: { range.start <= $0.start && $0.end <= range.end }) { continue }
      warned.append(range)
      warnings.append(
        MurphiDiagnostics.narrowArithmetic(
          symbol, interval: "\(interval.lowerBound)…\(interval.upperBound)", type: valueType.name,
          holds: "which holds \(valueType.holds)", at: range))
    }
  }

  /// Declares a name in the innermost scope, or reports what is there.
  mutating func declare(_ name: NameSyntax, _ entity: Symbol.Entity) {
    let isReserved = name.text == "true" || name.text == "false"
    let previous = isReserved ? scopes.lookup(name.text) : nil
    if let found = previous ?? scopes.declare(name.text, Symbol(entity: entity, range: name.range)) {
      errors.append(MurphiDiagnostics.redeclared(name.text, at: name.range, previous: found.range))
    }
  }

  /// What a name means; nil after a report, or silently for a broken one.
  mutating func resolve(_ name: NameSyntax) -> Symbol? {
    guard let symbol = scopes.lookup(name.text) else {
      errors.append(
        MurphiDiagnostics.undeclared(name.text, at: name.range, later: laterDeclaration(name.text)))
      scopes.declareBroken(name.text)
      return nil
    }
    if case .broken = symbol.entity { return nil }
    return symbol
  }

  /// Where a name that is not in force is declared at top level all the same.
  private func laterDeclaration(_ name: String) -> SourceRange? {
    for node in tree.nodes {
      switch node {
      case .section(let section):
        if let found = section.names.first(where: { $0.text == name }) { return found.range }
      case .function(let function):
        if function.name.text == name { return function.name.range }
      case .rule: continue
      }
    }
    return nil
  }
}

extension SectionSyntax {
  /// The names that it declares, without enumerations' members.
  fileprivate var names: [NameSyntax] {
    switch entries {
    case .constants(let bindings): bindings.flatMap(\.names)
    case .types(let entries), .variables(let entries): entries.flatMap(\.names)
    }
  }
}
