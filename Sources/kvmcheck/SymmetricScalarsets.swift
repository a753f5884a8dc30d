import Elaboration
import Murphi
import TransitionSystems

/// The scalarsets of a model whose values it treats alike, by the static check on which certificates for every size rest.
struct SymmetricScalarsets: Sendable {
  /// By `ScalarsetType.declaration`.
  var declarations: Set<Int> = []
  var names: [String] = []
  /// Why the others are not among them, in a line each.
  var remarks: [String] = []

  init() {}

  init(of model: TypedModel) {
    do throws(ElaborationError) {
      let elaboration = try ParameterizedElaborator(model).elaborate()
      declarations = Set(elaboration.system.sorts.map(\.declaration))
      names = elaboration.system.sorts.map(\.name)
      remarks = elaboration.asymmetries.map { "no symmetry: \($0.location): \($0.message)" }
    } catch {
      remarks = ["no symmetry is used: \(error.location): \(error.message)"]
    }
    if names.isEmpty, remarks.isEmpty { remarks = ["no symmetry is used: the model has no scalarset"] }
  }
}
