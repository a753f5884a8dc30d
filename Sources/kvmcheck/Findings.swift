import Engines
import ExplicitState
import Murphi
import TransitionSystems

/// What the engines found out about one instance.
struct Findings: Sendable {
  /// By property, in the fixed order of the engines.
  var opinions: [PropertyID: [Opinion]] = [:]
  /// The explicit search, where it was asked; complete or not.
  var search: SearchReport?
  /// Two opinions that exclude each other, or a trace that does not re-execute, by property.
  var contradictions: [PropertyID: Contradiction] = [:]
  /// Where the certificate of a proved property was written.
  var certificates: [PropertyID: String] = [:]
  /// What could not be written, and why.
  var unwritten: [ConsoleError] = []
  /// What kept a proof from holding for every size.
  var remarks: [PropertyID: String] = [:]
  /// Where the lemmas of such a proof fail at larger sizes, in a line each.
  var explanations: [PropertyID: [String]] = [:]

  /// The opinion to report; nil where nobody was asked.
  func answer(_ property: PropertyID) -> Opinion? {
    guard contradictions[property] == nil, let opinions = opinions[property], !opinions.isEmpty else { return nil }
    return Portfolio.preferred(opinions)
  }

  /// Whether some engine has found a run to a violation.
  var hasTrace: Bool {
    opinions.values.joined().contains {
      if case .violated = $0.verdict { true } else { false }
    }
  }

  /// What the other engines said, in words: second opinions that conclude or that cover a depth.
  func seconds(_ property: PropertyID, besides engine: String) -> [String] {
    (opinions[property] ?? []).filter { $0.engine != engine && Self.isTelling($0.verdict) }.map(Portfolio.words)
  }

  private static func isTelling(_ verdict: Verdict) -> Bool {
    switch verdict {
    case .violated, .deadlock, .proved, .bounded, .vacuous: true
    case .unknown, .limit: false
    }
  }

  /// Adds an opinion and compares it with those before.
  mutating func add(_ opinion: Opinion, on property: PropertyID, called subject: String) {
    opinions[property, default: []].append(opinion)
    do {
      _ = try Portfolio.conclude(subject, opinions[property] ?? [])
    } catch {
      contradictions[property] = error
    }
  }
}

/// Every property of a model with its name and kind, in the order of the rows.
struct Question: Sendable, Hashable {
  let property: PropertyID
  let name: String

  /// Whether terms can decide it: deadlock and covers are the explicit search's.
  var isSymbolic: Bool {
    switch property {
    case .invariant, .assertion, .runTimeErrors: true
    case .deadlock, .cover: false
    }
  }

  /// All that can be asked about a model: invariants and assertions in file order, covers, run-time errors, deadlock.
  static func all(of model: TypedModel) -> [Question] {
    let invariants = model.properties.enumerated().map { index, property in
      Question(property: .invariant(index), name: property.name ?? "invariant \(property.number)")
    }
    let assertions = model.assertions.enumerated().map { index, site in
      Question(property: .assertion(index), name: site.name ?? "assertion at \(model.place(site.range))")
    }
    let covers = model.covers.enumerated().map { index, cover in
      Question(property: .cover(index), name: cover.name ?? "cover at \(model.place(cover.range))")
    }
    let general = [
      Question(property: .runTimeErrors, name: TypedModel.noRunTimeError),
      Question(property: .deadlock, name: TypedModel.noDeadlock),
    ]
    return invariants + assertions + covers + general
  }
}
