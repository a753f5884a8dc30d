import Logic
import TransitionSystems

/// The conditions of `SMTLIBFile`'s questions, built in a store of their own.
struct UnrolledQuestions {
  private let system: TransitionSystem
  private(set) var store: TermStore
  private var unrolling: Unrolling
  /// By depth: states 0 … depth are a run.
  private var paths: [Term] = []

  init(_ system: TransitionSystem) {
    self.system = system
    store = system.store
    unrolling = Unrolling(system)
  }

  private mutating func any(
    of properties: [PropertyID], _ condition: (inout UnrolledQuestions, PropertyID) -> Term
  ) -> Term {
    let ways = properties.map { condition(&self, $0) }
    return store.or(ways)
  }

  /// Some run of at most `depth` transitions violates a property.
  mutating func violation(of properties: [PropertyID], within depth: Int) -> Term {
    let ways = (0...depth).map { violation(of: properties, after: $0) }
    return store.or(ways)
  }

  /// Some run of exactly `depth` transitions does: its last step or start fails, or the state that it leads to is bad.
  private mutating func violation(of properties: [PropertyID], after depth: Int) -> Term {
    let before = path(to: depth - 1)
    let fails = any(of: properties) { builder, property in
      depth == 0
        ? builder.unrolling.startFails(property, in: &builder.store)
        : builder.unrolling.stepFails(property, at: depth - 1, in: &builder.store)
    }
    let failing = store.and(before, fails)
    let move = depth == 0 ? unrolling.start(in: &store) : unrolling.move(depth - 1, in: &store)
    let arriving = any(of: properties) { $0.arrival(violating: $1, at: depth) }
    let arrived = store.and([before, move, arriving])
    return store.or(failing, arrived)
  }

  /// State `depth` is looked at, and that violates the property.
  private mutating func arrival(violating property: PropertyID, at depth: Int) -> Term {
    let fails = unrolling.arrivalFails(property, at: depth, in: &store)
    let admitted = unrolling.admitted(depth, in: &store)
    let violates = unrolling.violates(property, at: depth, in: &store)
    return store.or(fails, store.and(admitted, violates))
  }

  /// States 0 … `depth` are a run; true for a depth of −1.
  private mutating func path(to depth: Int) -> Term {
    while paths.count <= depth {
      let step = paths.count
      let move = step == 0 ? unrolling.start(in: &store) : unrolling.move(step - 1, in: &store)
      let before = paths.last ?? store.boolean(true)
      paths.append(store.and([before, move, unrolling.admitted(step, in: &store)]))
    }
    return depth < 0 ? store.boolean(true) : paths[depth]
  }

  /// Runs from the start.
  mutating func initiation(of properties: [(property: PropertyID, name: String)], k: Int) -> [SMTLIBPrinter.Question] {
    var questions: [SMTLIBPrinter.Question] = []
    for depth in 0..<k {
      for (property, name) in properties {
        let violation = violation(of: [property], after: depth)
        questions.append(SMTLIBPrinter.Question("initiation, depth \(depth): \(name)", [violation]))
      }
    }
    guard hasDomains else { return questions }
    let start = unrolling.start(in: &store)
    let outside = store.not(unrolling.domain(0, in: &store))
    return questions + [SMTLIBPrinter.Question("initiation: codes", [start, outside])]
  }

  private var hasDomains: Bool { system.variables.contains { $0.domain != nil } }

  /// Steps from any k states in a row that satisfy everything.
  mutating func steps(of properties: [(property: PropertyID, name: String)], k: Int) -> [SMTLIBPrinter.Question] {
    var hypothesis: [Term] = []
    for step in 0..<k {
      hypothesis += [unrolling.domain(step, in: &store), unrolling.admitted(step, in: &store)]
      for (property, _) in properties {
        hypothesis.append(store.not(unrolling.violates(property, at: step, in: &store)))
      }
      if step > 0 { hypothesis.append(unrolling.move(step - 1, in: &store)) }
    }
    let move = unrolling.move(k - 1, in: &store)
    var questions: [SMTLIBPrinter.Question] = []
    for (property, name) in properties {
      let arriving = arrival(violating: property, at: k)
      questions.append(SMTLIBPrinter.Question("consecution: \(name)", hypothesis + [move, arriving]))
      let fails = unrolling.stepFails(property, at: k - 1, in: &store)
      if store.constant(fails) == .boolean(false) { continue }
      questions.append(SMTLIBPrinter.Question("safety: \(name)", hypothesis + [fails]))
    }
    guard hasDomains else { return questions }
    let inside = unrolling.domain(0, in: &store)
    let left = store.not(unrolling.domain(1, in: &store))
    let first = unrolling.move(0, in: &store)
    return questions + [SMTLIBPrinter.Question("consecution: codes", [inside, first, left])]
  }
}
