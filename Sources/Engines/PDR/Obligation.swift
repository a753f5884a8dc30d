/// A cube that must, or may, be shown unreachable within a number of transitions, for it leads to what should not be reached.
struct Obligation {
  /// What the cube leads to.
  enum Purpose: Hashable {
    /// A violation, by the position of its target: the cube must be blocked.
    case target(Int)
    /// The cube of a lemma, by its position: if it can be blocked, the lemma holds for one transition more.
    case lemma(Int)
  }
  /// Canonical.
  let cube: Cube
  /// What the cube leads into, and how; nil for the violation, or the lemma's cube, itself.
  let next: Step?
  let purpose: Purpose

  /// A step from an obligation's cube.
  struct Step {
    /// The obligation that it leads into.
    let obligation: Int
    /// With the elements as the next cube names them.
    let move: Move
    /// From the names of the next cube to those of this one.
    let renaming: Renaming
  }
}

/// The obligations that are open, by frame: the lowest frame first, there the youngest.
///
/// *Heuristic* within a frame; *required* is only that a counterexample is noticed when frame 0 is reached.
struct ObligationQueue {
  private var byLevel: [[Int]] = []

  /// The open obligation of the lowest frame; nil if there is none.
  mutating func popLowest() -> (obligation: Int, level: Int)? {
    guard let level = byLevel.firstIndex(where: { !$0.isEmpty }) else { return nil }
    return (byLevel[level].removeLast(), level)
  }

  mutating func push(_ obligation: Int, level: Int) {
    while byLevel.count <= level { byLevel.append([]) }
    byLevel[level].append(obligation)
  }

  mutating func removeAll() { byLevel = [] }
}
