package import Interchange
package import Replay
package import TransitionSystems

/// One line of `kvmcheck prove`: a property (or a question about the model as a whole) in one scope or variant, decided.
package struct ResultRow: Sendable {
  /// What was asked.
  package enum Kind: String, Sendable {
    case invariant
    case assertion
    case runTimeError = "run-time-error"
    case deadlock
    case vacuity
    case cover
    case liveness
  }

  /// The words of the verdicts.
  package enum Word: String, Sendable {
    case proved
    case provedAnySize = "proved-any-size"
    case bounded
    case violated
    case deadlock
    case vacuous
    case unknown
    case limit
    case rejected
    case contradiction
  }

  /// What the verdict rests on.
  package enum EvidenceWord: String, Sendable {
    case certificate
    case search
    case kInduction = "k-induction"
    case trace
  }

  /// What the file says should come out.
  package enum Expected: String, Sendable {
    case holds
    case violates
    case error
    case deadlock
    case unreachable
  }

  /// The model's bare name.
  package var model: String
  /// Its path: a shipped model's from the folder that holds Models/, any other as given.
  package var file: String
  package var scope: String
  package var constants: [NamedText]
  package var variant: String?
  package var property: String
  package var kind: Kind
  package var verdict: Word
  /// The engine whose answer this is.
  package var engine: String?
  package var evidence: EvidenceWord?
  /// Whether the constants of the scope alone make the property true: a variant is where it says something.
  package var isSwitchedOff: Bool
  /// Counts, k or the reason, in words.
  package var detail: String
  /// A trace's transitions, or the k of bounded and k-induction results.
  package var depth: Int?
  /// Wall clock, for this row's question (a search that answers several is counted in each).
  package var seconds: Double
  package var trace: Trace?
  /// Where the trace was written; nil without `--traces`.
  package var traceFile: String?
  /// Where the certificate was written; nil without `--proofs`.
  package var certificate: String?
  package var replay: ReplayReport?
  /// The event that the variant names with `by`.
  package var event: String?
  package var bug: String?
  package var design: String?
  package var expected: Expected?
  package var asExpected: Bool
  /// Rendered, located diagnostics: for `rejected`, and for warnings.
  package var diagnostics: [String]
  /// What other engines said of the same question, in words.
  package var agreement: [String]

  package init(
    model: String, file: String, scope: String, constants: [NamedText], variant: String? = nil, property: String,
    kind: Kind, verdict: Word
  ) {
    self.model = model
    self.file = file
    self.scope = scope
    self.constants = constants
    self.variant = variant
    self.property = property
    self.kind = kind
    self.verdict = verdict
    engine = nil
    evidence = nil
    isSwitchedOff = false
    detail = ""
    depth = nil
    seconds = 0
    trace = nil
    traceFile = nil
    certificate = nil
    replay = nil
    event = nil
    bug = nil
    design = nil
    expected = nil
    asExpected = true
    diagnostics = []
    agreement = []
  }
}

extension ResultRow {
  /// Whether the file says something else, or the engine does: more than a property that is simply not proved, or for which there was no
  /// time.
  var contradictsItsFile: Bool {
    if let replay, case .diverged = replay.result { return true }
    return !asExpected && expected != nil && verdict != .limit
  }

  /// The engine's event in which a reproduced trace ends.
  var engineEvent: String? {
    if let replay, case .reproduced(event: let name) = replay.result { name } else { nil }
  }

  /// Whether an invariant is violated because its own evaluation is a run-time error: not what `violates` promises.
  package var failsToEvaluate: Bool { kind == .invariant && trace?.failure != nil }

  /// The exit code that this row alone would give.
  package var exitCode: Int32 { verdict.exitCode }

  /// The exit code of several rows: the first of 50, 10, 11, 12, 40, 30, 21, 20 that occurs unexpectedly.
  ///
  /// A row that is not as expected although its verdict alone is a success (a variant that should fail and does not, a replay that
  /// diverges) counts as a failed replay (50) or as a violated expectation (10).
  package static func exitCode(of rows: [ResultRow]) -> Int32 {
    let order: [Int32] = [70, 50, 10, 11, 12, 40, 30, 21, 20]
    let unexpected = Set(rows.filter { !$0.asExpected }.map(\.unexpectedCode))
    return order.first(where: unexpected.contains) ?? 0
  }

  /// The code of a row that is not as expected.
  private var unexpectedCode: Int32 {
    if let replay, case .diverged = replay.result { return 50 }
    return exitCode == 0 ? 10 : exitCode
  }
}

extension ResultRow.Word {
  /// The exit code that the verdict alone would give.
  package var exitCode: Int32 {
    switch self {
    case .proved, .provedAnySize: 0
    case .violated: 10
    case .deadlock: 11
    case .vacuous: 12
    case .bounded: 20
    case .unknown: 21
    case .limit: 30
    case .rejected: 40
    case .contradiction: 50
    }
  }
}
