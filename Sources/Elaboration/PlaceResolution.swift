import Diagnostics
import Logic
import Murphi

/// Designators: which leaves they may mean, and guarded reads and writes of those.
extension SymbolicExecutor {
  /// Evaluates and checks the indices, left to right.
  mutating func resolve(_ place: Place) throws(ElaborationError) -> ResolvedPlace {
    var resolved = root(of: place)
    for step in place.path {
      switch (step, resolved.type) {
      case (.field(let position), .record(let fields)):
        let offset = Layout.offset(ofField: position, in: fields)
        let candidates = resolved.candidates.map {
          ResolvedPlace.Candidate(condition: $0.condition, base: $0.base + offset)
        }
        resolved = ResolvedPlace(candidates: candidates, type: fields[position].type)
      case (.element(let index), .array(let indexType, let element)):
        resolved = try self.element(of: resolved, at: index, indexType: indexType, element: element)
      default:
        preconditionFailure("a designator's step does not fit its type")
      }
    }
    return resolved
  }

  /// Where a designator starts.
  private mutating func root(of place: Place) -> ResolvedPlace {
    switch place.root {
    case .state(let variable):
      let base = model.variables[..<variable].reduce(0) { $0 + Layout.size(of: $1.type) }
      return single(base, model.variables[variable].type)
    case .local(let local):
      switch frame.bindings[local] {
      case .slots(let base): return single(base, frame.locals[local].type)
      case .place(let place): return place
      case .unbound: preconditionFailure("a reference is used before it is bound")
      }
    }
  }

  /// A place that is certain.
  private mutating func single(_ base: Int, _ type: Type) -> ResolvedPlace {
    ResolvedPlace(candidates: [ResolvedPlace.Candidate(condition: store.boolean(true), base: base)], type: type)
  }

  /// The element at an index.
  private mutating func element(
    of array: ResolvedPlace, at index: Expression, indexType: Type, element: Type
  ) throws(ElaborationError) -> ResolvedPlace {
    let payload = try evaluateSimple(index)
    let values = Layout.rawValues(of: indexType)
    var possible = values
    if case .number(let number) = payload {
      let inside = store.isInside(number, values)
      fail(where: store.not(inside), FailureText.index(index, outside: indexType, in: model.file), at: index.range)
      possible =
        values.overlaps(number.interval) ? values.clamped(to: number.interval) : values.lowerBound...values.lowerBound
    }
    let size = Layout.size(of: element)
    var candidates: [ResolvedPlace.Candidate] = []
    for raw in possible {
      let chosen = store.isEqual(payload, to: raw)
      for candidate in array.candidates {
        try step(at: index.range)
        let condition = store.and(candidate.condition, chosen)
        if store.truth(condition) == false { continue }
        let base = candidate.base + (raw - values.lowerBound) * size
        candidates.append(ResolvedPlace.Candidate(condition: condition, base: base))
      }
    }
    if candidates.isEmpty { candidates = [array.candidates[0]] }
    return ResolvedPlace(candidates: candidates, type: element)
  }

  /// The leaves at a place, as they are.
  mutating func load(_ place: ResolvedPlace) -> [Scalar] {
    let size = Layout.size(of: place.type)
    let last = place.candidates[place.candidates.count - 1]
    var leaves = Array(state.memory[last.base..<last.base + size])
    for candidate in place.candidates.dropLast().reversed() {
      for offset in 0..<size {
        leaves[offset] = store.choose(candidate.condition, state.memory[candidate.base + offset], leaves[offset])
      }
    }
    return leaves
  }

  /// Puts leaves into a place; candidates that are not meant keep theirs.
  mutating func save(_ leaves: [Scalar], to place: ResolvedPlace) {
    for candidate in place.candidates {
      for (offset, leaf) in leaves.enumerated() {
        let position = candidate.base + offset
        let isCertain = place.candidates.count == 1
        state.memory[position] =
          isCertain ? leaf : store.choose(candidate.condition, leaf, state.memory[position])
      }
    }
  }

  /// A value that is to lie in a simple type: fails where it does not, and is known to lie there afterwards.
  mutating func check(_ payload: Payload, for type: Type, _ message: String, at range: SourceRange) -> Payload {
    guard case .number(let number) = payload, let values = type.rawValues else { return payload }
    fail(where: store.not(store.isInside(number, values)), message, at: range)
    let narrowed =
      values.overlaps(number.interval) ? values.clamped(to: number.interval) : values.lowerBound...values.lowerBound
    return .number(store.number(number, as: narrowed))
  }
}
