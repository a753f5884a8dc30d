import Diagnostics

/// Parses one directive (DESIGN.md, section 1).
struct DirectiveParser {
  var scanner: DirectiveScanner
  var diagnostics: [Diagnostic] = []

  init(_ text: DirectiveText, in file: [UInt8]) {
    scanner = DirectiveScanner(text, in: file)
  }

  /// The directive, or nil after an error.
  mutating func parse() -> DirectiveSyntax? {
    var copy = scanner
    let text = copy.rest()
    guard let keyword = scanner.word({ $0.isLetter }) else {
      diagnostics.append(MurphiDiagnostics.unknownDirective("", at: scanner.here()))
      return nil
    }
    do throws(SyntaxAbort) {
      guard let kind = try kind(keyword) else {
        diagnostics.append(MurphiDiagnostics.unknownDirective(keyword.text, at: keyword.range))
        return nil
      }
      guard scanner.isAtEnd() else { throw malformed("nothing more") }
      return DirectiveSyntax(kind: kind, keyword: keyword, text: text)
    } catch {
      return nil
    }
  }

  /// What follows each keyword; nil for an unknown one.
  private mutating func kind(_ keyword: NameSyntax) throws(SyntaxAbort) -> DirectiveSyntax.Kind? {
    switch keyword.text {
    case "title": return .title(try text())
    case "source": return .source(try text())
    case "abstraction": return .abstraction(try text())
    case "deadlock": return .deadlock(try deadlockMode())
    case "scope": return .scope(try scope(keyword))
    case "variant": return try variant(keyword)
    case "operation": return .operations(try operations())
    case "observable": return try observable()
    case "setup": return .setup(try operations())
    case "bind": return try binding(keyword)
    default: return nil
    }
  }

  /// Reports what stands in the place of what was expected.
  mutating func malformed(_ expected: String) -> SyntaxAbort {
    diagnostics.append(MurphiDiagnostics.malformedDirective(expected: expected, at: scanner.here()))
    return SyntaxAbort()
  }

  /// Takes the text or reports it missing.
  mutating func expect(_ text: String) throws(SyntaxAbort) {
    guard scanner.accept(text) else { throw malformed("`\(text)`") }
  }

  /// The rest of the directive, not empty.
  private mutating func text() throws(SyntaxAbort) -> String {
    guard !scanner.isAtEnd() else { throw malformed("a text") }
    return scanner.rest()
  }

  /// `stuttering`, `stuck` or `off`.
  private mutating func deadlockMode() throws(SyntaxAbort) -> DeadlockMode {
    for mode in DeadlockMode.allCases where scanner.acceptWord(mode.rawValue) { return mode }
    throw malformed("`stuttering`, `stuck` or `off`")
  }

  /// A name of the form `[a-z0-9-]+`.
  private mutating func lowerName(_ what: String) throws(SyntaxAbort) -> NameSyntax {
    let name = scanner.word { byte in
      (0x61...0x7A).contains(byte) || byte.isDigit || byte == UInt8(ascii: "-")
    }
    guard let name else { throw malformed(what) }
    return name
  }

  /// `C=V {C=V}`, possibly none.
  private mutating func settings() throws(SyntaxAbort) -> [ConstantSetting] {
    var settings: [ConstantSetting] = []
    while !scanner.isAtEnd() {
      let before = scanner
      guard let name = scanner.word(\.isNameByte), scanner.bytes.indices.contains(scanner.offset),
        scanner.bytes[scanner.offset] == UInt8(ascii: "=")
      else {
        scanner = before
        break
      }
      _ = scanner.accept("=")
      if scanner.bytes.indices.contains(scanner.offset), scanner.bytes[scanner.offset] == UInt8(ascii: ">") {
        scanner = before
        break
      }
      guard let value = scanner.word({ !$0.isBlank }) else { throw malformed("a value after `=`") }
      settings.append(ConstantSetting(name: name.text, value: value.text, range: name.range.union(value.range)))
    }
    return settings
  }

  /// `NAME: C=V {C=V}`
  private mutating func scope(_ keyword: NameSyntax) throws(SyntaxAbort) -> ScopeDeclaration {
    let name = try lowerName("a scope's name of the form [a-z0-9-]+")
    try expect(":")
    let settings = try settings()
    if settings.isEmpty { throw malformed("a constant's setting C=V") }
    return ScopeDeclaration(name: name.text, settings: settings, range: keyword.range.union(name.range))
  }

  /// `NAME: {C=V} [in SCOPE] => OUTCOME {, OUTCOME} [bug ID{,ID}] [design STRING] [policy NAME{+NAME}]`
  private mutating func variant(_ keyword: NameSyntax) throws(SyntaxAbort) -> DirectiveSyntax.Kind {
    let name = try lowerName("a variant's name of the form [a-z0-9-]+")
    try expect(":")
    let settings = try settings()
    let scope: String? = scanner.acceptWord("in") ? try lowerName("a scope's name").text : nil
    try expect("=>")
    var outcomes: [VariantDeclaration.Outcome] = []
    var ranges: [SourceRange] = []
    var engineNames: [EngineName] = []
    repeat {
      let (outcome, range) = try outcome(&engineNames)
      outcomes.append(outcome)
      ranges.append(range)
    } while scanner.accept(",")
    let bugs = scanner.acceptWord("bug") ? try identifiers(separator: ",", "a bug's name") : []
    let design: String? = scanner.acceptWord("design") ? try string("a design's name in quotes").text : nil
    let policies = scanner.acceptWord("policy") ? try identifiers(separator: "+", "a policy's name") : []
    engineNames += policies.map { EngineName(.policy, $0.text, at: $0.range) }
    let declaration = VariantDeclaration(
      name: name.text, settings: settings, scope: scope, outcomes: outcomes, bugs: bugs.map(\.text), design: design,
      policy: policies.isEmpty ? nil : policies.map(\.text).joined(separator: "+"), engineNames: engineNames,
      range: keyword.range.union(name.range))
    return .variant(declaration, outcomes: ranges)
  }

  /// One outcome, and the range of the name in it; its event is added to the engine's names.
  private mutating func outcome(
    _ engineNames: inout [EngineName]
  ) throws(SyntaxAbort) -> (VariantDeclaration.Outcome, SourceRange) {
    let start = scanner.here()
    if scanner.acceptWord("violates") {
      let name = try string("a property's name in quotes")
      return (.violates(property: name.text, event: try event(&engineNames)), name.range)
    }
    if scanner.acceptWord("holds") {
      let name = scanner.string()
      return (.holds(property: name?.text), name?.range ?? start)
    }
    if scanner.acceptWord("error") {
      let text = try string("an error's text in quotes")
      return (.error(text: text.text, event: try event(&engineNames)), text.range)
    }
    if scanner.acceptWord("deadlock") { return (.deadlock, start) }
    if scanner.acceptWord("unreachable") {
      let name = try string("a rule's or cover's name in quotes")
      return (.unreachable(name.text), name.range)
    }
    throw malformed("`violates`, `holds`, `error`, `deadlock` or `unreachable`")
  }

  /// `[by EVENT]`
  private mutating func event(_ engineNames: inout [EngineName]) throws(SyntaxAbort) -> String? {
    guard scanner.acceptWord("by") else { return nil }
    guard let event = scanner.word(\.isOperationByte) else { throw malformed("an event after `by`") }
    engineNames.append(EngineName(.event, event.text, at: event.range))
    return event.text
  }

  /// A string or a report.
  private mutating func string(_ what: String) throws(SyntaxAbort) -> NameSyntax {
    guard let string = scanner.string() else { throw malformed(what) }
    return string
  }

  /// Names with a separator between them.
  private mutating func identifiers(separator: String, _ what: String) throws(SyntaxAbort) -> [NameSyntax] {
    var names: [NameSyntax] = []
    repeat {
      guard let name = scanner.word(\.isOperationByte) else { throw malformed(what) }
      names.append(name)
    } while scanner.accept(separator)
    return names
  }

  /// `TYPE = WHAT BASE [step STEP]`
  private mutating func binding(_ keyword: NameSyntax) throws(SyntaxAbort) -> DirectiveSyntax.Kind {
    guard let type = scanner.word(\.isNameByte) else { throw malformed("a scalarset's name") }
    try expect("=")
    guard let object = scanner.word(\.isOperationByte) else { throw malformed("what the values are") }
    let base = try integer("the first value's number")
    let step = scanner.acceptWord("step") ? try integer("a step") : 1
    let range = keyword.range.union(type.range)
    return .bind(
      ScalarsetBinding(type: type.text, object: object.text, base: base, step: step, range: range), type: type)
  }

  /// A decimal or `0x` integer.
  private mutating func integer(_ what: String) throws(SyntaxAbort) -> Int {
    let before = scanner
    if let word = scanner.word({ $0.isNameByte || $0 == UInt8(ascii: "-") }), let value = Int(constant: word.text) {
      return value
    }
    scanner = before
    throw malformed("\(what), decimal or 0x")
  }
}

extension UInt8 {
  /// Letters, digits, `.`, `_` and `-`: operations, statuses, events.
  var isOperationByte: Bool { isNameByte || self == UInt8(ascii: ".") || self == UInt8(ascii: "-") }
}

extension Int {
  /// A decimal or `0x` number, with `-` before it if negative.
  init?(constant text: String) {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    guard let first = digits.utf8.first, first.isDigit else { return nil }
    let isHexadecimal = digits.hasPrefix("0x") || digits.hasPrefix("0X")
    let signed = (isNegative ? "-" : "") + (isHexadecimal ? digits.dropFirst(2) : digits)
    self.init(signed, radix: isHexadecimal ? 16 : 10)
  }
}
