/// Reads the arguments of an operation by name and kind, against the operation's own table.

/// The arguments of one call, checked on the way out.
struct ArgumentReader {
  /// The operation or observable that was called.
  let operation: String
  let arguments: [String: Argument]

  /// Throws: `unexpectedArgument` if a name is not among the parameters, `missingArgument` if a needed one is absent.
  init(_ operation: String, _ parameters: [Parameter], _ arguments: [String: Argument]) throws(OperationError) {
    self.operation = operation
    self.arguments = arguments
    let known = Set(parameters.map(\.name))
    if let unexpected = arguments.keys.filter({ !known.contains($0) }).min() {
      throw .unexpectedArgument(operation: operation, parameter: unexpected)
    }
    if let missing = parameters.first(where: { !$0.isOptional && arguments[$0.name] == nil }) {
      throw .missingArgument(operation: operation, parameter: missing.name)
    }
  }

  /// A number; 0 when left out.
  func integer(_ name: String) throws(OperationError) -> Int {
    guard let argument = arguments[name] else { return 0 }
    guard case .integer(let value) = argument else {
      throw .wrongKind(operation: operation, parameter: name, expected: .integer(of: name), found: argument)
    }
    return value
  }

  /// A truth value; `absent` when left out.
  func boolean(_ name: String, whenAbsent absent: Bool) throws(OperationError) -> Bool {
    guard let argument = arguments[name] else { return absent }
    guard case .boolean(let value) = argument else {
      throw .wrongKind(operation: operation, parameter: name, expected: .boolean, found: argument)
    }
    return value
  }

  /// One of the cases of an enumeration, by the name that models use.
  func symbol<Case: RawRepresentable<String> & CaseIterable>(_ name: String, _: Case.Type) throws(OperationError)
    -> Case
  {
    guard let argument = arguments[name] else { throw .missingArgument(operation: operation, parameter: name) }
    guard case .symbol(let text) = argument, let value = Case(rawValue: text) else {
      throw .wrongKind(
        operation: operation, parameter: name, expected: .symbol(Case.allCases.map(\.rawValue)), found: argument)
    }
    return value
  }
}

extension Parameter {
  /// A parameter that takes the cases of an enumeration.
  static func symbol<Case: RawRepresentable<String> & CaseIterable>(_ name: String, _: Case.Type) -> Parameter {
    Parameter(name, .symbol(Case.allCases.map(\.rawValue)))
  }
}
