import Diagnostics
import Logic
package import Murphi
package import TransitionSystems

/// A model with its scalarsets open, and why some of them are not.
package struct ParameterizedElaboration: Sendable {
  /// What symmetric engines work on.
  package let system: ParameterizedSystem
  /// Where the model tells the values of a scalarset apart, so that it has its size here.
  package let asymmetries: [ElaborationError]
}

/// Turns a checked model into a parameterized system.
///
/// As `Elaborator`, but a scalarset is a sort of any size, arrays over it are functions, and loops and quantifiers over it are
/// one pass (`OpenLoops`). A scalarset that the model tells apart gets its size back and the rest is tried again; with all of
/// them closed the system is the model's instance, without any symmetry. Afterwards everything is written out over
/// one predicate per value (`FiniteDomains`).
package struct ParameterizedElaborator: Sendable {
  /// More values than this have no predicate each.
  private static let widestRange = 1024

  private let model: TypedModel
  private let options: ElaborationOptions

  package init(_ model: TypedModel, options: ElaborationOptions = ElaborationOptions()) {
    self.model = model
    self.options = options
  }

  /// The parameterized system. Throws: where a construct has no finite form within the limits.
  package func elaborate() throws(ElaborationError) -> ParameterizedElaboration {
    var closed: Set<Int> = []
    var asymmetries: [ElaborationError] = []
    if let mixture = model.mixtures.first {
      closed = Set(model.scalarsets.map(\.declaration))
      asymmetries.append(error(.asymmetric(.mixture, declaration: mixture.declaration), at: mixture.range))
    }
    while true {
      do throws(ElaborationError) {
        return ParameterizedElaboration(system: try system(closing: closed), asymmetries: asymmetries)
      } catch {
        guard case .asymmetric(_, let declaration) = error.reason, closed.insert(declaration).inserted else {
          throw error
        }
        asymmetries.append(error)
      }
    }
  }

  /// The system with all scalarsets open but these.
  private func system(closing closed: Set<Int>) throws(ElaborationError) -> ParameterizedSystem {
    var numbers: [Int: Int] = [:]
    var sorts: [OpenSort] = []
    for scalarset in model.scalarsets
    where !closed.contains(scalarset.declaration) && sorts.count < Sort.uninterpretedSorts {
      numbers[scalarset.declaration] = sorts.count
      sorts.append(OpenSort(name: scalarset.name, size: scalarset.size, declaration: scalarset.declaration))
    }
    let layout = Layout(openSorts: numbers)
    try checkRanges(layout)
    var run = OpenRun(model: model, options: options, layout: layout)
    return try run.system(sorts: sorts)
  }

  /// Refuses states with too many leaves, or with ranges too wide for a predicate per value.
  private func checkRanges(_ layout: Layout) throws(ElaborationError) {
    var left = options.limits.leaves
    for variable in model.variables {
      guard let size = layout.size(of: variable.type, upTo: left) else {
        throw error(.enumeration(values: options.limits.leaves), at: variable.range)
      }
      left -= size
      for leaf in layout.leaves(of: variable.type) where layout.openSort(of: leaf.type) == nil {
        if Layout.count(of: leaf.type) > Self.widestRange {
          throw error(.enumeration(values: Self.widestRange), at: variable.range)
        }
      }
    }
  }

  private func error(_ reason: ElaborationError.Reason, at range: SourceRange) -> ElaborationError {
    SymbolicExecutor(model: model, store: TermStore(), limits: options.limits).refusal(reason, at: range)
  }
}

/// One attempt with some scalarsets open.
private struct OpenRun {
  let model: TypedModel
  let options: ElaborationOptions
  let layout: Layout
  var store = TermStore()

  /// A copy of a rule or startstate, executed.
  struct Executed {
    let reference: RuleReference
    let open: OpenCopy
    let terms: RuleTerms
  }

  init(model: TypedModel, options: ElaborationOptions, layout: Layout) {
    self.model = model
    self.options = options
    self.layout = layout
  }

  /// The whole system.
  mutating func system(sorts: [OpenSort]) throws(ElaborationError) -> ParameterizedSystem {
    var encoding = OpenStateEncoding(model: model, layout: layout)
    let starts = try executed(model.startstates, on: encoding.undefinedMemory(&store), kind: "startstate")
    encoding.isAlwaysDefined = definedLeaves(starts, among: encoding.leaves.map { _ in true })
    let base = store
    var rules = try executed(model.rules, on: encoding.memory(&store), kind: "rule")
    while true {
      let kept = definedLeaves(rules, among: encoding.isAlwaysDefined)
      if kept == encoding.isAlwaysDefined { break }
      encoding.isAlwaysDefined = kept
      store = base
      rules = try executed(model.rules, on: encoding.memory(&store), kind: "rule")
    }
    var executor = SymbolicExecutor(model: model, layout: layout, store: store, limits: options.limits)
    let memory = encoding.memory(&executor.store)
    var assumptions: [ConditionTerms] = []
    for assumption in model.assumptions { assumptions.append(try executor.runOpen(assumption, on: memory)) }
    var properties: [ConditionTerms] = []
    for property in model.properties { properties.append(try executor.runOpen(property, on: memory)) }
    var covers: [ConditionTerms] = []
    for evaluation in model.covers.compactMap(\.evaluation) {
      covers.append(try executor.runOpen(evaluation, on: memory))
    }
    store = executor.store
    var writing = OpenWriting(model: model, encoding: encoding, store: store, sorts: sorts)
    do {
      try writing.write(starts: starts.map { ($0.reference, $0.open, $0.terms) })
      try writing.write(rules: rules.map { ($0.reference, $0.open, $0.terms) })
      try writing.write(properties: properties, covers: covers.flatMap(\.failures), assumptions: assumptions)
    } catch {
      let whole = SourceRange(start: 0, end: 0)
      throw executor.refusal(.enumeration(values: FiniteDomains.limit), at: model.variables.first?.range ?? whole)
    }
    return writing.system
  }

  /// Which of the candidates are defined in all of these memories.
  private func definedLeaves(_ executed: [Executed], among candidates: [Bool]) -> [Bool] {
    candidates.indices.map { leaf in
      candidates[leaf] && executed.allSatisfy { store.truth($0.terms.memory[leaf].defined) == true }
    }
  }

  /// Runs rules or startstates, each for all of its inputs at once if that is possible.
  private mutating func executed(
    _ rules: [Rule], on memory: [Scalar], kind: String
  ) throws(ElaborationError) -> [Executed] {
    var result: [Executed] = []
    for (index, rule) in rules.enumerated() {
      let reference = RuleReference(index: index, name: rule.name ?? "\(kind) \(rule.number)")
      let name = "#\(kind) \(index)"
      let before = store
      var copies: [(OpenCopy, RuleTerms)]
      do throws(ElaborationError) {
        copies = try run(rule, on: memory, name: name, form: options.rulesets)
      } catch {
        switch error.reason {
        case .asymmetric, .cancelled: throw error
        case .unbounded, .enumeration, .size: store = before
        }
        copies = try run(rule, on: memory, name: name, form: .expanded)
      }
      copies.removeAll { $0.1.isIdle(store) }
      result += copies.map { Executed(reference: reference, open: $0.0, terms: $0.1) }
    }
    return result
  }

  private mutating func run(
    _ rule: Rule, on memory: [Scalar], name: String, form: RulesetForm
  ) throws(ElaborationError) -> [(OpenCopy, RuleTerms)] {
    var executor = SymbolicExecutor(model: model, layout: layout, store: store, limits: options.limits)
    store = TermStore()  // The only copy is the executor's for now: no copy on write.
    defer { store = executor.store }
    var result: [(OpenCopy, RuleTerms)] = []
    for copy in try executor.openCopies(of: rule.enclosures, locals: rule.locals, name: name, form: form) {
      result.append((copy, try executor.run(rule, copy.copy, on: memory)))
    }
    return result
  }
}
