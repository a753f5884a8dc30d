package import Logic

/// States as people read them.
extension ParameterizedExecution {
  /// A state as named values, in file order.
  package func values(of state: OpenState) -> [Value] {
    system.layout.map { value($0.decoding, at: [], in: state) }
  }

  private func value(_ decoding: OpenDecoding, at elements: [Int], in state: OpenState) -> Value {
    switch decoding {
    case .fixed(let value, let definedness):
      return isDefined(definedness, at: elements, in: state) ? value : .undefined
    case .function(let function, let definedness):
      guard isDefined(definedness, at: elements, in: state) else { return .undefined }
      return self.value(of: function, at: elements, in: state)
    case .record(let fields):
      return .record(fields.map { NamedValue($0.name, value($0.decoding, at: elements, in: state)) })
    case .array(let items):
      return .array(items.map { IndexedValue($0.index, value($0.decoding, at: elements, in: state)) })
    case .openArray(let sort, let element):
      return .array(
        (0..<sizes[sort]).map { index in
          IndexedValue(
            .scalar(type: system.sorts[sort].name, index: index), value(element, at: elements + [index], in: state))
        })
    }
  }

  private func isDefined(_ definedness: Int?, at elements: [Int], in state: OpenState) -> Bool {
    guard let definedness else { return true }
    return state.tables[definedness][place(elements, of: system.functions[definedness])] == 1
  }

  private func value(of function: Int, at elements: [Int], in state: OpenState) -> Value {
    let code = state.tables[function][place(elements, of: system.functions[function])]
    switch system.functions[function].range {
    case .boolean: return .boolean(code == 1)
    case .values(let values, _): return values[Int(code)]
    case .elements(let sort, _, _):
      return code < 0 ? .undefined : .scalar(type: system.sorts[sort].name, index: Int(code))
    }
  }
}
