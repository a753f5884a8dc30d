import Execution
import ExplicitState
import Murphi
import TransitionSystems

/// A shortest trace of something that a variant says is violated.
struct Counterexample {
  let model: ShippedModel
  let variant: VariantDeclaration
  let program: Program
  let name: String
  let property: PropertyID
  /// What the variant says the last step ends in.
  let event: String?
  /// Nil if the search found none.
  let trace: Trace?

  /// One search for everything that a variant says is violated; it stops when all is decided.
  static func all(of variant: VariantDeclaration, in shipped: ShippedModel) throws -> [Counterexample] {
    let program = try Program(model: shipped.model(variant))
    let names = program.model.properties.map(\.name)
    var found: [(name: String, property: PropertyID, event: String?)] = []
    for case .violates(let name, let event) in variant.outcomes {
      guard let position = names.firstIndex(of: name) else { continue }
      found.append((name, .invariant(position), event))
    }
    let options = SearchOptions(stop: .whenDecided(found.map(\.property)), deadlock: .off)
    let report = BreadthFirstSearch(program, options: options).run()
    return found.map { item in
      Counterexample(
        model: shipped, variant: variant, program: program, name: item.name, property: item.property,
        event: item.event, trace: report.trace(of: item.property))
    }
  }

  /// The policy that the command would replay it with.
  var policy: String { variant.policy ?? variant.name }

  /// Every event that the variant names.
  var events: Set<String> {
    var events: Set<String> = []
    for outcome in variant.outcomes {
      switch outcome {
      case .violates(_, let event?), .error(_, let event?): events.insert(event)
      case .violates(_, nil), .error(_, nil), .holds, .deadlock, .unreachable: continue
      }
    }
    return events
  }
}
