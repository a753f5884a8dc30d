/// Names a property of one model, the same for every engine.
package enum PropertyID: Hashable, Sendable {
  /// A top-level `invariant` or `assert`: the position in `TypedModel.properties`.
  case invariant(Int)
  /// An `assert` statement: the position in `TypedModel.assertions`.
  case assertion(Int)
  /// Every run-time error, `error` statements included.
  case runTimeErrors
  /// No reachable state is stuck.
  case deadlock
  /// A `cover`, at top level or as a statement: the position in `TypedModel.covers`.
  case cover(Int)
}
