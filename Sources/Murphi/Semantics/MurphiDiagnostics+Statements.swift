import Diagnostics

/// Statements and calls (E06), directives (E08), warnings (W09).
extension MurphiDiagnostics {
  /// A write to something that only has a value.
  static func notWritable(_ what: String, at range: SourceRange, _ notes: [Diagnostic.Note] = []) -> Diagnostic {
    error("E0601", "\(what) cannot be written", at: range, notes)
  }

  /// An expression where a designator must stand.
  static func notDesignator(_ context: String, at range: SourceRange) -> Diagnostic {
    error("E0602", "\(context) needs a variable, field or element", at: range)
  }

  /// `return` with a value outside a function.
  static func returnsValue(from body: String, at range: SourceRange) -> Diagnostic {
    error("E0603", "\(body) returns no value", at: range)
  }

  /// `return` without a value in a function.
  static func returnsNothing(type: String, at range: SourceRange) -> Diagnostic {
    error("E0604", "the function must return \(type)", at: range)
  }

  /// A procedure in an expression.
  static func procedureHasNoValue(_ name: String, at range: SourceRange, declared: SourceRange?) -> Diagnostic {
    error("E0605", "procedure `\(name)` has no value", at: range, declaration(name, declared))
  }

  /// The wrong number of arguments.
  static func argumentCount(
    _ name: String, found: Int, expected: Int, at range: SourceRange, declared: SourceRange?
  ) -> Diagnostic {
    error("E0606", "`\(name)` takes \(expected) arguments, not \(found)", at: range, declaration(name, declared))
  }

  /// A `var` argument of another type than the parameter.
  static func varArgument(
    found: String, expected: String, at range: SourceRange, _ notes: [Diagnostic.Note]
  ) -> Diagnostic {
    error("E0607", "the argument is \(found), and the `var` parameter is exactly \(expected)", at: range, notes)
  }

  /// `liveness` as a statement.
  static func livenessStatement(at range: SourceRange) -> Diagnostic {
    error("E0608", "`liveness` is not a statement", at: range)
  }

  /// A keyword that no directive has.
  static func unknownDirective(_ word: String, at range: SourceRange) -> Diagnostic {
    error("E0801", word.isEmpty ? "`--@` is followed by no directive" : "`\(word)` is no directive", at: range)
  }

  /// A directive that does not go on as it should.
  static func malformedDirective(expected: String, at range: SourceRange) -> Diagnostic {
    error("E0802", "malformed directive: expected \(expected)", at: range)
  }

  /// `--@+` without a directive in the line before.
  static func nothingToContinue(at range: SourceRange) -> Diagnostic {
    error("E0803", "`--@+` continues no directive", at: range)
  }

  /// A directive after which nothing comes that it could belong to.
  static func dangling(_ keyword: String, expected: String, at range: SourceRange) -> Diagnostic {
    error("E0804", "`\(keyword)` must stand before \(expected)", at: range)
  }

  /// A directive that may stand only once, or only first.
  static func misplaced(_ keyword: String, _ rule: String, at range: SourceRange) -> Diagnostic {
    error("E0805", "`\(keyword)` \(rule)", at: range)
  }

  /// A name of a scope or variant that is taken.
  static func duplicateName(_ name: String, at range: SourceRange, previous: SourceRange?) -> Diagnostic {
    let notes = previous.map { [Diagnostic.Note("the previous one is here", at: $0)] } ?? []
    return error("E0806", "the name `\(name)` is taken", at: range, notes)
  }

  /// A scope, property, rule or scalarset that does not exist.
  static func unknownReference(_ what: String, _ name: String, at range: SourceRange) -> Diagnostic {
    error("E0807", "the model has no \(what) `\(name)`", at: range)
  }

  /// A variant that names one of several.
  static func ambiguousReference(
    _ what: String, _ name: String, at range: SourceRange, places: [SourceRange]
  ) -> Diagnostic {
    error(
      "E0808", "the model has \(places.count) \(what) `\(name)`, which a variant cannot tell apart", at: range,
      places.map { Diagnostic.Note("one is here", at: $0) })
  }

  /// rumur would stop where we compute on (or, in a shift, lose bits).
  static func narrowArithmetic(
    _ symbol: String, interval: String, type: String, holds: String, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      "W0901", .warning,
      "the result of `\(symbol)` lies in \(interval); rumur computes this model in \(type), \(holds), and may stop or differ here",
      at: range)
  }

  /// A name that two invariants, assertions or covers have: legal to rumur, but results, variants and files name by it.
  static func sharedName(_ name: String, at range: SourceRange, previous: SourceRange) -> Diagnostic {
    Diagnostic(
      "W0903", .warning, "another property is called `\(name)`, too: nothing but the order tells their results apart",
      at: range, notes: [Diagnostic.Note("the other one is here", at: previous)])
  }

  /// A property that is called like one of those that every model has.
  static func reservedName(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      "W0903", .warning,
      "every model has a property called `\(name)` of its own: nothing but the order tells their results apart",
      at: range)
  }

  /// Values of two scalarsets meet.
  static func mixedScalarsets(_ left: String, _ right: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      "W0902", .warning, "values of two scalarsets meet here, `\(left)` and `\(right)`: unsound under symmetry",
      at: range)
  }
}
