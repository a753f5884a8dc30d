/// Carrying lemmas forward.
extension PDRSearch {
  /// Raises every lemma that its frame keeps. Returns: whether two frames have become equal, so that the lemmas of the next
  /// frame are an inductive invariant; those are then the lemmas of levels above the last frame.
  mutating func propagate() throws -> Bool {
    for level in 1...last {
      for position in queries.frames.positions(at: level) {
        try limit()
        let lemma = queries.frames.lemmas[position]
        let stamp = queries.frames.stamp(of: level)
        if lemma.failedAt == stamp { continue }
        // F[i] ∧ T ⊨ lemma′
        switch try queries.isInductive(lemma.cube, relativeTo: level) {
        case .stopped(let reason): throw Stop.solver(reason)
        case .predecessor: queries.frames.update(position) { $0.failedAt = stamp }
        case .inductive: queries.frames.raise(position, to: level + 1)
        }
      }
      if queries.frames.positions(at: level).isEmpty {
        for position in queries.frames.positions(from: level + 1) {
          queries.frames.raise(position, to: Frames.always)
        }
        return true
      }
    }
    return false
  }
}
