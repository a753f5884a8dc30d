import Diagnostics
import Murphi

/// Turns checked bodies into flat code, specialising as it goes: whatever is known when a copy of a rule is compiled
/// (its parameters, unrolled loop variables, constant operands) is folded, so that most places become static fields.
///
/// The order of evaluation, and with it which error comes first, is the language reference's. Folding never drops an
/// operand that could fail.
///
/// Locals lie in memory behind the state, like the state (a reference is a bit address in either); quantifiers, aliases of
/// values and by-value arguments that cannot be undefined are registers or known constants instead. Functions are inlined
/// unless they are recursive or long; those get code of their own, with locals on a stack.
final class Compiler {
  /// A simple value: known now, or in a register.
  enum Operand: Hashable {
    case constant(Int)
    case register(Int)
  }

  /// A bit address: a known part, and a register to add to it.
  struct Address: Hashable {
    var bit: Int
    var register: Int?
  }

  /// What a local stands for.
  enum Binding {
    case value(Operand)
    case memory(Address)
  }

  /// What `return` does.
  enum Returning {
    /// A rule or start state: the run ends.
    case finishes
    /// An inlined function: to its end, the value (if any) in a register or at an address.
    case inlined(end: Label, result: Binding?)
    /// A called function: back, the simple value in register 1, others copied to the address in register 1.
    case called(Type?)
  }

  /// The body being compiled.
  struct Activation {
    var locals: [Local]
    /// By local; nil until bound.
    var bindings: [Binding?]
    var returning: Returning
  }

  /// A place in the code that jumps name before it is known.
  struct Label {
    let number: Int
  }

  let model: TypedModel
  let layout: Layout
  let weights: Weights
  var code = Code()
  var activation = Activation(locals: [], bindings: [], returning: .finishes)
  /// The next free register and the next free word of locals.
  var nextRegister = 1
  var nextWord = 0
  /// Where locals lie: a register in called functions, else right behind the state.
  var frame: Address
  /// Which property's implications are being marked, if any.
  var marking: Int?
  /// Calls so far of functions with code of their own, by instruction; their targets come last.
  var pendingCalls: [(instruction: Int, function: Int)] = []

  /// Code positions by label, and which instructions jump to labels.
  private var labels: [Int] = []
  private var jumps: [Int] = []
  /// The position after which nothing may be merged.
  private var barrier = 0

  init(model: TypedModel, layout: Layout, weights: Weights) {
    self.model = model
    self.layout = layout
    self.weights = weights
    frame = Address(bit: layout.words * 64, register: nil)
  }

  // Emitting.

  /// Appends an instruction; a site if it can fail. Returns its position.
  @discardableResult
  func emit(
    _ operation: Operation, a: Int = 0, b: Int = 0, c: Int = 0, k: Int = 0, j: Int = 0, site: FailureSite? = nil
  ) -> Int {
    let position = code.instructions.count
    if let site { code.sites[position] = site }
    code.instructions.append(
      Instruction(operation: operation, a: Int32(a), b: Int32(b), c: Int32(c), k: k, j: j))
    return position
  }

  /// Appends a jump.
  func emitJump(
    _ operation: Operation, a: Int = 0, b: Int = 0, k: Int = 0, j: Int = 0, to label: Label, site: FailureSite? = nil
  ) {
    jumps.append(emit(operation, a: a, b: b, c: label.number, k: k, j: j, site: site))
  }

  /// Appends the end of the run.
  func finish(_ outcome: Outcome) { emit(.finish, k: outcome.rawValue) }

  /// A label that is placed later.
  func makeLabel() -> Label {
    labels.append(-1)
    return Label(number: labels.count - 1)
  }

  /// The label stands for the next instruction.
  func place(_ label: Label) {
    labels[label.number] = code.instructions.count
    barrier = code.instructions.count
  }

  /// A register that is free until `releasing` ends.
  func allocateRegister() -> Int {
    defer { nextRegister += 1 }
    code.registers = max(code.registers, nextRegister + 1)
    return nextRegister
  }

  /// Memory for a value of this type, free until `releasing` ends. Begins a word.
  func allocateMemory(_ type: Type) -> Address {
    var address = frame
    address.bit += nextWord * 64
    nextWord += (type.width + 63) / 64
    code.frameWords = max(code.frameWords, nextWord)
    return address
  }

  /// Runs a part whose registers and memory are free afterwards.
  func releasing<Result>(_ part: () throws(EnumerationLimit) -> Result) throws(EnumerationLimit) -> Result {
    let (register, word) = (nextRegister, nextWord)
    defer { (nextRegister, nextWord) = (register, word) }
    return try part()
  }

  /// A constant store; merged into the one just before if that is to the same word.
  func emitConstantStore(word: Int, mask: UInt64, bits: UInt64) {
    if let last = code.instructions.indices.last, last >= barrier,
      code.instructions[last].operation == .storeConstant, code.instructions[last].b == Int32(word)
    {
      let before = code.instructions[last]
      code.instructions[last].k = before.k | Int(bitPattern: UInt(mask))
      code.instructions[last].j = before.j & ~Int(bitPattern: UInt(mask)) | Int(bitPattern: UInt(bits))
      return
    }
    emit(.storeConstant, b: word, k: Int(bitPattern: UInt(mask)), j: Int(bitPattern: UInt(bits)))
  }

  // Completing.

  /// Compiles the called functions, then sets all targets. After this the code is complete.
  func complete() throws(EnumerationLimit) {
    let (registers, words) = (code.registers, code.frameWords)
    var entries: [Int: Int] = [:]
    var needs: [Int: (registers: Int, words: Int)] = [:]
    var next = 0
    while next < pendingCalls.count {
      let function = pendingCalls[next].function
      if entries[function] == nil {
        entries[function] = code.instructions.count
        (code.registers, code.frameWords) = (2, 0)
        try compileCalled(function)
        needs[function] = (code.registers, code.frameWords)
      }
      next += 1
    }
    (code.registers, code.frameWords) = (registers, words)
    for call in pendingCalls {
      guard let entry = entries[call.function], let need = needs[call.function] else { continue }
      code.instructions[call.instruction].c = Int32(entry)
      code.instructions[call.instruction].k = need.registers
      code.instructions[call.instruction].j = need.words
    }
    for position in jumps { code.instructions[position].c = Int32(labels[Int(code.instructions[position].c)]) }
    jumps = []
  }

  // Operands.

  /// A register that holds the operand.
  func register(_ operand: Operand) -> Int {
    switch operand {
    case .register(let register): return register
    case .constant(0): return 0
    case .constant(let value):
      let register = allocateRegister()
      emit(.constant, a: register, k: value)
      return register
    }
  }

  /// A register that holds the address.
  func register(_ address: Address) -> Int {
    guard let part = address.register else { return register(.constant(address.bit)) }
    guard address.bit != 0 else { return part }
    let register = allocateRegister()
    emit(.addConstant, a: register, b: part, k: address.bit)
    return register
  }

  /// Puts the operand into a register.
  func move(_ operand: Operand, to register: Int) {
    switch operand {
    case .constant(let value): emit(.constant, a: register, k: value)
    case .register(let source): emit(.move, a: register, b: source)
    }
  }

  /// The text of a part of the model, for messages.
  func text(_ range: SourceRange) -> String { "`" + model.file.text(range) + "`" }
}
