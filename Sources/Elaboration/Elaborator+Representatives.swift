import Murphi
import TransitionSystems

extension Elaborator {
  /// The system with representatives for what is violated, where the model cannot tell the elements of a scalarset apart.
  ///
  /// That it cannot is found out by the rules of `OpenLoops`, as for the engines that work on open scalarsets; a model that
  /// these refuse as a whole gets no representatives. Throws: where a construct has no finite form within the limits.
  package func elaborateWithRepresentatives() throws(ElaborationError) -> Elaboration {
    var choices = options
    if !model.scalarsets.isEmpty {
      do {
        let open = try ParameterizedElaborator(model, options: options).elaborate().system.sorts
        choices.symmetric = Set(open.map(\.declaration))
      } catch {
        if error.reason == .cancelled { throw error }
      }
    }
    return try Elaborator(model, options: choices).elaborate()
  }
}
