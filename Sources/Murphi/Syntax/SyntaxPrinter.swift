import Diagnostics

/// Prints a model as canonical text: one statement a line, `;` after everything, parentheses only where needed.
///
/// Printing, parsing and printing again gives the same text. With settings, top-level constants have those values, so that
/// other checkers can read the very scope that was checked. Directives stay; plain comments go.
package struct SyntaxPrinter {
  private let settings: [String: ConstantSetting]
  private var directives: ArraySlice<DirectiveSyntax>
  private var indentation = 0
  private var text = ""

  /// The text of a model with some top-level constants set.
  package static func print(_ tree: SyntaxTree, constants: [ConstantSetting] = []) -> String {
    let settings = Dictionary(constants.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
    var printer = SyntaxPrinter(settings: settings, directives: tree.directives[...])
    for node in tree.nodes { printer.node(node) }
    printer.directives(before: .max)
    return printer.text
  }

  private init(settings: [String: ConstantSetting], directives: ArraySlice<DirectiveSyntax>) {
    self.settings = settings
    self.directives = directives
  }
}

extension SyntaxPrinter {
  /// Adds a line at the current depth.
  mutating func line(_ content: String) {
    text += String(repeating: "  ", count: indentation) + content + "\n"
  }

  /// Adds lines one level deeper.
  mutating func indented(_ content: (inout SyntaxPrinter) -> Void) {
    indentation += 1
    content(&self)
    indentation -= 1
  }

  /// Adds the directives that stand before an offset.
  private mutating func directives(before offset: Int) {
    while let first = directives.first, first.keyword.range.start < offset {
      line("--@ \(first.text)")
      directives.removeFirst()
    }
  }

  /// Adds a section, function or rule.
  private mutating func node(_ node: NodeSyntax) {
    directives(before: node.start)
    switch node {
    case .section(let section): self.section(section, constants: settings)
    case .function(let function): self.function(function)
    case .rule(let rule): self.rule(rule)
    }
  }

  /// Adds a section; `constants` override its values.
  private mutating func section(_ section: SectionSyntax, constants: [String: ConstantSetting]) {
    switch section.entries {
    case .constants(let bindings):
      line("const")
      indented { printer in
        for binding in bindings { printer.binding(binding, constants) }
      }
    case .types(let entries):
      line("type")
      indented { printer in
        for entry in entries { printer.line(Self.text(entry) + ";") }
      }
    case .variables(let entries):
      line("var")
      indented { printer in
        for entry in entries { printer.line(Self.text(entry) + ";") }
      }
    }
  }

  /// Adds constants or aliases, those with a setting on lines of their own.
  private mutating func binding(_ binding: BindingSyntax, _ constants: [String: ConstantSetting]) {
    let plain = binding.names.filter { constants[$0.text] == nil }
    if plain.count == binding.names.count || !plain.isEmpty {
      line("\(Self.text(plain)): \(Self.text(binding.value));")
    }
    for name in binding.names {
      guard let setting = constants[name.text] else { continue }
      line("\(name.text): \(Int(constant: setting.value).map { "\($0)" } ?? setting.value);")
    }
  }

  /// Adds a function or procedure.
  private mutating func function(_ function: FunctionSyntax) {
    let parameters = function.parameters.map { parameter in
      let prefix = parameter.passing == .reference ? "var " : ""
      return "\(prefix)\(Self.text(parameter.names)): \(Self.text(parameter.type))"
    }
    let keyword = function.returnType == nil ? "procedure" : "function"
    let result = function.returnType.map { ": \(Self.text($0))" } ?? ""
    line("\(keyword) \(function.name.text)(\(parameters.joined(separator: "; ")))\(result);")
    body(function.locals, function.body)
  }

  /// Adds local sections and statements between `begin` and `end;`.
  private mutating func body(_ locals: [SectionSyntax], _ statements: [StatementSyntax]) {
    for local in locals { section(local, constants: [:]) }
    line("begin")
    indented { $0.statements(statements) }
    line("end;")
  }

  /// Adds a rule, property, start state, ruleset or alias rule.
  private mutating func rule(_ rule: RuleSyntax) {
    directives(before: rule.range.start)
    switch rule {
    case .startstate(let transition):
      line("startstate" + Self.quoted(transition.name))
      body(transition.locals, transition.body)
    case .rule(let transition):
      line("rule" + Self.quoted(transition.name))
      if let condition = transition.guardExpression {
        indented { $0.line("\(Self.text(condition))") }
        line("==>")
      }
      body(transition.locals, transition.body)
    case .property(let property): line(Self.text(property) + ";")
    case .ruleset(let quantifiers, let rules, _):
      line("ruleset \(quantifiers.map { Self.text($0) }.joined(separator: "; ")) do")
      block(rules)
    case .alias(let bindings, let rules, _):
      line("alias \(bindings.map { Self.text($0) }.joined(separator: " ")) do")
      block(rules)
    case .choose(let name, let multiset, let rules, _):
      line("choose \(name.text): \(Self.text(multiset)) do")
      block(rules)
    }
  }

  /// Adds rules and `end;`.
  private mutating func block(_ rules: [RuleSyntax]) {
    indented { printer in
      for inner in rules { printer.rule(inner) }
    }
    line("end;")
  }
}
