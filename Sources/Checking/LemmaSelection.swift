package import SMT
package import TransitionSystems

/// Finds among lemmas those that prove a property together, and leaves out what is not needed.
///
/// Each question remembers which lemmas it needed (an unsatisfiable core), for all properties alike. A property's proof is closed under
/// these reasons; then each of its lemmas is left out in turn, and with it what does not follow without it, and so on. They stay out if what is
/// left is still a proof. In the end no part of the proof is one: not only is no lemma there that could go by itself, but no two that hold
/// each other up and nothing else (Ivrii, Gurfinkel, Belov, "Small inductive safe invariants", FMCAD 2014).
package struct LemmaSelection: ~Copyable {
  private var session: ProofSession
  /// Obligations that were kept though nobody knows: with fewer lemmas they are no easier.
  private var isUndecided: Set<Int> = []
  /// Which lemmas may be used at all.
  package private(set) var usable: Set<Int>
  /// By obligation: the lemmas that were enough for it.
  private var reasons: [Int: Set<Int>] = [:]
  /// By lemma: its obligations. And those that stand for every lemma.
  private let obligationsOf: [Int: [Int]]
  private let encoding: [Int]
  /// By property: its obligations.
  private let safety: [PropertyID: [Int]]

  /// What kept a set of lemmas from being inductive.
  package struct Obstacle: Hashable, Sendable {
    /// The obligation's name.
    package let obligation: String
    /// Nil if it does not follow; else why the solver stopped.
    package let stopped: UnknownReason?
  }
  /// The first obligation that each unusable lemma failed.
  package private(set) var obstacles: [Int: Obstacle] = [:]
  /// Of those the one that came first, when all lemmas were still assumed: the others may only follow from it.
  package private(set) var cause: Obstacle?

  package init(_ session: consuming ProofSession) {
    var obligationsOf: [Int: [Int]] = [:]
    var encoding: [Int] = []
    var safety: [PropertyID: [Int]] = [:]
    for (number, obligation) in session.obligations.obligations.enumerated() {
      switch obligation.kind {
      case .initiation(let lemma), .consecution(let lemma): obligationsOf[lemma, default: []].append(number)
      case .safety(let property): safety[property, default: []].append(number)
      case .encoding: encoding.append(number)
      }
    }
    self.obligationsOf = obligationsOf
    self.encoding = encoding
    self.safety = safety
    usable = Set(session.obligations.lemmas.indices)
    self.session = session
  }

  /// How many questions were asked.
  package var asked: Int { session.asked }

  /// Says of an obligation whether it is known, from elsewhere, not to follow from lemmas.
  package typealias Refuter = (Obligation, Set<Int>) throws(SMTError) -> Bool

  /// Whether an obligation follows from lemmas; if so its reasons are remembered.
  private mutating func holds(
    _ number: Int, from lemmas: Set<Int>, refuter: Refuter = { _, _ in false }
  ) throws(SMTError) -> Obstacle? {
    if let known = reasons[number], known.isSubset(of: lemmas) { return nil }
    let obligation = session.obligations.obligations[number]
    let answer = try session.check(obligation, assuming: lemmas.sorted()) { () throws(SMTError) in
      try refuter(obligation, lemmas)
    }
    switch answer {
    case .holds(let needed):
      reasons[number] = needed
      return nil
    case .fails: return Obstacle(obligation: obligation.name, stopped: nil)
    case .stopped(let reason): return Obstacle(obligation: obligation.name, stopped: reason)
    }
  }

  /// What becomes of a lemma about which the solver does not say.
  package enum Undecided: Hashable, Sendable {
    /// It is left out; after so many of them closing ends early.
    case dropped(atMost: Int)
    case kept
  }

  /// Whether what may be used is known to be inductive, as far as closing asks.
  package private(set) var isClosed = false

  /// Leaves out lemmas that do not hold at the start or are not kept by the rules, until the rest is inductive
  /// (Houdini: Flanagan, Leino, 2001). Returns: what stands in the way altogether.
  package mutating func close(undecided: Undecided = .dropped(atMost: .max)) throws(SMTError) -> Obstacle? {
    for number in encoding {
      guard let obstacle = try holds(number, from: []) else { continue }
      if undecided != .kept || obstacle.stopped.map(Self.isFinal) != false { return obstacle }
    }
    var dropped = 0
    var changed = true
    while changed {
      changed = false
      for lemma in usable.sorted() {
        guard let obstacle = try obstacle(of: lemma, among: usable, undecided) else { continue }
        if obstacle.stopped.map(Self.isFinal) == true { return obstacle }
        if obstacle.stopped != nil {
          if undecided == .dropped(atMost: dropped) { return nil }
          dropped += 1
        }
        drop(lemma, because: obstacle)
        changed = true
      }
    }
    isClosed = true
    return nil
  }

  private mutating func drop(_ lemma: Int, because obstacle: Obstacle) {
    obstacles[lemma] = obstacle
    cause = cause ?? obstacle
    usable.remove(lemma)
  }

  /// Begins anew with these lemmas alone: something else is known of the others. What follows from which is remembered.
  package mutating func restart(among lemmas: Set<Int>) {
    usable = lemmas
    obstacles = [:]
    cause = nil
    isClosed = false
  }

  /// Interrupted, there is no use in going on.
  private static func isFinal(_ reason: UnknownReason) -> Bool {
    if case .interrupted = reason { return true }
    return false
  }

  /// The first of a lemma's obligations that does not follow; where the undecided is kept, that is refuted.
  private mutating func obstacle(
    of lemma: Int, among lemmas: Set<Int>, _ undecided: Undecided
  ) throws(SMTError) -> Obstacle? {
    for number in obligationsOf[lemma] ?? [] where undecided != .kept || !isUndecided.contains(number) {
      guard let obstacle = try holds(number, from: lemmas) else { continue }
      guard undecided == .kept, let reason = obstacle.stopped, !Self.isFinal(reason) else { return obstacle }
      isUndecided.insert(number)
    }
    return nil
  }

  /// What a selection found.
  package enum Selection: Hashable, Sendable {
    case proof(lemmas: [Int])
    case obstacle(Obstacle)
  }

  /// The lemmas that prove a property; if `isMinimal`, no part of them does. First those that the property follows from, then those
  /// that these need in turn. `refuter` is asked where it is hard to tell whether one can be left out.
  ///
  /// Requires: closed.
  package mutating func select(
    for property: PropertyID, isMinimal: Bool, refuter: Refuter = { _, _ in false }
  ) throws(SMTError) -> Selection {
    precondition(isClosed, "lemmas are selected before it is known which may be used")
    let safety = safety[property] ?? []
    for number in safety {
      if let obstacle = try holds(number, from: usable) { return .obstacle(obstacle) }
    }
    var proof = support(of: safety)
    if !isMinimal { return .proof(lemmas: proof) }
    // What no part of the proof can do without; and what stayed for want of an answer, with the size of the proof then.
    var needed: Set<Int> = []
    var undecided: [Int: Int] = [:]
    // From the property on: what it does not follow without, then what these do not follow without. That is most of it, and then nothing
    // has to fall as far as to the property to be seen to.
    for candidate in proof {
      let rest = Set(proof).subtracting([candidate])
      if try isRefuted(from: rest, safety, needed, refuter) { needed.insert(candidate) }
    }
    var isSmaller = true
    while isSmaller {
      isSmaller = false
      for candidate in proof.sorted(by: >) where proof.contains(candidate) {
        if needed.contains(candidate) || undecided[candidate] == proof.count { continue }
        switch try rest(of: proof, without: candidate, safety, needed: needed, refuter) {
        case .isProof:
          proof = support(of: safety)
          isSmaller = true
        case .isNone(isKnown: true): needed.insert(candidate)
        case .isNone(isKnown: false): undecided[candidate] = proof.count
        case .interrupted(let obstacle): return .obstacle(obstacle)
        }
      }
    }
    return .proof(lemmas: proof)
  }

  /// What keeps lemmas from proving a property; nil if they do.
  package mutating func obstacle(for property: PropertyID, from lemmas: Set<Int>) throws(SMTError) -> Obstacle? {
    let own = lemmas.sorted().flatMap { obligationsOf[$0] ?? [] }
    for number in encoding + own + (safety[property] ?? []) {
      if let obstacle = try holds(number, from: lemmas) { return obstacle }
    }
    return nil
  }

  /// Whether an obligation of other obligations' session, with the same lemmas, is known not to follow here: what is asked here for the same
  /// purpose about the same rule is refuted.
  package mutating func refutes(_ other: Obligation, from lemmas: Set<Int>) throws(SMTError) -> Bool {
    for number in numbers(for: other.kind) {
      let own = session.obligations.obligations[number]
      guard own.rule == other.rule, own.isAtStart == other.isAtStart else { continue }
      if let obstacle = try holds(number, from: lemmas), obstacle.stopped == nil { return true }
    }
    return false
  }

  private func numbers(for kind: Obligation.Kind) -> [Int] {
    switch kind {
    case .initiation(let lemma), .consecution(let lemma): obligationsOf[lemma] ?? []
    case .safety(let property): safety[property] ?? []
    case .encoding: encoding
    }
  }

  /// What a proof is without a lemma and without all that falls with it.
  private enum Rest {
    case isProof
    /// Unless known, for want of an answer about something on the way.
    case isNone(isKnown: Bool)
    case interrupted(Obstacle)
  }

  /// Leaves out of a proof one lemma, and what does not follow without it, until the rest is inductive, or is seen to be no proof: the property
  /// does not follow any more, or something falls that is needed.
  private mutating func rest(
    of proof: [Int], without candidate: Int, _ safety: [Int], needed: Set<Int>, _ refuter: Refuter
  ) throws(SMTError) -> Rest {
    var rest = Set(proof).subtracting([candidate])
    // What is needed is asked about first: if it falls, nothing else matters.
    let first = safety.map { (lemma: Int?.none, number: $0) } + obligations(of: needed)
    let others = obligations(of: rest.subtracting(needed))
    var isKnown = true
    var fallen: Int? = candidate
    while fallen != nil {
      fallen = nil
      for (lemma, number) in first + others where lemma.map(rest.contains) ?? true {
        guard let obstacle = try holds(number, from: rest, refuter: refuter) else { continue }
        if obstacle.stopped.map(Self.isFinal) == true { return .interrupted(obstacle) }
        if obstacle.stopped != nil { isKnown = false }
        guard let lemma, !needed.contains(lemma) else { return .isNone(isKnown: isKnown) }
        rest.remove(lemma)
        fallen = lemma
        break
      }
    }
    return .isProof
  }

  /// Whether the property, or one of some lemmas, is known not to follow.
  private mutating func isRefuted(
    from rest: Set<Int>, _ safety: [Int], _ lemmas: Set<Int>, _ refuter: Refuter
  ) throws(SMTError) -> Bool {
    for number in safety + obligations(of: lemmas.intersection(rest)).map(\.number) {
      if let obstacle = try holds(number, from: rest, refuter: refuter), obstacle.stopped == nil { return true }
    }
    return false
  }

  private func obligations(of lemmas: Set<Int>) -> [(lemma: Int?, number: Int)] {
    lemmas.sorted().flatMap { lemma in (obligationsOf[lemma] ?? []).map { (lemma, $0) } }
  }

  /// The lemmas that obligations need, and those that these need in turn, breadth first.
  private func support(of safety: [Int]) -> [Int] {
    var result: [Int] = []
    var seen: Set<Int> = []
    var pending = safety
    while !pending.isEmpty {
      var needed: Set<Int> = []
      for number in pending { needed.formUnion(reasons[number] ?? []) }
      let new = needed.subtracting(seen).sorted()
      seen.formUnion(new)
      result += new
      pending = new.flatMap { obligationsOf[$0] ?? [] }
    }
    return result
  }
}
