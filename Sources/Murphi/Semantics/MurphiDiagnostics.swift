import Diagnostics

/// Every message of the front end, by what is wrong.
///
/// Identifiers are stable: E01 text, E02 grammar, E03 names, E04 types, E05 constants, E06 statements and calls, E07 what is
/// legal Murphi but not supported, E08 directives, W09 warnings. `E0101` and `E0102` belong to `SourceFile.load`.
enum MurphiDiagnostics {
  /// An error.
  static func error(
    _ id: String, _ message: String, at range: SourceRange, _ notes: [Diagnostic.Note] = []
  ) -> Diagnostic {
    Diagnostic(id, .error, message, at: range, notes: notes)
  }

  /// A character that begins no token.
  static func unexpectedCharacter(_ text: String, at range: SourceRange) -> Diagnostic {
    error("E0103", "unexpected character `\(text)`", at: range)
  }

  /// A certificate's lemma without a name.
  static func namelessLemma(at range: SourceRange) -> Diagnostic {
    error("E0290", "expected a name, as every lemma of a certificate has one", at: range)
  }

  /// A certificate with something else than lemmas.
  static func notALemma(at range: SourceRange) -> Diagnostic {
    error("E0291", "expected an invariant: a certificate holds lemmas and nothing else", at: range)
  }

  /// `/*` without `*/`.
  static func unterminatedComment(at range: SourceRange) -> Diagnostic {
    error("E0104", "the comment is not closed", at: range)
  }

  /// A quote without its partner.
  static func unterminatedString(at range: SourceRange) -> Diagnostic {
    error("E0105", "the string is not closed", at: range)
  }

  /// A leading zero means octal.
  static func malformedOctal(_ digits: String, at range: SourceRange) -> Diagnostic {
    error("E0106", "`\(digits)` starts with 0, which means octal, and has a digit above 7", at: range)
  }

  /// `0x` alone.
  static func malformedHexadecimal(at range: SourceRange) -> Diagnostic {
    error("E0107", "`0x` is followed by no hexadecimal digit", at: range)
  }

  /// A decimal point.
  static func realNumber(at range: SourceRange) -> Diagnostic {
    error("E0108", "real numbers are not part of the language", at: range)
  }

  /// The type `real`.
  static func realType(at range: SourceRange) -> Diagnostic {
    error("E0109", "the type `real` is not part of the language", at: range)
  }

  /// A token that cannot stand there.
  static func unexpected(_ found: String, expected: String, at range: SourceRange) -> Diagnostic {
    error("E0201", "found \(found), expected \(expected)", at: range)
  }

  /// `a = b = c`, `a -> b -> c`, `a ? b : c ? d : e`.
  static func notAssociative(_ symbol: String, at range: SourceRange) -> Diagnostic {
    error("E0202", "`\(symbol)` cannot be chained; use parentheses", at: range)
  }

  /// `f(x).a`
  static func selectionFromCall(at range: SourceRange) -> Diagnostic {
    error("E0203", "nothing can be selected from the result of a call", at: range)
  }

  /// `endfor` for an `if`.
  static func wrongEnder(
    _ found: String, expected: String, at range: SourceRange, opener: SourceRange
  ) -> Diagnostic {
    error("E0204", "found `\(found)`, expected `end` or `\(expected)`", at: range, [.init("to close this", at: opener)])
  }

  /// Something else where an ender must stand.
  static func notClosed(
    _ found: String, expected: String, at range: SourceRange, opener: SourceRange
  ) -> Diagnostic {
    error("E0205", "found \(found), expected `end` or `\(expected)`", at: range, [.init("to close this", at: opener)])
  }

  /// Nesting beyond the limit.
  static func tooDeep(limit: Int, at range: SourceRange) -> Diagnostic {
    error("E0206", "nested more than \(limit) levels deep, which is not supported", at: range)
  }

  /// A name that nothing above declares.
  static func undeclared(_ name: String, at range: SourceRange, later: SourceRange?) -> Diagnostic {
    let notes = later.map { [Diagnostic.Note("`\(name)` is declared here, below its use", at: $0)] } ?? []
    return error("E0301", "`\(name)` is not declared", at: range, notes)
  }

  /// A name declared twice in one scope.
  static func redeclared(_ name: String, at range: SourceRange, previous: SourceRange?) -> Diagnostic {
    let notes = previous.map { [Diagnostic.Note("the previous declaration is here", at: $0)] } ?? []
    return error("E0302", "`\(name)` is already declared", at: range, notes)
  }

  /// Two fields of one name.
  static func duplicateField(_ name: String, at range: SourceRange, previous: SourceRange) -> Diagnostic {
    error(
      "E0303", "the record already has a field `\(name)`", at: range,
      [.init("the previous field is here", at: previous)])
  }

  /// A name of the wrong kind.
  static func wrongKind(
    _ name: String, is found: String, expected: String, at range: SourceRange, declared: SourceRange?
  ) -> Diagnostic {
    error("E0304", "`\(name)` is \(found), expected \(expected)", at: range, declaration(name, declared))
  }

  /// A field that the record does not have.
  static func noSuchField(_ name: String, in type: String, at range: SourceRange, _ notes: [Diagnostic.Note])
    -> Diagnostic
  {
    error("E0305", "\(type) has no field `\(name)`", at: range, notes)
  }

  /// The note that says where something is declared.
  static func declaration(_ name: String, _ range: SourceRange?) -> [Diagnostic.Note] {
    range.map { [Diagnostic.Note("`\(name)` is declared here", at: $0)] } ?? []
  }
}
