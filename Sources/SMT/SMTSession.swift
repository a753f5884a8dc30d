package import Logic

/// A conversation with Z3: the only owner of a context, its solver and every lowered term. It can be moved, not copied, and frees
/// everything when it ends.
///
/// The session owns the store of the terms it talks about, so that a term of another store cannot be asked about by accident;
/// take the store of a system, give it to the session, and build on `session.store`.
///
/// What misuse would be possible does not compile or has no call: scopes are closures, so they balance; models and cores come
/// with the answer; a check is always bounded, for Z3 loses an interrupt that arrives between checks (see `Interrupter`).
///
/// Assumptions may be any Boolean terms. One that is not a literal gets a name, once: a fresh variable that implies it. Z3 would
/// do the same, but anew in every check.
@safe package struct SMTSession: ~Copyable {
  /// What an unlimited check is limited to, about half an hour's work.
  private static let greatestEffort = UInt32.max

  /// Every term that may be asked about. Only ever add to it.
  package var store: TermStore
  /// How many checks were made.
  package private(set) var checks = 0
  let context: OpaquePointer
  private let solver: OpaquePointer
  private let interrupter: Interrupter
  /// The lowered form of each term, by position.
  var lowered: [OpaquePointer?] = unsafe []
  /// The lowered sorts.
  var sorts: [Sort: OpaquePointer] = unsafe [:]
  /// The lowered functions.
  var functions: [FunctionSymbol: OpaquePointer] = unsafe [:]
  /// The names of assumptions that are not literals; kept, so that none is made twice.
  private var names: [Term: Term] = [:]
  /// By scope: the assumptions whose name means something since then.
  private var named: [Set<Term>] = [[]]
  /// The limit that the solver has at present.
  private var presentEffort: UInt32 = 0

  /// Opens a session over a store's terms.
  package init(
    _ store: TermStore, kind: SolverKind = .simple, interrupter: Interrupter = Interrupter()
  ) throws(SMTError) {
    self.store = store
    self.interrupter = interrupter
    let context = unsafe try Z3Call.makeContext()
    do {
      unsafe solver = try Z3Call.makeSolver(context, kind)
    } catch {
      unsafe Z3Call.deleteContext(context)
      throw error
    }
    unsafe self.context = unsafe context
  }

  deinit {
    unsafe Z3Call.release(context, solver: solver)
    unsafe Z3Call.deleteContext(context)
  }

  /// Z3's version.
  package static var solverVersion: String { Z3Call.version }

  /// From now on (in a scope: until it ends) the term is true.
  package mutating func assert(_ term: Term) throws(SMTError) {
    store.requireBoolean(term)
    let ast = unsafe try lower(term)
    unsafe try Z3Call.assert(context, solver, ast)
  }

  /// Runs the body in a scope: what it asserts is forgotten when it returns or throws.
  package mutating func scoped<Result>(
    _ body: (inout SMTSession) throws(SMTError) -> Result
  ) throws(SMTError) -> Result {
    unsafe try Z3Call.push(context, solver)
    named.append([])
    let result: Result
    do throws(SMTError) {
      result = try body(&self)
    } catch {
      try leaveScope()
      throw error
    }
    try leaveScope()
    return result
  }

  private mutating func leaveScope() throws(SMTError) {
    unsafe try Z3Call.pop(context, solver)
    named.removeLast()
  }

  /// Can the assertions and the assumptions all be true? If so, with which values of the terms to read?
  ///
  /// `effort` bounds the check in Z3's `rlimit` units, reproducibly; 0 means as much as the type holds.
  /// Throws: if Z3 rejects a term. Running out of effort and being interrupted are `unknown`.
  package mutating func check(
    assuming assumptions: [Term] = [], reading terms: [Term] = [], effort: UInt32 = 0
  ) throws(SMTError) -> SMTAnswer {
    var literals: [OpaquePointer?] = unsafe []
    for assumption in assumptions {
      let name = try literal(for: assumption)
      unsafe literals.append(try lower(name))
    }
    try limit(to: effort == 0 ? Self.greatestEffort : effort)
    guard let ticket = unsafe interrupter.start(context) else { return interruptedAnswer() }
    checks += 1
    let answer: Bool?
    do throws(SMTError) {
      unsafe answer = try Z3Call.check(context, solver, assuming: literals)
    } catch {
      interrupter.finish(ticket)
      throw error
    }
    interrupter.finish(ticket)
    switch answer {
    case true?: return .satisfiable(try model(reading: terms))
    case false?: return .unsatisfiable(core: unsafe try core(of: assumptions, literals))
    case nil: return .unknown(try reasonUnknown())
    }
  }

  /// Z3's effort counter, summed over the session; 0 if it does not say.
  package func effortSpent() throws(SMTError) -> UInt64 { unsafe try Z3Call.effortSpent(context, solver) ?? 0 }

  /// A literal that implies the assumption: itself, or its name.
  private mutating func literal(for assumption: Term) throws(SMTError) -> Term {
    store.requireBoolean(assumption)
    let atom = store.operation(of: assumption) == .not ? store.operands(of: assumption).first : assumption
    if let atom, store.operation(of: atom) == .variable { return assumption }
    let name = names[assumption] ?? store.variable("!assume\(assumption.index)", .boolean)
    if named.contains(where: { $0.contains(assumption) }) { return name }
    names[assumption] = name
    let meaning = store.implies(name, assumption)
    try assert(meaning)
    named[named.count - 1].insert(assumption)
    return name
  }

  private mutating func limit(to effort: UInt32) throws(SMTError) {
    guard effort != presentEffort else { return }
    unsafe try Z3Call.set(context, solver, number: "rlimit", to: effort)
    presentEffort = effort
  }

  private func interruptedAnswer() -> SMTAnswer {
    guard let cause = interrupter.cause else { preconditionFailure("a check refused without a cause") }
    return .unknown(.interrupted(cause))
  }

  private func reasonUnknown() throws(SMTError) -> UnknownReason {
    if let cause = interrupter.cause { return .interrupted(cause) }
    let reason = unsafe try Z3Call.reasonUnknown(context, solver)
    // Bit-vectors are decidable, so without an interrupt and without a time-out only the effort limit ends a check. Each solver
    // has its own word for that.
    let isEffort = reason == "unknown" || reason.contains("canceled") || reason.contains("resource limit")
    return isEffort ? .effort : .solver(reason)
  }

  private mutating func model(reading terms: [Term]) throws(SMTError) -> SMTModel {
    if terms.isEmpty { return .empty }
    let model = unsafe try Z3Call.model(context, solver)
    defer { unsafe Z3Call.release(context, model: model) }
    var values: [Term: TermValue] = [:]
    for term in terms {
      let ast = unsafe try lower(term)
      values[term] = unsafe try Z3Call.value(context, model, ast, store.sort(of: term))
    }
    return SMTModel(values)
  }

  private func core(of assumptions: [Term], _ literals: [OpaquePointer?]) throws(SMTError) -> [Term] {
    if assumptions.isEmpty { return [] }
    let used = unsafe Set(try Z3Call.unsatCore(context, solver))
    var core: [Term] = []
    for unsafe(assumption, literal) in unsafe zip(assumptions, literals) {
      if let literal = unsafe literal, unsafe used.contains(literal) { core.append(assumption) }
    }
    return core
  }
}

extension TermStore {
  /// Stops the program when the term is not Boolean.
  fileprivate func requireBoolean(_ term: Term) {
    precondition(sort(of: term) == .boolean, "only Boolean terms can be asserted or assumed")
  }
}
