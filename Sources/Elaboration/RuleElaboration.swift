import Logic
import Murphi
import TransitionSystems

/// Chooses how the copies of one rule are written, and writes them.
struct RuleElaboration: Sendable {
  let model: TypedModel
  let options: ElaborationOptions

  /// The rule's terms: one, with variables for the parameters, or one per copy.
  ///
  /// *Heuristic*: with a choice, the symbolic form is made, and one copy; the smaller of the one and the other times the number of
  /// copies is taken, in nodes, where a transition costs an unrolling a node per updated variable and a few of its own. A rule whose loops end only for known parameters is expanded.
  func terms(
    of rule: Rule, on memory: [Scalar], _ store: inout TermStore
  ) throws(ElaborationError) -> (terms: [RuleTerms], form: RulesetForm) {
    var executor = SymbolicExecutor(model: model, store: store, limits: options.limits)
    store = TermStore()  // The only copy is the executor's for now: no copy on write.
    defer { store = executor.store }
    guard !SymbolicExecutor.quantifiers(rule.enclosures).isEmpty, options.rulesets != .expanded,
      let all = try executor.symbolicCopy(of: rule.enclosures, locals: rule.locals)
    else { return (try expanded(rule, on: memory, &executor), .expanded) }
    let symbolic: RuleTerms
    do throws(ElaborationError) {
      symbolic = try executor.run(rule, all, on: memory)
    } catch {
      executor = SymbolicExecutor(model: model, store: executor.store, limits: options.limits)
      return (try expanded(rule, on: memory, &executor), .expanded)
    }
    if options.rulesets == .symbolic || executor.copyCount(of: all) > options.limits.copies {
      return ([symbolic], .symbolic)
    }
    let copies = try executor.copies(of: rule.enclosures, locals: rule.locals)
    guard let first = copies.first else { return ([symbolic], .symbolic) }
    var trial = executor
    let sample = try trial.run(rule, first, on: memory)
    let estimate = size(of: sample, memory, trial.store) * copies.count
    if size(of: symbolic, memory, executor.store) <= estimate { return ([symbolic], .symbolic) }
    return (try expanded(rule, on: memory, &executor), .expanded)
  }

  /// One by one.
  private func expanded(
    _ rule: Rule, on memory: [Scalar], _ executor: inout SymbolicExecutor
  ) throws(ElaborationError) -> [RuleTerms] {
    var terms: [RuleTerms] = []
    for copy in try executor.copies(of: rule.enclosures, locals: rule.locals, symmetric: options.symmetric) {
      terms.append(try executor.run(rule, copy, on: memory))
    }
    return terms
  }

  /// The number of nodes below a rule's terms, those of the state before aside.
  private func size(of terms: RuleTerms, _ before: [Scalar], _ store: TermStore) -> Int {
    var overhead = 8
    var pending = [terms.guardTerm, terms.dropped]
    pending += terms.guardFailures.map(\.condition) + terms.bodyFailures.map(\.condition)
    for (old, new) in zip(before, terms.memory) where old != new {
      overhead += 1
      pending.append(new.defined)
      switch new.payload {
      case .truth(let term): pending.append(term)
      case .number(let number): pending.append(number.term)
      case .element(let term): pending.append(term)
      }
    }
    var seen = Set(pending)
    while let term = pending.popLast() {
      for operand in store.operands(of: term) where seen.insert(operand).inserted { pending.append(operand) }
    }
    return seen.count + overhead
  }
}
