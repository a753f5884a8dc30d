import Diagnostics
import Logic
import Murphi
import TransitionSystems

/// Loops and quantifiers over a scalarset whose size is left open: one pass stands for all of them.
///
/// The body is executed once, for an element of which nothing is known. What all passes together do is then read off, provided that
/// their order does not matter, which is decided on the places that are read and written:
/// - a leaf whose every access within the body has the element at one argument position belongs to one pass each, and is afterwards what
///   the pass of that argument made of it;
/// - a leaf that is never read and always written with one value, the same in all passes, has that value where some pass writes it;
/// - a body that writes nothing may return, with one value, where some pass returns.
///
/// Everything else is refused as asymmetric, and the scalarset gets its size back: that is the static check on which symmetry
/// rests. Failures within are those of some pass.
///
/// Source: Ip, Dill, "Better verification through symmetry" (1996), the conditions on `for` over a scalarset.
struct LoopEffects: Sendable {
  /// A leaf, and the arguments of the place; fewer than the leaf's where a whole array is meant.
  struct Access: Hashable, Sendable {
    let leaf: Int
    let arguments: [Term]
  }
  /// What is written to an access's place, and when; over the loop's element and those of inner loops.
  struct Write: Sendable {
    let access: Access
    let condition: Term
    let value: Scalar
  }
  /// What stands for the element of the pass.
  let element: Term
  /// Elements of inner loops that have ended.
  var inner: [Term] = []
  /// Leaves from here on belong to calls and are new in every pass.
  let end: Int
  var reads: [Access] = []
  var writes: [Write] = []
}

/// A scalarset whose size is left open.
struct OpenDomain: Hashable, Sendable {
  /// The number of its uninterpreted sort.
  let sort: Int
  /// `ScalarsetType.declaration`.
  let declaration: Int
}

extension SymbolicExecutor {
  /// Records a read for the loops around it.
  mutating func noteReads(of place: ResolvedPlace, leaves: Int) {
    guard let last = effects.indices.last else { return }
    for candidate in place.candidates {
      for leaf in candidate.base..<candidate.base + leaves where leaf < effects[last].end {
        effects[last].reads.append(LoopEffects.Access(leaf: leaf, arguments: candidate.arguments))
      }
    }
  }

  /// Records a write for the loops around it.
  mutating func noteWrite(of value: Scalar, to candidate: ResolvedPlace.Candidate, offset: Int) {
    guard let last = effects.indices.last, candidate.base + offset < effects[last].end else { return }
    let access = LoopEffects.Access(leaf: candidate.base + offset, arguments: candidate.arguments)
    let condition = store.and([frame.context, state.path, isMeant(candidate)])
    effects[last].writes.append(LoopEffects.Write(access: access, condition: condition, value: value))
  }

  /// All passes of a loop, or all instances of a quantified expression.
  mutating func pass(
    _ quantifier: Quantifier, over domain: OpenDomain, _ body: LoopBody, _ undecided: inout Term
  ) throws(ElaborationError) {
    switch body {
    case .statements(let statements): try run(statements, forAll: quantifier, over: domain)
    case .quantified(let kind, let expression):
      let decided = try someInstance(of: quantifier, over: domain) { executor throws(ElaborationError) in
        let value = try executor.evaluateTruth(expression)
        return kind == .forall ? executor.store.not(value) : value
      }
      undecided = store.and(undecided, store.not(decided))
    }
  }

  /// Executes something for an element of which nothing is known, and says what it did.
  private mutating func symbolically(
    _ quantifier: Quantifier, over domain: OpenDomain,
    _ body: (inout SymbolicExecutor) throws(ElaborationError) -> Void
  ) throws(ElaborationError) -> LoopEffects {
    let element = store.fresh(.uninterpreted(domain.sort))
    effects.append(LoopEffects(element: element, end: state.memory.count))
    set(quantifier.local, to: [defined(.element(element))])
    let first = endings.count
    try body(&self)
    try generalize(from: first, over: element, domain, at: quantifier.range)
    return effects.removeLast()
  }

  /// Failures of one pass become those of some pass. Requires: their order does not matter.
  private mutating func generalize(
    from first: Int, over element: Term, _ domain: OpenDomain, at range: SourceRange
  ) throws(ElaborationError) {
    let kinds = Set(endings[first...].map { $0.report?.property })
    if kinds.count > 1 { throw refusal(.asymmetric(.failures, declaration: domain.declaration), at: range) }
    for position in endings.indices[first...] {
      let some = store.exists(element, endings[position].condition)
      endings[position] = Ending(report: endings[position].report, condition: some)
    }
  }

  /// Where a condition holds for some element. It changes nothing, and cannot fail: an instance that decides ends the
  /// evaluation, so whether a later one fails would depend on their order.
  mutating func someInstance(
    of quantifier: Quantifier, over domain: OpenDomain,
    _ condition: (inout SymbolicExecutor) throws(ElaborationError) -> Term
  ) throws(ElaborationError) -> Term {
    let before = state
    let failures = endings.count
    var value = store.boolean(false)
    let effect = try symbolically(quantifier, over: domain) { executor throws(ElaborationError) in
      value = try condition(&executor)
    }
    if !effect.writes.isEmpty {
      throw refusal(.asymmetric(.effects, declaration: domain.declaration), at: quantifier.range)
    }
    if endings.count > failures {
      throw refusal(.asymmetric(.failures, declaration: domain.declaration), at: quantifier.range)
    }
    state = before
    pass(on: effect)
    return store.exists(effect.element, value)
  }

  /// A loop's statements, for all elements at once.
  private mutating func run(
    _ statements: [Statement], forAll quantifier: Quantifier, over domain: OpenDomain
  ) throws(ElaborationError) {
    let before = state
    let exits = frame.exits.count
    let failures = endings.count
    let effect = try symbolically(quantifier, over: domain) { executor throws(ElaborationError) in
      try executor.execute(statements)
    }
    let after = state
    state = before
    if frame.exits.count > exits {
      guard effect.writes.isEmpty, endings.count == failures else {
        throw refusal(.asymmetric(.exits, declaration: domain.declaration), at: quantifier.range)
      }
      try leaveEarly(from: exits, effect, domain, at: quantifier.range)
    } else if store.truth(after.path) == false {
      state.path = after.path
    }
    for leaf in Set(effect.writes.map(\.access.leaf)).sorted() {
      state.memory[leaf] = try merged(leaf, effect, after, domain, at: quantifier.range)
    }
    pass(on: effect)
  }

  /// Some pass returns, all with the same value.
  private mutating func leaveEarly(
    from first: Int, _ effect: LoopEffects, _ domain: OpenDomain, at range: SourceRange
  ) throws(ElaborationError) {
    let values = Set(frame.exits[first...].map(\.value))
    guard let value = values.first, values.count == 1, !value.contains(where: { mentions(effect, in: $0) }) else {
      throw refusal(.asymmetric(.exits, declaration: domain.declaration), at: range)
    }
    let paths = frame.exits[first...].map(\.state.path)
    frame.exits.removeSubrange(first...)
    let returns = store.exists(effect.element, store.or(paths))
    var leaving = state
    leaving.path = store.and(state.path, returns)
    frame.exits.append(Frame.Exit(state: leaving, value: value))
    narrow(to: store.not(returns))
  }

  /// What all passes together make of a leaf. Throws: if their order could matter.
  private mutating func merged(
    _ leaf: Int, _ effect: LoopEffects, _ after: SymbolicState, _ domain: OpenDomain, at range: SourceRange
  ) throws(ElaborationError) -> Scalar {
    let writes = effect.writes.filter { $0.access.leaf == leaf }
    let reads = effect.reads.filter { $0.leaf == leaf }
    let accesses = writes.map(\.access.arguments) + reads.map(\.arguments)
    let shortest = accesses.map(\.count).min() ?? 0
    if let position = (0..<shortest).first(where: { place in accesses.allSatisfy { $0[place] == effect.element } }) {
      var substitution = Substitution([effect.element: store.argument(position, sort: domain.sort)])
      return store.replace(in: after.memory[leaf], by: &substitution)
    }
    let values = Set(writes.map { placed($0, effect) })
    guard reads.isEmpty, let value = values.first, values.count == 1, !mentions(effect, in: value) else {
      throw refusal(.asymmetric(.passes, declaration: domain.declaration), at: range)
    }
    var written = store.or(writes.map(\.condition))
    for element in effect.inner + [effect.element] { written = store.exists(element, written) }
    return store.choose(written, value, state.memory[leaf])
  }

  /// What is written, as a function of where: an inner loop's element that is the place's argument is that argument.
  private mutating func placed(_ write: LoopEffects.Write, _ effect: LoopEffects) -> Scalar {
    var replacements: [Term: Term] = [:]
    for (position, argument) in write.access.arguments.enumerated() where effect.inner.contains(argument) {
      guard case .uninterpreted(let sort) = store.sort(of: argument) else { preconditionFailure("no element") }
      replacements[argument] = store.argument(position, sort: sort)
    }
    var substitution = Substitution(replacements)
    return store.replace(in: write.value, by: &substitution)
  }

  /// Whether a value depends on the pass.
  private func mentions(_ effect: LoopEffects, in scalar: Scalar) -> Bool {
    let terms: [Term]
    switch scalar.payload {
    case .truth(let term), .element(let term): terms = [term, scalar.defined]
    case .number(let number): terms = [number.term, scalar.defined]
    }
    return (effect.inner + [effect.element]).contains { element in
      terms.contains { store.occurs(element, in: $0) }
    }
  }

  /// Tells the loop around an ended one what it did.
  private mutating func pass(on effect: LoopEffects) {
    guard let outer = effects.indices.last else { return }
    let end = effects[outer].end
    effects[outer].inner += effect.inner + [effect.element]
    effects[outer].reads += effect.reads.filter { $0.leaf < end }
    effects[outer].writes += effect.writes.filter { $0.access.leaf < end }
  }
}
