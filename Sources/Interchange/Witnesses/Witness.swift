package import TransitionSystems

/// What another tool says is a counterexample: the inputs of a synchronous system at times 0, 1, …, and the property.
package struct Witness: Sendable {
  /// The property that is said to be violated at the last time; nil where the text does not say.
  package let property: PropertyID?
  /// At least one; each with a value for every input of the synchronous system.
  package let ticks: [SynchronousSystem.Tick]

  init(property: PropertyID?, ticks: [SynchronousSystem.Tick]) {
    self.property = property
    self.ticks = ticks
  }

  /// The formats that witnesses come in.
  package enum Format: Hashable, Sendable {
    case aiger
    case btor2
  }

  /// Which format a text is in, by its first line that is no comment: `sat` or bits. Nil: neither.
  package static func format(of text: String) -> Format? {
    let lines = text.split(whereSeparator: \.isNewline).lazy.map { $0.trimmingBlanks }
    guard let first = lines.first(where: { !$0.isEmpty && !$0.hasPrefix("c") && !$0.hasPrefix(";") }) else {
      return nil
    }
    if first == "sat" { return .btor2 }
    return first.allSatisfy { "01x".contains($0) } ? .aiger : nil
  }
}

extension StringProtocol {
  /// Without blanks at either end.
  var trimmingBlanks: String {
    var text = Substring(self)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
