package import Logic

extension Decoding {
  /// The value that the terms stand for in an evaluation.
  ///
  /// Requires: the evaluation assigns every variable of the terms; a number fits `Int`.
  package func value(in evaluation: inout Evaluation) -> Value {
    switch self {
    case .fixed(let value): return value
    case .boolean(let term): return .boolean(evaluation.isTrue(term))
    case .signed(let term, let offset): return .integer(Int(evaluation.value(of: term).signed) + offset)
    case .unsigned(let term, let offset): return .integer(Int(evaluation.value(of: term).unsigned) + offset)
    case .table(let term, let values):
      let position = evaluation.value(of: term).unsigned
      return position < UInt128(values.count) ? values[Int(position)] : .undefined
    case .defined(let term, let inner):
      return evaluation.isTrue(term) ? inner.value(in: &evaluation) : .undefined
    case .record(let fields):
      return .record(fields.map { NamedValue($0.name, $0.decoding.value(in: &evaluation)) })
    case .array(let elements):
      return .array(elements.map { IndexedValue($0.index, $0.decoding.value(in: &evaluation)) })
    }
  }
}
