/// Terms as SMT-LIB 2 text, for other solvers and for people: in the logic QF_BV, in UF where uninterpreted sorts occur, or as
/// clauses in HORN.
///
/// A part that is used more than once, or whose text grows long, becomes a `define-fun` named `!` and its position, with the
/// bound variables that occur in it as parameters (in a clause, whose variables are all bound, a `let` of that name); the rest is
/// written in place. The walk follows positions, so that nothing recurses.
package struct SMTLIBPrinter {
  /// A text longer than this gets a name.
  private static let longestInline = 240

  /// How a part gets a name.
  private enum Naming {
    /// By a definition that every later text may use.
    case definitions
    /// By a `let` within the clause.
    case lets
  }

  private let store: TermStore
  private let sortNames: [String]
  private let naming: Naming
  private var texts: [Term: String] = [:]
  private var uses: [Term: Int] = [:]
  /// The bound variables that are free in a term, by name; nothing where there are none.
  private var open: [Term: Set<Term>] = [:]
  private var output = ""
  /// How many parentheses a clause's `let`s have left open.
  private var openLets = 0

  /// A whole script: declarations, definitions, an assertion per term, and the question whether all can be true.
  ///
  /// `sortNames` names uninterpreted sorts by number; one without a name is `S` and its number.
  package static func script(asserting terms: [Term], in store: TermStore, sortNames: [String] = []) -> String {
    var printer = SMTLIBPrinter(store: store, sortNames: sortNames)
    printer.define(terms)
    printer.assert(terms)
    return printer.output + "(check-sat)\n"
  }

  /// A question of a script: whether all of its terms can be true.
  package struct Question: Sendable {
    package let name: String
    package let terms: [Term]

    package init(_ name: String, _ terms: [Term]) {
      self.name = name
      self.terms = terms
    }
  }

  /// A script of several questions, each by itself: declarations and definitions for all, then per question its name (echoed
  /// before the answer), its assertions and the question whether they can be true.
  package static func script(asking questions: [Question], in store: TermStore, sortNames: [String] = []) -> String {
    var printer = SMTLIBPrinter(store: store, sortNames: sortNames)
    printer.define(questions.flatMap(\.terms))
    for question in questions {
      let name = question.name.replacing("\"", with: "\"\"")
      printer.output += "(echo \"\(name)\")\n(push 1)\n"
      printer.assert(question.terms)
      printer.output += "(check-sat)\n(pop 1)\n"
    }
    return printer.output
  }

  /// A Horn clause: for all values of its variables, if the premise holds (an application of a predicate; none: true) and the
  /// condition, then the conclusion (an application; none: false).
  package struct Clause: Sendable {
    package let name: String
    package let premise: Term?
    package let condition: Term
    package let conclusion: Term?

    package init(_ name: String, premise: Term?, condition: Term, conclusion: Term?) {
      self.name = name
      self.premise = premise
      self.condition = condition
      self.conclusion = conclusion
    }
  }

  /// A script in HORN: the predicates, the clauses, and the question whether some interpretation of the predicates satisfies all.
  package static func script(clauses: [Clause], in store: TermStore) -> String {
    var output = "(set-logic HORN)\n"
    var declared: Set<FunctionSymbol> = []
    for term in clauses.flatMap({ [$0.premise, $0.conclusion] }).compactMap({ $0 }) {
      let predicate = store.function(of: term)
      guard declared.insert(predicate).inserted else { continue }
      let arguments = store.signature(of: predicate).arguments.map(\.description).joined(separator: " ")
      output += "(declare-fun |\(store.name(of: predicate))| (\(arguments)) Bool)\n"
    }
    for clause in clauses {
      var printer = SMTLIBPrinter(store: store, sortNames: [], naming: .lets)
      printer.write(clause)
      output += printer.output
    }
    return output + "(check-sat)\n"
  }

  private mutating func write(_ clause: Clause) {
    let terms = [clause.premise, clause.condition, clause.conclusion].compactMap { $0 }
    let parts = store.subterms(of: terms)
    for part in parts {
      for operand in store.operands(of: part) { uses[operand, default: 0] += 1 }
    }
    let variables = parts.filter { store.name($0) != nil }
      .map { "(|\(store.name($0) ?? "")| \(text(of: store.sort(of: $0))))" }.joined(separator: " ")
    output = "; \(clause.name)\n(assert \(variables.isEmpty ? "" : "(forall (\(variables))\n")"
    for part in parts { write(part) }
    let body = [clause.premise, clause.condition].compactMap { $0 }.map { text(of: $0) }.joined(separator: " ")
    output += "(=> (and \(body)) \(clause.conclusion.map { text(of: $0) } ?? "false"))"
    output += String(repeating: ")", count: openLets + (variables.isEmpty ? 1 : 2)) + "\n"
  }

  /// Everything that terms are made of.
  private mutating func define(_ terms: [Term]) {
    let parts = store.subterms(of: terms)
    for part in parts {
      for operand in store.operands(of: part) { uses[operand, default: 0] += 1 }
    }
    writeHead(parts)
    for part in parts { write(part) }
  }

  private mutating func assert(_ terms: [Term]) {
    for term in terms { output += "(assert \(text(of: term)))\n" }
  }

  private init(store: TermStore, sortNames: [String], naming: Naming = .definitions) {
    self.store = store
    self.sortNames = sortNames
    self.naming = naming
  }

  /// The logic, the sorts and the functions.
  private mutating func writeHead(_ parts: [Term]) {
    var sorts: Set<Int> = []
    var functions: Set<FunctionSymbol> = []
    for part in parts {
      if case .uninterpreted(let number) = store.sort(of: part) { sorts.insert(number) }
      if store.operation(of: part) == .apply { functions.insert(store.function(of: part)) }
    }
    output = "(set-logic \(sorts.isEmpty && functions.isEmpty ? "QF_BV" : "UF"))\n"
    for sort in sorts.sorted() { output += "(declare-sort \(text(of: Sort.uninterpreted(sort))) 0)\n" }
    for function in functions.sorted() {
      let signature = store.signature(of: function)
      let arguments = signature.arguments.map { text(of: $0) }.joined(separator: " ")
      output += "(declare-fun |\(store.name(of: function))| (\(arguments)) \(text(of: signature.result)))\n"
    }
  }

  /// Makes the text of a term whose operands have theirs.
  private mutating func write(_ term: Term) {
    if let name = store.name(term) {
      texts[term] = "|\(name)|"
      if name.hasPrefix("?") {
        open[term] = [term]
      } else {
        if naming == .definitions { output += "(declare-const |\(name)| \(text(of: store.sort(of: term))))\n" }
      }
      return
    }
    noteOpen(term)
    let text = store.constant(term).map(Self.text) ?? application(term)
    if naming == .lets, store.operation(of: term) == .apply {
      texts[term] = text
      return
    }
    let isShared = uses[term, default: 0] > 1 && !store.operands(of: term).isEmpty
    if isShared || text.utf8.count > Self.longestInline {
      define(term, text)
    } else {
      texts[term] = text
    }
  }

  /// Gives a text a name.
  private mutating func define(_ term: Term, _ text: String) {
    if naming == .lets {
      texts[term] = "!\(term.index)"
      output += "(let ((!\(term.index) \(text)))\n"
      openLets += 1
      return
    }
    let variables = (open[term] ?? []).sorted()
    let parameters = variables.map { "(\(self.text(of: $0)) \(self.text(of: store.sort(of: $0))))" }
    let arguments = variables.map { " " + self.text(of: $0) }.joined()
    texts[term] = variables.isEmpty ? "!\(term.index)" : "(!\(term.index)\(arguments))"
    let head = "(define-fun !\(term.index) (\(parameters.joined(separator: " ")))"
    output += "\(head) \(self.text(of: store.sort(of: term))) \(text))\n"
  }

  /// Which bound variables are free in a term whose operands are known.
  private mutating func noteOpen(_ term: Term) {
    var variables: Set<Term> = []
    for operand in store.operands(of: term) { variables.formUnion(open[operand] ?? []) }
    if store.operation(of: term) == .exists, let bound = store.operands(of: term).first { variables.remove(bound) }
    if !variables.isEmpty { open[term] = variables }
  }

  /// An operator with its operands.
  private func application(_ term: Term) -> String {
    let operands = store.operands(of: term)
    if store.operation(of: term) == .exists, let bound = operands.first, let body = operands.last {
      return "(exists ((\(text(of: bound)) \(text(of: store.sort(of: bound))))) \(text(of: body)))"
    }
    let inputs = operands.map { text(of: $0) }.joined(separator: " ")
    if store.operation(of: term) == .apply {
      let name = "|\(store.name(of: store.function(of: term)))|"
      return operands.isEmpty ? name : "(\(name) \(inputs))"
    }
    guard let first = operands.first else { preconditionFailure("an application without operands") }
    return "(\(symbol(of: term, over: first)) \(inputs))"
  }

  private func text(of term: Term) -> String {
    guard let text = texts[term] else { preconditionFailure("an operand without a text") }
    return text
  }

  private func text(of sort: Sort) -> String {
    if case .uninterpreted(let number) = sort, number < sortNames.count { return "|\(sortNames[number])|" }
    return sort.description
  }

  /// A value. Requires: no element of an uninterpreted sort.
  package static func text(_ value: TermValue) -> String {
    switch value {
    case .boolean(let truth): truth ? "true" : "false"
    case .bits(let pattern, let width): "(_ bv\(pattern) \(width))"
    case .element: preconditionFailure("an element of an uninterpreted sort has no text")
    }
  }

  /// SMT-LIB's name of a term's operator.
  private func symbol(of term: Term, over first: Term) -> String {
    switch store.operation(of: term) {
    case .constant, .variable, .none, .apply, .exists: preconditionFailure("no operator of SMT-LIB")
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
