package import Diagnostics

extension SyntaxTree {
  /// The names of the invariants of a text that holds named invariants at top level and nothing else, in order.
  ///
  /// Throws: it holds something else, located.
  package func namesOfInvariants() throws(Rejection) -> [String] {
    var names: [String] = []
    var diagnostics: [Diagnostic] = []
    for node in nodes {
      let place = SourceRange(start: node.start, end: node.start)
      if case .rule(.property(let property)) = node, property.category == .invariant {
        if let name = property.name {
          names.append(name)
        } else {
          diagnostics.append(MurphiDiagnostics.namelessLemma(at: property.range))
        }
      } else {
        diagnostics.append(MurphiDiagnostics.notALemma(at: place))
      }
    }
    if !diagnostics.isEmpty { throw Rejection(file: file, diagnostics: diagnostics) }
    return names
  }
}

/// The constants that say how large scalarsets are.
package struct ScalarsetSizes: Hashable, Sendable {
  /// A scalarset's size as a single constant's name.
  package struct Size: Hashable, Sendable {
    package let constant: String
    /// Whether the constant says anything else than sizes of scalarsets in the file.
    package let isUsedElsewhere: Bool
  }
  /// In the order of first use.
  package let named: [Size]
  /// Their constants.
  package var constants: Set<String> { Set(named.map(\.constant)) }

  /// Looks through the words of a file. Only `scalarset(NAME)` counts: any other size is not free to vary.
  ///
  /// Complexity: linear in the file.
  package init(of tree: SyntaxTree) {
    var lexer = Lexer(tree.file.bytes)
    lexer.run()
    let tokens = lexer.tokens
    var order: [String] = []
    var sizes: [String: Int] = [:]
    var uses: [String: Int] = [:]
    for (position, token) in tokens.enumerated() {
      guard case .identifier(let name) = token.kind else { continue }
      uses[name, default: 0] += 1
      guard position >= 2, position + 1 < tokens.count, tokens[position - 2].kind == .keyword(.scalarset),
        tokens[position + 1].kind == .symbol(.rightParenthesis)
      else { continue }
      if sizes[name] == nil { order.append(name) }
      sizes[name, default: 0] += 1
    }
    // One more use is the declaration.
    named = order.map { Size(constant: $0, isUsedElsewhere: uses[$0, default: 0] > sizes[$0, default: 0] + 1) }
  }
}

extension SyntaxTree {
  /// Every name that occurs in the text, so that new ones can keep clear of them. Complexity: linear in the file.
  package var identifiers: Set<String> {
    var lexer = Lexer(file.bytes)
    lexer.run()
    var names: Set<String> = []
    for case .identifier(let name) in lexer.tokens.map(\.kind) { names.insert(name) }
    return names
  }
}
