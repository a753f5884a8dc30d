import Engines
import ExplicitState
import MMUEngine
import Murphi
import Replay
import Report
import TransitionSystems

extension RowBuilder {
  /// Puts an engine's answer into a row.
  func fill(_ row: inout ResultRow, from answer: Opinion, property: PropertyID) {
    row.engine = answer.engine
    row.seconds = answer.seconds
    row.agreement = findings.seconds(property, besides: answer.engine)
    switch answer.verdict {
    case .violated(let trace, let shortest):
      row.verdict = .violated
      row.evidence = .trace
      row.depth = trace.depth
      let end = trace.failure != nil && row.kind == .invariant ? "cannot be evaluated, " : ""
      row.detail = end + "depth \(trace.depth)" + (shortest ? ", shortest" : "")
      row.trace = trace
      row.replay = replay(trace, event: row.event)
    case .deadlock(let trace):
      row.verdict = .deadlock
      row.evidence = .trace
      row.depth = trace.depth
      row.detail = "depth \(trace.depth), shortest"
      row.trace = trace
    case .vacuous(let reason):
      row.verdict = .vacuous
      row.detail = Self.words(reason)
    case .proved(let evidence, let sizes):
      row.verdict = sizes == .any ? .provedAnySize : .proved
      fill(&row, from: evidence)
      row.isSwitchedOff = isTrueByConstants(property)
      if row.isSwitchedOff { row.detail += whereItIsTested(row.property) }
      row.certificate = findings.certificates[property]
      if sizes == .thisScope, let remark = findings.remarks[property] {
        row.agreement.append("not for every size: \(remark)")
        row.agreement += findings.explanations[property] ?? []
      }
    case .bounded(let depth):
      row.verdict = .bounded
      row.depth = depth
      row.detail = "no violation up to depth \(depth)"
    case .unknown(let reason):
      row.verdict = .unknown
      row.detail = reason
    case .limit(let reason, let reached):
      row.verdict = .limit
      row.detail = (reason == .interrupted ? stopWords : Self.words(reason)) + " at depth \(max(0, reached.depth))"
    }
  }

  private func fill(_ row: inout ResultRow, from evidence: Evidence) {
    switch evidence {
    case .search(let states, _, let diameter):
      row.evidence = .search
      row.detail = "\(states.grouped) states, diameter \(diameter)"
    case .kInduction(let k):
      row.evidence = .kInduction
      row.depth = k
      row.detail = "k = \(k)"
    case .certificate(let lemmas):
      row.evidence = .certificate
      row.detail = lemmas == 1 ? "1 lemma" : "\(lemmas) lemmas"
    }
  }

  /// Whether the constants of this scope or variant make a property trivially true.
  private func isTrueByConstants(_ property: PropertyID) -> Bool {
    guard case .invariant(let index) = property, case .constant(1) = instance.model.properties[index].expression.kind
    else { return false }
    return true
  }

  /// A property that is trivially true says where it is really put to the test.
  private func whereItIsTested(_ name: String) -> String {
    guard instance.variant == nil else { return "; true by the constants" }
    let variants = instance.model.directives.variants.filter { variant in
      variant.outcomes.contains { outcome in
        switch outcome {
        case .violates(name, _), .holds(name): true
        case .violates, .holds, .error, .deadlock, .unreachable: false
        }
      }
    }
    guard let first = variants.first else { return "; true by the constants" }
    return "; see variant \(first.name)"
  }

  /// Whether a row came out as the file says, or, where it says nothing, as anybody would wish.
  func judge(_ row: inout ResultRow) {
    let eventAgrees: Bool
    switch (row.event, row.replay?.result) {
    case (nil, nil), (nil, .reproduced), (nil, .notReplayable): eventAgrees = true
    case (nil, .diverged): eventAgrees = false
    case (_?, .reproduced): eventAgrees = true
    case (_?, nil), (_?, .diverged), (_?, .notReplayable): eventAgrees = false
    }
    switch row.expected {
    case .violates: row.asExpected = row.verdict == .violated && eventAgrees && !row.failsToEvaluate
    case .error: row.asExpected = row.verdict == .violated && eventAgrees
    case .deadlock: row.asExpected = row.verdict == .deadlock
    case .holds, .unreachable: row.asExpected = row.verdict == .proved || row.verdict == .provedAnySize
    case nil: row.asExpected = row.exitCode == 0
    }
  }

  /// Runs a violation on the concrete machine, if the model says how.
  private func replay(_ trace: Trace, event: String?) -> ReplayReport? {
    guard let replayer else { return nil }
    let policy = instance.variant.map { $0.policy ?? $0.name } ?? "right"
    return replayer.replay(trace, policy: policy, event: event, tolerating: instance.variant?.events ?? [])
  }

  /// The row of `error TEXT`: a run-time error with that text is expected.
  func errorRow(_ text: String, event: String?) -> ResultRow {
    let candidates: [PropertyID] = [.runTimeErrors] + instance.model.assertions.indices.map(PropertyID.assertion)
    let properties = candidates.filter { property in
      guard case .violated(let trace, _)? = findings.answer(property)?.verdict else { return false }
      return trace.failure?.message.contains(text) == true
    }
    var row = empty("error \"\(text)\"", kind: .runTimeError)
    row.expected = .error
    row.event = event
    guard let property = properties.first ?? candidates.first(where: { findings.answer($0) != nil }),
      let answer = findings.answer(property)
    else {
      row.detail = "not decided within the budget"
      row.asExpected = false
      return row
    }
    fill(&row, from: answer, property: property)
    judge(&row)
    if properties.isEmpty { row.asExpected = false }
    return row
  }

  /// The row of `unreachable NAME`: the rule never fires, or the cover is never hit.
  func unreachableRow(_ name: String) -> ResultRow {
    var row = empty("unreachable \"\(name)\"", kind: .cover)
    row.expected = .unreachable
    row.engine = "explicit"
    guard let search = findings.search, search.isExhaustive else {
      row.detail = "not decided: the search did not finish"
      row.asExpected = false
      return row
    }
    let fired = search.rules.filter { $0.name == name }.map(\.fired).reduce(0, +)
    let hit = search.covers.filter { $0.name == name }.map(\.hits).reduce(0, +)
    row.evidence = .search
    row.verdict = fired + hit == 0 ? .proved : .violated
    row.detail = fired + hit == 0 ? "\(search.states.grouped) states" : "reached \((fired + hit).grouped) times"
    judge(&row)
    return row
  }

  static func words(_ reason: VacuityReason) -> String {
    switch reason {
    case .noStartState: "no start state"
    case .ruleNeverFires(let name): "rule \"\(name)\" never fires"
    case .implicationNeverTriggered(let property): "an implication of \"\(property)\" is never triggered"
    case .coverNotReached(let name): "\"\(name)\" is not reached"
    }
  }

  static func words(_ reason: LimitReason) -> String {
    switch reason {
    case .states(let count): "state limit \(count.grouped) reached"
    case .memory: "memory limit reached"
    case .time: "time limit reached"
    case .solverEffort: "solver effort used up"
    case .enumeration(let what): "too wide to enumerate: \(what)"
    case .interrupted: "interrupted"
    }
  }
}

extension VariantDeclaration {
  /// Every event that the variant names with `by`.
  var events: Set<String> {
    Set(
      outcomes.compactMap { outcome in
        switch outcome {
        case .violates(_, let event), .error(_, let event): event
        case .holds, .deadlock, .unreachable: nil
        }
      })
  }
}
