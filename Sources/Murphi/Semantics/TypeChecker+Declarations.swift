import Diagnostics

/// Constants, types, variables and functions.
extension TypeChecker {
  /// Checks a top-level section.
  mutating func declarations(_ section: SectionSyntax) {
    switch section.entries {
    case .constants(let bindings):
      for binding in bindings { topLevelConstant(binding) }
    case .types(let entries):
      for entry in entries { types(entry) }
    case .variables(let entries):
      for entry in entries { variables(entry) }
    }
  }

  /// Checks a section inside a body.
  mutating func localDeclarations(_ section: SectionSyntax) {
    switch section.entries {
    case .constants(let bindings):
      for binding in bindings {
        let value = constant(binding.value, "a constant's value")
        for name in binding.names { declare(name, value.map { .constant($0) } ?? .broken) }
      }
    case .types(let entries):
      for entry in entries { types(entry) }
    case .variables(let entries):
      for entry in entries { localVariables(entry) }
    }
  }

  /// Declares top-level constants, with the values that were set for them.
  private mutating func topLevelConstant(_ binding: BindingSyntax) {
    let noted = valueType
    let value = constant(binding.value, "a constant's value")
    if !binding.names.isEmpty, binding.names.allSatisfy({ settings[$0.text] != nil }) { valueType = noted }
    for name in binding.names {
      constantRanges[name.text] = name.range
      guard var chosen = value else {
        declare(name, .broken)
        continue
      }
      if let setting = settings[name.text] {
        guard let raw = raw(setting, of: chosen.type, at: place(of: setting), declared: name.range) else {
          declare(name, .broken)
          continue
        }
        if chosen.type.isInteger { valueType.note(raw) }
        chosen = folded(raw, chosen.type, chosen.range)
      }
      declare(name, .constant(chosen))
      record(name, chosen)
    }
  }

  /// Adds a top-level constant to the model.
  private mutating func record(_ name: NameSyntax, _ value: Expression) {
    guard case .constant(let raw) = value.kind else { return }
    model.constants.append(
      Constant(name: name.text, text: value.type.text(of: raw), raw: raw, type: value.type))
  }

  /// The raw value that a setting means for a constant of some type; nil after a report.
  mutating func raw(
    _ setting: ConstantSetting, of type: Type, at range: SourceRange, declared: SourceRange?
  ) -> Int? {
    if let found = type.raw(ofSetting: setting.value) { return found }
    errors.append(MurphiDiagnostics.unfitValue(setting, expected: type.settings, at: range, declared: declared))
    return nil
  }

  /// Declares types.
  private mutating func types(_ entry: TypedNamesSyntax) {
    let found = type(entry.type, name: entry.names.first?.text)
    for name in entry.names { declare(name, found.map { .type($0) } ?? .broken) }
  }

  /// Declares state variables.
  private mutating func variables(_ entry: TypedNamesSyntax) {
    let found = type(entry.type)
    for name in entry.names {
      guard let found else {
        declare(name, .broken)
        continue
      }
      declare(name, .variable(model.variables.count))
      model.variables.append(StateVariable(name: name.text, type: found, range: name.range))
    }
  }

  /// Declares local variables.
  private mutating func localVariables(_ entry: TypedNamesSyntax) {
    let found = type(entry.type)
    for name in entry.names {
      guard let found else {
        declare(name, .broken)
        continue
      }
      declareLocal(name, Local(name: name.text, type: found, kind: .variable), .writable)
    }
  }

  /// Gives a local its slot and declares its name. Returns: the slot.
  @discardableResult
  mutating func declareLocal(_ name: NameSyntax, _ local: Local, _ access: Access) -> Int {
    locals.append(local)
    declare(name, .local(locals.count - 1, access))
    return locals.count - 1
  }

  /// Checks a function; its name is known inside it.
  mutating func function(_ syntax: FunctionSyntax) {
    let sources = attachments(before: syntax.range.start, to: .function)
    locals = []
    scopes.push()
    var isBroken = false
    for parameter in syntax.parameters where !self.parameter(parameter) { isBroken = true }
    let returnType = syntax.returnType.flatMap { type($0) }
    if syntax.returnType != nil, returnType == nil { isBroken = true }
    let index = model.functions.count
    scopes.pop()
    declare(syntax.name, isBroken ? .broken : .function(index))
    scopes.push()
    for (slot, parameter) in syntax.parameters.flatMap(\.names).enumerated() where slot < locals.count {
      let access: Access = locals[slot].kind == .reference ? .writable : .readOnly
      declare(parameter, isBroken ? .broken : .local(slot, access))
    }
    model.functions.append(
      Function(
        name: syntax.name.text, parameterCount: locals.count, locals: locals, returnType: returnType, body: [],
        range: syntax.range, sources: sources.sources))
    body = returnType.map { .function($0) } ?? .procedure
    for section in syntax.locals { localDeclarations(section) }
    model.functions[index].body = statements(syntax.body)
    model.functions[index].locals = locals
    body = .rule
    scopes.pop()
    locals = []
  }

  /// Gives parameters their slots. Returns: false after an error.
  private mutating func parameter(_ syntax: ParameterSyntax) -> Bool {
    guard let found = type(syntax.type) else { return false }
    let kind: Local.Kind = syntax.passing == .reference ? .reference : .parameter
    for name in syntax.names { locals.append(Local(name: name.text, type: found, kind: kind)) }
    return true
  }
}

extension TypedModel {
  /// What is wrong with a setting that the command line gives, in words; nil if the constant exists and can have the value.
  package func objection(to setting: ConstantSetting) -> String? {
    guard let constant = constants.first(where: { $0.name == setting.name }) else {
      let known = constants.isEmpty ? "no constant at all" : constants.map(\.name).joined(separator: ", ")
      return "the model has no top-level constant `\(setting.name)`, but \(known)"
    }
    guard constant.type.raw(ofSetting: setting.value) == nil else { return nil }
    return "constant `\(setting.name)` cannot be `\(setting.value)`: expected \(constant.type.settings)"
  }
}

extension Type {
  /// The raw value that a constant of this type gets from a text; nil if it is of another kind.
  fileprivate func raw(ofSetting text: String) -> Int? {
    switch self {
    case .integer, .range: Int(constant: text)
    case .boolean: ["false", "true"].firstIndex(of: text)
    case .enumeration(let type): type.members.firstIndex(of: text)
    case .scalarset, .record, .array: nil
    }
  }

  /// What may be set, in words.
  fileprivate var settings: String {
    switch self {
    case .integer, .range: "an integer of at most 64 bits"
    case .boolean: "`true` or `false`"
    case .enumeration(let type): "one of " + type.members.map { "`\($0)`" }.joined(separator: ", ")
    case .scalarset, .record, .array: "nothing"
    }
  }

  /// A raw value as a user writes it.
  func text(of raw: Int) -> String {
    switch self {
    case .boolean: raw == 0 ? "false" : "true"
    case .enumeration(let type): type.members.indices.contains(raw) ? type.members[raw] : "\(raw)"
    case .scalarset(let type): "\(type.name)_\(raw)"
    case .range, .integer, .record, .array: "\(raw)"
    }
  }
}
