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
  /// Names that sizes of scalarsets are computed from, in the order of first use: such sizes are not free to vary by themselves.
  package let computedFrom: [String]
  /// The constants of `named`.
  package var constants: Set<String> { Set(named.map(\.constant)) }

  /// Looks through the words of a file. Only `scalarset(NAME)` of a constant with a value of its own counts: any other size is not
  /// free to vary.
  ///
  /// Complexity: linear in the file, for each size that is a name.
  package init(of tree: SyntaxTree) {
    var lexer = Lexer(tree.file.bytes)
    lexer.run()
    let tokens = lexer.tokens.map(\.kind)
    var order: [String] = []
    var sizes: [String: Int] = [:]
    var uses: [String: Int] = [:]
    var computed: [String] = []
    for (position, token) in tokens.enumerated() {
      if case .identifier(let name) = token { uses[name, default: 0] += 1 }
      guard token == .keyword(.scalarset), position + 2 < tokens.count else { continue }
      if case .identifier(let name) = tokens[position + 2], position + 3 < tokens.count,
        tokens[position + 3] == .symbol(.rightParenthesis)
      {
        if sizes[name] == nil { order.append(name) }
        sizes[name, default: 0] += 1
      } else {
        computed += Self.names(tokens[(position + 2)...], before: .rightParenthesis)
      }
    }
    for (position, token) in tokens.enumerated() {
      guard case .identifier(let name) = token, sizes[name] != nil, position + 1 < tokens.count,
        tokens[position + 1] == .symbol(.colon)
      else { continue }
      computed += Self.names(tokens[(position + 2)...], before: .semicolon)
    }
    var known: Set<String> = []
    computedFrom = computed.filter { known.insert($0).inserted }
    // One more use is the declaration.
    named = order.map { Size(constant: $0, isUsedElsewhere: uses[$0, default: 0] > sizes[$0, default: 0] + 1) }
  }

  /// The names up to a symbol; parentheses are balanced.
  private static func names(_ tokens: ArraySlice<Token.Kind>, before end: Punctuation) -> [String] {
    var names: [String] = []
    var depth = 0
    for token in tokens {
      if depth == 0, token == .symbol(end) { break }
      if token == .symbol(.leftParenthesis) { depth += 1 }
      if token == .symbol(.rightParenthesis) { depth -= 1 }
      if case .identifier(let name) = token { names.append(name) }
    }
    return names
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
