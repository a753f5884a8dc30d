import Diagnostics

/// Types (E04) and constants (E05).
extension MurphiDiagnostics {
  /// An operand or condition of the wrong type.
  static func wrongType(
    _ what: String, found: String, expected: String, at range: SourceRange, _ notes: [Diagnostic.Note] = []
  ) -> Diagnostic {
    error("E0401", "\(what) is \(found), expected \(expected)", at: range, notes)
  }

  /// Two operands that cannot meet.
  static func incompatible(
    _ what: String, found: String, expected: String, at range: SourceRange, _ notes: [Diagnostic.Note] = []
  ) -> Diagnostic {
    error("E0402", "\(what) is \(found), which does not match \(expected)", at: range, notes)
  }

  /// `<` on anything but integers.
  static func notOrdered(_ found: String, at range: SourceRange, _ notes: [Diagnostic.Note] = []) -> Diagnostic {
    error("E0403", "only integers are ordered, and this is \(found)", at: range, notes)
  }

  /// `[…]` after something that is no array.
  static func notArray(_ found: String, at range: SourceRange, _ notes: [Diagnostic.Note]) -> Diagnostic {
    error("E0404", "only an array has elements, and this is \(found)", at: range, notes)
  }

  /// `.f` after something that is no record.
  static func notRecord(_ found: String, at range: SourceRange, _ notes: [Diagnostic.Note]) -> Diagnostic {
    error("E0405", "only a record has fields, and this is \(found)", at: range, notes)
  }

  /// An array index, a quantifier or a `switch` over records or arrays.
  static func notSimple(_ what: String, _ found: String, at range: SourceRange) -> Diagnostic {
    error("E0406", "\(what) must be simple, and this is \(found)", at: range)
  }

  /// Something whose value is not known before the run.
  static func notConstant(_ what: String, at range: SourceRange, _ notes: [Diagnostic.Note] = []) -> Diagnostic {
    error("E0501", "\(what) must be a constant", at: range, notes)
  }

  /// `5..3`
  static func emptyRange(lower: Int, upper: Int, at range: SourceRange) -> Diagnostic {
    error("E0502", "the range ends at \(upper), below its start \(lower)", at: range)
  }

  /// `scalarset(0)`
  static func emptyScalarset(_ size: Int, at range: SourceRange) -> Diagnostic {
    error("E0503", "a scalarset needs at least one value, and this is \(size)", at: range)
  }

  /// A constant that divides by zero.
  static func constantDivision(at range: SourceRange) -> Diagnostic {
    error("E0504", "a constant divides by zero", at: range)
  }

  /// `i := 3 to 0`
  static func wrongDirection(at range: SourceRange) -> Diagnostic {
    error("E0505", "the step leads away from the second bound", at: range)
  }

  /// `by 0`
  static func zeroStep(at range: SourceRange) -> Diagnostic {
    error("E0506", "the step is 0", at: range)
  }

  /// A setting of a constant that does not exist.
  static func unknownConstant(_ name: String, at range: SourceRange) -> Diagnostic {
    error("E0507", "the model has no top-level constant `\(name)`", at: range)
  }

  /// A setting whose value is of another kind than the constant.
  static func unfitValue(
    _ setting: ConstantSetting, expected: String, at range: SourceRange, declared: SourceRange?
  ) -> Diagnostic {
    error(
      "E0508", "constant `\(setting.name)` cannot be `\(setting.value)`: expected \(expected)", at: range,
      declaration(setting.name, declared))
  }

  /// A constant set twice.
  static func setTwice(_ name: String, at range: SourceRange) -> Diagnostic {
    error("E0509", "constant `\(name)` is set twice", at: range)
  }

  /// A constant that is a record or array.
  static func overflowingRange(_ value: Int, at range: SourceRange) -> Diagnostic {
    error("E0701", "an end of a range beyond ±2^62, here \(value), is not supported", at: range)
  }

  /// A value that may leave 64 bits.
  static func overflow(_ symbol: String, at range: SourceRange) -> Diagnostic {
    error("E0702", "the result of `\(symbol)` may leave 64 bits, which is not supported", at: range)
  }

  /// A literal beyond 64 bits.
  static func literalTooLarge(_ digits: String, at range: SourceRange) -> Diagnostic {
    error("E0703", "`\(digits)` does not fit in 64 bits, which is not supported", at: range)
  }

  /// `union`, `ismember`, `multiset`, `choose`, a top-level `liveness`.
  static func notSupported(_ what: String, at range: SourceRange) -> Diagnostic {
    error("E0704", "\(what) not supported yet", at: range)
  }

  /// `enum {}` where values are enumerated: rumur divides by zero there, or takes a value that is none.
  static func emptyEnumeration(_ purpose: String, at range: SourceRange) -> Diagnostic {
    error("E0705", "an enumeration without members has no value \(purpose)", at: range)
  }
}
