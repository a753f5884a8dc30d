package import Diagnostics
package import Elaboration
package import Murphi
package import SMT
package import TransitionSystems

/// From the lemmas of a symmetric search to proofs that do not rest on symmetry.
///
/// The lemmas are written as Murphi invariants at the end of the model. What is checked from then on is this text alone:
/// - at the sizes of the scope, elaborated without open sorts: every instance of every lemma against every instance of every rule;
/// - for every size, with the scalarsets as uninterpreted sorts, where nothing in the file depends on their sizes otherwise.
///
/// A proof rests on the front end, on elaboration and on Z3's `unsat`; not on PDR, its symmetry or its bookkeeping. That the two
/// elaborations mean what Murphi means is what the comparison of engines tests.
package struct Certification: Sendable {
  /// A lemma as it stands in a certificate.
  package struct Lemma: Hashable, Sendable {
    package let name: String
    /// A Murphi expression.
    package let text: String

    package init(name: String, text: String) {
      self.name = name
      self.text = text
    }
  }

  /// What became of a property.
  package enum Outcome: Hashable, Sendable {
    case proved([Lemma], sizes: Sizes, remark: String?)
    /// Not shown; refuted if an obligation does not follow, which a correct search cannot lead to.
    case failed(String, isRefuted: Bool)

    /// Whether an obligation does not follow.
    fileprivate var isRefuted: Bool {
      if case .failed(_, isRefuted: true) = self { true } else { false }
    }
  }

  /// For which sizes a proof is tried; any size first.
  package enum Form: Hashable, Sendable {
    case theseSizes
    case anySize
  }

  /// What became of several properties.
  package struct Certified: Sendable {
    /// In the order of the properties.
    package private(set) var outcomes: [Outcome]

    package init(outcomes: [Outcome]) {
      self.outcomes = outcomes
    }

    /// What is refuted only failed: for lemmas whose text says more than whoever found them claims.
    package mutating func forgiveRefutations() {
      outcomes = outcomes.map {
        if case .failed(let reason, isRefuted: true) = $0 {
          return .failed("its lemmas, said of all elements: \(reason)", isRefuted: false)
        }
        return $0
      }
    }
  }

  /// What a question for every size may cost: nearly all that follows does so within a hundredth of it, and what does not may never end.
  private static let anySizeEffort: UInt32 = 5_000_000

  let file: SourceFile
  let constants: [ConstantSetting]
  let effort: UInt32
  let interrupter: Interrupter

  /// `effort` bounds each question in Z3's rlimit units; 0 means no limit.
  package init(
    _ file: SourceFile, constants: [ConstantSetting], effort: UInt32, interrupter: Interrupter = Interrupter()
  ) {
    self.file = file
    self.constants = constants
    self.effort = effort
    self.interrupter = interrupter
  }

  /// Murphi invariants of these lemmas, one to a line.
  package static func text(of lemmas: [Lemma]) -> String {
    lemmas.map { "invariant \"\($0.name)\"\n  \($0.text);\n" }.joined()
  }

  /// Proves properties from lemmas that may hold; with as few as possible if `isMinimal`, which takes longer. Throws: what is nobody's verdict.
  ///
  /// Where an obligation is refuted, the lemmas are tried once more, at the scope's sizes, together with what elaboration knew by itself:
  /// code that can never run may leave a place without a value in one elaboration and not in the other.
  ///
  /// `foundAt` are the sizes at which they were found, by the constants that say so; those of the scope where nothing is said.
  ///
  /// `proved` hears of each proof at once, by its property's position: making the next one minimal may take minutes. What a cancelled task
  /// has not proved by then has failed, and is not refuted.
  package func certify(
    _ properties: [PropertyID], from lemmas: [Lemma], foundAt: [String: Int] = [:],
    for forms: Set<Form> = [.theseSizes, .anySize], isMinimal: Bool = true, proved: (Int, Outcome) -> Void = { _, _ in }
  ) throws -> Certified {
    let certified: Certified
    do {
      certified = try certifyAlone(
        properties, from: lemmas, foundAt: foundAt, for: forms, isMinimal: isMinimal, proved)
    } catch let error as ElaborationError where error.reason == .cancelled {
      let outcome = Outcome.failed(error.message, isRefuted: false)
      return Certified(outcomes: properties.map { _ in outcome })
    }
    let refuted = properties.indices.filter { certified.outcomes[$0].isRefuted }
    if refuted.isEmpty { return certified }
    let again: Certified
    do {
      again = try certifyAlone(
        refuted.map { properties[$0] }, from: lemmas + definedness(after: lemmas.count), foundAt: [:],
        for: [.theseSizes], isMinimal: isMinimal
      ) { position, outcome in proved(refuted[position], outcome) }
    } catch let error as ElaborationError where error.reason == .cancelled {
      return certified
    }
    var outcomes = certified.outcomes
    for (position, outcome) in zip(refuted, again.outcomes) { outcomes[position] = outcome }
    return Certified(outcomes: outcomes)
  }

  /// That places hold a value, of those that always do as far as elaboration with open sorts knows.
  private func definedness(after count: Int) throws -> [Lemma] {
    let tree = try SyntaxTree.parse(file)
    let model = try tree.check(constants: constants).model
    let system = try ParameterizedElaborator(model).elaborate().system
    var writer = LemmaText(system, of: model, store: system.store, avoiding: tree.identifiers)
    return writer.definedness().enumerated().map { Lemma(name: "lemma \(count + $0 + 1)", text: $1) }
  }

  private func certifyAlone(
    _ properties: [PropertyID], from lemmas: [Lemma], foundAt: [String: Int], for forms: Set<Form>, isMinimal: Bool,
    _ proved: (Int, Outcome) -> Void
  ) throws -> Certified {
    let whole: StrengthenedModel
    do { whole = try StrengthenedModel(file, lemmas: Self.text(of: lemmas), constants: constants) } catch {
      let first = error.diagnostics.first { $0.severity == .error }.map { ": \($0.message)" } ?? ""
      return Certified(
        outcomes: properties.map { _ in .failed("its lemmas cannot be written in Murphi\(first)", isRefuted: false) })
    }
    var outcomes = [Outcome?](repeating: nil, count: properties.count)
    var remark: String?
    if forms.contains(.anySize), !whole.model.scalarsets.isEmpty {
      if let reason = try Self.whyNoAnySize(whole, of: try SyntaxTree.parse(file)) {
        remark = reason
      } else {
        let small = try settings(whole) { min($1, Self.confirmedSize) }
        var confirmation = Confirmation(self, small, lemmas, properties, effort: effort)
        let larger = try trialSizes(whole, foundAt)?.settings
        var trial = Confirmation(self, larger ?? small, lemmas, properties, effort: trialEffort)
        remark = try quantified(whole, properties, lemmas, foundAt, isMinimal) { obligation, rest throws(SMTError) in
          if try confirmation.refutes(obligation, from: rest) { return true }
          return larger == nil ? false : try trial.refutes(obligation, from: rest)
        } found: { position, chosen in
          if let obstacle = try confirmation.obstacle(for: properties[position], from: Set(chosen)) {
            outcomes[position] = .failed(obstacle.words, isRefuted: obstacle.isRefutation)
          } else {
            let outcome = Outcome.proved(chosen.map { lemmas[$0] }, sizes: .any, remark: nil)
            outcomes[position] = outcome
            proved(position, outcome)
          }
        }
      }
    }
    let rest = properties.indices.filter { outcomes[$0] == nil }
    if !rest.isEmpty, forms.contains(.theseSizes) {
      try concrete(whole, rest.map { properties[$0] }, lemmas, isMinimal) { position, selection in
        switch selection {
        case .success(let lemmas):
          let outcome = Outcome.proved(lemmas, sizes: .thisScope, remark: remark)
          outcomes[rest[position]] = outcome
          proved(rest[position], outcome)
        case .failure(let obstacle):
          outcomes[rest[position]] = .failed(obstacle.words, isRefuted: obstacle.isRefutation)
        }
      }
    }
    return Certified(outcomes: outcomes.map { $0 ?? .failed(remark ?? "not decided", isRefuted: false) })
  }

  // At the sizes of the scope.

  private func concrete(
    _ whole: StrengthenedModel, _ properties: [PropertyID], _ lemmas: [Lemma], _ isMinimal: Bool,
    _ found: (Int, Result<[Lemma], Obstacle>) -> Void
  ) throws {
    let system: TransitionSystem
    do { system = try Elaborator(whole.model).elaborate().system } catch {
      let obstacle = Obstacle(unanswered: "\(error.location): \(error.message)")
      return properties.indices.forEach { found($0, .failure(obstacle)) }
    }
    let obligations = ConcreteObligations.obligations(of: system, lemmas: whole.lemmas, properties: properties)
    var selection = LemmaSelection(try ProofSession(obligations, effort: effort, interrupter: interrupter))
    if let obstacle = try selection.close() {
      return properties.indices.forEach { found($0, .failure(Obstacle(obstacle))) }
    }
    for (position, property) in properties.enumerated() {
      switch try selection.select(for: property, isMinimal: isMinimal) {
      case .proof(let chosen): found(position, .success(chosen.map { lemmas[$0] }))
      case .obstacle(let obstacle): found(position, .failure(Obstacle(obstacle)))
      }
    }
  }

  // For every size.

  /// As below, of a model with lemmas.
  static func whyNoAnySize(_ whole: StrengthenedModel, of tree: SyntaxTree) throws -> String? {
    whyNoAnySize(whole.model, try ParameterizedElaborator(whole.model).elaborate(), of: tree)
  }

  /// Why the sizes of a model's scalarsets cannot be left open; nil if they can.
  package static func whyNoAnySize(
    _ model: TypedModel, _ elaboration: ParameterizedElaboration, of tree: SyntaxTree
  ) -> String? {
    if let asymmetry = elaboration.asymmetries.first { return "\(asymmetry.location): \(asymmetry.message)" }
    if elaboration.system.sorts.count < model.scalarsets.count { return "too many scalarsets" }
    let sizes = ScalarsetSizes(of: tree)
    if let used = sizes.named.first(where: \.isUsedElsewhere) {
      return "the file uses \(used.constant) for something else than the size of a scalarset"
    }
    if !sizes.computedFrom.isEmpty {
      return "the size of a scalarset is computed from \(sizes.computedFrom.joined(separator: ", "))"
    }
    return nil
  }

  /// The obligations for every size.
  static func quantified(_ whole: StrengthenedModel, _ properties: [PropertyID]) throws -> Obligations {
    let system = try ParameterizedElaborator(whole.model).elaborate().system
    let first = whole.plain.properties.count
    let names = whole.lemmas.enumerated().map { (property: PropertyID.invariant(first + $0), name: $1) }
    return QuantifiedObligations.obligations(of: system, lemmas: names, properties: properties)
  }

  /// Hands out each property's lemmas. Returns: what stands in the way of the first that has none.
  private func quantified(
    _ whole: StrengthenedModel, _ properties: [PropertyID], _ lemmas: [Lemma], _ foundAt: [String: Int],
    _ isMinimal: Bool, refuter: LemmaSelection.Refuter, found: (Int, [Int]) throws -> Void
  ) throws -> String? {
    let obligations = try Self.quantified(whole, properties)
    let effort = effort == 0 ? Self.anySizeEffort : min(effort, Self.anySizeEffort)
    var selection = LemmaSelection(try ProofSession(obligations, effort: effort, interrupter: interrupter))
    let trial = try trialSizes(whole, foundAt)
    var cause: String?
    var isTried = trial == nil
    // With one element of a scalarset nothing is known of two.
    if let trial, trial.isFromSingle { cause = try restrict(&selection, trial.settings, lemmas, &isTried) }
    while !selection.isClosed {
      if let obstacle = try selection.close(undecided: .dropped(atMost: isTried ? .max : Self.mostUndecided)) {
        return Obstacle(obstacle).words
      }
      if let trial, !selection.isClosed { cause = try restrict(&selection, trial.settings, lemmas, &isTried) }
    }
    var reason: String?
    for (position, property) in properties.enumerated() {
      switch try selection.select(for: property, isMinimal: isMinimal, refuter: refuter) {
      case .proof(let chosen): try found(position, chosen)
      case .obstacle(let obstacle): reason = reason ?? cause ?? Obstacle(selection.cause ?? obstacle).words
      }
    }
    return reason
  }

  /// Where Z3 does not say of more lemmas than this whether they hold for every size, all are tried at a larger one than they were found at: what
  /// speaks of numbers falls there at once, and of its quantified form Z3 may never say anything. (sept-teardown, lemmas of one table:
  /// 4 s instead of 36)
  private static let mostUndecided = 2
  /// That is, with one element more of each scalarset that has fewer than this.
  private static let largestTrial = 4
  /// What a question of such a trial may cost: a counterexample is found at once, and nothing else is looked for.
  private static let mostTrialEffort: UInt32 = 200_000
  private var trialEffort: UInt32 { effort == 0 ? Self.mostTrialEffort : min(effort, Self.mostTrialEffort) }

  /// Sizes to try lemmas at; nil where there are as many elements as are tried.
  private func trialSizes(
    _ whole: StrengthenedModel, _ foundAt: [String: Int]
  ) throws -> (settings: [ConstantSetting], isFromSingle: Bool)? {
    var (grows, isFromSingle) = (false, false)
    let settings = try settings(whole) { name, size in
      let found = max(size, foundAt[name] ?? size)
      if found >= Self.largestTrial { return found }
      grows = true
      if found == 1 { isFromSingle = true }
      return found + 1
    }
    return grows ? (settings, isFromSingle) : nil
  }

  /// Leaves a selection the lemmas that are still inductive together at other sizes, as far as that is easily told. Returns: by which obligation the
  /// first of the others fell, in words. What falls there is in no proof for every size.
  private func restrict(
    _ selection: inout LemmaSelection, _ sizes: [ConstantSetting], _ lemmas: [Lemma], _ isTried: inout Bool
  ) throws -> String? {
    isTried = true
    let larger = try StrengthenedModel(file, lemmas: Self.text(of: lemmas), constants: sizes)
    let system: TransitionSystem
    do { system = try Elaborator(larger.model).elaborate().system } catch { return nil }
    let obligations = ConcreteObligations.obligations(of: system, lemmas: larger.lemmas, properties: [])
    var trial = LemmaSelection(try ProofSession(obligations, effort: trialEffort, interrupter: interrupter))
    if try trial.close(undecided: .kept) != nil { return nil }
    selection.restart(among: trial.usable)
    guard let cause = trial.cause else { return nil }
    let open = try openConstants()
    let place = sizes.filter { open.contains($0.name) }.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    return "\(Obstacle(cause).words) at \(place)"
  }

  /// A proof for every size is confirmed with at most this many elements of each scalarset.
  private static let confirmedSize = 3

  /// The constants that are nothing but sizes of scalarsets.
  private func openConstants() throws -> Set<String> {
    ScalarsetSizes(of: try SyntaxTree.parse(file)).constants
  }

  /// The constants with other sizes of scalarsets, wherever they are open; by name and size.
  private func settings(_ whole: StrengthenedModel, resizing other: (String, Int) -> Int) throws -> [ConstantSetting] {
    let open = try openConstants()
    let sizes = whole.plain.constants.compactMap { constant -> ConstantSetting? in
      guard open.contains(constant.name), let size = Int(constant.text) else { return nil }
      return ConstantSetting(name: constant.name, value: "\(other(constant.name, size))")
    }
    return constants.filter { !open.contains($0.name) } + sizes
  }

  /// Why something is not proved, in words.
  struct Obstacle: Error, Hashable, Sendable {
    let words: String
    let isRefutation: Bool

    /// For want of an answer.
    init(unanswered reason: String) { (words, isRefutation) = (reason, false) }

    init(_ obstacle: LemmaSelection.Obstacle) {
      isRefutation = obstacle.stopped == nil
      switch obstacle.stopped {
      case nil: words = "\(obstacle.obligation) does not follow"
      case .effort?: words = "\(obstacle.obligation): the solver's effort ran out"
      case .interrupted?: words = "\(obstacle.obligation): interrupted"
      case .solver(let reason)?: words = "\(obstacle.obligation): \(reason)"
      }
    }
  }
}
