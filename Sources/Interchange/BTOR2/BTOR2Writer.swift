import Logic

/// Writes BTOR2 lines; a term's line comes before the first line that uses it.
struct BTOR2Writer {
  private(set) var text = ""
  private let store: TermStore
  private var last = 0
  /// The line of each sort by width, of each constant and of each term.
  private var sorts: [Int: Int] = [:]
  private var constants: [TermValue: Int] = [:]
  private var lines: [Term: Int] = [:]

  init(store: TermStore) { self.store = store }

  mutating func comment(_ words: String) {
    text += "; " + String(words.map { $0.isNewline ? " " : $0 }) + "\n"
  }

  /// Writes the constant of a reset: BTOR2 wants it before its state.
  mutating func prepare(reset: TermValue) { _ = constant(reset) }

  /// `input` or `state`.
  mutating func declare(_ variable: Term, _ keyword: String) {
    let sort = line(ofSort: store.sort(of: variable))
    lines[variable] = add("\(keyword) \(sort) \(Self.symbol(store.name(variable) ?? "?"))")
  }

  mutating func initialise(_ register: SynchronousSystem.Register) {
    let sort = line(ofSort: store.sort(of: register.term))
    let value = constant(register.reset)
    _ = add("init \(sort) \(known(register.term)) \(value)")
  }

  mutating func update(_ register: SynchronousSystem.Register) {
    let sort = line(ofSort: store.sort(of: register.term))
    let next = line(of: register.next)
    _ = add("next \(sort) \(known(register.term)) \(next)")
  }

  mutating func bad(_ bad: SynchronousSystem.Bad, named name: String) {
    let line = line(of: bad.term)
    _ = add("bad \(line) \(Self.symbol(name))")
  }

  /// Adds a line. Returns: its number.
  private mutating func add(_ content: String) -> Int {
    last += 1
    text += "\(last) \(content)\n"
    return last
  }

  /// Visible characters of ASCII without blank and semicolon.
  private static func symbol(_ name: String) -> String {
    var result = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case " ": result += "_"
      case ";": result += ","
      case "!"..."~": result.unicodeScalars.append(scalar)
      case _: result += "?"
      }
    }
    return result
  }

  private mutating func line(ofSort sort: Sort) -> Int {
    let width = BitBlaster.width(sort)
    if let known = sorts[width] { return known }
    let line = add("sort bitvec \(width)")
    sorts[width] = line
    return line
  }

  private mutating func constant(_ value: TermValue) -> Int {
    let width = BitBlaster.width(value.sort)
    let pattern = TermValue.bits(value.unsigned, width: width)
    if let known = constants[pattern] { return known }
    let sort = line(ofSort: value.sort)
    let digits = String(value.unsigned, radix: 2)
    let line = add("const \(sort) " + String(repeating: "0", count: width - digits.utf8.count) + digits)
    constants[pattern] = line
    return line
  }

  private func known(_ term: Term) -> Int {
    guard let line = lines[term] else { preconditionFailure("variable \(store.name(term) ?? "?") was not declared") }
    return line
  }

  /// The line of a term, with the lines that it needs before it. Requires: its variables are declared.
  private mutating func line(of term: Term) -> Int {
    var pending = [term]
    while let current = pending.last {
      if lines[current] != nil {
        pending.removeLast()
        continue
      }
      let missing = store.operands(of: current).filter { lines[$0] == nil }
      if missing.isEmpty {
        lines[current] = write(current)
        pending.removeLast()
      } else {
        pending.append(contentsOf: missing)
      }
    }
    return known(term)
  }

  /// A term whose operands have lines.
  private mutating func write(_ term: Term) -> Int {
    if let value = store.constant(term) { return constant(value) }
    let sort = line(ofSort: store.sort(of: term))
    let operands = store.operands(of: term).map { known($0) }
    let operation = store.operation(of: term)
    let name = Self.name(of: operation)
    switch operation {
    case .and, .or:
      return operands.dropFirst().reduce(operands[0]) { line, next in add("\(name) \(sort) \(line) \(next)") }
    case .extract:
      let lowest = store.lowestBit(of: term)
      return add("\(name) \(sort) \(operands[0]) \(lowest + store.width(of: term) - 1) \(lowest)")
    case .extendUnsigned, .extendSigned:
      let inner = store.operands(of: term).first.map { store.width(of: $0) } ?? 0
      return add("\(name) \(sort) \(operands[0]) \(store.width(of: term) - inner)")
    case .constant, .variable, .not, .equal, .ifThenElse, .negate, .add, .subtract, .multiply, .divideSigned,
      .remainderSigned, .divideUnsigned, .remainderUnsigned, .bitNot, .bitAnd, .bitOr, .bitXor, .shiftLeft,
      .shiftRightLogical, .shiftRightArithmetic, .lessUnsigned, .lessOrEqualUnsigned, .lessSigned, .lessOrEqualSigned,
      .concatenate, .apply, .exists, .none:
      return add("\(name) \(sort) " + operands.map { "\($0)" }.joined(separator: " "))
    }
  }

  /// BTOR2's name of an operator.
  private static func name(of operation: Operator) -> String {
    switch operation {
    case .constant, .variable, .apply, .exists, .none: preconditionFailure("no operator of BTOR2: \(operation)")
    case .not, .bitNot: "not"
    case .and, .bitAnd: "and"
    case .or, .bitOr: "or"
    case .bitXor: "xor"
    case .equal: "eq"
    case .ifThenElse: "ite"
    case .negate: "neg"
    case .add: "add"
    case .subtract: "sub"
    case .multiply: "mul"
    case .divideSigned: "sdiv"
    case .remainderSigned: "srem"
    case .divideUnsigned: "udiv"
    case .remainderUnsigned: "urem"
    case .shiftLeft: "sll"
    case .shiftRightLogical: "srl"
    case .shiftRightArithmetic: "sra"
    case .lessUnsigned: "ult"
    case .lessOrEqualUnsigned: "ulte"
    case .lessSigned: "slt"
    case .lessOrEqualSigned: "slte"
    case .extract: "slice"
    case .concatenate: "concat"
    case .extendUnsigned: "uext"
    case .extendSigned: "sext"
    }
  }
}
