import Logic
import SMT
import TransitionSystems

/// From one unreachable cube to as many unreachable states as the frame allows (Bradley, 2011; Een, Mishchenko, Brayton, 2011).
///
/// - Quantified conditions that the cube can do without go first: a lemma about its own elements says more.
/// - Literals that no unsatisfiable core needed are gone already.
/// - The frame is the last one in which the cube is unreachable, not the one that was asked about: what is inductive there is less
///   likely to be a statement about the first few transitions only.
/// - Each literal is left out if the rest is still inductive, contains no start state, and holds no state that is known to be
///   reachable (`ReachableSample`), at these sizes or at larger ones. If what it says of every element, said of all, keeps
///   such states out, then that is added (`Folding`). The order is a *heuristic*: those of rare relations first, because what many lemmas
///   speak of tends to matter.
/// - A place that holds one of several values is then widened: of "it holds none of the other values", which is the same, values
///   are left out one by one. Lemmas become fewer and speak of sets of values, as people do. Elements are not
///   widened: they are interchangeable, so a lemma about one speaks of all.
extension FrameQueries {
  /// Places with more values than this are not widened.
  private static let mostWidened = 20

  /// What generalizing came to.
  enum Generalization {
    case cube(Cube)
    case stopped(UnknownReason)
  }

  /// A larger cube that is inductive relative to the frame and contains no start state.
  ///
  /// Requires: the cube is, for the reasons `cores`.
  mutating func generalize(
    _ given: Cube, _ cores: Cores, relativeTo level: Int
  ) throws(SMTError) -> Generalization {
    var cores = cores
    let cube: Cube
    switch try withoutQuantifiers(isKnownReachable(given) ? folded(given) : given, relativeTo: level, &cores) {
    case .stopped(let reason): return .stopped(reason)
    case .cube(let larger): cube = larger
    }
    switch try restrict(cube, to: cores.needed) {
    case .stopped(let reason): return .stopped(reason)
    case .cube(let smaller):
      switch try dropLiterals(smaller, relativeTo: level, &cores) {
      case .stopped(let reason): return .stopped(reason)
      case .cube(let dropped): return try widen(dropped, relativeTo: level, &cores)
      }
    }
  }

  /// The cube without the quantified conditions that it can do without: what remains says the same of its own elements.
  private mutating func withoutQuantifiers(
    _ cube: Cube, relativeTo level: Int, _ cores: inout Cores
  ) throws(SMTError) -> Generalization {
    var current = cube
    for literal in cube.literals where isQuantified(literal) {
      let fewer = current.dropping(literal)
      if fewer.literals.isEmpty || isKnownReachable(fewer) { continue }
      switch try startExclusion(of: fewer) {
      case .stopped(let reason): return .stopped(reason)
      case .contained: continue
      case .excluded: break
      }
      switch try isInductive(fewer, relativeTo: level, knowing: cores) {
      case .stopped(let reason): return .stopped(reason)
      case .predecessor: continue
      case .inductive(let found): (current, cores) = (fewer, found)
      }
    }
    return .cube(current)
  }

  private func isQuantified(_ literal: Literal) -> Bool {
    if case .derived = grounding.relation(literal.atom).kind { true } else { false }
  }

  /// The cube with these literals, and with those that keep start states out.
  private mutating func restrict(_ cube: Cube, to needed: Set<Literal>) throws(SMTError) -> Generalization {
    let kept = separated(Cube(needed), within: cube)
    switch try startExclusion(of: kept) {
    case .stopped(let reason): return .stopped(reason)
    case .excluded: return .cube(kept)
    case .contained: break
    }
    switch try startExclusion(of: cube) {
    case .stopped(let reason): return .stopped(reason)
    case .excluded(let literals): return .cube(Cube(kept.literals + literals))
    case .contained: preconditionFailure("a cube to be blocked contains a start state")
    }
  }

  /// The smaller cube, with what it says of all elements if that is enough, else with literals of the larger one, until it holds no state that is known to be reachable.
  ///
  /// *Heuristic*: the first that helps; if none does alone, the whole.
  private mutating func separated(_ smaller: Cube, within larger: Cube) -> Cube {
    if !isKnownReachable(smaller) { return smaller }
    let whole = folded(smaller)
    let base = isKnownReachable(whole) ? larger : whole
    if isKnownReachable(base) { return smaller }
    var kept = base
    for literal in dropOrder(base) where !smaller.literals.contains(literal) {
      let fewer = kept.dropping(literal)
      if !isKnownReachable(fewer) { kept = fewer }
    }
    return kept
  }

  private mutating func dropLiterals(
    _ cube: Cube, relativeTo level: Int, _ cores: inout Cores
  ) throws(SMTError) -> Generalization {
    var current = cube
    for literal in dropOrder(cube) where current.literals.contains(literal) {
      switch try attempt(current.dropping(literal), relativeTo: level, &cores) {
      case .stopped(let reason): return .stopped(reason)
      case .cube(let larger): current = larger
      case .none: continue
      }
    }
    return .cube(current)
  }

  /// The literals of rare relations first.
  private func dropOrder(_ cube: Cube) -> [Literal] {
    cube.literals.sorted { one, other in
      let left = activity(of: one)
      let right = activity(of: other)
      return left == right ? one < other : left < right
    }
  }

  /// The cube, made larger by new cores, if it is inductive and contains no start state; nil if not.
  private mutating func attempt(
    _ given: Cube, relativeTo level: Int, _ cores: inout Cores, folding: Bool = true
  ) throws(SMTError) -> Generalization? {
    if given.literals.isEmpty { return nil }
    var cube = given
    if isKnownReachable(cube) {
      if !folding { return nil }
      cube = folded(cube)
      if isKnownReachable(cube) { return nil }
    }
    switch try startExclusion(of: cube) {
    case .stopped(let reason): return .stopped(reason)
    case .contained: return nil
    case .excluded: break
    }
    switch try isInductive(cube, relativeTo: level, knowing: cores) {
    case .stopped(let reason): return .stopped(reason)
    case .predecessor: return nil
    case .inductive(let found):
      cores = found
      return try restrict(cube, to: found.needed)
    }
  }

  /// Replaces "holds v" by "holds none of …", leaving out as many values as can be.
  private mutating func widen(
    _ cube: Cube, relativeTo level: Int, _ cores: inout Cores
  ) throws(SMTError) -> Generalization {
    var current = cube
    for literal in cube.literals where !literal.isNegative && current.literals.contains(literal) {
      let others = values(of: literal.atom).filter { $0 != literal.atom }
      guard !others.isEmpty, others.count < Self.mostWidened else { continue }
      var kept = others
      for value in others {
        let fewer = kept.filter { $0 != value }
        let wider = Cube(current.dropping(literal).literals + fewer.map { Literal($0, isNegative: true) })
        switch try attempt(wider, relativeTo: level, &cores, folding: false) {
        case .stopped(let reason): return .stopped(reason)
        case .none: continue
        case .cube: kept = fewer
        }
      }
      if kept.count < others.count {
        current = Cube(current.dropping(literal).literals + kept.map { Literal($0, isNegative: true) })
      }
    }
    return .cube(current)
  }
}
