import Diagnostics

/// One scope or variant of a model, as a model of its own.
package struct ModelInstance: Sendable {
  /// Top-level constants with other values than the file's.
  package var constants: [ConstantSetting]
  /// The variant whose constants these are: what it expects is then expected of the whole file.
  package var variant: VariantDeclaration?
  /// What counts as a deadlock; nil means as the file says.
  package var deadlock: DeadlockMode?
  /// The one invariant or assertion at top level to keep, by its position among them; nil means all.
  package var property: Int?

  package init(
    constants: [ConstantSetting] = [], variant: VariantDeclaration? = nil, deadlock: DeadlockMode? = nil,
    property: Int? = nil
  ) {
    self.constants = constants
    self.variant = variant
    self.deadlock = deadlock
    self.property = property
  }
}

extension SyntaxTree {
  /// Canonical text of an instance, for other checkers and for this one: the constants have its values, scopes and other
  /// variants are gone. With one property alone, covers at top level go as well; assumptions stay.
  package func text(of instance: ModelInstance) -> String {
    let kept = instance.property.map(keeping) ?? self
    var directives = kept.directives.compactMap { $0.directive(of: instance) }
    var head = ""
    if let mode = instance.deadlock {
      directives.removeAll { directive in
        if case .deadlock = directive.kind { true } else { false }
      }
      head = "--@ deadlock \(mode.rawValue)\n"
    }
    // A title must stay the first directive.
    if case .title? = directives.first?.kind { head = "--@ \(directives.removeFirst().text)\n" + head }
    let tree = SyntaxTree(file: file, nodes: kept.nodes, directives: directives)
    return head + SyntaxPrinter.print(tree, constants: instance.constants)
  }

  /// The tree with one invariant or assertion at top level, by its position among them.
  private func keeping(_ property: Int) -> SyntaxTree {
    var filter = PropertyFilter(property: property)
    let nodes = nodes.compactMap { filter.filtered($0) }
    let firstNode = self.nodes.first?.start ?? .max
    let directives = directives.filter { directive in
      let start = directive.keyword.range.start
      guard start >= firstNode, let next = filter.items.first(where: { $0.start > start }) else { return true }
      switch directive.kind {
      case .source, .abstraction: return next.isKept
      case .title, .deadlock, .scope, .variant, .operations, .observable, .setup, .bind: return true
      }
    }
    return SyntaxTree(file: file, nodes: nodes, directives: directives)
  }
}

/// Drops all invariants, assertions and covers at top level but one, and what is empty then.
private struct PropertyFilter {
  /// Whatever a directive may belong to, in the order of the text.
  private(set) var items: [(start: Int, isKept: Bool)] = []
  private let property: Int
  private var count = 0

  init(property: Int) { self.property = property }

  mutating func filtered(_ node: NodeSyntax) -> NodeSyntax? {
    switch node {
    case .section: return node
    case .function(let function):
      items.append((function.range.start, true))
      return node
    case .rule(let rule): return filtered(rule).map { .rule($0) }
    }
  }

  private mutating func filtered(_ rule: RuleSyntax) -> RuleSyntax? {
    switch rule {
    case .startstate, .rule, .choose:
      items.append((rule.range.start, true))
      return rule
    case .property(let property):
      let isKept = keeps(property)
      items.append((property.range.start, isKept))
      return isKept ? rule : nil
    case .ruleset(let quantifiers, let rules, let range):
      let inner = rules.compactMap { filtered($0) }
      return inner.isEmpty ? nil : .ruleset(quantifiers, inner, range)
    case .alias(let bindings, let rules, let range):
      let inner = rules.compactMap { filtered($0) }
      return inner.isEmpty ? nil : .alias(bindings, inner, range)
    }
  }

  private mutating func keeps(_ syntax: PropertySyntax) -> Bool {
    switch syntax.category {
    case .assume: return true
    case .cover, .liveness: return false
    case .assert, .invariant:
      count += 1
      return count - 1 == property
    }
  }
}

extension DirectiveSyntax {
  /// What becomes of it in an instance; nil where it goes.
  fileprivate func directive(of instance: ModelInstance) -> DirectiveSyntax? {
    switch kind {
    case .scope: return nil
    case .variant(let variant, _):
      guard variant == instance.variant, let arrow = text.firstRange(of: "=>") else { return nil }
      return DirectiveSyntax(
        kind: kind, keyword: keyword, text: "variant \(variant.name): " + text[arrow.lowerBound...])
    case .title, .source, .abstraction, .deadlock, .operations, .observable, .setup, .bind: return self
    }
  }
}
