/// Every term that was built, once (hash-consing), with its sort.
///
/// A term is built by a method of this store that checks sorts (a mismatch is our bug and stops the program) and applies local
/// rewrites, each of which keeps the value under every assignment (`TermStore+Simplification`, listed there). A store is a value:
/// copy it, and the copy's later terms do not disturb the original; freeze it by `let`, and it is plain data for every task.
///
/// The order in which terms are built alone decides their numbers: no seed, no address, no hash order of the standard library.
///
/// Why not trees of enum cases: an unrolling shares almost everything, and equality must be one comparison of numbers.
package struct TermStore: Sendable {
  /// Whether the builders rewrite.
  package enum Rewriting: Hashable, Sendable {
    /// Constants, neutral elements, double negations and the like disappear as terms are built.
    case local
    /// Terms are stored as asked for; only tests of the rewrites want that.
    case off
  }

  /// A node, 16 bytes.
  struct Node {
    let operation: Operator
    /// 0 for Boolean terms, a bit-vector's width, or 129 and more for an uninterpreted sort.
    let width: UInt8
    /// The constant's, variable's or function's number, or the lowest bit of an extraction.
    let payload: UInt32
    /// Where its operands begin in `operandPool`.
    let start: UInt32
    let count: UInt32
  }

  /// Whether the builders rewrite.
  package let rewriting: Rewriting
  var nodes: [Node] = []
  var operandPool: [Term] = []
  /// The patterns of constants; 0 and 1 are false and true.
  private var constants: [UInt128] = []
  private var constantNumbers: [UInt128: UInt32] = [:]
  private var variableNames: [String] = []
  private var variableTerms: [Term] = []
  private var variableNumbers: [String: UInt32] = [:]
  var functionNames: [String] = []
  var signatures: [Signature] = []
  var functionNumbers: [String: UInt32] = [:]
  /// By term: one more than the greatest number of quantifiers within each other in it; 0 where there is none.
  var binderHeights: [UInt8] = []
  /// How many variables were made by `fresh`.
  var freshVariables = 0
  /// Open addressing: a node's number plus one, or 0; a power of two long, at most half full.
  private var table = [UInt32](repeating: 0, count: 64)

  /// An empty store.
  package init(rewriting: Rewriting = .local) { self.rewriting = rewriting }

  /// How many terms there are; every `Term` of this store has a smaller index.
  package var count: Int { nodes.count }

  // What a term is.

  /// The term's sort.
  package func sort(of term: Term) -> Sort {
    let width = Int(nodes[Int(term.index)].width)
    if width > Sort.maximumWidth { return .uninterpreted(width - Sort.maximumWidth - 1) }
    return width == 0 ? .boolean : .bitVector(width: width)
  }

  /// The term's width. Requires: a bit-vector.
  package func width(of term: Term) -> Int {
    let width = Int(nodes[Int(term.index)].width)
    precondition((1...Sort.maximumWidth).contains(width), "a bit-vector was expected, found \(sort(of: term))")
    return width
  }

  /// What the term's node does.
  package func operation(of term: Term) -> Operator { nodes[Int(term.index)].operation }

  /// The term's operands, in order. Variables and constants have none.
  package func operands(of term: Term) -> ArraySlice<Term> {
    let node = nodes[Int(term.index)]
    return operandPool[Int(node.start)..<Int(node.start + node.count)]
  }

  /// The lowest bit that an extraction takes. Requires: `operation(of:)` is `extract`.
  package func lowestBit(of term: Term) -> Int {
    precondition(operation(of: term) == .extract, "only an extraction has a lowest bit")
    return Int(nodes[Int(term.index)].payload)
  }

  /// The value of a constant; nil for any other term.
  package func constant(_ term: Term) -> TermValue? {
    let node = nodes[Int(term.index)]
    guard node.operation == .constant else { return nil }
    let pattern = constants[Int(node.payload)]
    return node.width == 0 ? .boolean(pattern != 0) : .bits(pattern, width: Int(node.width))
  }

  /// The name of a variable; nil for any other term.
  package func name(_ term: Term) -> String? {
    let node = nodes[Int(term.index)]
    return node.operation == .variable ? variableNames[Int(node.payload)] : nil
  }

  /// Every variable, in the order of their making.
  package var variables: [Term] { variableTerms }

  // Leaves.

  /// The variable of this name, made if there is none.
  ///
  /// Requires: every use of a name has the same sort.
  package mutating func variable(_ name: String, _ sort: Sort) -> Term {
    if let number = variableNumbers[name] {
      let term = variableTerms[Int(number)]
      precondition(self.sort(of: term) == sort, "variable \(name) exists with another sort")
      return term
    }
    let number = UInt32(variableNames.count)
    variableNumbers[name] = number
    variableNames.append(name)
    let term = intern(.variable, sort, payload: number, [])
    variableTerms.append(term)
    return term
  }

  /// Whether a variable of this name exists already.
  package func hasVariable(_ name: String) -> Bool { variableNumbers[name] != nil }

  /// True or false.
  package mutating func boolean(_ value: Bool) -> Term {
    intern(.constant, .boolean, payload: number(ofConstant: value ? 1 : 0), [])
  }

  /// A pattern of a width. Requires: the pattern fits.
  package mutating func bits(_ pattern: UInt128, width: Int) -> Term {
    precondition(pattern & ~BitPattern.mask(width) == 0, "the pattern does not fit \(width) bits")
    return intern(.constant, .bitVector(width: width), payload: number(ofConstant: pattern), [])
  }

  /// A number in two's complement. Requires: it fits the width, read with or without sign.
  package mutating func integer(_ number: Int, width: Int) -> Term {
    let wide = Int128(number)
    precondition(
      width >= 65 || (wide >= -(Int128(1) << Int128(width - 1)) && wide < Int128(1) << Int128(width)),
      "\(number) does not fit \(width) bits")
    return bits(BitPattern.pattern(wide, width: width), width: width)
  }

  /// A constant.
  package mutating func constant(_ value: TermValue) -> Term {
    switch value {
    case .boolean(let truth): boolean(truth)
    case .bits(let pattern, let width): bits(pattern, width: width)
    case .element: preconditionFailure("an element is no constant of the term language")
    }
  }

  /// The number of a pattern in the table of constants.
  private mutating func number(ofConstant pattern: UInt128) -> UInt32 {
    if let number = constantNumbers[pattern] { return number }
    let number = UInt32(constants.count)
    constants.append(pattern)
    constantNumbers[pattern] = number
    return number
  }

  // Hash-consing.

  /// The one node of this form, made if there is none. Sorts were checked and rewrites applied by the caller.
  mutating func intern(_ operation: Operator, _ sort: Sort, payload: UInt32 = 0, _ operands: [Term]) -> Term {
    let width = encodedWidth(sort)
    var slot = Self.hash(operation, width, payload, operands) & (table.count - 1)
    while table[slot] != 0 {
      let candidate = table[slot] - 1
      if matches(candidate, operation, width, payload, operands) { return Term(index: candidate) }
      slot = (slot + 1) & (table.count - 1)
    }
    let index = UInt32(nodes.count)
    precondition(index < UInt32.max - 1, "more terms than a 32-bit number can count")
    nodes.append(
      Node(
        operation: operation, width: width, payload: payload, start: UInt32(operandPool.count),
        count: UInt32(operands.count)))
    operandPool.append(contentsOf: operands)
    let height = operands.reduce(UInt8(0)) { max($0, binderHeights[Int($1.index)]) }
    binderHeights.append(operation == .exists ? height + 1 : height)
    table[slot] = index + 1
    if nodes.count * 2 > table.count { grow() }
    return Term(index: index)
  }

  /// A sort in a byte.
  private func encodedWidth(_ sort: Sort) -> UInt8 {
    switch sort {
    case .boolean: return 0
    case .bitVector(let width):
      precondition((1...Sort.maximumWidth).contains(width), "a bit-vector of \(width) bits")
      return UInt8(width)
    case .uninterpreted(let number):
      precondition((0..<Sort.uninterpretedSorts).contains(number), "uninterpreted sort \(number)")
      return UInt8(Sort.maximumWidth + 1 + number)
    }
  }

  /// Whether a stored node has this form.
  private func matches(
    _ candidate: UInt32, _ operation: Operator, _ width: UInt8, _ payload: UInt32, _ operands: [Term]
  ) -> Bool {
    let node = nodes[Int(candidate)]
    guard
      node.operation == operation, node.width == width, node.payload == payload, Int(node.count) == operands.count
    else { return false }
    let start = Int(node.start)
    for position in operands.indices where operandPool[start + position] != operands[position] { return false }
    return true
  }

  /// Doubles the table.
  private mutating func grow() {
    var larger = [UInt32](repeating: 0, count: table.count * 2)
    for (index, node) in nodes.enumerated() {
      let operands = operandPool[Int(node.start)..<Int(node.start + node.count)]
      var slot = Self.hash(node.operation, node.width, node.payload, operands) & (larger.count - 1)
      while larger[slot] != 0 { slot = (slot + 1) & (larger.count - 1) }
      larger[slot] = UInt32(index) + 1
    }
    table = larger
  }

  /// A fixed mixing function: the same in every process.
  private static func hash(
    _ operation: Operator, _ width: UInt8, _ payload: UInt32, _ operands: some Sequence<Term>
  ) -> Int {
    var state = UInt64(operation.rawValue) << 40 ^ UInt64(width) << 32 ^ UInt64(payload)
    state &*= 0x9E37_79B9_7F4A_7C15
    for operand in operands {
      state = (state ^ state >> 29 ^ UInt64(operand.index)) &* 0xBF58_476D_1CE4_E5B9
    }
    return Int(truncatingIfNeeded: (state ^ state >> 32) & 0x7FFF_FFFF)
  }
}
