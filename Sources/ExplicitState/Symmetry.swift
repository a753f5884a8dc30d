package import Execution
import Murphi

/// Canonical forms under the permutations of scalarsets (Ip and Dill, "Better verification through symmetry", FMSD 1996).
///
/// Two states that a renaming of scalarset values turns into one another have the same future, if the model treats the values
/// alike; a search then needs one of each orbit. Whether the model does is nothing that this code can see: whoever makes a
/// `Symmetry` says for which scalarsets it holds. The canonical form is exact (equal for two states exactly if one is a renaming of
/// the other), so counts are counts of orbits; rumur's default is a heuristic that may keep several states of an orbit.
///
/// As McKay's "Practical graph isomorphism" (1981) does for graphs:
/// - *refine*: every value gets a colour, a hash of all that a state says about it, the colours of the values that it meets
///   included; colours are independent of the values' names, and are refined until no two values more are told apart;
/// - *individualize*: while some values of one colour remain that may not simply change places, each in turn is marked;
/// - the values, sorted by colour, are renamed to 0, 1, …; of all renamings found that way the least state is the canonical one.
///
/// *Required*: values are told apart by colours alone, never by names; then the renamings found for two states of an orbit lead
/// to the same states. *Heuristic*: of values whose exchange leaves the state as it is, one is marked for all. Two colours that are
/// equal by chance cost time and nothing else.
package final class Symmetry {
  /// Where a leaf lies among the symmetric values.
  private struct Place {
    /// The leaf that it is with all symmetric indices at 0.
    let shape: Int
    /// Its symmetric indices: the elements, and how far apart the leaves of neighbouring values are.
    let indices: [(element: Int, stride: Int)]
    /// The first element of the scalarset that it holds a value of; −1 if it holds none.
    let first: Int
  }

  private let leaves: [StateLeaf]
  private let places: [Place]
  /// The elements of each scalarset: its values, numbered across scalarsets.
  private let sorts: [Range<Int>]
  /// The sort of each element.
  private let sortOf: [Int]
  /// The stored bits of the state at hand, by leaf.
  private var bits: [UInt64]
  /// The least renaming so far, and one to compare with it.
  private var best: [UInt64]
  private var candidate: [UInt64]
  private var hasBest = false

  /// Of the scalarsets with these declarations. Requires: the model treats the values of each alike.
  package init(_ program: Program, scalarsets: Set<Int>) {
    leaves = program.leaves
    var firsts: [Int: Int] = [:]
    var sorts: [Range<Int>] = []
    for scalarset in program.model.scalarsets where scalarsets.contains(scalarset.declaration) {
      let first = sorts.last?.upperBound ?? 0
      firsts[scalarset.declaration] = first
      sorts.append(first..<(first + scalarset.size))
    }
    self.sorts = sorts
    sortOf = sorts.enumerated().flatMap { sort, range in range.map { _ in sort } }
    places = leaves.enumerated().map { number, leaf in
      var shape = number
      var indices: [(element: Int, stride: Int)] = []
      for index in leaf.indices {
        guard let scalarset = index.scalarset, let first = firsts[scalarset] else { continue }
        shape -= index.ordinal * index.stride
        indices.append((first + index.ordinal, index.stride))
      }
      let first = leaf.type.scalarsetDeclaration.flatMap { firsts[$0] } ?? -1
      return Place(shape: shape, indices: indices, first: first)
    }
    bits = leaves.map { _ in 0 }
    best = bits
    candidate = bits
  }

  /// The canonical form of a state.
  package func canonical(_ state: State) -> State {
    var state = state
    state.words.withUnsafeMutableBufferPointer { words in
      if let first = words.baseAddress { canonicalize(first) }
    }
    return state
  }

  /// Replaces a state by its canonical form.
  func canonicalize(_ words: UnsafeMutablePointer<UInt64>) {
    for number in leaves.indices { bits[number] = leaves[number].read(words) }
    hasBest = false
    search(sortOf.map { Self.mix(UInt64($0)) })
    for number in leaves.indices where best[number] != bits[number] { leaves[number].write(best[number], to: words) }
  }

  // Individualizing.

  /// Tries every renaming that these colours leave.
  private func search(_ colours: [UInt64]) {
    let colours = refined(colours)
    let order = sorts.flatMap { sort in sort.sorted { (colours[$0], $0) < (colours[$1], $1) } }
    guard let cell = openCell(order, colours) else { return propose(order) }
    for element in cell {
      var marked = colours
      marked[element] = Self.mix(marked[element] ^ 0x5851_F42D_4C95_7F2D)
      search(marked)
    }
  }

  /// Of the first values of one colour that may not all change places: one of each kind that may. Nil if there are none.
  private func openCell(_ order: [Int], _ colours: [UInt64]) -> [Int]? {
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, sortOf[order[end]] == sortOf[order[start]], colours[order[end]] == colours[order[start]]
      {
        end += 1
      }
      if end - start > 1 {
        var kinds: [Int] = []
        for element in order[start..<end] where !kinds.contains(where: { isExchangeable(element, $0) }) {
          kinds.append(element)
        }
        if kinds.count > 1 { return kinds }
      }
      start = end
    }
    return nil
  }

  /// Whether the state stays as it is when two values change places.
  private func isExchangeable(_ one: Int, _ other: Int) -> Bool {
    func renamed(_ element: Int) -> Int { element == one ? other : element == other ? one : element }
    for (number, place) in places.enumerated() {
      var target = number
      for index in place.indices { target += index.stride * (renamed(index.element) - index.element) }
      if bits[target] != content(place, bits[number], renamed) { return false }
    }
    return true
  }

  /// Renames the values in this order to 0, 1, … of their scalarset, and keeps what comes out if it is the least so far.
  private func propose(_ order: [Int]) {
    var names = order
    for (position, element) in order.enumerated() { names[element] = position }
    for (number, place) in places.enumerated() {
      var target = place.shape
      for index in place.indices {
        target += index.stride * (names[index.element] - sorts[sortOf[index.element]].lowerBound)
      }
      candidate[target] = content(place, bits[number]) { names[$0] }
    }
    if !hasBest || candidate.lexicographicallyPrecedes(best) { swap(&best, &candidate) }
    hasBest = true
  }

  /// What a leaf holds after a renaming.
  @inline(__always)
  private func content(_ place: Place, _ bits: UInt64, _ renamed: (Int) -> Int) -> UInt64 {
    if place.first < 0 || bits == 0 { return bits }
    return UInt64(renamed(place.first + Int(bits) - 1) - place.first + 1)
  }

  // Refining.

  /// The colours refined until no two values more are told apart.
  private func refined(_ colours: [UInt64]) -> [UInt64] {
    var colours = colours
    var count = Set(colours).count
    while count < colours.count {
      let finer = refinedOnce(colours)
      let finerCount = Set(finer).count
      // Finer colours tell apart whatever the coarser ones did, so an equal count is the same partition.
      colours = finer
      if finerCount == count { break }
      count = finerCount
    }
    return colours
  }

  /// Adds to each colour what the leaves say about its value.
  private func refinedOnce(_ colours: [UInt64]) -> [UInt64] {
    var sums = [UInt64](repeating: 0, count: colours.count)
    for (number, place) in places.enumerated() {
      let bits = bits[number]
      let holds = place.first >= 0 && bits != 0 ? place.first + Int(bits) - 1 : -1
      if place.indices.isEmpty, holds < 0 { continue }
      var leaf = Self.mix(UInt64(place.shape) &+ (holds < 0 ? Self.mix(bits) : colours[holds]))
      for index in place.indices { leaf = Self.mix(leaf ^ colours[index.element]) }
      for (role, index) in place.indices.enumerated() { sums[index.element] &+= Self.mix(leaf &+ UInt64(role)) }
      if holds >= 0 { sums[holds] &+= Self.mix(leaf ^ .max) }
    }
    return zip(colours, sums).map { Self.mix($0 ^ Self.mix($1)) }
  }

  /// SplitMix64's finalizer.
  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed &>> 31)
  }
}
