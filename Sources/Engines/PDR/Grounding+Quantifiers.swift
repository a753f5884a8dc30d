import Logic
import TransitionSystems

/// Quantified conditions after a step.
///
/// Written out, ∃x φ(x) after a step is a disjunction over all elements, and its negation a conjunction: reasons for it would be told
/// element by element, and lemmas made of them say as much about the number of elements as about the protocol. So it is
/// split by what the step can single out: φ after the step at each of the rule's own elements, or at some other element, which
/// is one more quantified condition. For most steps that is φ as it was, for the others.
extension Grounding {
  /// Larger bodies than this are written out: each step would make more of them.
  private static let largestBody = 48

  /// ∃x φ(x) after a rule; nil where it should be written out. Requires: all free variables are bound.
  mutating func quantifier(_ term: Term, after step: RuleInstance, in store: inout TermStore) -> Term? {
    guard step.rule < system.rules.count else { return nil }
    let (variable, body) = opening(of: term, in: &store)
    let sort = store.sort(of: variable)
    var next = nextStates[step.rule] ?? NextState(after: system.rules[step.rule], of: system)
    let later = next.before(body, in: &store)
    nextStates[step.rule] = next
    if store.unboundVariables(of: [later]).contains(where: { store.sort(of: $0) == .boolean }) { return nil }
    let elements = system.rules[step.rule].elements.filter { store.sort(of: $0) == sort }
    let singled = Set(elements.map { element($0) }).sorted()
    var resolving = EqualityResolution(variable: variable, singled: [], places: [:])
    for free in store.unboundVariables(of: [body, later]) where free != variable {
      let place = place(element(free), store.sort(of: free), in: &store)
      resolving.places[free] = place
      resolving.elements[place] = element(free)
    }
    for number in singled {
      let place = place(number, sort, in: &store)
      resolving.singled.insert(place)
      resolving.elements[place] = number
    }
    let elsewhere = resolving.apply(to: later, in: &store)
    if store.subterms(of: [elsewhere]).count > Self.largestBody { return nil }
    let before = resolving.apply(to: body, in: &store)
    var isSame = elsewhere == before
    var parts: [Term] = []
    for number in singled {
      bind(variable, to: number)
      let now = ground(body, in: &store)
      bind(variable, to: number)
      let then = ground(body, after: step, in: &store)
      if now != then { isSame = false }
      parts.append(then)
    }
    if isSame { return ground(term, in: &store) }
    var conditions = [elsewhere]
    for place in resolving.singled.sorted() { conditions.append(store.notEqual(variable, place)) }
    let other = store.and(conditions)
    let rest = store.exists(variable, other)
    parts.append(ground(rest, in: &store))
    return store.or(parts)
  }

  /// The variable that always stands for this element.
  private mutating func place(_ element: Int, _ sort: Sort, in store: inout TermStore) -> Term {
    let place = store.variable("#element \(element) of \(sort)", sort)
    bind(place, to: element)
    return place
  }
}

/// Puts known elements for variables and decides the equations between them.
private struct EqualityResolution {
  /// The variable that is quantified.
  let variable: Term
  /// It is none of these.
  var singled: Set<Term>
  /// By free variable: its element's variable.
  var places: [Term: Term]
  /// By element's variable: its element.
  var elements: [Term: Int] = [:]
  private var results: [Term: Term] = [:]

  init(variable: Term, singled: Set<Term>, places: [Term: Term]) {
    self.variable = variable
    self.singled = singled
    self.places = places
  }

  mutating func apply(to term: Term, in store: inout TermStore) -> Term {
    if let known = results[term] { return known }
    let operands = Array(store.operands(of: term))
    let result: Term
    switch store.operation(of: term) {
    case .variable: result = places[term] ?? term
    case .exists:
      let inner = store.fresh(store.quantifiedSort(of: term))
      let body = apply(to: store.opened(term, with: inner), in: &store)
      result = store.exists(inner, body)
    case _ where operands.isEmpty: result = term
    case _:
      var inputs: [Term] = []
      for operand in operands { inputs.append(apply(to: operand, in: &store)) }
      if store.operation(of: term) == .equal, let truth = truth(inputs[0], inputs[1]) {
        result = store.boolean(truth)
      } else {
        result = inputs == operands ? term : store.rebuild(term, inputs)
      }
    }
    results[term] = result
    return result
  }

  /// Whether two elements are the same; nil where that is open.
  private func truth(_ one: Term, _ other: Term) -> Bool? {
    if one == other { return true }
    if one == variable && singled.contains(other) || other == variable && singled.contains(one) { return false }
    guard let first = elements[one], let second = elements[other] else { return nil }
    return first == second
  }
}
