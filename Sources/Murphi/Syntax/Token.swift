import Diagnostics

/// A word of the language, with its place.
struct Token: Hashable, Sendable {
  /// What a token is.
  enum Kind: Hashable, Sendable {
    case identifier(String)
    case number(Int)
    /// The text between the quotes, escapes resolved.
    case string(String)
    case keyword(Keyword)
    case symbol(Punctuation)
    /// After the last token of the text.
    case end
  }
  let kind: Kind
  let range: SourceRange
}

/// The reserved words; they are matched without regard to case.
enum Keyword: String, Hashable, Sendable, CaseIterable {
  case alias, array, assert, assume, begin, boolean, by, `case`, clear, const, cover, `do`, `else`, elsif, end
  case endalias, endexists, endfor, endforall, endfunction, endif, endprocedure, endrecord, endrule, endruleset
  case endstartstate, endswitch, endwhile, `enum`, error, exists, `for`, forall, function, `if`, invariant, ismember
  case isundefined, liveness, of, procedure, put, real, record, `return`, rule, ruleset, scalarset, startstate
  case `switch`, then, to, type, undefine, union, `var`, `while`

  /// Whether it closes something: `end` or a specific ender.
  var isEnder: Bool { rawValue.hasPrefix("end") }

  /// Whether a rule, property or section can start with it.
  var startsNode: Bool {
    switch self {
    case .rule, .ruleset, .startstate, .invariant, .const, .type, .var, .function, .procedure: true
    default: false
    }
  }

  /// Whether a list of statements ends before it.
  var endsStatements: Bool {
    isEnder || self == .else || self == .elsif || self == .case
  }
}

/// Operators and punctuation; several spellings fall together.
enum Punctuation: String, Hashable, Sendable, CaseIterable {
  case arrow = "==>"
  case assign = ":="
  case implies = "->"
  case dotDot = ".."
  case lessOrEqual = "<="
  case shiftLeft = "<<"
  case greaterOrEqual = ">="
  case shiftRight = ">>"
  case notEqual = "!="
  case andAnd = "&&"
  case orOr = "||"
  case equal = "="
  case less = "<"
  case greater = ">"
  case plus = "+"
  case minus = "-"
  case star = "*"
  case slash = "/"
  case percent = "%"
  case not = "!"
  case and = "&"
  case or = "|"
  case xor = "^"
  case tilde = "~"
  case question = "?"
  case colon = ":"
  case semicolon = ";"
  case comma = ","
  case dot = "."
  case leftParenthesis = "("
  case rightParenthesis = ")"
  case leftBracket = "["
  case rightBracket = "]"
  case leftBrace = "{"
  case rightBrace = "}"
}

extension Token.Kind {
  /// How messages name the token.
  var description: String {
    switch self {
    case .identifier(let name): "`\(name)`"
    case .number(let value): "`\(value)`"
    case .string: "a string"
    case .keyword(let keyword): "`\(keyword.rawValue)`"
    case .symbol(let symbol): "`\(symbol.rawValue)`"
    case .end: "the end of the text"
    }
  }
}
