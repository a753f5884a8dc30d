package import Diagnostics
import MMUEngine
package import Murphi

/// Whether the engine knows what the variants of a file name: asked when the file is loaded, because a misspelt event would
/// otherwise show only when the first trace is replayed.
///
/// What rules and the head name (operations, their arguments and statuses, observables, bound objects) is looked up as well, but
/// only warned of: a rule that no trace fires may be ahead of the engine, and a trace that meets such a name says
/// `not-replayable`.
package enum EngineNames {
  /// An error per policy and event that the engine does not know; also for a variant that names no policy, is called like none,
  /// and has a trace to be put to the engine.
  package static func diagnostics(of tree: SyntaxTree) -> [Diagnostic] {
    let events = events
    return tree.variants.flatMap { variant in
      let isReplayed = variant.hasTrace && tree.speaksOfTheEngine || !variant.engineNames.isEmpty
      let lacksPolicy = isReplayed && variant.policy == nil && KernelPolicy(named: variant.name) == nil
      return variant.engineNames.compactMap { diagnostic($0, events) } + (lacksPolicy ? [withoutPolicy(variant)] : [])
    }
  }

  /// Everything that a step can end in.
  private static var events: Set<String> {
    Set(Machine.operations.flatMap(\.statuses)).union(EngineCheck.all.map(\.name))
  }

  /// What is wrong with a name.
  private static func diagnostic(_ name: EngineName, _ events: Set<String>) -> Diagnostic? {
    switch name.kind {
    case .policy:
      if KernelPolicy(named: name.text) != nil { return nil }
      return Diagnostic(
        "E0809", .error, "the engine has no policy `\(name.text)`; `kvmcheck engine` lists them", at: name.range)
    case .event:
      if events.contains(name.text) { return nil }
      return Diagnostic(
        "E0810", .error, "nothing on the engine ends in `\(name.text)`; `kvmcheck engine` lists statuses and checks",
        at: name.range)
    }
  }

  /// A variant whose traces are to run under a policy of its own name, which does not exist.
  private static func withoutPolicy(_ variant: VariantDeclaration) -> Diagnostic {
    Diagnostic(
      "E0809", .error, "the engine has no policy `\(variant.name)`, and the variant names none (`policy right`, say)",
      at: variant.range)
  }
}

extension VariantDeclaration {
  /// Whether it expects a violation.
  fileprivate var hasTrace: Bool {
    outcomes.contains {
      switch $0 {
      case .violates, .error: true
      case .holds, .deadlock, .unreachable: false
      }
    }
  }
}
