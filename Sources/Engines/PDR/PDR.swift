package import Logic
import SMT
package import TransitionSystems

/// Property-directed reachability over finite-domain places, with symmetry.
///
/// Bradley, "SAT-based model checking without unrolling" (VMCAI 2011); Een, Mishchenko, Brayton, "Efficient implementation of
/// property directed reachability" (FMCAD 2011); Goel, Sakallah, "On symmetry and quantification: a new approach to verify
/// distributed protocols" (NFM 2021).
///
/// F[i] over-approximates the states that runs of at most i transitions reach. The loop *strengthens* the last frame until it excludes
/// every violation (`Blocking`), *extends* by a frame, and *propagates* lemmas forward (`Propagation`) until two frames are equal:
/// they are then an inductive invariant.
///
/// - A literal is `place = value`; a lemma counts for its whole orbit under renaming of scalarset elements (`FrameQueries`).
/// - All properties are decided together: lemmas serve them all, and one that is violated leaves the search.
/// - Quantified conditions are literals too, and stay quantified through steps (`Grounding+Quantifiers`); an `exists` that holds is
///   told by its witness. Generalization is held against states of larger systems (`ReachableSample`, `Folding`), so that lemmas
///   say nothing about the number of elements.
/// - A lemma that does not hold one frame later becomes an obligation itself: what leads into its cube is blocked, until the lemma
///   can be raised or a run into its cube is found (Ivrii, Gurfinkel, "Pushing to the top", FMCAD 2015). So the search
///   closes its lemmas under induction instead of learning weaker ones frame after frame.
/// - An obligation is taken up again one frame later once it is blocked, which finds long counterexamples early; such a one may
///   be longer than it must be. Then obligations are no longer taken up again, and the search goes on until it finds one as
///   long as its frame, which is a shortest. (required: what is reported as shortest is)
/// - Everything is deterministic: no clock and no hash order decides anything. The seed is that of the runs that are sampled, which
///   decide what is tried, and so which lemmas are found.
///
/// What is *not* trusted: symmetry holds by construction of the system, but the invariant is checked again without it, and a
/// counterexample is evaluated from its choices alone (`ParameterizedExecution`).
///
/// Known limits: orders on values are not symmetric, so lemmas grow with the square of a counter's range; deadlock and covers are
/// not decided.
package struct PDR: Engine {
  package let name = "pdr"
  private let system: ParameterizedSystem
  private let sizes: [Int]
  private let larger: [Int]?
  private let seed: UInt64

  /// `sizes` are by sort, those of the system where nothing else is said. Generalizations are held against states of the system at
  /// sizes `larger`, a few more of each sort where nothing is said; `seed` says which.
  package init(
    _ system: ParameterizedSystem, sizes: [Int]? = nil, heldAgainst larger: [Int]? = nil, seed: UInt64 = 1
  ) {
    self.system = system
    self.seed = seed
    self.larger = larger
    self.sizes = sizes ?? system.sorts.map(\.size)
  }

  package func decide(_ properties: [PropertyID], within budget: Budget) async throws -> [Verdict] {
    try await search(properties, within: budget).verdicts
  }

  /// As `decide`, with the invariant that proves what is proved.
  package func search(_ properties: [PropertyID], within budget: Budget) async throws -> PDRResult {
    let interrupter = Interrupter()
    return try await withTaskCancellationHandler {
      var search = try PDRSearch(
        FrameQueries(
          system, sizes: sizes, heldAgainst: larger, seed: seed, effort: budget.effort, interrupter: interrupter),
        properties, budget)
      return try search.run()
    } onCancel: {
      interrupter.interrupt(because: .cancelled)
    }
  }
}

/// What a search found.
package struct PDRResult: Sendable {
  /// In the order of the questions.
  package let verdicts: [Verdict]
  /// What holds in every reachable state and implies every property that is proved, over `store`; empty where nothing is.
  package let invariant: [QuantifiedLemma]
  /// The system's store, with the lemmas' terms.
  package let store: TermStore
  package let statistics: PDRStatistics
}

/// One search.
struct PDRSearch: ~Copyable {
  var queries: FrameQueries
  let budget: Budget
  private let properties: [PropertyID]
  private var verdicts: [PropertyID: Verdict] = [:]
  /// Every way to violate a property that is asked about.
  var targets: [Target] = []
  /// The last frame.
  private(set) var last = 0
  var obligations: [Obligation] = []
  var queue = ObligationQueue()
  /// How obligations that are violations, or about to fail, were named and go on; by obligation.
  var endings: [Int: Ending] = [:]
  /// Whether a blocked obligation is taken up again in later frames.
  private(set) var takesUpAgain = true

  /// The end of a chain of obligations.
  struct Ending {
    /// The rule that fails there; nil where the state itself is the violation.
    let move: Move?
    /// From the names of the target to those of the cube.
    let renaming: Renaming
  }

  /// Why a search ended early.
  enum Stop: Error {
    case solver(UnknownReason)
    case queries
    case starts
  }

  init(
    _ queries: consuming FrameQueries, _ properties: [PropertyID], _ budget: Budget
  ) throws(SMTError) {
    self.queries = queries
    self.properties = properties
    self.budget = budget
  }

  /// The whole search.
  mutating func run() throws -> PDRResult {
    do {
      try queries.prepare()
      if queries.starts.count > FrameQueries.mostStarts { throw Stop.starts }
      targets = TargetFinder(queries.system, open).targets(in: &queries)
      try examineStart()
      while !open.isEmpty {
        if last >= budget.depth { return result(otherwise: .bounded(depth: last)) }
        last += 1
        for position in queries.frames.positions(from: 1) { support(position) }
        for position in targets.indices { try strengthen(against: position) }
        if try propagate() {
          let lemmas = queries.frames.positions(from: Frames.always).count
          for property in open { verdicts[property] = .proved(.certificate(lemmas: lemmas), sizes: .thisScope) }
        }
      }
      return result(otherwise: .unknown(reason: "not decided"))
    } catch Stop.solver(let reason) {
      return result(otherwise: .stopped(reason, cleared: last - 1))
    } catch Stop.queries {
      return result(otherwise: .limit(.solverEffort, reached: Reached(depth: last - 1)))
    } catch Stop.starts {
      return result(otherwise: .unknown(reason: "more than \(FrameQueries.mostStarts) start states"))
    }
  }

  /// The properties that are asked about and not decided.
  var open: [PropertyID] { properties.filter { $0.isSymbolic && verdicts[$0] == nil } }

  /// Whether a target's property is still open.
  func isOpen(_ target: Int) -> Bool { verdicts[targets[target].property] == nil }

  // Counterexamples.

  /// A run that violates a target's property. If it may be longer than it must be, the search goes on without taking obligations up
  /// again, else it is the verdict.
  mutating func found(_ run: ParameterizedRun, violating target: Int) throws {
    let property = targets[target].property
    let execution = ParameterizedExecution(queries.system, sizes: queries.grounding.sizes)
    let outcome = execution.evaluate(run)
    guard let outcome, outcome.violated.contains(property) else {
      throw Contradiction(
        subject: "a run of \(run.moves.count) transitions", first: "PDR: it violates \(property)",
        second: "evaluation: \(outcome.map { "it violates \($0.violated)" } ?? "there is no such run")")
    }
    var shortest = last
    if case .failure = targets[target].kind { shortest += 1 }
    if run.moves.count > shortest {
      takesUpAgain = false
      queue.removeAll()
      return
    }
    verdicts[property] = .violated(outcome.trace(violating: property), shortest: true)
    queue.removeAll()
  }

  /// Start states that violate something, and starts that fail.
  private mutating func examineStart() throws {
    let execution = ParameterizedExecution(queries.system, sizes: queries.grounding.sizes)
    for (position, start) in queries.system.starts.enumerated()
    where !(start.failures + start.arrivalFailures).isEmpty {
      for choice in execution.choices(ofStart: position) {
        guard let outcome = execution.evaluate(ParameterizedRun(start: choice, moves: [])) else { continue }
        for property in outcome.violated where open.contains(property) {
          verdicts[property] = .violated(outcome.trace(violating: property), shortest: true)
        }
      }
    }
    for position in targets.indices { try strengthen(against: position) }
  }

  // The end.

  private mutating func result(otherwise verdict: Verdict) -> PDRResult {
    queries.counts.frames = last
    let lemmas = invariant()
    queries.counts.lemmas = lemmas.lemmas.isEmpty ? 0 : queries.frames.positions(from: Frames.always).count
    let answers = properties.map { property in
      verdicts[property]
        ?? (property.isSymbolic ? verdict : .unknown(reason: "pdr does not decide \(property)"))
    }
    return PDRResult(
      verdicts: answers, invariant: lemmas.lemmas, store: lemmas.store, statistics: queries.counts)
  }

  /// The lemmas of the frame that turned out inductive, in the order of learning.
  private mutating func invariant() -> (lemmas: [QuantifiedLemma], store: TermStore) {
    var writer = LemmaWriter(queries.system.store)
    let isProved = verdicts.values.contains { verdict in
      if case .proved = verdict { true } else { false }
    }
    var lemmas: [QuantifiedLemma] = []
    if isProved {
      for position in queries.frames.positions(from: Frames.always) {
        lemmas.append(writer.write(queries.frames.lemmas[position].cube, queries))
      }
    }
    return (lemmas, writer.store)
  }
}
