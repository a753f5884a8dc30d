import Logic

/// A lemma: no state of its frame lies in a renaming of its cube.
struct Lemma {
  /// Canonical.
  let cube: Cube
  /// The greatest i such that it holds in F[i]; `Frames.always` if it is inductive with others alone.
  var level: Int
  /// Assumed, it makes the asserted instances count.
  let activation: Term
  /// By sort: elements below this occur.
  let uses: [Int]
  /// Its instances among these first elements of each sort are asserted.
  var covered: [[Int]] = []
  /// Asserted instances.
  var instances: Set<Term> = []
  /// Since when its push is known to fail: the frame's stamp then.
  var failedAt: Int?
  /// Whether a reachable state is known to lie in its cube, so that it cannot last.
  var isRefuted = false
}

/// The trapezoid of lemmas, delta-encoded: F[i] is what the lemmas of level i and more say (Een, Mishchenko, Brayton, 2011).
///
/// Invariants: F[0] is the start; F[i] ⊇ F[i + 1] as sets of lemmas; every state that a run reaches within i transitions is in F[i].
/// No live lemma is subsumed by another of at least its level.
struct Frames {
  /// The level of lemmas that hold in every reachable state.
  static let always = Int.max

  private(set) var lemmas: [Lemma] = []
  /// Whether the lemma at a position has been replaced by a stronger one.
  private(set) var isRetired: [Bool] = []
  /// By level: how often F of that level has been strengthened, as a stamp.
  private var stamps: [Int] = []
  private var clock = 0

  /// The positions of live lemmas of at least a level, in the order of learning.
  func positions(from level: Int) -> [Int] {
    lemmas.indices.filter { !isRetired[$0] && lemmas[$0].level >= level }
  }

  /// The positions of live lemmas of exactly a level.
  func positions(at level: Int) -> [Int] {
    lemmas.indices.filter { !isRetired[$0] && lemmas[$0].level == level }
  }

  /// Changes what is known of a lemma's instances.
  mutating func update(_ position: Int, _ change: (inout Lemma) -> Void) { change(&lemmas[position]) }

  /// Adds a lemma and retires those that it subsumes.
  mutating func add(_ lemma: Lemma, retiring subsumed: [Int]) {
    for position in subsumed { isRetired[position] = true }
    lemmas.append(lemma)
    isRetired.append(false)
    strengthen(upTo: lemma.level)
  }

  /// Raises a lemma's level.
  mutating func raise(_ position: Int, to level: Int) {
    lemmas[position].level = level
    lemmas[position].failedAt = nil
    strengthen(upTo: level)
  }

  /// When F of a level was last strengthened.
  func stamp(of level: Int) -> Int { level < stamps.count ? stamps[level] : 0 }

  private mutating func strengthen(upTo level: Int) {
    clock += 1
    let last = level == Self.always ? stamps.count - 1 : level
    while stamps.count <= last { stamps.append(0) }
    for index in stamps.indices where index <= last { stamps[index] = clock }
  }
}
