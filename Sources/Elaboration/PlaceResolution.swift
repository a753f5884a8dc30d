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
        let offset = layout.offset(ofField: position, in: fields)
        let candidates = resolved.candidates.map {
          ResolvedPlace.Candidate(condition: $0.condition, base: $0.base + offset, arguments: $0.arguments)
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
      let base = model.variables[..<variable].reduce(0) { $0 + layout.size(of: $1.type) }
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
    if case .element(let term) = payload {
      let candidates = array.candidates.map {
        ResolvedPlace.Candidate(condition: $0.condition, base: $0.base, arguments: $0.arguments + [term])
      }
      return ResolvedPlace(candidates: candidates, type: element)
    }
    let values = Layout.rawValues(of: indexType)
    var possible = values
    if case .number(let number) = payload {
      let inside = store.isInside(number, values)
      fail(where: store.not(inside), FailureText.index(index, outside: indexType, in: model.file), at: index.range)
      possible =
        values.overlaps(number.interval) ? values.clamped(to: number.interval) : values.lowerBound...values.lowerBound
    }
    let size = layout.size(of: element)
    var candidates: [ResolvedPlace.Candidate] = []
    for raw in possible {
      let chosen = store.isEqual(payload, to: raw)
      for candidate in array.candidates {
        try step(at: index.range)
        let condition = store.and(candidate.condition, chosen)
        if store.truth(condition) == false { continue }
        let base = candidate.base + (raw - values.lowerBound) * size
        candidates.append(
          ResolvedPlace.Candidate(condition: condition, base: base, arguments: candidate.arguments))
      }
    }
    if candidates.isEmpty { candidates = [array.candidates[0]] }
    return ResolvedPlace(candidates: candidates, type: element)
  }

  /// The leaves at a place, as they are.
  mutating func load(_ place: ResolvedPlace) -> [Scalar] {
    let shapes = layout.leaves(of: place.type)
    noteReads(of: place, leaves: shapes.count)
    let last = place.candidates[place.candidates.count - 1]
    var leaves = load(last, shapes)
    for candidate in place.candidates.dropLast().reversed() {
      let others = load(candidate, shapes)
      leaves = zip(others, leaves).map { store.choose(candidate.condition, $0, $1) }
    }
    return leaves
  }

  /// The leaves of a candidate: the arguments that it has are put in, those that are left are counted from 0 again.
  private mutating func load(_ candidate: ResolvedPlace.Candidate, _ shapes: [Layout.Shape]) -> [Scalar] {
    let leaves = Array(state.memory[candidate.base..<candidate.base + shapes.count])
    if candidate.arguments.isEmpty { return leaves }
    return zip(leaves, shapes).map { leaf, shape in
      var replacements = Dictionary(uniqueKeysWithValues: firstArguments(candidate.arguments))
      for (position, sort) in shape.arguments.enumerated() {
        let outer = store.argument(position + candidate.arguments.count, sort: sort)
        replacements[outer] = store.argument(position, sort: sort)
      }
      var substitution = Substitution(replacements)
      return store.replace(in: leaf, by: &substitution)
    }
  }

  /// The variables of a leaf's first arguments, each with the term in its place.
  private mutating func firstArguments(_ arguments: [Term]) -> [(Term, Term)] {
    arguments.enumerated().map { position, term in
      guard case .uninterpreted(let sort) = store.sort(of: term) else { preconditionFailure("an index is no element") }
      return (store.argument(position, sort: sort), term)
    }
  }

  /// Puts leaves into a place; candidates that are not meant keep theirs.
  mutating func save(_ leaves: [Scalar], to place: ResolvedPlace) {
    let shapes = layout.leaves(of: place.type)
    for candidate in place.candidates {
      for (offset, leaf) in leaves.enumerated() {
        let position = candidate.base + offset
        let value = shifted(leaf, shapes[offset], by: candidate.arguments.count)
        noteWrite(of: value, to: candidate, offset: offset)
        let isCertain = place.candidates.count == 1 && candidate.arguments.isEmpty
        state.memory[position] =
          isCertain ? value : store.choose(isMeant(candidate), value, state.memory[position])
      }
    }
  }

  /// A place's leaf with its arguments counted from a position, as the memory counts them.
  private mutating func shifted(_ leaf: Scalar, _ shape: Layout.Shape, by count: Int) -> Scalar {
    if count == 0 || shape.arguments.isEmpty { return leaf }
    var replacements: [Term: Term] = [:]
    for (position, sort) in shape.arguments.enumerated() {
      replacements[store.argument(position, sort: sort)] = store.argument(position + count, sort: sort)
    }
    var substitution = Substitution(replacements)
    return store.replace(in: leaf, by: &substitution)
  }

  /// Where the candidate is the place, for which of the memory's arguments.
  mutating func isMeant(_ candidate: ResolvedPlace.Candidate) -> Term {
    let matches = firstArguments(candidate.arguments).map { store.equal($0, $1) }
    return store.and([candidate.condition] + matches)
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
