import Murphi

/// Places: where they are, reading and writing them.
extension Compiler {
  /// Where a place is; its indices are evaluated and checked, outermost first.
  func address(_ place: Place) throws(EnumerationLimit) -> Address {
    var (address, type) = root(place)
    for step in place.path {
      switch (step, type) {
      case (.field(let position), .record(let fields)):
        address.bit += type.fieldOffset(position)
        type = fields[position].type
      case (.element(let index), .array(let indexType, let element)):
        address = try self.element(index, of: address, index: indexType, width: element.width)
        type = element
      case (.field, _), (.element, _):
        preconditionFailure("a checked place has a path that fits its type")
      }
    }
    return address
  }

  /// Where a place's root is.
  private func root(_ place: Place) -> (Address, Type) {
    switch place.root {
    case .state(let variable):
      return (Address(bit: layout.offsets[variable], register: nil), layout.variables[variable].type)
    case .local(let local):
      guard let binding = activation.bindings[local] else { preconditionFailure("a checked local is bound before use") }
      let type = activation.locals[local].type
      switch binding {
      case .memory(let address): return (address, type)
      case .value(let operand):
        // Only reads of its whole value get here (isundefined, complex sources): spill it.
        let address = allocateMemory(type)
        storeUnchecked(operand, at: address, type.encoding)
        return (address, type)
      }
    }
  }

  /// Where an element is.
  private func element(
    _ index: Expression, of array: Address, index type: Type, width: Int
  ) throws(EnumerationLimit) -> Address {
    let encoding = type.encoding
    let operand = try value(index)
    let site = FailureSite(
      "index $ is outside \(type.summary): \(text(index.range))", at: index.range)
    switch try checked(operand, of: index, in: encoding, site) {
    case .constant(let raw):
      return Address(bit: array.bit + (raw - encoding.lower) * width, register: array.register)
    case .register(let register):
      let result = allocateRegister()
      let start = array.bit - encoding.lower &* width
      emit(.address, a: result, b: register, c: array.register ?? 0, k: width, j: start)
      return Address(bit: 0, register: result)
    }
  }

  /// Checks that a value lies in a range, as far as its expression does not already say so.
  func checked(
    _ operand: Operand, of expression: Expression, in encoding: Encoding, _ site: FailureSite
  ) throws(EnumerationLimit) -> Operand {
    switch operand {
    case .constant(let raw):
      if encoding.lower <= raw && raw <= encoding.upper { return operand }
      let register = allocateRegister()
      emit(.constant, a: register, k: raw)
      var site = site
      site.register = register
      emit(.fail, site: site)
      // Dead from here on; any value of the range will do.
      return .constant(encoding.lower)
    case .register(let register):
      if isKnown(expression, in: encoding) { return operand }
      var site = site
      site.register = register
      emit(.checkRange, a: register, k: encoding.upper, j: encoding.lower, site: site)
      return operand
    }
  }

  /// Whether every value of the expression lies in the range.
  private func isKnown(_ expression: Expression, in encoding: Encoding) -> Bool {
    guard !expression.containsCall else { return false }
    if let interval = expression.interval {
      return encoding.lower <= interval.lowerBound && interval.upperBound <= encoding.upper
    }
    guard let values = expression.type.rawValues else { return false }
    return encoding.lower <= values.lowerBound && values.upperBound <= encoding.upper
  }

  /// The word and first bit of a field that lies in one known word.
  func staticField(_ address: Address, _ encoding: Encoding) -> (word: Int, shift: Int)? {
    guard address.register == nil, address.bit % 64 + encoding.width <= 64 else { return nil }
    return (address.bit / 64, address.bit % 64)
  }

  /// Reads a simple place; fails if it is undefined.
  func read(_ place: Place) throws(EnumerationLimit) -> Operand {
    if case .local(let local) = place.root, place.path.isEmpty, case .value(let operand)? = activation.bindings[local] {
      return operand
    }
    let address = try address(place)
    return load(address, place.type.encoding, undefined(place))
  }

  /// What reading an undefined place is called.
  func undefined(_ place: Place) -> FailureSite {
    FailureSite("read of undefined value: \(text(place.range))", at: place.range)
  }

  /// Reads a field.
  func load(_ address: Address, _ encoding: Encoding, _ site: FailureSite) -> Operand {
    let result = allocateRegister()
    if let field = staticField(address, encoding) {
      let mask = Int(truncatingIfNeeded: encoding.mask)
      let position = emit(.loadField, a: result, b: field.word, k: encoding.offset, j: mask, site: site)
      code.instructions[position].shift = UInt8(field.shift)
    } else {
      let position = emit(.load, a: result, b: address.register ?? 0, k: encoding.offset, j: address.bit, site: site)
      code.instructions[position].width = UInt8(encoding.width)
    }
    return .register(result)
  }

  /// Writes a value that lies in the field's range.
  func storeUnchecked(_ operand: Operand, at address: Address, _ encoding: Encoding) {
    switch operand {
    case .constant(let raw):
      storeEncoded(encoding.encode(raw), at: address, encoding)
    case .register(let register):
      if let field = staticField(address, encoding) {
        let mask = Int(truncatingIfNeeded: encoding.mask)
        let position = emit(.storeField, a: register, b: field.word, k: encoding.offset, j: mask)
        code.instructions[position].shift = UInt8(field.shift)
      } else {
        let position = emit(.store, a: register, b: address.register ?? 0, k: encoding.offset, j: address.bit)
        code.instructions[position].width = UInt8(encoding.width)
      }
    }
  }

  /// Writes known bits.
  func storeEncoded(_ bits: UInt64, at address: Address, _ encoding: Encoding) {
    if let field = staticField(address, encoding) {
      let shift = UInt64(field.shift)
      emitConstantStore(word: field.word, mask: encoding.mask << shift, bits: bits << shift)
    } else {
      let stored = Int(truncatingIfNeeded: bits)
      let position = emit(.storeEncoded, b: address.register ?? 0, k: stored, j: address.bit)
      code.instructions[position].width = UInt8(encoding.width)
    }
  }

  /// Makes every part undefined.
  func undefine(_ address: Address, width: Int) {
    guard address.register == nil, width <= 512 else {
      emit(.zeroBits, b: address.register ?? 0, k: width, j: address.bit)
      return
    }
    storeBits([UInt64](repeating: 0, count: (width + 63) / 64), at: address.bit, width: width)
  }

  /// Gives every simple part its least value; one of a type without values becomes undefined.
  func clear(_ address: Address, _ type: Type) throws(EnumerationLimit) {
    if type.isSimple {
      storeEncoded(type.hasValues ? 1 : 0, at: address, type.encoding)
      return
    }
    let width = type.width
    var pattern = [UInt64](repeating: 0, count: (width + 63) / 64)
    type.writeLeast(to: &pattern, at: 0)
    if address.register == nil {
      storeBits(pattern, at: address.bit, width: width)
      return
    }
    try releasing { () throws(EnumerationLimit) in
      let template = allocateMemory(type)
      if template.register == nil {
        storeBits(pattern, at: template.bit, width: width)
      } else {
        for (word, bits) in pattern.enumerated() {
          let stored = Int(truncatingIfNeeded: bits)
          let position = emit(.storeEncoded, b: template.register ?? 0, k: stored, j: template.bit + word * 64)
          code.instructions[position].width = 64
        }
      }
      copy(from: template, to: address, width: width)
    }
  }

  /// Copies bits.
  func copy(from source: Address, to target: Address, width: Int) {
    emit(.copyBits, a: register(target), b: register(source), k: width)
  }

  /// Writes known bits to a known address, word by word.
  private func storeBits(_ pattern: [UInt64], at bit: Int, width: Int) {
    var done = 0
    while done < width {
      let (word, shift) = ((bit + done) / 64, (bit + done) % 64)
      let part = min(64 - shift, width - done)
      let bits = BitField(bit: done, width: part).read(pattern)
      let mask: UInt64 = part == 64 ? .max : (1 << UInt64(part)) - 1
      emitConstantStore(word: word, mask: mask << UInt64(shift), bits: bits << UInt64(shift))
      done += part
    }
  }
}

extension Type {
  /// Writes the least value of every simple part.
  func writeLeast(to words: inout [UInt64], at bit: Int) {
    switch self {
    case .boolean, .range, .enumeration, .scalarset, .integer:
      BitField(bit: bit, width: encoding.width).write(hasValues ? 1 : 0, to: &words)
    case .record(let fields):
      for (position, field) in fields.enumerated() {
        field.type.writeLeast(to: &words, at: bit + fieldOffset(position))
      }
    case .array(let index, let element):
      for position in 0..<index.count { element.writeLeast(to: &words, at: bit + position * element.width) }
    }
  }
}
