/// Terms as SMT-LIB 2 text in the logic QF_BV, for other solvers and for people.
///
/// A part that is used more than once, or whose text grows long, becomes a `define-fun` named `!` and its position; the rest is
/// written in place. The walk follows positions, so that nothing recurses.
package struct SMTLIBPrinter {
  /// A text longer than this gets a name.
  private static let longestInline = 240

  private let store: TermStore
  private var texts: [Term: String] = [:]
  private var uses: [Term: Int] = [:]
  private var output = ""

  /// A whole script: declarations, definitions, an assertion per term, and the question whether all can be true.
  package static func script(asserting terms: [Term], in store: TermStore) -> String {
    var printer = SMTLIBPrinter(store: store)
    printer.output = "(set-logic QF_BV)\n"
    let parts = store.subterms(of: terms)
    for part in parts {
      for operand in store.operands(of: part) { printer.uses[operand, default: 0] += 1 }
    }
    for part in parts { printer.write(part) }
    for term in terms { printer.output += "(assert \(printer.text(of: term)))\n" }
    return printer.output + "(check-sat)\n"
  }

  private init(store: TermStore) { self.store = store }

  /// Makes the text of a term whose operands have theirs.
  private mutating func write(_ term: Term) {
    if let name = store.name(term) {
      texts[term] = "|\(name)|"
      output += "(declare-const |\(name)| \(store.sort(of: term)))\n"
      return
    }
    let text = store.constant(term).map(Self.text) ?? application(term)
    let isShared = uses[term, default: 0] > 1 && !store.operands(of: term).isEmpty
    if isShared || text.utf8.count > Self.longestInline {
      texts[term] = "!\(term.index)"
      output += "(define-fun !\(term.index) () \(store.sort(of: term)) \(text))\n"
    } else {
      texts[term] = text
    }
  }

  /// An operator with its operands.
  private func application(_ term: Term) -> String {
    let operands = store.operands(of: term)
    let inputs = operands.map { text(of: $0) }.joined(separator: " ")
    guard let first = operands.first else { preconditionFailure("an application without operands") }
    return "(\(symbol(of: term, over: first)) \(inputs))"
  }

  private func text(of term: Term) -> String {
    guard let text = texts[term] else { preconditionFailure("an operand without a text") }
    return text
  }

  /// A value.
  package static func text(_ value: TermValue) -> String {
    switch value {
    case .boolean(let truth): truth ? "true" : "false"
    case .bits(let pattern, let width): "(_ bv\(pattern) \(width))"
    }
  }

  /// SMT-LIB's name of a term's operator.
  private func symbol(of term: Term, over first: Term) -> String {
    switch store.operation(of: term) {
    case .constant, .variable: preconditionFailure("leaves have no operator")
    case .not: "not"
    case .and: "and"
    case .or: "or"
    case .equal: "="
    case .ifThenElse: "ite"
    case .negate: "bvneg"
    case .add: "bvadd"
    case .subtract: "bvsub"
    case .multiply: "bvmul"
    case .divideSigned: "bvsdiv"
    case .remainderSigned: "bvsrem"
    case .divideUnsigned: "bvudiv"
    case .remainderUnsigned: "bvurem"
    case .bitNot: "bvnot"
    case .bitAnd: "bvand"
    case .bitOr: "bvor"
    case .bitXor: "bvxor"
    case .shiftLeft: "bvshl"
    case .shiftRightLogical: "bvlshr"
    case .shiftRightArithmetic: "bvashr"
    case .lessUnsigned: "bvult"
    case .lessOrEqualUnsigned: "bvule"
    case .lessSigned: "bvslt"
    case .lessOrEqualSigned: "bvsle"
    case .extract:
      "(_ extract \(store.lowestBit(of: term) + store.width(of: term) - 1) \(store.lowestBit(of: term)))"
    case .concatenate: "concat"
    case .extendUnsigned: "(_ zero_extend \(store.width(of: term) - store.width(of: first)))"
    case .extendSigned: "(_ sign_extend \(store.width(of: term) - store.width(of: first)))"
    }
  }
}
